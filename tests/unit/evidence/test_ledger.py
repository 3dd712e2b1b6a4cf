"""The ledger: a chain that only grows, and incidents that close by proof alone."""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_substrate.evidence.chain import Chain, RunLine, TornLine, TransitionLine, read_chain
from pytest_substrate.evidence.history import Incident, history, identifying
from pytest_substrate.evidence.ledger import append_run, head
from pytest_substrate.evidence.statement import LedgerHead
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, violated
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import Outcome, TargetKind
from tests.unit.evidence.making import DEV_MIN, NOW, WAIVER, Made
from tests.unit.planes.messaging.test_rotation import at, judged, secret, task

RED = violated("credential-refused", "SaslAuthenticate answered 58")


class Story:
    """Runs, one after another, ten minutes apart."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0

    def run(
        self,
        outcomes: Mapping[str, Diagnosis] | None = None,
        *,
        version: str = "v1",
        kind: TargetKind = TargetKind.AWS,
        declaration: bytes = DEV_MIN,
    ) -> LedgerHead:
        """One more run."""
        self.count += 1
        made = Made(
            outcomes=outcomes or {},
            facts={"MSG-010": {"version_id": version}},
            kind=kind,
            declaration=declaration,
            finished=NOW + self.count * timedelta(minutes=10),
        )
        return append_run(self.path, made.ledger_run(f"run-{self.count}"))

    @property
    def chain(self) -> Chain:
        """What is in the file."""
        return read_chain(self.path.read_bytes())

    @property
    def incidents(self) -> tuple[Incident, ...]:
        """What it comes to."""
        return history(self.chain.lines)[1]


@pytest.fixture
def story(tmp_path: Path) -> Story:
    """A ledger that doesn't exist yet, in a folder that doesn't either."""
    return Story(tmp_path / "reports/ledger.jsonl")


def test_a_green_run_is_one_line(story: Story) -> None:
    """Nothing came to something else than before, so that there is nothing more to say; the head is that line."""
    first = story.run()
    [(number, line)] = story.chain.lines
    assert isinstance(line, RunLine)
    assert (1, 1, "0" * 64, "run-1") == (number, line.seq, line.previous, line.run_id)
    assert LedgerHead(lines=1, sha256=line.hash) == first == head(story.path)
    assert {"service/ingest": {"MSG-010 version_id": "v1"}}.items() <= {
        subject: {name: value for name, value in facts.items() if name == "MSG-010 version_id"}
        for subject, facts in line.facts.items()
    }.items()
    assert "2026-06-01T12:10:00Z" == line.at.isoformat().replace("+00:00", "Z")


def test_no_ledger_has_no_head(tmp_path: Path) -> None:
    """Neither one that isn't there, nor an empty one."""
    assert head(tmp_path / "none.jsonl") is None
    (tmp_path / "empty.jsonl").touch()
    assert head(tmp_path / "empty.jsonl") is None


def test_each_change_of_a_check_is_a_line(story: Story) -> None:
    """The red rung and those behind it once when they turn, and once when they turn back."""
    story.run()
    story.run({"MSG-160": RED})
    story.run({"MSG-160": RED})
    story.run(version="v2")
    turned = [line for _, line in story.chain.lines if isinstance(line, TransitionLine)]
    assert [("run-2", None, "VIOLATION"), ("run-4", "VIOLATION", "PASS")] == [
        (line.run_id, line.before, line.outcome) for line in turned if line.check == "MSG-160"
    ]
    assert {"run-2", "run-4"} == {line.run_id for line in turned}
    assert 4 == sum(isinstance(line, RunLine) for _, line in story.chain.lines)


def test_an_incident_closes_by_a_changed_fact(story: Story) -> None:
    """Red, then green with another secret version: both proofs, and what changed."""
    story.run()
    story.run({"MSG-160": RED})
    story.run(version="v2")
    [incident] = story.incidents
    assert incident.closed
    assert ("MSG-160", "service/ingest", "credential-refused") == (incident.check, incident.subject, incident.cause)
    assert ("run-2", Outcome.VIOLATION) == (incident.red.run_id, incident.red.outcome)
    assert incident.green is not None
    assert ("run-3", Outcome.PASS) == (incident.green.run_id, incident.green.outcome)
    [change] = incident.changes
    assert ("service/ingest", "MSG-010 version_id", "v1", "v2") == (
        change.subject,
        change.fact,
        change.before,
        change.after,
    )


def test_a_redeploy_closes_a_stale_credential(story: Story) -> None:
    """What MSG-050 sees before and after a deployment is the change; the same tasks, judged otherwise, are none."""
    born, old, new = at(10.5), (at(1.5), at(2.5)), (at(20.5), at(22.5))
    stale = judged(secret(born=born, changed=born), task(1, *old), task(2, *old))
    story.run({"MSG-050": stale})
    story.run({"MSG-050": judged(secret(born=at(0.5), changed=at(0.5)), task(2, *old), task(1, *old))})
    [incident] = story.incidents
    assert not incident.closed
    story.run({"MSG-050": judged(secret(born=born, changed=born), task(3, *new), task(4, *new))})
    [incident] = story.incidents
    assert incident.closed
    assert ["MSG-050 running_task_arns"] == [change.fact for change in incident.changes]


def test_a_red_that_merely_went_away_stays_open(story: Story) -> None:
    """Green again with the same facts proves no mend; the next run that shows a change closes it, by its own line."""
    story.run({"MSG-160": RED})
    story.run()
    [incident] = story.incidents
    assert not incident.closed
    assert incident.green is not None
    assert () == incident.changes
    story.run(version="v2")
    [incident] = story.incidents
    assert incident.closed
    assert incident.green is not None
    assert "run-3" == incident.green.run_id


def test_a_change_while_it_is_red_counts_once_it_is_green(story: Story) -> None:
    """Rotated, still red, redeployed: the change since the red opened is the proof."""
    story.run({"MSG-160": RED})
    story.run({"MSG-160": RED}, version="v2")
    [incident] = story.incidents
    assert not incident.closed
    story.run(version="v2")
    [incident] = story.incidents
    assert incident.closed


def test_a_fact_that_was_not_known_at_the_red_is_no_change(story: Story) -> None:
    """First seen is not changed: the image's digest, which a task that doesn't start can't show."""
    story.run({"MSG-055": violated("image-not-pulled", "CannotPullContainerError")})
    story.run()
    [incident] = story.incidents
    assert not incident.closed


def test_red_again_before_it_was_mended_is_the_same_incident(story: Story) -> None:
    """A flapping rung is one incident; after a proven mend, the next red is another one."""
    story.run({"MSG-160": RED})
    story.run()
    story.run({"MSG-160": RED})
    assert 1 == len(story.incidents)
    story.run(version="v2")
    story.run({"MSG-160": RED}, version="v2")
    assert [True, False] == [incident.closed for incident in story.incidents]


def test_what_was_not_reached_is_no_incident_of_its_own(story: Story) -> None:
    """One red rung, one incident, however many stand behind it; what could not be observed is one too."""
    story.run({"MSG-110": violated("unresolved", "no such name")})
    assert ["MSG-110"] == [incident.check for incident in story.incidents]
    story.run({"MSG-020": inconclusive("not-observed", "denied"), "MSG-110": violated("unresolved", "no such name")})
    assert ["MSG-110", "MSG-020"] == [incident.check for incident in story.incidents]


def test_a_waiver_closes_nothing(story: Story) -> None:
    """Somebody answers for it: it is neither opened by that, nor mended."""
    waived = DEV_MIN + WAIVER
    refused = {"MSG-150": violated("wrong-mechanism", "SCRAM is not offered")}
    story.run(refused, declaration=waived)
    opened = len(story.incidents)
    assert 0 == opened
    story.run(refused)
    story.run(refused, declaration=waived, version="v2")
    [incident] = story.incidents
    assert not incident.closed


def test_scopes_never_touch(story: Story) -> None:
    """What is red on the embedded platform says nothing of AWS, and is marked as what it is."""
    story.run({"MSG-160": RED}, kind=TargetKind.EMBEDDED)
    story.run(version="v2")
    [incident] = story.incidents
    assert not incident.closed
    assert TargetKind.EMBEDDED is incident.scope.target


def test_the_declaration_mends_what_is_the_declarations_fault(story: Story) -> None:
    """Another declaration closes a red of the layer declaration, and no other."""
    undeclared = violated("undeclared", "a service runs undeclared")
    story.run({"SUB-010": undeclared, "MSG-160": RED})
    story.run(declaration=DEV_MIN + b"# declared\n")
    assert {"SUB-010": True, "MSG-160": False} == {each.check: each.closed for each in story.incidents}


def test_which_facts_identify() -> None:
    """Names of states and hashes count; measurements, counts and ports don't."""
    assert all(map(identifying, ("image_digest", "version_id", "policy_sha256", "task_definition_arn", "trust_hash")))
    assert not any(map(identifying, ("duration_ms", "total", "brokers", "offset", "caller_arn", "task_arn", "at")))


def test_a_broken_chain_is_not_continued(story: Story) -> None:
    """Nobody could tell later on which side of the break the truth is."""
    story.run()
    story.run()
    before = story.path.read_text().replace('"run-1"', '"run-9"')
    story.path.write_text(before)
    with pytest.raises(BadInput, match=r"ledger\.jsonl:1: it was edited"):
        story.run()
    with pytest.raises(BadInput, match=r"ledger\.jsonl:1: it was edited"):
        head(story.path)
    assert before == story.path.read_text()


def long_story(folder: Path) -> bytes:
    """A ledger of several runs."""
    story = Story(folder / "ledger.jsonl")
    story.run()
    story.run({"MSG-230": RED})
    story.run(version="v2")
    return story.path.read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Its bytes."""
    return long_story(tmp_path_factory.mktemp("ledger"))


@given(data=st.data())
@settings(max_examples=150)
def test_an_edit_anywhere_breaks_the_chain_there(whole: bytes, data: st.DataObject) -> None:
    """One changed byte: the line that it is in, or the next one, is named; in the last line it may look cut off."""
    place = data.draw(st.integers(0, len(whole) - 2))
    changed = bytearray(whole)
    changed[place] ^= data.draw(st.integers(1, 255))
    chain = read_chain(bytes(changed))
    number = whole.count(b"\n", 0, place) + 1
    assert chain.broken is not None
    assert chain.broken.number == number
    assert [line for _, line in read_chain(whole).lines[: number - 1]] == [line for _, line in chain.lines]


@given(data=st.data())
@settings(max_examples=100)
def test_a_line_removed_doubled_or_moved_breaks_the_chain(whole: bytes, data: st.DataObject) -> None:
    """Whichever it is, except that nobody can see from the chain alone that its end is missing."""
    lines = whole.splitlines(keepends=True)
    one = data.draw(st.integers(0, len(lines) - 2))
    changed = {
        "remove": lines[:one] + lines[one + 1 :],
        "double": [*lines[: one + 1], *lines[one:]],
        "swap": [*lines[:one], lines[one + 1], lines[one], *lines[one + 2 :]],
    }[data.draw(st.sampled_from(["remove", "double", "swap"]))]
    chain = read_chain(b"".join(changed))
    assert chain.broken is not None
    assert one + 1 <= chain.broken.number <= one + 2


@given(data=st.data())
@settings(max_examples=60)
def test_a_line_that_was_cut_off_is_reported_and_accounted_for(
    whole: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Wherever a crash cut the last write off: what is before it stands, the rest is reported, the next run goes on."""
    end = data.draw(st.integers(1, len(whole)))
    story = Story(tmp_path_factory.mktemp("torn") / "ledger.jsonl")
    story.path.write_bytes(whole[:end])
    cut = read_chain(whole[:end])
    assert cut.broken is None
    story.run()
    again = story.chain
    assert again.broken is None
    assert cut.lines == again.lines[: len(cut.lines)]
    assert bool(cut.rest) is any(isinstance(line, TornLine) for _, line in again.lines)
    assert [place.number for place in cut.torn] == [place.number for place in again.torn]
    assert story.path.read_bytes().startswith(whole[:end])


def test_a_cut_off_line_that_was_cut_off_again(story: Story) -> None:
    """Two crashes in a row: both pieces stay, and one line accounts for both."""
    story.run()
    first = story.path.read_bytes()
    story.path.write_bytes(first + b'{"at":"2026')
    story.run()
    second = story.path.read_bytes()
    story.path.write_bytes(second[: len(first) + len(b'{"at":"2026') + 1 + 40])
    story.run()
    chain = story.chain
    assert chain.broken is None
    assert [2] == [place.number for place in chain.torn]
    assert ["run", "torn", "run"] == [line.kind for _, line in chain.lines]


def test_a_line_without_its_line_end_is_whole(story: Story) -> None:
    """All of it was written but the last byte: nothing is lost, and the next run begins a new line."""
    story.run()
    story.path.write_bytes(story.path.read_bytes().rstrip(b"\n"))
    assert 1 == story.chain.seq
    story.run()
    assert (2, ()) == (story.chain.seq, story.chain.torn)


def _append(path: Path, number: int) -> None:
    append_run(path, Made(outcomes={"MSG-160": RED} if number % 2 else {}).ledger_run(f"run-{number}"), deadline_s=60)


def test_runs_that_end_at_once_wait_for_each_other(tmp_path: Path) -> None:
    """Several processes, one chain."""
    path = tmp_path / "ledger.jsonl"
    context = multiprocessing.get_context("fork")
    runs = [context.Process(target=_append, args=(path, number)) for number in range(4)]
    for each in runs:
        each.start()
    for each in runs:
        each.join(90)
    chain = read_chain(path.read_bytes())
    assert chain.broken is None
    assert {"run-0", "run-1", "run-2", "run-3"} == {line.run_id for _, line in chain.lines if isinstance(line, RunLine)}


def test_a_lock_that_is_held_too_long(story: Story) -> None:
    """A deadline, not a hang: nothing is written."""
    from filelock import FileLock

    story.run()
    before = story.path.read_bytes()
    with FileLock(story.path.with_name(f".{story.path.name}.lock")), pytest.raises(TimeoutError, match=r"0\.2 s"):
        append_run(story.path, Made().ledger_run("late"), deadline_s=0.2)
    assert before == story.path.read_bytes()


def test_a_write_that_fails_is_no_head(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk after half of it: an error, and the next run accounts for the half."""
    story.run()
    real = os.write

    def half(handle: int, data: Any) -> int:
        if len(data) < 100:
            raise OSError(28, "No space left on device")
        return real(handle, data[: len(data) // 2])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space left"):
            story.run()
    assert story.chain.rest
    story.run()
    assert story.chain.broken is None


def test_secrets_are_masked(story: Story) -> None:
    """What a run knows as a secret has no way into the ledger, and the chain is over what was written."""

    def mask(tree: Any) -> Any:
        return json.loads(json.dumps(tree).replace("v1", "***"))

    append_run(story.path, Made().ledger_run("run-1"), scrub=mask)
    assert b'"MSG-010 version_id":"***"' in story.path.read_bytes()
    assert story.chain.broken is None


def test_a_secret_in_the_place_of_a_name_stops_the_run(story: Story) -> None:
    """A line that could not be read again is never written."""

    def mask(tree: Any) -> Any:
        return json.loads(json.dumps(tree).replace('"aws"', '"***"'))

    with pytest.raises(BadInput, match="would hold a secret where a name must stand"):
        append_run(story.path, Made().ledger_run("run-1"), scrub=mask)
    assert not story.path.exists()
