"""What can't be observed is never green, whichever part of whichever check it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.aws import ecs, kafka, secrets
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.model.unseen import UNSEEN_CAUSES, unseen
from pytest_substrate.planes.messaging.diagnose.cluster import diagnose_cluster
from pytest_substrate.planes.messaging.diagnose.credential import diagnose_association, diagnose_secret
from pytest_substrate.planes.messaging.diagnose.rotation import diagnose_freshness
from pytest_substrate.planes.messaging.diagnose.task import diagnose_start
from pytest_substrate.planes.messaging.diagnose.wiring import diagnose_injection, diagnose_wiring

ARN = "arn:aws:kafka:eu-west-2:111122223333:cluster/spine/4a1f8e52-6c0d-4b7e-9a35-2d9f6f0c7b11-2"
SECRET = secrets.SecretState(
    arn="arn:aws:secretsmanager:eu-west-2:111122223333:secret:AmazonMSK_ingest-AbCdEf",
    name="AmazonMSK_ingest",
    key_id="k",
    changed=None,
    deleted=None,
    versions=(secrets.SecretVersion(version_id="c" * 32, stages=("AWSCURRENT",), created=None),),
)
SERVICE = ecs.ServiceState(
    arn="arn:aws:ecs:eu-west-2:111122223333:service/main/ingest",
    name="ingest",
    status="ACTIVE",
    task_definition_arn="arn:aws:ecs:eu-west-2:111122223333:task-definition/ingest:7",
    desired=1,
    running=1,
    pending=0,
)
DEFINITION = ecs.TaskDefinition(
    arn="arn:aws:ecs:eu-west-2:111122223333:task-definition/ingest:7",
    containers=(
        ecs.Container(
            name="app",
            variables=("BROKERS",),
            wirings=(ecs.Wiring(variable="BROKERS", endpoints=("b-1.x:9096",)),),
            injections=(ecs.Injection(variable="CREDENTIAL", value_from=SECRET.arn),),
        ),
    ),
)
BOOTSTRAP = kafka.Bootstrap(
    listeners=(kafka.Listener(authentication="scram", connectivity="vpc", endpoints=("b-2.x:9096",)),)
)
NAMED: Final[dict[str, Any]] = {"name": "AmazonMSK_ingest"}
WIRED: Final[dict[str, Any]] = {
    "container": "app",
    "variable": "BROKERS",
    "authentication": "scram",
    "connectivity": "vpc",
}
TASKS: Final[dict[str, Any]] = {**NAMED, "container": "app", "expected": {"CREDENTIAL": None}, "min_running": 0}

PARTS: Final[dict[str, Callable[[Any], Diagnosis]]] = {
    "cluster": lambda gone: diagnose_cluster(gone, arn=ARN, authentication="scram", connectivity="vpc"),
    "secret": lambda gone: diagnose_secret(gone, None, **NAMED, account="111122223333", region="eu-west-2"),
    "key": lambda gone: diagnose_secret(SECRET, gone, **NAMED, account="111122223333", region="eu-west-2"),
    "association of a secret": lambda gone: diagnose_association(
        gone, kafka.ScramAssociations(secret_arns=()), **NAMED, cluster_arn=ARN
    ),
    "associations": lambda gone: diagnose_association(SECRET, gone, **NAMED, cluster_arn=ARN),
    "injecting service": lambda gone: diagnose_injection(
        gone, DEFINITION, SECRET, container="app", **NAMED, expected={"CREDENTIAL": None}
    ),
    "injecting definition": lambda gone: diagnose_injection(
        SERVICE, gone, SECRET, container="app", **NAMED, expected={"CREDENTIAL": None}
    ),
    "injected secret": lambda gone: diagnose_injection(
        SERVICE, DEFINITION, gone, container="app", **NAMED, expected={"CREDENTIAL": None}
    ),
    "wired service": lambda gone: diagnose_wiring(gone, DEFINITION, BOOTSTRAP, kafka.Nodes(hosts=()), None, **WIRED),
    "wired definition": lambda gone: diagnose_wiring(SERVICE, gone, BOOTSTRAP, kafka.Nodes(hosts=()), None, **WIRED),
    "bootstrap": lambda gone: diagnose_wiring(SERVICE, DEFINITION, gone, kafka.Nodes(hosts=()), None, **WIRED),
    "nodes": lambda gone: diagnose_wiring(SERVICE, DEFINITION, BOOTSTRAP, gone, None, **WIRED),
    "held secret": lambda gone: diagnose_freshness(gone, SERVICE, ecs.Tasks(tasks=()), {}, **TASKS),
    "holding service": lambda gone: diagnose_freshness(SECRET, gone, ecs.Tasks(tasks=()), {}, **TASKS),
    "tasks": lambda gone: diagnose_freshness(SECRET, SERVICE, gone, {}, **TASKS),
    "probe": lambda gone: diagnose_start(gone, service="ingest"),
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("reason", [cause.slug for cause in UNSEEN_CAUSES])
def test_unobserved_is_inconclusive(part: str, reason: str) -> None:
    """Each part of each check that couldn't be seen makes it INCONCLUSIVE, with the reason as cause."""
    found = PARTS[part](Unobserved(reason=reason, code="Code", operation="ecs:DescribeServices", detail="why"))
    assert (Outcome.INCONCLUSIVE, reason) == (found.outcome, found.cause)
    assert "ecs:DescribeServices" == found.facts["operation"]


ANY = st.text() | st.none()


@given(st.builds(Unobserved, reason=st.sampled_from(["timeout", "refused"]), detail=ANY, code=ANY, operation=ANY))
def test_any_words_fit(observation: Unobserved) -> None:
    """Whatever a service said, its words fit the fact."""
    assert not unseen(observation, "the cluster").outcome.green


def test_a_refusal_names_the_permission() -> None:
    """The message says what the observer may not call."""
    found = unseen(Unobserved(reason="access-denied", operation="kafka:ListNodes"), "the list of brokers")
    assert "the list of brokers could not be observed: the observer may not call kafka:ListNodes" == found.message
