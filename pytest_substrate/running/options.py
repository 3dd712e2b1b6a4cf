"""The options of a run, each with its ini twin, as pytest and the environment know them.

Loaded in every pytest run of whoever has the plugin installed, so it imports nothing of ours and makes no dataclass.
`--substrate-adhoc` and `--substrate-fault` have no environment variable: what weakens or breaks a run should be seen in
its command or in its repository.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

PLANES: Final = ("release_plane", "messaging_plane", "packaging_plane", "data_plane", "drift_sweep")
"""The markers; the values of `model.outcome.DEMANDABLE`, which a plain run need not load."""


TEXTS: Final = {
    "declaration": (
        "--substrate",
        "FILE",
        "substrate.toml",
        "SUBSTRATE_DECLARATION",
        "the declaration: what must hold (default: substrate.toml in the rootdir)",
    ),
    "target": (
        "--substrate-target",
        "{aws,localstack,embedded}",
        "aws",
        "SUBSTRATE_TARGET",
        "where it is checked: aws, localstack or embedded (default: aws)",
    ),
    "vantage": (
        "--substrate-vantage",
        "{task,exec,here}",
        "task",
        "SUBSTRATE_VANTAGE",
        "from where the runtime is seen: task, exec or here (default: task)",
    ),
    "evidence": (
        "--substrate-evidence",
        "PATH",
        "reports/evidence.json",
        "SUBSTRATE_EVIDENCE",
        "where the evidence is written (default: reports/evidence.json)",
    ),
    "plan": (
        "--substrate-plan",
        "FILE",
        "",
        "SUBSTRATE_PLAN",
        "the JSON of a Terraform or OpenTofu plan that packaging_plane judges (PKG-120), before it is applied",
    ),
}
"""The options that hold a text: flag, metavar, default, environment variable and help. Plain tuples load free."""
REQUIRE: Final = (
    "--substrate-require",
    "PLANE[,PLANE]",
    None,
    "SUBSTRATE_REQUIRE",
    "planes that this run must prove, whatever else is selected (several add up)",
)
"""The same for the one option that adds up. Its default tells that nothing was given from an empty requirement."""


def add_options(parser: pytest.Parser) -> None:
    """Declare every option and its ini twin."""
    group = parser.getgroup("substrate", "acceptance of a managed streaming platform")
    for name, (flag, metavar, _, _, told) in TEXTS.items():
        group.addoption(flag, dest=f"substrate_{name}", default=None, metavar=metavar, help=told)
        parser.addini(f"substrate_{name}", told, type="string", default="")
    flag, metavar, nothing, _, told = REQUIRE
    group.addoption(flag, dest="substrate_require", action="append", default=nothing, metavar=metavar, help=told)
    parser.addini("substrate_require", told, type="string", default=nothing)
    adhoc = "look without judging: no verdict, no evidence"
    group.addoption("--substrate-adhoc", dest="substrate_adhoc", action="store_true", default=None, help=adhoc)
    parser.addini("substrate_adhoc", adhoc, type="bool", default=False)
    fault = "break the embedded platform on purpose for this run (repeatable; see `substrate faults`)"
    group.addoption(
        "--substrate-fault", dest="substrate_fault", action="append", default=None, metavar="NAME", help=fault
    )
    parser.addini("substrate_fault", fault, type="linelist", default=[])
    tests = "your own checks, collected when a plane is demanded and no path is given"
    parser.addini("substrate_tests", tests, type="args", default=[])


def may_demand(config: pytest.Config, arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> bool:
    """The same question of the text of arguments that pytest still parses; never false where a plane is demanded."""
    return (
        any(plane in argument for plane in PLANES for argument in arguments)
        or "SUBSTRATE_REQUIRE" in environment
        or config.getini("substrate_require") is not None
    )


def concerns_us(config: pytest.Config, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a run could demand a plane, or was given an option of ours: told without loading anything.

    Never false where a plane is demanded: an expression that is true for a plane's marker alone names that marker.
    """
    if "substrate" in getattr(config, "workerinput", ()):
        return True
    option = config.option
    expression = getattr(option, "markexpr", "") or ""
    if any(plane in expression for plane in PLANES):
        return True
    if any(getattr(option, f"substrate_{name}") is not None for name in (*TEXTS, "require", "adhoc", "fault")):
        return True
    if "SUBSTRATE_REQUIRE" in environment or config.getini("substrate_require") is not None:
        return True
    before = [
        *map(str, config.invocation_params.args),
        environment.get("PYTEST_ADDOPTS", ""),
        *config.getini("addopts"),
    ]
    if any(plane in argument for plane in PLANES for argument in before):  # an `-m` that a later one replaced
        return True
    declared = (
        environment.get("SUBSTRATE_DECLARATION") or config.getini("substrate_declaration") or TEXTS["declaration"][2]
    )
    name = os.path.basename(declared)  # noqa: PTH119  a Path costs more than the whole question
    return any(argument.partition("::")[0].endswith(name) for argument in config.args)
