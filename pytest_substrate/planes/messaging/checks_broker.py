"""The messaging plane's checks from the task on: what the probe sees, from its own identity to a record and back.

Each stands on MSG-055 and the rungs below it on the way to a broker; MSG-060 on nothing, as the service's task
definition alone proves another role, and no task is sent then. MSG-190 does not stand on MSG-180: a broker that
hides a topic proves that describe is refused, whether the topic exists or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_substrate.model import subjects
from pytest_substrate.model.aws.operations import permissions_of
from pytest_substrate.model.check import Cause, Check
from pytest_substrate.model.outcome import Layer, Plane
from pytest_substrate.planes.messaging.diagnose.causes import TRANSCRIPT_CAUSES, causes
from pytest_substrate.planes.messaging.diagnose.client import TRIP_MEANINGS, VERSION_MEANINGS
from pytest_substrate.planes.messaging.diagnose.runtime import CREDENTIAL_MEANINGS, IDENTITY_MEANINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_substrate.model.declaration import Declaration

_NAME: Final = ("unresolved", "malformed-address", "no-bootstrap")
_TCP: Final = ("connection-refused", "no-route")
_TLS: Final = (
    "certificate-untrusted",
    "certificate-wrong-name",
    "certificate-expired",
    "certificate-not-yet-valid",
    "no-trust-store",
    "ca-unreadable",
    "client-certificate",
    "client-certificate-unreadable",
    "alert",
    "not-tls",
)
_VERSIONS: Final = ("tls-expected", "version-refused")
_MECHANISM: Final = ("mechanism-not-offered", "no-sasl")
_CREDENTIAL: Final = (
    "rejected",
    "connect-denied",
    "no-credential",
    "server-signature",
    "server-nonce",
    "server-iterations",
)
_METADATA: Final = ("sasl-expected", "not-a-broker", "no-brokers", "version-unsupported")
_WAY: Final = (*_NAME, *_TCP, *_TLS, *_VERSIONS, *_MECHANISM, *_CREDENTIAL)


def _own(meanings: Mapping[str, str]) -> tuple[Cause, ...]:
    return tuple(Cause(slug=slug, meaning=meaning) for slug, meaning in meanings.items())


def sasl_services(declaration: Declaration) -> tuple[str, ...]:
    """The services whose cluster authenticates by SASL: all but those of mutual TLS."""
    return tuple(
        f"service/{name}"
        for name, service in declaration.service.items()
        if service.messaging and declaration.cluster[service.messaging.cluster].auth != "mtls"
    )


BROKER_CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="MSG-060",
        plane=Plane.MESSAGING,
        statement="the probe runs as the service's task role",
        layer=Layer.IDENTITY,
        subjects=subjects.messaging_services,
        causes=(*_own(IDENTITY_MEANINGS), *TRANSCRIPT_CAUSES),
        permissions=permissions_of(["ecs:DescribeServices", "ecs:DescribeTaskDefinition"]),
        next="aws ecs describe-task-definition --task-definition {ecs_service} --region {region} "
        "--query taskDefinition.taskRoleArn",
        why="A proof made under another identity says nothing about the service.",
        how="The role that the service's task definition names; then the container's credential endpoint is asked as "
        "an SDK would, and STS who these credentials are. Where the definition names another role than the declared, "
        "no task is sent (MSG-055 is INCONCLUSIVE then), as the definition proves enough.",
        red_when="the task definition names another role, the credentials are not from the container, are another "
        "role's, or an SDK would take others first.",
        runtime=True,
    ),
    Check(
        id="MSG-070",
        plane=Plane.MESSAGING,
        statement="what the runtime receives is the declared secret's current value, for the declared principal",
        layer=Layer.CREDENTIAL,
        subjects=subjects.secret_services,
        needs=("MSG-055",),
        causes=(*_own(CREDENTIAL_MEANINGS), *TRANSCRIPT_CAUSES),
        next="aws secretsmanager list-secret-version-ids --secret-id {secret} --region {region}",
        why="A pinned version, another secret or a stale copy fails at the broker as a wrong password does.",
        how="Compared inside the task, field by field, with the secret that the twin injects; only the answer leaves.",
        red_when="a field differs, the user name is not the declared principal, or nothing usable was received.",
        runtime=True,
    ),
    Check(
        id="MSG-110",
        plane=Plane.MESSAGING,
        statement="every bootstrap name resolves",
        layer=Layer.NETWORK,
        subjects=subjects.messaging_services,
        needs=("MSG-055",),
        causes=causes(*_NAME),
        next="getent hosts {host}",
        why="A client starts with any of the names, so one that doesn't resolve fails some starts and not others.",
        how="getaddrinfo in the task, in a thread that is given up at the deadline.",
        red_when="a name has no address, an address is not HOST:PORT, or the list is empty.",
        runtime=True,
    ),
    Check(
        id="MSG-120",
        plane=Plane.MESSAGING,
        statement="every bootstrap address accepts TCP",
        layer=Layer.NETWORK,
        subjects=subjects.messaging_services,
        needs=("MSG-110",),
        causes=causes(*_TCP),
        next="aws kafka describe-cluster-v2 --cluster-arn {cluster_arn} --region {region} "
        "--query ClusterInfo.Provisioned.BrokerNodeGroupInfo.SecurityGroups",
        why="Security groups, routes and ports are the network's; whatever comes after can't be judged without them.",
        how="A TCP connection from the task to each address.",
        red_when="an address refuses, or says nothing until the deadline.",
        runtime=True,
    ),
    Check(
        id="MSG-130",
        plane=Plane.MESSAGING,
        statement="TLS completes: trusted chain, right name, unexpired",
        layer=Layer.TLS,
        subjects=subjects.messaging_services,
        needs=("MSG-120",),
        causes=causes(*_TLS),
        next="openssl s_client -connect {broker} -showcerts",
        why="Clients report an untrusted chain, a wrong name and an expired certificate with the same words.",
        how="A handshake with the trust that the client is configured with: its CA file in the image, else the "
        "interpreter's default store. A port that answers Kafka without TLS is asked so, and told from a broken one.",
        red_when="the certificate is not trusted, for another name, out of its time, or the port is no TLS port.",
        runtime=True,
    ),
    Check(
        id="MSG-140",
        plane=Plane.MESSAGING,
        statement="the broker answers ApiVersions",
        layer=Layer.COMPATIBILITY,
        subjects=subjects.messaging_services,
        needs=("MSG-130",),
        causes=causes(*_VERSIONS),
        next="kafka-broker-api-versions.sh --bootstrap-server {broker}",
        why="It is the first word of every client; who doesn't answer it is no broker, or one that is too old.",
        how="ApiVersions from version 3 down, as long as the broker answers that it doesn't know the version.",
        red_when="the peer is silent, closes, talks something else, speaks TLS unasked, or refuses every version.",
        runtime=True,
    ),
    Check(
        id="MSG-150",
        plane=Plane.MESSAGING,
        statement="the broker offers the declared mechanism",
        layer=Layer.IDENTITY,
        subjects=sasl_services,
        needs=("MSG-140",),
        causes=causes(*_MECHANISM),
        next="aws kafka describe-cluster-v2 --cluster-arn {cluster_arn} --region {region} "
        "--query ClusterInfo.Provisioned.ClientAuthentication",
        why="A listener for IAM and one for SCRAM differ by a port alone, and most clients don't say which they met.",
        how="SaslHandshake; the answer names what the listener offers.",
        red_when="the mechanism is not among those offered, or the listener knows no SASL.",
        runtime=True,
    ),
    Check(
        id="MSG-160",
        plane=Plane.MESSAGING,
        statement="the broker accepts the runtime's credential",
        layer=Layer.CREDENTIAL,
        subjects=sasl_services,
        needs=("MSG-150",),
        causes=causes(*_CREDENTIAL),
        next="aws kafka list-scram-secrets --cluster-arn {cluster_arn} --region {region}",
        why="Clients lose the broker's answer, or hide it behind a timeout.",
        how="SaslAuthenticate with what the task received; with SCRAM the broker must prove that it knows it too.",
        red_when="the broker refuses the credential, or can't prove that it is the one who knows it.",
        runtime=True,
    ),
    Check(
        id="MSG-170",
        plane=Plane.MESSAGING,
        statement="metadata is served, and every broker it advertises is reachable and accepts the credential too",
        layer=Layer.NETWORK,
        subjects=subjects.messaging_services,
        needs=("MSG-160",),
        causes=causes(*_METADATA, *(slug for slug in _WAY if slug not in _METADATA)),
        next="substrate probe --bootstrap {broker}",
        why="A client leaves the bootstrap address at once: partitions are led by brokers that it only then hears of.",
        how="Metadata, then the whole way to each advertised address, side by side.",
        red_when="metadata is refused, or one advertised broker fails; the layer is that of what failed there.",
        runtime=True,
    ),
    Check(
        id="MSG-180",
        plane=Plane.MESSAGING,
        statement="the topic exists, with a leader for every partition",
        layer=Layer.WIRING,
        subjects=subjects.topics,
        needs=("MSG-170",),
        causes=causes("topic-missing", "topic-invalid", "topic-not-active", "no-leader", "cannot-be-told"),
        permissions=permissions_of(["kafka:DescribeTopic"]),
        next="aws kafka describe-topic --cluster-arn {cluster_arn} --topic-name {topic} --region {region}",
        why="A consumer of a topic that is missing or misspelt says nothing at all.",
        how="Metadata without creating the topic. Where the broker answers 29, as it does for a missing topic too, "
        "MSK's topic API tells the two apart.",
        red_when="the topic is missing, a partition has no leader, or neither the broker nor MSK tells.",
        runtime=True,
    ),
    Check(
        id="MSG-190",
        plane=Plane.MESSAGING,
        statement="the principal may do the declared operations on the topic",
        layer=Layer.AUTHORIZATION,
        subjects=subjects.topics,
        needs=("MSG-170",),
        causes=causes("not-authorized", "operations-untold", "topic-missing"),
        next="kafka-acls.sh --bootstrap-server {brokers} --list --topic {topic}",
        why="What is denied shows at the first record, in production, or never.",
        how="The authorized operations that Metadata gives (KIP-430): seen without reading or writing.",
        red_when="a declared operation is not among them, or describe itself is refused (29).",
        runtime=True,
    ),
    Check(
        id="MSG-195",
        plane=Plane.MESSAGING,
        statement="the principal may use its declared consumer group",
        layer=Layer.AUTHORIZATION,
        subjects=subjects.group_services,
        needs=("MSG-170",),
        causes=causes(
            "not-authorized",
            "operations-untold",
            "no-group",
            "group-invalid",
            "no-coordinator",
            "version-unsupported",
            *_WAY,
        ),
        next="kafka-acls.sh --bootstrap-server {brokers} --list --group {group}",
        why="A consumer without rights on its group never gets a partition, and hardly says why.",
        how="FindCoordinator and DescribeGroups with its authorized operations; nobody joins the group.",
        red_when="the group may not be read, or no broker coordinates it.",
        runtime=True,
    ),
    Check(
        id="MSG-200",
        plane=Plane.MESSAGING,
        statement="a fresh record to the smoke topic is accepted with acks=all",
        layer=Layer.SUBSTRATE,
        subjects=subjects.messaging_services,
        needs=("MSG-170",),
        causes=causes(
            "write-forbidden",
            "topic-missing",
            "topic-invalid",
            "no-leader",
            "acks-timed-out",
            "not-enough-replicas",
            "record-too-large",
            "time-stamp-refused",
            "record-refused",
            "no-smoke-topic",
            "retention-too-long",
            "compacted",
            "retention-unknown",
            "version-unsupported",
        ),
        permissions=permissions_of(["kafka:DescribeTopic"]),
        next="aws kafka describe-topic --cluster-arn {cluster_arn} --topic-name {smoke_topic} --region {region}",
        why="Rights and leaders may be in order and a write still hang on replicas, quotas, sizes or the clock.",
        how="One record of random bytes, acks=all, to the smoke topic, of which MSK must say first that it deletes "
        "records within an hour (`retention.ms`, and `delete` in its `cleanup.policy`, which is Kafka's default where "
        "the topic names none); a topic that may keep them longer is not written to.",
        red_when="the record is refused or not acknowledged, or there is no smoke topic of the demanded kind.",
        runtime=True,
    ),
    Check(
        id="MSG-210",
        plane=Plane.MESSAGING,
        statement="exactly that record comes back from the offset it was given",
        layer=Layer.SUBSTRATE,
        subjects=subjects.messaging_services,
        needs=("MSG-200",),
        causes=causes(
            "read-forbidden",
            "not-returned",
            "other-record",
            "offset-out-of-range",
            "throttled-by-quota",
            "topic-missing",
            "version-unsupported",
        ),
        next="kafka-console-consumer.sh --bootstrap-server {brokers} --topic {smoke_topic} --partition {partition} "
        "--offset {offset} --max-messages 1",
        why="An old record never passes for a new one, and an acknowledged record that can't be read is lost.",
        how="Fetch from exactly the offset that Produce returned, compared with the bytes that were sent.",
        red_when="the record doesn't come back by the deadline, or another one lies there.",
        runtime=True,
    ),
    Check(
        id="MSG-220",
        plane=Plane.MESSAGING,
        statement="the version ranges of the runtime's client, at its configured api_version, meet the brokers'",
        layer=Layer.COMPATIBILITY,
        subjects=subjects.messaging_services,
        needs=("MSG-140",),
        causes=(*_own(VERSION_MEANINGS), *TRANSCRIPT_CAUSES),
        next="kafka-broker-api-versions.sh --bootstrap-server {broker}",
        why="A client pinned to an old api_version asks a new broker for what it no longer knows: its producer says "
        "that the socket disconnected, its consumer nothing.",
        how="The client's version from its metadata in the image, the setting from the container, what that release "
        "asks for from this project's data, against the ranges of every broker seen.",
        red_when="for one API there is no common version, the client doesn't know the mechanism, its api_version is no "
        "version, or the image's Python finds no such client.",
        runtime=True,
    ),
    Check(
        id="MSG-230",
        plane=Plane.MESSAGING,
        statement="the runtime's own client, with the runtime's own settings, does the same round trip",
        layer=Layer.COMPATIBILITY,
        subjects=subjects.messaging_services,
        needs=("MSG-210", "MSG-220"),
        causes=(*_own(TRIP_MEANINGS), *TRANSCRIPT_CAUSES),
        next="aws ecs describe-task-definition --task-definition {ecs_service} --region {region} "
        "--query taskDefinition.containerDefinitions[].environment",
        why="Whatever the ladder proves, the service uses its own client: this is that client's word.",
        how="A record to the smoke topic and back in a process of its own, ended hard at its deadline.",
        red_when="the client can't be imported, fails or hangs where the probe's own ladder got through.",
        runtime=True,
    ),
    Check(
        id="MSG-240",
        plane=Plane.MESSAGING,
        statement="the credential outlives a re-authentication",
        layer=Layer.CREDENTIAL,
        subjects=sasl_services,
        needs=("MSG-170",),
        causes=causes(*_WAY, *_METADATA),
        next="aws kafka list-scram-secrets --cluster-arn {cluster_arn} --region {region}",
        why="Some credentials work once: a connection lives for hours after its user is gone, and fails at the next.",
        how="Where the broker gives a session lifetime, SASL again on the same connection, then Metadata; where it "
        "gives none, the whole way once more on a fresh connection.",
        red_when="the second authentication is refused, or nothing is served after it.",
        runtime=True,
    ),
)
"""In ladder order."""
