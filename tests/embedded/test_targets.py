"""The embedded target against the real platform: three vantages, real deaths, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.adapters.aws.twins import TwinCalls
from pytest_substrate.embedded.client import ATTACH_VARIABLE, start_server
from pytest_substrate.model.declaration import Declaration, parse_declaration
from pytest_substrate.model.outcome import TargetKind, Vantage
from pytest_substrate.model.probe_run import ProbeRun
from pytest_substrate.model.transcript import ProbeRequest, Transcript
from pytest_substrate.planes.messaging.request import probe_request
from pytest_substrate.targets import make_target
from pytest_substrate.targets.runtime_host import runtime_host
from pytest_substrate.targets.twin.clean import sweep

FILE = Path(__file__).parents[2] / "fixtures" / "dev_min" / "substrate.toml"
SAID: list[str] = []


@pytest.fixture(scope="module")
def platform() -> Iterator[Path]:
    """A platform for this module: its attach file, named to every process that is started here."""
    with start_server(progress=SAID.append) as attach, pytest.MonkeyPatch.context() as patch:
        patch.setenv(ATTACH_VARIABLE, str(attach))
        yield attach


@pytest.fixture(scope="module")
def declaration() -> Declaration:
    """That of `dev_min`."""
    return parse_declaration(FILE.read_text(encoding="utf-8"), name="substrate.toml")


@pytest.fixture
def target(platform: Path, declaration: Declaration, tmp_path: Path) -> Iterator[Callable[[Vantage], Any]]:
    """Makes the target of a run of its own, let in by its guard."""
    made: list[Any] = []

    def make(vantage: Vantage = Vantage.TASK) -> Any:
        folder = tmp_path / f"run{len(made)}"
        one: Any = make_target(
            TargetKind.EMBEDDED, declaration, vantage=vantage, folder=folder, owner=True, progress=SAID.append
        )
        made.append(one)
        assert () == tuple(one.guard())
        return one

    yield make
    for one in made:
        one.close()


def request_for(target: Any, nonce: str = "0" * 32) -> ProbeRequest:
    """What the messaging plane would ask."""
    return probe_request(
        target.declaration,
        ["ingest"],
        nonce=nonce,
        smoke_topic="substrate.smoke",
        sts_endpoint=target.client("sts").meta.endpoint_url,
    )


def left(target: Any) -> tuple[list[str], list[str]]:
    """The twins that are there still, and the tasks of probes that should run."""
    calls = TwinCalls(target.client)
    twins = [
        arn
        for status in ("ACTIVE", "INACTIVE")
        for family in calls.families("substrate-probe-", status)
        for arn in calls.revisions(family, status)
    ]
    tasks = target.client("ecs").list_tasks(cluster="main", desiredStatus="RUNNING")["taskArns"]
    described = target.client("ecs").describe_tasks(cluster="main", tasks=tasks)["tasks"]
    return twins, [task["taskArn"] for task in described if task.get("startedBy", "").startswith("substrate/")]


def test_a_probe_in_a_task_of_its_own_sees_all_and_leaves_nothing(target: Callable[..., Any]) -> None:
    """As the task role, with the received credential compared; the twin's differences are the allowed ones."""
    one = target()
    run: ProbeRun = one.probe("ingest", request_for(one))
    assert isinstance(run.transcript, Transcript), run
    assert run.transcript.identity is not None
    assert "arn:aws:iam::111122223333:role/ingest-task" == run.transcript.identity.role_arn == run.task_role_arn
    assert run.transcript.credential is not None
    assert (True, ()) == (run.transcript.credential.compared, run.transcript.credential.differs)
    assert (None, (), ()) == (run.start_failure, run.forbidden, run.left_behind)
    assert ([], []) == left(one)


def test_a_probe_in_a_running_container_is_in_that_task(target: Callable[..., Any]) -> None:
    """Vantage exec: the service's own task, without the reference that only a twin brings."""
    one = target(Vantage.EXEC)
    run: ProbeRun = one.probe("ingest", request_for(one))
    assert isinstance(run.transcript, Transcript), run
    assert run.task_arn is not None
    assert run.transcript.identity is not None
    assert run.task_arn.rpartition("/")[2] in str(run.transcript.identity.caller_arn)
    assert run.transcript.credential is not None
    assert not run.transcript.credential.compared
    assert "arn:aws:iam::111122223333:role/ingest-execution" == run.execution_role_arn


def test_a_secret_that_the_execution_role_may_not_read_stops_the_start(
    target: Callable[..., Any], platform: Path
) -> None:
    """For real: the platform fetches secrets as the execution role; the cause is told, and nothing is left."""
    one = target()
    iam = root_client(platform, "iam")
    deny = {"Effect": "Deny", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName="ingest-execution", PolicyName="deny", PolicyDocument=document)
    try:
        run: ProbeRun = one.probe("ingest", request_for(one))
    finally:
        iam.delete_role_policy(RoleName="ingest-execution", PolicyName="deny")
    assert "secret-not-readable" == run.start_failure
    assert ([], []) == left(one)


PROBER = """
import pathlib, sys
from pytest_substrate.model.declaration import parse_declaration
from pytest_substrate.model.outcome import TargetKind, Vantage
from pytest_substrate.planes.messaging.request import probe_request
from pytest_substrate.targets import make_target

declaration = parse_declaration(pathlib.Path(sys.argv[1]).read_text(), name="substrate.toml")
target = make_target(
    TargetKind.EMBEDDED, declaration, vantage=Vantage.TASK, folder=pathlib.Path(sys.argv[2]), owner=True,
    progress=lambda line: None, source=lambda: "import time; time.sleep(60)",
)
try:
    target.probe("ingest", probe_request(declaration, ["ingest"], nonce="0" * 32, smoke_topic=None))
finally:
    target.close()
"""


@pytest.fixture
def prober(platform: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process whose probe hangs, in the middle of it."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROBER, str(FILE), str(tmp_path / "prober")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield process
    process.kill()
    process.wait(10)


def await_task(target: Any) -> tuple[list[str], list[str]]:
    """The twin and the task of a probe that goes on elsewhere."""
    until = time.monotonic() + 30
    while True:
        found = left(target)
        if found[0] and found[1]:
            return found
        assert time.monotonic() < until, "the probe's task did not come"
        time.sleep(0.05)


def test_ctrl_c_leaves_nothing_on_the_platform(target: Callable[..., Any], prober: subprocess.Popen[str]) -> None:
    """An interrupt of a real process in the middle of a real probe: task stopped, twin gone."""
    one = target()
    await_task(one)
    os.kill(prober.pid, signal.SIGINT)
    _, stderr = prober.communicate(timeout=20)
    assert "KeyboardInterrupt" in stderr
    assert ([], []) == left(one)


def test_a_kill_leaves_a_twin_that_a_later_run_sweeps_once_it_has_expired(
    target: Callable[..., Any], prober: subprocess.Popen[str]
) -> None:
    """No run touches it before its time; after it, twin and task go."""
    one = target()
    await_task(one)
    os.kill(prober.pid, signal.SIGKILL)
    prober.wait(10)
    twins, tasks = left(one)
    run: ProbeRun = one.probe("ingest", request_for(one))  # another run, whose sweep comes before its probe
    assert isinstance(run.transcript, Transcript)
    assert (twins, tasks) == left(one)
    now = datetime.now(UTC)
    assert tuple(twins) == sweep(TwinCalls(one.client), "main", now + timedelta(minutes=10))
    assert ([], []) == left(one)


def test_a_runtime_host_is_the_running_container(target: Callable[..., Any]) -> None:
    """Its environment, its image and its identity; nothing of this machine's user."""
    host = runtime_host(target(), "ingest")
    program = "import os, kafka; print(os.environ['KAFKA_BOOTSTRAP_SERVERS'].count(','), kafka.__version__)"
    assert "1 3." in host.check_output("python3 -c %s", program)
    assert 3 == host.run("python3 -c %s", "raise SystemExit(3)").rc
    assert "PYTEST_CURRENT_TEST" not in host.check_output("python3 -c %s", "import os; print(sorted(os.environ))")


def root_client(platform: Path, service: str) -> Any:
    """A client as the operator may not be: the platform's root, whose keys are in its cloud's own file."""
    import boto3

    content = json.loads(platform.read_text(encoding="utf-8"))
    config = json.loads((Path(content["folder"]) / "cloud" / "cloud.json").read_text(encoding="utf-8"))
    session: Any = boto3.Session(
        aws_access_key_id=config["root_key"], aws_secret_access_key=config["root_secret"], region_name="eu-west-2"
    )
    return session.client(service, endpoint_url=content["endpoint"])
