"""What is always true of the reader of denials, whatever is in a log."""

from __future__ import annotations

import itertools
import json
import textwrap
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_substrate.planes.data.denied import Denial, Effect, Source, find_denials
from pytest_substrate.planes.data.denied.operations import is_cut, operation_named, permission_for

PRINCIPAL = "arn:aws:sts::111122223333:assumed-role/oracle-task/0f5c3c1e9a7b4d2f"
RESOURCE = "arn:aws:s3:::acme-spine/inputs/manifest.json"
OLD = f'User: {PRINCIPAL} is not authorized to perform: s3:GetObject on resource: "{RESOURCE}"'
SENTENCE = f"{OLD} because no identity-based policy allows the s3:GetObject action"
UNQUOTED = SENTENCE.replace('"', "")
PIECES = st.sampled_from(
    [
        *("User: ", "arn:aws:iam::1:user/a", " is not authorized to perform: ", "s3:GetObject", " on resource: "),
        *("\n", '"', "AccessDenied", "AccessDenied: Access Denied", "<Code>", "</Code>", "(Service: S3", "{", "[", "]"),
        *("because no ", "with an explicit deny", "Traceback (most recent", "\\", "\\u00", "%20not%20authorized", "&#"),
        *('{"message": "', '{"log": "', '"}', '{"Records": [', "  at x", "Caused by: ", "│ ", "403", "Forbidden: null"),
        *('"eventSource"', '"eventName"', '{"eventVersion":', "operation error S3: GetObject, ", "HeadObjectError"),
    ]
)
LOGS = st.text(max_size=300) | st.lists(PIECES | st.text(max_size=5), max_size=25).map("".join)


@settings(max_examples=400)
@given(LOGS)
def test_any_text(text: str) -> None:
    """Nothing raises; what is found is typed, stands in the log, and is attributed only where all three are known."""
    lines = text.split("\n")
    for denial in find_denials(lines):
        assert isinstance(denial, Denial)
        assert 1 <= denial.line <= len(lines)
        assert denial.attributed == (None not in (denial.principal, denial.action, denial.resource))
        assert denial.action is None or ":" in denial.action


@given(
    before=st.sampled_from(
        [
            *(
                "",
                "2026-03-02T10:00:00Z ERROR ",
                "[17] ",
                "app-1  | ",
                "level=error msg=",
                "  ",
                "\x1b[31mERROR\x1b[0m ",
            ),
            *(
                "Mar  2 10:00:00 ip-10-0-0-1 app[1]: ",
                "2026-03-02T10:00:00.1Z stderr F ",
                "E0302 10:00:00.1 1 a.go:1] ",
            ),
            *("│ Error: ", "> ", "\ufeff", "\x00", "upload failed: ./a to s3://b/a "),
        ]
    ),
    after=st.sampled_from(["", " (request 17)", "; giving up", ")", "]", ".", "\r", "\x1b[0m", ' {"a": 1}', "'"]),
    sentence=st.sampled_from([SENTENCE, UNQUOTED]),
)
def test_decoration(before: str, after: str, sentence: str) -> None:
    """What a log puts around the sentence changes nothing of it."""
    [denial] = find_denials([before + sentence + after])
    assert (PRINCIPAL, "s3:GetObject", RESOURCE) == (denial.principal, denial.action, denial.resource)
    assert (Effect.IMPLICIT, Source.IDENTITY) == (denial.effect, denial.source)


@given(depth=st.integers(min_value=0, max_value=4), key=st.sampled_from(["log", "message", "@message", "msg", "err"]))
def test_escaped_in_json(depth: int, key: str) -> None:
    """However often a line was written into JSON, names come out without a trace of it."""
    line = SENTENCE
    for _ in range(depth):
        line = json.dumps({key: line})
    [denial] = find_denials([line])
    assert (PRINCIPAL, RESOURCE) == (denial.principal, denial.resource)


@settings(max_examples=300)
@given(
    width=st.integers(min_value=30, max_value=len(SENTENCE) - 1),
    sentence=st.sampled_from([SENTENCE, UNQUOTED, OLD, "2026-03-02T10:00:00Z ERROR read failed: " + SENTENCE]),
)
def test_cut_at_a_width(width: int, sentence: str) -> None:
    """Lines that were cut at a width give whole names or none, and never half of one."""
    lines = [sentence[at : at + width] for at in range(0, len(sentence), width)]
    for denial in find_denials(lines):
        assert denial.principal in (None, PRINCIPAL)
        assert denial.resource in (None, RESOURCE)
        assert denial.action in (None, "s3:GetObject")


@given(
    width=st.integers(min_value=20, max_value=160),
    indent=st.sampled_from(["", "  ", "    ", "│ ", "app-1  | "]),
    hyphens=st.booleans(),
)
def test_wrapped_between_words(width: int, indent: str, hyphens: bool) -> None:
    """A sentence that a terminal wrapped is one refusal, with whole names, whatever stands before each line."""
    lines = textwrap.wrap(SENTENCE, width, break_long_words=False, break_on_hyphens=hyphens)
    [denial] = find_denials([indent + line for line in lines])
    assert (PRINCIPAL, "s3:GetObject", RESOURCE) == (denial.principal, denial.action, denial.resource)


@given(st.integers(min_value=1, max_value=len(SENTENCE) - 1))
def test_cut_off(length: int) -> None:
    """A sentence that ends too early names nothing that is not whole."""
    for denial in find_denials([SENTENCE[:length]]):
        assert denial.principal in (None, PRINCIPAL)
        assert denial.resource in (None, RESOURCE)
        assert denial.action in (None, "s3:GetObject")


@given(count=st.integers(min_value=1, max_value=5), frames=st.integers(min_value=0, max_value=30))
def test_a_chain_of_causes_is_one(count: int, frames: int) -> None:
    """The same refusal told by each cause of a chain is one entry, in whatever a collector puts before its lines."""
    error = f"software.amazon.awssdk.services.s3.model.S3Exception: {SENTENCE} (Service: S3, Status Code: 403)"
    lines = [f'Exception in thread "main" {error}']
    for _ in range(count):
        lines += [f"\tat a.B.c(D.java:{at})" for at in range(frames)]
        lines.append(f"Caused by: {error}")
    for prefix in ("", "app-1  | ", "2026-03-02T10:00:00.1Z stderr F ", "Mar  2 10:00:00 host app[1]: "):
        assert 1 == len(list(find_denials([prefix + line for line in lines])))


def test_a_stream_is_read_as_it_comes() -> None:
    """What was found is told before the log has ended, and quiet lines are let go."""

    def log() -> Iterator[str]:
        yield SENTENCE
        yield from itertools.repeat("2026-03-02T10:00:00Z INFO all is well")

    assert PRINCIPAL == next(find_denials(log())).principal


@pytest.mark.parametrize(
    "piece",
    [
        *("a", " ", "\\", '"', "{", "[", '{"a":', "&amp;", "a.b:", "Amazon.S3.", "User: ", "arn:aws:", "<Code>"),
        *("is not authorized to perform: ", "AccessDenied: ", "code=AccessDenied ", "operation error S3: GetObject, "),
        *("Access Denied (Service: S3, Status Code: 403, Request ID ", "HeadObjectError 403 ", "because no "),
        *(
            'Error executing "PutObject" on "https://x ',
            "on resource: ",
            UNQUOTED[:120],
            "because   ",
            "%20not%20authorized",
        ),
    ],
)
def test_time_grows_with_the_text_alone(piece: str) -> None:
    """Ten times the text takes far less than a hundred times the time, on one line that no pattern likes."""

    def seconds(size: int) -> float:
        line = (piece * (size // len(piece) + 1))[:size] + " 403 AccessDenied is not authorized to perform: "
        begun = time.perf_counter()
        list(find_denials([line]))
        return time.perf_counter() - begun

    seconds(1_000)
    assert seconds(100_000) < 40 * max(seconds(10_000), 0.005)


def test_permissions() -> None:
    """An operation's permission, where it is exactly one; never its own name where that is no permission."""
    assert "s3:ListBucket" == permission_for("ListObjectsV2")
    assert "s3:GetObject" == permission_for("HeadObject", "s3")
    assert "lambda:InvokeFunction" == permission_for("Invoke", "lambda")
    assert permission_for("CopyObject", "s3") is None
    assert permission_for("GetObjectAttributes") is None
    assert permission_for("DescribeClusters") is None  # of ECS, Redshift, DAX, …
    assert permission_for("ListTagsForResource") is None
    assert permission_for("NoSuchOperation", "s3") is None
    assert permission_for(None) is None


def test_words_of_operations() -> None:
    """Methods are found by their operations' names; a beginning of an action is not one."""
    assert "PutObject" == operation_named("putObject") == operation_named("put_object")
    assert operation_named("fooBar") is None
    assert is_cut("secretsmanager:GetSecretVal")
    assert not is_cut("secretsmanager:GetSecretValue")
    assert not is_cut("unknown:Anything")
