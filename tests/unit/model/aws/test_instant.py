"""Moments and the one comparison that a verdict may rest on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.aws.instant import Instant, text_of

NOON = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


def at(seconds: float, *, cut: bool | None = None) -> Instant:
    """A moment so many seconds after noon."""
    time = NOON + timedelta(seconds=seconds)
    return Instant.of(time) if cut is None else Instant(at=time, whole_second=cut)


@pytest.mark.parametrize(
    ("first", "second", "order"),
    [
        (at(1.5), at(2.5), -1),
        (at(2.5), at(1.5), 1),
        (at(1.5), at(1.5), 0),
        (at(1.501), at(1.5), 1),
        (at(1, cut=True), at(1.5), None),
        (at(1.5), at(1, cut=True), None),
        (at(1, cut=True), at(1, cut=True), None),
        (at(1, cut=True), at(2.001), -1),
        (at(2, cut=True), at(1.999), 1),
        (at(1, cut=True), at(2, cut=True), -1),
    ],
)
def test_order(first: Instant, second: Instant, order: int | None) -> None:
    """Nominal order, but for a cut moment in the other's second, which is undecided."""
    assert order == first.order(second)
    assert first.before(second) == (order == -1)
    assert first.not_before(second) == (order in (0, 1))


moments = st.builds(
    Instant.of, st.integers(0, 5_000_000).map(lambda microseconds: NOON + timedelta(microseconds=microseconds))
)


@given(moments, moments)
def test_order_is_antisymmetric(first: Instant, second: Instant) -> None:
    """Never both before and not before, and turned round the order turns round."""
    order, reverse = first.order(second), second.order(first)
    assert (None if order is None else -order) == reverse
    assert not (first.before(second) and first.not_before(second))


@given(moments, moments, moments)
def test_before_is_transitive(first: Instant, second: Instant, third: Instant) -> None:
    """Certainly earlier than something certainly earlier is certainly earlier."""
    if first.before(second) and second.before(third):
        assert first.before(third)


def test_precision_is_told_from_the_fraction() -> None:
    """A time without a fraction counts as cut to the second."""
    assert Instant.of(NOON).whole_second
    assert not Instant.of(NOON + timedelta(milliseconds=1)).whole_second


def test_times_are_utc() -> None:
    """Another zone's time is the same moment in UTC; a time without a zone is refused."""
    there = NOON.astimezone(timezone(timedelta(hours=9)))
    assert Instant.of(NOON) == Instant.of(there)
    with pytest.raises(ValueError, match="time zone"):
        Instant.of(datetime(2026, 3, 1))  # noqa: DTZ001  the lack of a zone is what is tested


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (at(0), "2026-03-01T12:00:00Z"),
        (at(0.5), "2026-03-01T12:00:00.500Z"),
        (at(0.000001), "2026-03-01T12:00:00.000001Z"),
        (None, None),
    ],
)
def test_text_keeps_the_precision(moment: Instant | None, text: str | None) -> None:
    """The text shows no digit that the service didn't give."""
    assert text == text_of(moment)
