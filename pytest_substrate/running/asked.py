"""What a run was asked for: the value of each option, and where it came from.

First match: the command line (PYTEST_ADDOPTS and the ini option `addopts` included, as pytest can't tell them apart),
the environment, the ini file, the default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import TargetKind, Vantage
from pytest_substrate.running.options import REQUIRE, TEXTS

if TYPE_CHECKING:
    import pytest


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
    evidence_given: str
    """The path of the evidence as it was given."""
    plan: Path | None
    """The infrastructure plan to judge; None where none was given."""
    plan_given: str
    """Its path as it was given; empty where none was."""
    sources: Mapping[str, str]
    """For each option: `option`, `environment`, `ini` or `default`."""

    def to_json(self) -> dict[str, Any]:
        """As it travels to a worker."""
        return {
            "declaration": str(self.declaration),
            "target": self.target.value,
            "vantage": self.vantage.value,
            "require": list(self.require),
            "evidence": str(self.evidence),
            "adhoc": self.adhoc,
            "faults": list(self.faults),
            "tests": list(self.tests),
            "evidence_given": self.evidence_given,
            "plan": None if self.plan is None else str(self.plan),
            "plan_given": self.plan_given,
            "sources": dict(self.sources),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Options:
        """The inverse of `to_json`."""
        return cls(
            declaration=Path(data["declaration"]),
            target=TargetKind(data["target"]),
            vantage=Vantage(data["vantage"]),
            require=tuple(data["require"]),
            evidence=Path(data["evidence"]),
            adhoc=data["adhoc"],
            faults=tuple(data["faults"]),
            tests=tuple(data["tests"]),
            evidence_given=data["evidence_given"],
            plan=None if data["plan"] is None else Path(data["plan"]),
            plan_given=data["plan_given"],
            sources=data["sources"],
        )


def read_options(config: pytest.Config, environment: Mapping[str, str] = os.environ) -> Options:
    """The options of this run; BadInput for a word that isn't in an option's vocabulary."""
    sources: dict[str, str] = {}
    texts = {name: _text(config, name, environment, sources) for name in TEXTS}
    required = _required(config, environment, sources)
    adhoc = config.getoption("substrate_adhoc")
    sources["adhoc"] = "option" if adhoc else "ini" if config.getini("substrate_adhoc") else "default"
    faults = config.getoption("substrate_fault")
    sources["fault"] = "option" if faults else "ini" if config.getini("substrate_fault") else "default"
    bases = _bases(config)
    options = Options(
        declaration=_path(texts["declaration"], bases[sources["declaration"]]),
        target=TargetKind(_word("target", texts["target"], sources, tuple(TargetKind))),
        vantage=Vantage(_word("vantage", texts["vantage"], sources, tuple(Vantage))),
        require=required,
        evidence=_path(texts["evidence"], bases[sources["evidence"]]),
        adhoc=bool(adhoc or config.getini("substrate_adhoc")),
        faults=tuple(dict.fromkeys(faults or config.getini("substrate_fault"))),
        tests=tuple(_argument(argument, bases["ini"]) for argument in config.getini("substrate_tests")),
        evidence_given=texts["evidence"],
        plan=_path(texts["plan"], bases[sources["plan"]]) if texts["plan"] else None,
        plan_given=texts["plan"],
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
    text = _text(config, "evidence", environment, sources)
    return _path(text, _bases(config)[sources["evidence"]])


def _bases(config: pytest.Config) -> Mapping[str, Path]:
    """What a relative path is relative to: where the command was given, or where the ini file lies."""
    here = config.invocation_params.dir
    home = config.inipath.parent if config.inipath is not None else config.rootpath
    return {"option": here, "environment": here, "ini": home, "default": config.rootpath}


def _required(config: pytest.Config, environment: Mapping[str, str], sources: dict[str, str]) -> tuple[str, ...]:
    """The required planes, of every option that names some; BadInput where a requirement is given and requires nothing.

    So an empty variable of a pipeline is no gate that lets everything through.
    """
    flag, _, _, variable, _ = REQUIRE
    for source, where, texts in (
        ("option", flag, config.getoption("substrate_require")),
        ("environment", variable, _one(environment.get(variable))),
        ("ini", "ini option substrate_require", _one(config.getini("substrate_require"))),
    ):
        if texts is None:
            continue
        sources["require"] = source
        for text in texts:
            if not text.replace(",", " ").strip():
                raise BadInput(
                    where, f"{text!r} requires nothing", "name planes: messaging_plane, or leave it out altogether"
                )
        names = (name.strip() for text in texts for name in text.split(","))
        return tuple(dict.fromkeys(name for name in names if name))
    sources["require"] = "default"
    return ()


def _one(text: str | None) -> list[str] | None:
    return None if text is None else [text]


def _text(config: pytest.Config, name: str, environment: Mapping[str, str], sources: dict[str, str]) -> str:
    _, _, default, variable, _ = TEXTS[name]
    found = (
        ("option", config.getoption(f"substrate_{name}")),
        ("environment", environment.get(variable)),
        ("ini", config.getini(f"substrate_{name}")),
    )
    if found[0][1] is not None and not found[0][1].strip():
        raise BadInput(TEXTS[name][0], "nothing was given", f"write {TEXTS[name][0]}={TEXTS[name][1]}, or leave it out")
    for source, value in found:
        if value:
            sources[name] = source
            return str(value)
    sources[name] = "default"
    return default


def _word(name: str, value: str, sources: Mapping[str, str], words: tuple[str, ...]) -> str:
    if value in words:
        return value
    flag, _, _, variable, _ = TEXTS[name]
    where = {"option": flag, "environment": variable, "ini": f"ini option substrate_{name}"}
    raise BadInput(where[sources[name]], f"{value!r} is no {name}", "one of " + ", ".join(str(word) for word in words))


def _path(text: str, base: Path) -> Path:
    return Path(os.path.abspath(base / Path(text).expanduser()))  # noqa: PTH100  `resolve` would follow links


def _argument(argument: str, home: Path) -> str:
    file, *names = argument.split("::")
    return "::".join([str(_path(file, home)), *names])
