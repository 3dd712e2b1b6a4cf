"""Lock files as the source of a contract: what each needs of an image, and what is no lock."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.declaration.workloads import Contract as Declared
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.packaging.image.required import Surroundings
from pytest_substrate.planes.packaging.lock import Lock, read_lock
from pytest_substrate.planes.packaging.lock.graph import Edge, Locked
from pytest_substrate.planes.packaging.observe import lock_in
from tests.unit.planes.packaging.making import base, image, installed, wanting

LOCKS = Path(__file__).parents[4] / "fixtures/locks"
NAMES = ["pylock.toml", "uv.lock", "poetry.lock", "requirements.txt"]
NEEDED = {"certifi", "charset-normalizer", "idna", "pysocks", "requests", "tqdm", "urllib3"}
PYLOCK = 'lock-version = "1.0"\ncreated-by = "x"\n'
HASH = "--hash=sha256:" + "0" * 64


def around(python: str = "3.11", *, exact: bool = True, **changes: str) -> Surroundings:
    """The environment of an image."""
    markers = {
        "implementation_name": "cpython",
        "implementation_version": f"{python}.4",
        "os_name": "posix",
        "platform_machine": "x86_64",
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": "Linux",
        "platform_version": "",
        "python_full_version": f"{python}.4" if exact else f"{python}.0",
        "python_version": python,
        "sys_platform": "linux",
    }
    return Surroundings(markers={**markers, **changes}, exact=exact)


def needed(lock: Lock, surroundings: Surroundings) -> dict[str, str]:
    """What a lock needs: name and version."""
    return {one.name: str(one.specifier) for one in lock.required(surroundings)}


def lock_of(text: str, name: str) -> Lock:
    """A lock's text, read."""
    return read_lock(text.encode(), name=name)


@pytest.mark.parametrize("name", NAMES)
def test_four_tools_say_the_same(name: str) -> None:
    """Extras that are asked for are followed, development and other platforms are left out, by the image's Python."""
    lock = read_lock((LOCKS / name).read_bytes(), name=name)
    assert needed(lock, around()).keys() == NEEDED
    assert needed(lock, around("3.10")).keys() == NEEDED | {"importlib-metadata", "zipp"}
    assert "==2.34.2" == needed(lock, around())["requests"]
    windows = around(sys_platform="win32", platform_system="Windows", os_name="nt")
    assert needed(lock, windows).keys() == NEEDED | {"colorama"}
    assert lock.digest.startswith("sha256:")


@pytest.mark.parametrize("name", ["pylock.toml", "uv.lock", "poetry.lock"])
def test_the_pythons_of_a_lock(name: str) -> None:
    """They go into the contract."""
    assert ">=3.10" == read_lock((LOCKS / name).read_bytes(), name=name).requires_python


def test_an_image_is_held_to_its_lock() -> None:
    """Each package at its version, beside the contract's own distributions; a wrong Python is told."""
    lock = lock_of(f"a==1.0 {HASH}\nb==2.0 ; sys_platform == 'win32' {HASH}\n", "requirements.txt")
    whole = image([*base(), *installed("a", "1.0"), *installed("c", "1")])
    record = whole.records(wanting("c", lock=lock))["PKG-060"]
    assert (Outcome.PASS, 2, lock.digest) == (record.outcome, record.facts["count"], record.facts["lock_digest"])
    older = image([*base(), *installed("a", "0.9"), *installed("c", "1")]).records(wanting("c", lock=lock))
    assert ("other-version", ["a"]) == (older["PKG-060"].cause, older["PKG-060"].facts["distributions"])
    text = (
        PYLOCK + 'requires-python = ">=3.13"\n[[packages]]\nname = "a"\nversion = "1.0"\ndirectory = { path = "a" }\n'
    )
    other = whole.records(wanting(lock=lock_of(text, "pylock.toml")))["PKG-060"]
    assert ("other-python", "the image runs Python 3.11, and the lock is for >=3.13") == (other.cause, other.message)


def test_an_image_without_python_lacks_what_is_locked() -> None:
    """No marker can be asked, so everything is missing."""
    lock = lock_of(f"a==1.0 {HASH}\n", "requirements.txt")
    record = image([*base()], entrypoint=["/bin/none"]).records(wanting(lock=lock))["PKG-060"]
    assert "distribution-missing" == record.cause


def test_what_cannot_be_told_stays_open() -> None:
    """A marker about the kernel keeps its package, and what that leads to, undecided."""
    lock = lock_of(f"a==1.0 ; platform_release == '6' {HASH}\n", "requirements.txt")
    assert ['a==1.0; platform_release == "6"'] == [str(one) for one in lock.required(around())]
    record = image([*base()]).records(wanting(lock=lock))["PKG-060"]
    assert (Outcome.INCONCLUSIVE, "undecided") == (record.outcome, record.cause)


def test_groups_of_a_pylock() -> None:
    """Default groups are installed, others and extras are not."""
    head = PYLOCK + 'extras = ["e"]\ndependency-groups = ["g", "d"]\ndefault-groups = ["d"]\n'
    markers = {"a": "'e' in extras", "b": "'g' in dependency_groups", "c": "'d' in dependency_groups"}
    packages = "".join(
        f'[[packages]]\nname = "{name}"\nversion = "1"\nmarker = "{marker}"\ndirectory = {{ path = "." }}\n'
        for name, marker in markers.items()
    )
    assert {"c"} == needed(lock_of(head + packages, "pylock.dev.toml"), around()).keys()


def test_forks_of_a_uv_lock() -> None:
    """Of two versions of a package, the edge whose marker holds says which."""
    source = 'source = { registry = "https://index.invalid/simple" }\n'
    text = 'version = 1\n[[package]]\nname = "app"\nsource = { virtual = "." }\ndependencies = [\n'
    text += f'  {{ name = "a", version = "1", {source.strip()}, marker = "python_version < \'3.11\'" }},\n'
    text += f'  {{ name = "a", version = "2", {source.strip()}, marker = "python_version >= \'3.11\'" }},\n]\n'
    text += "".join(f'[[package]]\nname = "a"\nversion = "{version}"\n{source}' for version in "12")
    assert {"a": "==2"} == needed(lock_of(text, "uv.lock"), around())
    assert {"a": "==1"} == needed(lock_of(text, "uv.lock"), around("3.10"))


def test_pythons_in_poetrys_own_words() -> None:
    """`^3.11` is what most of its projects say."""
    package = (
        '[[package]]\nname = "a"\nversion = "1"\ngroups = ["main", "dev"]\nmarkers = {main = "os_name == \'nt\'"}\n'
    )
    lock = lock_of(f'{package}[metadata]\npython-versions = "^3.11"\n', "poetry.lock")
    assert (">=3.11,<4", {}) == (lock.requires_python, needed(lock, around()))


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("Pipfile.lock", "{}", ["no lock file that is known", "name a pylock.toml"]),
        ("requirements.txt", "a==1.0\n", ["line 1", "a has no --hash"]),
        ("requirements.txt", f"\na>=1.0 \\\n  {HASH}\n", ["line 2", "not pinned"]),
        ("requirements.txt", f"a==1.* {HASH}\n", ["line 1", "not pinned"]),
        ("requirements.txt", f"a==1 {HASH}\n-r other.txt\n", ["line 2", "not followed"]),
        ("requirements.txt", "--index-url https://u:hunter2@index.invalid/\n", ["holds no requirement"]),
        ("requirements.txt", "a b c hunter2\n", ["line 1", "is not a requirement"]),
        ("pylock.toml", "[", ["is not TOML"]),
        ("pylock.toml", 'lock-version = "2.0"\ncreated-by = "x"\npackages = []\n', ["PEP 751"]),
        ("pylock.toml", 'lock-version = "1.0"\ncreated-by = "x"\npackages = []\n', ["holds no package"]),
        ("uv.lock", "version = 2\n", ["version", "uv export"]),
        ("uv.lock", 'version = 1\n[[package]]\nname = "a"\nversion = "1"\n', ["no project of this folder"]),
        ("uv.lock", 'version = 1\n[manifest]\nmembers = ["a", "b"]\n[[package]]\nname = "a"\n', ["several projects"]),
        (
            "uv.lock",
            'version = 1\n[[package]]\nname = "a"\nsource = { virtual = "." }\ndependencies = [{ name = "b" }]\n',
            ["dependencies[0]", "names no package"],
        ),
        ("poetry.lock", '[[package]]\nname = "a"\nversion = "1"\n', ["package[0].groups", "Poetry 1"]),
        ("poetry.lock", '[[package]]\nname = "a"\nversion = "hunter2"\ngroups = ["main"]\n', ["is not a version"]),
        (
            "poetry.lock",
            '[[package]]\nname = "a"\nversion = "1"\ngroups = ["main"]\nmarkers = "hunter2"\n',
            ["not a marker"],
        ),
    ],
)
def test_what_is_no_lock(name: str, text: str, words: list[str]) -> None:
    """One line with the place and the mend, and no value."""
    with pytest.raises(BadInput) as raised:
        lock_of(text, name)
    told = str(raised.value)
    assert all(word in told for word in words), told
    assert name in told
    assert "hunter2" not in told


@given(st.sampled_from(NAMES), st.binary(max_size=200))
def test_any_bytes_are_a_lock_or_refused(name: str, data: bytes) -> None:
    """Nothing else comes out."""
    with contextlib.suppress(BadInput):
        assert isinstance(read_lock(data, name=name), Lock)


@given(st.data())
def test_a_graph_is_walked_to_its_end(data: st.DataObject) -> None:
    """Circles too; everything that is reached by edges that hold is needed, and nothing else."""
    count = data.draw(st.integers(1, 6))
    edges = st.lists(
        st.builds(
            Edge,
            package=st.integers(0, count - 1),
            marker=st.sampled_from([None, "os_name == 'posix'", "os_name == 'nt'"]),
            extras=st.sampled_from([frozenset(), frozenset({"x"})]),
        ),
        max_size=4,
    ).map(tuple)
    packages = tuple(
        Locked(name=f"p{number}", version="1", needs=data.draw(edges), extras={"x": data.draw(edges)})
        for number in range(count)
    )
    lock = Lock(name="l", digest="d", packages=packages, roots=data.draw(edges))
    reached: set[tuple[int, bool]] = set()
    waiting = list(lock.roots)
    while waiting:
        edge = waiting.pop()
        if edge.marker is not None and "nt" in edge.marker:
            continue
        for extra in (False, *([True] if edge.extras else [])):
            if (edge.package, extra) not in reached:
                reached.add((edge.package, extra))
                package = packages[edge.package]
                waiting += package.extras["x"] if extra else package.needs
    assert {f"p{number}" for number, extra in reached if not extra} == needed(lock, around()).keys()


def test_a_lock_of_the_declaration(tmp_path: Path) -> None:
    """It lies where release records lie; one that can't be used is red with its own cause."""
    declared = Declared(lock="locks/uv.lock")
    context = cast("Any", SimpleNamespace(target=SimpleNamespace(records=tmp_path)))
    assert lock_in(context, Declared(imports=("a",))) is None
    missing = lock_in(context, declared)
    assert isinstance(missing, Diagnosis)
    assert (Outcome.VIOLATION, "lock-missing") == (missing.outcome, missing.cause)
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks/uv.lock").write_bytes(b"version = 2")
    unusable = lock_in(context, declared)
    assert isinstance(unusable, Diagnosis)
    assert (Outcome.VIOLATION, "lock-unusable") == (unusable.outcome, unusable.cause)
    (tmp_path / "locks/uv.lock").write_bytes((LOCKS / "uv.lock").read_bytes())
    assert isinstance(lock_in(context, declared), Lock)
