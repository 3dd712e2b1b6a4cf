"""Each way in which a declaration can be wrong, with the exact line, key, problem and mend that a person reads."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.model.declaration import DeclarationErrors

FOLDER = Path(__file__).parents[4] / "fixtures/declarations"
FULL = (FOLDER / "full.toml").read_text(encoding="utf-8")
MISTAKES: list[dict[str, Any]] = tomllib.loads((FOLDER / "mistakes.toml").read_text(encoding="utf-8"))["mistake"]

HEAD = 'schema = 1\nenvironment = "dev"\naccount = "111122223333"\nregion = "eu-west-2"\n'


def problems_of(text: str) -> DeclarationErrors:
    """What reading the text raises."""
    with pytest.raises(DeclarationErrors) as raised:
        read_declaration(text.encode(), name="substrate.toml")
    return raised.value


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["name"].replace(" ", "-"))
def test_says_exactly_what_where_and_how_to_mend(mistake: dict[str, Any]) -> None:
    """One mistake makes one problem, at the line of the key that is wrong."""
    text = FULL
    for old, new in mistake["edits"]:
        assert 1 == text.count(old), old
        text = text.replace(old, new)
    line = 1 + text[: text.index("#@")].count("\n")
    error = problems_of(text)
    key, problem, mend = mistake["key"], mistake["problem"], mistake["mend"]
    assert [(line, key, problem, mend)] == [(p.line, p.key, p.problem, p.mend) for p in error.problems]
    assert " ".join(f"substrate.toml:{line}: {key} {problem}; {mend}".split()) == str(error)


def test_the_mistakes_are_many_and_differ() -> None:
    """The list of mistakes doesn't shrink unseen, and none stands in it twice."""
    assert len({mistake["name"] for mistake in MISTAKES}) == len(MISTAKES) >= 75


def test_all_mistakes_are_told_in_one_pass_in_the_order_of_lines() -> None:
    """A malformed value hides neither a reference, nor a rule, nor a waiver for a pair that isn't held."""
    text = FULL.replace('region = "eu-west-2"', "region = 2")
    text = text.replace('artifact = "oracle"', 'artifact = "orakel"')
    text = text.replace('closed = ["private/canary"]', "closed = []")
    text = text.replace('subject = "artifact/ingest"', 'subject = "artifact/ingst"')
    error = problems_of(text)
    assert [
        "region",
        "job.oracle.artifact",
        "grant.oracle-in.closed",
        "waiver[0].subject",
    ] == [problem.key for problem in error.problems]
    assert 4 == str(error).count("\n") + 1
    assert (error.where, error.what) == ("substrate.toml:5", "region must be a text (and 3 more)")


def test_a_waiver_about_something_malformed_is_not_blamed() -> None:
    """What is left out for its own mistake makes no second problem out of the entries about it."""
    error = problems_of(FULL.replace('repository = "acme/ingest"', "repository = 3"))
    assert ["artifact.ingest.repository"] == [problem.key for problem in error.problems]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("schema = 1\nenvironment = dev\n", 2, "is not TOML, column 15: Invalid value"),
        ("schema = 1\nschema = 1\n", 2, "is not TOML, column 11: Cannot overwrite a value"),
        ('schema = 1\nregion = "eu', 2, "is not TOML, at the end of the file: Unterminated string"),
        ("a = " + "9" * 5000, 1, "is not TOML, at the end of the file: a value can't be read"),
    ],
)
def test_a_syntax_error_is_one_line(text: str, line: int, said: str) -> None:
    """What isn't TOML is told with line and column, and nothing else is guessed from it."""
    error = problems_of(text)
    assert [(line, said, "correct the syntax")] == [(p.line, p.problem, p.mend) for p in error.problems]
    assert "\n" not in str(error)


def test_nesting_without_end_is_told_like_any_other_mistake() -> None:
    """A file that exhausts the parser ends with a line, and with no traceback."""
    error = problems_of("a = " + "[" * 100_000)
    assert ["substrate.toml"] == [problem.file for problem in error.problems]
    assert "\n" not in str(error)


def test_bytes_that_are_no_text_are_told_with_their_line() -> None:
    """A file in another encoding is refused at the first byte that isn't UTF-8."""
    with pytest.raises(DeclarationErrors) as raised:
        read_declaration(b'schema = 1\nenvironment = "d\xe9v"\n', name="substrate.toml")
    assert "substrate.toml:2: is not UTF-8; save the file as UTF-8" == str(raised.value)


def test_a_declaration_of_nothing_is_refused() -> None:
    """A file that declares nothing to check would prove nothing and be green."""
    error = problems_of(HEAD)
    assert (
        "substrate.toml:1: nothing is declared that could be checked; declare a cluster, a service or a job"
    ) == str(error)


def test_an_empty_section_is_refused() -> None:
    """A section without an entry is a mistake, not a plane without checks."""
    error = problems_of(HEAD + "[service]\n")
    assert ["", "service"] == [problem.key for problem in error.problems]
    assert (5, "is empty", "fill it or drop it") == (
        error.problems[1].line,
        error.problems[1].problem,
        error.problems[1].mend,
    )
