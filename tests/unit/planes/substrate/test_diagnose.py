"""SUB-010: nothing runs that nobody answers for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.aws.ecs import EcsCluster
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.substrate.checks import CHECKS
from pytest_substrate.planes.substrate.diagnose import diagnose_services


def cluster(*services: str, status: str = "ACTIVE") -> EcsCluster:
    """An ECS cluster with these services."""
    return EcsCluster(name="main", status=status, services=services)


@pytest.mark.parametrize(
    ("observation", "outcome", "cause", "services"),
    [
        (cluster("ingest", "legacy"), Outcome.PASS, None, None),
        (cluster("legacy"), Outcome.PASS, None, None),
        (
            cluster("ingest", "legacy", "rogue", "another"),
            Outcome.VIOLATION,
            "undeclared-service",
            ["another", "rogue"],
        ),
        (cluster("ingest"), Outcome.VIOLATION, "ignored-service-missing", ["legacy"]),
        (cluster("rogue"), Outcome.VIOLATION, "undeclared-service", ["rogue"]),
        (cluster("ingest", status="INACTIVE"), Outcome.VIOLATION, "ecs-cluster-missing", None),
        (Missing(what="main"), Outcome.VIOLATION, "ecs-cluster-missing", None),
        (Unobserved(reason="access-denied", operation="ecs:ListServices"), Outcome.INCONCLUSIVE, "access-denied", None),
    ],
)
def test_services(
    observation: EcsCluster | Missing | Unobserved, outcome: Outcome, cause: str | None, services: list[str] | None
) -> None:
    """Each service is declared or ignored, each ignored one exists, and what can't be read is open."""
    found = diagnose_services(observation, name="main", declared={"ingest"}, ignored={"legacy"})
    assert (outcome, cause, services) == (found.outcome, found.cause, found.facts.get("services"))
    assert cause is None or cause in {known.slug for known in CHECKS[0].causes}


names = st.sets(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=40), max_size=60)


@given(names, names, names)
def test_green_exactly_where_all_are_known(running: set[str], declared: set[str], ignored: set[str]) -> None:
    """A pass means that each running service is known and each ignored one runs, however many there are."""
    found = diagnose_services(cluster(*running), name="main", declared=declared, ignored=ignored)
    assert found.outcome.green == (running <= declared | ignored and ignored <= running)


@pytest.mark.parametrize(("services", "told"), [(("ingest",), "(1 service)"), (("ingest", "egress"), "(2 services)")])
def test_one_service_is_no_services(services: tuple[str, ...], told: str) -> None:
    """The words agree with the number."""
    found = diagnose_services(cluster(*services), name="main", declared=services, ignored=())
    assert f"every service in main is declared or ignored {told}" == found.message
