"""Faults of the messaging plane that AWS itself tells of: cluster, secret, wiring, rotation, start, role."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.platform import dev_min, names, roles
from pytest_substrate.embedded.platform.login import await_login
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.platform.service import Definition, container, deploy, deployed, set_variable
from pytest_substrate.model.outcome import Layer

_OTHER_ROLE: Final = "reporting-task"


@fault(
    "cluster-updating",
    check="MSG-005",
    layer=Layer.SUBSTRATE,
    cause="cluster-not-active",
    breaks="the cluster is being updated, while its brokers still serve",
)
def cluster_updating(platform: Platform) -> Iterator[None]:
    """The state is MSK's word alone."""
    try:
        platform.cloud.register_cluster(names.CLUSTER, {"state": "UPDATING"})
        yield
    finally:
        platform.cloud.register_cluster(names.CLUSTER, {"state": None})


@fault(
    "key-disabled",
    check="MSG-010",
    layer=Layer.CREDENTIAL,
    cause="key-not-enabled",
    breaks="the customer's key of the secret is disabled, so that no task that starts now can read it",
)
def key_disabled(platform: Platform) -> Iterator[None]:
    """What runs goes on running, until it is replaced."""
    key = dev_min.key_arn(platform)
    try:
        platform.client("kms").disable_key(KeyId=key)
        yield
    finally:
        platform.client("kms").enable_key(KeyId=key)


@fault(
    "secret-disassociated",
    check="MSG-020",
    layer=Layer.CREDENTIAL,
    cause="not-associated",
    breaks="the secret was taken off the cluster, and its user with it off the brokers",
)
def secret_disassociated(platform: Platform) -> Iterator[None]:
    """Connections that are open stay so."""
    secret = dev_min.secret_arn(platform)
    try:
        dev_min.dissociate(platform, names.CLUSTER_ARN, secret)
        yield
    finally:
        dev_min.associate(platform, names.CLUSTER_ARN, secret)


@fault(
    "wired-to-another-cluster",
    check="MSG-040",
    layer=Layer.WIRING,
    cause="foreign-endpoint",
    breaks="the service's bootstrap variable names the brokers of another cluster, where its principal also works",
)
def wired_to_another_cluster(platform: Platform) -> Iterator[None]:
    """A second real cluster, with the same topics, rules and users: nothing but the wiring is wrong."""
    other = platform.start_cluster("legacy")
    try:
        dev_min.make_topics(other.admin, replicas=1)
        arn = dev_min.create_cluster(platform, "legacy", other)
        try:
            dev_min.associate(platform, arn, dev_min.secret_arn(platform))
            with deployed(platform, lambda it: set_variable(it, "KAFKA_BOOTSTRAP_SERVERS", ",".join(other.bootstrap))):
                yield
        finally:
            platform.client("kafka").delete_cluster(ClusterArn=arn)
    finally:
        other.stop()


@fault(
    "secret-of-another-principal",
    check="MSG-030",
    layer=Layer.WIRING,
    cause="other-secret",
    breaks="the task definition injects the secret of another principal",
)
def secret_of_another_principal(platform: Platform) -> Iterator[None]:
    """The other principal is a real one, with its own secret, associated and readable, so that its tasks do start."""
    own, key = dev_min.secret_arn(platform), dev_min.key_arn(platform)
    other = dev_min.create_secret(platform, "AmazonMSK_reporting", username="reporting", key_arn=key)

    def inject(definition: Definition) -> None:
        container(definition)["secrets"] = [{"name": "KAFKA_CREDENTIAL", "valueFrom": other}]

    try:
        dev_min.associate(platform, names.CLUSTER_ARN, other)
        roles.set_policy(platform, names.EXECUTION_ROLE, roles.execution_policy([own, other], key_arn=key))
        with deployed(platform, inject):
            yield
    finally:
        roles.set_policy(platform, names.EXECUTION_ROLE, roles.execution_policy([own], key_arn=key))
        dev_min.dissociate(platform, names.CLUSTER_ARN, other)
        platform.client("secretsmanager").delete_secret(SecretId=other, ForceDeleteWithoutRecovery=True)


@fault(
    "rotated-without-redeploy",
    check="MSG-050",
    layer=Layer.ROTATION,
    cause="credential-stale-in-task",
    breaks="the secret is rotated, the brokers have the new password, and the running tasks still hold the old one",
)
def rotated_without_redeploy(platform: Platform) -> Iterator[None]:
    """What mends it is a deployment, not another rotation."""
    try:
        await_login(platform, names.PRINCIPAL, dev_min.put_credential(platform, names.PRINCIPAL))
        yield
    finally:
        deploy(platform)


@fault(
    "secret-not-readable",
    check="MSG-055",
    layer=Layer.AUTHORIZATION,
    cause="secret-not-readable",
    breaks="the execution role has lost its right to read the secret",
)
def secret_not_readable(platform: Platform) -> Iterator[None]:
    """It shows at the next start: the tasks that run have the secret."""
    with _execution_role_without(platform, "secretsmanager:GetSecretValue"):
        yield


@fault(
    "logs-not-writable",
    check="MSG-055",
    layer=Layer.AUTHORIZATION,
    cause="log-stream-not-authorized",
    breaks="the execution role has lost its rights on the log group",
)
def logs_not_writable(platform: Platform) -> Iterator[None]:
    """The group is there; a task without its log stream doesn't start."""
    with _execution_role_without(platform, "logs:CreateLogStream"):
        yield


@contextlib.contextmanager
def _execution_role_without(platform: Platform, action: str) -> Iterator[None]:
    """The execution role without the statement that holds the action, for as long as the block runs."""
    whole = roles.execution_policy([dev_min.secret_arn(platform)], key_arn=dev_min.key_arn(platform))
    left = [statement for statement in whole["Statement"] if action not in statement["Action"]]
    try:
        roles.set_policy(platform, names.EXECUTION_ROLE, roles.allow(left))
        yield
    finally:
        roles.set_policy(platform, names.EXECUTION_ROLE, whole)


@fault(
    "task-role-swapped",
    check="MSG-060",
    layer=Layer.IDENTITY,
    cause="other-role",
    breaks="the task definition names another task role than the declared, one that ECS may assume",
)
def task_role_swapped(platform: Platform) -> Iterator[None]:
    """The service goes on as it did: to Kafka its role means nothing, so only the declaration tells."""
    roles.make_role(platform, _OTHER_ROLE, trust=roles.of_tasks(), policy=None)
    try:
        with deployed(platform, lambda definition: definition.update(taskRoleArn=names.role_arn(_OTHER_ROLE))):
            yield
    finally:
        platform.client("iam").delete_role(RoleName=_OTHER_ROLE)
