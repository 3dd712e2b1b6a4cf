"""Whatever standard output is, a command ends with its own exit code and at most one line on standard error."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_substrate.cli.main import main

DEV_MIN = Path(__file__).parents[3] / "fixtures/dev_min/substrate.toml"
COMMANDS = [
    ["checks", "--declaration", str(DEV_MIN)],
    ["explain", "MSG-160"],
    ["faults"],
    ["probe", "--bootstrap", "127.0.0.1:1", "--security-protocol", "PLAINTEXT", "--deadline", "1s"],
    ["--help"],
]


def in_shell(
    words: list[str], redirection: str, *, stdout: int = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, its output redirected as a shell does it."""
    code = "import sys; from pytest_substrate.cli.main import main; sys.exit(main())"
    return subprocess.run(
        ["/bin/sh", "-c", f'"$@" {redirection}', "sh", sys.executable, "-c", code, *words],
        env={"PYTHONPATH": str(Path(__file__).parents[3]), **environment},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60.0,
        check=False,
    )


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("redirection", "said"), [(">&-", "is closed"), (">/dev/full", "can't be written: No space left on device")]
)
def test_an_output_that_takes_nothing_is_bad_usage(words: list[str], redirection: str, said: str) -> None:
    """Exit code 2 and one line, whether the output was closed or is full; no traceback."""
    done = in_shell(words, redirection)
    assert (2, 1) == (done.returncode, done.stderr.count("\n")), done.stderr
    assert f"standard output: {said}; " in done.stderr


@pytest.mark.parametrize("redirection", [">/dev/full 2>&-", ">/dev/full 2>/dev/full", ">&- 2>&-"])
def test_where_nobody_can_be_told_the_exit_code_still_is(redirection: str) -> None:
    """Standard error that takes nothing changes nothing."""
    assert 2 == in_shell(["explain", "MSG-160"], redirection).returncode


def test_a_reader_that_went_away_is_no_traceback() -> None:
    """`| head` closes the pipe early: the command ends quietly, as by SIGPIPE, and not with a code of its own."""
    reader, writer = os.pipe()
    os.close(reader)
    done = in_shell(["explain", "MSG-160"], "", stdout=writer)
    os.close(writer)
    assert (141, "") == (done.returncode, done.stderr)


def test_what_an_encoding_lacks_is_written_in_ascii() -> None:
    """Marks stay marks, and other characters are escaped."""
    done = in_shell(COMMANDS[0], "", PYTHONIOENCODING="ascii")
    assert 0 == done.returncode, done.stderr
    assert f"{DEV_MIN} - dev - 111122223333/eu-west-2" == done.stdout.splitlines()[0]


def test_json_stays_json_in_any_encoding(tmp_path: Path) -> None:
    """What an encoding lacks is escaped as JSON reads it, and nothing is replaced."""
    path = tmp_path / "ünder·stood😀.toml"
    path.write_bytes(DEV_MIN.read_bytes())
    words = ["checks", "--format", "json", "--declaration", str(path)]
    done = in_shell(words, "", PYTHONIOENCODING="ascii", LC_ALL="C.UTF-8")
    assert 0 == done.returncode, done.stderr
    assert str(path) == json.loads(done.stdout)["declaration"]


def test_a_stream_that_knows_no_encoding_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller may have put any stream in its place."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    assert 0 == main(["explain", "MSG-160"])
    assert stream.getvalue().startswith("MSG-160 · messaging_plane")
