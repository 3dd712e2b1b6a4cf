"""The pipeline that released `dev_min`'s image: it leaves what a build leaves on AWS, record and signed provenance.

There is no repository behind the image, so its commit is the SHA-1 of the sources it was built from, and its build is a
page that nobody serves.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from pytest_substrate.embedded.cloud.issuer import ISSUER
from pytest_substrate.embedded.platform import names
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.platform.signing import BUNDLE, CodeAuthority
from pytest_substrate.embedded.runtime import images
from pytest_substrate.embedded.runtime.registry import push
from pytest_substrate.model.release_record import ReleaseRecord, render_record

RECORD: Final = "release/ingest.json"
"""Below the platform's folder, as `fixtures/dev_min/substrate.toml` names it."""
PLATFORM: Final = "linux/amd64"
BUILD: Final = "https://ci.invalid/acme/ingest/builds/1"
SOURCE: Final = "https://ci.invalid/acme/ingest"
WORKFLOW: Final = ".github/workflows/release.yml"
SIGNER: Final = f"{SOURCE}/{WORKFLOW}@refs/heads/main"
"""The workflow as a builder and a certificate name it."""
ROOTS: Final = "release/attestations.pem"
"""Where the authority of the provenance's certificates lies, as the declaration names it."""


def release(platform: Platform, digest: str) -> Path:
    """Write the release record of the image; its path."""
    record = ReleaseRecord(
        repository=names.REPOSITORY,
        digest=digest,
        platforms=(PLATFORM,),
        commit=commit(),
        build=BUILD,
        time=datetime.now(UTC),
        workflow=WORKFLOW,
        builder=SIGNER,
    )
    path = platform.folder / RECORD
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(render_record(record))
    (platform.folder / ROOTS).write_bytes(platform.attesting.roots)
    return path


def attest(platform: Platform, digest: str, *, content: bytes | None = None) -> str:
    """Push the image's provenance beside it, signed, or another content; the digest of what refers to it."""
    ecr = platform.client("ecr")
    asked = {"repositoryName": names.REPOSITORY, "imageIds": [{"imageDigest": digest}]}
    image = ecr.batch_get_image(**asked)["images"][0]
    subject = {
        "mediaType": image["imageManifestMediaType"],
        "digest": digest,
        "size": len(image["imageManifest"].encode()),
    }
    made = images.attestation(
        sign(platform, provenance(digest)) if content is None else content, subject=subject, kind=BUNDLE
    )
    return push(made, registry=platform.cloud.registry, repository=names.REPOSITORY)


def sign(platform: Platform, statement: Mapping[str, Any], *, by: CodeAuthority | None = None, **told: str) -> bytes:
    """The bundle of a statement, signed by the pipeline; or by another authority, or for whom `told` names."""
    usual = {
        "issuer": ISSUER,
        "signer": SIGNER,
        "source": SOURCE,
        "commit": commit(),
        "workflow": SIGNER,
        "build": f"{BUILD}/attempts/1",
    }
    made = (by or platform.attesting).bundle(json.dumps(statement).encode(), usual | told, now=datetime.now(UTC))
    return json.dumps(made).encode()


def provenance(digest: str) -> dict[str, Any]:
    """An in-toto statement with SLSA provenance v1, in the form of GitHub's builders."""
    source = f"{SOURCE}@refs/heads/main"
    workflow = {"ref": "refs/heads/main", "repository": SOURCE, "path": WORKFLOW}
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": names.REPOSITORY, "digest": {"sha256": digest.partition(":")[2]}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "https://actions.github.io/buildtypes/workflow/v1",
                "externalParameters": {"workflow": workflow},
                "resolvedDependencies": [{"uri": f"git+{source}", "digest": {"gitCommit": commit()}}],
            },
            "runDetails": {
                "builder": {"id": SIGNER},
                "metadata": {"invocationId": f"{BUILD}/attempts/1"},
            },
        },
    }


@functools.cache
def commit() -> str:
    """The commit of the image."""
    own = images.folder_files(Path(str(files("pytest_substrate.embedded.platform") / "images/ingest")), at="/app")
    found = hashlib.sha1(usedforsecurity=False)
    for path, data in sorted(own.items()):
        found.update(f"{path} {len(data)}\0".encode() + data)
    return found.hexdigest()
