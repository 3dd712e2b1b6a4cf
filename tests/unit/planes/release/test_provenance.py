"""REL-110: in-toto statements of every form, images as registries hold them, and what both come to."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.image import Descriptor, Refuted, Unseen
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.provenance import (
    REVISION,
    SOURCE,
    Attested,
    AttestedImage,
    BadAttestation,
    Provenance,
    Signature,
    Signed,
)
from pytest_substrate.model.release_record import ReleaseRecord
from pytest_substrate.planes.catalogue import catalogue
from pytest_substrate.planes.release.attested import read_attested
from pytest_substrate.planes.release.diagnose.provenance import diagnose_provenance
from pytest_substrate.planes.release.statement import read_statement

COMMIT, OTHER = "c" * 40, "d" * 40
BUILD, REPOSITORY = "https://github.com/acme/ingest/actions/runs/17", "https://github.com/acme/ingest"
CAUSES = {None, *(cause.slug for cause in catalogue()["REL-110"].causes)}


def digest_of(data: bytes) -> str:
    """A digest as OCI writes it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def github(digest: str, commit: str = COMMIT, **parts: Any) -> dict[str, Any]:
    """SLSA v1 as GitHub's actions/attest-build-provenance writes it."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "acme/ingest", "digest": {"sha256": digest.partition(":")[2]}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "externalParameters": {
                    "workflow": {"ref": "refs/heads/main", "repository": REPOSITORY, "path": ".github/workflows/r.yml"}
                },
                "resolvedDependencies": [{"uri": f"git+{REPOSITORY}@refs/heads/main", "digest": {"gitCommit": commit}}],
            },
            "runDetails": {
                "builder": {"id": f"{REPOSITORY}/.github/workflows/r.yml@refs/heads/main"},
                "metadata": {"invocationId": f"{BUILD}/attempts/1"},
            },
        },
        **parts,
    }


def buildkit(digest: str) -> dict[str, Any]:
    """SLSA v0.2 as BuildKit writes it for a context in git."""
    return {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{"name": "pkg:docker/ingest", "digest": {"sha256": digest.partition(":")[2]}}],
        "predicate": {
            "builder": {"id": BUILD},
            "materials": [
                {"uri": "pkg:docker/python@3.12", "digest": {"sha256": "a" * 64}},
                {"uri": f"{REPOSITORY}.git#refs/heads/main", "digest": {"sha1": COMMIT}},
            ],
            "invocation": {"configSource": {"entryPoint": "Dockerfile"}},
            "metadata": {"buildInvocationID": "k3x", "https://mobyproject.org/buildkit@v1#metadata": {}},
        },
    }


def enveloped(statement: Any) -> dict[str, Any]:
    """A DSSE envelope."""
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    return {"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": [{"sig": "c2ln"}]}


DIGEST = f"sha256:{'1' * 64}"


@pytest.mark.parametrize(
    ("document", "signature"),
    [
        (github(DIGEST), None),
        (enveloped(github(DIGEST)), Signature(signed=Signed.UNASKED)),
        (
            {"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "dsseEnvelope": enveloped(github(DIGEST))},
            Signature(signed=Signed.UNASKED),
        ),
    ],
)
def test_github(document: Any, signature: Signature | None) -> None:
    """Bare, in an envelope and in a bundle, the same is told."""
    found = read_statement(json.dumps(document).encode())
    assert (
        Provenance(
            predicate_type="https://slsa.dev/provenance/v1",
            subjects=(DIGEST,),
            builder=f"{REPOSITORY}/.github/workflows/r.yml@refs/heads/main",
            source=REPOSITORY,
            commit=COMMIT,
            workflow=".github/workflows/r.yml",
            build=f"{BUILD}/attempts/1",
            signature=signature,
        )
        == found
    )


def test_buildkit() -> None:
    """The material that is a git repository names the commit; a base image does not; an id is no build's page."""
    found = read_statement(json.dumps(buildkit(DIGEST)).encode())
    assert isinstance(found, Provenance)
    assert (COMMIT, REPOSITORY, BUILD, None) == (found.commit, found.source, found.builder, found.build)


def test_buildkit_of_a_local_context() -> None:
    """Where the context is a folder, BuildKit's own metadata name the revision."""
    statement = buildkit(DIGEST)
    statement["predicate"]["materials"] = []
    statement["predicate"]["metadata"]["https://mobyproject.org/buildkit@v1#metadata"] = {
        "vcs": {"revision": COMMIT, "source": f"{REPOSITORY}.git"}
    }
    found = read_statement(json.dumps(statement).encode())
    assert isinstance(found, Provenance)
    assert (COMMIT, REPOSITORY) == (found.commit, found.source)


def test_a_source_loses_user_and_query() -> None:
    """A token in a repository's URL goes nowhere."""
    statement = github(DIGEST)
    dependency = statement["predicate"]["buildDefinition"]["resolvedDependencies"][0]
    dependency["uri"] = "git+https://user:hidden@git.invalid/acme/ingest.git@refs/heads/main?token=hidden"
    found = read_statement(json.dumps(statement).encode())
    assert isinstance(found, Provenance)
    assert "hidden" not in repr(found)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"_type": "https://in-toto.io/Statement/v9"}',
        json.dumps(github(DIGEST, subject=[])).encode(),
        json.dumps(github(DIGEST, subject=[{"digest": {"sha1": "a" * 40}}])).encode(),
        json.dumps(github(DIGEST, predicate=None)).encode(),
        json.dumps(github(DIGEST, predicateType="https://slsa.dev/provenance/v0.1")).encode(),
        json.dumps({"payloadType": "application/vnd.in-toto+json", "payload": "%"}).encode(),
        json.dumps({"payloadType": "text/plain", "payload": "e30="}).encode(),
        json.dumps({"dsseEnvelope": []}).encode(),
        json.dumps({**enveloped(github(DIGEST)), "signatures": [{"sig": "?"}]}).encode(),
        json.dumps(github(DIGEST)).replace('"predicate":', '"predicate": {}, "predicate":').encode(),
    ],
)
def test_what_is_no_provenance_is_told_and_never_raised(data: bytes) -> None:
    """Each is an attestation that can't be read."""
    assert isinstance(read_statement(data), BadAttestation)


def test_a_statement_about_something_else() -> None:
    """A bill of materials is no provenance, and no fault."""
    assert read_statement(json.dumps(github(DIGEST, predicateType="https://spdx.dev/Document")).encode()) is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    _JSON, st.sampled_from(["builder", "materials", "invocation", "metadata", "buildDefinition", "runDetails"]), _JSON
)
def test_no_predicate_breaks_the_reader(subject: Any, key: str, value: Any) -> None:
    """Whatever stands where."""
    for version in ("v0.2", "v1"):
        statement = github(DIGEST, predicate={key: value}, predicateType=f"https://slsa.dev/provenance/{version}")
        assert isinstance(read_statement(json.dumps(statement).encode()), Provenance)
        assert read_statement(json.dumps({**statement, "subject": subject}).encode()) is not None


class Registry:
    """Documents and blobs by digest, as a source gives them."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.beside: dict[str, tuple[str, ...]] = {}

    def put(self, document: Any) -> str:
        """Keep a JSON document, or bytes; the digest."""
        data = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.held[digest_of(data)] = data
        return digest_of(data)

    def image(self, labels: dict[str, str] | None) -> str:
        """An image with these labels."""
        config = self.put({"os": "linux", "architecture": "amd64", "config": {"Labels": labels}})
        return self.put({"config": {"digest": config}, "layers": []})

    def attestation(self, statement: Any, **notes: str) -> str:
        """A manifest that holds a statement."""
        layer = {"mediaType": "application/vnd.in-toto+json", "digest": self.put(statement), "annotations": notes}
        return self.put({"config": {}, "layers": [layer]})

    def document(self, wanted: Descriptor) -> tuple[bytes, str]:
        """See the port."""
        if wanted.digest not in self.held:
            raise Refuted("digest-missing", "it isn't there")
        return self.held[wanted.digest], ""

    @contextlib.contextmanager
    def blob(self, wanted: Descriptor) -> Iterator[Iterator[bytes]]:
        """See the port."""
        yield iter([self.document(wanted)[0]])

    def referrers(self, digest: str) -> tuple[str, ...]:
        """What refers to a digest."""
        return self.beside.get(digest, ())


def record(digest: str) -> ReleaseRecord:
    """The release."""
    return ReleaseRecord(
        repository="acme/ingest",
        digest=digest,
        platforms=("linux/amd64",),
        commit=COMMIT,
        build=BUILD,
        time=datetime(2026, 3, 1, tzinfo=UTC),
    )


def judged(registry: Registry, digest: str) -> Any:
    """What the released digest comes to."""
    return diagnose_provenance(record(digest), read_attested(registry, digest, registry.referrers))


LABELS = {REVISION: COMMIT, SOURCE: REPOSITORY}


def test_a_referrer() -> None:
    """One image, and GitHub's attestation beside it."""
    registry = Registry()
    digest = registry.image(LABELS)
    registry.beside[digest] = (registry.attestation(github(digest)),)
    found = judged(registry, digest)
    assert (None, "none") == (found.cause, found.facts["signature"]), found.message


def test_an_index_of_buildkit() -> None:
    """Each image of the index has its attestation manifest in it; a bill of materials beside it is left alone."""
    registry = Registry()
    image = registry.image(LABELS)
    provenance = registry.attestation(
        buildkit(image), **{"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"}
    )
    bill = registry.attestation(b"no JSON", **{"in-toto.io/predicate-type": "https://spdx.dev/Document"})
    notes = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image}
    children = [{"digest": image}, *({"digest": one, "annotations": notes} for one in (provenance, bill))]
    assert judged(registry, registry.put({"manifests": children})).cause is None
    assert "attestation-missing" == judged(registry, registry.put({"manifests": children[:1]})).cause


def test_an_attestation_of_the_index() -> None:
    """What is attached to the index stands for each of its images."""
    registry = Registry()
    index = registry.put({"manifests": [{"digest": registry.image(LABELS)}]})
    registry.beside[index] = (registry.attestation(github(index)),)
    assert judged(registry, index).cause is None


@pytest.mark.parametrize(
    ("labels", "changes", "cause"),
    [
        (None, {}, "label-missing"),
        ({REVISION: ""}, {}, "label-missing"),
        ({REVISION: OTHER}, {}, "label-differs"),
        ({**LABELS, SOURCE: "https://github.com/other/ingest"}, {}, "label-differs"),
        ({**LABELS, SOURCE: f"{REPOSITORY}.git"}, {}, None),
        (LABELS, {"commit": OTHER}, "attestation-differs"),
        (LABELS, {"subject": [{"digest": {"sha256": "9" * 64}}]}, "attestation-differs"),
        (LABELS, {"predicate": {}}, "attestation-incomplete"),
        (LABELS, {"_type": "no"}, "attestation-malformed"),
    ],
)
def test_what_disagrees(labels: Any, changes: dict[str, Any], cause: str | None) -> None:
    """Label, digest, commit: each is told apart."""
    registry = Registry()
    digest = registry.image(labels)
    registry.beside[digest] = (registry.attestation(github(digest, **changes)),)
    assert cause == judged(registry, digest).cause


def test_another_build() -> None:
    """The record's run 1 is not the attested run 17, although its page begins so."""
    registry = Registry()
    digest = registry.image(LABELS)
    registry.beside[digest] = (registry.attestation(github(digest)),)
    seen = read_attested(registry, digest, registry.referrers)
    other = ReleaseRecord(
        repository="acme/ingest",
        digest=digest,
        platforms=("linux/amd64",),
        commit=COMMIT,
        build=BUILD[:-1],
        time=datetime(2026, 3, 1, tzinfo=UTC),
    )
    assert "attestation-differs" == diagnose_provenance(other, seen).cause


def test_what_is_not_what_its_digest_says() -> None:
    """A registry that gives other bytes is found out, for manifests and for blobs."""
    registry = Registry()
    digest = registry.image(LABELS)
    for wrong in list(registry.held):
        broken = Registry()
        broken.held = {**registry.held, wrong: registry.held[wrong] + b" "}
        assert "image-corrupt" == judged(broken, digest).cause


def test_what_cannot_be_seen() -> None:
    """Absent is red, and unseen is undecided."""
    registry = Registry()
    assert "digest-missing" == judged(registry, DIGEST).cause
    digest = registry.image(LABELS)
    unseen = Unobserved(reason="access-denied", operation="ecr:ListImageReferrers")
    assert unseen == read_attested(registry, digest, lambda _: unseen)
    assert "access-denied" == diagnose_provenance(record(digest), unseen).cause
    assert "not-asked" == diagnose_provenance(Missing(what="record"), unseen).cause


def test_a_source_that_is_not_reached() -> None:
    """What the source could not tell is handed on."""

    class Away(Registry):
        def document(self, wanted: Descriptor) -> tuple[bytes, str]:
            raise Unseen(Unobserved(reason="timeout", detail=wanted.digest[:12]))

    found = read_attested(Away(), DIGEST, lambda _: ())
    assert isinstance(found, Unobserved)
    assert "timeout" == found.reason


@given(
    st.builds(
        AttestedImage,
        digest=st.just(DIGEST),
        platform=st.text(max_size=20),
        revision=st.none() | st.text(max_size=50),
        source=st.none() | st.text(max_size=50),
        attestations=st.lists(
            st.builds(BadAttestation, problem=st.text(max_size=20))
            | st.builds(
                Provenance,
                predicate_type=st.just("https://slsa.dev/provenance/v1"),
                subjects=st.just((DIGEST,)),
                builder=st.none() | st.text(min_size=1, max_size=200),
                source=st.none() | st.text(max_size=50),
                commit=st.none() | st.just(COMMIT),
            ),
            max_size=2,
        ).map(tuple),
    )
)
def test_whatever_an_image_says_has_a_listed_cause(image: AttestedImage) -> None:
    """No label breaks the diagnosis, and only what agrees is green."""
    found = diagnose_provenance(record(DIGEST), Attested(digest=DIGEST, images=(image,)))
    assert found.cause in CAUSES
    if found.cause is None:
        assert COMMIT == image.revision
        assert image.attestations
