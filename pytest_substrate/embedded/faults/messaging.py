"""Faults of the messaging plane."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.platform import dev_min, names, roles
from pytest_substrate.embedded.platform.login import accepts
from pytest_substrate.embedded.platform.platform import Platform, wait_until
from pytest_substrate.embedded.platform.service import Definition, container, deploy, deployed, set_variable
from pytest_substrate.model.outcome import Layer

_OTHER_ROLE: Final = "reporting-task"


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
        dev_min.associate(platform, arn, dev_min.secret_arn(platform))
        with deployed(platform, lambda it: set_variable(it, "KAFKA_BOOTSTRAP_SERVERS", ",".join(other.bootstrap))):
            yield
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
    key = dev_min.key_arn(platform)
    other = dev_min.create_secret(platform, "AmazonMSK_reporting", username="reporting", key_arn=key)
    dev_min.associate(platform, names.CLUSTER_ARN, other)
    own = dev_min.secret_arn(platform)
    roles.set_policy(platform, names.EXECUTION_ROLE, roles.execution_policy([own, other], key_arn=key))

    def inject(definition: Definition) -> None:
        container(definition)["secrets"] = [{"name": "KAFKA_CREDENTIAL", "valueFrom": other}]

    with deployed(platform, inject):
        yield
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
    password = dev_min.new_password()
    value = json.dumps({"username": names.PRINCIPAL, "password": password})
    platform.client("secretsmanager").put_secret_value(SecretId=names.SECRET, SecretString=value)
    wait_until(
        lambda: all(accepts(address, platform.authority.ca_file, password) for address in platform.kafka.bootstrap),
        what="the new password to spread to the brokers",
        deadline_s=15.0,
    )
    yield
    deploy(platform)


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
    with deployed(platform, lambda definition: definition.update(taskRoleArn=names.role_arn(_OTHER_ROLE))):
        yield
    platform.client("iam").delete_role(RoleName=_OTHER_ROLE)


@fault(
    "topic-write-denied",
    check="MSG-190",
    layer=Layer.AUTHORIZATION,
    cause="not-authorized",
    breaks="the principal has lost Write on events.raw",
)
def topic_write_denied(platform: Platform) -> Iterator[None]:
    """One ACL is taken away; Describe stays."""
    rule = dev_min.topic_acl(names.TOPIC, "write")
    platform.kafka.admin.revoke(rule)
    yield
    platform.kafka.admin.allow(rule)


@fault(
    "api-version-pinned",
    check="MSG-220",
    layer=Layer.COMPATIBILITY,
    cause="no-common-version",
    breaks="the client is pinned to api_version 0.10.2, which brokers of Kafka 4 no longer speak",
)
def api_version_pinned(platform: Platform) -> Iterator[None]:
    """The service's own variable, which its client obeys."""
    with deployed(platform, lambda definition: set_variable(definition, "KAFKA_API_VERSION", "0.10.2")):
        yield
