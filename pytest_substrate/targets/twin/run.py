"""One probe as a task: register the twin, audit it, run it, follow it, read its log, and remove every trace.

The clean-up happens in every outcome, an interrupt included, even where an interrupt hides whether a call was carried
out. Only a death of the process prevents it; then the twin's task ends by the probe's own deadline, and the twin, whose
tag says when its time is over, is swept by a later run.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pytest_substrate.adapters.aws.answer import NoAnswer
from pytest_substrate.adapters.aws.twins import TwinCalls
from pytest_substrate.model.aws.role import is_role
from pytest_substrate.model.data_transcript import DataRequest, DataTranscript
from pytest_substrate.model.facts import line
from pytest_substrate.model.import_transcript import ImportRequest, ImportTranscript
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Vantage
from pytest_substrate.model.probe_run import ProbeRun, StartFailure
from pytest_substrate.model.transcript import ProbeRequest, Transcript
from pytest_substrate.targets.twin.classify import refused_by_answer, refused_by_error, stopped
from pytest_substrate.targets.twin.clean import Trace, clean_up
from pytest_substrate.targets.twin.derive import derive_twin
from pytest_substrate.targets.twin.difference import differences
from pytest_substrate.targets.twin.live import Live, run_request
from pytest_substrate.targets.twin.pace import Pace
from pytest_substrate.targets.twin.plan import STREAM_PREFIX, NoTwin, TwinPlan

PASSING: Final = frozenset({"throttled", "timeout", "unreachable", "service-error"})
"""Lacks of an answer that the next look may not meet."""
_UNFINISHED: Final = frozenset({"no-transcript", "parts-missing"})
"""What a transcript is until its last line has come through the log group."""
BEFORE_RUNNING: Final = frozenset({"", "PROVISIONING", "PENDING", "ACTIVATING"})
_SPARE_S: Final = 30.0
_SAY_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """The time, and the way to let it pass."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


def run_seconds(request: ProbeRequest | DataRequest | ImportRequest) -> float:
    """How long the program itself may take, and what an interpreter needs to start."""
    return request.run_s() + _SPARE_S


def expiry(request: ProbeRequest | DataRequest | ImportRequest, pace: Pace, now: datetime) -> datetime:
    """Until when other runs must leave the twin alone: all its deadlines and two minutes for clocks that differ."""
    return now + timedelta(seconds=pace.start_s + run_seconds(request) + pace.log_s + 120)


@dataclass(slots=True, kw_only=True)
class TwinRun:
    """One probe. `send` is called once."""

    calls: TwinCalls
    live: Live
    plan: TwinPlan
    request: ProbeRequest | DataRequest | ImportRequest
    pace: Pace
    progress: Callable[[str], None]
    clock: Clock = field(default_factory=Clock)
    _trace: Trace = field(default_factory=Trace, init=False)
    _known: ProbeRun = field(init=False)
    _log_region: str = field(default="", init=False)
    _said_s: float = field(default=0.0, init=False)

    def send(self) -> ProbeRun:
        """What became of it. Raises for our own bugs and interrupts, after the clean-up."""
        definition = self.live.definition
        self._known = ProbeRun(
            vantage=Vantage.TASK,
            transcript=Unobserved(reason="not-asked"),
            task_definition_arn=definition.get("taskDefinitionArn"),
            task_role_arn=definition.get("taskRoleArn"),
            execution_role_arn=definition.get("executionRoleArn"),
            image_digest=self.live.image_digest,
            expected_injected=self.plan.expected_arn is not None,
        )
        try:
            run = self._attempt()
        except NoAnswer as none:
            run = self._refused(none.observation)
        finally:
            left = clean_up(self.calls, self.live.cluster, self.plan, self._trace)
        return replace(run, left_behind=left)

    def _attempt(self) -> ProbeRun:
        role, declared = self._known.task_role_arn, self.plan.task_role
        if role and declared and not is_role(role, *declared):
            return self._failed(StartFailure.OTHER_ROLE, f"the live task definition names {role}")
        twin = derive_twin(self.live.definition, self.plan)
        if isinstance(twin, NoTwin):
            return self._failed(twin.failure, twin.detail)
        self.progress(f"probing {self.plan.service} from a task of its own")
        self._trace.registering = True
        registered = self.calls.register(twin)
        self._trace.twin_arn = str(registered["taskDefinitionArn"])
        found = differences(self.live.definition, registered, self.plan)
        self._known = replace(
            self._known,
            twin_arn=self._trace.twin_arn,
            differences=tuple(item.path for item in found if item.allowed),
            forbidden=tuple(item.path for item in found if not item.allowed),
        )
        if self._known.forbidden:
            return self._failed(StartFailure.TWIN_DIFFERS, f"in {', '.join(self._known.forbidden)}")
        self._trace.running = True
        task, failures = self.calls.run(run_request(self.live, self.plan, registered, uuid.uuid4().hex))
        if task is None:
            return self._failed(refused_by_answer(failures), "; ".join(failures))
        self._trace.task_arn = str(task["taskArn"])
        options = twin["containerDefinitions"][0]["logConfiguration"]["options"]
        self._log_region = options["awslogs-region"]
        self._known = replace(
            self._known,
            task_arn=self._trace.task_arn,
            log_group=options["awslogs-group"],
            log_stream=f"{STREAM_PREFIX}/{self.plan.container}/{self._trace.task_arn.rpartition('/')[2]}",
        )
        return self._follow()

    def _follow(self) -> ProbeRun:
        """Look until the transcript is whole, the task has stopped, or a deadline is over."""
        began = self.clock.monotonic()
        ran_at: float | None = None
        while True:
            task = self._look()
            status = str(task.get("lastStatus", ""))
            self._note(task)
            elapsed = self.clock.monotonic() - began
            self._say(f"its task is {status or 'PROVISIONING'}", elapsed)
            if status not in BEFORE_RUNNING:
                ran_at = elapsed if ran_at is None else ran_at
                transcript = self._transcript()
                if not isinstance(transcript, Unobserved) or transcript.reason not in _UNFINISHED | PASSING:
                    return replace(self._known, transcript=transcript)
            if status == "STOPPED":
                self._trace.ended = True
                return self._ended(task)
            if ran_at is None and elapsed > self.pace.start_s:
                return self._failed(StartFailure.TIMEOUT, f"it was {status or 'unknown'} after {elapsed:.0f} s")
            if ran_at is not None and elapsed - ran_at > run_seconds(self.request):
                return replace(self._known, transcript=self._late_transcript("the probe did not end by its deadline"))
            self.clock.sleep(self.pace.poll_s)

    def _ended(self, task: Mapping[str, Any]) -> ProbeRun:
        end = stopped(task, self.plan.container)
        self._known = replace(
            self._known, stop_code=end.code, stop_reason=end.reason and line(end.reason), exit_code=end.exit_code
        )
        if end.failure is not None:
            return self._failed(end.failure, end.reason or "")
        return replace(self._known, transcript=self._late_transcript("the task has ended"))

    def _late_transcript(self, why: str) -> Transcript | DataTranscript | ImportTranscript | Unobserved:
        """The transcript, given the time that lines need on their way through the log group."""
        until = self.clock.monotonic() + self.pace.log_s
        while True:
            transcript = self._transcript()
            if not isinstance(transcript, Unobserved) or transcript.reason not in _UNFINISHED | PASSING:
                return transcript
            if self.clock.monotonic() > until:
                detail = "; ".join(part for part in (transcript.detail, why) if part)
                return replace(transcript, detail=detail)
            self.clock.sleep(self.pace.poll_s)

    def _transcript(self) -> Transcript | DataTranscript | ImportTranscript | Unobserved:
        group, stream = self._known.log_group or "", self._known.log_stream or ""
        try:
            lines = self.calls.log_lines(group, stream, self._log_region)
        except NoAnswer as none:
            if isinstance(none.observation, Missing):
                raise  # a missing stream has no lines; nothing else can be missing here
            return none.observation
        return self.request.read(lines)

    def _look(self) -> Mapping[str, Any]:
        """The task; empty where ECS doesn't know it yet, or did not answer this once."""
        try:
            found = self.calls.tasks(self.live.cluster, [self._trace.task_arn or ""])
        except NoAnswer as none:
            if isinstance(none.observation, Unobserved) and none.observation.reason in PASSING:
                return {}
            raise
        return found[0] if found else {}

    def _note(self, task: Mapping[str, Any]) -> None:
        for item in task.get("containers") or ():
            if item.get("name") == self.plan.container and item.get("imageDigest"):
                self._known = replace(self._known, image_digest=item["imageDigest"])
        if task.get("startedAt") is not None:
            self._known = replace(self._known, started_at=task["startedAt"].astimezone(UTC))

    def _failed(self, failure: StartFailure, detail: str) -> ProbeRun:
        told = line(detail) or None
        reason = Unobserved(reason=failure.value, detail=told)
        return replace(self._known, start_failure=failure, transcript=reason, detail=told)

    def _refused(self, observation: Unobserved | Missing) -> ProbeRun:
        run = self._failed(refused_by_error(observation), getattr(observation, "detail", None) or "")
        return replace(run, code=observation.code, operation=observation.operation)

    def _say(self, what: str, elapsed: float) -> None:
        """A line for whoever waits, every ten seconds."""
        if elapsed - self._said_s >= _SAY_S:
            self._said_s = elapsed
            self.progress(f"probing {self.plan.service}: {what} ({elapsed:.0f} s)")
