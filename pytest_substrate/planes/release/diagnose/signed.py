"""REL-110: whether a provenance is signed as declared, and whether its certificate is for what was released. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_substrate.model.aws.instant import Instant, text_of
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, violated
from pytest_substrate.model.facts import FactValue, line
from pytest_substrate.model.provenance import Provenance, Signature, Signed
from pytest_substrate.model.release_record import ReleaseRecord

_VERIFIED: Final = (Signed.BY_KEY, Signed.BY_ROOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the declaration says of the signature: nothing, or that there is one, and for whom its certificate is."""

    signed: bool = False
    issuer: str | None = None
    identity: str | None = None


def is_verified(one: Provenance) -> bool:
    """Whether its signature was verified by what is declared."""
    return one.signature is not None and one.signature.signed in _VERIFIED


def of_signature(
    record: ReleaseRecord, one: Provenance, signature: Signature, expected: Expected, at: str
) -> Iterator[Diagnosis]:
    """What is wrong with a signature, or with the certificate that it was made with."""
    if signature.signed is Signed.WRONG:
        yield violated("signature-wrong", f"the signature of the provenance of {at} is wrong: {signature.problem}")
        return
    told = _other_signer(record, one, signature, expected)
    if told is not None:
        yield violated("signer-differs", f"the certificate of the provenance of {at} {told}")
    if signature.signed is Signed.UNTIMED:
        told = f"the signature of the provenance of {at} can't be judged: {signature.problem}"
        yield inconclusive("signature-undecided", told)


def _other_signer(record: ReleaseRecord, one: Provenance, signature: Signature, expected: Expected) -> str | None:
    """What the certificate says otherwise than the declaration, the record, or the statement that it signed."""
    identity = signature.identity
    if identity is None:  # by a key, or by nothing
        return None
    whole, is_workflow = identity.partition("@")[0], identity.startswith("https://")
    workflow = (signature.workflow or identity).partition("@")[0]
    commit, source = signature.commit, signature.source
    differences = (
        (
            expected.issuer not in (None, signature.issuer),
            f"is by the issuer {line(signature.issuer or 'none', 100)}, and {expected.issuer} is declared",
        ),
        (
            expected.identity not in (None, identity, whole if is_workflow else None),
            f"is for {line(identity, 120)}, and {line(expected.identity, 120)} is declared",
        ),
        (
            commit != record.commit and (commit is not None or is_workflow),
            f"is for {f'commit {line(commit, 12)}' if commit else 'no commit'}, and {record.commit[:12]} was released",
        ),
        (
            signature.build is not None and not is_build(signature.build, record.build),
            f"is of the build {line(signature.build, 100)}, and the record of another one",
        ),
        (
            source is not None and one.source is not None and source.lower() != one.source.lower(),
            f"is for {line(source, 100)}, and its provenance names {line(one.source, 100)}",
        ),
        (
            is_workflow and one.workflow is not None and not workflow.endswith(f"/{one.workflow}"),
            f"is for the workflow {line(workflow, 120)}, and its provenance names {line(one.workflow, 100)}",
        ),
    )
    return next((told for differs, told in differences if differs), None)


def is_build(told: str, recorded: str) -> bool:
    """Whether it is the recorded build, or an attempt of it."""
    return told == recorded or told.startswith(f"{recorded}/")


def said_of(signature: Signature | None) -> str:
    """A green provenance's signature in words."""
    if signature is None:
        return "it bears no signature"
    if signature.signed in _VERIFIED:
        return "signature verified"
    return "signature not verified: no key and no root is declared"


def facts_of(signature: Signature | None) -> dict[str, FactValue]:
    """What is told of a signature."""
    if signature is None:
        return {"signature": "none"}
    return {
        "signature": signature.signed.value,
        "signer": signature.identity,
        "signer_issuer": signature.issuer,
        "signed_at": None if signature.at is None else text_of(Instant.of(signature.at)),
    }
