"""MSG-005: the cluster itself."""

from __future__ import annotations

import pytest

from pytest_substrate.model.aws.kafka import Cluster
from pytest_substrate.model.observation import Missing
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.messaging.diagnose.cluster import diagnose_cluster

ARN = "arn:aws:kafka:eu-west-2:111122223333:cluster/spine/4a1f8e52-6c0d-4b7e-9a35-2d9f6f0c7b11-2"


def cluster(*offered: str, state: str = "ACTIVE", multi_vpc: tuple[str, ...] = (), public: bool = False) -> Cluster:
    """A cluster that offers these authentications inside its VPC."""
    return Cluster(arn=ARN, name="spine", state=state, authentications=offered, multi_vpc=multi_vpc, public=public)


@pytest.mark.parametrize(
    ("observation", "authentication", "connectivity", "cause"),
    [
        (cluster("scram"), "scram", "vpc", None),
        (cluster("iam", "mtls"), "mtls", "vpc", None),
        (cluster("scram", public=True), "scram", "public", None),
        (cluster("scram", multi_vpc=("iam",)), "iam", "multi-vpc", None),
        (Missing(what=ARN), "scram", "vpc", "cluster-missing"),
        (cluster("scram", state="CREATING"), "scram", "vpc", "cluster-not-active"),
        (cluster("scram", state="HEALING"), "scram", "vpc", "cluster-not-active"),
        (cluster("scram", state="SOMETHING_NEW"), "scram", "vpc", "cluster-not-active"),
        (cluster("iam"), "scram", "vpc", "authentication-not-offered"),
        (cluster(), "scram", "vpc", "authentication-not-offered"),
        (cluster("scram"), "scram", "public", "connectivity-not-offered"),
        (cluster("iam", public=True), "scram", "public", "authentication-not-offered"),
        (cluster("scram", multi_vpc=("iam",)), "scram", "multi-vpc", "authentication-not-offered"),
    ],
)
def test_cluster(observation: Cluster | Missing, authentication: str, connectivity: str, cause: str | None) -> None:
    """The cluster is there, ACTIVE, and offers what is declared; else the cause says which of these fails."""
    found = diagnose_cluster(observation, arn=ARN, authentication=authentication, connectivity=connectivity)
    assert cause == found.cause
    assert (Outcome.PASS if cause is None else Outcome.VIOLATION) is found.outcome
    assert ARN == found.facts["cluster_arn"]
