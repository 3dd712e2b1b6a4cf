"""PKG-100: what the image starts is there, and the kernel would start it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from pytest_substrate.model.outcome import Outcome
from tests.unit.planes.packaging.making import (
    Entry,
    base,
    elf,
    file,
    folder,
    hard,
    image,
    link,
    program,
    wanting,
)

GREEN = None
MISSING, REFUSED, LOST = "entrypoint-missing", "not-executable", "interpreter-missing"
SH = [program("bin/sh"), program("usr/bin/env")]


def cause(entries: Sequence[Entry], entrypoint: Sequence[str], **more: Any) -> str | None:
    """Why the image doesn't start; None where it does."""
    record = image([*base(), *SH, *entries], entrypoint=entrypoint, **more).records(wanting(python="3.11"))["PKG-100"]
    assert (record.cause is None) == (record.outcome is Outcome.PASS)
    return record.cause


@pytest.mark.parametrize(
    ("entries", "entrypoint", "expected"),
    [
        ([program("app")], ["/app"], GREEN),
        ([program("app")], ["app"], MISSING),
        ([program("app")], ["/app/"], REFUSED),
        ([program("usr/bin/app")], ["app"], GREEN),
        ([program("srv/app")], ["./app"], GREEN),
        ([program("srv/bin/app")], ["bin/app"], GREEN),
        ([program("srv/app")], ["app"], MISSING),
        ([], ["/app"], MISSING),
        ([], [""], MISSING),
        ([], ["\0"], MISSING),
        ([folder("app")], ["/app"], REFUSED),
        ([file("app", elf())], ["/app"], REFUSED),
        ([file("usr/local/bin/app", elf()), program("usr/bin/app")], ["app"], GREEN),
        ([file("usr/local/bin/app", elf())], ["app"], REFUSED),
        ([program("app", "echo no first line\n")], ["/app"], REFUSED),
        ([program("app", "")], ["/app"], REFUSED),
        ([link("app", "usr/bin/real"), program("usr/bin/real")], ["/app"], GREEN),
        ([link("app", "/a"), link("a", "/app")], ["/app"], MISSING),
        ([link("app", "gone")], ["/app"], MISSING),
        ([link("usr/bin/app", "../../../../../srv/real"), program("srv/real")], ["app"], GREEN),
        ([hard("app", "bin/sh")], ["/app"], GREEN),
        ([program("app", "#!/bin/sh\nexit\n")], ["/app"], GREEN),
        ([program("app", "#! \t/bin/sh -e\n")], ["/app"], GREEN),
        ([program("app", "#!/bin/sh")], ["/app"], GREEN),
        ([program("app", "#!/bin/sh\r\n")], ["/app"], LOST),
        ([program("app", "#!/bin/bash\n")], ["/app"], LOST),
        ([program("app", "#!\n")], ["/app"], LOST),
        ([program("app", "#!bin/sh\n")], ["/app"], LOST),
        ([program("app", "#!/run\n"), file("run", elf())], ["/app"], REFUSED),
        ([program("app", "#!/run\n"), program("run", "#!/bin/sh\n")], ["/app"], GREEN),
        ([program("app", "#!/run\n"), program("run", "#!/app\n")], ["/app"], LOST),
        ([program("app", "#!/usr/bin/env python3\n")], ["/app"], GREEN),
        ([program("app", "#!/usr/bin/env python3.12\n")], ["/app"], LOST),
        ([program("app", "#!/usr/bin/env python3 -u\n")], ["/app"], LOST),
        ([program("app", "#!/usr/bin/env -S python3 -u\n")], ["/app"], GREEN),
        ([program("app", "#!/usr/bin/env -S A=b python3 -u\n")], ["/app"], GREEN),
        ([program("app", "#!/usr/bin/env -S nothing -u\n")], ["/app"], LOST),
        ([], ["env", "A=b", "-u", "C", "python3"], GREEN),
        ([], ["env", "A=b", "nothing"], LOST),
        ([], ["env"], GREEN),
        ([program("srv/run", "echo\n")], ["env", "./run"], GREEN),
        ([program("opt/bin/python", "#!/bin/sh\n")], ["/opt/bin/python"], GREEN),
        ([], ["/bin/sh", "-c", "nothing at all"], GREEN),
        ([], ["python3", "/srv/gone.py"], MISSING),
        ([file("srv/run.py")], ["python3", "run.py"], GREEN),
        ([file("srv/run.py")], ["python3", "-u", "srv/run.py"], MISSING),
        ([], ["python3", "-m", "json"], MISSING),
        ([], ["python3", "-m", "json.decoder"], GREEN),
        ([file("srv/ingest/__init__.py"), file("srv/ingest/__main__.py")], ["python3", "-m", "ingest"], GREEN),
        ([file("srv/ingest/__init__.py")], ["python3", "-m", "ingest"], MISSING),
        ([file("srv/ingest/__main__.py")], ["python3", "-m", "ingest"], GREEN),
        ([file("srv/ingest.py")], ["python3", "-Im", "ingest"], MISSING),
        ([], ["python3", "-c", "import gone"], GREEN),
        ([program("opt/venv/bin/serve", "#!/opt/venv/bin/python\n")], ["/opt/venv/bin/serve"], LOST),
        ([program("app", b"\x7fELF")], ["/app"], GREEN),
    ],
)
def test_what_the_image_starts(entries: list[Entry], entrypoint: list[str], expected: str | None) -> None:
    """Programs, first lines, `env`, x bits, modules; what a shell does with its words isn't looked into."""
    assert expected == cause(entries, entrypoint, WorkingDir="/srv")


def test_entry_point_and_command_are_one_line() -> None:
    """The command's words follow the entry point's, or stand alone."""
    assert GREEN is cause([], [], command=["python3", "-m", "json.decoder"])
    assert MISSING == cause([], ["python3"], command=["-m", "gone"])
    assert "no-entrypoint" == cause([], [])


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/opt/bin", GREEN), ("/usr/bin", MISSING), ("", MISSING), (":/opt/bin", GREEN), ("opt/bin", GREEN)],
)
def test_path_is_the_images_own(path: str, expected: str | None) -> None:
    """Empty and relative entries are below the working directory."""
    assert expected == cause([program("opt/bin/app")], ["app"], env={"PATH": path})


def test_without_path_it_is_what_runtimes_set() -> None:
    """The folders of a Debian."""
    assert None is cause([program("usr/local/sbin/app")], ["app"], path=None)
    assert MISSING == cause([program("opt/app")], ["app"], path=None)


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "user", "expected"),
    [
        (0o100, 1000, 1000, "", GREEN),
        (0o700, 0, 0, "1000", REFUSED),
        (0o755, 0, 0, "1000", GREEN),
        (0o700, 1000, 0, "1000", GREEN),
        (0o710, 0, 50, "1000:50", GREEN),
        (0o710, 0, 50, "1000", REFUSED),
        (0o710, 0, 60, "app", GREEN),
        (0o710, 0, 70, "app", GREEN),
        (0o710, 0, 80, "app", REFUSED),
        (0o700, 500, 0, "app", GREEN),
        (0o710, 0, 70, "app:staff", GREEN),
        (0o700, 0, 0, "nobody-knows", GREEN),
        (0o644, 0, 0, "nobody-knows", REFUSED),
    ],
)
def test_x_bits_are_the_users(mode: int, uid: int, gid: int, user: str, expected: str | None) -> None:
    """By number, by name, by the groups of either."""
    entries = [
        file("app", elf(), mode, uid=uid, gid=gid),
        file("etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:500:60::/srv/app:/bin/sh\n"),
        file("etc/group", "root:x:0:\nstaff:x:70:other,app\n"),
    ]
    assert expected == cause(entries, ["/app"], User=user)


@pytest.mark.parametrize(
    ("folder_at", "expected"), [("/gone", GREEN), ("/bin/sh", MISSING), ("srv", GREEN), ("", GREEN)]
)
def test_the_working_directory(folder_at: str, expected: str | None) -> None:
    """Runtimes make one that is missing, and can't where a file is."""
    assert expected == cause([program("app")], ["/app"], WorkingDir=folder_at)
