"""`substrate trust`: files in, an answer and exit codes out, one line for what can't be used."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.cli.main import main
from tests.unit.policy.trusts import CLAIMS, MAIN, arn, bound, like, statement

HOW_TO = Path(__file__).parents[3] / "docs/how-to/trust.md"


def asked(folder: Path, policy: Any, claims: Any, *more: str) -> int:
    """The exit code of the command for these files; text is written as it stands."""
    names = {"policy.json": policy, "claims.json": claims}
    for name, content in names.items():
        (folder / name).write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return main(["trust", "--policy", str(folder / "policy.json"), "--claims", str(folder / "claims.json"), *more])


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    """A policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


@pytest.mark.parametrize(
    ("condition", "code", "decision", "index"),
    [
        (bound(sub=MAIN), 0, "admitted", 0),
        (bound(sub="other"), 1, "refused", None),
        ({**bound(sub=MAIN), "StringMatches": {"sub": "x"}}, 10, "undecided", 0),
    ],
)
def test_decision_and_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, condition: Any, code: int, decision: str, index: int | None
) -> None:
    """JSON on standard output alone, the same exit code in both formats."""
    policy = document(statement(condition))
    assert code == asked(tmp_path, policy, CLAIMS, "--provider-arn", arn(), "--format", "json")
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert ("", "substrate.trust/1", decision, index, []) == (
        said.err,
        answer["schema"],
        answer["decision"],
        answer["statement"],
        answer["weaknesses"],
    )
    assert code == asked(tmp_path, policy, CLAIMS)
    assert capsys.readouterr().out.startswith(f"{decision}  ")


def test_weaknesses_are_told_beside_the_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Code and message of each, in JSON and in text; they don't change the exit code."""
    policy = document(statement(like("repo:octo-org/*")))
    assert 0 == asked(tmp_path, policy, CLAIMS, "--format", "json")
    told = json.loads(capsys.readouterr().out)["weaknesses"]
    assert ["owner-wide", "pull-request-admitted"] == [one["code"] for one in told]
    assert 0 == asked(tmp_path, policy, CLAIMS)
    text = capsys.readouterr().out
    assert all(f"  {one['code']}  {one['message']}" in text for one in told)


@pytest.mark.parametrize(
    ("policy", "claims", "more", "place"),
    [
        ("", CLAIMS, (), "policy.json"),
        ("{", CLAIMS, (), "policy.json"),
        ('{"Statement": [], "Statement": []}', CLAIMS, (), "Statement"),
        (document(statement(Effect="allow")), CLAIMS, (), "Effect"),
        (document(statement(NotAction="iam:*")), CLAIMS, (), "NotAction"),
        (document(statement(Resource="*")), CLAIMS, (), "Resource"),
        (document(statement(Principal={"Federated": "arn:aws:iam::*:oidc-provider/x.y"})), CLAIMS, (), "Federated"),
        (document(statement()), "", (), "claims.json"),
        (document(statement()), "[1]", (), "claims.json"),
        (document(statement()), '{"sub": "secret-value", "sub": "secret-value"}', (), "sub"),
        (document(statement()), {"sub": "secret-value"}, (), "iss"),
        (document(statement()), {"iss": ["secret-value"]}, (), "iss"),
        (document(statement()), "header.secret-value.signature", (), "claims.json"),
        (document(statement()), "[" * 100_000, (), "claims.json"),
        (document(statement()), CLAIMS, ("--provider-arn", "arn:aws:iam::123456789012:role/x"), "--provider-arn"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    policy: Any,
    claims: Any,
    more: tuple[str, ...],
    place: str,
) -> None:
    """Exit 2, nothing on standard output, one line that names the place and no value."""
    assert 2 == asked(tmp_path, policy, claims, *more, "--format", "json")
    said = capsys.readouterr()
    assert ("", 1) == (said.out, len(said.err.splitlines()))
    assert place in said.err
    assert "secret-value" not in said.err


def test_a_file_that_is_missing_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 with the file's name."""
    assert 2 == main(["trust", "--policy", str(tmp_path / "none.json"), "--claims", str(tmp_path / "none.json")])
    assert "none.json" in capsys.readouterr().err


def test_a_token_in_place_of_a_file_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever gives the token itself has shown it enough."""
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"
    assert 2 == main(["trust", "--policy", str(tmp_path), "--claims", token])
    assert 2 == main(["trust", "--claims", str(tmp_path), "--policy", token])
    told = capsys.readouterr()
    assert "eyJ" not in told.out + told.err
    assert "(a token)" in told.err


def test_the_example_of_the_page_is_what_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The files of the how-to page, judged by its command, print what the page shows."""
    monkeypatch.chdir(tmp_path)
    page = HOW_TO.read_text(encoding="utf-8")
    for name, text in zip(("trust.json", "claims.json"), page.split("```json\n")[1:], strict=True):
        (tmp_path / name).write_text(text.partition("```")[0], encoding="utf-8")
    command, _, said = page.partition("```console\n$ substrate ")[2].partition("```")[0].partition("\n")
    assert 0 == main(shlex.split(command))
    assert said == capsys.readouterr().out
