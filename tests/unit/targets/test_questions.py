"""The stand-in for POSIX programs answers as the real ones do, for what testinfra asks, and for nothing else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_substrate.targets import questions

PROGRAM = Path(questions.__file__).read_text(encoding="utf-8")
PATHS = ["file", "folder", "link", "dangling", "script", "pipe", "socket", "none", "-e", "a b", "chain/inner", "loop"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with one of each kind of thing."""
    folder = tmp_path_factory.mktemp("tree")
    (folder / "file").write_bytes(b"some\xff\n")
    (folder / "-e").write_bytes(b"dash")
    (folder / "a b").write_bytes(b"")
    (folder / "a b").chmod(0o4640)
    (folder / "folder").mkdir()
    (folder / "folder/inner").write_text("x")
    (folder / "folder/.hidden").write_text("x")
    (folder / "script").write_text("#!/bin/sh\n")
    (folder / "script").chmod(0o755)
    for link, target in {"link": "file", "dangling": "gone", "chain": "./folder/../folder", "loop": "loop"}.items():
        (folder / link).symlink_to(target)
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(folder)  # a socket's path is short
        listener.bind("socket")
        os.chdir(here)
        yield folder


def asked(words: list[str], folder: Path, *, program: bool) -> tuple[int, bytes]:
    """Exit code and standard output, of the real program or of the stand-in."""
    command = [sys.executable, "-I", "-c", PROGRAM, *words] if program else words
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        timeout=30,
        check=False,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "A": "b\nc"},
    )
    return done.returncode, done.stdout


QUESTIONS = [
    *(["test", flag, path] for flag in ("-e", "-f", "-d", "-x", "-p", "-S", "-L") for path in PATHS),
    *(["stat", "-Lc", form, path] for form in questions.FORMATS for path in ("file", "folder", "a b", "link", "none")),
    *(["cat", "--", path] for path in ("file", "-e", "link", "a b", "none", "folder")),
    ["cat", "file", "script"],
    *(["ls", "-1", "-q", "--", path] for path in (".", "folder", "none")),
    *(["readlink", "-f", path] for path in (".", "link", "dangling", "chain/inner", "../tree/none", "none/x", "loop")),
    *(["realpath", path] for path in ("link", "chain/inner", "/", "..", "none/x")),
    *([kind, path] for kind in ("md5sum", "sha256sum") for path in ("file", "none")),
    *(["uname", flag] for flag in ("-s", "-m", "-r")),
    *(["id", *flags] for flags in ([], ["-u"], ["-g"], ["-nu"], ["-ng"], ["-nG"], ["-G"])),
    *(["id", *flags, "daemon"] for flags in ([], ["-u"], ["-g"], ["-nu"], ["-ng"], ["-nG"])),
    ["id", "nobody-at-all"],
    *(["getent", file, name] for file in ("passwd", "group") for name in ("root", "0", "nobody-at-all")),
    ["which", "sh"],
    ["which", "nothing-like-it"],
    ["env", "-0"],
]


@pytest.mark.parametrize("words", QUESTIONS, ids=" ".join)
def test_the_answer_is_the_real_program_s(words: list[str], tree: Path) -> None:
    """Exit code and standard output, byte for byte."""
    expected, actual = (asked(words, tree, program=program) for program in (False, True))
    if words[0] == "env":
        lines = [{line for line in out.split(b"\0") if not line.startswith(b"_=")} for _, out in (expected, actual)]
        assert lines[0] == lines[1]
    else:
        assert expected == actual


@pytest.mark.parametrize(
    "words",
    [
        ["test", "a", "=", "a"],
        ["test", "-r", "file"],
        ["stat", "file"],
        ["stat", "-c", "%a", "file"],
        ["cat", "-n", "file"],
        ["cat"],
        ["ls"],
        ["ls", "-la"],
        ["env", "A=b", "true"],
        ["uname"],
        ["uname", "-a"],
        ["id", "-Z"],
        ["getent", "hosts", "localhost"],
        ["sha256sum", "-c", "file"],
        ["which", "-a", "sh"],
        ["grep", "-qs", "--", "some", "file"],
        ["sh", "-c", "true"],
    ],
    ids=" ".join,
)
def test_any_other_question_has_no_answer(words: list[str], tree: Path) -> None:
    """127 and nothing on standard output: no option is guessed at."""
    assert (questions.NO_ANSWER, b"") == asked(words, tree, program=True)


def test_what_the_interpreter_adds_to_the_environment_is_left_out(tree: Path) -> None:
    """In the C locale Python sets LC_CTYPE for itself."""
    command = [sys.executable, "-c", PROGRAM, "env"]
    told = subprocess.run(command, cwd=tree, capture_output=True, timeout=30, check=True, env={"ONLY": "this"})
    assert b"ONLY=this\n" == told.stdout
