"""MSK's answers, read into facts."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from botocore.stub import Stubber

from pytest_substrate.adapters.aws.kafka import (
    read_bootstrap,
    read_cluster,
    read_nodes,
    read_scram_associations,
    read_topic,
)
from pytest_substrate.model.aws.kafka import Bootstrap, Cluster, Listener, Nodes, ScramAssociations, TopicState
from pytest_substrate.model.observation import Missing, Unobserved

ARN = "arn:aws:kafka:eu-west-2:111122223333:cluster/spine/4a1f8e52-6c0d-4b7e-9a35-2d9f6f0c7b11-2"
Stubs = Callable[[str], tuple[Any, Stubber]]


def cluster_info(**parts: object) -> dict[str, Any]:
    """DescribeClusterV2's answer."""
    return {"ClusterInfo": {"ClusterArn": ARN, "ClusterName": "spine", "State": "ACTIVE", **parts}}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({}, Cluster(arn=ARN, name="spine", state="ACTIVE", authentications=())),
        (
            {
                "Provisioned": {
                    "BrokerNodeGroupInfo": {"ClientSubnets": ["s"], "InstanceType": "kafka.m7g.large"},
                    "NumberOfBrokerNodes": 2,
                }
            },
            Cluster(arn=ARN, name="spine", state="ACTIVE", authentications=()),
        ),
        (
            {
                "Provisioned": {
                    "BrokerNodeGroupInfo": {
                        "ClientSubnets": ["s"],
                        "InstanceType": "kafka.m7g.large",
                        "ConnectivityInfo": {
                            "PublicAccess": {"Type": "SERVICE_PROVIDED_EIPS"},
                            "VpcConnectivity": {
                                "ClientAuthentication": {
                                    "Sasl": {"Scram": {"Enabled": False}, "Iam": {"Enabled": True}},
                                    "Tls": {"Enabled": True},
                                }
                            },
                        },
                    },
                    "NumberOfBrokerNodes": 2,
                    "ClientAuthentication": {
                        "Sasl": {"Scram": {"Enabled": True}, "Iam": {"Enabled": False}},
                        "Tls": {"CertificateAuthorityArnList": ["arn:aws:acm-pca:eu-west-2:1:certificate-authority/x"]},
                        "Unauthenticated": {"Enabled": True},
                    },
                    "CurrentBrokerSoftwareInfo": {"KafkaVersion": "3.9.x"},
                }
            },
            Cluster(
                arn=ARN,
                name="spine",
                state="ACTIVE",
                authentications=("scram", "mtls"),
                multi_vpc=("iam", "mtls"),
                public=True,
                kafka_version="3.9.x",
            ),
        ),
        (
            {
                "State": "UPDATING",
                "Serverless": {"VpcConfigs": [], "ClientAuthentication": {"Sasl": {"Iam": {"Enabled": True}}}},
            },
            Cluster(arn=ARN, name="spine", state="UPDATING", authentications=("iam",)),
        ),
    ],
)
def test_cluster(stub: Stubs, parts: dict[str, Any], expected: Cluster) -> None:
    """State and authentications, provisioned and serverless; what the answer leaves out is off."""
    client, stubber = stub("kafka")
    stubber.add_response("describe_cluster_v2", cluster_info(**parts), {"ClusterArn": ARN})
    assert expected == read_cluster(client, ARN)


def test_missing_cluster(stub: Stubs) -> None:
    """NotFoundException proves the absence."""
    client, stubber = stub("kafka")
    stubber.add_client_error("describe_cluster_v2", "NotFoundException", http_status_code=404)
    assert Missing(what=ARN, code="NotFoundException", operation="kafka:DescribeClusterV2") == read_cluster(client, ARN)


def test_bootstrap_by_listener(stub: Stubs) -> None:
    """Each string goes to its authentication and connectivity; the order doesn't matter."""
    client, stubber = stub("kafka")
    stubber.add_response(
        "get_bootstrap_brokers",
        {
            "BootstrapBrokerStringSaslScram": "b-2.x:9096,b-1.x:9096",
            "BootstrapBrokerStringPublicSaslIam": "b-1-public.x:9198",
            "BootstrapBrokerStringVpcConnectivityTls": "b-1.tls.x:14001",
            "BootstrapBrokerString": "",
        },
        {"ClusterArn": ARN},
    )
    found = read_bootstrap(client, ARN)
    assert isinstance(found, Bootstrap)
    assert (
        Listener(authentication="scram", connectivity="vpc", endpoints=("b-2.x:9096", "b-1.x:9096")) in found.listeners
    )
    assert {"b-1.x:9096", "b-2.x:9096"} == found.endpoints("scram", "vpc")
    assert {"b-1-public.x:9198"} == found.endpoints("iam", "public")
    assert {"b-1.tls.x:14001"} == found.endpoints("mtls", "multi-vpc")
    assert frozenset() == found.endpoints("plaintext", "vpc")
    assert 4 == len(found.every_endpoint())


def test_nodes_of_all_pages(stub: Stubs) -> None:
    """ListNodes is paged; other nodes than brokers have no endpoints here."""
    client, stubber = stub("kafka")
    first = {"NodeInfoList": [{"NodeType": "BROKER", "BrokerNodeInfo": {"Endpoints": ["B-1.x"]}}], "NextToken": "2"}
    second = {
        "NodeInfoList": [{"BrokerNodeInfo": {"Endpoints": ["b-2.x:9092"]}}, {"ZookeeperNodeInfo": {"Endpoints": ["z"]}}]
    }
    stubber.add_response("list_nodes", first, {"ClusterArn": ARN})
    stubber.add_response("list_nodes", second, {"ClusterArn": ARN, "NextToken": "2"})
    assert Nodes(hosts=("b-1.x", "b-2.x")) == read_nodes(client, ARN)


def test_associations_of_all_pages(stub: Stubs) -> None:
    """ListScramSecrets is paged."""
    client, stubber = stub("kafka")
    stubber.add_response("list_scram_secrets", {"SecretArnList": ["a"], "NextToken": "2"}, {"ClusterArn": ARN})
    stubber.add_response("list_scram_secrets", {"SecretArnList": ["b"]}, {"ClusterArn": ARN, "NextToken": "2"})
    assert ScramAssociations(secret_arns=("a", "b")) == read_scram_associations(client, ARN)


def test_a_page_that_is_refused_leaves_nothing_half_read(stub: Stubs) -> None:
    """Half a list is no list: an absence could lie in the other half."""
    client, stubber = stub("kafka")
    stubber.add_response("list_scram_secrets", {"SecretArnList": ["a"], "NextToken": "2"}, {"ClusterArn": ARN})
    stubber.add_client_error("list_scram_secrets", "TooManyRequestsException", http_status_code=429)
    found = read_scram_associations(client, ARN)
    assert isinstance(found, Unobserved)
    assert "throttled" == found.reason


@pytest.mark.parametrize(
    ("configs", "retention"),
    [
        (base64.b64encode(b"cleanup.policy=delete\nretention.ms = 600000\n").decode(), 600_000),
        (base64.b64encode(b"retention.ms=-1").decode(), -1),
        (base64.b64encode(b"retention.ms=soon").decode(), None),
        (base64.b64encode(b"cleanup.policy=delete").decode(), None),
        (base64.b64encode(b"\xff\xfe").decode(), None),
        ("not base64!", None),
        (None, None),
    ],
)
def test_topic(stub: Stubs, configs: str | None, retention: int | None) -> None:
    """A topic with the retention that its configuration names, if it does."""
    client, stubber = stub("kafka")
    answer: dict[str, Any] = {"TopicName": "smoke", "Status": "ACTIVE", "PartitionCount": 3, "ReplicationFactor": 2}
    if configs is not None:
        answer["Configs"] = configs
    stubber.add_response("describe_topic", answer, {"ClusterArn": ARN, "TopicName": "smoke"})
    expected = TopicState(name="smoke", state="ACTIVE", partitions=3, replication=2, retention_ms=retention)
    assert expected == read_topic(client, ARN, "smoke")


def test_missing_topic(stub: Stubs) -> None:
    """MSK's own API tells a missing topic from a forbidden one."""
    client, stubber = stub("kafka")
    stubber.add_client_error("describe_topic", "NotFoundException", http_status_code=404)
    assert isinstance(read_topic(client, ARN, "gone"), Missing)
