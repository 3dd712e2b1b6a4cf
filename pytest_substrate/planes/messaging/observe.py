"""What the messaging plane looks at, each once a run, under the key that its docstring names.

Every observer hands on a fact, `Missing` or `Unobserved`, and raises for our own bugs alone.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Mapping

from pytest_substrate.adapters.aws import cloudtrail as read_cloudtrail
from pytest_substrate.adapters.aws import kafka as read_kafka
from pytest_substrate.adapters.aws import kms as read_kms
from pytest_substrate.adapters.aws import secretsmanager as read_secrets
from pytest_substrate.model.aws import ecs, kafka, secrets, trail
from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import TargetKind
from pytest_substrate.model.probe_run import ProbeRun
from pytest_substrate.planes.messaging.diagnose.seen import SMOKE_RETENTION_MS
from pytest_substrate.planes.messaging.diagnose.topics import kept_too_long
from pytest_substrate.planes.messaging.request import probe_request
from pytest_substrate.planes.plane import Context
from pytest_substrate.planes.workloads import observe_definition, observe_tasks, seen


def observe_cluster(context: Context, name: str) -> kafka.Cluster | Missing | Unobserved:
    """The declared cluster. Key `kafka/cluster/NAME`."""
    arn = context.declaration.cluster[name].arn
    return seen(
        context,
        f"kafka/cluster/{name}",
        kafka.Cluster | Missing | Unobserved,
        lambda: read_kafka.read_cluster(context.target.client("kafka"), arn),
    )


def observe_bootstrap(context: Context, name: str) -> kafka.Bootstrap | Missing | Unobserved:
    """The bootstrap strings of the declared cluster. Key `kafka/bootstrap/NAME`."""
    arn = context.declaration.cluster[name].arn
    return seen(
        context,
        f"kafka/bootstrap/{name}",
        kafka.Bootstrap | Missing | Unobserved,
        lambda: read_kafka.read_bootstrap(context.target.client("kafka"), arn),
    )


def observe_nodes(context: Context, name: str) -> kafka.Nodes | Missing | Unobserved:
    """The brokers of the declared cluster. Key `kafka/nodes/NAME`."""
    arn = context.declaration.cluster[name].arn
    return seen(
        context,
        f"kafka/nodes/{name}",
        kafka.Nodes | Missing | Unobserved,
        lambda: read_kafka.read_nodes(context.target.client("kafka"), arn),
    )


def observe_associations(context: Context, name: str) -> kafka.ScramAssociations | Missing | Unobserved:
    """The SCRAM secrets of the declared cluster. Key `kafka/scram/NAME`."""
    arn = context.declaration.cluster[name].arn
    return seen(
        context,
        f"kafka/scram/{name}",
        kafka.ScramAssociations | Missing | Unobserved,
        lambda: read_kafka.read_scram_associations(context.target.client("kafka"), arn),
    )


def observe_topic(context: Context, name: str, topic: str) -> kafka.TopicState | Missing | Unobserved:
    """A topic of the declared cluster, as MSK's own API knows it. Key `kafka/topic/NAME/TOPIC`."""
    arn = context.declaration.cluster[name].arn
    return seen(
        context,
        f"kafka/topic/{name}/{topic}",
        kafka.TopicState | Missing | Unobserved,
        lambda: read_kafka.read_topic(context.target.client("kafka"), arn, topic),
    )


def observe_secret(context: Context, name: str) -> secrets.SecretState | Missing | Unobserved:
    """A secret by its name, without its value. Key `secretsmanager/secret/NAME`."""
    return seen(
        context,
        f"secretsmanager/secret/{name}",
        secrets.SecretState | Missing | Unobserved,
        lambda: read_secrets.read_secret(context.target.client("secretsmanager"), name),
    )


def observe_secret_trail(
    context: Context, secret: secrets.SecretState, since: Instant
) -> trail.SecretTrail | Missing | Unobserved:
    """The calls that made a version of the secret current, since then. Key `cloudtrail/secret/NAME`."""
    return seen(
        context,
        f"cloudtrail/secret/{secret.name}",
        trail.SecretTrail | Missing | Unobserved,
        lambda: read_cloudtrail.read_secret_trail(
            context.target.client("cloudtrail"),
            name=secret.name,
            arn=secret.arn,
            since=since,
            now=Instant.of(context.now),
        ),
    )


def observe_key(context: Context, key_id: str) -> secrets.KeyState | Missing | Unobserved:
    """A key by id, ARN or alias. Key `kms/key/ID`."""
    return seen(
        context,
        f"kms/key/{key_id}",
        secrets.KeyState | Missing | Unobserved,
        lambda: read_kms.read_key(context.target.client("kms"), key_id),
    )


def observe_running_definitions(
    context: Context, service: str
) -> Mapping[str, ecs.TaskDefinition | Missing | Unobserved]:
    """The task definitions that the service's tasks run from, by ARN: while a deployment goes on, more than one."""
    tasks = observe_tasks(context, service)
    arns = [task.task_definition_arn for task in tasks.tasks] if isinstance(tasks, ecs.Tasks) else []
    return {arn: observe_definition(context, service, arn) for arn in dict.fromkeys(arns)}


def observe_probe(context: Context, service: str) -> ProbeRun | Unobserved:
    """One probe for all services that it can serve. Key `probe/SERVICE[+SERVICE…]`.

    The target tells which services share everything but topics and group; a probe asks about one group alone. It is
    told of a smoke topic only where MSK says that the topic soon deletes what is written there.
    """
    declared = context.declaration.service
    messaging = declared[service].messaging
    assert messaging is not None  # noqa: S101  only services with messaging have these checks
    group = _group(context, service)
    alike = [name for name in context.target.probe_group(service) if _group(context, name) == group]
    served = alike if service in alike else [service]
    smoke = context.declaration.cluster[messaging.cluster].smoke_topic
    if smoke and kept_too_long(smoke, observe_topic(context, messaging.cluster, smoke), SMOKE_RETENTION_MS):
        smoke = None

    def read() -> ProbeRun | Unobserved:
        endpoint = None
        if context.target.kind is not TargetKind.AWS:
            endpoint = str(context.target.client("sts").meta.endpoint_url)
        nonce = random.token_hex(16)
        request = probe_request(context.declaration, served, nonce=nonce, smoke_topic=smoke, sts_endpoint=endpoint)
        return context.target.probe(served[0], request)

    return seen(context, f"probe/{'+'.join(served)}", ProbeRun | Unobserved, read)


def _group(context: Context, service: str) -> str | None:
    messaging = context.declaration.service[service].messaging
    return messaging.group if messaging else None
