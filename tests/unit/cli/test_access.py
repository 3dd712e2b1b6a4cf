"""`substrate access`: arguments, exit codes, both formats, and what is refused. Decisions are tested in their room."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.cli.main import main

HOW_TO = Path(__file__).parents[3] / "docs/how-to/access.md"
SESSION = "arn:aws:sts::111122223333:assumed-role/ingest-task/4f0c2a"
OBJECT = "arn:aws:s3:::oracle-data/in/day1.csv"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, name: str, *statements: dict[str, Any]) -> str:
    """A policy's file."""
    (folder / name).write_text(json.dumps({"Version": "2012-10-17", "Statement": list(statements)}), encoding="utf-8")
    return name


def ask(*more: str, identity: str = "p.json", principal: str = SESSION, action: str = "s3:GetObject") -> int:
    """The command's exit code."""
    words = ["access", "--identity", identity, "--principal", principal, "--action", action, "--resource", OBJECT]
    return main([*words, *more])


def test_the_examples_of_the_page_are_what_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command of the how-to page, run in order, prints what the page shows."""
    page = HOW_TO.read_text(encoding="utf-8")
    (folder / "role.json").write_text(page.partition("```json\n")[2].partition("```")[0], encoding="utf-8")
    lines = page.partition("```console\n")[2].partition("```")[0].splitlines()
    commands = [line.removeprefix("$ substrate ") for line in lines if line.startswith("$ ")]
    assert 3 == len(commands)
    for command, said in zip(commands, [line for line in lines if not line.startswith("$ ")], strict=True):
        main(shlex.split(command))
        assert said == capsys.readouterr().out.strip()


def test_json_has_exactly_the_contracts_fields(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One document on standard output, nothing on standard error."""
    write(folder, "p.json", EVERYTHING)
    assert 0 == ask("--format", "json")
    out, err = capsys.readouterr()
    assert "" == err
    assert {
        "schema": "substrate.access/1",
        "decision": "allow",
        "source": "identity",
        "statement": 0,
        "reason": "statement 0 of p.json allows s3:GetObject",
    } == json.loads(out)


@pytest.mark.parametrize("style", ["text", "json"])
def test_exit_codes_are_those_of_the_decision(folder: Path, style: str) -> None:
    """0 allow, 1 both denials, 10 undecided; in every format."""
    write(folder, "p.json", EVERYTHING)
    write(folder, "deny.json", EVERYTHING, {**EVERYTHING, "Effect": "Deny"})
    write(folder, "open.json", {**EVERYTHING, "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}})
    assert [0, 1, 1, 10, 0] == [
        ask("--format", style),
        ask("--format", style, identity="deny.json"),
        ask("--boundary", write(folder, "b.json", {**EVERYTHING, "Action": "iam:*"}), "--format", style),
        ask("--format", style, identity="open.json"),
        ask("--context", "aws:SourceIp=203.0.113.7", "--format", style, identity="open.json"),
    ]


def test_files_and_keys_may_be_several(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After one option or with the option again; a key that stands twice has two values."""
    write(folder, "none.json", {**EVERYTHING, "Action": "iam:*"})
    tags = {"ForAllValues:StringEquals": {"aws:TagKeys": ["team", "cost"]}}
    write(folder, "tags.json", {**EVERYTHING, "Condition": {**tags, "Null": {"aws:TagKeys": "false"}}})
    write(folder, "full.json", EVERYTHING)
    keys = ["--context", "aws:TagKeys=team", "--context", "aws:TagKeys=cost"]
    more = ["--identity", "tags.json"]
    assert 0 == ask(*more, "none.json", "--scp", "full.json", "full.json", *keys, identity="none.json")
    assert 1 == ask(*more, *keys, "aws:TagKeys=other", identity="none.json")
    capsys.readouterr()
    assert 1 == ask(*more, "--scp", "full.json", "none.json", *keys, identity="none.json")
    assert "scp: none.json does not allow" in capsys.readouterr().out


def test_a_role_is_assumed_by_its_trust_policy(folder: Path) -> None:
    """`--resource-policy` then has no Resource."""
    write(folder, "p.json", EVERYTHING)
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"}}
    role = ["--resource", "arn:aws:iam::111122223333:role/admin"]
    assert 0 == ask("--resource-policy", write(folder, "t.json", trust), *role, action="sts:AssumeRole")
    assert 2 == ask(
        "--resource-policy", write(folder, "b.json", {**trust, "Resource": "*"}), *role, action="sts:AssumeRole"
    )


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"identity": "missing.json"}, "missing.json: can't be read"),
        ({"identity": "."}, ".: is a folder"),
        ({"identity": "bad.json"}, "bad.json: Statement[0].Effect: is neither Allow nor Deny"),
        ({"principal": "ingest-task"}, "--principal: is not the ARN of a principal"),
        ({"principal": "arn:aws:iam::111122223333:group/a"}, "--principal: is not"),
        ({"principal": "arn:aws:iam::111122223333:role/*"}, "--principal: is not"),
        ({"principal": "arn:aws:sts::111122223333:assumed-role/ingest-task"}, "--principal: is not"),
        ({"action": "GetObject"}, "--action: is not an action"),
        ({"action": "s3:*"}, "--action: is not an action"),
        ({"more": ["--resource", "oracle-data"]}, "--resource: is neither an ARN nor *"),
        ({"more": ["--context", "aws:SourceIp"]}, "--context: is not KEY=VALUE"),
        ({"more": ["--context", "SourceIp=1"]}, "--context: does not name a condition key"),
        ({"more": ["--context", "aws:SourceIp=10.1.0.0/16"]}, "--context aws:SourceIp: its value is no IP address"),
        ({"more": ["--context", "AWS:CurrentTime=2026-13-01"]}, "--context AWS:CurrentTime: its value is no date"),
        ({"more": ["--context", "s3:max-keys=abc"]}, "--context s3:max-keys: its value is no number"),
        ({"more": ["--resource-policy", "p.json"]}, "p.json: Statement[0]: has no Principal"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], more: dict[str, Any], said: str
) -> None:
    """Exit 2, nothing on standard output, the place and the mend on standard error."""
    write(folder, "p.json", EVERYTHING)
    write(folder, "bad.json", {**EVERYTHING, "Effect": "allow"})
    words = more.pop("more", [])
    assert 2 == ask(*words, **more)
    out, err = capsys.readouterr()
    assert "" == out
    assert err.startswith(f"substrate access: {said}")
    assert 1 == len(err.splitlines())
