"""MSK: clusters, bootstrap answers, nodes, and SCRAM secrets and topics on real brokers."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from pytest_substrate.embedded.kafka.cluster import KafkaCluster

UUID = "4a1f8e52-6c0d-4b7e-9a35-2d9f6f0c7b11-2"
_GROUP = {"clientSubnets": ["subnet-0a1", "subnet-0a2"], "instanceType": "kafka.m5.large"}
_BROKERS = [{"id": 1, "scram": "localhost:9001", "tls": "localhost:9101"}, {"id": 2, "scram": "localhost:9002"}]
_SCRAM = {"sasl": {"scram": {"enabled": True}}}


def _wanted(name: str, **fields: Any) -> dict[str, Any]:
    return {
        "clusterName": name,
        "kafkaVersion": "4.2.0",
        "numberOfBrokerNodes": 2,
        "brokerNodeGroupInfo": _GROUP,
        "clientAuthentication": _SCRAM,
        **fields,
    }


def _create(account: Any, name: str, **fields: Any) -> str:
    return str(account.kafka.create_cluster(**_capitals(_wanted(name, **fields)))["ClusterArn"])


def _capitals(value: Any) -> Any:
    """botocore's `kafka` model writes its members with capitals."""
    if isinstance(value, dict):
        return {key[0].upper() + key[1:]: _capitals(held) for key, held in value.items()}
    return [_capitals(each) for each in value] if isinstance(value, list) else value


def test_the_arn_can_be_fixed_and_is_else_always_the_same(account: Any) -> None:
    """A tag gives the ARN its last part; without it, account, region and name do, also after a deletion."""
    fixed = account.kafka.create_cluster_v2(
        ClusterName="fixed",
        Tags={"substrate:cluster-uuid": UUID, "Owner": "us"},
        Provisioned={key: value for key, value in _capitals(_wanted("")).items() if key != "ClusterName"},
    )
    first = _create(account, "derived")
    account.kafka.delete_cluster(ClusterArn=first)
    told = account.kafka.describe_cluster_v2(ClusterArn=fixed["ClusterArn"])["ClusterInfo"]

    assert fixed["ClusterArn"] == f"arn:aws:kafka:eu-west-2:111122223333:cluster/fixed/{UUID}"
    assert first == _create(account, "derived")
    assert told["Tags"] == {"substrate:cluster-uuid": UUID, "Owner": "us"}
    with pytest.raises(ClientError) as again:
        _create(account, "derived")
    assert again.value.response["Error"]["Code"] == "ConflictException"


def test_a_cluster_is_active_once_it_has_brokers(account: Any) -> None:
    """CREATING without coordinates, ACTIVE with them, or what the platform says; both versions of the API agree."""
    arn = _create(account, "states")

    def states() -> set[str]:
        one = account.kafka.describe_cluster(ClusterArn=arn)["ClusterInfo"]
        two = account.kafka.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]
        listed = account.kafka.list_clusters_v2(ClusterNameFilter="states")["ClusterInfoList"][0]
        return {one["State"], two["State"], listed["State"]}

    assert states() == {"CREATING"}
    with pytest.raises(ClientError) as early:
        account.kafka.get_bootstrap_brokers(ClusterArn=arn)
    assert early.value.response["Error"]["Code"] == "ConflictException"
    account.cloud.register_cluster("states", {"brokers": _BROKERS})
    assert states() == {"ACTIVE"}
    account.cloud.register_cluster("states", {"state": "MAINTENANCE"})
    assert states() == {"MAINTENANCE"}
    account.cloud.register_cluster("states", {"state": None})
    assert states() == {"ACTIVE"}
    two = account.kafka.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]
    assert two["ClusterType"] == "PROVISIONED"
    assert two["Provisioned"]["CurrentBrokerSoftwareInfo"]["KafkaVersion"] == "4.2.0"
    assert two["Provisioned"]["ClientAuthentication"]["Sasl"]["Scram"]["Enabled"]


@pytest.mark.parametrize(
    ("authentication", "expected"),
    [
        (_SCRAM, {"BootstrapBrokerStringSaslScram"}),
        ({"tls": {"enabled": True}}, {"BootstrapBrokerStringTls"}),
        ({**_SCRAM, "tls": {"enabled": True}}, {"BootstrapBrokerStringSaslScram", "BootstrapBrokerStringTls"}),
        ({"sasl": {"iam": {"enabled": True}}}, set()),
    ],
)
def test_the_bootstrap_answer_follows_the_clusters_authentication(
    account: Any, authentication: dict[str, Any], expected: set[str]
) -> None:
    """Only the listeners that the cluster's settings offer and its brokers have are told."""
    name = f"boot-{secrets.token_hex(3)}"
    arn = _create(account, name, clientAuthentication=authentication)
    account.cloud.register_cluster(name, {"brokers": _BROKERS})

    told = account.kafka.get_bootstrap_brokers(ClusterArn=arn)

    assert {key for key in told if key.startswith("Bootstrap")} == expected
    if authentication == _SCRAM:
        assert told["BootstrapBrokerStringSaslScram"] == "localhost:9001,localhost:9002"


def test_nodes_are_the_real_brokers(account: Any) -> None:
    """Ids and host names are those of the coordinates, and pages are as long as asked for."""
    arn = _create(account, "nodes")
    account.cloud.register_cluster("nodes", {"brokers": [*_BROKERS, {"id": 7, "scram": "b-7.invalid:9096"}]})

    first = account.kafka.list_nodes(ClusterArn=arn, MaxResults=2)
    rest = account.kafka.list_nodes(ClusterArn=arn, MaxResults=2, NextToken=first["NextToken"])
    nodes = [row["BrokerNodeInfo"] for row in (*first["NodeInfoList"], *rest["NodeInfoList"])]

    assert [(node["BrokerId"], node["Endpoints"]) for node in nodes] == [
        (1.0, ["localhost"]),
        (2.0, ["localhost"]),
        (7.0, ["b-7.invalid"]),
    ]
    assert "NextToken" not in rest


def test_what_is_not_there_is_not_found(account: Any) -> None:
    """A cluster that does not exist is NotFoundException, in each call."""
    arn = "arn:aws:kafka:eu-west-2:111122223333:cluster/none/1"
    for call in (
        "describe_cluster",
        "describe_cluster_v2",
        "get_bootstrap_brokers",
        "list_nodes",
        "list_scram_secrets",
    ):
        with pytest.raises(ClientError) as missing:
            getattr(account.kafka, call)(ClusterArn=arn)
        assert missing.value.response["Error"]["Code"] == "NotFoundException"


@pytest.fixture(scope="module")
def brokers(platform: Path) -> Iterator[KafkaCluster]:
    """A real cluster of one broker."""
    from pytest_substrate.embedded.kafka.cluster import KafkaCluster
    from pytest_substrate.embedded.kafka.prepare import prepare
    from pytest_substrate.embedded.kafka.resources import Acl, TopicSpec
    from pytest_substrate.embedded.kafka.spec import ClusterSpec, ListenerSpec
    from pytest_substrate.embedded.network.relay import Network

    listener = ListenerSpec(protocol="SASL_PLAINTEXT", mechanisms=("SCRAM-SHA-512",))
    with Network() as network:
        cluster = KafkaCluster.start(
            platform,
            spec=ClusterSpec(name="real", brokers=1, listeners=(listener,)),
            runtime=prepare(platform, progress=print),
            network=network,
        )
        cluster.admin.create_topics(TopicSpec(name="events.raw", partitions=2, settings={"retention.ms": "600000"}))
        cluster.admin.allow(Acl(principal="User:*", resource="topic", name="*", operation="describe"))
        yield cluster
        cluster.stop()


@pytest.fixture(scope="module")
def real(account: Any, brokers: KafkaCluster) -> str:
    """The MSK cluster that stands for it; its ARN."""
    arn = _create(account, "real")
    rows = [{"id": number, "scram": address} for number, address in enumerate(brokers.bootstrap, start=1)]
    account.cloud.register_cluster("real", {"brokers": rows, "admin": brokers.admin_address, "spread_delay_s": 0.2})
    return arn


@pytest.fixture
def admitted(brokers: KafkaCluster) -> Callable[[str, str], bool]:
    """Whether the real broker admits a user with a password."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    def ask(name: str, password: str) -> bool:
        try:
            KafkaAdminClient(
                bootstrap_servers=list(brokers.bootstrap),
                security_protocol="SASL_PLAINTEXT",
                sasl_mechanism="SCRAM-SHA-512",
                sasl_plain_username=name,
                sasl_plain_password=password,
                bootstrap_timeout_ms=1500,
            ).close()
        except KafkaError:
            return False
        return True

    return ask


def _secret(account: Any, value: Any, *, name: str = "AmazonMSK_", key: str | None = "") -> str:
    given = {} if key is None else {"KmsKeyId": key or account.key}
    text = value if isinstance(value, str) else json.dumps(value)
    made = account.secretsmanager.create_secret(Name=f"{name}{secrets.token_hex(4)}", SecretString=text, **given)
    return str(made["ARN"])


def test_a_secret_is_a_user_of_the_brokers(account: Any, real: str, admitted: Callable[[str, str], bool]) -> None:
    """Associated, its user gets in; a new version spreads after a while; disassociated, nobody gets in."""
    arn = _secret(account, {"username": "ingest", "password": "one"})

    answer = account.kafka.batch_associate_scram_secret(ClusterArn=real, SecretArnList=[arn])
    assert answer["UnprocessedScramSecrets"] == []
    assert account.kafka.list_scram_secrets(ClusterArn=real)["SecretArnList"] == [arn]
    assert admitted("ingest", "one")
    policy = json.loads(account.secretsmanager.get_resource_policy(SecretId=arn)["ResourcePolicy"])
    assert policy["Statement"][0]["Principal"] == {"Service": "kafka.amazonaws.com"}

    account.secretsmanager.put_secret_value(
        SecretId=arn, SecretString=json.dumps({"username": "ingest", "password": "two"})
    )
    account.eventually(lambda: admitted("ingest", "two"))
    assert not admitted("ingest", "one")

    account.secretsmanager.put_secret_value(
        SecretId=arn, SecretString=json.dumps({"username": "other", "password": "three"})
    )
    account.eventually(lambda: admitted("other", "three"))
    assert not admitted("ingest", "two")

    answer = account.kafka.batch_disassociate_scram_secret(ClusterArn=real, SecretArnList=[arn])
    assert answer["UnprocessedScramSecrets"] == []
    assert account.kafka.list_scram_secrets(ClusterArn=real)["SecretArnList"] == []
    assert not admitted("other", "three")


def test_the_delay_of_a_rotation_can_be_set(account: Any, real: str, admitted: Callable[[str, str], bool]) -> None:
    """Until the delay has passed, the old password is the one."""
    arn = _secret(account, {"username": "slow", "password": "old"})
    account.kafka.batch_associate_scram_secret(ClusterArn=real, SecretArnList=[arn])
    account.cloud.register_cluster("real", {"spread_delay_s": 1.5})
    changed = time.monotonic()
    account.secretsmanager.put_secret_value(
        SecretId=arn, SecretString=json.dumps({"username": "slow", "password": "new"})
    )

    assert admitted("slow", "old") or time.monotonic() - changed > 1.5
    account.eventually(lambda: admitted("slow", "new"))
    assert time.monotonic() - changed > 1.5
    account.cloud.register_cluster("real", {"spread_delay_s": 0.2})


_USER = {"username": "u", "password": "p"}


@pytest.mark.parametrize(
    ("secret", "code"),
    [
        ({"value": _USER, "name": "other_"}, "InvalidSecretName"),
        ({"value": _USER, "key": None}, "InvalidSecretKey"),
        ({"value": _USER, "key": "alias/aws/secretsmanager"}, "InvalidSecretKey"),
        ({"value": {"username": "u"}}, "InvalidSecretValue"),
        ({"value": "plain"}, "InvalidSecretValue"),
    ],
)
def test_a_secret_that_msk_does_not_take_is_unprocessed(
    account: Any, real: str, secret: dict[str, Any], code: str
) -> None:
    """A wrong name, key or value leaves the secret unassociated, as does a secret that is not there."""
    arn = _secret(account, **secret)

    answer = account.kafka.batch_associate_scram_secret(ClusterArn=real, SecretArnList=[arn, arn[:-3] + "xxx"])

    rows = {row["SecretArn"]: row["ErrorCode"] for row in answer["UnprocessedScramSecrets"]}
    assert rows == {arn: code, arn[:-3] + "xxx": "InvalidSecretArn"}
    assert arn not in account.kafka.list_scram_secrets(ClusterArn=real)["SecretArnList"]


def test_topics_are_the_brokers_own(account: Any, real: str) -> None:
    """Listed, described and with partitions, they are what the broker has; a missing one is not found."""
    topic_arn = real.replace(":cluster/", ":topic/") + "/events.raw"

    listed = account.kafka.list_topics(ClusterArn=real)["Topics"]
    one = account.kafka.describe_topic(ClusterArn=real, TopicName="events.raw")
    partitions = account.kafka.describe_topic_partitions(ClusterArn=real, TopicName="events.raw")["Partitions"]

    row = {"TopicArn": topic_arn, "TopicName": "events.raw", "ReplicationFactor": 1, "PartitionCount": 2}
    assert listed == [{**row, "OutOfSyncReplicaCount": 0}]
    assert {key: one[key] for key in row} == row
    assert one["Status"] == "ACTIVE"
    assert "retention.ms=600000\n" in base64.b64decode(one["Configs"]).decode()
    assert [(each["Partition"], each["Leader"], each["Isr"]) for each in partitions] == [(0, 1, [1]), (1, 1, [1])]
    for call in (account.kafka.describe_topic, account.kafka.describe_topic_partitions):
        with pytest.raises(ClientError) as missing:
            call(ClusterArn=real, TopicName="nothing")
        assert missing.value.response["Error"]["Code"] == "NotFoundException"


def test_the_topic_api_needs_the_data_planes_permissions(account: Any, real: str) -> None:
    """Without kafka-cluster:Connect the topic API refuses, with them it answers; MSK's own permission is not enough."""
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "sts:AssumeRole"}
    topic = real.replace(":cluster/", ":topic/") + "/events.raw"

    def described() -> Any:
        given = account.sts.assume_role(RoleArn=account.role_arn("topics"), RoleSessionName="looks")["Credentials"]
        keys = type(account.cloud.root_credentials)(
            access_key_id=given["AccessKeyId"], secret_access_key=given["SecretAccessKey"]
        )
        kafka = account.client("kafka", account.session_of(keys, given["SessionToken"]))
        return kafka.describe_topic(ClusterArn=real, TopicName="events.raw")

    account.role("topics", trust)
    account.allow("topics", "kafka:DescribeTopic", real)
    with pytest.raises(ClientError) as refused:
        described()
    account.allow("topics", ["kafka-cluster:Connect", "kafka-cluster:DescribeTopic*"], [real, topic])

    assert refused.value.response["Error"]["Code"] == "ForbiddenException"
    assert "kafka-cluster:Connect" in refused.value.response["Error"]["Message"]
    assert described()["PartitionCount"] == 2
