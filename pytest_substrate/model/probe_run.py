"""What became of one probe: the transcript, or why there is none, and the facts of the task that carried it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pytest_substrate.model.data_transcript import DataTranscript
from pytest_substrate.model.import_transcript import ImportTranscript
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import Vantage
from pytest_substrate.model.transcript import Transcript


class StartFailure(StrEnum):
    """Why a fresh task of the service did not start, or could not be asked to (the causes of MSG-055).

    `proven` says which of them prove the statement wrong; the rest could not be observed.
    """

    SECRET_NOT_READABLE = "secret-not-readable"
    """The execution role may not read an injected secret (or its key)."""
    SECRET_MISSING = "secret-missing"
    """An injected secret, parameter, version or JSON key does not exist."""
    IMAGE_NOT_PULLED = "image-not-pulled"
    """The image is not there, or could not be fetched."""
    IMAGE_NOT_AUTHORIZED = "image-not-authorized"
    """The execution role may not pull the image."""
    LOG_GROUP_MISSING = "log-group-missing"
    """The log group does not exist, or the container's log options don't suit."""
    LOG_STREAM_NOT_AUTHORIZED = "log-stream-not-authorized"
    """The execution role may not write to the log group."""
    NETWORK_NOT_ATTACHED = "network-not-attached"
    """The task's network interface could not be provisioned."""
    TASK_OFFLINE = "task-offline"
    """The task could not reach the registry, Secrets Manager or CloudWatch from its subnets."""
    VOLUME_NOT_MOUNTED = "volume-not-mounted"
    """A volume of the container could not be attached or mounted."""
    NO_INTERPRETER = "no-interpreter"
    """The image has no `python3` (`[probe] interpreter_image` brings one), or can't run the one that was brought."""
    CONTAINER_NOT_STARTED = "container-not-started"
    """The container runtime refused to start the container."""
    ROLE_NOT_ASSUMABLE = "role-not-assumable"
    """ECS may not assume the task role or the execution role."""
    OUT_OF_MEMORY = "out-of-memory"
    """The container was killed for its memory limit, which the probe may have met where the service does not."""
    TWIN_DIFFERS = "twin-differs"
    """What was registered differs from the live task definition where it must not."""

    CAPACITY = "capacity"
    """No capacity in the cluster, the subnet or the zone."""
    QUOTA = "quota"
    """A quota of the account is used up."""
    THROTTLED = "throttled"
    ACCESS_DENIED = "access-denied"
    """The observer may not do what sending a probe needs (the operation is named)."""
    TIMEOUT = "start-timeout"
    """The task was not running by the deadline."""
    SERVICE_MISSING = "service-missing"
    CONTAINER_MISSING = "container-missing"
    """The live task definition has no container of the declared name."""
    IMAGE_UNRESOLVED = "image-unresolved"
    """No service revision and no running task tells which digest the image's tag stands for."""
    NO_LOG_GROUP = "no-log-group"
    """The container has no awslogs group, and `[probe] log_group` names none."""
    OTHER_ROLE = "other-role"
    """The live task definition names another task role than the declared: no task is started under it (MSG-060)."""
    NAME_TAKEN = "name-taken"
    """The container already has a variable of the name that the probe needs."""
    NOT_IMPLEMENTED = "not-implemented"
    """The target does not offer an operation that sending a probe needs."""
    TASK_FAILED = "task-failed-to-start"
    """The task stopped before it ran, for a reason that none of the others names."""
    UNREACHABLE = "unreachable"
    """The control plane did not answer."""
    MALFORMED = "malformed"
    """The control plane's answer could not be read, or it refused the request as invalid."""

    @property
    def proven(self) -> bool:
        """Whether it proves that a fresh task of the service can't start; else it is the honest lack of an answer."""
        return self in _PROVEN


_PROVEN = frozenset(
    {
        StartFailure.SECRET_NOT_READABLE,
        StartFailure.SECRET_MISSING,
        StartFailure.IMAGE_NOT_PULLED,
        StartFailure.IMAGE_NOT_AUTHORIZED,
        StartFailure.LOG_GROUP_MISSING,
        StartFailure.LOG_STREAM_NOT_AUTHORIZED,
        StartFailure.NETWORK_NOT_ATTACHED,
        StartFailure.TASK_OFFLINE,
        StartFailure.VOLUME_NOT_MOUNTED,
        StartFailure.CONTAINER_NOT_STARTED,
        StartFailure.ROLE_NOT_ASSUMABLE,
        StartFailure.TWIN_DIFFERS,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRun:
    """One probe, from the request to the clean-up. It holds no secret and no environment value.

    `start_failure` is None where the program ran; then `transcript` is what it said, or why that can't be read (with
    `exit_code` and `stop_reason` as facts). Where `start_failure` is set, `transcript` is Unobserved.
    """

    vantage: Vantage
    transcript: Transcript | DataTranscript | ImportTranscript | Unobserved
    """Of the program that was sent."""
    start_failure: StartFailure | None = None
    detail: str | None = None
    """One scrubbed line about the start failure."""
    code: str | None = None
    """The service's own error code, where a call was refused."""
    operation: str | None = None
    """The refused call, as IAM names it."""
    task_arn: str | None = None
    twin_arn: str | None = None
    task_definition_arn: str | None = None
    """The live task definition that the twin was made from."""
    image_digest: str | None = None
    """What the task really ran (as ECS reports it), else what the twin pins."""
    task_role_arn: str | None = None
    execution_role_arn: str | None = None
    stop_code: str | None = None
    stop_reason: str | None = None
    exit_code: int | None = None
    started_at: datetime | None = None
    log_group: str | None = None
    log_stream: str | None = None
    differences: tuple[str, ...] = ()
    """The allowed differences between the live task definition and the twin, by path; never a value."""
    forbidden: tuple[str, ...] = ()
    """The differences that must not be; not empty exactly where `start_failure` is TWIN_DIFFERS."""
    expected_injected: bool = False
    """Whether SUBSTRATE_EXPECTED went with it (MSG-070 can't be judged without)."""
    left_behind: tuple[str, ...] = ()
    """What the clean-up could not remove, by ARN; the next run sweeps it once it has expired."""
