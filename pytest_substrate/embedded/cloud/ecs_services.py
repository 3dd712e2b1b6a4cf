"""Services: deployments and revisions that tell the truth, and restarts that back off.

ministack answers empty lists for service deployments and revisions. They are kept here, one record a deployment,
brought up to date whenever ministack moves one.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ministack.core.concurrency import spawn_background
from ministack.core.responses import request_scope
from ministack.services import ecs

from pytest_substrate.embedded.cloud import pictures
from pytest_substrate.embedded.cloud.ecs_tasks import EXITED, FAILED_START, Run

Service = dict[str, Any]
_BACK_OFF_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
_LIVED_S: Final = 10.0
"""A task that ran this long was no crash."""
_COPIED: Final = (
    "launchType",
    "capacityProviderStrategy",
    "platformVersion",
    "platformFamily",
    "loadBalancers",
    "serviceRegistries",
    "networkConfiguration",
)


@dataclass(slots=True, kw_only=True)
class Deployment:
    """One service deployment: ministack's live record, and what outlives it."""

    live: dict[str, Any]
    arn: str
    revision: dict[str, Any]
    sources: list[str]
    created: float
    status: str = "IN_PROGRESS"
    reason: str = ""
    finished: float | None = None
    rollback: dict[str, Any] | None = None

    @property
    def settled(self) -> bool:
        """Whether its status can't change any more."""
        return self.finished is not None


class Services:
    """The deployments of all services, newest first, by the service's ARN."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, list[Deployment]] = {}
        self._crashes: dict[str, int] = {}
        self._paused: dict[str, float] = {}

    def observe(self, service: Service) -> list[Deployment]:
        """The service's deployments, brought up to date; a copy."""
        with self._lock:
            held = self._held.setdefault(service["serviceArn"], [])
            known = {id(one.live) for one in held}
            for live in reversed(service.get("deployments", [])):
                if id(live) not in known:
                    held.insert(0, _open(service, live, held))
            for place, one in enumerate(held):
                if not one.settled:
                    _settle(one, service, superseded=place > 0 and one.live.get("rolloutState") == "IN_PROGRESS")
            return list(held)

    def all(self) -> list[tuple[Service, Deployment]]:
        """Every deployment of the request's account and region."""
        return [(service, one) for service in ecs._services.values() for one in self.observe(service)]

    def is_paused(self, key: str) -> bool:
        """Whether the scheduler waits before it starts another task of the service `CLUSTER/NAME`."""
        return time.monotonic() < self._paused.get(key, 0.0)

    def resume(self, key: str) -> None:
        """Forget the service's crashes: something new is deployed."""
        self._crashes.pop(key, None)
        self._paused.pop(key, None)

    def task_stopped(self, run: Run) -> None:
        """Let the scheduler act on a stopped task of a service: at once, or after a pause where tasks crash."""
        group = run.task.get("group", "")
        if not group.startswith("service:"):
            return
        cluster = ecs._cluster_name_from_arn(run.task["clusterArn"])
        key = f"{cluster}/{group.removeprefix('service:')}"
        crashed = run.task["stopCode"] in {EXITED, FAILED_START}
        lived = time.monotonic() - run.born > _LIVED_S
        crashes = self._crashes[key] = self._crashes.get(key, 0) + 1 if crashed and not lived else 0
        pause = _BACK_OFF_S[min(crashes, len(_BACK_OFF_S)) - 1] if crashes else 0.0
        self._paused[key] = time.monotonic() + pause

        def act() -> None:
            time.sleep(pause)
            with request_scope(run.account, run.region):
                if crashed:
                    ecs._record_service_task_failure(run.task)
                else:
                    ecs._reconcile_service_tasks(cluster, key)
                service = ecs._services.get(key)
                if service:
                    self.observe(service)

        spawn_background(act, thread_name=f"schedule-{key.rsplit('/', 1)[-1][:12]}")


def _open(service: Service, live: dict[str, Any], held: list[Deployment]) -> Deployment:
    cluster = ecs._cluster_name_from_arn(service["clusterArn"])
    base = service["serviceArn"].split(":service/")[0]
    name = f"{cluster}/{service['serviceName']}"
    revision = {
        "serviceRevisionArn": f"{base}:service-revision/{name}/{_number()}",
        "serviceArn": service["serviceArn"],
        "clusterArn": service["clusterArn"],
        "taskDefinition": live["taskDefinition"],
        "guardDutyEnabled": False,
        "createdAt": datetime.fromisoformat(live["createdAt"]).timestamp(),
        **{key: service[key] for key in _COPIED if service.get(key)},
    }
    definition = ecs._task_defs.get(ecs._resolve_td_key(live["taskDefinition"])) or {}
    revision["containerImages"] = [_image(one) for one in definition.get("containerDefinitions", [])]
    sources = [held[0].revision["serviceRevisionArn"]] if held else []
    arn = f"{base}:service-deployment/{name}/{_number()}"
    created = datetime.fromisoformat(live["createdAt"]).timestamp()  # not now: its first tasks may already have stopped
    return Deployment(live=live, arn=arn, revision=revision, sources=sources, created=created)


def _image(container: Mapping[str, Any]) -> dict[str, str]:
    reference = str(container["image"])
    digest = reference.partition("@")[2] or pictures.resolve(reference)
    named = {"containerName": str(container["name"]), "image": reference}
    return {**named, "imageDigest": digest} if digest else named


def _settle(one: Deployment, service: Service, *, superseded: bool) -> None:
    state = one.live.get("rolloutState")
    breaker = (service.get("deploymentConfiguration") or {}).get("deploymentCircuitBreaker") or {}
    primary = ecs._primary_deployment(service)
    if state == "COMPLETED":
        one.status, one.finished = "SUCCESSFUL", time.time()
    elif state == "FAILED" and not breaker.get("rollback"):
        one.status, one.reason, one.finished = "STOPPED", one.live.get("rolloutStateReason", ""), time.time()
    elif state == "FAILED":
        one.reason = one.live.get("rolloutStateReason", "")
        if one.rollback is None:
            one.rollback = {"reason": one.reason, "startedAt": time.time()}
            if one.sources:
                one.rollback["serviceRevisionArn"] = one.sources[0]
        if primary is None or primary is one.live:
            one.status, one.finished = "ROLLBACK_FAILED", time.time()
        elif primary.get("rolloutState") == "COMPLETED":
            one.status, one.finished = "ROLLBACK_SUCCESSFUL", time.time()
        else:
            one.status = "ROLLBACK_IN_PROGRESS"
    elif superseded:
        one.status, one.reason, one.finished = "STOPPED", "a newer deployment took its place", time.time()


def describe(service: Service, one: Deployment) -> dict[str, Any]:
    """A deployment as DescribeServiceDeployments tells it."""
    breaker = (service.get("deploymentConfiguration") or {}).get("deploymentCircuitBreaker") or {}
    monitoring = "MONITORING_COMPLETE" if one.settled else "MONITORING"
    status = ("TRIGGERED" if one.live.get("rolloutState") == "FAILED" else monitoring) if breaker.get("enable") else ""
    counts = {
        f"{kind}TaskCount": int(one.live.get(f"{key}Count", 0))
        for kind, key in (("requested", "desired"), ("running", "running"), ("pending", "pending"))
    }
    told = {
        **brief(service, one),
        "updatedAt": one.finished or time.time(),
        "sourceServiceRevisions": [{"arn": arn} for arn in one.sources],
        "targetServiceRevision": {"arn": one.revision["serviceRevisionArn"], **counts},
        "deploymentConfiguration": service.get("deploymentConfiguration") or {},
        "deploymentCircuitBreaker": {
            "status": status or "DISABLED",
            "failureCount": int(one.live.get("failedTasks", 0)),
            "threshold": ecs._circuit_breaker_threshold(service),
        },
    }
    told.pop("targetServiceRevisionArn")
    return {**told, "rollback": one.rollback} if one.rollback else told


def brief(service: Service, one: Deployment) -> dict[str, Any]:
    """A deployment as ListServiceDeployments tells it."""
    told = {
        "serviceDeploymentArn": one.arn,
        "serviceArn": service["serviceArn"],
        "clusterArn": service["clusterArn"],
        "createdAt": one.created,
        "startedAt": one.created,
        "targetServiceRevisionArn": one.revision["serviceRevisionArn"],
        "status": one.status,
        "statusReason": one.reason,
        "finishedAt": one.finished,
    }
    return {key: value for key, value in told.items() if value not in {None, ""}}


def _number() -> str:
    return str(10**18 + secrets.randbelow(9 * 10**18))
