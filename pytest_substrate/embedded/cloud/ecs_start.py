"""How a task starts: roles assumed, secrets read, images pulled, log streams opened, containers run; or why not.

All of it under the roles that the task definition names, as on AWS, so that a missing permission stops the start.
"""

from __future__ import annotations

import logging
import secrets as chance
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ministack.core.concurrency import resource_lock
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import ecs, ecs_metadata, ssm

from pytest_substrate.embedded.cloud import log_streams, pictures, roles, secret_values
from pytest_substrate.embedded.cloud.ecs_tasks import FAILED_START, Run, Task, Tasks
from pytest_substrate.embedded.cloud.resources import Place
from pytest_substrate.embedded.runtime.container import CannotStart, Container, ContainerSpec
from pytest_substrate.embedded.runtime.rootfs import private_tree

_logger = logging.getLogger(__name__)
Definition = dict[str, Any]
_UNABLE = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "


class Failed(Exception):
    """Why a task does not start; ECS's own words."""

    def __init__(self, reason: str, *, container: str = "") -> None:
        super().__init__(reason)
        self.container = container


class Starter:
    """Starts tasks; `endpoint` is this cloud's own, for what a container is told."""

    def __init__(
        self, *, tasks: Tasks, credentials: roles.CredentialEndpoints, folder: Path, endpoint: str, note: Any
    ) -> None:
        self.tasks = tasks
        self.credentials = credentials
        self.folder = folder
        self.endpoint = endpoint
        self.note = note

    def run(self, task: Task, definition: Definition, overrides: list[dict[str, Any]], _: Any = None) -> None:
        """Start a task, in a thread of its own; it is RUNNING or stopping afterwards."""
        run = self.tasks.open(task)
        try:
            if ecs._mark_task_pending(task["taskArn"], task) and ecs._mark_task_activating(task["taskArn"], task):
                _Start(self, run, definition, overrides).go()
        except Failed as failure:
            for row in task["containers"]:
                if row["name"] == failure.container:
                    row["reason"] = str(failure)
            self.tasks.stop(task, str(failure), FAILED_START)
        except Exception as error:  # a bug of ours must not leave a task pending for ever
            _logger.exception("task %s", task["taskArn"])
            self.tasks.stop(task, f"ResourceInitializationError: {type(error).__name__}", FAILED_START)
        finally:
            self.tasks.settle(run)


class _Start:
    def __init__(self, starter: Starter, run: Run, definition: Definition, overrides: list[dict[str, Any]]) -> None:
        self.starter, self.run, self.definition = starter, run, definition
        self.task = run.task
        self.id = self.task["taskArn"].rsplit("/", 1)[-1]
        self.overrides = {row.get("name"): row for row in overrides}
        self.folder = starter.folder / "tasks" / self.id
        whole = self.task.get("overrides") or {}
        self.task_role = whole.get("taskRoleArn") or definition.get("taskRoleArn") or ""
        self.execution_role = whole.get("executionRoleArn") or definition.get("executionRoleArn") or ""
        self.session: roles.RoleSession | None = None

    def go(self) -> None:
        """Everything in ECS's order; raises Failed."""
        containers = self.definition["containerDefinitions"]
        try:
            if self.execution_role:
                self.session = roles.open_session(self.execution_role, self.id)
            secrets = {one["name"]: self._secrets(one) for one in containers}
            images = {one["name"]: self._image(one) for one in containers}
            for number, one in enumerate(containers):
                self._container(number, one, images[one["name"]], secrets[one["name"]])
        except roles.NotAssumable as error:
            raise Failed(f"ResourceInitializationError: {error}") from error
        ecs._mark_task_running(self.task["taskArn"], self.task)

    def _secrets(self, one: Definition) -> dict[str, str]:
        found = {}
        for secret in one.get("secrets", []):
            source = secret["valueFrom"]
            try:
                if ":secretsmanager:" in source:
                    found[secret["name"]] = secret_values.read_as(self.session, source)
                else:
                    found[secret["name"]] = self._parameter(source)
            except secret_values.Unreadable as error:
                raise Failed(f"{_UNABLE}unable to retrieve secret from asm: {error}") from error
        return found

    def _parameter(self, source: str) -> str:
        name = source.split(":parameter", 1)[-1] if source.startswith("arn:") else source
        resource = Place(region=get_region(), account=get_account_id()).arn("ssm", f"parameter/{name.lstrip('/')}")
        denied = self.session.may("ssm:GetParameters", resource) if self.session else "no execution role was given"
        value = None if denied else ssm.resolve_parameter_value(source)
        if value is None:
            why = f"AccessDeniedException: {denied}" if denied else f"invalid ssm parameters: {name}"
            raise Failed(f"{_UNABLE}unable to retrieve secrets from ssm: {why}")
        return str(value)

    def _image(self, one: Definition) -> pictures.Picture:
        reference = self._pinned(one)
        architecture = (self.definition.get("runtimePlatform") or {}).get("cpuArchitecture", "")
        cache = self.starter.folder / "images"
        try:
            picture = pictures.pull(reference, session=self.session, cache=cache, architecture=architecture)
        except pictures.PullRefused as error:
            raise Failed(f"ResourceInitializationError: {error}") from error
        except pictures.CannotPull as error:
            raise Failed(f"CannotPullContainerError: {error}", container=one["name"]) from error
        row = next(row for row in self.task["containers"] if row["name"] == one["name"])
        row["imageDigest"] = picture.digest
        return picture

    def _pinned(self, one: Definition) -> str:
        """The reference; of a service's tag, what it was when the deployment's first task resolved it."""
        reference = str(one["image"])
        group = self.task.get("group", "")
        if "@" in reference or not group.startswith("service:") or one.get("versionConsistency") == "disabled":
            return reference
        key = f"{ecs._cluster_name_from_arn(self.task['clusterArn'])}/{group.removeprefix('service:')}"
        with resource_lock("ecs-service", key):
            service = ecs._services.get(key)
            deployment = ecs._deployment_for_task(service, self.task) if service else None
            held = deployment.setdefault("_image_digests", {}) if deployment else {}
            digest = held.get(one["name"]) or pictures.resolve(reference)
            if digest is None:
                return reference
            held[one["name"]] = digest
        return f"{ecs._image_repository(reference)}@{digest}"

    def _container(self, number: int, one: Definition, picture: pictures.Picture, secrets: Mapping[str, str]) -> None:
        name = one["name"]
        override = self.overrides.get(name, {})
        environment = dict(word.partition("=")[::2] for word in picture.words("Env"))
        environment.update((row["name"], row["value"]) for row in one.get("environment", []))
        environment.update(secrets)
        environment.update((row["name"], row["value"]) for row in override.get("environment", []))
        token = self._told_by_ecs(one, picture, environment)
        own = self.folder / name
        tree = own / "root"
        own.mkdir(parents=True)
        frozen = private_tree(picture.tree, tree, folders=("tmp", "root"))
        spec = ContainerSpec(
            name=name,
            tree=tree,
            argv=_argv(one, override, picture),
            environment=environment,
            working_dir=one.get("workingDirectory") or picture.configuration.get("WorkingDir") or "/",
            user=str(one.get("user") or picture.configuration.get("User") or ""),
            read_only=bool(one.get("readonlyRootFilesystem")),
            mounts=self._mounts(one),
            frozen=frozen,
            stop_timeout_s=float(one.get("stopTimeout") or 30),
        )
        place = Place(region=get_region(), account=get_account_id())
        identifier = chance.token_hex(32)
        try:
            stream = log_streams.open_stream(
                one, container_id=identifier, task_id=self.id, place=place, session=self.session
            )
            container = Container(
                spec,
                identifier=identifier,
                folder=own / "run",
                note=self.starter.note,
                deliver=stream.deliver if stream else lambda _: None,
                on_end=lambda ended: self._ended(name, ended),
            )
        except log_streams.LogsRefused as error:
            raise Failed(f"ResourceInitializationError: failed to validate logger args: {error}") from error
        except CannotStart as error:
            reason = f"CannotStartContainerError: failed to create task for container: {error}: unknown"
            raise Failed(reason, container=name) from error
        row = self.task["containers"][number]
        row["runtimeId"], row["lastStatus"] = f"{self.id.replace('-', '')}-{identifier[:10]}", "RUNNING"
        ecs_metadata.set_docker_id(token, row["runtimeId"])
        ecs_metadata.set_container_status(token, "RUNNING")
        if not self.starter.tasks.add(self.run, name, container, essential=bool(one.get("essential", True))):
            container.stop()

    def _ended(self, name: str, container: Container) -> None:
        with request_scope(self.run.account, self.run.region):
            self.starter.tasks.container_ended(self.run, name, container)

    def _mounts(self, one: Definition) -> tuple[tuple[str, Path, bool], ...]:
        made = []
        for mount in one.get("mountPoints", []):
            place = self.folder / "volumes" / str(mount["sourceVolume"]).replace("/", "_")
            place.mkdir(parents=True, exist_ok=True)
            made.append((mount["containerPath"].rstrip("/"), place, bool(mount.get("readOnly"))))
        return tuple(made)

    def _told_by_ecs(self, one: Definition, picture: pictures.Picture, environment: dict[str, str]) -> str:
        """ECS's own variables, and the container's record at the metadata endpoint; its token."""
        launch = self.task.get("launchType", "EC2")
        cluster = self.task["clusterArn"]
        token = str(
            ecs._register_metadata(
                self.task["taskArn"], cluster, self.definition, one, launch, environment, True, "127.0.0.1"
            )
        )
        self.task.setdefault("_metadata_tokens", []).append(token)
        environment["AWS_ENDPOINT_URL"] = self.starter.endpoint
        environment["AWS_REGION"] = environment["AWS_DEFAULT_REGION"] = get_region()
        environment["AWS_EXECUTION_ENV"] = f"AWS_ECS_{launch}"
        for name in ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"):
            environment.pop(name, None)
        if self.task_role:
            identifier, secret = self.starter.credentials.open(self.task_role, self.id)
            place = f"{self.starter.endpoint}/v2/credentials/{identifier}"
            environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = place
            environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"] = secret
        row = next(row for row in self.task["containers"] if row["name"] == one["name"])
        payload = ecs_metadata._TOKEN_TO_CONTAINER.get(token, {})  # gone where the task is being stopped
        payload.update(ContainerARN=row["containerArn"], ImageID=picture.digest, DockerName=one["name"])
        log = one.get("logConfiguration")
        if log:
            payload.update(LogDriver=log.get("logDriver"), LogOptions=log.get("options") or {})
        return token


def _argv(one: Definition, override: Mapping[str, Any], picture: pictures.Picture) -> tuple[str, ...]:
    """The command line, as a container runtime puts it together: an entry point of one's own drops the image's CMD."""
    entry = tuple(one.get("entryPoint") or ())
    command = tuple(override.get("command") or one.get("command") or ())
    if entry:
        return entry + command
    return picture.words("Entrypoint") + (command or picture.words("Cmd"))
