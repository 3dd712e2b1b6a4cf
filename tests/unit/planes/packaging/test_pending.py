"""PKG-120 in a run: which workload a pending change concerns, and what is said of a plan that can't be judged."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, violated
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Outcome, Vantage
from pytest_substrate.planes.packaging.diagnose.pending import Workload, concerns, diagnose_pending
from pytest_substrate.planes.packaging.observe import observe_plan
from pytest_substrate.planes.packaging.plan.pending import InvalidPlan, PendingChange, PendingPlan
from pytest_substrate.planes.plane import Context
from pytest_substrate.targets.observations import ObservationStore
from tests.unit.planes.packaging.plan.documents import REPLACE, Document

DECLARATION = Path(__file__).parents[4] / "fixtures/dev_min/substrate.toml"
NAMES = st.sampled_from(["main/a", "main/b", "other/a"])
FAMILIES = st.sampled_from(["a", "b", "c"])
WORKLOADS = st.builds(Workload, service=st.none() | NAMES, family=st.none() | FAMILIES)
RED = violated("credential-overwritten", "the plan overwrites it", attributes=["secret_string"])
CHANGES = st.builds(
    PendingChange,
    address=st.just("aws_x.y"),
    diagnosis=st.just(RED),
    service=st.none() | NAMES,
    family=st.none() | FAMILIES,
)


def change(address: str = "aws_x.y", diagnosis: Diagnosis = RED, **own: str) -> PendingChange:
    """A red address."""
    return PendingChange(address=address, diagnosis=diagnosis, **own)


def judged(mine: Workload, *red: PendingChange, others: tuple[Workload, ...] = ()) -> Diagnosis:
    """PKG-120 of a workload by a plan with these red addresses."""
    plan = PendingPlan(name="plan.json", total=5, red=red)
    return diagnose_pending(plan, mine, others, command="substrate plan plan.json")


def context_of(folder: Path, *, given: Path | None = None, declared: bool = True) -> Context:
    """A run over a folder of records."""
    text = DECLARATION.read_text(encoding="utf-8")
    if not declared:
        text = text.replace('[plan]\nfile = "infrastructure/plan.json"\n', "")
    return Context(
        declaration=read_declaration(text.encode(), name="substrate.toml"),
        target=cast("Any", SimpleNamespace(records=folder)),
        observations=ObservationStore(),
        vantage=Vantage.TASK,
        now=datetime(2026, 11, 25, tzinfo=UTC),
        run_id="1",
        plan=given,
    )


@given(CHANGES, st.lists(WORKLOADS, min_size=1, max_size=4))
def test_no_red_change_is_nobodys(red: PendingChange, declared: list[Workload]) -> None:
    """Whatever a plan changes, at least one declared workload is red for it."""
    for_whom = [mine for mine in declared if concerns(red, mine, [other for other in declared if other is not mine])]
    assert for_whom
    assert red.service is not None or red.family is not None or for_whom == declared


def test_a_service_and_a_definition_are_their_own_workloads() -> None:
    """A change of what is one workload's alone leaves the others green, and says that there is more."""
    ingest, oracle = Workload(service="main/ingest", family="ingest"), Workload(service=None, family="oracle")
    for red in (change(service="main/ingest"), change(family="ingest")):
        assert Outcome.VIOLATION is judged(ingest, red, others=(oracle,)).outcome
        green = judged(oracle, red, others=(ingest,))
        assert (Outcome.PASS, "1 red change of other workloads") == (green.outcome, green.message.partition("; ")[2])


def test_what_is_shared_unknown_or_undeclared_concerns_all() -> None:
    """A secret may be injected by whoever the plan doesn't know; a service that isn't declared is nobody's."""
    ingest, oracle = Workload(service="main/ingest", family="ingest"), Workload(service=None, family="oracle")
    unseen = Workload(service="main/ingest", family=None)
    assert Outcome.VIOLATION is judged(oracle, change(), others=(ingest,)).outcome
    assert Outcome.VIOLATION is judged(oracle, change(service="main/other"), others=(ingest,)).outcome
    assert Outcome.VIOLATION is judged(unseen, change(family="oracle"), others=(oracle,)).outcome
    assert Outcome.VIOLATION is judged(oracle, change(family="ingest"), others=(unseen,)).outcome


def test_the_first_violation_is_told_with_all_addresses() -> None:
    """What is undecided doesn't hide what is wrong."""
    late = inconclusive("change-deferred", "it is deferred")
    found = judged(Workload(service=None, family="oracle"), change("aws_a.b", late), change("aws_c.d"))
    assert (Outcome.VIOLATION, "credential-overwritten") == (found.outcome, found.cause)
    assert "aws_c.d: the plan overwrites it (and 1 more)" == found.message
    assert (["aws_a.b", "aws_c.d"], 2, 5) == tuple(found.facts[name] for name in ("resources", "count", "total"))
    assert "substrate plan plan.json" == found.next


@pytest.mark.parametrize(
    ("seen", "outcome", "cause"),
    [
        (Missing(what="plan.json"), Outcome.VIOLATION, "plan-missing"),
        (InvalidPlan(name="plan.json", problem="is not JSON"), Outcome.VIOLATION, "plan-malformed"),
        (Unobserved(reason="unreadable", detail="is a folder"), Outcome.INCONCLUSIVE, "plan-unreadable"),
    ],
)
def test_no_plan_is_never_green(seen: Any, outcome: Outcome, cause: str) -> None:
    """A plan that was asked for and can't be judged is red."""
    found = diagnose_pending(seen, Workload(service=None, family="x"), (), command="substrate plan plan.json")
    assert (outcome, cause) == (found.outcome, found.cause)


def test_the_given_plan_comes_before_the_declared_one(tmp_path: Path) -> None:
    """`--substrate-plan` names another file than the declaration; without either there is none."""
    declared = tmp_path / "infrastructure/plan.json"
    declared.parent.mkdir()
    declared.write_bytes(json.dumps(Document().data()).encode())
    other = tmp_path / "other.json"
    changed = Document().changes("aws_secretsmanager_secret_version.kafka", REPLACE, secret_string="new")
    other.write_bytes(json.dumps(changed.data()).encode())
    assert () == red_of(context_of(tmp_path))
    assert ("aws_secretsmanager_secret_version.kafka",) == red_of(context_of(tmp_path, given=other))
    assert isinstance(observe_plan(context_of(tmp_path, declared=False)), Missing)
    assert isinstance(observe_plan(context_of(tmp_path, given=tmp_path / "none.json")), Missing)


def test_files_that_are_no_plan(tmp_path: Path) -> None:
    """Each is told by what is wrong with it, and no value of it is shown."""
    file = tmp_path / "plan.json"
    for content in (b"", b"{", b"[]", b'{"password": "hunter2"}', b'{"format_version": "1.2", "resource_changes": 7}'):
        file.write_bytes(content)
        found = observe_plan(context_of(tmp_path, given=file))
        assert isinstance(found, InvalidPlan), content
        assert "hunter2" not in json.dumps(found.problem)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for unreadable in (pipe, tmp_path):
        assert isinstance(observe_plan(context_of(tmp_path, given=unreadable)), Unobserved)


def red_of(context: Context) -> tuple[str, ...]:
    """The red addresses of the plan that a run finds."""
    found = observe_plan(context)
    assert isinstance(found, PendingPlan)
    return tuple(one.address for one in found.red)
