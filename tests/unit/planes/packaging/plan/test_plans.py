"""A plan as a whole: errored, deferred, targeted, empty, allowed; and that no value of it is ever told."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import Outcome, Verdict
from pytest_substrate.model.record import exit_code, report_json
from pytest_substrate.planes.packaging.plan import judge_plan, plan_diagnosis, read_plan, records_of
from pytest_substrate.planes.packaging.plan.records import CHECK
from tests.unit.planes.packaging.plan.documents import CREATE, DELETE, NOW, PLATFORM, REPLACE, UNKNOWN, Document

VERSION = "aws_secretsmanager_secret_version.kafka"
PASSWORD = "random_password.kafka"


def outcomes(document: Document) -> dict[str, Outcome]:
    """Of each address that is not PASS."""
    return {
        one.address: one.diagnosis.outcome for one in document.judged() if one.diagnosis.outcome is not Outcome.PASS
    }


def test_a_plan_without_resources_is_ready_with_one_record() -> None:
    """For the subject `plan`; nothing is pending."""
    empty: tuple[list[object] | None, ...] = ([], None)
    for changes in empty:
        document = Document()
        document.extra["resource_changes"] = changes
        records = records_of(document.judged())
        assert [("plan", Outcome.PASS)] == [(record.subject, record.outcome) for record in records]
        assert Verdict.READY == report_json({}, records)["verdict"]


def test_each_address_has_one_record_in_the_plans_order() -> None:
    """Under `resource/`, so that an address may hold slashes in an index."""
    address = 'aws_ssm_parameter.all["/a/b"]'
    document = Document().creates(address, {"type": "SecureString", "value": "LEAK"}, index="/a/b")
    records = records_of(document.judged())
    assert [f"resource/{name}" for name in (*PLATFORM, address)] == [record.subject for record in records]
    assert {(CHECK.id, CHECK.plane, CHECK.layer)} == {(record.check, record.plane, record.layer) for record in records}


def test_an_errored_plan_is_undecided() -> None:
    """It can't be applied, and what it would change is not all in it."""
    document = Document()
    document.extra["errored"] = True
    assert {"plan": Outcome.INCONCLUSIVE} == outcomes(document)
    document.changes(VERSION, secret_string="LEAK-new")
    assert {"plan": Outcome.INCONCLUSIVE, VERSION: Outcome.INCONCLUSIVE} == outcomes(document)
    assert 10 == exit_code(records_of(document.judged()))


@pytest.mark.parametrize(("address", "red"), [(VERSION, True), (PASSWORD, True), ("aws_ecr_repository.ingest", False)])
def test_a_deferred_change_of_a_credential_is_undecided(address: str, *, red: bool) -> None:
    """Whatever is known of it; of something else it is judged, and undecided where it would be red."""
    document = Document()
    values = dict.fromkeys(PLATFORM[address][0], UNKNOWN)
    entry = Document().creates(address, values).entries[address]
    document.extra["deferred_changes"] = [{"reason": "instance_count_unknown", "resource_change": entry}]
    assert red == (outcomes(document.without(address)).get(address) is Outcome.INCONCLUSIVE)
    entry = Document().changes(address, DELETE).entries[address]
    document.extra["deferred_changes"] = [{"reason": "provider_config_unknown", "resource_change": entry}]
    assert {address: Outcome.INCONCLUSIVE} == outcomes(document)


def test_a_targeted_plan_is_judged_by_what_it_changes() -> None:
    """`complete` is false for one; what isn't in its changes still names keys, in the prior state."""
    key = "aws_kms_key.msk"
    document = Document().changes(key, DELETE)
    values, _, _ = PLATFORM["aws_secretsmanager_secret.kafka"]
    held = {
        "address": "aws_secretsmanager_secret.kafka",
        "mode": "managed",
        "type": "aws_secretsmanager_secret",
        "name": "kafka",
        "values": values,
    }
    document.without(*(address for address in PLATFORM if address != key))
    document.extra["complete"] = False
    document.extra["configuration"] = {"root_module": {}}
    assert {} == outcomes(document)
    nested = {"child_modules": [{"address": "module.a", "resources": [held]}]}
    document.extra["prior_state"] = {"values": {"root_module": nested}}
    assert {key: Outcome.VIOLATION} == outcomes(document)


def test_what_happened_outside_is_not_pending() -> None:
    """`resource_drift` is told and not judged."""
    document = Document()
    document.extra["resource_drift"] = [Document().changes(VERSION, DELETE).entries[VERSION]]
    assert {} == outcomes(document)


def test_an_action_that_is_not_known_is_undecided() -> None:
    """A later version may add one: what it does to a log group can't be told either."""
    for actions in (("frobnicate",), ("create", "update"), ("delete", "create", "delete")):
        document = Document().changes("aws_cloudwatch_log_group.ingest", actions)
        assert {"aws_cloudwatch_log_group.ingest": Outcome.INCONCLUSIVE} == outcomes(document)


def test_a_change_is_allowed_by_its_address_until_a_time() -> None:
    """It is WAIVED, with what it would be; a time that has passed, and another address, allow nothing."""
    document = Document().changes(VERSION, secret_string="LEAK-new")
    for address, hours, expected in (
        (VERSION, 1, Outcome.WAIVED),
        (VERSION, 0, Outcome.VIOLATION),
        ("x", 1, Outcome.VIOLATION),
    ):
        judged = document.judged(allowed={address: NOW + timedelta(hours=hours)})
        record = next(record for record in records_of(judged) if record.subject == f"resource/{VERSION}")
        assert expected == record.outcome
        if expected is Outcome.WAIVED:
            assert ("VIOLATION", "2026-11-25T13:00:00Z") == (record.facts["waived_outcome"], record.facts["expires_at"])
            assert record.next is None


def test_a_plan_comes_to_its_first_violation_and_how_many_are_red() -> None:
    """An undecided address before it does not hide it; what is allowed is none."""
    document = Document().changes("aws_kms_key.msk", ("x",)).changes(VERSION, DELETE).changes(PASSWORD, REPLACE)
    whole = plan_diagnosis(document.judged())
    assert (Outcome.VIOLATION, 3, len(PLATFORM)) == (whole.outcome, whole.facts["count"], whole.facts["total"])
    assert whole.message.startswith(f"{VERSION}: ")
    assert whole.message.endswith("(and 2 more)")
    allowed = dict.fromkeys((VERSION, PASSWORD, "aws_kms_key.msk"), NOW + timedelta(hours=1))
    whole = plan_diagnosis(document.judged(allowed=allowed))
    assert (Outcome.PASS, 3) == (whole.outcome, whole.facts["count"])
    assert "count" not in plan_diagnosis(Document().judged()).facts


def test_each_cause_is_one_of_the_checks() -> None:
    """Every slug is told in docs/checks."""
    from pytest_substrate.planes.packaging.plan import finding, judge

    slugs = {finding.OVERWRITTEN, finding.READERS, finding.SECRET, finding.IMAGE, finding.REMOVED}
    slugs |= {judge.ERRORED, judge.DEFERRED, judge.UNTOLD}
    assert slugs <= {cause.slug for cause in CHECK.causes}


SENTINEL = "Zz9-canary"
ATTRIBUTES = sorted({(address, name) for address, held in PLATFORM.items() for name in held[0]})
VALUES = st.sampled_from(
    [
        SENTINEL,
        [SENTINEL],
        {"k": SENTINEL},
        [{"name": SENTINEL, "policy": SENTINEL}],
        f'[{{"name":"{SENTINEL}"}}]',
        None,
    ]
)
ACTIONS = st.sampled_from([CREATE, DELETE, REPLACE, ("update",), ("create", "delete"), ("forget",), ("read",), ("x",)])


@settings(max_examples=300)
@given(
    changes=st.lists(st.tuples(st.sampled_from(ATTRIBUTES), VALUES, VALUES), min_size=1, max_size=8),
    actions=st.lists(ACTIONS, min_size=8, max_size=8),
    errored=st.booleans(),
)
def test_no_value_of_a_plan_is_ever_told(
    changes: list[tuple[tuple[str, str], Any, Any]], actions: list[tuple[str, ...]], *, errored: bool
) -> None:
    """Wherever a secret stands, in whatever change: no message, fact or command holds it, and nothing is raised."""
    document = Document()
    document.extra["errored"] = errored
    for (address, attribute), before, after in changes:
        entry = document.entries[address]["change"]
        entry["before"] = {**(entry["before"] or {}), attribute: before}
        document.changes(address, actions[0], **{attribute: after})
        actions = [*actions[1:], actions[0]]
    report = json.dumps(report_json({}, records_of(document.judged())))
    assert SENTINEL not in report
    assert "LEAK" not in report


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "module", "aws_ecs_service.x", "1.2"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["address", "type", "change", "actions", "before", "after", "references", "resources", "a"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=300)
@given(data=st.data())
def test_a_document_of_any_form_is_judged_or_refused(data: st.DataObject) -> None:
    """One part of it is anything at all: a diagnosis of each address, or one line about what is malformed."""
    document = Document().changes(VERSION, REPLACE, secret_string=UNKNOWN).data()
    place: Any = document
    for _ in range(data.draw(st.integers(0, 6))):
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], (dict, list)) or data.draw(st.booleans()):
            place[key] = data.draw(JSON)
            break
        place = place[key]
    told = told_of(json.dumps(document).encode())
    assert "\n" not in told
    assert "LEAK" not in told


def told_of(data: bytes) -> str:
    """The report, or the line that refuses the document."""
    try:
        plan = read_plan(data, name="plan.json")
    except BadInput as error:
        return str(error)
    return json.dumps(report_json({}, records_of(judge_plan(plan, now=NOW))))
