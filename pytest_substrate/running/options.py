"""The options of a run, each with its ini twin, and where each value came from.

First match: the command line (PYTEST_ADDOPTS and the ini option `addopts` included, as pytest can't tell them apart),
the environment, the ini file, the default. `--substrate-adhoc` and `--substrate-fault` have no environment variable:
what weakens or breaks a run should be seen in its command or in its repository.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import TargetKind, Vantage

if TYPE_CHECKING:
    import pytest


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spec:
    name: str
    flag: str
    help: str
    default: str = ""
    environment: str | None = None
    metavar: str = "VALUE"


_TEXTS: Final = (
    _Spec(
        name="declaration",
        flag="--substrate",
        help="the declaration: what must hold (default: substrate.toml in the rootdir)",
        default="substrate.toml",
        environment="SUBSTRATE_DECLARATION",
        metavar="FILE",
    ),
    _Spec(
        name="target",
        flag="--substrate-target",
        help="where it is checked: aws, localstack or embedded (default: aws)",
        default=TargetKind.AWS.value,
        environment="SUBSTRATE_TARGET",
        metavar="{aws,localstack,embedded}",
    ),
    _Spec(
        name="vantage",
        flag="--substrate-vantage",
        help="from where the runtime is seen: task, exec or here (default: task)",
        default=Vantage.TASK.value,
        environment="SUBSTRATE_VANTAGE",
        metavar="{task,exec,here}",
    ),
    _Spec(
        name="require",
        flag="--substrate-require",
        help="planes that this run must prove, whatever else is selected",
        environment="SUBSTRATE_REQUIRE",
        metavar="PLANE[,PLANE]",
    ),
    _Spec(
        name="evidence",
        flag="--substrate-evidence",
        help="where the evidence is written (default: reports/evidence.json)",
        default="reports/evidence.json",
        environment="SUBSTRATE_EVIDENCE",
        metavar="PATH",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the run was asked for. Paths are absolute; `tests` are arguments as pytest takes them."""

    declaration: Path
    target: TargetKind
    vantage: Vantage
    require: tuple[str, ...]
    evidence: Path
    adhoc: bool
    faults: tuple[str, ...]
    tests: tuple[str, ...]
    sources: Mapping[str, str]
    """For each option: `option`, `environment`, `ini` or `default`."""


def add_options(parser: pytest.Parser) -> None:
    """Declare every option and its ini twin."""
    group = parser.getgroup("substrate", "acceptance of a managed streaming platform")
    for spec in _TEXTS:
        group.addoption(spec.flag, dest=f"substrate_{spec.name}", default=None, metavar=spec.metavar, help=spec.help)
        parser.addini(f"substrate_{spec.name}", spec.help, type="string", default="")
    group.addoption(
        "--substrate-adhoc",
        dest="substrate_adhoc",
        action="store_true",
        default=None,
        help="look without judging: no verdict, no evidence",
    )
    parser.addini("substrate_adhoc", "look without judging: no verdict, no evidence", type="bool", default=False)
    group.addoption(
        "--substrate-fault",
        dest="substrate_fault",
        action="append",
        default=None,
        metavar="NAME",
        help="break the embedded platform on purpose for this run (repeatable; see `substrate faults`)",
    )
    parser.addini("substrate_fault", "faults applied to the embedded platform", type="linelist", default=[])
    parser.addini(
        "substrate_tests",
        "your own checks, collected when a plane is demanded and no path is given",
        type="args",
        default=[],
    )


def read_options(config: pytest.Config, environment: Mapping[str, str] = os.environ) -> Options:
    """The options of this run; BadInput for a word that isn't in an option's vocabulary."""
    sources: dict[str, str] = {}
    texts = {spec.name: _text(config, spec, environment, sources) for spec in _TEXTS}
    adhoc = config.getoption("substrate_adhoc")
    sources["adhoc"] = "option" if adhoc else "ini" if config.getini("substrate_adhoc") else "default"
    faults = config.getoption("substrate_fault")
    sources["fault"] = "option" if faults else "ini" if config.getini("substrate_fault") else "default"
    bases = _bases(config)
    options = Options(
        declaration=_path(texts["declaration"], bases[sources["declaration"]]),
        target=TargetKind(_word("target", texts["target"], sources, tuple(TargetKind))),
        vantage=Vantage(_word("vantage", texts["vantage"], sources, tuple(Vantage))),
        require=tuple(name for part in texts["require"].split(",") if (name := part.strip())),
        evidence=_path(texts["evidence"], bases[sources["evidence"]]),
        adhoc=bool(adhoc or config.getini("substrate_adhoc")),
        faults=tuple(dict.fromkeys(faults or config.getini("substrate_fault"))),
        tests=tuple(_argument(argument, bases["ini"]) for argument in config.getini("substrate_tests")),
        sources=sources,
    )
    if options.faults and options.target is not TargetKind.EMBEDDED:
        raise BadInput(
            "--substrate-fault",
            f"only the embedded platform can be broken, and the target is {options.target.value}",
            "add --substrate-target embedded, or leave the fault out",
        )
    return options


def evidence_path(config: pytest.Config, environment: Mapping[str, str] = os.environ) -> Path:
    """Where evidence is written, whatever is wrong with the other options."""
    sources: dict[str, str] = {}
    spec = next(spec for spec in _TEXTS if spec.name == "evidence")
    text = _text(config, spec, environment, sources)
    return _path(text, _bases(config)[sources["evidence"]])


def _bases(config: pytest.Config) -> Mapping[str, Path]:
    """What a relative path is relative to: where the command was given, or where the ini file lies."""
    here = config.invocation_params.dir
    home = config.inipath.parent if config.inipath is not None else config.rootpath
    return {"option": here, "environment": here, "ini": home, "default": config.rootpath}


def _text(config: pytest.Config, spec: _Spec, environment: Mapping[str, str], sources: dict[str, str]) -> str:
    found = (
        ("option", config.getoption(f"substrate_{spec.name}")),
        ("environment", environment.get(spec.environment or "")),
        ("ini", config.getini(f"substrate_{spec.name}")),
    )
    for source, value in found:
        if value:
            sources[spec.name] = source
            return str(value)
    sources[spec.name] = "default"
    return spec.default


def _word(name: str, value: str, sources: Mapping[str, str], words: tuple[str, ...]) -> str:
    if value in words:
        return value
    spec = next(spec for spec in _TEXTS if spec.name == name)
    where = {"option": spec.flag, "environment": spec.environment, "ini": f"ini option substrate_{name}"}
    raise BadInput(str(where[sources[name]]), f"{value!r} is no {name}", "one of " + ", ".join(str(w) for w in words))


def _path(text: str, base: Path) -> Path:
    return Path(os.path.abspath(base / Path(text).expanduser()))  # noqa: PTH100  `resolve` would follow links


def _argument(argument: str, home: Path) -> str:
    file, *names = argument.split("::")
    return "::".join([str(_path(file, home)), *names])
