"""Index, manifest and configuration: which image is the platform's, and documents that aren't what they say."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_substrate.model.image import Descriptor, Platform
from pytest_substrate.planes.packaging.image.facts import ImageFacts, Refutation
from tests.unit.planes.packaging.making import CONFIG, INDEX, LAYER, MANIFEST, Store, file, image

DOCKER = "application/vnd.docker."
ATTESTED = {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}


def platform(text: str) -> dict[str, str]:
    """As documents write it."""
    names = ("os", "architecture", "variant")
    return dict(zip(names, text.split("/"), strict=False))


def indexed(*children: tuple[str, Mapping[str, Any]], kind: str = INDEX) -> tuple[Store, list[str]]:
    """An index of images, each for a platform and with more keys of its descriptor; and their digests."""
    made = Store()
    entries: list[dict[str, Any]] = []
    for text, more in children:
        image([file(f"{len(entries)}")], platform=platform(text), store=made)
        held = {"mediaType": MANIFEST, "digest": made.top.digest, "size": made.top.size, "platform": platform(text)}
        entries.append({name: value for name, value in {**held, **more}.items() if value is not None})
    made.put_json({"schemaVersion": 2, "mediaType": kind, "manifests": entries}, kind)
    return made, [entry["digest"] for entry in entries]


@pytest.mark.parametrize(
    ("texts", "wanted", "chosen"),
    [
        (["linux/arm64", "linux/amd64"], "linux/amd64", 1),
        (["linux/arm64/v8", "linux/amd64"], "linux/arm64", 0),
        (["linux/arm64/v8", "linux/arm64"], "linux/arm64", 1),
        (["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7", 1),
        (["linux/arm/v5", "linux/arm/v6"], "linux/arm/v7", 1),
        (["linux/arm", "linux/arm/v6"], "linux/arm/v7", 1),
        (["linux/arm"], "linux/arm/v7", 0),
        (["linux/arm/v6", "linux/arm/v7"], "linux/arm", 1),
        (["linux/arm/v7"], "linux/arm/v6", None),
        (["linux/amd64/v3"], "linux/amd64", None),
        (["linux/amd64/v1"], "linux/amd64", 0),
        (["windows/amd64"], "linux/amd64", None),
        (["linux/amd64", "linux/amd64"], "linux/amd64", 0),
        ([], "linux/amd64", None),
    ],
)
def test_the_platform_chooses(texts: Sequence[str], wanted: str, chosen: int | None) -> None:
    """As containers/image chooses: the exact variant, then what it can run, the first of its kind."""
    made, digests = indexed(*((text, {}) for text in texts))
    seen = made.see(Platform(**dict(zip(("os", "architecture", "variant"), wanted.split("/"), strict=False))))
    if chosen is None:
        assert isinstance(seen, Refutation)
        assert "other-platform" == seen.cause
    else:
        assert isinstance(seen, ImageFacts)
        assert (made.top.digest, digests[chosen]) == (seen.digest, seen.manifest_digest)


def test_attestations_and_foreign_things_are_passed_over() -> None:
    """They are no images, though they stand in the index."""
    made, digests = indexed(
        ("unknown/unknown", ATTESTED),
        ("linux/amd64", {**ATTESTED, "platform": None}),
        ("linux/amd64", {"mediaType": "application/vnd.example"}),
        ("linux/amd64", {}),
    )
    assert digests[3] == made.facts().manifest_digest


def test_an_entry_without_a_platform_is_the_last_choice_and_judged_by_its_configuration() -> None:
    """Also where it isn't the platform's."""
    made, digests = indexed(("linux/arm64", {"platform": None}), ("linux/amd64", {"platform": None}))
    assert digests[1] == made.facts().manifest_digest
    made, digests = indexed(("linux/amd64", {"platform": None}), ("linux/amd64", {}))
    assert digests[1] == made.facts().manifest_digest


def test_an_index_may_lead_to_an_index() -> None:
    """But not for ever."""
    made, digests = indexed(("linux/amd64", {}))
    for _ in range(3):
        entry = {"mediaType": INDEX, "digest": made.top.digest, "size": made.top.size}
        made.put_json({"schemaVersion": 2, "manifests": [entry]}, INDEX)
    assert digests[0] == made.facts().manifest_digest
    for _ in range(100):
        entry = {"mediaType": INDEX, "digest": made.top.digest, "size": made.top.size}
        made.put_json({"schemaVersion": 2, "manifests": [entry]}, INDEX)
    assert isinstance(made.see(), Refutation)


@pytest.mark.parametrize("text", ["linux/arm64", "windows/amd64", "linux", "linux/amd64/v3"])
def test_the_configuration_has_the_last_word_about_the_platform(text: str) -> None:
    """Of an image that no index leads to, and of one that an index calls something else."""
    made = image([file("a")], platform=platform(text))
    seen = made.see()
    assert isinstance(seen, Refutation)
    assert "other-platform" == seen.cause
    made, _ = indexed((text, {"platform": platform("linux/amd64")}))
    assert isinstance(made.see(), Refutation)


def test_docker_types_are_the_same() -> None:
    """Manifest list, manifest, configuration."""
    made = image([file("a")])
    manifest = json.loads(made.blobs[made.top.digest])
    manifest["mediaType"] = f"{DOCKER}distribution.manifest.v2+json"
    manifest["config"]["mediaType"] = f"{DOCKER}container.image.v1+json"
    manifest["layers"][0]["mediaType"] = f"{DOCKER}image.rootfs.diff.tar.gzip"
    entry = {**made.put_json(manifest, manifest["mediaType"]), "platform": platform("linux/amd64")}
    made.put_json({"schemaVersion": 2, "manifests": [entry]}, f"{DOCKER}distribution.manifest.list.v2+json")
    assert entry["digest"] == made.facts().manifest_digest


def changed(which: str, *path: str | int, to: Any) -> Store:
    """An image with one value of its manifest or configuration another one; None takes it away."""
    made = image([file("a")])
    manifest = json.loads(made.blobs[made.top.digest])
    document = manifest if which == "manifest" else json.loads(made.blobs[manifest["config"]["digest"]])
    held = document
    for key in path[:-1]:
        held = held[key]
    if to is None:
        del held[path[-1]]
    else:
        held[path[-1]] = to
    if which == "config":
        manifest["config"] = made.put(json.dumps(document).encode(), CONFIG)
    made.put_json(manifest, MANIFEST)
    return made


@pytest.mark.parametrize(
    "made",
    [
        changed("manifest", "config", to=None),
        changed("manifest", "config", to=[]),
        changed("manifest", "config", "mediaType", to="application/vnd.example+json"),
        changed("manifest", "config", "digest", to="sha256:1"),
        changed("manifest", "config", "digest", to="md5:" + "0" * 32),
        changed("manifest", "config", "size", to="1"),
        changed("manifest", "config", "size", to=-1),
        changed("manifest", "config", "size", to=1),
        changed("manifest", "layers", to={}),
        changed("manifest", "layers", 0, to="x"),
        changed("manifest", "layers", 0, "mediaType", to="text/plain"),
        changed("manifest", "mediaType", to=INDEX),
        changed("manifest", "mediaType", to=3),
        changed("manifest", "schemaVersion", to=1),
        changed("manifest", "manifests", to=[]),
        changed("config", "rootfs", "diff_ids", to=[]),
        changed("config", "rootfs", "diff_ids", to=None),
        changed("config", "rootfs", "diff_ids", to=["sha256:" + "0" * 64]),
        changed("config", "rootfs", "diff_ids", to=["md5:" + "0" * 32]),
        changed("config", "rootfs", "diff_ids", to=["nothing"]),
        changed("config", "rootfs", "type", to="volume"),
        changed("config", "config", "Entrypoint", to="sh"),
        changed("config", "config", "Env", to=[3]),
        changed("config", "config", "Labels", to={"a": 3}),
        changed("config", "config", to=[]),
        changed("config", "os", to=3),
    ],
)
def test_a_document_that_is_not_what_it_says_is_red(made: Store) -> None:
    """Types, sizes, digests, counts."""
    assert isinstance(made.see(), Refutation)


@pytest.mark.parametrize(
    "made",
    [
        changed("manifest", "mediaType", to=None),
        changed("manifest", "annotations", to={"a": "b"}),
        changed("config", "config", "Entrypoint", to=None),
        changed("config", "config", to=None),
        changed("config", "history", to=[{}]),
        changed("config", "variant", to=""),
    ],
)
def test_a_document_that_says_less_or_more_is_read(made: Store) -> None:
    """What is optional, and what nothing here needs."""
    assert isinstance(made.see(), ImageFacts)


def test_null_is_absent() -> None:
    """As in Go."""
    made = image([])
    manifest = json.loads(made.blobs[made.top.digest])
    config = {"os": "linux", "architecture": "amd64", "config": None, "rootfs": {"type": "layers", "diff_ids": None}}
    manifest["config"] = made.put(json.dumps(config).encode(), CONFIG)
    manifest["layers"] = None
    made.put_json(manifest, MANIFEST)
    assert 0 == made.facts().layers


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"NaN", b"[" * 200_000, b'{"a": 1e999999}', b"1" * 5000, b"\xff\xfe{}"]
)
def test_what_is_no_json_object_is_red(data: bytes) -> None:
    """As manifest and as configuration."""
    made = image([file("a")])
    manifest = json.loads(made.blobs[made.top.digest])
    manifest["config"] = made.put(data, CONFIG)
    made.put_json(manifest, MANIFEST)
    assert isinstance(made.see(), Refutation)
    made.top = Descriptor(digest=made.put(data, MANIFEST)["digest"], media_type=MANIFEST)
    assert isinstance(made.see(), Refutation)


def test_a_document_of_more_than_four_mebibytes_is_red() -> None:
    """Of a configuration too, which is a blob."""
    made = image([file("a")])
    manifest = json.loads(made.blobs[made.top.digest])
    config = json.loads(made.blobs[manifest["config"]["digest"]])
    manifest["config"] = made.put(json.dumps({**config, "x": "x" * (4 << 20)}).encode(), CONFIG)
    made.put_json(manifest, MANIFEST)
    seen = made.see()
    assert isinstance(seen, Refutation)
    assert "4194304" in seen.message


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
def test_other_digests_are_checked_too(algorithm: str) -> None:
    """Of a layer; a changed byte is seen."""
    import hashlib

    made = image([file("a")])
    manifest = json.loads(made.blobs[made.top.digest])
    blob = made.blobs[manifest["layers"][0]["digest"]]
    name = f"{algorithm}:{hashlib.new(algorithm, blob).hexdigest()}"
    manifest["layers"][0]["digest"], made.blobs[name] = name, blob
    made.put_json(manifest, MANIFEST)
    assert isinstance(made.see(), ImageFacts)
    made.blobs[name] = blob[:-1] + b"!"
    assert isinstance(made.see(), Refutation)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
@settings(max_examples=200)
def test_any_value_in_any_place_is_read_or_red(data: st.DataObject) -> None:
    """Nothing that a registry says is a bug of ours."""
    made = image([file("a")])
    manifest = json.loads(made.blobs[made.top.digest])
    config = json.loads(made.blobs[manifest["config"]["digest"]])
    document = data.draw(
        st.sampled_from([manifest, config, manifest["config"], manifest["layers"][0], config["config"]])
    )
    document[data.draw(st.sampled_from(sorted(document)))] = data.draw(JSON)
    if document in (config, config["config"]):
        manifest["config"] = made.put(json.dumps(config).encode(), CONFIG)
    made.put_json(manifest, data.draw(st.sampled_from([MANIFEST, INDEX, LAYER, ""])))
    made.see()
