"""The closed vocabularies of a verdict: what came out, in which layer, seen from where.

The words are the design's; their text is part of every record and every evidence file, so it never changes.
"""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """What a check came to. Only PASS and WAIVED are green; everything else, the unknown included, is red."""

    PASS = "PASS"
    VIOLATION = "VIOLATION"
    """Proven wrong."""
    INCONCLUSIVE = "INCONCLUSIVE"
    """Could not be observed."""
    NOT_REACHED = "NOT_REACHED"
    """Something that the check needs is red; it can't be waived."""
    WAIVED = "WAIVED"
    """Red, with an unexpired waiver; what needs it goes on."""

    @property
    def green(self) -> bool:
        """Whether the outcome lets a verdict be READY."""
        return self in (Outcome.PASS, Outcome.WAIVED)


class Layer(StrEnum):
    """The part of the substrate that is at fault."""

    DECLARATION = "declaration"
    WIRING = "wiring"
    NETWORK = "network"
    TLS = "tls"
    IDENTITY = "identity"
    CREDENTIAL = "credential"
    ROTATION = "rotation"
    AUTHORIZATION = "authorization"
    COMPATIBILITY = "compatibility"
    ARTIFACT = "artifact"
    PACKAGING = "packaging"
    RUNTIME = "runtime"
    POLICY = "policy"
    SUBSTRATE = "substrate"


class Plane(StrEnum):
    """An incident class, and the pytest marker of its checks. `SUBSTRATE` goes with every demanded plane."""

    SUBSTRATE = "substrate"
    RELEASE = "release_plane"
    MESSAGING = "messaging_plane"
    PACKAGING = "packaging_plane"
    DATA = "data_plane"
    DRIFT = "drift_sweep"


DEMANDABLE: tuple[Plane, ...] = (Plane.RELEASE, Plane.MESSAGING, Plane.PACKAGING, Plane.DATA, Plane.DRIFT)
"""The planes that a run can demand; `substrate` comes with each of them."""


class Vantage(StrEnum):
    """From where a fact was seen."""

    TASK = "task"
    """A one-shot task with the runtime's own roles, image, secrets and network."""
    EXEC = "exec"
    """Inside a running container."""
    HERE = "here"
    """This process."""


class TargetKind(StrEnum):
    """Where the declaration is checked."""

    AWS = "aws"
    LOCALSTACK = "localstack"
    EMBEDDED = "embedded"


class Verdict(StrEnum):
    """The answer of a run or of an instrument."""

    READY = "READY"
    NOT_READY = "NOT READY"
