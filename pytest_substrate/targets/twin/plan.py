"""What makes a twin out of a live task definition: the names and values that both its maker and its auditor go by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from pytest_substrate.model.probe_run import StartFailure
from pytest_substrate.model.transcript import EXPECTED_ENV

FAMILY_PREFIX: Final = "substrate-probe-"
STREAM_PREFIX: Final = "substrate-probe"
RUN_TAG: Final = "substrate:run"
EXPIRES_TAG: Final = "substrate:expires"
STARTED_BY: Final = "substrate/"
"""Of every task of a twin: this and the run's id."""
INTERPRETER: Final = "substrate-interpreter"
"""The second container and its volume, for images without Python."""
INTERPRETER_PATH: Final = "/substrate-interpreter"
EXPECTED_NAME: Final = EXPECTED_ENV
RESPONSE_ONLY: Final = frozenset(
    {
        "compatibilities",
        "deleteRequestedAt",
        "deregisteredAt",
        "registeredAt",
        "registeredBy",
        "requiresAttributes",
        "revision",
        "status",
        "taskDefinitionArn",
    }
)
"""What ECS tells of a task definition and does not take (botocore's model; a test holds it)."""
_DEBIAN: Final = {"X86_64": ("lib64/ld-linux-x86-64.so.2", "x86_64"), "ARM64": ("lib/ld-linux-aarch64.so.1", "aarch64")}
"""Where a Debian image keeps its loader, and the name of its library folder, by `cpuArchitecture`."""


INTERPRETER_COMMAND: Final = (
    f"mkdir -p {INTERPRETER_PATH}/usr && cp -a /usr/local /usr/lib {INTERPRETER_PATH}/usr/ && "
    f"cp -a /lib {INTERPRETER_PATH}/ && "
    f"for folder in /lib64 /usr/lib64; do test ! -e $folder || cp -a $folder {INTERPRETER_PATH}$folder; done"
)
"""What the second container does (after `sh -c`), and ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinPlan:
    """All that a twin is made by, beside the live task definition."""

    service: str
    """Its name in the declaration."""
    container: str
    image_digest: str
    """`sha256:…` of the image that the live service runs."""
    source: str
    """The probe's program."""
    argument: str
    """The request, without secrets."""
    region: str
    run_id: str
    expires: datetime
    log_group: str | None = None
    """`[probe] log_group`; None for the service's own."""
    expected_arn: str | None = None
    """The declared secret, whole and without a version; None where there is none to compare with."""
    interpreter_image: str | None = None
    task_role: tuple[str, str] | None = None
    """Account and name of the declared task role: the only one under which a task is started. None where any may be."""

    @property
    def family(self) -> str:
        """The twin's family."""
        return f"{FAMILY_PREFIX}{self.service}"

    def tags(self) -> list[dict[str, str]]:
        """By which other runs know whose it is and until when it must be left alone."""
        return [{"key": RUN_TAG, "value": self.run_id}, {"key": EXPIRES_TAG, "value": time_text(self.expires)}]

    def entry_point(self, architecture: str) -> list[str]:
        """The command line up to the request: the image's Python, or the one that the second container brings.

        That one is not installed where it was built for, so its own loader starts it, with its own libraries.
        """
        if self.interpreter_image is None:
            return ["python3", "-c", self.source]
        loader, folder = _DEBIAN[architecture]
        root = INTERPRETER_PATH
        libraries = f"{root}/usr/local/lib:{root}/lib/{folder}-linux-gnu:{root}/usr/lib/{folder}-linux-gnu"
        return [f"{root}/{loader}", "--library-path", libraries, f"{root}/usr/local/bin/python3", "-c", self.source]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoTwin:
    """Why no twin can be made of this task definition."""

    failure: StartFailure
    detail: str


def time_text(time: datetime) -> str:
    """UTC, whole seconds, in the characters that a tag's value may have."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def expired(tags: dict[str, str], now: datetime, *, margin: timedelta = timedelta(0)) -> bool:
    """Whether the tags of a twin say that its time is over; one without a readable time is never touched."""
    try:
        until = datetime.fromisoformat(tags[EXPIRES_TAG])
    except (KeyError, ValueError):
        return False
    return until.tzinfo is not None and until + margin < now
