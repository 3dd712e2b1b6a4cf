"""A probe as a task: whatever happens, its outcome is named and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.probe_run import ProbeRun, StartFailure
from pytest_substrate.model.transcript import ProbeRequest, Transcript
from pytest_substrate.targets.observations import ObservationStore
from pytest_substrate.targets.twin.clean import sweep
from pytest_substrate.targets.twin.live import Live, read_live
from pytest_substrate.targets.twin.pace import AWS_PACE
from pytest_substrate.targets.twin.plan import NoTwin, TwinPlan
from pytest_substrate.targets.twin.run import TwinRun, expiry

Play = Callable[..., Any]
REQUEST = ProbeRequest(nonce="0123456789abcdef0123456789abcdef")
SECRET = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:AmazonMSK_ingest-AbCdEf"


def a_run(plane: Any, *, said: list[str] | None = None, role: str = "ingest-task") -> TwinRun:
    """A probe of the plane's service, ready to be sent."""
    live = read_live(plane.twin_calls, "main", "ingest", "app")
    assert isinstance(live, Live), live
    plan = TwinPlan(
        service="ingest",
        container="app",
        image_digest=live.image_digest,
        source="print(1)",
        argument=REQUEST.to_json(),
        region="eu-west-2",
        run_id="r1",
        expires=expiry(REQUEST, AWS_PACE, plane.now),
        expected_arn=SECRET,
        task_role=("111122223333", role),
    )
    heard: list[str] = [] if said is None else said
    return TwinRun(
        calls=plane.twin_calls,
        live=live,
        plan=plan,
        request=REQUEST,
        pace=AWS_PACE,
        progress=heard.append,
        clock=plane.clock,
    )


def test_a_probe_that_runs_brings_its_transcript_and_leaves_nothing(play: Play) -> None:
    """The transcript, the task's facts, the allowed differences; the twin deleted, the task stopped."""
    plane = play(lines_after_looks=3)
    run = a_run(plane).send()
    assert isinstance(run.transcript, Transcript)
    assert (None, (), ()) == (run.start_failure, run.forbidden, run.left_behind)
    assert "containerDefinitions[app].secrets[SUBSTRATE_EXPECTED]" in run.differences
    assert "/ecs/ingest" == run.log_group
    assert run.task_arn is not None
    assert f"substrate-probe/app/{run.task_arn.rpartition('/')[2]}" == run.log_stream
    assert [] == plane.left()


def test_a_probe_is_started_as_the_service_would_be(play: Play) -> None:
    """Launch type, platform version and network are the service's; the run is named; repeating it starts one task."""
    plane = play()
    a_run(plane).send()
    [request] = plane.named("RunTask")
    kept = {key: plane.service[key] for key in ("launchType", "platformVersion", "networkConfiguration")}
    assert kept == {key: request[key] for key in kept}
    assert ("substrate/r1", 1) == (request["startedBy"], request["count"])
    assert {"substrate:run", "substrate:expires"} == {tag["key"] for tag in request["tags"]}
    assert 32 == len(request["clientToken"])


def test_a_result_survives_the_store(play: Play, tmp_path: Path) -> None:
    """What became of a probe is stored and read like any observation."""
    run = a_run(play()).send()
    kind = ProbeRun | Unobserved
    folder = tmp_path / "store"
    ObservationStore(folder).observe("probe/ingest", kind, lambda: run)
    assert run == ObservationStore(folder).observe("probe/ingest", kind, lambda: run).value


@pytest.mark.parametrize(
    ("defined", "role", "failure"),
    [
        ("arn:aws:iam::111122223333:role/ingest-task", "ingest-task", None),
        ("arn:aws:iam::111122223333:role/teams/ingest-task", "ingest-task", None),
        ("ingest-task", "ingest-task", None),
        ("arn:aws:iam::111122223333:role/ingest-task", "ingest", StartFailure.OTHER_ROLE),
        ("arn:aws:iam::444455556666:role/ingest-task", "ingest-task", StartFailure.OTHER_ROLE),
        ("ingest-task/ingest", "ingest", StartFailure.OTHER_ROLE),
        (None, "ingest-task", None),
    ],
)
def test_no_task_is_started_under_another_role(
    play: Play, live: dict[str, Any], defined: str | None, role: str, failure: StartFailure | None
) -> None:
    """Where the live task definition names another role than the declared, nothing is registered or run."""
    live["taskRoleArn"] = defined
    if defined is None:
        del live["taskRoleArn"]
    plane = play()
    run = a_run(plane, role=role).send()
    assert (failure, defined) == (run.start_failure, run.task_role_arn)
    assert (failure is None) == bool(plane.named("RegisterTaskDefinition")) == bool(plane.named("RunTask"))
    assert [] == plane.left()


STOPPED = {"lastStatus": "STOPPED", "stopCode": "TaskFailedToStart"}
NO_SECRET = (
    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable "
    "to retrieve secret from asm: service call has been retried 1 time(s): AccessDeniedException: User: arn:aws:sts::"
    "111122223333:assumed-role/ingest-execution/x is not authorized to perform: secretsmanager:GetSecretValue on "
    "resource: arn:aws:secretsmanager:eu-west-2:111122223333:secret:AmazonMSK_ingest-AbCdEf because no identity-based "
    "policy allows the secretsmanager:GetSecretValue action"
)


INIT = "ResourceInitializationError: unable to pull secrets or registry auth: "
FAILED_STARTS = {
    NO_SECRET: StartFailure.SECRET_NOT_READABLE,
    f"{INIT}unable to retrieve secret from asm: ResourceNotFoundException: Secrets Manager can't find the specified "
    "secret.": StartFailure.SECRET_MISSING,
    f"{INIT}retrieved secret from Secrets Manager did not contain json key password": StartFailure.SECRET_MISSING,
    f"{INIT}The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and "
    "Amazon ECR. Check your task network configuration.": StartFailure.TASK_OFFLINE,
    f"{INIT}unable to retrieve ecr registry auth: AccessDeniedException: User: x is not authorized to perform: "
    "ecr:GetAuthorizationToken on resource: * because no policy allows it": StartFailure.IMAGE_NOT_AUTHORIZED,
    "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref "
    "111122223333.dkr.ecr.eu-west-2.amazonaws.com/acme/ingest@sha256:aa: not found": StartFailure.IMAGE_NOT_PULLED,
    "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to "
    "create Cloudwatch log stream: ResourceNotFoundException: no such log group": StartFailure.LOG_GROUP_MISSING,
    "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to "
    "create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit status "
    "1": StartFailure.LOG_GROUP_MISSING,
    "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to "
    "create Cloudwatch log stream: AccessDeniedException: User: arn:aws:sts::111122223333:assumed-role/ingest-"
    "execution/x is not authorized to perform: logs:CreateLogStream on resource: arn:aws:logs:eu-west-2:111122223333:"
    "log-group:/ecs/ingest:log-stream:substrate-probe/app/x because no identity-based policy allows the "
    "logs:CreateLogStream action : exit status 1": StartFailure.LOG_STREAM_NOT_AUTHORIZED,
    "ResourceInitializationError: failed to validate logger args: failed to create Cloudwatch log group: "
    "AccessDeniedException: User: x is not authorized to perform: logs:CreateLogGroup on resource: "
    "y": StartFailure.LOG_STREAM_NOT_AUTHORIZED,
    "Timeout waiting for network interface provisioning to complete.": StartFailure.NETWORK_NOT_ATTACHED,
    "Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-1': "
    "InsufficientFreeAddressesInSubnet": StartFailure.CAPACITY,
    "Capacity is unavailable at this time. Please try again later": StartFailure.CAPACITY,
    "ResourceInitializationError: failed to invoke EFS utils commands": StartFailure.VOLUME_NOT_MOUNTED,
    "CannotPullContainerError: toomanyrequests: You have reached your pull rate limit": StartFailure.THROTTLED,
    "ECS was unable to assume the role 'arn:aws:iam::1:role/x'": StartFailure.ROLE_NOT_ASSUMABLE,
    f"{INIT}hm": StartFailure.TASK_FAILED,
    "Task failed to start": StartFailure.TASK_FAILED,
}


@pytest.mark.parametrize("reason", FAILED_STARTS)
def test_a_task_that_does_not_start_says_why(play: Play, reason: str) -> None:
    """What ECS gives as the reason becomes a slug; the twin goes."""
    failure = FAILED_STARTS[reason]
    plane = play(states=[{"lastStatus": "PROVISIONING"}, STOPPED | {"stoppedReason": reason}], lines=[])
    run = a_run(plane).send()
    assert failure == run.start_failure
    assert failure.value == getattr(run.transcript, "reason", None)
    assert "TaskFailedToStart" == run.stop_code
    assert [] == plane.left()


def test_an_image_without_python_is_told_from_one_that_fails(play: Play) -> None:
    """The container runtime's words about python3 are a lack of the probe, and not of the service."""
    reason = 'CannotStartContainerError: runc create failed: exec: "python3": executable file not found in $PATH'
    state = {"lastStatus": "STOPPED", "stopCode": "EssentialContainerExited", "startedAt": None}
    plane = play(states=[state | {"containers": [{"name": "app", "reason": reason, "exitCode": 127}]}], lines=[])
    run = a_run(plane).send()
    assert StartFailure.NO_INTERPRETER == run.start_failure
    assert not StartFailure.NO_INTERPRETER.proven


def test_a_program_that_died_brings_its_exit_code(play: Play) -> None:
    """A task that ran and said nothing is no start failure: the transcript is missing, code and reason are facts."""
    containers = [{"name": "app", "exitCode": 1}]
    state = {"lastStatus": "STOPPED", "stopCode": "EssentialContainerExited", "stoppedReason": "Essential container"}
    plane = play(states=[state | {"containers": containers}], lines=["Traceback"])
    run = a_run(plane).send()
    assert (None, 1, "EssentialContainerExited") == (run.start_failure, run.exit_code, run.stop_code)
    assert isinstance(run.transcript, Unobserved)
    assert "no-transcript" == run.transcript.reason
    assert [] == plane.left()


def test_lines_that_come_after_the_task_has_stopped_are_waited_for(play: Play) -> None:
    """The log group delivers late; the transcript is read until it is whole."""
    state = {"lastStatus": "STOPPED", "containers": [{"name": "app", "exitCode": 0}]}
    plane = play(states=[state], lines_after_s=AWS_PACE.log_s - 5)
    assert isinstance(a_run(plane).send().transcript, Transcript)


def test_a_task_that_never_runs_is_given_up(play: Play) -> None:
    """After the deadline the probe is stopped, removed, and INCONCLUSIVE; whoever waits has seen what for."""
    plane = play(states=[{"lastStatus": "PENDING"}])
    said: list[str] = []
    run = a_run(plane, said=said).send()
    assert StartFailure.TIMEOUT == run.start_failure
    assert not StartFailure.TIMEOUT.proven
    assert AWS_PACE.start_s < plane.clock.monotonic() < AWS_PACE.start_s + 10
    assert 20 < len([line for line in said if "PENDING" in line]) < 40
    assert [] == plane.left()


def test_a_probe_that_hangs_is_ended(play: Play) -> None:
    """A program past its own deadlines is stopped; the lack of a transcript is what remains."""
    plane = play(lines=[])
    run = a_run(plane).send()
    assert run.start_failure is None
    assert isinstance(run.transcript, Unobserved)
    assert [] == plane.left()


def test_refusals_in_the_answer_of_run_task_are_read(play: Play) -> None:
    """RunTask refuses without an exception; the twin goes all the same."""
    plane = play(failures=[{"arn": "x", "reason": "RESOURCE:MEMORY"}])
    run = a_run(plane).send()
    assert StartFailure.CAPACITY == run.start_failure
    assert [] == plane.left()


REFUSALS = {
    ("RegisterTaskDefinition", "AccessDeniedException", ""): StartFailure.ACCESS_DENIED,
    ("RunTask", "AccessDeniedException", "not authorized to perform: iam:PassRole"): StartFailure.ACCESS_DENIED,
    ("RunTask", "ThrottlingException", "Rate exceeded"): StartFailure.THROTTLED,
    ("RunTask", "ClientException", "ECS was unable to assume the role 'x'"): StartFailure.ROLE_NOT_ASSUMABLE,
    ("RunTask", "ClientException", "You've reached the limit on the number of vCPUs"): StartFailure.QUOTA,
    ("RunTask", "InvalidParameterException", "Subnets can not be empty."): StartFailure.MALFORMED,
    ("DescribeTasks", "AccessDeniedException", ""): StartFailure.ACCESS_DENIED,
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refused_call_is_named(play: Play, refused: Callable[..., Exception], refusal: tuple[str, str, str]) -> None:
    """A refusal of the observer comes with code and operation; nothing is left of what came before."""
    operation, code, _ = refusal
    plane = play(raises={operation: refused(*refusal)})
    run = a_run(plane).send()
    assert (REFUSALS[refusal], code, f"ecs:{operation}") == (run.start_failure, run.code, run.operation)
    assert [] == plane.left()


def test_a_look_that_is_throttled_is_made_again(play: Play, refused: Callable[..., Exception]) -> None:
    """While a task is followed, a lack of an answer that passes is no end."""
    throttled = [refused("DescribeTasks", "ThrottlingException"), None, refused("DescribeTasks", "ThrottlingException")]
    plane = play(raises={"DescribeTasks": throttled, "GetLogEvents": [refused("GetLogEvents", "ThrottlingException")]})
    assert isinstance(a_run(plane).send().transcript, Transcript)


def test_a_log_that_may_not_be_read_leaves_no_transcript(play: Play, refused: Callable[..., Exception]) -> None:
    """The program ran, so nothing is wrong with the start; what it said is not observed, and why."""
    plane = play(raises={"GetLogEvents": refused("GetLogEvents", "AccessDeniedException")})
    run = a_run(plane).send()
    assert run.start_failure is None
    assert isinstance(run.transcript, Unobserved)
    assert ("access-denied", "logs:GetLogEvents") == (run.transcript.reason, run.transcript.operation)


def test_a_twin_that_was_bent_on_its_way_never_runs(play: Play) -> None:
    """What ECS registered is audited before anything is started."""

    def forge(definition: dict[str, Any]) -> None:
        definition["taskRoleArn"] = "arn:aws:iam::111122223333:role/admin"

    plane = play(forge=forge)
    run = a_run(plane).send()
    assert (StartFailure.TWIN_DIFFERS, ("taskRoleArn",)) == (run.start_failure, run.forbidden)
    assert [] == plane.named("RunTask")
    assert [] == plane.left()


@pytest.mark.parametrize("operation", ["RegisterTaskDefinition", "RunTask", "DescribeTasks", "GetLogEvents"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_ctrl_c_leaves_nothing(play: Play, operation: str, moment: str) -> None:
    """An interrupt in any call, even one that hides that the call was carried out, is followed by the clean-up."""
    plane = play(**{"raises" if moment == "before" else "after": {operation: KeyboardInterrupt()}})
    run = a_run(plane)
    with pytest.raises(KeyboardInterrupt):
        run.send()
    assert [] == plane.left()


@pytest.mark.parametrize("operation", ["StopTask", "DeregisterTaskDefinition"])
def test_ctrl_c_in_the_clean_up_does_not_cut_it_short(play: Play, operation: str) -> None:
    """The step is repeated, the others are done, and the interrupt goes on."""
    plane = play(raises={operation: [KeyboardInterrupt()]})
    run = a_run(plane)
    with pytest.raises(KeyboardInterrupt):
        run.send()
    assert [] == plane.left()


def test_what_may_not_be_removed_is_named(play: Play, refused: Callable[..., Exception]) -> None:
    """A clean-up that is refused changes no outcome: the transcript stands, and the ARN of what is left with it."""
    plane = play(raises={"DeleteTaskDefinitions": refused("DeleteTaskDefinitions", "AccessDeniedException")})
    run = a_run(plane).send()
    assert isinstance(run.transcript, Transcript)
    assert (run.twin_arn,) == run.left_behind


def test_a_twin_of_a_killed_run_is_swept_once_it_has_expired_and_not_before(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A death leaves twin and task; the next run leaves both alone until their time is over, then neither is left."""
    plane = play(after={"RunTask": SystemExit()})
    run = a_run(plane)
    monkeypatch.setattr("pytest_substrate.targets.twin.run.clean_up", lambda *_: ())  # a kill -9 cleans nothing up
    with pytest.raises(SystemExit):
        run.send()
    left = plane.left()
    assert 2 == len(left)
    assert () == sweep(plane.twin_calls, "main", run.plan.expires - timedelta(seconds=1))
    assert left == plane.left()
    assert (left[0],) == sweep(plane.twin_calls, "main", run.plan.expires + timedelta(seconds=1))
    assert [] == plane.left()


def test_a_twin_lives_a_few_minutes_at_most(play: Play) -> None:
    """So that what a death leaves is soon swept: ten minutes, on AWS."""
    now = play().now
    assert timedelta(minutes=10) > expiry(REQUEST, AWS_PACE, now) - now


def test_a_service_that_is_not_there_is_no_live_service(play: Play) -> None:
    """Missing, inactive, or without the declared container: named, and nothing is sent."""
    plane = play()
    gone = read_live(plane.twin_calls, "main", "other", "app")
    assert isinstance(gone, NoTwin)
    assert StartFailure.SERVICE_MISSING == gone.failure
    lacking = read_live(plane.twin_calls, "main", "ingest", "sidecar")
    assert isinstance(lacking, NoTwin)
    assert StartFailure.CONTAINER_MISSING == lacking.failure


def test_a_tag_that_nobody_resolves_is_not_guessed_at(play: Play) -> None:
    """Without a revision's digest and without running tasks, the image is unresolved."""
    plane = play()
    plane.service["currentServiceRevisions"] = []
    live = read_live(plane.twin_calls, "main", "ingest", "app")
    assert isinstance(live, NoTwin)
    assert StartFailure.IMAGE_UNRESOLVED == live.failure
