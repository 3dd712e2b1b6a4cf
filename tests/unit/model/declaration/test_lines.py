"""The map from a path of keys to its line, against documents whose lines are known."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path as File
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.declaration.lines import Path, line_of, places_of

FIXTURES = File(__file__).parents[4] / "fixtures"


def paths_of(value: Any, path: Path = ()) -> list[Path]:
    """Every path of a parsed document."""
    found = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            found += paths_of(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += paths_of(item, (*path, index))
    return found


@pytest.mark.parametrize("name", ["dev_min/substrate.toml", "declarations/full.toml", "declarations/mistakes.toml"])
def test_every_key_of_a_real_document_has_a_line_that_holds_it(name: str) -> None:
    """Nothing that tomllib sees is missing, and a key stands on the line that it is given."""
    text = (FIXTURES / name).read_text(encoding="utf-8")
    places = places_of(text)
    lines = text.split("\n")
    paths = paths_of(tomllib.loads(text))
    assert set(paths) == set(places)
    for path in paths:
        if isinstance(path[-1], str):
            assert path[-1] in lines[places[path] - 1], path


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ("a = 1\nb = 2", ("b",), 2),
        ("[t]\nx = 1\n\n[t.u]\ny = 2", ("t", "u", "y"), 5),
        ("[t.u]\ny = 2\n[t]\nx = 1", ("t",), 3),
        ("[[w]]\nx = 1\n[[w]]\nx = 2", ("w", 1, "x"), 4),
        ("[[w]]\n[w.z]\ny = 1\n[[w]]\n[w.z]\ny = 2", ("w", 1, "z", "y"), 6),
        ("[[w]]\n[[w.v]]\n[[w.v]]\nk = 1", ("w", 0, "v", 1, "k"), 4),
        ("a = [\n  1, # one, [two]\n  { b = 2 },\n]", ("a", 1, "b"), 3),
        ('a = """\n] # no comment\n"""\nb = 1', ("b",), 4),
        ('a = """x""""\nb = 1', ("b",), 2),
        ("a = '''\nit's\n''''\nb = 1", ("b",), 4),
        ('a = "\\"]" # c\n"b.c" = 1', ("b.c",), 2),
        ("'x y'.\"\\u0041\" = 1\nz = 2", ("x y", "A"), 1),
        ("d = 1979-05-27 07:32:00Z\nt = 07:32:00\ne = 1", ("e",), 3),
        ("a.b = 1\na.c = 2", ("a", "c"), 2),
        ("a = { b.c = [ { d = 1 }, { d = 2 } ] }\r\ne = 1\r\n", ("e",), 2),
        ("[ spaced . 'out' ]\nk = 1", ("spaced", "out", "k"), 2),
    ],
)
def test_knows_where_a_key_stands(text: str, path: Path, line: int) -> None:
    """Texts, comments, lists and tables of every form are passed over without a lost line."""
    places = places_of(text)
    assert line == places[path]
    assert set(paths_of(tomllib.loads(text))) == set(places)


def test_what_is_missing_has_the_line_of_its_nearest_parent() -> None:
    """A key that isn't there is told where it should be added."""
    places = places_of("x = 1\n[a]\n[a.b]\nc = 1")
    assert [3, 2, 1, 4] == [
        line_of(places, ("a", "b", "missing")),
        line_of(places, ("a", "missing", "deeper")),
        line_of(places, ("missing",)),
        line_of(places, ("a", "b", "c", 0)),
    ]


SCALARS = st.one_of(
    st.integers(-5, 5),
    st.booleans(),
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.sampled_from(["# no comment", "]", "}", '"', "'", "=", "\n", "a = 1", "[[x]]", "'''", '"""']),
)
CONTROLS: list[Literal["Cc"]] = ["Cc"]
KEYS = st.text(st.characters(codec="utf-8", exclude_categories=CONTROLS), min_size=1, max_size=6)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=4)


class Writer:
    """Writes data as TOML and notes where it puts each key: the map's independent peer."""

    def __init__(self) -> None:
        self.lines = [""]
        self.places: dict[Path, int] = {}

    def put(self, text: str) -> None:
        """Append a text to the document."""
        first, *rest = text.split("\n")
        self.lines[-1] += first
        self.lines += rest

    def document(self, table: dict[str, Any]) -> str:
        """A line a key, tables inline and lists over several lines, with comments that look like TOML."""
        for key, value in table.items():
            self.pair((key,), value)
            self.put(" # x = [ '\n")
        return "\n".join(self.lines)

    def pair(self, path: Path, value: Any) -> None:
        """A key with its value."""
        self.places[path] = len(self.lines)
        self.put(f"{text_of(str(path[-1]))} = ")
        self.value(path, value)

    def value(self, path: Path, value: Any) -> None:
        """A value in its place."""
        if isinstance(value, dict):
            self.put("{ ")
            for number, (key, item) in enumerate(value.items()):
                self.put(", " if number else "")
                self.pair((*path, key), item)
            self.put(" }")
        elif isinstance(value, list):
            self.put("[ # [\n")
            for index, item in enumerate(value):
                self.places[*path, index] = len(self.lines)
                self.value((*path, index), item)
                self.put(", # ]\n")
            self.put("]")
        elif isinstance(value, str) and "\n" in value and "\r" not in value:
            self.put('"""\n' + text_of(value)[1:-1].replace("\\n", "\n") + '"""')
        else:
            self.put(text_of(value) if isinstance(value, str) else json.dumps(value))


def text_of(value: str) -> str:
    """A basic string of TOML, whose escapes are nearly those of JSON."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")


@given(TABLES)
def test_agrees_with_whoever_wrote_the_document(table: dict[str, Any]) -> None:
    """For any data, every key has the line at which it was written, and no other path is named."""
    writer = Writer()
    text = writer.document(table)
    assert table == tomllib.loads(text)
    assert writer.places == places_of(text)
