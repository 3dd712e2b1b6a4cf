"""What is always true of the reader of denials, whatever is in a log."""

from __future__ import annotations

import io

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_substrate.planes.data.denied import Denial, Effect, find_denials
from pytest_substrate.planes.data.denied.find import find_denials as denials_in
from pytest_substrate.planes.data.denied.operations import permission_for

PRINCIPAL = "arn:aws:sts::111122223333:assumed-role/oracle-task/0f5c3c1e9a7b4d2f"
RESOURCE = "arn:aws:s3:::acme-spine/inputs/manifest.json"
SENTENCE = (
    f'User: {PRINCIPAL} is not authorized to perform: s3:GetObject on resource: "{RESOURCE}" because no identity-based '
    "policy allows the s3:GetObject action"
)
PIECES = st.sampled_from(
    [
        "User: ",
        "arn:aws:iam::1:user/a",
        " is not authorized to perform: ",
        "s3:GetObject",
        " on resource: ",
        "\n",
        '"',
        "AccessDenied",
        "<Code>",
        "(Service: S3",
        "because no ",
        "with an explicit deny",
        "Traceback (most recent",
        "{",
    ]
)


@given(st.text(max_size=300) | st.lists(PIECES | st.text(max_size=5), max_size=25).map("".join))
def test_any_text(text: str) -> None:
    """Nothing raises; what is found is typed, and attributed only where all three are known."""
    for denial in denials_in(io.StringIO(text, newline="\n")):
        assert isinstance(denial, Denial)
        assert denial.line >= 1
        assert denial.attributed == (None not in (denial.principal, denial.action, denial.resource))
        assert denial.action is None or ":" in denial.action


@given(
    before=st.sampled_from(["", "2026-03-02T10:00:00Z ERROR ", "[17] ", "app-1  | ", "level=error msg=", "  "]),
    after=st.sampled_from(["", " (request 17)", "; giving up", ")", "]", "."]),
)
def test_decoration(before: str, after: str) -> None:
    """What a log puts around the sentence changes nothing of it."""
    [denial] = find_denials([before + SENTENCE + after])
    assert (PRINCIPAL, "s3:GetObject", RESOURCE) == (denial.principal, denial.action, denial.resource)
    assert Effect.IMPLICIT is denial.effect


@settings(max_examples=300)
@given(st.integers(min_value=30, max_value=len(SENTENCE) - 1))
def test_cut_at_a_width(width: int) -> None:
    """Lines that were cut at a width give whole names or none, and never half of one."""
    lines = [SENTENCE[at : at + width] for at in range(0, len(SENTENCE), width)]
    for denial in find_denials(lines):
        assert denial.principal in (None, PRINCIPAL)
        assert denial.resource in (None, RESOURCE)


@given(st.integers(min_value=1, max_value=len(SENTENCE) - 1))
def test_cut_off(length: int) -> None:
    """A sentence that ends too early names nothing that is not whole."""
    for denial in find_denials([SENTENCE[:length]]):
        assert denial.principal in (None, PRINCIPAL)
        assert denial.resource in (None, RESOURCE)


def test_permissions() -> None:
    """An operation's permission, where it is exactly one; never its own name where that is no permission."""
    assert "s3:ListBucket" == permission_for("ListObjectsV2")
    assert "s3:GetObject" == permission_for("HeadObject", "s3")
    assert permission_for("CopyObject", "s3") is None
    assert permission_for("ListTagsForResource") is None
    assert permission_for("NoSuchOperation", "s3") is None
    assert permission_for(None) is None
