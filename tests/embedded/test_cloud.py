"""The cloud's process: how it starts, ends, and is controlled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from pytest_substrate.embedded import keeper
from pytest_substrate.embedded.cloud import cloud as cloud_module
from pytest_substrate.embedded.cloud.cloud import Cloud, ControlError
from pytest_substrate.embedded.runtime import images
from pytest_substrate.embedded.runtime.registry import PushRefused, push
from pytest_substrate.model.errors import BadInput

ACCOUNT, REGION = "111122223333", "eu-west-2"
_SESSION: Any = boto3.Session(region_name=REGION)
"""One for all, as it keeps the parsed models of the services."""


@pytest.fixture
def platform() -> Iterator[Path]:
    """A platform's folder."""
    folder = keeper.make_folder()
    yield folder
    keeper.end_all(folder)
    keeper.remove(folder)


def _client(cloud: Cloud, service: str) -> Any:
    return _SESSION.client(
        service,
        endpoint_url=cloud.endpoint,
        aws_access_key_id=cloud.root_credentials.access_key_id,
        aws_secret_access_key=cloud.root_credentials.secret_access_key,
    )


def _run_sleeper(cloud: Cloud) -> tuple[str, int]:
    """Run a task that stays up; its ARN and its process id."""
    ecr, ecs = _client(cloud, "ecr"), _client(cloud, "ecs")
    ecr.create_repository(repositoryName="acme/sleeper")
    image = images.build([images.layer({"/app/a": b""})], entrypoint=["python3", "-c"])
    digest = push(image, registry=cloud.registry, repository="acme/sleeper")
    reference = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/acme/sleeper@{digest}"
    ecs.create_cluster(clusterName="main")
    container = {"name": "app", "image": reference, "memory": 64, "command": ["import time; time.sleep(60)"]}
    ecs.register_task_definition(family="sleeper", containerDefinitions=[container])
    arn = ecs.run_task(cluster="main", taskDefinition="sleeper")["tasks"][0]["taskArn"]
    _eventually(lambda: ecs.describe_tasks(cluster="main", tasks=[arn])["tasks"][0]["lastStatus"] == "RUNNING")
    ran = cloud.execute(arn, "app", ["python3", "-c", "import os; print(os.getppid())"])
    assert ran.stdout
    return str(arn), next(each.pid for each in psutil.Process(cloud.process.pid).children())


def test_it_is_ready_quickly_and_leaves_nothing(platform: Path) -> None:
    """A cloud answers soon after it was started; stopped, its tasks are gone and its port is free."""
    begun = time.monotonic()
    cloud = Cloud.start(platform, account=ACCOUNT, region=REGION)
    ready = time.monotonic() - begun
    assert _client(cloud, "sts").get_caller_identity()["Account"] == ACCOUNT
    _, pid = _run_sleeper(cloud)
    cloud.stop()

    assert ready < 5.0
    assert cloud.process.poll() is not None
    _eventually(lambda: not _lives(pid))
    with pytest.raises(ConnectionError):
        cloud.control("GET", "/_substrate/msk/spine")


def test_a_kill_of_the_cloud_ends_its_tasks(platform: Path) -> None:
    """`kill -9` of the cloud leaves no task behind."""
    cloud = Cloud.start(platform, account=ACCOUNT, region=REGION)
    _, pid = _run_sleeper(cloud)
    cloud.process.kill()
    cloud.process.wait()

    if sys.platform != "linux":
        keeper.end_all(platform)
    _eventually(lambda: not _lives(pid))


def test_its_tasks_are_written_down(platform: Path) -> None:
    """The platform's keeper knows the cloud and each task's process."""
    cloud = Cloud.start(platform, account=ACCOUNT, region=REGION)
    _, pid = _run_sleeper(cloud)

    noted = {int(line.split()[0]) for line in (platform / "processes").read_text().splitlines()}

    assert {cloud.process.pid, pid} <= noted
    cloud.stop()


def test_two_clouds_do_not_meet(platform: Path) -> None:
    """Two clouds at once have their own ports, roots and state."""
    other = keeper.make_folder()
    first = Cloud.start(platform, account=ACCOUNT, region=REGION)
    second = Cloud.start(other, account=ACCOUNT, region=REGION)
    try:
        _client(first, "ecs").create_cluster(clusterName="mine")
        assert _client(second, "ecs").list_clusters()["clusterArns"] == []
        assert first.root_credentials != second.root_credentials
        with pytest.raises(ControlError, match="403"):
            cloud_module.control(second.endpoint, first.control_token, "GET", "/_substrate/msk/spine")
    finally:
        first.stop()
        second.stop()
        keeper.end_all(other)
        keeper.remove(other)


def test_it_listens_on_loopback_alone(platform: Path) -> None:
    """Nothing of the cloud is reachable from another machine."""
    cloud = Cloud.start(platform, account=ACCOUNT, region=REGION)
    listening = [
        each.laddr.ip
        for each in psutil.Process(cloud.process.pid).net_connections()
        if each.status == psutil.CONN_LISTEN
    ]
    cloud.stop()

    assert listening == ["127.0.0.1"]


def test_no_secret_is_on_a_command_line_or_in_a_log(platform: Path) -> None:
    """The root's secret and the control token reach the process through a file that only its owner reads."""
    cloud = Cloud.start(platform, account=ACCOUNT, region=REGION)
    _run_sleeper(cloud)
    words = " ".join(psutil.Process(cloud.process.pid).cmdline())
    logged = (platform / "logs" / "cloud.log").read_text()
    mode = (platform / "cloud" / "cloud.json").stat().st_mode
    cloud.stop()

    for secret in (cloud.root_credentials.secret_access_key, cloud.control_token):
        assert secret not in words
        assert secret not in logged
    assert mode & 0o077 == 0


def test_the_control_channel_says_what_is_wrong(platform: Path) -> None:
    """Unknown tasks, malformed questions, slow commands and ended containers are errors of their own."""
    cloud = Cloud.start(platform, account=ACCOUNT, region=REGION)
    arn, _ = _run_sleeper(cloud)
    questions: list[tuple[int, Callable[[], Any]]] = [
        (404, lambda: cloud.execute("none", "app", ["python3"])),
        (404, lambda: cloud.execute(arn, "none", ["python3"])),
        (400, lambda: cloud.control("POST", "/_substrate/exec", {"task": arn, "container": "app", "command": "x"})),
        (400, lambda: cloud.control("POST", "/_substrate/exec", {})),
        (400, lambda: cloud.control("PUT", "/_substrate/msk/spine", {"nonsense": 1})),
        (400, lambda: cloud.control("PUT", "/_substrate/msk/spine", {"brokers": [{"scram": "a:1"}]})),
        (404, lambda: cloud.control("GET", "/_substrate/nothing")),
        (504, lambda: cloud.execute(arn, "app", ["python3", "-c", "import time; time.sleep(9)"], deadline_s=0.3)),
    ]
    for status, ask in questions:
        with pytest.raises(ControlError) as refused:
            ask()
        assert status == refused.value.status
        assert refused.value.message
    echoed = cloud.execute(arn, "app", ["python3", "-c", "import sys; print(sys.stdin.read())"], stdin=b"in")
    _client(cloud, "ecs").stop_task(cluster="main", task=arn)
    with pytest.raises(ControlError):
        _eventually(lambda: cloud.execute(arn, "app", ["python3", "-c", "1"]) and False)
    cloud.stop()

    assert (echoed.exit_code, echoed.stdout, echoed.stderr) == (0, b"in\n", b"")


def test_a_cloud_that_ends_at_once_says_why(platform: Path) -> None:
    """One line names what happened and where more can be read."""

    def spawn(argv: Sequence[str], *, folder: Path, name: str, env: Mapping[str, str], cwd: Path | None = None) -> Any:
        broken = [argv[0], "-c", "raise SystemExit('no ministack here')"]
        return keeper.spawn(broken, folder=folder, name=name, env=env, cwd=cwd)

    with pytest.raises(BadInput, match="it ended with 1: no ministack here"):
        Cloud.start(platform, account=ACCOUNT, region=REGION, spawn=spawn)


def test_a_cloud_that_never_answers_is_given_up(platform: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait has an end, and what was waited for is ended too."""
    monkeypatch.setattr(cloud_module, "START_DEADLINE_S", 0.3)
    started: list[subprocess.Popen[bytes]] = []

    def spawn(argv: Sequence[str], *, folder: Path, name: str, env: Mapping[str, str], cwd: Path | None = None) -> Any:
        silent = [argv[0], "-c", "import time; time.sleep(60)"]
        started.append(keeper.spawn(silent, folder=folder, name=name, env=env, cwd=cwd))
        return started[0]

    with pytest.raises(BadInput, match="no answer in"):
        Cloud.start(platform, account=ACCOUNT, region=REGION, spawn=spawn)
    assert started[0].wait(5) != 0


def test_a_push_that_is_refused_says_why(platform: Path) -> None:
    """A repository that lacks, and a tag that may not move, are the registry's own words."""
    cloud = Cloud.start(platform, account=ACCOUNT, region=REGION)
    one, two = (images.build([images.layer({"/a": text})]) for text in (b"1", b"2"))
    with pytest.raises(PushRefused, match="NAME_UNKNOWN"):
        push(one, registry=cloud.registry, repository="acme/none", tag="v1")
    _client(cloud, "ecr").create_repository(repositoryName="acme/fixed", imageTagMutability="IMMUTABLE")
    push(one, registry=cloud.registry, repository="acme/fixed", tag="v1")
    with pytest.raises(PushRefused, match="TAG_INVALID"):
        push(two, registry=cloud.registry, repository="acme/fixed", tag="v1")
    described = _client(cloud, "ecr").describe_images(repositoryName="acme/fixed", imageIds=[{"imageTag": "v1"}])
    cloud.stop()

    assert described["imageDetails"][0]["imageDigest"] == one.digest


def test_the_servers_environment_is_its_own(platform: Path) -> None:
    """Nothing of our environment reaches the cloud, and so no task."""
    os.environ["SUBSTRATE_TEST_MARK"] = "mine"
    try:
        cloud = Cloud.start(platform, account=ACCOUNT, region=REGION)
    finally:
        del os.environ["SUBSTRATE_TEST_MARK"]
    held = psutil.Process(cloud.process.pid).environ()
    cloud.stop()

    assert "SUBSTRATE_TEST_MARK" not in held
    assert json.dumps(held).count(cloud.root_credentials.secret_access_key) == 0


def _eventually(holds: Callable[[], Any], seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
