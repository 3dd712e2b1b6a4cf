"""SUB-010: nothing runs in a declared ECS cluster that nobody answers for. Pure."""

from __future__ import annotations

from collections.abc import Collection

from pytest_substrate.model.aws.ecs import ACTIVE, EcsCluster
from pytest_substrate.model.diagnosis import Diagnosis, passed, violated
from pytest_substrate.model.facts import admitted, line, number_of
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.unseen import unseen


def diagnose_services(
    cluster: EcsCluster | Missing | Unobserved, *, name: str, declared: Collection[str], ignored: Collection[str]
) -> Diagnosis:
    """Whether each service that runs there is among the declared or the ignored ones (names in this ECS cluster).

    A declared service that doesn't run there is a matter of its own checks. An ignored one that is gone is red, as its
    entry would silently cover the next service of that name.
    """
    if isinstance(cluster, Unobserved):
        return unseen(cluster, f"the ECS cluster {name}")
    if isinstance(cluster, Missing) or cluster.status != ACTIVE:
        status = "does not exist" if isinstance(cluster, Missing) else f"is {line(cluster.status, 40)}, not ACTIVE"
        return violated("ecs-cluster-missing", f"the ECS cluster {name} {status}")
    running = set(cluster.services)
    undeclared = sorted(running - set(declared) - set(ignored))
    if undeclared:
        return violated(
            "undeclared-service",
            f"{len(undeclared)} of {number_of(len(running), 'service')} in {name}: neither declared nor ignored: "
            + line(", ".join(undeclared), 200),
            services=admitted("services", undeclared),
            count=len(undeclared),
            total=len(running),
        )
    gone = sorted(set(ignored) - running)
    if gone:
        return violated(
            "ignored-service-missing",
            f"{', '.join(gone)} is ignored in {name} and does not run there",
            services=admitted("services", gone),
            total=len(running),
        )
    told = f"every service in {name} is declared or ignored ({number_of(len(running), 'service')})"
    return passed(told, total=len(running))
