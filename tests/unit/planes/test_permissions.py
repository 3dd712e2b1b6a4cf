"""The observer's policy: all that a run calls, on the declared things, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.model.declaration import Declaration, parse_declaration
from pytest_substrate.model.outcome import Plane
from pytest_substrate.planes.catalogue import BUILT, catalogue, checks_of
from pytest_substrate.planes.permissions import PROBE_FAMILY, RUN_TAG, SCOPES, observer_policy
from pytest_substrate.targets.twin import plan

EXECUTION = "arn:aws:iam::111122223333:role/ingest-execution"
TEXT = (Path(__file__).parents[3] / "fixtures" / "dev_min" / "substrate.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def declaration() -> Declaration:
    """The declaration of dev_min."""
    return parse_declaration(TEXT, name="substrate.toml")


def statements(policy: dict[str, Any], action: str) -> list[dict[str, Any]]:
    """The statements that hold an action."""
    return [statement for statement in policy["Statement"] if action in statement["Action"]]


def test_every_action_of_a_built_plane_has_a_place() -> None:
    """No check can need a right that the policy can't give, and no right has a place that no check needs."""
    needed = {action for plane in BUILT for check in checks_of(plane) for action in check.permissions}
    assert needed <= set(SCOPES) <= {action for check in catalogue().values() for action in check.permissions}


def test_all_needed_and_nothing_else(declaration: Declaration) -> None:
    """The policy's actions are those of the demanded planes' checks and of SUB-010, each in one statement."""
    policy = observer_policy([Plane.MESSAGING], declaration, execution_roles=[EXECUTION])
    given = [action for statement in policy["Statement"] for action in statement["Action"]]
    planes = (Plane.SUBSTRATE, Plane.MESSAGING)
    assert {action for plane in planes for check in checks_of(plane) for action in check.permissions} == set(given)
    assert len(set(given)) == len(given)
    json.dumps(policy)


def test_a_small_plane_needs_little(declaration: Declaration) -> None:
    """What goes with every plane reads services, and can't run anything."""
    policy = observer_policy([], declaration)
    given = {action for statement in policy["Statement"] for action in statement["Action"]}
    assert {"ecs:DescribeClusters", "ecs:ListServices", "ecs:DescribeServices"} == given


@pytest.mark.parametrize("action", ["secretsmanager:GetSecretValue", "kms:Decrypt", "iam:CreateRole", "*", "ecs:*"])
def test_what_is_never_given(declaration: Declaration, action: str) -> None:
    """No secret's value, no key's use, no wildcard."""
    assert [] == statements(observer_policy([Plane.MESSAGING], declaration), action)


def test_no_write_outside_the_probes_own(declaration: Declaration) -> None:
    """What changes something is limited to twins, to tasks that bear the run's tag, and to named roles."""
    policy = observer_policy([Plane.MESSAGING], declaration, execution_roles=[EXECUTION])
    for action in ("ecs:RegisterTaskDefinition", "ecs:RunTask", "ecs:DeleteTaskDefinitions"):
        [found] = statements(policy, action)
        assert all(f":task-definition/{PROBE_FAMILY}" in resource for resource in found["Resource"])
    [stop] = statements(policy, "ecs:StopTask")
    assert {"Null": {f"aws:ResourceTag/{RUN_TAG}": "false"}} == stop["Condition"]
    [passing] = statements(policy, "iam:PassRole")
    assert [
        "arn:aws:iam::111122223333:role/ingest-task",
        "arn:aws:iam::111122223333:role/*/ingest-task",
        EXECUTION,
    ] == passing["Resource"]
    assert {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}} == passing["Condition"]


def test_names_of_twins_are_the_targets_own() -> None:
    """The policy and the sender of probes agree on family and tag."""
    assert (plan.FAMILY_PREFIX, plan.RUN_TAG) == (PROBE_FAMILY, RUN_TAG)
    assert f"{plan.STREAM_PREFIX}-" == PROBE_FAMILY


def test_lists_are_bound_to_the_declared_ecs_clusters(declaration: Declaration) -> None:
    """Where AWS knows no resource but the ECS cluster as a condition, it is there."""
    policy = observer_policy([Plane.MESSAGING], declaration)
    for action in ("ecs:ListTasks", "ecs:ListServices", "ecs:RunTask"):
        [found] = statements(policy, action)
        assert ["arn:aws:ecs:eu-west-2:111122223333:cluster/main"] == found["Condition"]["ArnEquals"]["ecs:cluster"]


def test_topics_and_secrets(declaration: Declaration) -> None:
    """Declared topics and the smoke topic; the declared secret with its random suffix."""
    policy = observer_policy([Plane.MESSAGING], declaration)
    prefix = "arn:aws:kafka:eu-west-2:111122223333:topic/spine/4a1f8e52-6c0d-4b7e-9a35-2d9f6f0c7b11-2"
    [topics] = statements(policy, "kafka-cluster:DescribeTopic")
    assert [f"{prefix}/events.raw", f"{prefix}/substrate.smoke"] == topics["Resource"]
    [secrets] = statements(policy, "secretsmanager:ListSecretVersionIds")
    assert ["arn:aws:secretsmanager:eu-west-2:111122223333:secret:AmazonMSK_ingest-??????"] == secrets["Resource"]


def test_a_declared_log_group_narrows_the_logs() -> None:
    """The probe's streams, in the declared group alone."""
    declared = parse_declaration(TEXT + '\n[probe]\nlog_group = "/substrate/probe"\n', name="substrate.toml")
    [logs] = statements(observer_policy([Plane.MESSAGING], declared), "logs:GetLogEvents")
    expected = "arn:aws:logs:eu-west-2:111122223333:log-group:/substrate/probe:log-stream:substrate-probe/*"
    assert [expected] == logs["Resource"]


def test_other_partitions() -> None:
    """China and GovCloud have partitions of their own."""
    for region, partition in (("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")):
        text = TEXT.replace("eu-west-2", region).replace("arn:aws:", f"arn:{partition}:")
        policy = observer_policy([Plane.MESSAGING], parse_declaration(text, name="substrate.toml"))
        resources = {item for statement in policy["Statement"] for item in statement["Resource"]} - {"*"}
        assert all(resource.startswith(f"arn:{partition}:") for resource in resources)


def test_an_unbuilt_plane(declaration: Declaration) -> None:
    """A plane without checks has no policy."""
    with pytest.raises(LookupError, match="drift_sweep"):
        observer_policy([Plane.DRIFT], declaration)


def test_the_data_plane_reads_its_own_things(declaration: Declaration) -> None:
    """Of the job's role, its bucket and its twin; of objects, the canary alone; no upload but a probe's."""
    policy = observer_policy([Plane.DATA], declaration, execution_roles=[EXECUTION])
    bucket = "arn:aws:s3:::acme-spine"
    for action, expected in {
        "iam:GetRole": [f"arn:aws:iam::111122223333:role/{path}oracle-task" for path in ("", "*/")],
        "s3:ListBucket": [bucket],
        "s3:GetObject": [f"{bucket}/private/canary"],
        "s3:AbortMultipartUpload": [f"{bucket}/outputs/substrate-probe-*", f"{bucket}/private/canary"],
        "ecs:RunTask": ["arn:aws:ecs:eu-west-2:111122223333:task-definition/substrate-probe-job-oracle:*"],
    }.items():
        [found] = statements(policy, action)
        assert expected == found["Resource"], action
    [passing] = statements(policy, "iam:PassRole")
    assert not [role for role in passing["Resource"] if "ingest-task" in role]
    assert [] == statements(policy, "s3:PutObject") == statements(policy, "kms:Decrypt")


def test_a_job_that_is_run_again_may_be_run() -> None:
    """Where its declaration says so, and then by its own family alone."""
    own = "arn:aws:ecs:eu-west-2:111122223333:task-definition/oracle:*"
    for declared, wanted in (("", 0), ("[job.oracle.rerun]\n[grant.oracle-in]", 1)):
        changed = TEXT.replace("[grant.oracle-in]", declared) if declared else TEXT
        policy = observer_policy([Plane.DATA], parse_declaration(changed, name="substrate.toml"))
        [found] = statements(policy, "ecs:RunTask")
        assert wanted == found["Resource"].count(own)
