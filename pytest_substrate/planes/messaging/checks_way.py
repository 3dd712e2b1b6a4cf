"""The messaging plane's checks from the task to the brokers: who the probe is, what it holds, how far it comes.

Each stands on MSG-055 and the rungs below it on the way to a broker; MSG-060 on nothing, as the service's task
definition alone proves another role, and no task is sent then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_substrate.model import subjects
from pytest_substrate.model.aws.operations import permissions_of
from pytest_substrate.model.check import Cause, Check
from pytest_substrate.model.outcome import Layer, Plane
from pytest_substrate.planes.messaging.diagnose.causes import TRANSCRIPT_CAUSES, causes
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
METADATA: Final = ("sasl-expected", "not-a-broker", "no-brokers", "version-unsupported")
WAY: Final = (*_NAME, *_TCP, *_TLS, *_VERSIONS, *_MECHANISM, *_CREDENTIAL)

CONFIG: Final = " --command-config client.properties"
"""How Kafka's own tools are told protocol and credential: a file that a person keeps."""
SERVICES: Final = "aws ecs describe-services --cluster {ecs_cluster} --services {ecs_service} --region {region}"
DEFINITION: Final = "aws ecs describe-task-definition --task-definition {task_definition_arn} --region {region}"
ENVIRONMENT: Final = f"{DEFINITION} --query 'taskDefinition.containerDefinitions[].environment'"


def own(meanings: Mapping[str, str]) -> tuple[Cause, ...]:
    return tuple(Cause(slug=slug, meaning=meaning) for slug, meaning in meanings.items())


def sasl_services(declaration: Declaration) -> tuple[str, ...]:
    """The services whose cluster authenticates by SASL: all but those of mutual TLS."""
    return tuple(
        f"service/{name}"
        for name, service in declaration.service.items()
        if service.messaging and declaration.cluster[service.messaging.cluster].auth != "mtls"
    )


WAY_CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="MSG-060",
        plane=Plane.MESSAGING,
        statement="the probe runs as the service's task role",
        layer=Layer.IDENTITY,
        subjects=subjects.messaging_services,
        causes=(*own(IDENTITY_MEANINGS), *TRANSCRIPT_CAUSES),
        permissions=permissions_of(["ecs:DescribeServices", "ecs:DescribeTaskDefinition"]),
        next=f"{DEFINITION} --query taskDefinition.taskRoleArn",
        nexts={
            "no-task": "aws ecs describe-services --cluster {ecs_cluster} --services {ecs_service} --region {region}"
        },
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
        causes=(*own(CREDENTIAL_MEANINGS), *TRANSCRIPT_CAUSES),
        next="aws secretsmanager list-secret-version-ids --secret-id {secret} --region {region}",
        nexts={"not-injected": f"{DEFINITION} --query 'taskDefinition.containerDefinitions[].secrets'"},
        why="A pinned version, another secret or a stale copy fails at the broker as a wrong password does.",
        how="Compared inside the task, field by field, with the secret that the twin injects; only the answer leaves. "
        "A running container (vantage exec) was given nothing to compare with: there it is INCONCLUSIVE.",
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
        nexts=dict.fromkeys(("malformed-address", "no-bootstrap"), ENVIRONMENT),
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
        nexts=dict.fromkeys(("no-trust-store", "ca-unreadable", "client-certificate-unreadable"), ENVIRONMENT),
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
        next=f"kafka-broker-api-versions.sh --bootstrap-server {{broker}}{CONFIG}",
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
        causes=causes(*METADATA, *(slug for slug in WAY if slug not in METADATA)),
        next="substrate probe --bootstrap {broker}",
        why="A client leaves the bootstrap address at once: partitions are led by brokers that it only then hears of.",
        how="Metadata, then the whole way to each advertised address, side by side.",
        red_when="metadata is refused, or one advertised broker fails; the layer is that of what failed there.",
        runtime=True,
    ),
)
"""In ladder order."""
