"""The ladder as lines: width, verbosity, what stands beside a rung."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.gate.judge import Problem, judge
from pytest_substrate.model.check import Pair
from pytest_substrate.model.outcome import Outcome, Plane, Vantage
from pytest_substrate.model.record import Record
from pytest_substrate.report.glyphs import ASCII, Glyphs, glyphs_for, writable
from pytest_substrate.report.terminal import Page, render
from pytest_substrate.running.house import House
from pytest_substrate.running.plan import Plan, make_plan, read_source

FILE = Path(__file__).parents[3] / "fixtures" / "dev_min" / "substrate.toml"
PLAN: Plan = make_plan(House(), read_source(House(), FILE, "substrate.toml"), (Plane.MESSAGING,))
TARGET = {"kind": "embedded", "account": "111122223333", "region": "eu-west-2", "environment": "dev"}
COMMAND = "aws ecs update-service --cluster main --service 'an ingest' --force-new-deployment --region eu-west-2"


def record(pair: Pair, outcome: Outcome = Outcome.PASS, **changes: object) -> Record:
    """A record of a pair of the plan."""
    check = PLAN.checks[pair.check]
    made = Record(
        check=pair.check,
        plane=check.plane,
        subject=pair.subject,
        outcome=outcome,
        layer=check.layer,
        cause=None if outcome is Outcome.PASS else "made-up",
        message="something of some length happened at 2026-01-01T02:14:00Z",
        next=None if outcome is Outcome.PASS else COMMAND,
        vantage=Vantage.TASK if check.runtime else Vantage.HERE,
        duration_ms=1.0,
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields of a record


def lines(
    records: Iterable[Record],
    *,
    width: int = 100,
    verbosity: int = 0,
    glyphs: Glyphs | None = None,
    problems: Iterable[Problem] = (),
) -> list[str]:
    """The plain text of the report."""
    page = Page(width=width, glyphs=glyphs or Glyphs(), verbosity=verbosity)
    rendered = render(
        judgement=judge(PLAN.pairs, records, problems), plan=PLAN, target=TARGET, notes=["a note"], page=page
    )
    return ["".join(text for text, _ in line) for line in rendered]


GREEN = [record(pair) for pair in PLAN.pairs]


def changed(check: str, outcome: Outcome, **changes: object) -> list[Record]:
    """All green but for one check."""
    return [record(pair, outcome, **changes) if pair.check == check else record(pair) for pair in PLAN.pairs]


def test_all_green() -> None:
    """A header, one line, the notes, and the verdict last."""
    assert [
        "messaging_plane · service/ingest · task as role/ingest-task",
        "  target: embedded 1111…/eu-west-2 (dev)",
        " ✓ SUB-010, MSG-005 … MSG-240  25 rungs",
        "a note",
        "READY   required 25  passed 25  violated 0  inconclusive 0  not reached 0  waived 0",
    ] == lines(GREEN, width=90)


def test_header_in_one_line() -> None:
    """Where there is room, the target stands at the right, and the image is named."""
    records = changed("MSG-055", Outcome.PASS, facts={"image_digest": "sha256:" + "9f3c" * 16})
    [header] = [line for line in lines(records, width=130) if line.startswith("messaging_plane")]
    assert header.startswith("messaging_plane · service/ingest · task as role/ingest-task · image sha256:9f3c…  ")
    assert header.endswith("  target: embedded 1111…/eu-west-2 (dev)")


@pytest.mark.parametrize(
    "facts",
    [
        {"broker": "b-1.spine.abc:9096", "tls_version": "TLSv1.3"},
        {"brokers": ["b-1.spine.abc:9096", "b-2.spine.abc:9096"], "tls_version": "TLSv1.3"},
    ],
    ids=["one", "several"],
)
def test_what_stands_beside_green(facts: dict[str, object]) -> None:
    """The broker and its TLS version, where a group of green rungs has seen them."""
    records = changed("MSG-130", Outcome.PASS, facts=facts)
    [green] = [line for line in lines(records) if "✓" in line]
    assert green.endswith(" b-1…:9096  TLS 1.3")
    assert 99 == len(green)


def test_a_red_rung() -> None:
    """What, the message, the layer with the next command, and where it is explained."""
    shown = lines(changed("MSG-190", Outcome.VIOLATION), width=160)
    at = next(number for number, line in enumerate(shown) if "✗" in line)
    assert [
        " ✗ MSG-190 [topic/events.raw] " + PLAN.checks["MSG-190"].statement,
        "     something of some length happened at 2026-01-01T02:14:00Z",
        f"     layer  authorization next  {COMMAND}",
        "     why    docs/checks/messaging_plane.md#msg-190",
    ] == shown[at : at + 4]


def test_waived() -> None:
    """A waived rung shows its reason, and needs no command."""
    shown = lines(changed("MSG-050", Outcome.WAIVED, message="waived by platform (PLAT-17)"))
    at = next(number for number, line in enumerate(shown) if line.startswith(" ~ MSG-050"))
    assert "     waived by platform (PLAT-17)" == shown[at + 1]
    assert shown[at + 2].startswith(" ✓ MSG-055")
    assert shown[-1].startswith("READY   ")
    assert shown[-1].endswith("waived 1")


def test_missing_and_problems() -> None:
    """What has no record is counted, what took it away is named, and the verdict counts it."""
    lost = Problem(reason="worker-lost", message="the worker gw1 started and never reported its end")
    shown = lines(GREEN[:-2], problems=[lost], width=160)
    assert " ! MSG-230, 240: 2 without a record (count as red)" in shown
    assert " ! worker-lost: the worker gw1 started and never reported its end" in shown
    assert shown[-1].startswith("NOT READY   required 25  passed 23 ")
    assert shown[-1].endswith("missing 2")


@pytest.mark.parametrize("verbosity", [-2, -1, 0, 1])
def test_verbosity(verbosity: int) -> None:
    """-qq leaves the verdict, -q what is red, -v every rung with its message."""
    shown = lines(changed("MSG-050", Outcome.VIOLATION), verbosity=verbosity, width=200)
    greens = [line for line in shown if "✓" in line]
    assert {-2: 0, -1: 0, 0: 2, 1: 24}[verbosity] == len(greens)
    assert (verbosity > -2) == any("✗ MSG-050" in line for line in shown)
    assert shown[-1].startswith("NOT READY   first red MSG-050 (rotation)")


@given(st.integers(40, 140), st.sampled_from(Outcome), st.sampled_from(PLAN.pairs))
def test_every_line_fits(width: int, outcome: Outcome, pair: Pair) -> None:
    """From 40 columns on nothing is wider than the page but words that can't be broken."""
    for line in lines(changed(pair.check, outcome), width=width):
        assert len(line) <= width or max(map(len, line.split())) > width - 12 or "docs/checks/" in line


@given(st.integers(40, 140))
def test_a_command_can_be_copied(width: int) -> None:
    """However narrow the page, the lines of a command are one command for a shell."""
    shown = lines(changed("MSG-050", Outcome.VIOLATION), width=width)
    text = "\n".join(shown)
    command = text[text.index("aws ecs") : text.index("     why ")]
    assert shlex.split(COMMAND) == shlex.split(command.replace("\\\n", " "))


def test_hostile_text() -> None:
    """A peer's words can't move the cursor, colour the screen or make up a line of the ladder."""
    shown = lines(changed("MSG-050", Outcome.VIOLATION, message="bad\x1b[2J\r\n ✓ MSG-050 fine"))
    assert not [line for line in shown if "\x1b" in line or "\r" in line or line.startswith(" ✓ MSG-050")]


@pytest.mark.parametrize(("encoding", "glyphs"), [("utf-8", Glyphs()), ("ascii", ASCII), (None, ASCII), ("no", ASCII)])
def test_glyphs(encoding: str | None, glyphs: Glyphs) -> None:
    """Each encoding gets marks that it can write."""
    assert glyphs == glyphs_for(encoding)
    shown = lines(changed("MSG-050", Outcome.VIOLATION), glyphs=glyphs_for(encoding))
    assert all(line == writable(line, encoding) for line in shown)
