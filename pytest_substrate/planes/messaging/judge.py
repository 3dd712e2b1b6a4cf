"""From a check of the messaging plane and a subject to a diagnosis: what is observed for it, and who judges that."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from pytest_substrate.model.aws.ecs import TaskDefinition
from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.kafka import TopicState
from pytest_substrate.model.aws.secrets import SecretState
from pytest_substrate.model.aws.trail import SecretTrail
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.facts import FactValue, admitted
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Layer, Outcome, Vantage
from pytest_substrate.model.probe_run import ProbeRun
from pytest_substrate.model.subjects import name_of, topic_of
from pytest_substrate.model.transcript import Transcript
from pytest_substrate.planes import workloads
from pytest_substrate.planes.messaging import observe
from pytest_substrate.planes.messaging.checks import CHECKS
from pytest_substrate.planes.messaging.diagnose.cluster import diagnose_cluster
from pytest_substrate.planes.messaging.diagnose.credential import diagnose_association, diagnose_secret
from pytest_substrate.planes.messaging.diagnose.injection import expected_variables
from pytest_substrate.planes.messaging.diagnose.rotation import (
    NOTHING_DECIDES,
    UNDECIDED,
    Deciders,
    diagnose_freshness,
)
from pytest_substrate.planes.messaging.diagnose.rungs import RUNGS
from pytest_substrate.planes.messaging.diagnose.seen import SMOKE_RETENTION_MS, Asked
from pytest_substrate.planes.messaging.diagnose.task import NOT_A_FRESH_TASK, diagnose_start
from pytest_substrate.planes.messaging.diagnose.trail import deciders_of, proof_of, undecided_without
from pytest_substrate.planes.messaging.diagnose.wiring import diagnose_injection, diagnose_wiring, is_visible
from pytest_substrate.planes.task_start import run_facts

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Cluster, Credential, Messaging, Service
    from pytest_substrate.planes.plane import Context

_FORBIDDEN: Final = 29
_LAYERS: Final = {check.id: check.layer for check in CHECKS}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Subject:
    """What the declaration says of a service's messaging, and the run that it is judged in."""

    context: Context
    name: str
    service: Service
    messaging: Messaging
    cluster: Cluster

    @property
    def credential(self) -> Credential:
        """Of a service that authenticates with a secret; ValueError for another, which no such check applies to."""
        if self.messaging.credential is None:
            raise ValueError(f"service/{self.name} declares no credential")
        return self.messaging.credential


def judge(check: str, subject: str, context: Context) -> Diagnosis:
    """Observe what the check needs of the subject, and judge it. KeyError for a check that isn't of this plane."""
    if check == "MSG-005":
        return _judge_cluster(name_of(subject), context)
    about = _subject(name_of(subject), context)
    if check in RUNGS:
        return _judge_rung(check, about, topic_of(subject))
    return _OF_AWS[check](about)


def _subject(name: str, context: Context) -> _Subject:
    service = context.declaration.service[name]
    messaging = service.messaging
    if messaging is None:
        raise ValueError(f"service/{name} declares no messaging")
    cluster = context.declaration.cluster[messaging.cluster]
    return _Subject(context=context, name=name, service=service, messaging=messaging, cluster=cluster)


def _judge_cluster(name: str, context: Context) -> Diagnosis:
    declared = context.declaration.cluster[name]
    return diagnose_cluster(
        observe.observe_cluster(context, name),
        arn=declared.arn,
        authentication=declared.auth,
        connectivity=declared.connectivity,
    )


def _judge_secret(about: _Subject) -> Diagnosis:
    declaration = about.context.declaration
    secret = observe.observe_secret(about.context, about.credential.secret)
    key_id = secret.customer_key_id if isinstance(secret, SecretState) else None
    return diagnose_secret(
        secret,
        None if key_id is None else observe.observe_key(about.context, key_id),
        name=about.credential.secret,
        account=declaration.account,
        region=declaration.region,
    )


def _judge_association(about: _Subject) -> Diagnosis:
    return diagnose_association(
        observe.observe_secret(about.context, about.credential.secret),
        observe.observe_associations(about.context, about.messaging.cluster),
        name=about.credential.secret,
        cluster_arn=about.cluster.arn,
    )


def _judge_injection(about: _Subject) -> Diagnosis:
    return diagnose_injection(
        workloads.observe_service(about.context, about.name),
        workloads.observe_live_definition(about.context, about.name),
        observe.observe_secret(about.context, about.credential.secret),
        container=about.service.container,
        name=about.credential.secret,
        expected=expected_variables(about.credential),
    )


def _judge_wiring(about: _Subject) -> Diagnosis:
    context, variable = about.context, about.messaging.bootstrap_env
    definition = workloads.observe_live_definition(context, about.name)
    container = definition.container(about.service.container) if isinstance(definition, TaskDefinition) else None
    transcript = None
    if container is not None and not is_visible(container, variable=variable):
        transcript = _transcript(observe.observe_probe(context, about.name))
    return diagnose_wiring(
        workloads.observe_service(context, about.name),
        definition,
        observe.observe_bootstrap(context, about.messaging.cluster),
        observe.observe_nodes(context, about.messaging.cluster),
        transcript,
        container=about.service.container,
        variable=variable,
        authentication=about.cluster.auth,
        connectivity=about.cluster.connectivity,
    )


def _judge_freshness(about: _Subject) -> Diagnosis:
    """By the times; where they leave it open, CloudTrail is asked, and where that knows nothing, the ledger."""
    secret = observe.observe_secret(about.context, about.credential.secret)
    diagnose = partial(
        diagnose_freshness,
        secret,
        workloads.observe_service(about.context, about.name),
        workloads.observe_tasks(about.context, about.name),
        observe.observe_running_definitions(about.context, about.name),
        name=about.credential.secret,
        container=about.service.container,
        expected=expected_variables(about.credential),
        min_running=about.service.min_running,
    )
    found = diagnose()
    version = secret.current if isinstance(secret, SecretState) else None
    if found.cause != UNDECIDED or not isinstance(secret, SecretState) or version is None or version.created is None:
        return found
    trail = observe.observe_secret_trail(about.context, secret, version.created)
    deciders = NOTHING_DECIDES
    if isinstance(trail, SecretTrail):
        deciders = deciders_of(trail, secret, now=Instant.of(about.context.now))
    if deciders == NOTHING_DECIDES:
        known = about.context.known_since(f"service/{about.name}", "MSG-050 version_id", version.version_id)
        deciders = Deciders(seen_current=None if known is None else Instant.of(known))
    decided = diagnose(deciders=deciders)
    if decided.cause != UNDECIDED:
        return decided.with_facts(proof_of(deciders))
    return decided if isinstance(trail, SecretTrail) else undecided_without(trail, decided)


def _judge_start(about: _Subject) -> Diagnosis:
    return diagnose_start(observe.observe_probe(about.context, about.name), service=about.name)


_OF_AWS: Final[Mapping[str, Callable[[_Subject], Diagnosis]]] = {
    "MSG-010": _judge_secret,
    "MSG-020": _judge_association,
    "MSG-030": _judge_injection,
    "MSG-040": _judge_wiring,
    "MSG-050": _judge_freshness,
    "MSG-055": _judge_start,
}
"""The rungs that AWS's own words decide, by their check."""


def _judge_rung(check: str, about: _Subject, topic: str | None) -> Diagnosis:
    run = observe.observe_probe(about.context, about.name)
    transcript = _transcript(run)
    credential = about.messaging.credential
    in_running_task = isinstance(run, ProbeRun) and run.vantage is Vantage.EXEC
    asked = Asked(
        role=about.service.task_role,
        account=about.context.declaration.account,
        defined_role=_defined_role(about) if check == "MSG-060" else None,
        not_started=_not_started(run),
        in_running_task=in_running_task,
        principal=credential.principal if credential else None,
        topic=topic,
        operations=about.messaging.topics[topic] if topic else (),
        described=_described(check, about, topic, transcript),
        group=about.messaging.group,
        smoke_topic=about.cluster.smoke_topic,
        retention_limit_ms=SMOKE_RETENTION_MS,
        own_interpreter=about.context.declaration.probe.interpreter_image is None,
        run_facts=run_facts(run) if isinstance(run, ProbeRun) else {},
    )
    found = RUNGS[check](transcript, asked)
    if found.outcome is not Outcome.PASS:
        found = found.with_facts(_for_the_next(run, transcript))
    layer = found.layer or _LAYERS[check]
    if in_running_task and layer is Layer.CREDENTIAL and found.outcome is Outcome.VIOLATION and credential:
        return _blamed(found, about)
    return found


def _for_the_next(run: ProbeRun | Unobserved, transcript: Transcript | Unobserved) -> dict[str, FactValue]:
    """What the next command of a red rung names: the brokers, the service's task definition."""
    brokers = transcript.bootstrap if isinstance(transcript, Transcript) else ()
    return {
        "brokers": admitted("brokers", tuple(broker.address for broker in brokers)) if brokers else None,
        "task_definition_arn": None if isinstance(run, Unobserved) else run.task_definition_arn,
    }


def _defined_role(about: _Subject) -> str | None:
    definition = workloads.observe_live_definition(about.context, about.name)
    return definition.task_role_arn if isinstance(definition, TaskDefinition) else None


def _not_started(run: ProbeRun | Unobserved) -> str | None:
    if isinstance(run, Unobserved):
        return None
    if run.start_failure is not None:
        return run.start_failure.value
    return NOT_A_FRESH_TASK.slug if run.vantage is Vantage.HERE else None


def _described(
    check: str, about: _Subject, topic: str | None, transcript: Transcript | Unobserved
) -> TopicState | Missing | Unobserved | None:
    """The topic as MSK has it, where the rung asks: a topic that the broker hides, the smoke topic's retention."""
    if check == "MSG-200" and about.cluster.smoke_topic is not None:
        return observe.observe_topic(about.context, about.messaging.cluster, about.cluster.smoke_topic)
    if check == "MSG-180" and topic is not None and isinstance(transcript, Transcript):
        seen = transcript.topics.get(topic)
        if seen is not None and seen.kafka_error == _FORBIDDEN:
            return observe.observe_topic(about.context, about.messaging.cluster, topic)
    return None


def _blamed(found: Diagnosis, about: _Subject) -> Diagnosis:
    """Inside a running task, a credential that fails because the task is stale is a fault of the rotation.

    A twin always holds the current credential, so there it never is.
    """
    stale = _judge_freshness(about).outcome is Outcome.VIOLATION
    return replace(found, layer=Layer.ROTATION) if stale else found


def _transcript(run: ProbeRun | Unobserved) -> Transcript | Unobserved:
    found = run if isinstance(run, Unobserved) else run.transcript
    return found if isinstance(found, (Transcript, Unobserved)) else Unobserved(reason="malformed")
