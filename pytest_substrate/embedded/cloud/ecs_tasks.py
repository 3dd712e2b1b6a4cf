"""The life of a task: its containers, its stop, what is recorded when they end.

ministack's own way polls containers, calls a task stopped before they are, and gives every container one exit code.
Here a task is STOPPED when its containers have ended and their last lines are in the log, with the codes they had.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from ministack.core.concurrency import resource_lock, spawn_background
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import ecs, ecs_metadata

from pytest_substrate.embedded.runtime.container import Container

Task = dict[str, Any]
FAILED_START: Final = "TaskFailedToStart"
EXITED: Final = "EssentialContainerExited"
_STOPPING: Final = ("DEACTIVATING", "STOPPING")


@dataclass(slots=True, kw_only=True)
class Run:
    """A task's processes, beside the record that ministack keeps."""

    task: Task
    account: str
    region: str
    lock: threading.Lock = field(default_factory=threading.Lock)
    containers: dict[str, Container] = field(default_factory=dict)
    essential: set[str] = field(default_factory=set)
    settled: threading.Event = field(default_factory=threading.Event)
    stopping: bool = False
    born: float = field(default_factory=time.monotonic)


class Tasks:
    """All runs, by task ARN. Its methods may be called from any thread; `stop` returns at once."""

    def __init__(self, *, on_stopped: Callable[[Run], None]) -> None:
        self._lock = threading.Lock()
        self._runs: dict[str, Run] = {}
        self._on_stopped = on_stopped

    def open(self, task: Task) -> Run:
        """The run of a task that is about to start; in the task's own scope."""
        with self._lock:
            return self._runs.setdefault(task["taskArn"], Run(task=task, account=get_account_id(), region=get_region()))

    def find(self, reference: str) -> Run | None:
        """A run by its task's ARN or id."""
        with self._lock:
            for arn, run in self._runs.items():
                if reference in {arn, arn.rsplit("/", 1)[-1]}:
                    return run
        return None

    def add(self, run: Run, name: str, container: Container, *, essential: bool) -> bool:
        """Count a container in; False where the task is stopping already: then the caller ends it."""
        with run.lock:
            if run.stopping:
                return False
            run.containers[name] = container
            if essential:
                run.essential.add(name)
        return True

    def settle(self, run: Run) -> None:
        """The task is RUNNING, or will never be: ends of containers count from here."""
        run.settled.set()

    def container_ended(self, run: Run, name: str, container: Container) -> None:
        """Record a container's end; an essential one's, or the last one's, stops the task."""
        run.settled.wait(10.0)
        with run.lock:
            self._record(run.task, name, container)
            essential = name in run.essential or all(one.ended.is_set() for one in run.containers.values())
        if essential:
            with request_scope(run.account, run.region):
                self.stop(run.task, "Essential container in task exited", EXITED)

    def stop(self, task: Task, reason: str, code: str) -> None:
        """Begin to stop a task; only the first reason counts."""
        run = self.open(task)
        with run.lock:
            if run.stopping or task["lastStatus"] == "STOPPED":
                return
            run.stopping = True
        with resource_lock("ecs-task", task["taskArn"]):
            ecs._bump_task_version(task)
            task["desiredStatus"] = "STOPPED"
            task["stoppingAt"] = ecs._iso()
            task["stoppedReason"], task["stopCode"] = reason, code
            for status in _STOPPING:
                task["lastStatus"] = status
        ecs_metadata.set_task_status(task["taskArn"], desired_status="STOPPED")
        spawn_background(self._finish, run, thread_name=f"stop-{task['taskArn'].rsplit('/', 1)[-1][:8]}")

    def end_all(self, grace_s: float) -> None:
        """End every container, politely first; for the end of the cloud itself."""
        with self._lock:
            containers = [one for run in self._runs.values() for one in run.containers.values()]
        enders = [threading.Thread(target=one.stop, args=(grace_s,), daemon=True) for one in containers]
        for ender in enders:
            ender.start()
        for ender in enders:
            ender.join()

    def _finish(self, run: Run) -> None:
        with request_scope(run.account, run.region):
            task = run.task
            enders = [threading.Thread(target=one.stop, daemon=True) for one in run.containers.values()]
            for ender in enders:
                ender.start()
            for ender in enders:
                ender.join()
            with resource_lock("ecs-task", task["taskArn"]):
                for name, container in run.containers.items():
                    self._record(task, name, container)
                for container in task["containers"]:
                    container["lastStatus"] = "STOPPED"
                now = ecs._iso()
                task["executionStoppedAt"] = task["stoppedAt"] = now
                for status in ("DEPROVISIONING", "STOPPED"):
                    ecs._bump_task_version(task)
                    task["lastStatus"] = status
            self._recount(task)
            for token in task.pop("_metadata_tokens", []):
                ecs_metadata.unregister_token(token)
            for container in run.containers.values():
                container.remove()
            self._on_stopped(run)

    @staticmethod
    def _record(task: Task, name: str, container: Container) -> None:
        for row in task["containers"]:
            if row["name"] == name and container.exit_code is not None:
                row["lastStatus"], row["exitCode"] = "STOPPED", container.exit_code

    @staticmethod
    def _recount(task: Task) -> None:
        cluster = ecs._cluster_name_from_arn(task["clusterArn"])
        ecs._recount_cluster(cluster)
        ecs._refresh_service_state(cluster, task.get("group", ""))
