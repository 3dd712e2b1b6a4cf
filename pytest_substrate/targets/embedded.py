"""The embedded platform: started for this run, or attached to one that `substrate up` keeps.

The process that owns the run starts it and leaves the way to it in the run's private folder, where xdist workers find
it. On a kept platform a run holds a lock: shared, or exclusive where it applies faults, which it undoes at its end.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.adapters.aws.session import AwsSession, Keys, Way
from pytest_substrate.embedded.client import (
    ATTACH_VARIABLE,
    Attachment,
    applied_faults,
    apply_fault,
    read_attachment,
    start_server,
    undo_faults,
)
from pytest_substrate.embedded.extra import require_local
from pytest_substrate.model.outcome import TargetKind
from pytest_substrate.targets.control_plane import ControlPlaneTarget, Setting
from pytest_substrate.targets.localstack import localstack_endpoint
from pytest_substrate.targets.port import Completed, Refusal, TargetError
from pytest_substrate.targets.twin.pace import LOCAL_PACE

if TYPE_CHECKING:
    from pytest_substrate.targets.ci import JobWay

_EXEC: Final = "/_substrate/exec"
_JOB: Final = "/_substrate/ci"
_SPARE_S: Final = 5.0
_LOCK_S: Final = 120.0
_TRIES_S: Final = 0.2
_NOWHERE: Final = "127.0.0.1:9"
"""An address for clients that send nothing."""


class EmbeddedTarget(ControlPlaneTarget):
    """The platform behind an attachment."""

    kind = TargetKind.EMBEDDED

    def __init__(self, setting: Setting, attachment: Attachment) -> None:
        content = attachment.content
        self.attachment = attachment
        self.held = contextlib.ExitStack()
        """What this process gives back at the end: faults, the lock, a platform of its own."""
        endpoint = localstack_endpoint(str(content["endpoint"]).removeprefix("http://"))
        endpoint("sts")  # what leads away from the platform is told at the start
        keys = Keys(**content["credentials"])
        known = setting.secrets.add
        known(str(content["cloud_token"]))
        caller = AwsSession.keyed(region=setting.declaration.region, way=Way(endpoint=endpoint), keys=keys, known=known)
        super().__init__(setting, caller=caller, pace=LOCAL_PACE)

    @property
    def ca_file(self) -> str | None:
        """See the port."""
        return str(self.attachment.content["ca_file"])

    @property
    def records(self) -> Path:
        """See the port: the platform's own pipeline leaves them in its folder."""
        return Path(str(self.attachment.content["folder"]))

    def job_way(self) -> JobWay:
        """See the base: the platform has a CI job and an issuer of its own, and this process is not in that job."""
        from pytest_substrate.embedded.cloud.cloud import control
        from pytest_substrate.embedded.cloud.issuer import ISSUER, PATH
        from pytest_substrate.targets.ci import JobWay

        content = self.attachment.content
        endpoint, token = str(content["endpoint"]), str(content["cloud_token"])

        def environment() -> Mapping[str, str]:
            told: Mapping[str, str] = control(endpoint, token, "GET", _JOB)["environment"]
            return told

        def locate(url: str) -> str:
            return f"{endpoint}{PATH}{url.removeprefix(ISSUER)}" if url.startswith(f"{ISSUER}/") else url

        return JobWay(environment=environment, locate=locate)

    def guard(self) -> Sequence[Refusal]:
        """See the port."""
        there = {what: self.attachment.content[what] for what in ("environment", "account", "region")}
        here = {what: getattr(self.declaration, what) for what in there}
        refusals = [
            Refusal(
                cause=f"{what}-differs",
                message=f"the embedded platform's {what} is {value}, and the declaration is for {here[what]}",
                mend=f'use fixtures/dev_min/substrate.toml, or declare {what} = "{value}"',
            )
            for what, value in there.items()
            if value != here[what]
        ]
        return refusals or self.judge_who()

    def execute_in(
        self, task: Mapping[str, Any], service: str, command: Sequence[str], *, deadline_s: float
    ) -> Completed:
        """See the base."""
        from pytest_substrate.embedded.cloud.cloud import ControlError, control

        content = self.attachment.content
        arn = str(task["taskArn"])
        asked = {
            "task": arn,
            "container": self.declaration.service[service].container,
            "command": list(command),
            "deadline_s": deadline_s,
        }
        try:
            done = control(
                content["endpoint"], content["cloud_token"], "POST", _EXEC, asked, timeout_s=deadline_s + _SPARE_S
            )
        except (ControlError, OSError) as error:
            raise TargetError(f"service {service}: {command[0]} could not be run in {arn}: {error}") from None
        return Completed(
            exit_code=done["exit_code"],
            stdout=base64.b64decode(done["stdout_b64"]),
            stderr=base64.b64decode(done["stderr_b64"]),
        )

    def close(self) -> None:
        """See the port: undo this run's faults, give back the lock, stop the platform that this run started."""
        self.held.close()

    def running_task(self, service: str) -> Mapping[str, Any]:
        """See the base. Of several running tasks, the one that started last."""
        from pytest_substrate.adapters.aws.answer import NoAnswer
        from pytest_substrate.adapters.aws.twins import TwinCalls

        declared = self.declaration.service[service]
        try:
            tasks = TwinCalls(self.client).running_tasks(declared.ecs_cluster, declared.ecs_service)
        except NoAnswer as none:
            why = getattr(none.observation, "reason", "there is no such service")
            raise TargetError(f"service {service}: its tasks could not be listed: {why}") from None
        running = [task for task in tasks if task.get("startedAt")]
        if not running:
            raise TargetError(f"service {service}: no task of it is running in {declared.ecs_cluster}")
        last: Mapping[str, Any] = max(running, key=lambda task: task["startedAt"])
        return last


def own_embedded(setting: Setting, *, folder: Path, faults: Sequence[str] = (), alone: bool = False) -> EmbeddedTarget:
    """The platform as the run's owner holds it. Raises BadInput where it can't be had, TargetError where it is busy.

    `alone` where the owner will change it, as faults do: what was changed is undone at the end.
    """
    require_local()
    alone = alone or bool(faults)
    if faults:
        from pytest_substrate.embedded.faults import find_fault

        for fault in faults:  # a misspelt one is told before anything is started
            find_fault(fault)
    with contextlib.ExitStack() as held:
        named = os.environ.get(ATTACH_VARIABLE)
        if named:
            attachment = read_attachment(Path(named))
            held.enter_context(_lock(attachment, alone=alone, progress=setting.progress))
        else:
            # what a probe will need is prepared while the platform starts, and this process would only wait
            threading.Thread(target=_prepare, args=(setting.declaration.region,), name="prepare", daemon=True).start()
            attachment = read_attachment(held.enter_context(start_server(progress=setting.progress)))
        if alone and named:
            held.callback(undo_faults, attachment)  # a platform of one's own goes with its faults
        for fault in faults:
            setting.progress(f"applying the fault {fault}")
            apply_fault(attachment, fault)
        (folder / _WAY).write_text(json.dumps({"attach": str(attachment.path)}), encoding="utf-8")
        target = EmbeddedTarget(setting, attachment)
        target.held = held.pop_all()
        return target
    raise AssertionError("unreachable")  # a stack hides no exception


def join_embedded(setting: Setting, *, folder: Path) -> EmbeddedTarget:
    """The platform that the run's owner holds."""
    try:
        path = Path(json.loads((folder / _WAY).read_text(encoding="utf-8"))["attach"])
    except FileNotFoundError:
        raise TargetError(f"{folder / _WAY}: the run's owner left no way to its platform; it has ended") from None
    return EmbeddedTarget(setting, read_attachment(path))


_WAY: Final = "embedded.json"


def _prepare(region: str) -> None:
    """Import what the run needs next, and read the models of the services that it asks; both are kept by their makers.

    Nothing depends on it: what fails here fails again where it is needed, and is told there.
    """
    with contextlib.suppress(Exception):
        localstack_endpoint(_NOWHERE)
        keys = Keys(access_key_id="none", secret_access_key="none")
        session = AwsSession.keyed(region=region, way=Way(endpoint=lambda _: f"http://{_NOWHERE}"), keys=keys)
        for service in ("sts", "kafka", "secretsmanager", "kms", "ecs", "logs"):
            session.client(service)


@contextlib.contextmanager
def _lock(attachment: Attachment, *, alone: bool, progress: Callable[[str], None]) -> Any:
    """Hold the kept platform, shared or alone. Faults that a killed run left are undone by whoever comes next."""
    with (attachment.path.parent / "runs.lock").open("a", encoding="ascii") as file:
        _acquire(file.fileno(), alone=alone, progress=progress)
        if applied_faults(attachment):
            _acquire(file.fileno(), alone=True, progress=progress)
            progress("undoing the faults that an ended run left")
            undo_faults(attachment)
            if not alone:
                _acquire(file.fileno(), alone=False, progress=progress)
        yield


def _acquire(descriptor: int, *, alone: bool, progress: Callable[[str], None]) -> None:
    kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
    until = time.monotonic() + _LOCK_S
    said = False
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                what = "other runs use" if alone else "a run with faults holds"
                raise TargetError(f"{ATTACH_VARIABLE}: {what} the platform; run again when they have ended") from None
            if not said:
                progress("waiting for other runs on the kept platform to end")
                said = True
            time.sleep(_TRIES_S)
        else:
            return
