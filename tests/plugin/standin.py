"""A house for tests of the plugin: the real declaration, catalogue, ladder and gate over a target that does nothing."""

from __future__ import annotations

from pathlib import Path

DECLARATION = Path(__file__).parents[2] / "fixtures" / "dev_min" / "substrate.toml"

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
    def target(self, declaration, options, folder, *, owner, progress):
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


def conftest(**red: tuple[str, str | None]) -> str:
    """The text of a conftest that installs the stand-in; keywords like `MSG_050=("VIOLATION", "rotation")`."""
    return CONFTEST.format(red={check.replace("_", "-"): outcome for check, outcome in red.items()})
