"""DAT-070: what the last run of a job proves, and since when its permissions are in force."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.aws.ecs import Container, ContainerImage, TaskDefinition
from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.job_log import StreamSpan
from pytest_substrate.model.aws.registry import INDEX_TYPES, Child, RegistryImage
from pytest_substrate.model.aws.rollout import ContainerEnd, Stop, Stops
from pytest_substrate.model.aws.storage import AccessPoint, KeyPolicy
from pytest_substrate.model.ci import Policy, RolePolicies
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.job_run import JobRun
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Layer, Outcome
from pytest_substrate.model.probe_run import StartFailure
from pytest_substrate.model.release_record import ReleaseRecord
from pytest_substrate.planes.data.checks import CHECKS
from pytest_substrate.planes.data.diagnose.in_force import InForce, Permissions, in_force
from pytest_substrate.planes.data.diagnose.runs import JobAsked, RunSeen, diagnose_last_run, last_run
from tests.unit.planes.data.making import ACCOUNT, KEY, REGION, ROLE, at, bucket

DIGEST, OTHER = (f"sha256:{digit * 64}" for digit in "ab")
OWN = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
ASKED = JobAsked(
    name="oracle",
    account=ACCOUNT,
    region=REGION,
    ecs_cluster="main",
    container="app",
    task_role=ROLE,
    family="oracle",
    network="awsvpcConfiguration={subnets=[subnet-1],securityGroups=[sg-1]}",
    fargate=True,
)
CAUSES = next({cause.slug for cause in check.causes} for check in CHECKS if check.id == "DAT-070")
ROOT_ALONE = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": "kms:*",
                "Resource": "*",
            }
        ],
    }
)


def stop(created: int = 30, exit_code: int | None = 0, digest: str | None = DIGEST, **parts: Any) -> Stop:
    """A run that began in that second."""
    fields: dict[str, Any] = {
        "task_arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/main/{created:032x}",
        "task_definition_arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/oracle:1",
        "code": "EssentialContainerExited",
        "reason": "Essential container in task exited",
        "created": at(created),
        "stopped": at(created + 1),
        "containers": (ContainerEnd(name="app", exit_code=exit_code, reason=None, health=None),),
        "images": (ContainerImage(container="app", digest=digest),) if digest else (),
    }
    return Stop(**{**fields, **parts})


def definition(role: str | None = OWN) -> TaskDefinition:
    """What the run was started from."""
    app = Container(name="app", log_group="/ecs/oracle", log_prefix="oracle")
    return TaskDefinition(arn=stop().task_definition_arn, containers=(app,), task_role_arn=role)


def judged(*stops: Stop, **parts: Any) -> Diagnosis:
    """DAT-070."""
    fields: dict[str, Any] = {
        "stops": Stops(stops=stops or (stop(),)),
        "definition": definition(),
        "record": ReleaseRecord(
            repository="acme/ingest",
            digest=DIGEST,
            platforms=("linux/amd64",),
            commit="0" * 40,
            build="https://ci.invalid/1",
            time=at(0).at,
        ),
        "image": Unobserved(reason="not-asked"),
        "in_force": InForce(digest=OTHER, since=at(10, millisecond=0), undated=()),
    }
    found = diagnose_last_run(RunSeen(**{**fields, **parts}), ASKED)
    assert found.cause is None or found.cause in CAUSES
    return found


def test_a_run_that_proves_the_next() -> None:
    """Ended with 0, as released, under its role, after its permissions."""
    found = judged()
    assert (Outcome.PASS, DIGEST, OTHER) == (found.outcome, found.facts["image_digest"], found.facts["policy_digest"])


@pytest.mark.parametrize(
    ("a_stop", "cause", "layer"),
    [
        (stop(exit_code=1), "exit-code", None),
        (stop(exit_code=None), "exit-code", None),
        (stop(containers=()), "exit-code", None),
        (stop(code="TaskFailedToStart"), "run-not-started", None),
        (stop(digest=OTHER), "other-digest", Layer.ARTIFACT),
        (stop(task_role_arn=f"arn:aws:iam::{ACCOUNT}:role/adhoc"), "other-role", Layer.IDENTITY),
        (stop(created=9), "run-too-old", None),
    ],
)
def test_a_run_that_proves_nothing(a_stop: Stop, cause: str, layer: Layer | None) -> None:
    """Each for its own reason."""
    found = judged(a_stop)
    assert (Outcome.VIOLATION, cause, layer) == (found.outcome, found.cause, layer)


def test_another_container_s_command_is_its_own_matter() -> None:
    """And a failure is a failure, whatever was run."""
    assert Outcome.PASS is judged(stop(commanded=("sidecar",))).outcome
    assert "exit-code" == judged(stop(exit_code=1, commanded=("app",))).cause


def test_only_the_last_run_counts() -> None:
    """Of those that ended, the one that was started last; an older green one is none."""
    assert "exit-code" == judged(stop(created=30), stop(created=31, exit_code=1)).cause
    assert Outcome.PASS is judged(stop(created=31), stop(created=30, exit_code=1)).outcome
    assert last_run(Stops(stops=())) is None


def test_the_log_says_why() -> None:
    """The next command of a failed run leads to its own stream."""
    found = judged(stop(exit_code=3))
    assert f"--log-group-name /ecs/oracle --log-stream-name oracle/app/{30:032x} --region {REGION}" in (
        found.next or ""
    )
    again = judged(stop(created=9)).next or ""
    assert again.startswith("aws ecs run-task --cluster main --task-definition oracle --launch-type FARGATE")


def test_a_child_of_the_released_index_is_released() -> None:
    """ECS tells the digest of the platform's image."""
    index = RegistryImage(
        digest=DIGEST,
        state=None,
        media_type=INDEX_TYPES[0],
        pushed=None,
        children=(Child(digest=OTHER, system="linux", architecture="amd64"),),
    )
    assert Outcome.PASS is judged(stop(digest=OTHER), image=index).outcome


@pytest.mark.parametrize(
    ("parts", "cause"),
    [
        ({"stops": Stops(stops=())}, "no-run"),
        ({"stops": Unobserved(reason="access-denied")}, "access-denied"),
        ({"record": Missing(what="release/ingest.json")}, "record-missing"),
        ({"record": Unobserved(reason="refused")}, "refused"),
        ({"stops": Stops(stops=(stop(digest=None),))}, "digest-unknown"),
        ({"stops": Stops(stops=(stop(commanded=("app",)),))}, "command-overridden"),
        ({"definition": Unobserved(reason="throttled")}, "throttled"),
        ({"in_force": Unobserved(reason="access-denied", operation="iam:GetRolePolicy")}, "access-denied"),
        ({"in_force": Missing(what="acme-spine")}, "permissions-unknown"),
        ({"in_force": InForce(digest=OTHER, since=at(30, millisecond=0), undated=())}, "same-second"),
        ({"in_force": InForce(digest=OTHER, since=None, undated=("the inline policy x",))}, "permissions-undated"),
        ({"in_force": InForce(digest=OTHER, since=at(10), undated=("the inline policy x",))}, "permissions-undated"),
    ],
)
def test_what_can_t_be_told(parts: dict[str, Any], cause: str) -> None:
    """Nothing is guessed."""
    found = judged(**parts)
    assert (Outcome.INCONCLUSIVE, cause) == (found.outcome, found.cause)


def test_the_ledger_dates_what_aws_does_not() -> None:
    """A run after the ledger first knew them is a proof, one before it isn't."""
    undated = InForce(digest=OTHER, since=at(10), undated=("the policy of bucket acme-spine",))
    assert Outcome.PASS is judged(in_force=undated, recorded=at(20).at).outcome
    late = judged(in_force=undated, recorded=at(40).at)
    assert (Outcome.INCONCLUSIVE, "permissions-undated") == (late.outcome, late.cause)
    older = judged(stop(created=9), in_force=undated, recorded=at(20).at)
    assert (Outcome.VIOLATION, "run-too-old") == (older.outcome, older.cause)


def permissions(**parts: Any) -> Permissions:
    """A role with one managed policy, its bucket and the bucket's key."""
    managed = Policy(name=f"arn:aws:iam::{ACCOUNT}:policy/oracle-data", document='{"Statement": []}', created=at(10))
    fields: dict[str, Any] = {
        "policies": RolePolicies(policies=(managed,), boundary=None),
        "buckets": {"acme-spine": bucket()},
        "keys": {KEY: KeyPolicy(arn=KEY, document=ROOT_ALONE, created=at(5))},
    }
    return Permissions(**{**fields, **parts})


def dated(**parts: Any) -> InForce:
    """What is in force."""
    found = in_force(permissions(**parts))
    assert isinstance(found, InForce)
    return found


def test_what_aws_dates() -> None:
    """The newest of the managed policies' versions and the keys that were made."""
    found = dated()
    assert (at(10), ()) == (found.since, found.undated)
    young = {KEY: KeyPolicy(arn=KEY, document=ROOT_ALONE, created=at(20))}
    assert at(20) == dated(keys=young).since


def test_what_aws_does_not_date() -> None:
    """An inline policy, a bucket's, a key's own."""
    inline = RolePolicies(policies=(Policy(name="by-hand", document="{}"),), boundary=None)
    assert ("the inline policy by-hand",) == dated(policies=inline).undated
    assert ("the policy of bucket acme-spine",) == dated(buckets={"acme-spine": bucket(policy="{}")}).undated
    own = {KEY: KeyPolicy(arn=KEY, document=ROOT_ALONE.replace("kms:*", "kms:Decrypt"), created=at(5))}
    assert (f"the policy of key {KEY}",) == dated(keys=own).undated


def test_an_access_point_decides_beside_its_bucket() -> None:
    """Its own policy, and which bucket lies behind it; what can't be read of it leaves the whole unknown."""
    point = AccessPoint(arn="arn:aws:s3:eu-west-2:1:accesspoint/x", bucket="acme-spine", vpc=None, policy="{}")
    own = dated(buckets={point.arn: bucket(point=point)})
    assert (f"the policy of access point {point.arn}",) == own.undated
    assert own.digest != dated(buckets={point.arn: bucket(name="other", point=point)}).digest
    denied = Unobserved(reason="access-denied")
    assert denied == in_force(permissions(buckets={point.arn: bucket(point=replace(point, policy=denied))}))


def test_what_is_not_seen_is_not_in_force() -> None:
    """Any part that can't be read leaves the whole unknown."""
    denied = Unobserved(reason="access-denied")
    for parts in (
        {"policies": denied},
        {"buckets": {"acme-spine": denied}},
        {"buckets": {"acme-spine": bucket(policy=denied)}},
        {"keys": {KEY: denied}},
    ):
        assert denied == in_force(permissions(**parts))


TEXT = st.sampled_from(["{}", '{"Statement": []}', '{"Statement": [1]}', "not JSON"])


@given(first=TEXT, second=TEXT)
def test_the_digest_is_of_what_decides(first: str, second: str) -> None:
    """Another policy, boundary, bucket policy or key policy is another digest; the same in other words is the same."""
    for change in (
        lambda text: {"policies": RolePolicies(policies=(Policy(name="p", document=text),), boundary=None)},
        lambda text: {"policies": RolePolicies(policies=(), boundary=Policy(name="b", document=text))},
        lambda text: {"buckets": {"acme-spine": bucket(policy=text)}},
        lambda text: {"keys": {KEY: KeyPolicy(arn=KEY, document=text)}},
    ):
        one, other = dated(**change(first)), dated(**change(second))
        assert (first == second) == (one.digest == other.digest)
        spaced = dated(**change(first.replace(" ", "  ") if first.startswith("{") else first))
        assert one.digest == spaced.digest


@given(seconds=st.integers(0, 50), run=st.integers(0, 50))
def test_no_run_before_its_permissions_is_a_proof(seconds: int, run: int) -> None:
    """Whatever the order, green is certain; at whole seconds, an equal one is undecided."""
    since = Instant.of(at(seconds, millisecond=0).at)
    found = judged(stop(created=run), in_force=InForce(digest=OTHER, since=since, undated=()))
    began = at(run).at
    if began.replace(microsecond=0) == since.at:
        assert "same-second" == found.cause
    else:
        assert (began > since.at) == (found.outcome is Outcome.PASS)


def test_runs_that_ecs_forgot() -> None:
    """Judged like any other; where the event log tells of none, or isn't there, nothing is guessed."""
    assert "/aws/events/ecs" == judged(event_log="/aws/events/ecs").facts["log_group"]
    assert "run-too-old" == judged(stop(created=9), event_log="/aws/events/ecs").cause
    for stops in (Stops(stops=()), Missing(what="/aws/events/ecs")):
        found = judged(stops=stops, event_log="/aws/events/ecs")
        assert (Outcome.INCONCLUSIVE, "no-run") == (found.outcome, found.cause)
        assert "/aws/events/ecs" in found.message


OURS = JobRun(
    deadline_s=60,
    task_arn=stop().task_arn,
    ended=True,
    log_group="/ecs/oracle",
    log_stream="oracle/app/1",
    span=StreamSpan(lines=3, first=at(30), last=at(31)),
)
UNDATED = InForce(digest=OTHER, since=at(30, millisecond=0), undated=("the inline policy x",))


def test_the_check_s_own_run_has_had_the_permissions() -> None:
    """They were seen before it was started, so that neither AWS nor the ledger needs to date them."""
    found = judged(rerun=OURS, in_force=UNDATED)
    assert (Outcome.PASS, 60, 3, "oracle/app/1") == (
        found.outcome,
        *(found.facts[name] for name in ("deadline_s", "count", "log_stream")),
    )
    assert Outcome.PASS is judged(stop(), stop(created=31), rerun=OURS, in_force=UNDATED).outcome
    assert "exit-code" == judged(stop(), stop(created=31, exit_code=1), rerun=OURS, in_force=UNDATED).cause
    assert "same-second" == judged(stop(created=30, task_arn=f"{stop().task_arn}0"), rerun=OURS, in_force=UNDATED).cause
    assert "exit-code" == judged(stop(exit_code=3), rerun=OURS).cause
    assert "other-digest" == judged(stop(digest=OTHER), rerun=OURS).cause


@pytest.mark.parametrize(
    ("parts", "outcome", "cause"),
    [
        ({"ended": False}, Outcome.VIOLATION, "run-over-deadline"),
        ({"failure": StartFailure.ROLE_NOT_ASSUMABLE}, Outcome.VIOLATION, "run-not-started"),
        ({"failure": StartFailure.OTHER_ROLE}, Outcome.VIOLATION, "run-not-started"),
        ({"failure": StartFailure.CAPACITY}, Outcome.INCONCLUSIVE, "run-not-started"),
        ({"failure": StartFailure.TIMEOUT}, Outcome.INCONCLUSIVE, "run-not-started"),
    ],
)
def test_an_own_run_that_proves_nothing(parts: dict[str, Any], outcome: Outcome, cause: str) -> None:
    """An older green run doesn't stand in for it."""
    found = judged(rerun=replace(OURS, **parts))
    assert (outcome, cause, 60) == (found.outcome, found.cause, found.facts["deadline_s"])


def test_an_own_run_that_was_not_seen() -> None:
    """As any other lack of an answer."""
    assert "timeout" == judged(rerun=Unobserved(reason="timeout")).cause
