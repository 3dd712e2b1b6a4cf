"""The messaging plane's checks past the brokers' doors: topics, group, a record and back, the runtime's own client.

MSG-190 does not stand on MSG-180: a broker that hides a topic proves that describe is refused, whether the topic exists
or not.
"""

from __future__ import annotations

from typing import Final

from pytest_substrate.model import subjects
from pytest_substrate.model.aws.operations import permissions_of
from pytest_substrate.model.check import Check
from pytest_substrate.model.outcome import Layer, Plane
from pytest_substrate.planes.messaging.checks_way import (
    CONFIG,
    DEFINITION,
    ENVIRONMENT,
    METADATA,
    WAY,
    own,
    sasl_services,
)
from pytest_substrate.planes.messaging.diagnose.causes import TRANSCRIPT_CAUSES, causes
from pytest_substrate.planes.messaging.diagnose.client import TRIP_MEANINGS, VERSION_MEANINGS

_ACLS: Final = f"kafka-acls.sh --bootstrap-server {{brokers}}{CONFIG} --list"

RECORD_CHECKS: Final[tuple[Check, ...]] = (
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
        next=f"{_ACLS} --topic {{topic}}",
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
            *WAY,
        ),
        next=f"{_ACLS} --group {{group}}",
        nexts={"no-group": f"kafka-consumer-groups.sh --bootstrap-server {{brokers}}{CONFIG} --list"},
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
        nexts={
            "write-forbidden": f"{_ACLS} --topic {{smoke_topic}}",
            "no-smoke-topic": "aws kafka list-topics --cluster-arn {cluster_arn} --region {region}",
        },
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
        next="kafka-console-consumer.sh --bootstrap-server {brokers} --consumer.config client.properties "
        "--topic {smoke_topic} --partition {partition} --offset {offset} --max-messages 1",
        nexts={"read-forbidden": f"{_ACLS} --topic {{smoke_topic}}"},
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
        causes=(*own(VERSION_MEANINGS), *TRANSCRIPT_CAUSES),
        next=f"kafka-broker-api-versions.sh --bootstrap-server {{broker}}{CONFIG}",
        nexts={
            "client-not-found": f"{DEFINITION} --query 'taskDefinition.containerDefinitions[].image'",
            "api-version-malformed": ENVIRONMENT,
        },
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
        causes=(*own(TRIP_MEANINGS), *TRANSCRIPT_CAUSES),
        next=ENVIRONMENT,
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
        causes=causes(*WAY, *METADATA),
        next="aws kafka list-scram-secrets --cluster-arn {cluster_arn} --region {region}",
        why="Some credentials work once: a connection lives for hours after its user is gone, and fails at the next.",
        how="Where the broker gives a session lifetime, SASL again on the same connection, then Metadata; where it "
        "gives none, the whole way once more on a fresh connection.",
        red_when="the second authentication is refused, or nothing is served after it.",
        runtime=True,
    ),
)
"""In ladder order."""
