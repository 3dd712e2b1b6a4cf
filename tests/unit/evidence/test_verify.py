"""Verifying: what a whole, sealed, READY file is taken for, and each of the reasons against one."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pytest_substrate.evidence.envelope import pack
from pytest_substrate.evidence.statement import OwnCheck
from pytest_substrate.gate.judge import Problem
from pytest_substrate.model.diagnosis import inconclusive, violated
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import Layer, Outcome, Plane, TargetKind, Vantage
from pytest_substrate.model.record import Record
from tests.unit.evidence.making import (
    DEV_MIN,
    FIXTURES,
    IMAGE,
    NOW,
    WAIVER,
    Made,
    good,
    key,
    reasons,
    sign,
    signed,
    verify,
)

RED = violated("wrong-mechanism", "SCRAM is not offered")


def test_a_ready_run_that_was_sealed_is_a_proof() -> None:
    """Everything that can be demanded of it holds."""
    assert () == verify(
        good(),
        require=[Plane.MESSAGING],
        digests=[f"sha256:{IMAGE}", IMAGE],
        max_age=timedelta(minutes=30),
        environment="dev",
    )


def test_without_a_declaration_it_is_held_against_itself() -> None:
    """The signature says whose word it is, and the records must give what it says."""
    assert () == verify(good(), declaration=None)


def test_any_line_ends_and_mark_of_the_declaration_are_the_same_declaration() -> None:
    """Its digest is that of its canonical bytes."""
    assert () == verify(good(), declaration=b"\xef\xbb\xbf" + DEV_MIN.replace(b"\n", b"\r\n"))


def test_another_signature_beside_the_pinned_one_does_no_harm() -> None:
    """Of several keys' signatures, one by a pinned key is enough; a file that bears none of them is refused."""
    both = signed(good(), "other")
    assert () == verify(both) == verify(both, keys=[key("other")]) == verify(both, keys=[key(), key("other")])
    assert {"wrong-key"} == reasons(both, keys=[key("third")])


def test_wrong_key() -> None:
    """Signed by somebody else."""
    assert {"wrong-key"} == reasons(good(), keys=[key("other")])


def test_unsigned() -> None:
    """The file that the run left, before a job sealed it; and where that is allowed."""
    raw = Made().text()
    assert {"unsigned"} == reasons(raw)
    assert () == verify(raw, allow_unsigned=True) == verify(raw, keys=[], allow_unsigned=True)


def test_a_signature_that_nobody_checks_is_no_signature() -> None:
    """Allowing unsigned files doesn't let a signed one pass unchecked."""
    assert {"unchecked"} == reasons(good(), keys=[], allow_unsigned=True)
    assert {"unchecked"} == reasons(good(), keys=[])
    assert {"wrong-key"} == reasons(good(), keys=[key("other")], allow_unsigned=True)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not-json"),
        (b"not JSON", "not-json"),
        (b"\xff\xfe", "not-json"),
        (b"[" * 100_000, "not-json"),
        (b"[]", "not-an-envelope"),
        (b"{}", "not-an-envelope"),
        (good()[:-3], "not-json"),
        (good()[: len(good()) // 2], "not-json"),
        (good().replace(b"{", b'{"payloadType": "other",', 1), "duplicate-key"),
        (good().replace(b"in-toto", b"in-other"), "not-an-envelope"),
        (good().replace(b'"signatures"', b'"signature"'), "not-an-envelope"),
        (good().replace(b'"keyid"', b'"key"'), "not-an-envelope"),
        (good() + b"\n", "edited"),
        (b" " + good(), "edited"),
        (good().replace(b'"sig": "', b'"sig": "A'), "not-an-envelope"),
    ],
)
def test_not_a_whole_file(raw: bytes, reason: str) -> None:
    """Cut off, not JSON, a key twice, another type, or anything but the bytes that were written."""
    assert {reason} == reasons(raw)


def test_one_key_twice() -> None:
    """The same signature a second time is not what the seal wrote."""
    envelope = json.loads(good())
    envelope["signatures"] *= 2
    assert {"edited"} == reasons((json.dumps(envelope, indent=1) + "\n").encode())


def test_duplicate_keys_in_the_payload() -> None:
    """Two readers could read two verdicts, so that it isn't even sealed, and not verified unsigned."""
    from pytest_substrate.evidence.envelope import Envelope

    payload = json.dumps(Made().statement()).replace('"verdict":', '"verdict": "NOT READY", "verdict":', 1)
    raw = Envelope(payload=payload.encode()).to_text().encode()
    assert {"duplicate-key"} == reasons(raw, allow_unsigned=True)


def edit(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Sealed evidence whose predicate was changed before: what a tested repository could have somebody seal."""
    statement = copy.deepcopy(Made().statement())
    change(statement["predicate"])
    return sign(statement)


def put(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    """Set what lies at a path."""

    def change(predicate: dict[str, Any]) -> None:
        place: Any = predicate
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (put("run", "finished", value="2026-06-01T12:05:00Z"), "future"),
        (put("run", "oldest_observation", value="2026-06-01T11:59:00Z"), "times"),
        (put("run", "started", value="2026-06-01T11:59:00Z"), "times"),
        (put("target", "environment", value="prod"), "environment"),
        (put("target", "account", value="999922223333"), "account"),
        (put("target", "region", value="eu-west-1"), "region"),
        (put("observer", value="arn:aws:sts::999922223333:assumed-role/substrate-observer/x"), "observer"),
        (put("observer", value="arn:aws:sts::111122223333:assumed-role/admin/x"), "observer"),
        (put("observer", value="arn:aws:iam::111122223333:user/substrate-observer"), "observer"),
        (put("observer", value=None), "observer"),
        (put("target", "observer_role", value=None), "observer"),
        (put("declaration", "sha256", value="0" * 64), "declaration"),
        (put("check_set", "sha256", value="0" * 64), "check-set"),
        (put("check_set", "required", value=24), "check-set"),
        (put("counts", "PASS", value=24), "counts"),
        (put("missing", value=1), "counts"),
        (put("verdict", value="NOT READY"), "verdict"),
        (put("planes", value={}), "plane-missing"),
        (put("planes", value={"substrate": "READY"}), "plane-missing"),
        (put("planes", "messaging_plane", value="NOT READY"), "verdict"),
        (put("planes", value={"messaging_plane": "READY", "packaging_plane": "READY"}), "check-set"),
        (put("plugin", "version", value="0.0.1"), "unknown-version"),
        (put("plugin", "name", value="other"), "unknown-version"),
        (put("plugin", "judged_by", value="conftest.Mine"), "stand-in"),
        (put("options", "adhoc", value={"value": True, "source": "ini"}), "adhoc"),
        (put("options", value={}), "adhoc"),
        (put("options", "fault", value={"value": ["stale"], "source": "ini"}), "faults"),
        (put("options", "target", value={"value": "embedded", "source": "ini"}), "options"),
        (put("vantage", value="here"), "options"),
        (put("problems", value=[{"reason": "skipped", "message": "MSG-050 was skipped"}]), "run-problem"),
        (put("not_applicable", value=[{"check": "A", "subject": "b", "reason": "c"}]), "not-applicable"),
        (put("records", 3, "check", value="MSG-999"), "unknown-check"),
        (put("records", 3, "subject", value="service/other"), "record-missing"),
        (put("records", 3, "plane", value="data_plane"), "record"),
        (put("records", 3, "cause", value="why"), "record"),
        (put("records", 3, "vantage", value="exec"), "record"),
        (put("records", 3, "facts", value={"password": "x"}), "record"),
        (put("records", 3, "outcome", value="VIOLATION"), "not-ready"),
        (put("records", 3, "outcome", value="WAIVED"), "waived"),
        (lambda predicate: predicate["records"].pop(), "record-missing"),
        (lambda predicate: predicate["records"].clear(), "record-missing"),
        (lambda predicate: predicate["records"].reverse(), "reordered"),
        (lambda predicate: predicate["records"].append(predicate["records"][0]), "record-duplicated"),
    ],
)
def test_what_a_statement_may_not_say(change: Callable[[dict[str, Any]], object], reason: str) -> None:
    """Each is refused although the right key sealed it: of elsewhere, of another time, or not what its records give."""
    assert reason in reasons(edit(change))


def test_a_plane_of_which_nothing_is_declared() -> None:
    """It is no proof of a plane that the declaration holds no pair of."""
    bare = DEV_MIN[: DEV_MIN.index(b"[job.oracle]")] + DEV_MIN[DEV_MIN.index(b"[service.ingest]") :]
    claimed = edit(put("planes", value={"data_plane": "READY"}))
    assert "plane-not-declared" in reasons(claimed, declaration=bare)


@pytest.mark.parametrize(
    "change",
    [
        put("schema", value="substrate.evidence/2"),
        lambda predicate: predicate.pop("schema"),
        put("more", value=1),
        lambda predicate: predicate.pop("records"),
        put("run", "finished", value="yesterday"),
        put("run", "finished", value=1_700_000_000),
        put("run", "finished", value="2026-06-01T11:55:00+00:00"),
        put("missing", value="0"),
        put("missing", value=False),
        put("missing", value=-1),
        put("records", 0, "outcome", value="GREEN"),
        put("records", 0, "duration_ms", value=-1.0),
        put("target", "kind", value="moon"),
        put("check_set", "sha256", value="A" * 64),
    ],
)
def test_unknown_schema_or_shape(change: Callable[[dict[str, Any]], object]) -> None:
    """What isn't of the schema to the last field is not read at all, signed or not, and never sealed."""
    statement = copy.deepcopy(Made().statement())
    change(statement["predicate"])
    raw = pack(statement).encode()
    assert reasons(raw, allow_unsigned=True) <= {"malformed", "unknown-schema"}
    assert reasons(raw, allow_unsigned=True)
    with pytest.raises(BadInput, match="is not evidence to sign"):
        signed(raw)


def test_stale_by_the_oldest_observation() -> None:
    """The age is counted from what was observed first, not from the end of the run."""
    oldest = NOW - timedelta(minutes=6)
    assert () == verify(good(), max_age=NOW - oldest)
    [refusal] = verify(good(), max_age=timedelta(minutes=5, seconds=30))
    assert "stale: its oldest observation is of 2026-06-01T11:54:00Z, 0:06:00 ago; 0:05:30 is allowed" == str(refusal)


def test_from_the_future() -> None:
    """A clock that is up to a minute ahead is borne, and no more."""
    assert () == verify(good(), now=NOW - timedelta(minutes=6))
    assert {"future"} == reasons(good(), now=NOW - timedelta(minutes=6, seconds=1))


def test_demands() -> None:
    """Another environment, another image, a plane that the run didn't demand."""
    assert {"environment"} == reasons(good(), environment="prod")
    assert {"digest"} == reasons(good(), digests=["sha256:" + "0" * 64])
    assert {"plane-missing"} == reasons(good(), require=[Plane.MESSAGING, Plane.DATA])


def test_misuse_is_our_own_bug() -> None:
    """A digest that is none, or a time without a zone."""
    with pytest.raises(ValueError, match="not a digest"):
        verify(good(), digests=["latest"])
    with pytest.raises(ValueError, match="no time zone"):
        verify(good(), now=NOW.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("declaration", "reason"),
    [
        (DEV_MIN.replace(b'"dev"', b'"prod"'), "environment"),
        (DEV_MIN.replace(b'"eu-west-2"', b'"eu-west-1"').replace(b":eu-west-2:", b":eu-west-1:"), "region"),
        (DEV_MIN.replace(b"111122223333", b"999922223333"), "account"),
        (DEV_MIN + b"# one more line\n", "declaration"),
        (DEV_MIN.replace(b'group = "ingest"', b""), "check-set"),
        (DEV_MIN.replace(b'"events.raw" =', b'"events.more" = ["read"], "events.raw" ='), "record-missing"),
        ((FIXTURES / "declarations/full.toml").read_bytes(), "record-missing"),
    ],
)
def test_another_declaration(declaration: bytes, reason: str) -> None:
    """The protected declaration decides what had to be proven, whatever the tested one said."""
    assert declaration != DEV_MIN
    assert {reason, "declaration"} <= reasons(good(), declaration=declaration)


def test_a_declaration_that_cannot_be_used_is_no_judgement() -> None:
    """It is an error of the caller's, not a refusal."""
    with pytest.raises(BadInput):
        verify(good(), declaration=b"schema = 2")


def test_a_red_run_is_authentic_and_refused() -> None:
    """Sealed, whole, its own records give NOT READY: the first red is named."""
    raw = signed(Made(outcomes={"MSG-150": RED}).text())
    assert ["not-ready: the substrate is not ready: first red MSG-150 service/ingest (identity)"] == [
        str(refusal) for refusal in verify(raw)
    ]


def test_an_undecided_run_is_refused() -> None:
    """What could not be observed is red."""
    raw = signed(Made(outcomes={"MSG-020": inconclusive("not-observed", "denied")}).text())
    assert {"not-ready"} == reasons(raw)


def test_a_problem_of_the_run_is_refused() -> None:
    """All rungs are green, but a worker was lost."""
    raw = signed(Made(problems=[Problem(reason="worker-lost", message="gw1 was lost")]).text())
    assert {"run-problem", "verdict", "not-ready"} >= reasons(raw)
    assert "run-problem" in reasons(raw)


def test_a_green_on_a_red_need_is_refused() -> None:
    """A rung that stands on a red one can't have been judged, whatever verdict stands beside it."""
    statement = Made(outcomes={"MSG-150": RED}).statement()
    behind = next(one for one in statement["predicate"]["records"] if one["check"] == "MSG-160")
    assert "NOT_REACHED" == behind["outcome"]
    behind |= {"outcome": "PASS", "cause": None, "facts": {}}
    counts = statement["predicate"]["counts"]
    counts["PASS"], counts["NOT_REACHED"] = counts["PASS"] + 1, counts["NOT_REACHED"] - 1
    assert {"needs", "not-ready"} == reasons(sign(statement))


def test_a_rung_that_was_not_reached_for_nothing_is_refused() -> None:
    """NOT_REACHED needs something red."""
    statement = Made(outcomes={"MSG-150": RED}).statement()
    red = next(one for one in statement["predicate"]["records"] if one["check"] == "MSG-150")
    red |= {"outcome": "PASS", "cause": None}
    assert "needs" in reasons(sign(statement))


@pytest.mark.parametrize("kind", [TargetKind.EMBEDDED, TargetKind.LOCALSTACK])
def test_what_was_not_made_on_aws(kind: TargetKind) -> None:
    """The proving ground, or an emulator at any endpoint, proves nothing of AWS, unless it is asked for."""
    raw = signed(Made(kind=kind).text())
    assert {"embedded"} == reasons(raw)
    assert () == verify(raw, allow_embedded=True)


def test_a_runtime_rung_is_not_proven_from_outside() -> None:
    """On AWS, at vantage `here`, a PASS of what only the runtime can show is refused."""
    assert {"record"} == reasons(signed(Made(vantage=Vantage.HERE).text()))


WAIVED = Made(declaration=DEV_MIN + WAIVER, outcomes={"MSG-150": RED})


def test_waivers() -> None:
    """Refused, unless they are allowed, stand in the protected declaration, and have not expired by now."""
    raw, declaration = signed(WAIVED.text()), WAIVED.declaration
    assert {"waived"} == reasons(raw, declaration=declaration)
    assert () == verify(raw, declaration=declaration, allow_waivers=True)
    assert {"waiver"} == reasons(raw, declaration=None, allow_waivers=True)
    assert {"waived", "waiver"} == reasons(raw, declaration=None) | {"waiver"}
    assert {"waiver"} == reasons(raw, declaration=declaration, allow_waivers=True, now=datetime(2026, 7, 1, tzinfo=UTC))
    assert {"waiver", "declaration"} <= reasons(raw, allow_waivers=True)


def test_a_waiver_that_was_not_needed_is_refused_too() -> None:
    """Who allows no waivers wants a declaration without them, for what was demanded."""
    made = Made(declaration=DEV_MIN + WAIVER)
    assert {"waived"} == reasons(signed(made.text()), declaration=made.declaration)
    assert () == verify(signed(made.text()), declaration=made.declaration, allow_waivers=True)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [({"waived_outcome": "NOT_REACHED"}, "waiver"), ({"ticket": "PLAT-18"}, "waiver"), ({"owner": "me"}, "waiver")],
)
def test_a_waiver_of_somebody_else(facts: dict[str, str], reason: str) -> None:
    """The record must name the very waiver that the protected declaration holds."""
    statement = WAIVED.statement()
    waived = next(one for one in statement["predicate"]["records"] if one["outcome"] == "WAIVED")
    waived["facts"] |= facts
    assert {reason} == reasons(sign(statement), declaration=WAIVED.declaration, allow_waivers=True)


def test_waivers_of_the_statement_are_the_declarations() -> None:
    """Its own list is held against the protected file."""
    statement = WAIVED.statement()
    statement["predicate"]["waivers"][0]["expires"] = "2099-01-01T00:00:00Z"
    assert {"waiver"} == reasons(sign(statement), declaration=WAIVED.declaration, allow_waivers=True)
    statement["predicate"]["waivers"] = []
    assert {"waived", "waiver"} == reasons(sign(statement), declaration=WAIVED.declaration)


def test_subjects() -> None:
    """The statement's subjects are its declaration and the images that its records prove."""
    changes: list[Callable[[dict[str, Any]], object]] = [
        lambda statement: statement["subject"].pop(),
        lambda statement: statement["subject"].append({"name": "acme/other", "digest": {"sha256": "0" * 64}}),
        lambda statement: statement["subject"][1].update(name="acme/other"),
        lambda statement: statement["subject"][0].update(name="other.toml"),
    ]
    for change in changes:
        statement = Made().statement()
        change(statement)
        assert {"subjects"} == reasons(sign(statement))


OWN = OwnCheck(
    check="ACME-010",
    plane="messaging_plane",
    statement="the schema registry knows every topic",
    layer="wiring",
    subjects=("service/ingest",),
)


def own_record(outcome: Outcome) -> Record:
    """The record of the user's own check."""
    return Record(
        check="ACME-010",
        plane=Plane.MESSAGING,
        subject="service/ingest",
        outcome=outcome,
        layer=Layer.WIRING,
        cause=None if outcome is Outcome.PASS else "unknown-topic",
        message="said",
        next=None,
        vantage=Vantage.HERE,
        duration_ms=1.0,
    )


def test_a_users_own_check_counts_and_never_helps() -> None:
    """Its PASS changes nothing, its red is red, and its record may not be missing."""
    assert () == verify(signed(Made(own=[OWN], own_records=[own_record(Outcome.PASS)]).text()))
    assert {"not-ready"} == reasons(signed(Made(own=[OWN], own_records=[own_record(Outcome.VIOLATION)]).text()))
    assert {"record-missing", "run-problem", "not-ready"} == reasons(signed(Made(own=[OWN]).text()))


def test_a_users_own_check_may_not_pose_as_ours() -> None:
    """Ids of the catalogue's families are the plugin's."""
    statement = Made(own=[OWN], own_records=[own_record(Outcome.PASS)]).statement()
    for entry in (statement["predicate"]["own_checks"][0], statement["predicate"]["records"][-1]):
        entry["check"] = "MSG-999"
    assert {"unknown-check"} == reasons(sign(statement))


def test_a_refusal_is_one_printable_line() -> None:
    """Words that a file's author chose can't forge a second line or colour the screen."""
    raw = edit(put("problems", value=[{"reason": "x\ny", "message": "\x1b[32mverified\r\nall good"}]))
    for refusal in verify(raw):
        assert str(refusal).isprintable()
