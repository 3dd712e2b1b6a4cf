"""The release record: what a build says of the artifact that it released, in a JSON file beside the declaration.

Its writer is the pipeline. It binds a commit and a build to a digest; whether the digest is in the registry, and
whether it runs, is judged elsewhere.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

SCHEMA: Final = "substrate.release/1"
LONGEST: Final = 64 * 1024
"""Bytes; a longer file is no release record."""

_COMMIT: Final = r"[0-9a-f]{40}|[0-9a-f]{64}"
_DIGEST: Final = r"sha256:[0-9a-f]{64}"
_PLATFORM: Final = r"[a-z0-9]+/[a-z0-9_]+(?:/[a-z0-9.]+)?"
_REPOSITORY: Final = r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*"
_BUILD: Final = r"https://[^\s/?#@]{1,255}(?:/[^\s?#]{0,500})?"
"""Without a query or a user, which may hold a secret: what a record says is shown."""
_WORKFLOW: Final = r"(?!/)[^\s?#@]{1,300}"
_BUILDER: Final = r"[a-z][a-z0-9+.-]*:[^\s?#]{1,500}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    """A release: `commit` (its full hash), `build` (an https URL without a query), `digest` of image or index."""

    repository: str
    digest: str
    platforms: tuple[str, ...]
    """As OCI names them: `linux/amd64`, `linux/arm64/v8`."""
    commit: str
    build: str
    time: datetime
    """UTC."""
    workflow: str | None = None
    """The path of the workflow in the repository, as the provenance names it; None where the record doesn't say."""
    builder: str | None = None
    """The builder's id, as the provenance names it; None where the record doesn't say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidRecord:
    """A file that should be a release record: what is wrong with it, by its key."""

    name: str
    problem: str


def parse_record(content: bytes, *, name: str) -> ReleaseRecord | InvalidRecord:
    """The record in the file `name`; values never stand in a problem."""
    try:
        return _read(json.loads(content, object_pairs_hook=_once))
    except _Problem as problem:
        return InvalidRecord(name=name, problem=str(problem))
    except (ValueError, RecursionError):
        return InvalidRecord(name=name, problem="is not JSON")


class _Problem(Exception):
    pass


_KEYS: Final = ("schema", "repository", "digest", "platform", "commit", "build", "time")
_OPTIONAL: Final = ("workflow", "builder")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Problem("names a key twice")
    return found


def _read(document: Any) -> ReleaseRecord:
    if not isinstance(document, dict):
        raise _Problem("is no JSON object")
    unknown = sorted(set(document) - {*_KEYS, *_OPTIONAL})
    missing = [key for key in _KEYS if key not in document]
    if unknown:
        raise _Problem(f"has {len(unknown)} unknown key(s); the keys are {', '.join((*_KEYS, *_OPTIONAL))}")
    if missing:
        raise _Problem(f"lacks {', '.join(missing)}")
    if document["schema"] != SCHEMA:
        raise _Problem(f"schema: is not {SCHEMA}")
    platforms = document["platform"] if isinstance(document["platform"], list) else [document["platform"]]
    if not platforms:
        raise _Problem("platform: is empty")
    return ReleaseRecord(
        repository=_text(document, "repository", _REPOSITORY, "no repository, such as acme/ingest"),
        digest=_text(document, "digest", _DIGEST, "no digest, sha256: and 64 hexadecimal digits"),
        platforms=tuple(_matching(one, "platform", _PLATFORM, "no platform, such as linux/amd64") for one in platforms),
        commit=_text(document, "commit", _COMMIT, "no full commit hash"),
        build=_text(document, "build", _BUILD, "no https URL without a user and a query"),
        time=_time(document["time"]),
        workflow=_maybe(document, "workflow", _WORKFLOW, "no path in the repository, such as .github/workflows/r.yml"),
        builder=_maybe(document, "builder", _BUILDER, "no URI without a query"),
    )


def _text(document: dict[str, Any], key: str, pattern: str, problem: str) -> str:
    return _matching(document[key], key, pattern, problem)


def _maybe(document: dict[str, Any], key: str, pattern: str, problem: str) -> str | None:
    return _text(document, key, pattern, problem) if key in document else None


def _matching(value: Any, key: str, pattern: str, problem: str) -> str:
    if not isinstance(value, str) or re.fullmatch(pattern, value, re.ASCII) is None:
        raise _Problem(f"{key}: is {problem}")
    return value


def _time(value: Any) -> datetime:
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        time = None
    if time is None or time.tzinfo is None:
        raise _Problem("time: is no time in ISO 8601 with a time zone")
    return time.astimezone(UTC)


def render_record(record: ReleaseRecord) -> bytes:
    """The file's content: UTF-8 JSON, indented, with a newline at its end."""
    platforms: str | list[str] = list(record.platforms) if len(record.platforms) > 1 else record.platforms[0]
    document = {
        "schema": SCHEMA,
        "repository": record.repository,
        "digest": record.digest,
        "platform": platforms,
        "commit": record.commit,
        "build": record.build,
        "time": record.time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        **{key: value for key in _OPTIONAL if (value := getattr(record, key)) is not None},
    }
    return (json.dumps(document, indent=2) + "\n").encode()
