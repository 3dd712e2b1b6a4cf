"""An in-toto statement with SLSA provenance, bare, in a DSSE envelope or in a Sigstore bundle. Pure.

Sources: in-toto attestation framework v1 (spec/v1), SLSA provenance v0.2 and v1, and where BuildKit and GitHub's
builders put repository, commit and workflow. What its signature comes to, `signature.Trust` says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from pytest_substrate.model.facts import line
from pytest_substrate.model.provenance import BadAttestation, Provenance
from pytest_substrate.planes.release.certificate import decoded
from pytest_substrate.planes.release.signature import Sealed, Trust

_STATEMENTS: Final = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
SLSA: Final = "https://slsa.dev/provenance/"
_PAYLOAD: Final = "application/vnd.in-toto+json"
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MOBY: Final = "https://mobyproject.org/buildkit@v1#metadata"
"""BuildKit's own metadata in a v0.2 predicate; in v1 it is `buildkit_metadata`."""
_MOST_BUNDLES: Final = 64
"""Of a file."""

Table = Mapping[str, Any]


class _Problem(Exception):
    pass


def read_statement(data: bytes, trust: Trust | None = None) -> Provenance | BadAttestation | None:
    """The provenance in `data`; None where it is a statement about something else."""
    try:
        return _statement(_object(data, "the attestation"), trust or Trust())
    except _Problem as problem:
        return BadAttestation(problem=str(problem))


def read_bundles(data: bytes, trust: Trust) -> tuple[Provenance | BadAttestation, ...]:
    """The provenance in a file of one bundle, or of one a line, as `gh attestation download` writes it."""
    try:
        whole = _object(data, "the bundle")
    except _Problem:
        lines = [one for one in data.splitlines() if one.strip()]
        if len(lines) < 2:
            return (BadAttestation(problem="the bundle is no JSON object"),)
        read = [read_statement(one, trust) for one in lines[: _MOST_BUNDLES + 1]]
        if len(lines) > _MOST_BUNDLES:
            read.append(BadAttestation(problem=f"the file holds more than {_MOST_BUNDLES} bundles"))
    else:
        try:
            read = [_statement(whole, trust)]
        except _Problem as problem:
            read = [BadAttestation(problem=str(problem))]
    return tuple(one for one in read if one is not None)


def _statement(outer: Table, trust: Trust) -> Provenance | None:
    sealed = _sealed(outer)
    document = outer if sealed is None else _object(sealed.payload, "the envelope's payload")
    if document.get("_type") not in _STATEMENTS:
        raise _Problem("the attestation is no in-toto statement")
    kind = document.get("predicateType")
    if not isinstance(kind, str) or not kind.startswith(SLSA):
        return None
    predicate = document.get("predicate")
    if not isinstance(predicate, dict):
        raise _Problem("the provenance has no predicate")
    version = kind.removeprefix(SLSA)
    if version.startswith("v1"):
        told = _of_v1(predicate)
    elif version.startswith("v0.2"):
        told = _of_v02(predicate)
    else:
        raise _Problem("the provenance is of a version that isn't known here")
    signature = None if sealed is None else trust.verify(sealed)
    return Provenance(predicate_type=line(kind, 100), subjects=_subjects(document), signature=signature, **told)


def _sealed(document: Table) -> Sealed | None:
    """The envelope, or the one in a bundle with what lies beside it; None where the statement is bare."""
    envelope = document.get("dsseEnvelope", document)
    if not isinstance(envelope, dict):
        raise _Problem("the bundle's envelope is no JSON object")
    if "payload" not in envelope:
        if "_type" in document:
            return None
        raise _Problem("the attestation is neither a statement nor an envelope that holds one")
    if envelope.get("payloadType") != _PAYLOAD:
        raise _Problem("the envelope of the attestation holds no in-toto statement")
    listed = envelope.get("signatures")
    signed = [one if isinstance(one, dict) else {} for one in (listed if isinstance(listed, list) else [])]
    try:
        return Sealed(
            kind=_PAYLOAD,
            payload=decoded(envelope.get("payload")),
            signatures=tuple(decoded(one.get("sig")) for one in signed),
            material=_table(document, "verificationMaterial"),
        )
    except ValueError:
        raise _Problem("payload or signature of the attestation's envelope is no base64") from None


def _object(data: bytes, what: str) -> Table:
    try:
        found = json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise _Problem(f"{what} is no JSON") from None
    if not isinstance(found, dict):
        raise _Problem(f"{what} is no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Problem("a key stands twice in one JSON object of it, so that readers could differ")
    return found


def _subjects(document: Table) -> tuple[str, ...]:
    listed = document.get("subject")
    found = []
    for one in listed if isinstance(listed, list) else []:
        digest = _text(_table(one, "digest"), "sha256")
        if digest is not None and _SHA256.fullmatch(digest):
            found.append(f"sha256:{digest}")
    if not found:
        raise _Problem("the attestation names no subject by its sha256")
    return tuple(dict.fromkeys(found))


def _of_v1(predicate: Table) -> dict[str, Any]:
    definition, details = _table(predicate, "buildDefinition"), _table(predicate, "runDetails")
    parameters, metadata = _table(definition, "externalParameters"), _table(details, "metadata")
    workflow = _table(parameters, "workflow")
    sources = [
        _source(_table(parameters, "configSource")),
        (_repository(_text(workflow, "repository")), None),
        *map(_source, _listed(definition, "resolvedDependencies")),
        _of_buildkit(_table(metadata, "buildkit_metadata")),
    ]
    return {
        "builder": _shown(_text(_table(details, "builder"), "id")),
        "workflow": _shown(_text(workflow, "path")),
        "build": _https(_text(metadata, "invocationId") or _text(metadata, "invocationID")),
        **_first(sources),
    }


def _of_v02(predicate: Table) -> dict[str, Any]:
    invocation, metadata = _table(predicate, "invocation"), _table(predicate, "metadata")
    source = _table(invocation, "configSource")
    is_moby = (_text(predicate, "buildType") or "").startswith("https://mobyproject.org/")  # its entry is a Dockerfile
    sources = [
        _source(source),
        *map(_source, _listed(predicate, "materials")),
        _of_buildkit(_table(metadata, _MOBY)),
    ]
    return {
        "builder": _shown(_text(_table(predicate, "builder"), "id")),
        "workflow": None if _MOBY in metadata or is_moby else _shown(_text(source, "entryPoint")),
        "build": _https(_text(metadata, "buildInvocationId") or _text(metadata, "buildInvocationID")),
        **_first(sources),
    }


def _of_buildkit(metadata: Table) -> tuple[str | None, str | None]:
    vcs = _table(metadata, "vcs")
    revision = _text(vcs, "revision") or ""
    return _repository(_text(vcs, "source")), revision if _COMMIT.fullmatch(revision) else None


def _source(one: Table) -> tuple[str | None, str | None]:
    """Repository and commit of a dependency that is a git repository."""
    uri = _text(one, "uri") or ""
    digest = _table(one, "digest")
    commit = _text(digest, "gitCommit") or _text(digest, "sha1") or ""
    is_git = uri.startswith("git+") or "gitCommit" in digest or ".git" in uri
    if not is_git or not _COMMIT.fullmatch(commit):
        return None, None
    return _repository(uri), commit


def _first(sources: list[tuple[str | None, str | None]]) -> dict[str, str | None]:
    """The first commit with its repository; a repository that is told apart from it stands for one that isn't."""
    commit = next(((source, commit) for source, commit in sources if commit), (None, None))
    named = next((source for source, _ in sources if source), None)
    return {"source": commit[0] or named, "commit": commit[1]}


def _repository(uri: str | None) -> str | None:
    if not uri:
        return None
    parts = urlsplit(uri.removeprefix("git+"))
    if parts.scheme not in ("https", "http", "ssh", "git") or not parts.hostname:
        return None
    path = parts.path.partition("@")[0].rstrip("/").removesuffix(".git")
    return line(f"https://{parts.hostname.lower()}{path}", 200)


def _https(text: str | None) -> str | None:
    if text is None or not text.startswith("https://"):
        return None
    return line(text.partition("?")[0].partition("#")[0], 200)


def _shown(text: str | None) -> str | None:
    """Without a query, which has no place in a fact."""
    return None if text is None else line(text.partition("?")[0], 200)


def _table(holder: Any, key: str) -> Table:
    found = holder.get(key) if isinstance(holder, dict) else None
    return found if isinstance(found, dict) else {}


def _text(table: Table, key: str) -> str | None:
    found = table.get(key)
    return found if isinstance(found, str) and found else None


def _listed(table: Table, key: str) -> Iterator[Table]:
    found = table.get(key)
    yield from (one for one in (found if isinstance(found, list) else []) if isinstance(one, dict))
