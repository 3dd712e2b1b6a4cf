"""What MSK's control plane says of clusters, their addresses, SCRAM secrets and topics. It reads and never changes."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from pytest_substrate.adapters.aws.answer import Answer, answered, ask, ask_pages
from pytest_substrate.model.aws import kafka as facts
from pytest_substrate.model.aws.address import addresses
from pytest_substrate.model.aws.operations import BOOTSTRAP_LISTENERS

_RETENTION: Final = "retention.ms"
_CLEANUP: Final = "cleanup.policy"


@answered
def read_cluster(client: Any, arn: str) -> facts.Cluster:
    """The cluster's state and the authentications that it offers."""
    info = ask(client, "kafka:DescribeClusterV2", what=arn, ClusterArn=arn).part("ClusterInfo")
    provisioned = info.part("Provisioned")
    connectivity = provisioned.part("BrokerNodeGroupInfo").part("ConnectivityInfo")
    in_vpc = provisioned.part("ClientAuthentication")
    certificates = in_vpc.part("Tls").texts("CertificateAuthorityArnList")
    serverless_iam = info.part("Serverless").part("ClientAuthentication").part("Sasl").part("Iam").flag("Enabled")
    offered = dict.fromkeys(_authentications(in_vpc))
    if certificates:  # clusters older than `Tls.Enabled` tell mutual TLS by its authorities alone
        offered[facts.MTLS] = None
    if serverless_iam:
        offered[facts.IAM] = None
    return facts.Cluster(
        arn=info.text("ClusterArn"),
        name=info.text("ClusterName"),
        state=info.text("State"),
        authentications=tuple(offered),
        multi_vpc=_authentications(connectivity.part("VpcConnectivity").part("ClientAuthentication")),
        public=connectivity.part("PublicAccess").text_or_none("Type") == facts.PUBLIC,
        kafka_version=provisioned.part("CurrentBrokerSoftwareInfo").text_or_none("KafkaVersion"),
    )


def _authentications(clients: Answer) -> tuple[str, ...]:
    offered = {
        facts.SCRAM: clients.part("Sasl").part("Scram").flag("Enabled"),
        facts.IAM: clients.part("Sasl").part("Iam").flag("Enabled"),
        facts.MTLS: clients.part("Tls").flag("Enabled"),
    }
    return tuple(name for name, enabled in offered.items() if enabled)


@answered
def read_bootstrap(client: Any, arn: str) -> facts.Bootstrap:
    """Every bootstrap string of the cluster, taken apart."""
    answer = ask(client, "kafka:GetBootstrapBrokers", what=arn, ClusterArn=arn)
    listeners = []
    for name, (authentication, connectivity) in BOOTSTRAP_LISTENERS.items():
        text = answer.text_or_none(name)
        if text is not None:
            endpoints, _ = addresses(text)
            listeners.append(
                facts.Listener(authentication=authentication, connectivity=connectivity, endpoints=endpoints)
            )
    return facts.Bootstrap(listeners=tuple(listeners))


@answered
def read_nodes(client: Any, arn: str) -> facts.Nodes:
    """The host names of all brokers."""
    hosts: dict[str, None] = {}
    for page in ask_pages(client, "kafka:ListNodes", what=arn, ClusterArn=arn):
        for node in page.parts("NodeInfoList"):
            endpoints = node.part("BrokerNodeInfo").texts("Endpoints")
            hosts.update(dict.fromkeys(endpoint.lower().partition(":")[0] for endpoint in endpoints))
    return facts.Nodes(hosts=tuple(hosts))


@answered
def read_scram_associations(client: Any, arn: str) -> facts.ScramAssociations:
    """The secrets that are associated with the cluster."""
    pages = ask_pages(client, "kafka:ListScramSecrets", what=arn, ClusterArn=arn)
    return facts.ScramAssociations(
        secret_arns=tuple(secret for page in pages for secret in page.texts("SecretArnList"))
    )


@answered
def read_topic(client: Any, arn: str, topic: str) -> facts.TopicState:
    """A topic as MSK knows it: on provisioned clusters of Kafka 3.6 and later, about a minute after its creation."""
    answer = ask(client, "kafka:DescribeTopic", what=topic, ClusterArn=arn, TopicName=topic)
    settings = _settings(answer.text_or_none("Configs"))
    retention = settings.get(_RETENTION, "")
    cleanup = {_CLEANUP: facts.DELETES, **settings}[_CLEANUP].split(",")
    return facts.TopicState(
        name=answer.text("TopicName"),
        state=answer.text("Status"),
        partitions=answer.number("PartitionCount"),
        replication=answer.number("ReplicationFactor"),
        retention_ms=int(retention) if retention.removeprefix("-").isdecimal() else None,
        cleanup=tuple(policy.strip() for policy in cleanup),
    )


def _settings(encoded: str | None) -> dict[str, str]:
    """The `key=value` lines in base64; none where the text is of another form."""
    try:
        lines = base64.b64decode(encoded or "", validate=True).decode().splitlines()
    except (binascii.Error, UnicodeDecodeError):
        return {}
    return {key.strip(): value.strip() for key, sign, value in (line.partition("=") for line in lines) if sign}
