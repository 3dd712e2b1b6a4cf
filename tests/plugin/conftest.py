"""A house for tests of the plugin: the real declaration, catalogue, ladder and gate over a target that does nothing."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any

import pytest

import pytest_substrate
from pytest_substrate.evidence.envelope import unpack

DECLARATION = Path(__file__).parents[2] / "fixtures" / "dev_min" / "substrate.toml"
QUICK = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
"""What no test here is about: hypothesis' plugin loads the whole of it at the end of each run."""
REQUIRED = 25
"""How many pairs the messaging plane has for `dev_min`, SUB-010 included."""

CONFTEST = '''
import os
from pathlib import Path

import pytest

from pytest_substrate.model.diagnosis import inconclusive, passed, violated
from pytest_substrate.model.outcome import Layer
from pytest_substrate.running.house import HOUSE, House

RED = {red!r}
"""Check id -> (outcome, layer or None)."""
CALLS = Path(__file__).with_name("calls.log")


def log(word):
    with CALLS.open("a") as file:
        file.write(f"{{word}} {{os.getpid()}}\\n")


class Target:
    def __init__(self, declaration, options):
        self.declaration, self.kind, self.vantage = declaration, options.target, options.vantage

    def guard(self):
        return ()

    def describe(self):
        return {{"kind": self.kind.value, "account": "111122223333", "region": "eu-west-2", "environment": "dev",
                "observer": "arn:aws:iam::111122223333:role/substrate-observer"}}

    def close(self):
        log("close")


class StandIn(House):
    def target(self, declaration, options, identity, *, owner, progress):
        log("start" if owner else "join")
        progress("waiting for nothing")
        return Target(declaration, options)

    def diagnose(self, context):
        def diagnose(check, subject):
            log(f"{{check}}[{{subject}}]")
            outcome, layer = RED.get(check, ("PASS", None))
            words = {{"layer": layer and Layer(layer)}}
            if outcome == "VIOLATION":
                return violated("made-up", "made to fail", **words)
            if outcome == "INCONCLUSIVE":
                return inconclusive("made-up", "made to be unseen", **words)
            return passed("as it should be", image_digest="sha256:" + "9f" * 32)
        return diagnose


def pytest_configure(config):
    config.stash[HOUSE] = StandIn()
'''

Red = tuple[str, str | None]
_earlier: list[bytes] = []
"""A READY run's evidence, made once a session."""


class Project:
    """A project in pytester's folder, with `dev_min`'s declaration and the stand-in."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self._has_plugin = False
        self.path = pytester.path
        self.evidence_path = self.path / "reports" / "evidence.json"
        (self.path / "substrate.toml").write_text(DECLARATION.read_text())
        self.red()

    def red(self, **outcomes: Red) -> None:
        """Which checks fail: keywords like `MSG_050=("VIOLATION", "rotation")`."""
        named = {check.replace("_", "-"): outcome for check, outcome in outcomes.items()}
        self.pytester.makeconftest(CONFTEST.format(red=named))

    def conftest(self, more: str) -> None:
        """Add to the stand-in's conftest."""
        path = self.path / "conftest.py"
        path.write_text(path.read_text() + "\n\n" + more)

    def run(self, *arguments: str | Path) -> pytest.RunResult:
        """Run pytest in this process (a tenth of the time that a new one takes)."""
        if self._has_plugin and "-n" in arguments:  # xdist gives workers the path that it saw as it was loaded
            return self.run_apart(*arguments)
        return self.pytester.runpytest_inprocess(*QUICK, *arguments, no_reraise_ctrlc=True)

    def run_apart(self, *arguments: str | Path) -> pytest.RunResult:
        """Run pytest in a process of its own."""
        return self.pytester.runpytest_subprocess(*QUICK, *arguments)

    def messaging(self, *arguments: str | Path) -> pytest.RunResult:
        """Run the messaging plane."""
        return self.run("-m", "messaging_plane", *arguments)

    def plugin(self, name: str, text: str) -> None:
        """Leave a plugin for `-p`."""
        self._has_plugin = True
        self.pytester.syspathinsert()
        (self.path / f"{name}.py").write_text(text, encoding="utf-8")

    def earlier(self) -> None:
        """Leave the evidence of an earlier run that was READY."""
        if not _earlier:
            assert 0 == self.messaging("-p", "no:xdist").ret
            _earlier.append(self.evidence_path.read_bytes())
            for path in self.evidence_path.parent.iterdir():
                path.unlink()
            (self.path / "calls.log").unlink()
        self.evidence_path.parent.mkdir(exist_ok=True)
        self.evidence_path.write_bytes(_earlier[0])

    @property
    def calls(self) -> list[str]:
        """What the stand-in was asked for: `start`, `join`, `close`, `CHECK[subject]`, each with a process id."""
        path = self.path / "calls.log"
        return path.read_text().splitlines() if path.exists() else []

    def called(self, word: str) -> int:
        """How often the stand-in was asked for something."""
        return sum(line.split()[0] == word for line in self.calls)

    @staticmethod
    def verdict(result: pytest.RunResult) -> str:
        """The verdict on screen, its counts included."""
        text = str(result.stdout)
        found = re.findall(r"^(?:NOT )?READY .*$", text, re.MULTILINE)
        assert 1 == len(found), text
        return str(found[0])

    @property
    def predicate(self) -> dict[str, Any]:
        """The predicate of the evidence."""
        predicate: dict[str, Any] = unpack(self.evidence_path.read_text())["predicate"]
        return predicate


@pytest.fixture(scope="session")
def loaded() -> None:
    """Our modules, loaded once: pytester forgets what a run in this process is the first to load, and a later test
    would meet classes of the same name that are others.
    """
    rooms = ("adapters", "evidence", "gate", "given", "model", "own", "planes", "report", "running", "targets")
    for module in pkgutil.walk_packages(pytest_substrate.__path__, "pytest_substrate."):
        if module.name.split(".")[1] in rooms:
            importlib.import_module(module.name)


@pytest.fixture
def project(loaded: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose messaging plane is green."""
    for name in ("COLUMNS", "PYTEST_ADDOPTS", "PYTEST_XDIST_AUTO_NUM_WORKERS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    return Project(pytester)


@pytest.fixture(params=["plain", "xdist"])
def spread(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The arguments of a plain run (with xdist blocked), and of one with a worker.

    One worker does all that a worker does in a process of its own, in half the time of two.
    """
    return ("-p", "no:xdist") if request.param == "plain" else ("-n", "1")


@pytest.fixture(params=["plain", "xdist"])
def dealt(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The same with two workers: for what they share, deal out among them or lose."""
    return ("-p", "no:xdist") if request.param == "plain" else ("-n", "2")
