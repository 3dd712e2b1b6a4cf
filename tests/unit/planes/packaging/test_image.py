"""An image from end to end: every check green, and one red at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_substrate.model.outcome import Outcome
from tests.unit.planes.packaging.making import (
    SITE,
    Entry,
    Store,
    base,
    elf,
    file,
    image,
    installed,
    program,
    python,
    wanting,
)

CHECKS = ["PKG-020", "PKG-060", "PKG-070", "PKG-080", "PKG-090", "PKG-100"]
KAFKA = installed("kafka-python", "2.2.1", files={"kafka/__init__.py": b"", "kafka/client.py": b""})
CONTRACT = wanting("kafka-python>=2.2", imports=["kafka", "kafka.client", "ssl"], python="3.11", labels={"a": "b"})
SSL = [file("usr/local/lib/python3.11/ssl.py")]


def healthy(*more: Entry, **changed: object) -> Store:
    """An image that holds everything, and what a test adds on top."""
    return image([*base(), *SSL, *KAFKA], more, **{"Labels": {"a": "b"}, **changed})  # type: ignore[arg-type]  # keys of the configuration


def test_a_healthy_image_is_green_in_every_check() -> None:
    """Each check once, in the order of the ladder, about the digest."""
    made = healthy()
    records = made.records(CONTRACT)
    assert CHECKS == list(records)
    assert {one.check: (Outcome.PASS, None) for one in records.values()} == {
        one.check: (one.outcome, one.cause) for one in records.values()
    }
    assert {f"image/{made.top.digest}"} == {one.subject for one in records.values()}


@pytest.mark.parametrize(
    ("made", "check", "cause"),
    [
        (lambda: healthy(Labels={"a": "c"}), "PKG-020", "label-differs"),
        (lambda: healthy(Labels={}), "PKG-020", "label-differs"),
        (lambda: healthy(file(f"{SITE}/kafka/.wh.client.py")), "PKG-060", "file-missing"),
        (lambda: healthy(file(f"{SITE}/.wh.kafka_python-2.2.1.dist-info")), "PKG-060", "distribution-missing"),
        (lambda: healthy(*installed("kafka_python", "2.1")), "PKG-060", "duplicate-metadata"),
        (lambda: healthy(*installed("more", "1", requires=["absent"])), "PKG-070", "requirement-unmet"),
        (lambda: healthy(*installed("more", "1", headers=["Requires-Python: >=3.12"])), "PKG-070", "python-unmet"),
        (lambda: healthy(file("usr/local/lib/python3.11/.wh.ssl.py")), "PKG-080", "import-missing"),
        (lambda: healthy(file("lib64/.wh.ld-linux-x86-64.so.2")), "PKG-090", "library-missing"),
        (lambda: healthy(program("usr/local/bin/python3.11", elf(machine=183))), "PKG-090", "other-machine"),
        (lambda: healthy(program("usr/local/bin/python3.11", elf()[:80])), "PKG-090", "binary-damaged"),
        (lambda: healthy(entrypoint=["nothing"]), "PKG-100", "entrypoint-missing"),
        (lambda: healthy(entrypoint=[]), "PKG-100", "no-entrypoint"),
        (lambda: healthy(file("app", "#!/bin/sh\n"), entrypoint=["/app"]), "PKG-100", "not-executable"),
        (lambda: healthy(program("app", "#!/bin/sh\n"), entrypoint=["/app"]), "PKG-100", "interpreter-missing"),
        (lambda: healthy(entrypoint=["python", "-m", "ingest"]), "PKG-100", "entrypoint-missing"),
    ],
)
def test_one_fault_turns_its_check_red_first(made: Callable[[], Store], check: str, cause: str) -> None:
    """The first red rung is the one that owns the fault."""
    red = [one for one in made().records(CONTRACT).values() if not one.outcome.green]
    assert (check, Outcome.VIOLATION, cause) == (red[0].check, red[0].outcome, red[0].cause)


def test_an_image_without_python_gets_the_checks_that_apply() -> None:
    """The others say that they don't."""
    made = image([program("app")], entrypoint=["/app"], Labels={"a": "b"})
    records = made.records(wanting(labels={"a": "b"}))
    assert [Outcome.PASS] * 6 == [one.outcome for one in records.values()]
    assert ["PKG-060", "PKG-070", "PKG-080"] == [
        c for c, one in records.items() if one.facts.get("applicable") is False
    ]


def test_what_stands_on_pkg_020_is_not_reached_without_it() -> None:
    """Nothing is judged of an image that isn't what it says."""
    made = healthy()
    made.blobs[made.top.digest] += b" "
    records = made.records(CONTRACT)
    assert (Outcome.VIOLATION, "image-corrupt", "artifact") == (
        records["PKG-020"].outcome,
        records["PKG-020"].cause,
        records["PKG-020"].layer.value,
    )
    assert [Outcome.NOT_REACHED] * 5 == [records[check].outcome for check in CHECKS[1:]]


def test_the_python_is_the_one_that_the_entry_point_starts() -> None:
    """Not the first of the image."""
    made = image([*base(), *python("3.12.1", prefix="opt/other")], entrypoint=["/opt/other/bin/python3"])
    assert "3.12.1" == made.records(wanting(python="3.12"))["PKG-060"].facts["python_version"]
