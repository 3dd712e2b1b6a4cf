"""The cache of what was read: a second look costs no layer, and nothing wrong with it is ever believed."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_substrate.adapters.aws.ecr_source import EcrSource
from pytest_substrate.adapters.registry.cache import ImageCache
from pytest_substrate.adapters.registry.credentials import Credential
from pytest_substrate.adapters.registry.layout import Layout
from pytest_substrate.adapters.registry.reference import RegistryReference
from pytest_substrate.adapters.registry.registry import Registry
from pytest_substrate.model.image import Descriptor
from pytest_substrate.planes.packaging.image import stored
from pytest_substrate.planes.packaging.image.facts import ImageFacts, Refutation
from pytest_substrate.planes.packaging.image.observe import observe_image
from tests.unit.adapters.registry.conftest import Asked, Served, reply
from tests.unit.planes.packaging.making import AMD64, Store, base, digest, file, image, installed, link, program


@pytest.fixture
def made() -> Store:
    """An image with every kind of file."""
    return image(
        [*base(), *installed("a", "1"), program("app", "#!/bin/sh\n"), link("l", "gone"), file("\udcff", mode=0o600)],
        [file("etc/passwd", "root:$6$secret:0:0::/root:\n")],
    )


@pytest.fixture
def cache(tmp_path: Path) -> ImageCache:
    """An empty one."""
    return ImageCache(tmp_path / "cache")


def look(source: Layout | Store, cache: ImageCache) -> ImageFacts | Refutation:
    """One look with the cache."""
    reference = source.top if isinstance(source, Store) else source.reference(None)
    found = observe_image(source, reference, AMD64, cache)
    assert isinstance(found, (ImageFacts, Refutation))
    return found


def test_a_second_look_is_the_same_and_reads_no_layer(made: Store, cache: ImageCache) -> None:
    """Every fact, names that are no UTF-8 too."""
    first = look(made, cache)
    names = set(made.blobs)

    class Counting(Store):
        def blob(self, wanted: Descriptor) -> object:  # type: ignore[override]  # it counts what is read
            names.discard(wanted.digest)
            return super().blob(wanted)

    again = Counting(blobs=made.blobs, top=made.top)
    second = look(again, cache)
    assert first == second
    assert {name for name, data in made.blobs.items() if data[:2] == b"\x1f\x8b"} < names


def test_a_blob_that_was_written_to_is_read_again(made: Store, cache: ImageCache, tmp_path: Path) -> None:
    """Also where its size and its time are what they were."""
    layout = Layout(made.write(tmp_path / "layout"))
    assert isinstance(look(layout, cache), ImageFacts)
    name = next(name for name, data in made.blobs.items() if data[:2] == b"\x1f\x8b")
    blob = tmp_path / "layout/blobs/sha256" / name.partition(":")[2]
    state = blob.stat()
    with blob.open("r+b") as opened:
        opened.seek(30)
        opened.write(b"!")
    import os

    os.utime(blob, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert isinstance(look(layout, cache), Refutation)
    blob.unlink()
    assert isinstance(look(layout, cache), Refutation)


def test_a_registry_is_asked_whether_it_still_has_the_image(served: Served, made: Store, cache: ImageCache) -> None:
    """Its documents are read, its layers only asked about."""
    served.store = made
    reference = RegistryReference(host=served.host, repository="a/b", digest=made.top.digest)
    for expected in (4, 0):
        served.asked.clear()
        found = observe_image(Registry(reference, Credential()), made.top, AMD64, cache)
        assert isinstance(found, ImageFacts)
        layers = [one for one in served.asked if made.blobs[one.path.rpartition("/")[2]][:2] == b"\x1f\x8b"]
        assert (expected // 2, 2) == (
            sum(one.method == "GET" for one in layers),
            sum(one.method == "HEAD" for one in layers),
        )
    del made.blobs[next(name for name, data in made.blobs.items() if data[:2] == b"\x1f\x8b")]
    assert isinstance(observe_image(Registry(reference, Credential()), made.top, AMD64, cache), Refutation)


class Ecr:
    """ECR's API over the registry's blobs: manifests by themselves, layers by their URL."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.meta = SimpleNamespace(service_model=SimpleNamespace(service_name="ecr"))

    def batch_get_image(self, **asked: Any) -> dict[str, Any]:
        """As ECR."""
        name = asked["imageIds"][0]["imageDigest"]
        return {"images": [{"imageManifest": self.served.store.blobs[name].decode()}], "failures": []}

    def get_download_url_for_layer(self, **asked: Any) -> dict[str, Any]:
        """As ECR."""
        return {"downloadUrl": f"http://{self.served.host}/v2/a/blobs/{asked['layerDigest']}"}


def test_ecr_is_asked_for_a_byte_of_each_layer(served: Served, made: Store, cache: ImageCache) -> None:
    """A run reads the layers of a digest once; after that ECR shows that it still has each, at its size."""
    served.store = made
    layers = {name for name, data in made.blobs.items() if data[:2] == b"\x1f\x8b"}

    def ranged(handler: BaseHTTPRequestHandler, asked: Asked) -> bool:
        name = asked.path.rpartition("/")[2]
        if "Range" not in asked.headers or name not in made.blobs:
            return False
        data = made.blobs[name]
        return reply(handler, 206, data[:1], {"Content-Range": f"bytes 0-0/{len(data)}"})

    served.answer = ranged
    source = EcrSource(Ecr(served), account="111122223333", repository="a")
    for whole in (len(layers), 0):
        served.asked.clear()
        assert isinstance(observe_image(source, made.top, AMD64, cache), ImageFacts)
        asked = [one for one in served.asked if one.path.rpartition("/")[2] in layers]
        assert whole == sum("Range" not in one.headers for one in asked)
        assert len(layers) == sum("Range" in one.headers for one in asked)
    shorter = next(iter(layers))
    made.blobs[shorter] = made.blobs[shorter][:-1]
    assert isinstance(observe_image(source, made.top, AMD64, cache), Refutation)
    del made.blobs[shorter]
    assert not isinstance(observe_image(source, made.top, AMD64, cache), ImageFacts)


@pytest.mark.parametrize("place", ["folder", "file"])
def test_what_others_can_write_is_not_read(made: Store, cache: ImageCache, place: str) -> None:
    """What they put there would be believed."""
    look(made, cache)
    assert cache.load(made.top.digest) is not None
    target = only(cache) if place == "file" else cache._folder
    target.chmod(target.stat().st_mode | 0o002)
    assert None is cache.load(made.top.digest)


def only(cache: ImageCache) -> Path:
    """The one file of a cache."""
    (found,) = cache._folder.iterdir()
    return found


def test_damage_is_ignored_and_mended(made: Store, cache: ImageCache) -> None:
    """Any byte of it."""
    first = look(made, cache)
    whole = only(cache).read_bytes()
    for at in (0, 31, 32, 33, len(whole) // 2, len(whole) - 1):
        only(cache).write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert None is cache.load(made.top.digest)
        assert first == look(made, cache)
        assert whole == only(cache).read_bytes()
    for damaged in (b"", whole[:-1], b"x" * 100):
        only(cache).write_bytes(damaged)
        assert first == look(made, cache)


def test_another_version_is_ignored(made: Store, cache: ImageCache, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even under this one's name."""
    look(made, cache)
    data = only(cache).read_bytes()
    monkeypatch.setattr(stored, "reader_version", lambda: "another")
    assert None is stored.from_bytes(data, made.top.digest)


def test_another_manifest_is_ignored(made: Store, cache: ImageCache) -> None:
    """A file under another's name."""
    look(made, cache)
    assert None is stored.from_bytes(only(cache).read_bytes(), digest(b"other"))


def test_what_is_red_is_not_kept(made: Store, cache: ImageCache) -> None:
    """Only what was proven whole is."""
    name = next(name for name, data in made.blobs.items() if data[:2] == b"\x1f\x8b")
    made.blobs[name] = made.blobs[name][:-1] + b"!"
    assert isinstance(look(made, cache), Refutation)
    assert not cache._folder.exists()


def test_no_secret_is_kept(made: Store, cache: ImageCache) -> None:
    """Of passwd no password, of the configuration nothing."""
    look(made, cache)
    found = cache.load(made.top.digest)
    assert found is not None
    assert not any(b"secret" in one.data for one in found.files)
    assert 0o600 == only(cache).stat().st_mode & 0o777


def test_a_cache_that_cannot_be_written_is_no_error(made: Store, tmp_path: Path) -> None:
    """A file stands in its place."""
    (tmp_path / "file").write_text("")
    assert isinstance(look(made, ImageCache(tmp_path / "file")), ImageFacts)


def test_old_files_go(cache: ImageCache) -> None:
    """The folder has a bound."""
    for at in range(70):
        cache.store(
            stored.Stored(manifest_digest=f"sha256:{at}", marks={"a": "b"}, tree=image([]).facts().tree, files=())
        )
    assert 64 == len(list(cache._folder.iterdir()))


def test_the_users_folder(tmp_path: Path) -> None:
    """Named, or that of the XDG specification."""
    assert tmp_path / "images" == ImageCache.of_user({"SUBSTRATE_CACHE": str(tmp_path)})._folder
    assert tmp_path / "pytest-substrate/images" == ImageCache.of_user({"XDG_CACHE_HOME": str(tmp_path)})._folder
    assert tmp_path / ".cache/pytest-substrate/images" == ImageCache.of_user({"HOME": str(tmp_path)})._folder
