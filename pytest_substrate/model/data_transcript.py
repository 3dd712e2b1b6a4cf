"""What the data probe is asked, and what S3 answered it: the request, the transcript, call by call.

The request is public: buckets, keys and prefixes, no value of an environment. The transcript decides nothing. Its JSON
is written by `pytest_substrate/probe/data`, which imports nothing of ours, so the names here and there are one contract
(`tests/unit/model/test_data_transcript.py` holds it). It travels in the parts of `model/transcript_parts.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.transcript import Crash, Failure, IdentitySeen
from pytest_substrate.model.transcript_parts import TranscriptForm

REQUEST_SCHEMA: Final = "substrate.data-probe/1"
TRANSCRIPT_SCHEMA: Final = "substrate.data-transcript/1"
OWN_KEY: Final = "substrate-probe-"
"""What every key that a probe makes begins with, below the prefix that it was declared for."""
_CALL_S: Final = 2.0
_CALLS_A_TARGET: Final = 4
_LONGEST_S: Final = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantAsked:
    """One grant: what to list, to read, to write and to be refused, by the declaration's own words."""

    name: str
    bucket: str
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    canaries: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By what is closed, the keys that the observer sees to exist there."""
    roundtrip: bool = False
    payer: bool = False
    """Whether requests say that the requester pays."""
    way: Mapping[str, bool] = field(default_factory=dict)
    """`fips`, `dualstack` and `path_style`, where they are declared."""
    pinned: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By the object: its `version`, its `etag`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRequest:
    """What a data probe shall ask S3 for all grants of one workload.

    `nonce` marks the transcript and is 32 hex digits. `deadline_s` bounds each call, and the whole is bounded by the
    number of calls. `s3_endpoint` and `sts_endpoint` are for local targets alone; else AWS's own hosts are asked.
    """

    nonce: str
    region: str
    grants: tuple[GrantAsked, ...]
    deadline_s: float = 5.0
    pages: int = 5
    """Pages of a thousand keys that are read of a prefix at most."""
    s3_endpoint: str | None = None
    sts_endpoint: str | None = None

    def to_json(self) -> str:
        """The program's one argument: compact, without what isn't asked for."""
        asked = {name: value for name, value in asdict(self).items() if value is not None and name != "grants"}
        grants = [{name: value for name, value in asdict(grant).items() if value} for grant in self.grants]
        whole = {"schema": REQUEST_SCHEMA, **asked, "seconds": self.run_s(), "grants": grants}
        return json.dumps(whole, separators=(",", ":"))

    def run_s(self) -> float:
        """The seconds that the program may take: two a call, eight deadlines at least, ten minutes at most."""
        targets = sum(len(grant.read) + len(grant.write) + len(grant.closed) for grant in self.grants)
        return max(8 * self.deadline_s, min(_CALL_S * _CALLS_A_TARGET * targets, _LONGEST_S))

    def read(self, lines: Iterable[str]) -> DataTranscript | Unobserved:
        """The transcript of this request in the lines of a log stream."""
        return read_data_transcript(lines, self.nonce)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSeen:
    """One call of S3. `status` is None where no answer came; `cause` then says how the way ended."""

    purpose: str
    """`list`, `exists`, `read`, `write` or `closed`."""
    target: str
    """As declared: an object or a prefix."""
    operation: str
    """S3's own name of it."""
    key: str = ""
    ms: float = 0.0
    status: int | None = None
    code: str | None = None
    message: str | None = None
    """S3's own words, scrubbed, one line."""
    cause: str | None = None
    region: str | None = None
    """Where S3 says that the bucket is."""
    bytes: int | None = None
    count: int | None = None
    """Keys listed so far, or bytes read."""
    more: bool | None = None
    same: bool | None = None
    """Whether what was read back is what was written."""
    etag: str | None = None
    encryption: str | None = None
    key_id: str | None = None
    bucket_key: bool = False
    version_id: str | None = None
    storage_class: str | None = None

    @property
    def done(self) -> bool:
        """Whether S3 did what it was asked."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantSeen:
    """The calls of one grant, in the order in which they were made."""

    host: str | None = None
    calls: tuple[CallSeen, ...] = ()
    failure: Failure | None = None
    """Why none was made."""

    def of(self, purpose: str, target: str | None = None) -> tuple[CallSeen, ...]:
        """The calls of a purpose, of one declared target or of all."""
        return tuple(call for call in self.calls if call.purpose == purpose and target in (None, call.target))


@dataclass(frozen=True, slots=True, kw_only=True)
class DataTranscript:
    """All that one data probe saw."""

    schema: str
    nonce: str
    python: str
    started_at: str
    identity: IdentitySeen | None = None
    overrides: tuple[str, ...] = ()
    """Variables of the container by which an SDK would ask another endpoint."""
    proxies: tuple[str, ...] = ()
    """Variables of the container that name a proxy; the probe uses none."""
    grants: Mapping[str, GrantSeen] = field(default_factory=dict)
    crash: Crash | None = None


_FORM: Final = TranscriptForm(DataTranscript, TRANSCRIPT_SCHEMA)


def read_data_transcript(lines: Iterable[str], nonce: str) -> DataTranscript | Unobserved:
    """The transcript in the lines of one log stream; the reasons are those of `transcript.read_transcript`."""
    return _FORM.read(lines, nonce)


def data_transcript_from(data: Mapping[str, Any]) -> DataTranscript | Unobserved:
    """The transcript that a probe in this process returned; `malformed` for anything else."""
    return _FORM.taken(data)
