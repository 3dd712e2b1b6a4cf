"""PKG-060 and PKG-070: what is installed on the path of the image's Python, whole, and with all that it requires."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.packaging.image.contents import Contract
from tests.unit.planes.packaging.making import (
    LIBC,
    SITE,
    Entry,
    base,
    elf,
    file,
    folder,
    image,
    installed,
    libc,
    link,
    program,
    python,
    wanting,
)

Found = tuple[Outcome, str | None]
GREEN: Found = (Outcome.PASS, None)


def red(cause: str) -> Found:
    """Proven wrong."""
    return Outcome.VIOLATION, cause


def open_(cause: str) -> Found:
    """Not decided."""
    return Outcome.INCONCLUSIVE, cause


def judged(entries: Sequence[Entry], contract: Contract, check: str = "PKG-060", **more: object) -> Found:
    """What a check comes to for an image with these entries over a healthy base."""
    record = image([*base(), *entries], **more).records(contract)[check]  # type: ignore[arg-type]  # keys of the configuration
    return record.outcome, record.cause


A = installed("a", "1.5")
INFO = f"{SITE}/a-1.5.dist-info"


@pytest.mark.parametrize(
    ("entries", "contract", "expected"),
    [
        (A, wanting("a"), GREEN),
        (A, wanting("A>=1,<2"), GREEN),
        (A, wanting("a>2"), red("other-version")),
        (A, wanting("a===1.5"), GREEN),
        (A, wanting("a==1.*"), GREEN),
        (A, wanting("a~=1.4"), GREEN),
        (A, wanting("b"), red("distribution-missing")),
        (A, wanting("a", "b"), red("distribution-missing")),
        (A, wanting('b; python_version < "3.9"'), GREEN),
        (A, wanting('b; sys_platform == "win32" or platform_machine == "aarch64"'), GREEN),
        (A, wanting('b; python_full_version >= "3.11.7"'), red("distribution-missing")),
        (A, wanting('b; platform_release > "4"'), open_("undecided")),
        (A, wanting(python="3.11"), GREEN),
        (A, wanting(python="3.12"), red("other-python")),
        (installed("a", "2.0rc1"), wanting("a>=1"), GREEN),
        (installed("a", "2.0.dev3"), wanting("a<3"), GREEN),
        (installed("a", "2.0.dev3"), wanting("a<2"), red("other-version")),
        (installed("a", "1.0+local.1"), wanting("a==1.0"), GREEN),
        (installed("A.b_c", "1"), wanting("a-b-c"), GREEN),
        (installed("a", "no-version"), wanting("a>=1"), red("other-version")),
        (installed("a", "no-version"), wanting("a"), GREEN),
        (installed("a", "1", tag="cp311-cp311-manylinux_2_17_x86_64"), wanting("a"), GREEN),
        (installed("a", "1", tag="cp311-cp311-manylinux2014_x86_64"), wanting("a"), GREEN),
        (installed("a", "1", tag="cp39-abi3-manylinux_2_36_x86_64"), wanting("a"), GREEN),
        (installed("a", "1", tag="cp39-abi3-manylinux_2_37_x86_64"), wanting("a"), red("wheel-tag")),
        (installed("a", "1", tag="cp311-cp311-linux_x86_64"), wanting("a"), GREEN),
        (installed("a", "1", tag="cp312-cp312-linux_x86_64"), wanting("a"), red("wheel-tag")),
        (installed("a", "1", tag="cp312-abi3-linux_x86_64"), wanting("a"), red("wheel-tag")),
        (installed("a", "1", tag="cp311-cp311-linux_aarch64"), wanting("a"), red("wheel-tag")),
        (installed("a", "1", tag="cp311-cp311-musllinux_1_2_x86_64"), wanting("a"), red("wheel-tag")),
        (installed("a", "1", tag="cp311-cp311-win_amd64"), wanting("a"), red("wheel-tag")),
        (installed("a", "1", tag="py2.py3-none-any"), wanting("a"), GREEN),
        (installed("a", "1", tag="py2-none-any"), wanting("a"), red("wheel-tag")),
        (installed("a", "1", tag="nonsense"), wanting("a"), GREEN),
        (installed("b", "1", tag="cp312-cp312-linux_x86_64") + A, wanting("a"), GREEN),
    ],
)
def test_versions_markers_and_tags(entries: list[Entry], contract: Contract, expected: Found) -> None:
    """By the image's own environment, pre-releases allowed; tags of what is required alone."""
    assert expected == judged(entries, contract)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ([file(f"{SITE}/a/.wh.__init__.py")], red("file-missing")),
        ([file(f"{SITE}/.wh.a")], red("file-missing")),
        ([link(f"{SITE}/a/__init__.py", "gone")], red("file-missing")),
        ([folder(f"{SITE}/a/__init__.py")], red("file-missing")),
        ([file(f"{INFO}/.wh.RECORD")], open_("files-unknown")),
        ([file(f"{INFO}/.wh.RECORD"), file(f"{INFO}/top_level.txt", "a\n")], GREEN),
        ([file(f"{INFO}/.wh.RECORD"), file(f"{INFO}/top_level.txt", "a\nb\n")], open_("files-unknown")),
        ([file(f"{INFO}/.wh.RECORD"), file(f"{INFO}/top_level.txt", "")], open_("files-unknown")),
        ([file(f"{INFO}/RECORD", "")], open_("files-unknown")),
        ([file(f"{INFO}/RECORD", "../../../bin/gone,,\n/etc/gone,,\na/__init__.py,,\n")], GREEN),
        ([file(f"{INFO}/RECORD", "a/__pycache__/x.cpython-311.pyc,,\nold.pyc,,\na/__init__.py,,\n")], GREEN),
        ([file(f"{INFO}/RECORD", "a/,,\ngone/,,\n./a/__init__.py,,\n")], GREEN),
        ([file(f"{INFO}/RECORD", '"a/with, comma.txt",,\n')], red("file-missing")),
        ([file(f"{INFO}/RECORD", "a/__init__.py,sha256=AAAA,999\r\n")], GREEN),
        ([file(f"{INFO}/RECORD", b"a/\xff.py,,\n")], red("file-missing")),
        ([file(f"{INFO}/.wh.METADATA")], red("distribution-missing")),
        ([file(f"{INFO}/METADATA", "Name: a\n")], red("distribution-missing")),
        ([file(f"{INFO}/METADATA", "Version: 1.5\n\nName: a\n")], red("distribution-missing")),
        ([file(f"{INFO}/METADATA", "name: a\r\nVERSION:  1.5\r\n\r\nx")], GREEN),
        ([file(f"{INFO}/METADATA", "Name: b\nVersion: 1.5\n")], red("duplicate-metadata")),
        ([file(f"{INFO}/METADATA", "Name: a\nVersion: 1.6\n")], red("duplicate-metadata")),
        ([file(f"{INFO}/METADATA", "Name: a\nVersion: 1.5.0\n")], GREEN),
        (installed("a", "1.4"), red("duplicate-metadata")),
        (installed("b", "1") + installed("B", "2"), red("duplicate-metadata")),
        ([file(f"{SITE}/~-1.4.dist-info/METADATA", "Name: a\nVersion: 1.4\n")], GREEN),
        ([file(f"{SITE}/~a-1.4.dist-info/METADATA", "Name: a\nVersion: 1.4\n")], GREEN),
        ([folder(f"{SITE}/a-1.4.dist-info")], GREEN),
        ([file(f"{SITE}/a-1.4.dist-info/RECORD")], GREEN),
        ([file(f"{SITE}/a.egg-info/PKG-INFO", "Name: a\nVersion: 1.4\n")], red("duplicate-metadata")),
        (installed("a", "1.4", site="srv/other"), GREEN),
    ],
)
def test_files_and_folders_of_metadata(more: list[Entry], expected: Found) -> None:
    """By RECORD, else what stands in for it; and folders that make the answer a matter of chance."""
    record = image([*base(), *A], more).records(wanting("a"))["PKG-060"]
    assert expected == (record.outcome, record.cause)


EGG = f"{SITE}/a-1.5-py3.11.egg-info"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([file(EGG, "Name: a\nVersion: 1.5\n")], open_("files-unknown")),
        ([file(f"{EGG}/PKG-INFO", "Name: a\nVersion: 1.5\n")], open_("files-unknown")),
        (
            [
                file(f"{EGG}/PKG-INFO", "Name: a\nVersion: 1.5\n"),
                file(
                    f"{EGG}/installed-files.txt",
                    "../a.py\n../__pycache__/a.cpython-311.pyc\n../../../../bin/a\nPKG-INFO\n",
                ),
                file(f"{SITE}/a.py"),
            ],
            GREEN,
        ),
        (
            [file(f"{EGG}/PKG-INFO", "Name: a\nVersion: 1.5\n"), file(f"{EGG}/installed-files.txt", "../a.py\n")],
            red("file-missing"),
        ),
        (
            [
                file(f"{EGG}/PKG-INFO", "Name: a\nVersion: 1.5\n"),
                file(f"{EGG}/top_level.txt", "a\n"),
                file(f"{SITE}/a/__init__.py"),
            ],
            GREEN,
        ),
        ([file(f"{SITE}/other.egg-info/PKG-INFO", "Name: a\nVersion: 1.5\n")], red("duplicate-metadata")),
        ([file(f"{SITE}/x.egg/EGG-INFO/PKG-INFO", "Name: a\nVersion: 1.5\n")], red("distribution-missing")),
        (
            [
                file(f"{SITE}/easy.pth", "./a-1.5.egg\n"),
                file(f"{SITE}/a-1.5.egg/EGG-INFO/PKG-INFO", "Name: a\nVersion: 1.5\n"),
                file(f"{SITE}/a-1.5.egg/EGG-INFO/top_level.txt", "a"),
                file(f"{SITE}/a-1.5.egg/a.py"),
            ],
            GREEN,
        ),
    ],
)
def test_eggs(entries: list[Entry], expected: Found) -> None:
    """Distributions as setuptools installed them."""
    assert expected == judged(entries, wanting("a"))


def test_the_first_of_two_folders_counts() -> None:
    """As in Python: PYTHONPATH stands before the site folder."""
    env = {"PYTHONPATH": "/srv/a"}
    other = installed("a", "1.0", site="srv/a")
    assert red("other-version") == judged([*A, *other], wanting("a>=1.5"), env=env)
    assert GREEN == judged([*A, *other], wanting("a>=1.5"))


@pytest.mark.parametrize(
    ("entries", "contract", "expected"),
    [
        (installed("a", "1", requires=["b>=2"]) + installed("b", "2"), wanting("a"), GREEN),
        (installed("a", "1", requires=["b>=2"]) + installed("b", "1"), wanting("a"), red("requirement-unmet")),
        (installed("a", "1", requires=["b"]), wanting(python="3.11"), red("requirement-unmet")),
        (installed("a", "1", requires=['b; extra == "x"']), wanting("a"), GREEN),
        (
            installed("a", "1", requires=['b; extra == "x"'], headers=["Provides-Extra: x"]),
            wanting("a[x]"),
            red("requirement-unmet"),
        ),
        (
            installed("a", "1", requires=['b; extra == "x-y"'], headers=["Provides-Extra: x-y"]) + installed("b", "1"),
            wanting("a[X_y]"),
            GREEN,
        ),
        (installed("a", "1"), wanting("a[x]"), red("requirement-unmet")),
        (
            installed("a", "1", requires=["b[x]"])
            + installed("b", "1", requires=['c; extra == "x"'], headers=["Provides-Extra: x"]),
            wanting("a"),
            red("requirement-unmet"),
        ),
        (
            installed("a", "1", requires=["a[all]", 'b; extra == "all"'], headers=["Provides-Extra: all"]),
            wanting("a"),
            red("requirement-unmet"),
        ),
        (installed("a", "1", requires=['b; python_version < "3"', 'c; os_name == "nt"']), wanting("a"), GREEN),
        (installed("a", "1", requires=['b; platform_machine == "x86_64"']), wanting("a"), red("requirement-unmet")),
        (
            installed("a", "1", requires=["b (>=1)", "c @ https://example.com/c.zip"])
            + installed("b", "1")
            + installed("c", "3"),
            wanting("a"),
            GREEN,
        ),
        (installed("a", "1", requires=["b>=1"]) + installed("b", "2.0b1"), wanting("a"), GREEN),
        (installed("a", "1", requires=["not a requirement!"]), wanting("a"), open_("undecided")),
        (installed("a", "1", requires=['b; platform_version == "x"']), wanting("a"), open_("undecided")),
        (installed("a", "1", headers=["Requires-Python: >=3.11.7,<4"]), wanting("a"), GREEN),
        (installed("a", "1", headers=["Requires-Python: >=3.11.8"]), wanting("a"), red("python-unmet")),
        (installed("a", "1", headers=["Requires-Python: whatever"]), wanting("a"), open_("undecided")),
        (installed("a", "1", requires=["b"], site="srv"), wanting(python="3.11"), GREEN),
        (
            [
                file(f"{EGG}/PKG-INFO", "Name: a\nVersion: 1.5\n"),
                file(
                    f"{EGG}/requires.txt",
                    "b>=1\n\n[x]\nc\n\n[:python_version < '3']\nd\n\n[y:python_version > '3']\ne\n",
                ),
                *installed("b", "1"),
            ],
            wanting("a"),
            GREEN,
        ),
        (
            [file(f"{EGG}/PKG-INFO", "Name: a\nVersion: 1.5\n"), file(f"{EGG}/requires.txt", "[x]\nc\n")],
            wanting("a[x]"),
            red("requirement-unmet"),
        ),
    ],
)
def test_the_closure(entries: list[Entry], contract: Contract, expected: Found) -> None:
    """Of every installed distribution, with extras and markers."""
    assert expected == judged(entries, contract, "PKG-070")


def test_an_unknown_micro_version_decides_nothing_that_turns_on_it() -> None:
    """And everything else."""
    bare = [*libc(), *python()]
    bare[2] = program("usr/local/bin/python3.11", elf(loader="/lib64/ld-linux-x86-64.so.2"))
    for told, expected in (
        (">=3.11.3", open_("undecided")),
        (">=3.11", GREEN),
        (">=3.12", red("python-unmet")),
        (">=3.10.9", GREEN),
    ):
        made = image(bare, installed("a", "1", headers=[f"Requires-Python: {told}"]))
        record = made.records(wanting("a"))["PKG-070"]
        assert expected == (record.outcome, record.cause), told


@pytest.mark.parametrize("told", [["patchlevel"], ["PYTHON_VERSION"]])
def test_a_micro_version_that_something_tells(told: list[str]) -> None:
    """The headers of Python, or what the official images set."""
    bare = [*libc(), *python()]
    bare[2] = program("usr/local/bin/python3.11", elf(loader="/lib64/ld-linux-x86-64.so.2"))
    header = file("usr/local/include/python3.11/patchlevel.h", '#define PY_VERSION             "3.11.9"\n')
    env = {"PYTHON_VERSION": "3.11.9"} if told == ["PYTHON_VERSION"] else {}
    made = image([*bare, *([] if env else [header])], env=env)
    assert "3.11.9" == made.records(wanting(python="3.11"))["PKG-060"].facts["python_version"]


def test_a_wheel_for_musl_fits_an_image_of_musl() -> None:
    """And no other."""
    musl = "lib/ld-musl-x86_64.so.1"
    own = [program(musl, elf(soname="libc.musl-x86_64.so.1")), *python()]
    own[1] = program("usr/local/bin/python3.11", elf(loader=f"/{musl}", needed=["libc.musl-x86_64.so.1"]))
    for tag, expected in (
        ("cp311-cp311-musllinux_1_2_x86_64", GREEN),
        ("cp311-cp311-manylinux_2_17_x86_64", red("wheel-tag")),
    ):
        record = image(own, installed("a", "1", tag=tag)).records(wanting("a"))["PKG-060"]
        assert expected == (record.outcome, record.cause)


def test_a_glibc_of_unknown_version_takes_every_manylinux() -> None:
    """What can't be told isn't held against a wheel."""
    made = image(
        [*base(), *installed("a", "1", tag="cp311-cp311-manylinux_2_40_x86_64")],
        [program(LIBC, elf(soname="libc.so.6"))],
    )
    assert Outcome.PASS == made.records(wanting("a"))["PKG-060"].outcome
