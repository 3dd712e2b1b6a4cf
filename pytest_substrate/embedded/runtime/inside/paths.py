"""Absolute paths mean the image: `/etc/kafka/ca.pem` is the file of that name in the container's tree.

There is no chroot, as that takes a privilege; so the interpreter's own functions that take paths are given the tree's.
`/proc`, `/sys`, `/dev` and the standard library stay the host's. It contains a program that behaves; it is no
security boundary. Code in C that opens paths by itself sees the host, except for `ssl`, which is taught.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from pytest_substrate.embedded.runtime.inside import lessons
else:
    import lessons

    del sys.modules["lessons"]

_READING = {"access", "chdir", "getxattr", "listdir", "listxattr", "lstat", "open", "pathconf", "readlink", "scandir"}
_READING |= {"stat", "statvfs"}
_CHANGING = {"link", "mkdir", "mkfifo", "remove", "rename", "replace", "rmdir", "symlink", "unlink"}
_IN_PLACE = {"chmod", "chown", "lchown", "removexattr", "setxattr", "truncate", "utime"}
_TWO = frozenset(("link", "rename", "replace", "symlink"))
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_HOST = ("/proc", "/sys", "/dev", "/etc/resolv.conf", "/etc/hosts")
_open, _stat, _unlink, _getcwd = io.open, os.stat, os.unlink, os.getcwd


class _Tree:
    """Where the container's paths lie; one a process. A mount is (place in the image, place here, read-only)."""

    root = ""
    kept: tuple[str, ...] = ()
    mounts: Sequence[tuple[str, str, bool]] = ()
    frozen: tuple[str, ...] = ()
    read_only = False


def folder_in(root: str, mounts: Sequence[tuple[str, str, bool]]) -> str:
    """The working directory as the image names it."""
    here = _getcwd()
    for point, source in [*((point, source) for point, source, _ in mounts), ("", root)]:
        if here == source or here.startswith(f"{source}/"):
            return point + here[len(source) :] or "/"
    return "/"


def real_folder() -> str:
    """The working directory as the host names it."""
    return _getcwd()


def place(path: Any, *, writing: bool = False, in_place: bool = False) -> Any:
    """Where a path that the program gave really lies; descriptors pass. Raises OSError (EROFS) for a refused write."""
    if isinstance(path, int) or path is None:
        return path
    text = os.fspath(path)
    target, read_only = _target(os.fsdecode(text))
    if writing:
        if read_only:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), text)
        if in_place:
            _own(target)
    return os.fsencode(target) if isinstance(text, bytes) else target


def _target(plain: str) -> tuple[str, bool]:
    if not plain.startswith("/"):
        plain = os.path.join(folder_in(_Tree.root, _Tree.mounts), plain)
    elif plain.startswith(_Tree.kept):
        return plain, plain.startswith(_Tree.root) and _is_frozen(plain[len(_Tree.root) :])
    plain = os.path.normpath(plain)
    for point, source, read_only in _Tree.mounts:
        if plain == point or plain.startswith(f"{point}/"):
            return source + plain[len(point) :], read_only
    if any(plain == host or plain.startswith(f"{host}/") for host in _HOST):
        return plain, False
    return _Tree.root + plain, _is_frozen(plain)


def _is_frozen(plain: str) -> bool:
    return _Tree.read_only or plain.startswith(_Tree.frozen)


def _own(target: str) -> None:
    """A file that is shared with the image gets a copy of its own before it is changed."""
    try:
        state = _stat(target)
    except OSError:
        return
    if state.st_nlink > 1 and os.path.isfile(target):
        with _open(target, "rb") as stream:
            content = stream.read()
        _unlink(target)
        with _open(target, "wb") as stream:
            stream.write(content)


def install(settings: Mapping[str, Any], stdlib: Sequence[str]) -> None:
    """Teach this interpreter the tree; `stdlib` are the folders that stay the host's."""
    _Tree.root, _Tree.mounts, _Tree.read_only = settings["root"], settings["mounts"], settings["read_only"]
    _Tree.frozen = tuple(f"{each}/" for each in settings["frozen"]) or ("\0",)
    kept = {settings["root"], os.path.dirname(settings["python"]), *stdlib, *map(os.path.realpath, stdlib)}
    _Tree.kept = tuple(f"{each}/" for each in (*kept, *(source for _, source, _ in settings["mounts"])))
    for name in (*_READING, *_CHANGING, *_IN_PLACE):
        if hasattr(os, name):
            setattr(os, name, _wrapped(name, getattr(os, name)))
    for name, function in {
        "getcwd": lambda: folder_in(_Tree.root, _Tree.mounts),
        "getcwdb": lambda: os.fsencode(folder_in(_Tree.root, _Tree.mounts)),
        "getuid": lambda: settings["uid"],
        "geteuid": lambda: settings["uid"],
        "getgid": lambda: settings["gid"],
        "getegid": lambda: settings["gid"],
    }.items():
        setattr(os, name, function)
    setattr(io, "open", _opening)  # noqa: B010  mypy knows that these are not ours to set
    setattr(builtins, "open", _opening)  # noqa: B010  as above
    lessons.install(settings, place, lambda: folder_in(_Tree.root, _Tree.mounts))


def _wrapped(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(path: Any = ".", *rest: Any, **named: Any) -> Any:
        if named.get("dir_fd") is not None or named.get("src_dir_fd") is not None:
            return function(path, *rest, **named)
        first = second = None
        if name in _TWO:
            second = rest[0] if rest else named.pop("dst")
            first = path if name == "symlink" and not os.fsdecode(path).startswith("/") else place(path)
            rest = (place(second, writing=True), *rest[1:])
        else:
            opens = name == "open" and bool((rest[0] if rest else named.get("flags", 0)) & _WRITING)
            first = place(path, writing=opens or name not in _READING, in_place=opens or name in _IN_PLACE)
        try:
            return function(first, *rest, **named)
        except OSError as error:
            raise _as_given(error, path, second) from None

    call.__name__, call.__doc__ = name, function.__doc__
    return call


def _opening(file: Any, mode: str = "r", *rest: Any, **named: Any) -> Any:
    writes = any(letter in mode for letter in "wax+")
    found = place(file, writing=writes, in_place=writes)
    try:
        return _open(found, mode, *rest, **named)
    except OSError as error:
        raise _as_given(error, file, None) from None


def _as_given(error: OSError, path: Any, second: Any) -> OSError:
    """The error as the program would see it: it never learns where its tree lies."""
    if error.filename is not None:
        error.filename = path
    if error.filename2 is not None:
        error.filename2 = second
    return error
