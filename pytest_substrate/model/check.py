"""A check: one acceptance statement with a permanent id, and all that a person is told about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_substrate.model.outcome import Layer, Plane

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A stable slug for one way in which a check turns red, with the sentence that docs/checks gives for it."""

    slug: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One rung of a ladder.

    `needs` names the checks without which this one can't be judged; they are looked up for the same subject, else for
    the subject that holds it (a topic's service), else for what it uses (a service's cluster).
    `subjects` is pure: which subjects of a declaration the check applies to, before `not_applicable`.
    `permissions` are IAM actions that the observer needs. `next` is a command with `{words}` of facts, `nexts` are
    those of single causes, whose mend lies elsewhere.
    """

    id: str
    plane: Plane
    statement: str
    layer: Layer
    subjects: Callable[[Declaration], Iterable[str]]
    needs: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    permissions: tuple[str, ...] = ()
    next: str
    why: str
    how: str
    red_when: str
    nexts: Mapping[str, str] = field(default_factory=dict, hash=False)
    runtime: bool = field(default=False)
    """Whether the proof is made inside the runtime (a transcript), and so takes its vantage from there."""
    inside_of: Callable[[Declaration, str], bool] | None = field(default=None)
    """Of which subjects the declaration asks for a proof inside the runtime as well; None: of none."""
    fresh: bool = field(default=False)
    """Whether it is about a task that starts now. At vantage `exec` none does, and what needs it goes on without it, as
    the running task is there."""
    page: str | None = None
    """Where a user's own check is explained; ours are in docs/checks."""

    def command(self, cause: str | None) -> str:
        """The template of the next command where this is the cause."""
        return self.nexts.get(cause or "", self.next)

    def inside(self, declaration: Declaration, subject: str) -> bool:
        """Whether the proof of a subject is made inside the runtime."""
        return self.runtime or (self.inside_of is not None and self.inside_of(declaration, subject))

    @property
    def docs(self) -> str:
        """The anchor of the page that explains the check, relative to the project's root; a user's own as given."""
        return self.page or f"docs/checks/{self.plane.value}.md#{self.id.lower()}"


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """A check asked of a subject: the unit of the denominator, of waivers, and of the evidence."""

    check: str
    subject: str

    @property
    def node_name(self) -> str:
        """Its name in a pytest node id, where `/` can't stand."""
        return f"{self.check}[{self.subject.replace('/', '-')}]"
