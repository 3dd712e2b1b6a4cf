"""REL-110: what the image says of its own making agrees with the release record, and is signed as declared. Pure.

Where nothing is declared to verify a signature with, the fact `signature` says what there is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import FactValue, admitted, line, number_of
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.model.provenance import (
    REVISION,
    Attested,
    AttestedImage,
    BadAttestation,
    Provenance,
)
from pytest_substrate.model.release_record import InvalidRecord, ReleaseRecord
from pytest_substrate.model.unseen import unseen
from pytest_substrate.planes.release.diagnose.signed import (
    Expected,
    facts_of,
    is_build,
    is_verified,
    of_signature,
    said_of,
)

Record: TypeAlias = ReleaseRecord | InvalidRecord | Missing | Unobserved
Seen: TypeAlias = Attested | Missing | Unobserved


_NOTHING: Final = Expected()


def diagnose_provenance(record: Record, seen: Seen, expected: Expected = _NOTHING) -> Diagnosis:
    """Each image's revision label is the record's commit, and its provenance names that, its digest, build, builder
    and workflow; where a signature is expected, one provenance of each image bears it, and none bears another.
    """
    if not isinstance(record, ReleaseRecord):
        return inconclusive("not-asked", "there is no release record to compare with (REL-100)")
    if isinstance(seen, Unobserved):
        return unseen(seen, "the image's labels and attestations")
    if isinstance(seen, Missing):
        return violated("digest-missing", f"the registry has no {record.digest[:19]}…")
    facts: dict[str, FactValue] = {"image_digest": record.digest, "commit": record.commit, "total": len(seen.images)}
    return (_unread(seen) or _compared(record, seen, expected)).with_facts(facts)


def _unread(seen: Attested) -> Diagnosis | None:
    """What kept image, bundle or keys from being read."""
    if seen.untrusted is not None:
        return inconclusive("trust-unreadable", f"no signature can be verified: {line(seen.untrusted, 200)}")
    if seen.corrupt is not None or not seen.images:
        why = seen.corrupt or "its index holds no image"
        return violated("image-corrupt", f"the released image can't be read: {line(why, 200)}")
    if seen.bundle_missing is not None:
        told = f"there is no {line(seen.bundle_missing, 160)}, which is declared as the attestation's bundle"
        return violated("attestation-missing", told)
    return None


def _compared(record: ReleaseRecord, seen: Attested, expected: Expected) -> Diagnosis:
    found = [one for image in seen.images for one in _of_image(record, seen, image, expected)]
    wrong = next((one for one in found if one.outcome is Outcome.VIOLATION), next(iter(found), None))
    if wrong is not None:
        return wrong
    first = _good(seen, seen.images[0])
    built = line(first.builder, 120) if first is not None else "its builder"
    signed = "" if first is None else f" ({said_of(first.signature)})"
    told = f"{number_of(len(seen.images), 'image')} of commit {record.commit[:12]}, as {built} attests{signed}"
    return passed(told).with_facts({} if first is None else _told(first))


def _good(seen: Attested, image: AttestedImage) -> Provenance | None:
    """The one that is told: of all that agree, one whose signature was verified."""
    told = [one for one in (*image.attestations, *seen.attestations) if isinstance(one, Provenance)]
    return next((one for one in told if is_verified(one)), next(iter(told), None))


def _of_image(record: ReleaseRecord, seen: Attested, image: AttestedImage, expected: Expected) -> Iterator[Diagnosis]:
    """What is wrong with one image, the label first."""
    at = f"the image for {line(image.platform, 40)}"
    facts: dict[str, FactValue] = {"platform_digest": image.digest, "platform": admitted("platform", image.platform)}
    if image.revision is None:
        yield violated("label-missing", f"{at} has no label {REVISION}").with_facts(facts)
    elif image.revision != record.commit:
        told = f"{at} says that it is of {line(image.revision, 60)}, and commit {record.commit[:12]} was released"
        yield violated("label-differs", told, revision=line(image.revision, 100)).with_facts(facts)
    yield from (one.with_facts(facts) for one in _of_attestations(record, seen, image, at, expected))


def _of_attestations(
    record: ReleaseRecord, seen: Attested, image: AttestedImage, at: str, expected: Expected
) -> Iterator[Diagnosis]:
    found = (*image.attestations, *seen.attestations)
    bad = [one for one in found if isinstance(one, BadAttestation)]
    good = [one for one in found if isinstance(one, Provenance)]
    if bad:
        yield violated("attestation-malformed", f"an attestation of {at} can't be read: {line(bad[0].problem, 200)}")
    if not good:
        yield violated("attestation-missing", f"{at} has no provenance attestation")
    for one in good:
        difference = _difference(record, one, (image.digest, seen.digest))
        if difference is not None:
            cause, told = difference
            yield violated(cause, f"the provenance of {at} {told}").with_facts(_told(one))
        elif _other_source(image, one):
            told = f"{at} says that its source is {line(image.source, 100)}, and its provenance {line(one.source, 100)}"
            yield violated("label-differs", told).with_facts(_told(one))
        elif one.signature is not None:
            wrong = of_signature(record, one, one.signature, expected, at)
            yield from (found.with_facts(_told(one)) for found in wrong)
    if good and expected.signed and all(one.signature is None for one in good):
        told = f"no provenance of {at} bears a signature, and one is declared"
        yield violated("signature-missing", told).with_facts(_told(good[0]))
    counted = [one for one in good if not expected.signed or is_verified(one)]
    for name, recorded in (("builder", record.builder), ("workflow", record.workflow)):
        named = [getattr(one, name) for one in counted]
        if recorded is not None and named and recorded not in named:  # builders beside each other are different ones
            other = next((told for told in named if told is not None), None)
            cause = "attestation-incomplete" if other is None else "attestation-differs"
            told = f"names {f'the {name} {line(other, 100)}' if other else f'no {name}'}"
            yield violated(cause, f"the provenance of {at} {told}, and the record {line(recorded, 100)}")


def _difference(record: ReleaseRecord, one: Provenance, digests: Sequence[str]) -> tuple[str, str] | None:
    if not set(one.subjects) & set(digests):
        return "attestation-differs", f"is about another digest, {one.subjects[0][:19]}…"
    if one.builder is None or one.commit is None:
        return "attestation-incomplete", f"names no {'builder' if one.builder is None else 'source commit'}"
    if one.commit != record.commit:
        return "attestation-differs", f"is for commit {one.commit[:12]}, and {record.commit[:12]} was released"
    if one.build is not None and not is_build(one.build, record.build):
        return "attestation-differs", f"is of the build {line(one.build, 100)}, and the record of another one"
    return None


def _other_source(image: AttestedImage, one: Provenance) -> bool:
    if image.source is None or one.source is None:
        return False
    return image.source.rstrip("/").removesuffix(".git").lower() != one.source.lower()


def _told(one: Provenance) -> dict[str, FactValue]:
    return {
        "builder": one.builder and line(one.builder, 200),
        "source_uri": one.source and line(one.source, 200),
        "workflow": one.workflow and line(one.workflow, 200),
        "attested_commit": admitted("attested_commit", one.commit),
        **facts_of(one.signature),
    }
