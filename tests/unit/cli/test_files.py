"""Commands read regular files of a bounded length, and nothing else: no pipe, no device, no folder."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_substrate.cli.files import LONGEST_DECLARATION, LONGEST_SECRET, read_file
from pytest_substrate.cli.main import main
from pytest_substrate.model.errors import BadInput


def fifo(folder: Path) -> Path:
    """A pipe that nobody writes to."""
    path = folder / "pipe"
    os.mkfifo(path)
    return path


ODD: list[tuple[Callable[[Path], Path], str]] = [
    (lambda _: Path("/dev/zero"), "is no regular file"),
    (lambda _: Path("/dev/null"), "is no regular file"),
    (fifo, "is no regular file"),
    (lambda folder: folder, "is a folder"),
    (lambda folder: folder / "none", "can't be read: No such file or directory"),
    (lambda folder: folder / "a\0b", "is no path"),
]


@pytest.mark.parametrize(("make", "said"), ODD, ids=["zero", "null", "fifo", "folder", "missing", "nul"])
def test_what_is_no_file_is_refused_before_it_is_read(make: Callable[[Path], Path], said: str, tmp_path: Path) -> None:
    """One line, at once; a FIFO without a writer hangs nobody."""
    with pytest.raises(BadInput) as raised:
        read_file(make(tmp_path), mend="name another", where="FILE")
    assert f"FILE: {said}; name another" == str(raised.value)


@pytest.mark.parametrize("length", [0, 1, 7, 8])
def test_a_file_up_to_the_limit_is_read_whole(length: int, tmp_path: Path) -> None:
    """The limit itself is allowed."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * length)
    assert b"x" * length == read_file(path, mend="", most=8)


def test_a_longer_file_is_refused(tmp_path: Path) -> None:
    """One byte more than the limit."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * 9)
    with pytest.raises(BadInput, match="is longer than 8 bytes"):
        read_file(path, mend="shorten it", most=8)


@pytest.mark.parametrize("make", [ODD[0][0], fifo], ids=["zero", "fifo"])
@pytest.mark.parametrize("what", ["--credential", "--ca", "--declaration"])
def test_commands_refuse_devices_and_pipes(
    make: Callable[[Path], Path], what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a command takes a file."""
    path = str(make(tmp_path))
    probe = ["probe", "--bootstrap", "127.0.0.1:1", what]
    words = ["checks", what, path] if what == "--declaration" else [*probe, path]
    if what == "--credential":
        words[-1] = f"file:{path}"
    assert 2 == main(words)
    out, err = capsys.readouterr()
    assert ("", 1) == (out, err.count("\n"))
    assert "is no regular file" in err


def test_a_declaration_and_a_credential_have_their_own_limits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A megabyte, and what Secrets Manager takes."""
    path = tmp_path / "long"
    path.write_bytes(b"#" * (LONGEST_DECLARATION + 1))
    assert 2 == main(["checks", "--declaration", str(path)])
    assert f"is longer than {LONGEST_DECLARATION} bytes" in capsys.readouterr().err
    assert 2 == main(["probe", "--bootstrap", "127.0.0.1:1", "--credential", f"file:{path}"])
    assert f"is longer than {LONGEST_SECRET} bytes" in capsys.readouterr().err
