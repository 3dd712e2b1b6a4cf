"""Lists of addresses, as a variable and MSK write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.aws.address import addresses, host_of, port_of
from pytest_substrate.model.facts import checked_facts


@pytest.mark.parametrize(
    ("text", "found", "malformed"),
    [
        ("b-1.spine.example:9096", ("b-1.spine.example:9096",), 0),
        ("B-1.Spine.example:9096, b-2.spine.example:9096", ("b-1.spine.example:9096", "b-2.spine.example:9096"), 0),
        ("[2001:db8::1]:9096", ("[2001:db8::1]:9096",), 0),
        ("localhost:9096,localhost:9096", ("localhost:9096", "localhost:9096"), 0),
        ("", (), 1),
        ("b-1:9096,", ("b-1:9096",), 1),
        ("b-1", (), 1),
        ("b-1:0", (), 1),
        ("b-1:65536", (), 1),
        ("SASL_SSL://b-1:9096", (), 1),
        ("user:password@b-1:9096", (), 1),
        ("b-1:9096/path", (), 1),
        ("b-1:\uff19\uff10\uff19\uff16", (), 1),
        (".b-1:9096", (), 1),
        ("b-1:9096;b-2:9096", (), 1),
    ],
)
def test_addresses(text: str, found: tuple[str, ...], malformed: int) -> None:
    """What is HOST:PORT is kept in lower case; everything else is counted and dropped."""
    assert (found, malformed) == addresses(text)


@given(st.text())
def test_whatever_is_kept_is_a_fact(text: str) -> None:
    """No text whatever brings something through that the list of facts would refuse."""
    found, malformed = addresses(text)
    checked_facts({"endpoints": found})
    assert len(text.split(",")) == len(found) + malformed
    assert all(0 < port_of(address) < 65536 and host_of(address) for address in found)
