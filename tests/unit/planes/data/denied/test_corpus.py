"""Denials as SDKs and services print them, and what only looks like one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.planes.data.denied import find_denials

FOLDER = Path(__file__).parents[5] / "fixtures" / "denials"
CORPUS = json.loads((FOLDER / "corpus.json").read_text(encoding="ascii"))
FIELD = json.loads((FOLDER / "field.json").read_text(encoding="ascii"))
NEAR_MISSES = json.loads((FOLDER / "near-misses.json").read_text(encoding="ascii"))
FIELDS = ("principal", "action", "resource", "effect", "source")


def found(log: str) -> list[dict[str, Any]]:
    """What is found in a log, as the command tells it."""
    return [denial.to_json() for denial in find_denials(log.split("\n"))]


@pytest.mark.parametrize("case", CORPUS, ids=[case["name"] for case in CORPUS])
def test_corpus(case: dict[str, Any]) -> None:
    """Each refusal once, with what the log says of it and nothing made up."""
    assert case["denials"] == [{field: denial[field] for field in FIELDS} for denial in found(case["log"])]


@pytest.mark.parametrize("case", FIELD, ids=[case["name"] for case in FIELD])
def test_forms_from_the_field(case: dict[str, Any]) -> None:
    """What SDKs, agents and tools really print, in its exports and wrappings: line and policy too."""
    attributed = [
        {**denial, "attributed": None not in (denial["principal"], denial["action"], denial["resource"])}
        for denial in case["denials"]
    ]
    assert attributed == found(case["log"])


@pytest.mark.parametrize("log", NEAR_MISSES)
def test_near_misses(log: str) -> None:
    """Credentials, other clouds, files, databases, Kafka, and talk about denials."""
    assert [] == found(log)


def test_near_misses_among_each_other() -> None:
    """None of them becomes one beside another."""
    assert [] == found("\n".join(log for log in NEAR_MISSES if "\n" not in log))


@pytest.mark.parametrize(
    "log", [case["log"] for case in CORPUS if len(case["denials"]) == 1 and not case["log"].startswith("{")][:30]
)
def test_another_log_line_is_another_denial(log: str) -> None:
    """The same event once more, after a line of its own, is one more entry of the same words."""
    once = [{**denial, "line": 0} for denial in found(log)]
    twice = [{**denial, "line": 0} for denial in found(f"{log}\n2026-03-02T10:00:00Z INFO going on\n{log}")]
    assert [*once, *once] == twice


def test_lines_are_counted_from_one() -> None:
    """An entry stands where its sentence begins."""
    log = "start\n\nAn error occurred (AccessDenied) when calling the GetObject operation: Access Denied\n"
    assert [3] == [denial.line for denial in find_denials(log.splitlines())]


def test_attributed() -> None:
    """Principal, action and resource are known; a star is a resource."""
    sentence = "User: arn:aws:iam::1:user/a is not authorized to perform: ecr:GetAuthorizationToken"
    assert [True] == [denial.attributed for denial in find_denials([f"{sentence} on resource: *"])]
    assert [False] == [denial.attributed for denial in find_denials([sentence])]


def test_the_policy_is_told_and_is_no_resource() -> None:
    """The ARN of the policy that refused stands beside the resource."""
    policy = "arn:aws:iam::111122223333:policy/deny"
    log = (
        "User: arn:aws:iam::1:user/a is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::b/k "
        f"with an explicit deny in an identity-based policy: {policy}"
    )
    [denial] = find_denials([log])
    assert (policy, "arn:aws:s3:::b/k") == (denial.policy, denial.resource)


WRAPPED = (
    "arn:aws:sts::111122223333:assumed-role/oracle/4f0c2a1b3c4d5e6f",
    "arn:aws:s3:::acme-spine/inputs/manifest.json",
)


@pytest.mark.parametrize("lead", ["", "An error occurred (AccessDenied) when calling the GetObject operation: "])
def test_a_terminal_of_any_width(lead: str) -> None:
    """Wherever a line is broken, the names are whole; far from any other hint too, though a word is in two halves."""
    who, what = WRAPPED
    text = (
        f'{lead}User: {who} is not authorized to perform: s3:GetObject on resource: "{what}" because no identity-based '
    )
    text += "policy allows the s3:GetObject action"
    quiet = ["2026-03-02T10:00:00Z INFO read arn:aws:s3:::acme-spine/inputs/part-0001"] * 1_600
    for width in range(40, 160):
        broken = [text[at : at + width] for at in range(0, len(text), width)]
        split = any(one.endswith(("auth", "author")) for one in broken)
        around = quiet if split else quiet[:1]
        found = [(one.principal, one.resource, one.source) for one in find_denials([*around, *broken, *around])]
        assert [(who, what, "identity")] == found, width
