"""What a probe of imports is asked, and what it saw: how each module's import ended, inside the runtime."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.transcript import Crash
from pytest_substrate.model.transcript_parts import TranscriptForm

REQUEST_SCHEMA: Final = "substrate.import-probe/1"
TRANSCRIPT_SCHEMA: Final = "substrate.import-transcript/1"

_LONGEST_S: Final = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """Which modules are imported. `first` stands before all others on the module path, where it isn't the working
    directory; `flags` are those of the workload's own Python that change its path.
    """

    nonce: str
    modules: tuple[str, ...]
    first: str | None = None
    flags: tuple[str, ...] = ()
    deadline_s: float = 30.0
    """Of each import."""

    def to_json(self) -> str:
        """The program's one argument."""
        whole = {"schema": REQUEST_SCHEMA, **asdict(self), "seconds": self.run_s()}
        return json.dumps({name: value for name, value in whole.items() if value is not None}, separators=(",", ":"))

    def run_s(self) -> float:
        """The seconds that the program may take: a deadline for each module, five minutes at most."""
        return min(self.deadline_s * len(self.modules), _LONGEST_S)

    def read(self, lines: Iterable[str]) -> ImportTranscript | Unobserved:
        """The transcript of this request in the lines of a log stream."""
        return _FORM.read(lines, self.nonce)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSeen:
    """How one import ended: `imported`, `failed`, `ended` (the process, by itself), `hangs` or `out-of-time`."""

    outcome: str
    error: str | None = None
    """The exception's class."""
    missing: str | None = None
    """The module that an ImportError names."""
    exit_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTranscript:
    """All that one probe of imports saw."""

    schema: str
    nonce: str
    python: str
    started_at: str
    modules: Mapping[str, ImportSeen] = field(default_factory=dict)
    crash: Crash | None = None


_FORM: Final = TranscriptForm(ImportTranscript, TRANSCRIPT_SCHEMA)
