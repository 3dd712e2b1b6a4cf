"""Faults of the release plane in the provenance beside the released image: what it says, and who signed it."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.platform import names, pipeline
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.platform.releases import attested
from pytest_substrate.embedded.platform.signing import CodeAuthority
from pytest_substrate.model.outcome import Layer

_OTHER_COMMIT: Final = "0" * 40


@fault(
    "no-provenance",
    check="REL-110",
    layer=Layer.ARTIFACT,
    cause="attestation-missing",
    breaks="the image was published without a provenance attestation",
)
def no_provenance(platform: Platform) -> Iterator[None]:
    """Anybody with the role could have built it."""
    with _beside(platform, None):
        yield


@fault(
    "provenance-of-another-commit",
    check="REL-110",
    layer=Layer.ARTIFACT,
    cause="attestation-differs",
    breaks="the provenance attests another source commit than the release record",
)
def provenance_of_another_commit(platform: Platform) -> Iterator[None]:
    """Label and record agree, and the builder saw something else."""
    statement = pipeline.provenance(_digest(platform))
    statement["predicate"]["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"] = _OTHER_COMMIT
    with _beside(platform, pipeline.sign(platform, statement)):
        yield


@fault(
    "provenance-of-another-image",
    check="REL-110",
    layer=Layer.ARTIFACT,
    cause="attestation-differs",
    breaks="the provenance beside the image attests another digest",
)
def provenance_of_another_image(platform: Platform) -> Iterator[None]:
    """Real, and somebody else's."""
    with _beside(platform, pipeline.sign(platform, pipeline.provenance(f"sha256:{'e' * 64}"))):
        yield


@fault(
    "provenance-by-nobody",
    check="REL-110",
    layer=Layer.ARTIFACT,
    cause="attestation-incomplete",
    breaks="the provenance names no builder",
)
def provenance_by_nobody(platform: Platform) -> Iterator[None]:
    """It attests what anybody could have written."""
    statement = pipeline.provenance(_digest(platform))
    statement["predicate"]["runDetails"]["builder"] = {}
    with _beside(platform, pipeline.sign(platform, statement)):
        yield


@fault(
    "provenance-cut",
    check="REL-110",
    layer=Layer.ARTIFACT,
    cause="attestation-malformed",
    breaks="the provenance was cut off while it was written",
)
def provenance_cut(platform: Platform) -> Iterator[None]:
    """Half a JSON object."""
    content = pipeline.sign(platform, pipeline.provenance(_digest(platform)))
    with _beside(platform, content[: len(content) // 2]):
        yield


@fault(
    "provenance-of-another-builder",
    check="REL-110",
    layer=Layer.ARTIFACT,
    cause="attestation-differs",
    breaks="the provenance names another builder than the release record",
)
def provenance_of_another_builder(platform: Platform) -> Iterator[None]:
    """Somebody's own machine, with the pipeline's certificate."""
    statement = pipeline.provenance(_digest(platform))
    statement["predicate"]["runDetails"]["builder"] = {"id": "https://ci.invalid/builders/laptop"}
    with _beside(platform, pipeline.sign(platform, statement)):
        yield


@fault(
    "provenance-unsigned",
    check="REL-110",
    layer=Layer.ARTIFACT,
    cause="signature-missing",
    breaks="the provenance was pushed without a signature",
)
def provenance_unsigned(platform: Platform) -> Iterator[None]:
    """All of it is true, and anybody with the role could have written it."""
    with _beside(platform, json.dumps(pipeline.provenance(_digest(platform))).encode()):
        yield


@fault(
    "provenance-signed-by-a-stranger",
    check="REL-110",
    layer=Layer.ARTIFACT,
    cause="signature-wrong",
    breaks="the provenance was signed with a certificate of another authority of the same name",
)
def provenance_signed_by_a_stranger(platform: Platform) -> Iterator[None]:
    """It says all that the pipeline's certificate says."""
    stranger = CodeAuthority(now=datetime.now(UTC))
    with _beside(platform, pipeline.sign(platform, pipeline.provenance(_digest(platform)), by=stranger)):
        yield


@fault(
    "provenance-edited",
    check="REL-110",
    layer=Layer.ARTIFACT,
    cause="signature-wrong",
    breaks="somebody edited the provenance after it was signed, to make it agree with the record",
)
def provenance_edited(platform: Platform) -> Iterator[None]:
    """The certificate is the pipeline's, the signature is of another image's provenance."""
    bundle = json.loads(pipeline.sign(platform, pipeline.provenance(f"sha256:{'e' * 64}")))
    statement = json.dumps(pipeline.provenance(_digest(platform))).encode()
    bundle["dsseEnvelope"]["payload"] = base64.b64encode(statement).decode()
    with _beside(platform, json.dumps(bundle).encode()):
        yield


@fault(
    "provenance-signed-by-another-workflow",
    check="REL-110",
    layer=Layer.ARTIFACT,
    cause="signer-differs",
    breaks="the provenance was signed in another workflow of the repository",
)
def provenance_signed_by_another_workflow(platform: Platform) -> Iterator[None]:
    """Anyone who may open a branch may add a workflow."""
    other = f"{pipeline.SOURCE}/.github/workflows/helper.yml@refs/heads/main"
    statement = pipeline.provenance(_digest(platform))
    with _beside(platform, pipeline.sign(platform, statement, signer=other, workflow=other)):
        yield


@fault(
    "provenance-signed-for-another-commit",
    check="REL-110",
    layer=Layer.ARTIFACT,
    cause="signer-differs",
    breaks="the provenance was signed in a run of another commit than the recorded one",
)
def provenance_signed_for_another_commit(platform: Platform) -> Iterator[None]:
    """The statement says what the record says; the authority knew better."""
    with _beside(platform, pipeline.sign(platform, pipeline.provenance(_digest(platform)), commit=_OTHER_COMMIT)):
        yield


@contextlib.contextmanager
def _beside(platform: Platform, content: bytes | None) -> Iterator[None]:
    """Another provenance beside the released image, or none."""
    ecr, digest = platform.client("ecr"), _digest(platform)
    subject = {"repositoryName": names.REPOSITORY, "subjectId": {"imageDigest": digest}}
    own = [{"imageDigest": one["digest"]} for one in ecr.list_image_referrers(**subject)["referrers"]]
    try:
        ecr.batch_delete_image(repositoryName=names.REPOSITORY, imageIds=own)
        with contextlib.nullcontext() if content is None else attested(platform, digest, content=content):
            yield
    finally:
        pipeline.attest(platform, digest)


def _digest(platform: Platform) -> str:
    """The released digest."""
    return str(json.loads((platform.folder / pipeline.RECORD).read_bytes())["digest"])
