"""The messaging plane's checks in ladder order: what AWS says of cluster, secret and service, then what the probe saw.

What the probe sees needs MSG-055 and the rungs on its own way to the broker, and none of MSG-010 … MSG-050: a probe
that gets through, or how it fails, tells more beside a red rung of AWS than nothing at all.
The rungs about a secret apply to the services that declare one, which are exactly those of clusters with SCRAM: IAM
authenticates by the task role and mutual TLS by a certificate, and no secret of MSK takes part in either.
"""

from __future__ import annotations

from typing import Final

from pytest_substrate.model import subjects
from pytest_substrate.model.aws.operations import permissions_of
from pytest_substrate.model.aws.probe_operations import PROBE_OPERATIONS
from pytest_substrate.model.check import Cause, Check
from pytest_substrate.model.outcome import Layer, Plane
from pytest_substrate.model.probe_run import StartFailure
from pytest_substrate.model.unseen import UNSEEN_CAUSES
from pytest_substrate.planes.messaging.checks_broker import BROKER_CHECKS
from pytest_substrate.planes.messaging.checks_way import DEFINITION, SERVICES
from pytest_substrate.planes.messaging.diagnose.task import BY_TASK, NOT_A_FRESH_TASK
from pytest_substrate.planes.task_start import WAYS_TO_FAIL

_SECRET = ("secretsmanager:DescribeSecret", "secretsmanager:ListSecretVersionIds")
_DEFINITION = ("ecs:DescribeServices", "ecs:DescribeTaskDefinition")
_NO_SERVICE = Cause(slug="service-missing", meaning="ECS has no active service of the declared name")
_NO_SECRET = Cause(slug="secret-missing", meaning="Secrets Manager has no secret of the declared name (MSG-010)")
_NO_CONTAINER = Cause(
    slug="container-missing",
    meaning="the task definition has no container of the declared name, or the service has none",
)

_CLUSTER = Check(
    id="MSG-005",
    plane=Plane.MESSAGING,
    statement="the cluster is ACTIVE and offers the declared authentication",
    layer=Layer.SUBSTRATE,
    subjects=subjects.clusters,
    causes=(
        Cause(slug="cluster-missing", meaning="MSK has no cluster of the declared ARN"),
        Cause(slug="cluster-not-active", meaning="the cluster is in another state than ACTIVE"),
        Cause(
            slug="authentication-not-offered",
            meaning="the cluster doesn't offer the declared authentication over the declared connectivity",
        ),
        Cause(slug="connectivity-not-offered", meaning="public access is declared, and the cluster has none"),
        *UNSEEN_CAUSES,
    ),
    permissions=permissions_of(["kafka:DescribeClusterV2"]),
    next="aws kafka describe-cluster-v2 --cluster-arn {cluster_arn} --region {region}",
    why="Clients of a cluster that is being made, changed or deleted fail in ways that look like their own faults.",
    how="DescribeClusterV2: the state, the client authentication, public access and multi-VPC connectivity.",
    red_when="the cluster is not there, its state is not ACTIVE, or the declared authentication is off.",
)

_SECRET_STATE = Check(
    id="MSG-010",
    plane=Plane.MESSAGING,
    statement="the runtime secret exists, has a current version, and the name and customer key that MSK demands",
    layer=Layer.CREDENTIAL,
    subjects=subjects.secret_services,
    causes=(
        Cause(slug="secret-missing", meaning="Secrets Manager has no secret of the declared name"),
        Cause(slug="secret-scheduled-for-deletion", meaning="the secret is scheduled for deletion: nobody can read it"),
        Cause(slug="no-current-version", meaning="no version of the secret bears the stage AWSCURRENT"),
        Cause(slug="name-without-prefix", meaning="the name does not begin with AmazonMSK_, so MSK refuses the secret"),
        Cause(slug="foreign-secret", meaning="the secret lies in another account or region than the cluster"),
        Cause(slug="aws-managed-key", meaning="the secret lies under a key that AWS manages; MSK demands a customer's"),
        Cause(slug="key-missing", meaning="KMS does not have the secret's key"),
        Cause(slug="key-not-enabled", meaning="the key is disabled, pending or unavailable: nobody can decrypt"),
        Cause(slug="key-not-symmetric", meaning="the key is not a symmetric encryption key"),
        *UNSEEN_CAUSES,
    ),
    permissions=permissions_of([*_SECRET, "kms:DescribeKey"]),
    next="aws secretsmanager describe-secret --secret-id {secret} --region {region}",
    why="MSK takes SCRAM users only from secrets of this name and under such a key, and says so nowhere else.",
    how="DescribeSecret and ListSecretVersionIds, without a value; DescribeKey on the key or alias that they name.",
    red_when="the secret, its current version or its key is not there, not usable, or not of the kind that MSK takes.",
)

_ASSOCIATION = Check(
    id="MSG-020",
    plane=Plane.MESSAGING,
    statement="the secret is associated with the cluster",
    layer=Layer.CREDENTIAL,
    subjects=subjects.secret_services,
    needs=("MSG-005", "MSG-010"),
    causes=(
        Cause(slug="not-associated", meaning="the cluster does not list the secret among its SCRAM secrets"),
        Cause(
            slug="predecessor-associated",
            meaning="the cluster lists an earlier secret of the same name: it was deleted and made anew",
        ),
        _NO_SECRET,
        Cause(slug="cluster-missing", meaning="MSK has no cluster of the declared ARN (MSG-005)"),
        *UNSEEN_CAUSES,
    ),
    permissions=permissions_of([*_SECRET, "kafka:ListScramSecrets"]),
    next="aws kafka list-scram-secrets --cluster-arn {cluster_arn} --region {region}",
    why="A secret that is not associated is no user: the broker answers as to a wrong password.",
    how="ListScramSecrets, all pages, compared with the secret's whole ARN.",
    red_when="the secret's ARN is not in the list.",
)

_INJECTION = Check(
    id="MSG-030",
    plane=Plane.MESSAGING,
    statement="the task definition injects this secret, without pinning a version",
    layer=Layer.WIRING,
    subjects=subjects.secret_services,
    causes=(
        _NO_SERVICE,
        _NO_CONTAINER,
        Cause(slug="not-injected", meaning="the declared variable is not among the container's secrets"),
        Cause(slug="plain-value", meaning="the declared variable is a plain environment value"),
        Cause(slug="duplicate-variable", meaning="the declared variable is set more than once"),
        Cause(
            slug="parameter-injected",
            meaning="the variable comes from Systems Manager (as every bare name does), not from the secret",
        ),
        Cause(slug="other-secret", meaning="the variable comes from another secret than the declared one"),
        Cause(
            slug="predecessor-injected",
            meaning="the variable comes from an earlier secret of the same name: it was deleted and made anew",
        ),
        Cause(slug="wrong-json-key", meaning="the variable gets another part of the secret than the declared one"),
        Cause(
            slug="version-pinned", meaning="the entry names a version or a stage, so a rotation never reaches the task"
        ),
        _NO_SECRET,
        *UNSEEN_CAUSES,
    ),
    permissions=permissions_of([*_SECRET, *_DEFINITION]),
    next=f"{DEFINITION} --query 'taskDefinition.containerDefinitions[].secrets'",
    nexts=dict.fromkeys(("service-missing", "container-missing"), SERVICES),
    why="A task gets what its definition names, whatever was rotated or associated since.",
    how="The service's task definition: the container's `secrets` and the names in its `environment`.",
    red_when="the declared variable is absent, plain, doubled, from elsewhere, another part, or pinned.",
)

_WIRING = Check(
    id="MSG-040",
    plane=Plane.MESSAGING,
    statement="every wired endpoint is a broker of the declared cluster at the declared authentication's port",
    layer=Layer.WIRING,
    subjects=subjects.messaging_services,
    needs=("MSG-005",),
    causes=(
        _NO_SERVICE,
        _NO_CONTAINER,
        Cause(slug="bootstrap-not-wired", meaning="the declared variable is not set, or holds no address"),
        Cause(slug="duplicate-variable", meaning="the declared variable is set more than once"),
        Cause(slug="malformed-endpoint", meaning="an item of the list is not HOST:PORT"),
        Cause(slug="foreign-endpoint", meaning="an endpoint is no broker of the declared cluster"),
        Cause(slug="wrong-port", meaning="an endpoint is a broker at the port of another listener"),
        Cause(
            slug="broker-not-listed",
            meaning="an endpoint looks like a broker of the cluster, but AWS lists it nowhere",
        ),
        Cause(
            slug="no-bootstrap-list",
            meaning="the cluster's answer names no broker for the declared authentication and connectivity",
        ),
        Cause(
            slug="wiring-not-visible",
            meaning="the variable comes from a secret, a parameter, a file or the image, and no probe told it",
        ),
        *UNSEEN_CAUSES,
    ),
    permissions=permissions_of([*_DEFINITION, "kafka:GetBootstrapBrokers", "kafka:ListNodes"]),
    next="aws kafka get-bootstrap-brokers --cluster-arn {cluster_arn} --region {region}",
    nexts=dict.fromkeys(("service-missing", "container-missing"), SERVICES),
    why="A publisher that points at another cluster, or at another listener's port, fails late and misleadingly.",
    how="The addresses in the declared variable, against GetBootstrapBrokers and the hosts that ListNodes gives.",
    red_when="one address is not of the cluster, or not at the port of the declared authentication and connectivity.",
)

_FRESHNESS = Check(
    id="MSG-050",
    plane=Plane.MESSAGING,
    statement="every running task holds the current credential",
    layer=Layer.ROTATION,
    subjects=subjects.secret_services,
    causes=(
        Cause(
            slug="credential-stale-in-task",
            meaning="a task started before the secret's current version was created, or was made current",
        ),
        Cause(
            slug="credential-not-in-task",
            meaning="a task runs from a task definition that does not inject the secret's current version",
        ),
        Cause(
            slug="freshness-undecided",
            meaning="a task was created between the current version and the secret's last change, and nothing decides",
        ),
        Cause(slug="no-running-task", meaning="no task of the service runs, though the declaration demands some"),
        Cause(slug="no-current-version", meaning="no version of the secret bears the stage AWSCURRENT (MSG-010)"),
        Cause(slug="secret-scheduled-for-deletion", meaning="the secret is scheduled for deletion (MSG-010)"),
        _NO_SERVICE,
        _NO_SECRET,
        *UNSEEN_CAUSES,
    ),
    permissions=permissions_of(
        [*_SECRET, *_DEFINITION, "ecs:ListTasks", "ecs:DescribeTasks", "cloudtrail:LookupEvents"]
    ),
    next="aws ecs update-service --cluster {ecs_cluster} --service {ecs_service} --force-new-deployment "
    "--region {region}",
    nexts={"service-missing": SERVICES},
    why="ECS reads a secret when a task starts and never again: without a redeploy, a rotation changes nothing.",
    how="Each task's creation and start against the current version's creation and the secret's last change. AWS keeps "
    "no time at which a version became current, so a task between the two is open; then, and only then, CloudTrail's "
    "event history is asked when it was made current, unless the secret was changed in the last 15 minutes, as events "
    "arrive late. Where that may not be asked or knows nothing, a task is fresh that was created after a run which saw "
    "the same version current, as an unbroken ledger beside the evidence has it (its chain is verified, not a "
    "signature). Nothing looks into a running task. Which of them decided is a fact of the record.",
    red_when="a task is older than the current version, or can't be told to have started with it.",
)

_START = Check(
    id="MSG-055",
    plane=Plane.MESSAGING,
    statement="a fresh task of the service starts: image pulled, secrets injected, network attached",
    layer=Layer.RUNTIME,
    subjects=subjects.messaging_services,
    causes=(
        *(Cause(slug=failure.value, meaning=way.meaning) for failure, way in WAYS_TO_FAIL.items()),
        NOT_A_FRESH_TASK,
        *(cause for cause in UNSEEN_CAUSES if cause.slug not in set(StartFailure)),
    ),
    permissions=permissions_of(
        [*_DEFINITION, "secretsmanager:DescribeSecret", "ecs:ListTasks", "ecs:DescribeTasks", *PROBE_OPERATIONS]
    ),
    next=SERVICES,
    why="Running tasks prove yesterday: an image, a role or a secret that has since gone shows at the next start.",
    how="A twin of the service's task definition is started with the same image, roles, secrets and network.",
    red_when="the twin doesn't start, or differs from the service's task definition where it must not; at the vantages "
    "exec and here none is started.",
    nexts={NOT_A_FRESH_TASK.slug: BY_TASK},
    runtime=True,
    fresh=True,
)

CHECKS: Final[tuple[Check, ...]] = (
    _CLUSTER,
    _SECRET_STATE,
    _ASSOCIATION,
    _INJECTION,
    _WIRING,
    _FRESHNESS,
    _START,
    *BROKER_CHECKS,
)
"""In ladder order."""
