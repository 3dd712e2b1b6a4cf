"""The live service as a twin needs it: what a fresh task of it would be, and how it would be started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pytest_substrate.model.probe_run import StartFailure
from pytest_substrate.targets.twin.plan import STARTED_BY, NoTwin, TwinPlan


class LiveCalls(Protocol):
    """What is asked of the control plane (`adapters/aws/twins.py`)."""

    def service(self, cluster: str, name: str) -> Mapping[str, Any] | None: ...
    def definition(self, arn: str) -> tuple[Mapping[str, Any], dict[str, str]]: ...
    def revision_digests(self, arns: Sequence[str], definition: str, container: str) -> set[str]: ...
    def running_digests(self, cluster: str, service: str, definition: str, container: str) -> set[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A service's live revision. It holds environment values, so it is never stored and shows nothing of itself."""

    cluster: str
    definition: Mapping[str, Any]
    """DescribeTaskDefinition's `taskDefinition`."""
    launch: Mapping[str, Any]
    """How RunTask starts what the service would start: launch type or capacity providers, platform, network."""
    volumes: tuple[Mapping[str, Any], ...]
    """The service's volumes that are made at launch."""
    image_digest: str

    def __repr__(self) -> str:
        return f"Live({self.definition.get('taskDefinitionArn')})"


def read_live(calls: LiveCalls, cluster: str, service: str, container: str) -> Live | NoTwin:
    """The live revision; raises `NoAnswer` where the control plane does not answer.

    The image's digest is the task definition's own, else that of the service revision, else that of the running tasks
    if they agree. A tag is not asked of the registry: it may have moved since the service was deployed.
    """
    found = calls.service(cluster, service)
    if found is None:
        return NoTwin(
            failure=StartFailure.SERVICE_MISSING, detail=f"the ECS cluster {cluster} has no service {service}"
        )
    primary = next((item for item in found.get("taskSets") or () if item.get("status") == "PRIMARY"), found)
    arn = str(primary.get("taskDefinition") or "")
    if not arn:
        return NoTwin(failure=StartFailure.SERVICE_MISSING, detail=f"the service {service} names no task definition")
    definition, _ = calls.definition(arn)
    item = container_of(definition, container)
    if item is None:
        return NoTwin(
            failure=StartFailure.CONTAINER_MISSING, detail=f"the task definition has no container {container}"
        )
    digest = _digest(calls, found, definition, cluster=cluster, container=item)
    if digest is None:
        return NoTwin(
            failure=StartFailure.IMAGE_UNRESOLVED,
            detail=f"the container {container} is not pinned, and neither a revision nor one digest of its tasks tells",
        )
    deployment: Mapping[str, Any] = next(iter(found.get("deployments") or ()), {})
    return Live(
        cluster=cluster,
        definition=definition,
        launch=_launch(primary, found),
        volumes=tuple(deployment.get("volumeConfigurations") or ()),
        image_digest=digest,
    )


def container_of(definition: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """The container of that name in a task definition."""
    return next((item for item in definition.get("containerDefinitions") or () if item.get("name") == name), None)


def run_request(live: Live, plan: TwinPlan, twin: Mapping[str, Any], token: str) -> dict[str, Any]:
    """The input of RunTask for a registered twin. `token` makes a repeated request start one task."""
    mounted = {volume.get("name") for volume in twin.get("volumes") or ()}
    volumes = [
        {"name": volume.get("name"), "managedEBSVolume": dict(volume.get("managedEBSVolume") or {})}
        for volume in live.volumes
        if volume.get("name") in mounted
    ]
    request: dict[str, Any] = {
        "cluster": live.cluster,
        "taskDefinition": twin["taskDefinitionArn"],
        "count": 1,
        "startedBy": f"{STARTED_BY}{plan.run_id}",
        "clientToken": token,
        "tags": plan.tags(),
        **live.launch,
    }
    return request | ({"volumeConfigurations": volumes} if volumes else {})


def same_runtime(one: Live, other: Live, containers: tuple[str, str], variables: Sequence[str]) -> bool:
    """Whether one probe serves both services: image, roles, secrets, network, and the variables that it reads."""
    return _runtime(one, containers[0], variables) == _runtime(other, containers[1], variables)


def _runtime(live: Live, container: str, variables: Sequence[str]) -> dict[str, Any]:
    item = container_of(live.definition, container) or {}
    of_task = ("taskRoleArn", "executionRoleArn", "networkMode", "runtimePlatform", "pidMode", "ipcMode")
    of_container = (
        "user", "environmentFiles", "dnsServers", "dnsSearchDomains", "readonlyRootFilesystem", "disableNetworking",
    )  # fmt: skip
    return {
        **{key: live.definition.get(key) for key in of_task},
        **{key: item.get(key) or None for key in of_container},
        "image": live.image_digest,
        "cluster": live.cluster,
        "launch": live.launch,
        "secrets": sorted((str(entry.get("name")), str(entry.get("valueFrom"))) for entry in item.get("secrets") or ()),
        "environment": sorted(
            (str(entry.get("name")), str(entry.get("value")))
            for entry in item.get("environment") or ()
            if entry.get("name") in variables
        ),
        "hosts": sorted(map(str, item.get("extraHosts") or ())),
    }


def _launch(primary: Mapping[str, Any], service: Mapping[str, Any]) -> dict[str, Any]:
    launch: dict[str, Any] = {}
    if primary.get("capacityProviderStrategy"):
        launch["capacityProviderStrategy"] = primary["capacityProviderStrategy"]
    elif primary.get("launchType"):
        launch["launchType"] = primary["launchType"]
    for key in ("platformVersion", "networkConfiguration"):
        if primary.get(key):
            launch[key] = primary[key]
    constraints = [item for item in service.get("placementConstraints") or () if item.get("type") == "memberOf"]
    return launch | ({"placementConstraints": constraints} if constraints else {})


def _digest(
    calls: LiveCalls,
    service: Mapping[str, Any],
    definition: Mapping[str, Any],
    *,
    cluster: str,
    container: Mapping[str, Any],
) -> str | None:
    pinned = str(container.get("image", "")).partition("@")[2]
    if pinned:
        return pinned
    name, arn, own = str(service.get("serviceName")), str(definition.get("taskDefinitionArn")), str(container["name"])
    revisions = [str(item["arn"]) for item in service.get("currentServiceRevisions") or () if item.get("arn")]
    found = calls.revision_digests(revisions, arn, own) or calls.running_digests(cluster, name, arn, own)
    return found.pop() if len(found) == 1 else None
