"""What the rest of the house may ask of a target, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pytest_substrate.model.outcome import TargetKind, Vantage

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_substrate.evidence.redaction import Net
    from pytest_substrate.model.data_transcript import DataRequest
    from pytest_substrate.model.declaration import Declaration
    from pytest_substrate.model.import_transcript import ImportRequest
    from pytest_substrate.model.job_run import JobRun
    from pytest_substrate.model.probe_run import ProbeRun
    from pytest_substrate.model.transcript import ProbeRequest
    from pytest_substrate.targets.ci import CiJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a target may not be used: a slug, one line that names what and where, and the mend."""

    cause: str
    message: str
    mend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What a command inside a container came to."""

    exit_code: int
    stdout: bytes
    stderr: bytes


class Target(Protocol):
    """Hands out clients under the observer's identity, and reaches into running containers."""

    kind: TargetKind
    declaration: Declaration
    vantage: Vantage
    """From where `probe` looks."""
    secrets: Net
    """What its sessions sign with, and what the containers were given in which it ran a command: to be masked."""

    @property
    def ca_file(self) -> str | None:
        """The certificate authority of the target's brokers, for clients here; None where the system's store serves."""

    @property
    def records(self) -> Path:
        """The folder in which the release pipeline left its records: that of the declaration, or the platform's own."""

    @property
    def ci(self) -> CiJob:
        """The CI job; ValueError where the declaration has no release."""

    def client(self, service: str) -> Any:
        """A botocore client for `service` (boto3's name) in the declared region, as the observer; made once, shared.

        Bounded: connect 5 s, read 15 s, two attempts. Only botocore's built-in data is loaded.
        """

    def guard(self) -> Sequence[Refusal]:
        """Everything that forbids a run, before any plane: overrides, foreign account or region, no credentials."""

    def describe(self) -> Mapping[str, Any]:
        """For header and evidence: kind, account, region, environment, observer (the ARN that STS gave)."""

    def probe(self, service: str, request: ProbeRequest) -> ProbeRun:
        """Run the probe for a declared service at the target's vantage, and clean up in every outcome.

        What could not be done is in the answer (`start_failure`, Unobserved); raises only for our own bugs.
        """

    def probe_data(self, workload: str, request: DataRequest) -> ProbeRun:
        """The same with the data probe, for a declared `service/NAME` or `job/NAME`."""

    def run_job(self, name: str) -> JobRun:
        """Start a declared job as it is, and wait for its end by the deadline of its `rerun`; then it is stopped.

        What could not be done is in the answer; raises only for our own bugs.
        """

    def probe_imports(self, workload: str, request: ImportRequest) -> ProbeRun:
        """The same with the probe of imports; at vantage `here` nothing is run, on any target."""

    def probe_group(self, service: str) -> tuple[str, ...]:
        """The declared services that one probe can serve together with this one, itself included, in declared order.

        They share image, roles, secrets and network, and all of `messaging` but topics and group. A service that
        can't be looked at stands alone.
        """

    def execute(self, service: str, command: Sequence[str], *, deadline_s: float) -> Completed:
        """Run a command inside a running container of a declared service, in its own environment.

        Raises TargetError where it can't be done.
        """

    def close(self) -> None:
        """Give back what the target holds (on `embedded`, stop the platform that this run started)."""


class TargetError(Exception):
    """A target that can't serve: one line that names what, where and the mend."""
