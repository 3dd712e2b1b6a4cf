"""Secrets that an output broke over several lines, and what a secret is made of."""

from __future__ import annotations

import base64
import html
import json
import pprint
import textwrap
import threading
import time
import urllib.parse

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_substrate.evidence.broken import has_breaks, squeezed, unbroken
from pytest_substrate.evidence.forms import forms, needles, secrets_of
from pytest_substrate.evidence.redaction import MASK, Net

SECRET = "correct horse battery staple, and then some more words of it"
TOKEN = base64.b64encode(bytes(range(200))).decode()
BREAKS = st.sampled_from(
    [
        "\n",
        "\r\n",
        "\n    ",
        "\n\t",
        "\nE   ",
        "\nE       ",
        "\\n",
        "\\r\\n",
        "&#10;",
        "%0A",
        "\nE     + ",
        '"\n    "',
        "'\nE    '",
    ]
)


def net(*values: str) -> Net:
    """One that knows these."""
    made = Net()
    for value in values:
        made.add(value)
    return made


def diff_of(value: str) -> str:
    """What pytest makes of a long text in an error."""
    return "\n".join(f"E         {line}" for line in pprint.pformat({"password": value}, width=40).splitlines())


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        (SECRET, textwrap.fill(f"the password is {SECRET}", 30)),
        (SECRET, textwrap.indent(textwrap.fill(SECRET, 20), "        ")),
        (SECRET, pprint.pformat({"password": SECRET}, width=40)),
        (SECRET, diff_of(SECRET)),
        (SECRET, pprint.pformat([SECRET.encode()], width=20)),
        (SECRET, json.dumps(textwrap.fill(SECRET, 30))),
        (SECRET, html.escape(textwrap.fill(SECRET, 30)).replace("\n", "&#10;")),
        (TOKEN, urllib.parse.quote("\n".join(textwrap.wrap(TOKEN, 60)))),
        (TOKEN, "\n".join(textwrap.wrap(TOKEN, 76))),
        (SECRET, base64.encodebytes(f"ingest:{SECRET}{'.' * 80}".encode()).decode()),
        (SECRET, base64.encodebytes(f"{SECRET}".encode()).decode().replace("\n", "\r\n  ")),
        (SECRET, "\n".join(textwrap.wrap(SECRET.encode().hex(), 32))),
        (TOKEN, "\n".join(f"E       {line}" for line in textwrap.wrap(TOKEN, 60))),
    ],
)
def test_a_broken_secret_is_found(secret: str, text: str) -> None:
    """Wrapped text, indented text, string literals of pprint, base64 and hex in lines, and these in other formats."""
    known = net(secret)
    clean = known.scrub(text)
    assert known.holds(text.encode())
    assert not known.holds(clean.encode())
    assert text.count("\n") == clean.count("\n")
    pieces = (
        [word for word in secret.replace(",", "").split() if len(word) > 4] if secret == SECRET else [secret[80:96]]
    )
    assert not [piece for piece in pieces if piece in clean]


@given(st.text(alphabet="abcXYZ0189-+/=&<\"'é ", min_size=8, max_size=60), st.data())
def test_wherever_it_is_broken(secret: str, data: st.DataObject) -> None:
    """Every form of a secret, broken at any places by any break, is seen by the sweep and masked."""
    assume(secret.strip("abE \"'+-,") and len(secret.strip()) == len(secret) and "*" not in secret)
    form = data.draw(st.sampled_from(sorted(form for form in forms(secret) if len(unbroken(form)) >= 6)))
    text, place = "", 0
    for cut in sorted(data.draw(st.sets(st.integers(2, len(form) - 2), max_size=4))):
        clear = form[cut - 1].isalnum() and form[cut].isalnum()  # at a blank or a quote, a break may take more with it
        text, place = (text + form[place:cut] + data.draw(BREAKS), cut) if clear else (text, place)
    text = f"before {text}{form[place:]} after"
    known = net(secret)
    assume(form in unbroken(text) or unbroken(form) in unbroken(text))
    assert known.holds(text.encode())
    assert not known.holds(known.scrub(text).encode())


@given(
    st.text(alphabet=st.one_of(st.characters(), st.sampled_from("abE'\"\n +-,\\")), max_size=80),
    st.lists(BREAKS, max_size=3),
    st.text(alphabet="abcdeE012'\" ", max_size=30),
)
def test_the_quick_look_never_misses(text: str, breaks: list[str], rest: str) -> None:
    """Whatever is in the text without its breaks is in the squeezed text, squeezed."""
    whole = text + "".join(breaks) + rest + "".join(breaks)
    without = unbroken(whole)
    assert has_breaks(whole) or without == "".join(whole.replace("\t", " ").split(" "))
    for run in needles([without]):
        if run.isalnum() and run.isascii():
            assert squeezed(run) in squeezed(whole)


@given(st.lists(st.text(min_size=1, max_size=40), max_size=8))
def test_each_wanted_text_holds_a_needle(wanted: list[str]) -> None:
    """So where there is no needle, there is none of them."""
    found = needles(wanted)
    assert all(any(needle in text for needle in found) for text in wanted)


@pytest.mark.parametrize(
    "text",
    ["one line", "several\nlines\n  of innocent text\n", "'a'\n'b'", "correct\nhorse, but not the battery", "\n\n\n"],
)
def test_innocent_lines_stay(text: str) -> None:
    """What holds no secret is the same text."""
    assert text == net(SECRET, TOKEN).scrub(text)


def test_the_lines_of_a_report_are_one_text() -> None:
    """Lists of texts keep their length; what is not a list of texts is scrubbed item by item."""
    lines = [
        "E   AssertionError: 'correct horse battery",
        "E     staple, and then some more words of it'",
        "two\nlines",
    ]
    assert ["E   AssertionError: '*** *** ***", "E     *** *** *** *** *** *** *** ***'", "two\nlines"] == net(
        SECRET
    ).scrub_tree(lines)
    assert [1, "***"] == net(SECRET).scrub_tree([1, SECRET])


def test_a_key_in_pem_is_masked_line_by_line() -> None:
    """A secret of several lines leaves as many."""
    pem = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\n-----END KEY-----"
    assert "key: ***\n***\n***." == net(pem).scrub(f"key: {pem}.")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"username": "ingest", "password": "hunter2"}', ["hunter2"]),
        ('{"username": "ingest", "password": "short"}', ["short"]),
        ('{"host": "db.example", "port": "5432", "flag": "true", "keys": [{"api": "abcdef"}], "n": 7}', ["abcdef"]),
        ("hunter2", []),
        ('"hunter2"', []),
        ("{broken", []),
    ],
)
def test_what_is_secret_in_a_secret(text: str, expected: list[str]) -> None:
    """The whole, and its texts; not what names a user or a place, and no plain word."""
    assert [text, *expected] == list(secrets_of(text))


def test_others_are_told() -> None:
    """Of what is known already, then of what becomes known, each once."""
    first, second = net("one-secret"), Net()
    first.pass_on(second.add)
    first.add("two-secret")
    first.add("two-secret")
    assert f"{MASK} {MASK}" == second.scrub("one-secret two-secret")


def test_learning_while_others_scrub() -> None:
    """A secret that becomes known in another thread disturbs nobody."""
    known = net(SECRET)
    seen: list[str] = []
    thread = threading.Thread(target=lambda: seen.extend(known.scrub(f"a {SECRET[:9]}... b") for _ in range(300)))
    thread.start()
    for count in range(60):
        known.add(f"another secret, number {count}")
    thread.join()
    assert {f"a {MASK}... b"} == set(seen)


def test_its_price() -> None:
    """A megabyte of source text with a session's usual secrets known is scrubbed in a fraction of a second."""
    known = net(
        SECRET, TOKEN * 3, json.dumps({"username": "ingest", "password": "hunter2-Ünd/more"}), "k" * 10 + TOKEN[:30]
    )
    text = "    def test_something(self) -> None:\n        assert {'a': \"b\"} == {'c': ...}, 'and so on'\n" * 12000
    began = time.process_time()
    assert text == known.scrub(text)
    assert time.process_time() - began < 1.5
