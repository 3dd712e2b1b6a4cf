"""The net that masks known secrets."""

from __future__ import annotations

import base64
import html
import io
import json
import logging
import quopri
import shlex
import sys
import urllib.parse
from collections.abc import Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_substrate.evidence.forms import forms
from pytest_substrate.evidence.redaction import MASK, Net, Scrubber

SECRET = 'p@ss"wörd\\<&>/+=1'


@pytest.fixture
def scrubber() -> Iterator[Scrubber]:
    """A scrubber that knows one secret."""
    scrubber = Scrubber()
    scrubber.add(SECRET)
    yield scrubber
    scrubber.release()


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"sasl.password={SECRET};",
        json.dumps({"password": SECRET}),
        json.dumps({"password": SECRET}, ensure_ascii=False),
        repr(SECRET),
        repr(json.dumps({"password": SECRET})),
        json.dumps({"body": json.dumps({"password": SECRET})}),
        repr(json.dumps({"body": json.dumps({"password": SECRET})})),
        repr(SECRET.encode()),
        html.escape(SECRET),
        html.escape(SECRET).encode("ascii", "xmlcharrefreplace").decode(),
        SECRET.encode("ascii", "backslashreplace").decode(),
        SECRET.encode("unicode_escape").decode(),
        ascii(SECRET),
        urllib.parse.quote(SECRET),
        urllib.parse.quote(SECRET, safe=""),
        urllib.parse.quote_plus(SECRET),
        urllib.parse.quote(SECRET, safe="").lower(),
        urllib.parse.urlencode({"password": SECRET}),
        SECRET.encode().hex(),
        SECRET.encode().hex().upper(),
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(b"\0ingest\0" + SECRET.encode()).decode(),
        base64.b64encode(b"x\0ingest\0" + SECRET.encode() + b"yz").decode(),
        base64.b64encode(b"xy\0ingest\0" + SECRET.encode() + b"y").decode(),
        base64.urlsafe_b64encode(b"xy\0ingest\0" + SECRET.encode()).decode(),
        base64.b64encode(json.dumps({"password": SECRET}).encode()).decode(),
        base64.b64encode(base64.b64encode(SECRET.encode())).decode(),
        base64.b32encode(SECRET.encode()).decode(),
        base64.b85encode(SECRET.encode()).decode(),
        urllib.parse.quote(json.dumps({"password": SECRET})),
        urllib.parse.quote(urllib.parse.quote(SECRET)),
        urllib.parse.quote(SECRET, safe="!'()*"),
        html.escape(html.escape(SECRET)),
        shlex.quote(SECRET),
        json.dumps(SECRET).replace("/", "\\/"),
        json.dumps(SECRET).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"),
        quopri.encodestring(SECRET.encode()).decode(),
        SECRET.encode().hex(" "),
        SECRET.encode().hex(":").upper(),
        repr(bytearray(SECRET.encode())),
        str(list(SECRET.encode())),
        json.dumps({"type": "Buffer", "data": list(SECRET.encode())}, separators=(",", ":")),
    ],
)
def test_every_form_is_masked(scrubber: Scrubber, text: str) -> None:
    """Raw, JSON, repr, XML, URL, hex and base64 at each alignment."""
    clean = scrubber.scrub(text)
    assert MASK in clean
    assert not any(form in clean for form in forms(SECRET))
    assert scrubber.holds(text.encode())
    assert not scrubber.holds(clean.encode())


@given(st.text(min_size=4, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_a_known_secret_never_stays(secret: str, before: str, after: str) -> None:
    """Whatever surrounds it, a known secret is not in clean text."""
    assume("*" not in secret)  # what stands beside a mask could make it up again
    scrubber = Scrubber()
    scrubber.add(secret)
    try:
        for text in (before + secret + after, json.dumps(before + secret + after)):
            assert secret not in scrubber.scrub(text)
    finally:
        scrubber.release()


@given(st.binary(min_size=9, max_size=60), st.binary(max_size=5), st.binary(max_size=5))
def test_base64_at_any_alignment(secret: bytes, before: bytes, after: bytes) -> None:
    """A secret inside something larger that is encoded is found, wherever it begins."""
    text = secret.hex()
    scrubber = Scrubber()
    scrubber.add(text)
    try:
        whole = base64.b64encode(before + text.encode() + after).decode()
        assert scrubber.holds(whole.encode())
    finally:
        scrubber.release()


def test_what_was_clean_before_is_looked_at_again() -> None:
    """A text that was found clean is masked once its content is a secret; many clean ones are remembered, not all."""
    net = Net()
    net.add("another-secret")
    for number in range(6000):
        assert f"a text {number}" == net.scrub(f"a text {number}")
    net.add("text 5999")
    net.add("text 12")
    assert f"a {MASK}" == net.scrub("a text 5999") == net.scrub("a text 12")


def test_an_empty_value_is_no_secret() -> None:
    """Masking it would mask between all characters."""
    scrubber = Scrubber()
    scrubber.add("")
    assert not scrubber
    assert "text" == scrubber.scrub("text")


def test_lines_of_a_long_secret(scrubber: Scrubber) -> None:
    """A key in PEM is found even where only one of its lines is printed."""
    scrubber.add("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nCBKcwggSjAgEAAoIBAQDM1x2y\n-----END-----")
    assert "key: ***" == scrubber.scrub("key: MIIEvQIBADANBgkqhkiG9w0BAQ")


@pytest.mark.parametrize("kind", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_in_wide_characters(scrubber: Scrubber, kind: str) -> None:
    """A finished output is looked at as other tools may have written it."""
    assert scrubber.holds(f"user=ingest password={SECRET}".encode(kind))
    assert not scrubber.holds("user=ingest password=hidden".encode(kind))


@pytest.mark.parametrize("value", ["it's a $ecret", 'say "no" twice', "back\\slash's"])
def test_quotes_in_a_secret(value: str) -> None:
    """A secret with quotes, as a shell, YAML, SQL, CSV and reprs write it."""
    scrubber = Scrubber()
    scrubber.add(value)
    for text in (shlex.quote(value), "'" + value.replace("'", "''") + "'", '"' + value.replace('"', '""') + '"'):
        assert value[2:] not in scrubber.scrub(text)
        assert "***" in scrubber.scrub(text)
    assert repr([bytearray(b"x")]) == scrubber.scrub(repr([bytearray(b"x")]))
    assert "***" in scrubber.scrub(repr(bytearray(value.encode())))
    scrubber.release()


@pytest.mark.parametrize("dots", ["...", "…"])
def test_a_secret_that_was_cut(scrubber: Scrubber, dots: str) -> None:
    """What a shortened repr leaves of a secret, before and after its dots, is masked too."""
    assert f"'***{dots}***'" == scrubber.scrub(f"'{SECRET[:5]}{dots}{SECRET[-6:]}'")
    assert f"left {dots} right" == scrubber.scrub(f"left {dots} right")


def test_bytes_and_trees(scrubber: Scrubber) -> None:
    """Bytes that hold nothing are the same object; trees are scrubbed in keys and values."""
    untouched = b"\xff\xfe nothing"
    assert scrubber.scrub_bytes(untouched) is untouched
    assert b"a *** \xff" == scrubber.scrub_bytes(b"a " + SECRET.encode() + b" \xff")
    assert {"***": ["***", 1, ("***", None)]} == scrubber.scrub_tree({SECRET: [SECRET, 1, (SECRET, None)]})


def test_logging(scrubber: Scrubber, caplog: pytest.LogCaptureFixture) -> None:
    """Log records are clean from their making on: message, arguments and traceback; a broken call stays logging's."""
    log = logging.getLogger("test")
    try:
        int(SECRET)
    except ValueError:
        log.exception("password %s", SECRET)
    assert "password ***" == caplog.records[0].getMessage()
    assert SECRET not in caplog.text
    scrubber.release()
    log.warning("password %s", "plain")
    assert "password plain" == caplog.records[-1].getMessage()


def test_the_own_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test prints past pytest is clean too; on release, a stream writes by itself again."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "__stdout__", stream)
    monkeypatch.setattr(sys, "__stderr__", None)
    scrubber = Scrubber()
    scrubber.add(SECRET)
    print("password", SECRET, file=stream)
    scrubber.release()
    print(SECRET, file=stream)
    assert f"password {MASK}\n{SECRET}\n" == stream.getvalue()


def test_on_first() -> None:
    """Who wants to hear of the first secret hears once, at once where there is one."""
    scrubber = Scrubber()
    heard: list[int] = []
    scrubber.on_first(lambda: heard.append(1))
    assert [] == heard
    scrubber.add("one")
    scrubber.add("two")
    scrubber.on_first(lambda: heard.append(2))
    assert [1, 2] == heard
    scrubber.release()


def test_a_shortened_number_is_not_a_secret_in_numbers() -> None:
    """`o` is byte 111, and an account before an ellipsis is no rest of it; several of its bytes are."""
    net = Net()
    net.add("open sesame 42")
    for shown in ("target: embedded 1111…/eu-west-2", "[… 52, 50]"):
        assert shown == net.scrub(shown)
    assert "112, 101" not in net.scrub("[111, 112, 101, 110, ...]")
