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
        ("a = {}\n[a.'b c']\n", 2, 'is not TOML, column 9: Cannot declare a."b c" twice'),
        ('schema = 1\nregion = "eu', 2, "is not TOML, at the end of the file: Unterminated string"),
        ("a = " + "9" * 5000, 1, "is not TOML, at the end of the file: a value can't be read"),
    ],
)
def test_a_syntax_error_is_one_line(text: str, line: int, said: str) -> None:
    """What isn't TOML is told with line and column, and nothing else is guessed from it."""
    error = problems_of(text)
    assert [(line, said, "correct the syntax")] == [(p.line, p.problem, p.mend) for p in error.problems]
    assert "\n" not in str(error)


TABLES = "put both into one table, or give this one a name of its own"
KEYS = "keep one of the two"


@pytest.mark.parametrize(
    ("text", "line", "key", "first", "mend"),
    [
        ("schema = 1\nschema = 2 # again\n", 2, "schema", 1, KEYS),
        ("schema = 1\nschema = 1", 2, "schema", 1, KEYS),
        ("\n[service.ingest]\necs = 'a/b'\n\n[service.ingest] # again\n", 5, "service.ingest", 2, TABLES),
        ("[service.ingest]\r\n[service.ingest]", 2, "service.ingest", 1, TABLES),
        ("[a.b]\nc.d = 1\n[a]\nb.c.e = 2", None, "", 0, ""),
        ("[a]\nb.c = 1\n[a.b]\n", 3, "a.b", 2, TABLES),
        ("[a]\nx = [\n  1,\n]\nx = [\n  2,\n]\n", 7, "a.x", 2, KEYS),
        ("a = { b = 1, c = { d = 2,\n", None, "", 0, ""),
        ("[t]\na = { b = 1, 'b' = 2 }\n", 2, "t.a.b", 2, KEYS),
        ("[[waiver]]\ncheck = 'a'\n[waiver]\n", 3, "waiver", 1, TABLES),
        ("[waiver]\n\n[[waiver]]\n", 3, "waiver", 1, TABLES),
        ("[[waiver]]\ncheck = 'a'\n[[waiver]]\ncheck = 'b'\ncheck = 'c'\n", 5, "waiver[1].check", 4, KEYS),
        ("[service.'in gest']\n[service.\"in gest\"]\n", 2, 'service."in gest"', 1, TABLES),
    ],
)
def test_what_is_declared_twice_names_its_key_and_the_first_place(
    text: str, line: int | None, key: str, first: int, mend: str
) -> None:
    """As TOML writes the key, with the line that declared it first; what can't be told so stays a syntax error."""
    (problem,) = problems_of(text).problems
    if line is None:
        assert ("correct the syntax", "") == (problem.mend, problem.key)
    else:
        said = f"is declared a second time, first in line {first}"
        assert (line, key, said, mend) == (problem.line, problem.key, problem.problem, problem.mend)


ENTRY = """
[[waiver]]
check = "%s"
subject = "%s"
owner = "a"
ticket = "b"
expires = 2999-01-01T00:00:00Z
"""


def test_an_entry_that_is_wrong_in_every_way_is_told_in_one_pass() -> None:
    """An id that doesn't exist, a subject that isn't declared and a key that misses: no second round."""
    error = problems_of(FULL + ENTRY % ("MSG-999", "service/ingset"))
    assert [
        ("waiver[1].reason", "is missing", "add reason (why it is borne)"),
        (
            "waiver[1].check",
            "is the id of no check",
            "write the one that is meant, or drop the entry (`substrate checks` lists all)",
        ),
        ("waiver[1].subject", "names no subject of this declaration", "write service/ingest, or drop the entry"),
    ] == [(p.key, p.problem, p.mend) for p in error.problems]


@pytest.mark.parametrize(
    ("check", "subject", "mend"),
    [
        ("MSG-030", "service/ingset", "write service/ingest, or drop the entry"),
        ("REL-090", "artifact/ingset", "write artifact/ingest, or drop the entry"),
        ("DAT-020", "job/ingest", "drop the entry (`substrate checks` lists all)"),
        ("MSG-190", "service/ingest/topic/event.raw", "write service/ingest/topic/events.raw, or drop the entry"),
        ("MSG-030", "servce/ingest", "write service/ingest, or drop the entry"),
    ],
)
@pytest.mark.parametrize("spoiled", [False, True])
def test_a_subject_of_the_same_kind_is_suggested(check: str, subject: str, mend: str, *, spoiled: bool) -> None:
    """Though another kind has a thing of nearly that name, and though what is meant has a problem of its own."""
    text = FULL.replace('task_role = "ingest-task"', "task_role = 1") if spoiled else FULL
    error = problems_of(text + (ENTRY % (check, subject)).replace("owner", 'reason = "c"\nowner'))
    told = {problem.key: problem for problem in error.problems}
    if spoiled and "topic" in subject:
        assert ["service.ingest.task_role"] == list(told)  # it may be one of the service that can't be read
    else:
        assert mend == told["waiver[1].subject"].mend
        assert spoiled == ("service.ingest.task_role" in told)


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
