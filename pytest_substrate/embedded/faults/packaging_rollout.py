"""Faults of the packaging plane around a release: what is pinned, what the registry has, what runs, what stops."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Final

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.network.mode import Refuse
from pytest_substrate.embedded.platform import dev_min, names, pipeline, roles
from pytest_substrate.embedded.platform.platform import Platform, wait_until
from pytest_substrate.embedded.platform.releases import later_image, record, recorded
from pytest_substrate.embedded.platform.service import (
    Definition,
    await_deployment,
    container,
    deploy,
    deployed,
    registered,
    stopped_tasks,
)
from pytest_substrate.model.outcome import Layer

_FRAGILE: Final = (
    "import ingest.__main__ as it, kafka, json, time\n"
    "producer = kafka.KafkaProducer(**it.settings())\n"
    "while True:\n"
    "    producer.send('events.raw', b'{}').get(timeout=2)\n"
    "    time.sleep(0.2)\n"
)
_SETTLE_S: Final = 30.0


@fault(
    "image-by-tag",
    check="PKG-010",
    layer=Layer.ARTIFACT,
    cause="not-pinned",
    breaks="the task definition names the image by its tag, which stands for the released digest today",
)
def image_by_tag(platform: Platform) -> Iterator[None]:
    """The very image that was released, by a name that may mean another one tomorrow."""
    name = dev_min.image_at("").removesuffix("@")
    with deployed(platform, _running(f"{name}:{names.TAG}")):
        yield


@fault(
    "unreleased-image",
    check="PKG-010",
    layer=Layer.ARTIFACT,
    cause="other-digest",
    breaks="somebody pushed a later image and deployed it by its digest, past the release",
)
def unreleased_image(platform: Platform) -> Iterator[None]:
    """It works, and nobody released it."""
    with later_image(platform) as digest, deployed(platform, _running(dev_min.image_at(digest))):
        yield


@fault(
    "release-record-lost",
    check="PKG-010",
    layer=Layer.ARTIFACT,
    cause="record-missing",
    breaks="the pipeline left no release record",
)
def release_record_lost(platform: Platform) -> Iterator[None]:
    """All that runs may be right, and nothing says so."""
    with record(platform, None):
        yield


@fault(
    "release-record-cut",
    check="PKG-010",
    layer=Layer.ARTIFACT,
    cause="record-malformed",
    breaks="the release record was cut off while it was written",
)
def release_record_cut(platform: Platform) -> Iterator[None]:
    """Half a JSON object."""
    content = (platform.folder / pipeline.RECORD).read_bytes()
    with record(platform, content[: len(content) // 2]):
        yield


@fault(
    "image-expired",
    check="PKG-020",
    layer=Layer.ARTIFACT,
    cause="digest-missing",
    breaks="a lifecycle rule removed the image from the registry, while its tasks still run",
)
def image_expired(platform: Platform) -> Iterator[None]:
    """The tasks that run have theirs; the next one would find none."""
    ecr = platform.client("ecr")
    digest = _released(platform)
    try:
        ecr.batch_delete_image(repositoryName=names.REPOSITORY, imageIds=[{"imageDigest": digest}])
        yield
    finally:
        again = dev_min.push_image(platform)
        if again != digest:
            raise RuntimeError(f"the image came back as {again}, not as {digest}")


@fault(
    "rollout-stuck",
    check="PKG-030",
    layer=Layer.ARTIFACT,
    cause="other-digest-running",
    breaks="a later image was released, and its tasks do not start, so that those of the earlier one go on",
)
def rollout_stuck(platform: Platform) -> Iterator[None]:
    """The task definition, the record and the registry agree; only the tasks tell."""

    def stuck(digest: str) -> Callable[[Definition], None]:
        def change(definition: Definition) -> None:
            container(definition)["image"] = dev_min.image_at(digest)
            container(definition)["command"] = ["-c", "raise SystemExit('there is no such module')"]
            container(definition)["entryPoint"] = ["python"]

        return change

    with later_image(platform) as digest, recorded(platform, digest), registered(platform, stuck(digest)):
        yield


@fault(
    "too-few-tasks",
    check="PKG-040",
    layer=Layer.RUNTIME,
    cause="too-few-running",
    breaks="somebody scaled the service in to one task",
)
def too_few_tasks(platform: Platform) -> Iterator[None]:
    """One task does its work, and two are declared."""
    with _scaled(platform, names.RUNNING - 1):
        yield


@fault(
    "scaled-to-nothing",
    check="PKG-040",
    layer=Layer.RUNTIME,
    cause="too-few-running",
    breaks="the service was scaled in to nothing",
)
def scaled_to_nothing(platform: Platform) -> Iterator[None]:
    """Nothing crashes where nothing runs."""
    with _scaled(platform, 0):
        yield


@fault(
    "deployment-under-way",
    check="PKG-040",
    layer=Layer.RUNTIME,
    cause="deployment-in-progress",
    breaks="a deployment of the same image doesn't come to its end: its tasks stop at once",
)
def deployment_under_way(platform: Platform) -> Iterator[None]:
    """The tasks of the deployment before it go on running."""

    def stopping(definition: Definition) -> None:
        container(definition)["entryPoint"] = ["python"]
        container(definition)["command"] = ["-c", "raise SystemExit(1)"]

    with registered(platform, stopping):
        yield


@fault(
    "crashed-and-replaced",
    check="PKG-050",
    layer=Layer.RUNTIME,
    cause="container-crashed",
    breaks="the service can't bear a broker that is away for a moment: its tasks crashed, and others took their place",
)
def crashed_and_replaced(platform: Platform) -> Iterator[None]:
    """The released image, run by a program that catches nothing."""

    def fragile(definition: Definition) -> None:
        container(definition)["entryPoint"] = ["python"]
        container(definition)["command"] = ["-c", _FRAGILE]

    with deployed(platform, fragile):
        _until_crashed(platform)
        await_deployment(platform)
        yield


@fault(
    "ended-by-itself",
    check="PKG-050",
    layer=Layer.RUNTIME,
    cause="container-ended",
    breaks="a task of the service ended by itself with 0, and another one took its place",
)
def ended_by_itself(platform: Platform) -> Iterator[None]:
    """A service that ends is as gone as one that crashes."""

    def polite(definition: Definition) -> None:
        container(definition)["entryPoint"] = ["python"]
        container(definition)["command"] = ["-c", f"try:\n    exec({_FRAGILE!r})\nexcept Exception: pass"]

    with deployed(platform, polite):
        _until_crashed(platform)
        await_deployment(platform)
        yield


@fault(
    "replacement-did-not-start",
    check="PKG-050",
    layer=Layer.RUNTIME,
    cause="start-failed",
    breaks="the execution role lost the service's secret for a while, and a task's replacement didn't start at first",
)
def replacement_did_not_start(platform: Platform) -> Iterator[None]:
    """It has the secret again, and two tasks run."""
    ecs = platform.client("ecs")
    secret, key = dev_min.secret_arn(platform), dev_min.key_arn(platform)
    deploy(platform)
    try:
        roles.set_policy(platform, names.EXECUTION_ROLE, roles.execution_policy([f"{secret}-other"], key_arn=key))
        arns = ecs.list_tasks(cluster=names.ECS_CLUSTER, serviceName=names.SERVICE)["taskArns"]
        ecs.stop_task(cluster=names.ECS_CLUSTER, task=arns[0], reason="an operator's")
        wait_until(
            lambda: any(task.get("stopCode") == "TaskFailedToStart" for task in stopped_tasks(platform)),
            what="a task that could not start",
            deadline_s=_SETTLE_S,
        )
        roles.set_policy(platform, names.EXECUTION_ROLE, roles.execution_policy([secret], key_arn=key))
        await_deployment(platform)
        yield
    finally:
        roles.set_policy(platform, names.EXECUTION_ROLE, roles.execution_policy([secret], key_arn=key))
        deploy(platform)


def _running(image: str) -> Callable[[Definition], None]:
    def change(definition: Definition) -> None:
        container(definition)["image"] = image

    return change


def _released(platform: Platform) -> str:
    """The digest that the service's task definition pins."""
    ecs = platform.client("ecs")
    service = ecs.describe_services(cluster=names.ECS_CLUSTER, services=[names.SERVICE])["services"][0]
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    return str(container(definition)["image"]).partition("@")[2]


@contextlib.contextmanager
def _scaled(platform: Platform, count: int) -> Iterator[None]:
    ecs = platform.client("ecs")
    try:
        ecs.update_service(cluster=names.ECS_CLUSTER, service=names.SERVICE, desiredCount=count)
        await_deployment(platform)
        yield
    finally:
        ecs.update_service(cluster=names.ECS_CLUSTER, service=names.SERVICE, desiredCount=names.RUNNING)
        await_deployment(platform)


def _until_crashed(platform: Platform) -> None:
    """Let both brokers refuse until a task of the newest deployment has ended."""
    before = {task["taskArn"] for task in stopped_tasks(platform)}
    with platform.kafka.relay(1).behaving(Refuse()), platform.kafka.relay(2).behaving(Refuse()):
        wait_until(
            lambda: any(task["taskArn"] not in before for task in stopped_tasks(platform)),
            what="a task that ends",
            deadline_s=_SETTLE_S,
        )
