"""What pytest-testinfra asks a container with POSIX programs, answered by the container's own Python.

This file's text is the program: `python3 -c TEXT WORD…` in a container that has Python and lacks the program that WORD
names. It answers as the GNU programs do, for the options that testinfra uses and for no other: standard output and exit
code are theirs, 127 is "no answer". Standard library alone, and the syntax of Python 3.8, as images are old.

Users and groups are those of the container's own `/etc/passwd` and `/etc/group`, read as files: the C library might
look elsewhere.
"""

from __future__ import annotations

import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

NO_ANSWER = 127


class Refused(Exception):
    """The program would end with this exit code; the message is for standard error."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message)
        self.code = code


def main(words: Sequence[str]) -> int:
    """Answer as the program `words[0]` would; its exit code."""
    name, arguments = words[0], list(words[1:])
    try:
        told = ANSWERS[name](arguments) if name in ANSWERS else None
    except Refused as refused:
        if str(refused):
            sys.stderr.write(f"{name}: {refused}\n")
        return refused.code
    except OSError as error:
        sys.stderr.write(f"{name}: {error.filename}: {error.strerror}\n")
        return 2 if name == "ls" else 1
    if told is None:
        return NO_ANSWER
    sys.stdout.buffer.write(told)
    sys.stdout.buffer.flush()
    return 0


def _test(words: list[str]) -> bytes | None:
    if len(words) != 2 or words[0] not in TESTS:
        return None
    try:
        state = os.lstat(words[1]) if words[0] == "-L" else os.stat(words[1])
        holds = os.access(words[1], os.X_OK) if words[0] == "-x" else TESTS[words[0]](state.st_mode)
    except (OSError, ValueError):
        holds = False
    if not holds:
        raise Refused(1)
    return b""


TESTS = {
    "-e": lambda _: True,
    "-x": lambda _: True,
    "-f": stat.S_ISREG,
    "-d": stat.S_ISDIR,
    "-p": stat.S_ISFIFO,
    "-S": stat.S_ISSOCK,
    "-L": stat.S_ISLNK,
}


def _cat(words: list[str]) -> bytes | None:
    files = _operands(words)
    return b"".join(_content(file) for file in files) if files else None


def _content(file: str) -> bytes:
    with open(file, "rb") as stream:
        return stream.read()


def _stat(words: list[str]) -> bytes | None:
    if len(words) != 3 or words[0] != "-Lc" or words[1] not in FORMATS:
        return None
    return b"%s\n" % FORMATS[words[1]](os.stat(words[2])).encode()


FORMATS = {
    "%U": lambda state: _row("passwd", str(state.st_uid), "UNKNOWN"),
    "%u": lambda state: str(state.st_uid),
    "%G": lambda state: _row("group", str(state.st_gid), "UNKNOWN"),
    "%g": lambda state: str(state.st_gid),
    "%a": lambda state: format(stat.S_IMODE(state.st_mode), "o"),
    "%Y": lambda state: str(int(state.st_mtime)),
    "%s": lambda state: str(state.st_size),
    "%i": lambda state: str(state.st_ino),
}


def _env(words: list[str]) -> bytes | None:
    if words not in ([], ["-0"]):
        return None
    end = b"\0" if words else b"\n"
    return b"".join(name + b"=" + value + end for name, value in _environment().items())


def _environment() -> dict[bytes, bytes]:
    """The environment as it was given: an interpreter in the C locale adds LC_CTYPE by itself."""
    held = dict(os.environb)
    if b"LC_CTYPE" in held:
        try:
            given = _content("/proc/self/environ").split(b"\0")
        except OSError:
            given = [b"LC_CTYPE="]
        if not any(each.startswith(b"LC_CTYPE=") for each in given):
            del held[b"LC_CTYPE"]
    return held


def _uname(words: list[str]) -> bytes | None:
    told = os.uname()
    known = {"-s": told.sysname, "-m": told.machine, "-r": told.release}
    return known[words[0]].encode() + b"\n" if len(words) == 1 and words[0] in known else None


def _id(words: list[str]) -> bytes | None:
    """Of a user that `/etc/passwd` names, or of this process."""
    option = words.pop(0) if words and words[0].startswith("-") else ""
    if len(words) > 1 or option not in ("", "-u", "-g", "-nu", "-ng", "-nG", "-G"):
        return None
    if words:
        row = _find("passwd", words[0])
        if row is None:
            raise Refused(1, f"'{words[0]}': no such user")
        user, group, groups = row[2], row[3], _groups(row[0], row[3])
    else:
        user, group = str(os.getuid()), str(os.getgid())
        groups = _groups(_row("passwd", user, ""), group)
    if option == "":
        shown = [f"{each}({_row('group', each, each)})" for each in groups]
        name = _row("passwd", user, user)
        return f"uid={user}({name}) gid={shown[0]} groups={','.join(shown)}\n".encode()
    told = {"u": [user], "g": [group], "G": groups}[option[-1]]
    if "n" in option:
        told = [_row("passwd" if option == "-nu" else "group", each, each) for each in told]
    return " ".join(told).encode() + b"\n"


def _groups(user: str, group: str) -> list[str]:
    others = [row[2] for row in _rows("group") if len(row) > 3 and user and user in row[3].split(",")]
    return [group] + [each for each in others if each != group]


def _getent(words: list[str]) -> bytes | None:
    if not words or words[0] not in ("passwd", "group") or len(words) > 2:
        return None
    rows = _rows(words[0])
    if len(words) == 2:
        found = _find(words[0], words[1])
        if found is None:
            raise Refused(2)
        rows = [found]
    return "".join(":".join(row) + "\n" for row in rows).encode("utf-8", "surrogateescape")


def _rows(file: str) -> list[list[str]]:
    try:
        text = _content("/etc/" + file).decode("utf-8", "surrogateescape")
    except OSError:
        return []
    return [row for row in (line.split(":") for line in text.splitlines()) if len(row) > 2]


def _find(file: str, word: str) -> list[str] | None:
    named = [row for row in _rows(file) if row[0] == word] or [row for row in _rows(file) if row[2] == word]
    return named[0] if named else None


def _row(file: str, number: str, otherwise: str) -> str:
    return next((row[0] for row in _rows(file) if row[2] == number), otherwise)


def _ls(words: list[str]) -> bytes | None:
    if len(words) != 4 or words[:3] != ["-1", "-q", "--"]:
        return None
    names = sorted(name for name in os.listdir(words[3]) if not name.startswith("."))
    return "".join("".join(c if c.isprintable() else "?" for c in name) + "\n" for name in names).encode()


def _readlink(words: list[str]) -> bytes | None:
    return _real(words[1]) if len(words) == 2 and words[0] == "-f" else None


def _realpath(words: list[str]) -> bytes | None:
    files = _operands(words)
    return _real(files[0]) if len(files) == 1 else None


def _real(path: str) -> bytes:
    """As the container names it; links are followed by hand, as `os.path` may be led by where the tree really lies."""
    left = [part for part in os.path.join(os.getcwd(), path).split("/") if part not in ("", ".")]
    found, follows = "/", 0
    while left:
        part = left.pop(0)
        if part == "..":
            found = os.path.dirname(found)
            continue
        place = os.path.join(found, part)
        try:
            target = os.readlink(place)
        except OSError:
            if left:
                os.stat(place)  # only the last part may be missing
            found = place
            continue
        follows += 1
        if follows > 40:
            raise Refused(1, f"{path}: Too many levels of symbolic links")
        found = "/" if target.startswith("/") else found
        left = [each for each in target.split("/") if each not in ("", ".")] + left
    return os.fsencode(found) + b"\n"


def _digest(kind: str) -> Callable[[list[str]], bytes | None]:
    def told(words: list[str]) -> bytes | None:
        import hashlib

        files = _operands(words)
        lines = [f"{hashlib.new(kind, _content(file)).hexdigest()}  {file}\n" for file in files]
        return "".join(lines).encode("utf-8", "surrogateescape") if files else None

    return told


def _which(words: list[str]) -> bytes | None:
    """A program of the image; `python3` is there, as it runs this, wherever it lies."""
    if len(words) != 1 or words[0].startswith("-"):
        return None
    for folder in os.environ.get("PATH", "").split(":"):
        place = os.path.join(folder, words[0])
        if os.path.isfile(place) and os.access(place, os.X_OK):
            return os.fsencode(place) + b"\n"
    if words[0] == "python3":
        return b"python3\n"
    raise Refused(1)


def _operands(words: list[str]) -> list[str]:
    """The files that are named; none where there is an option that we don't know."""
    if words[:1] == ["--"]:
        return words[1:]
    return [] if any(word.startswith("-") for word in words) else words


ANSWERS = {
    "cat": _cat,
    "env": _env,
    "getent": _getent,
    "id": _id,
    "ls": _ls,
    "md5sum": _digest("md5"),
    "readlink": _readlink,
    "realpath": _realpath,
    "sha256sum": _digest("sha256"),
    "stat": _stat,
    "test": _test,
    "uname": _uname,
    "which": _which,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
