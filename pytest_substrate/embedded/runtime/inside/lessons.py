"""Modules that reach files or programs by themselves are corrected when, and only when, a program imports them.

`subprocess` and `os.exec*` find programs in the image and run Python ones as this container; `ssl` finds its files
and its default store in the image, which may have none.
"""

from __future__ import annotations

import errno
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    from pytest_substrate.embedded.runtime.inside import program
else:
    import program

_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/cert.pem", "/etc/pki/tls/certs/ca-bundle.crt")


def install(settings: Mapping[str, Any], place: Callable[..., Any], folder: Callable[[], str]) -> None:
    """Correct `os.exec*` now and the others at their import."""
    programs = _Programs(settings, folder)
    for name in ("execv", "execve"):
        setattr(os, name, programs.executing(getattr(os, name)))
    lessons = {
        "subprocess": lambda module: programs.teach(module, place),
        "ssl": lambda module: _teach_ssl(module, place),
    }
    sys.meta_path.insert(0, _Teacher(lessons))


class _Teacher:
    def __init__(self, lessons: dict[str, Callable[[Any], None]]) -> None:
        self.lessons = lessons

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """The module's own spec, with the lesson after its code."""
        teach = self.lessons.pop(name, None)
        if teach is None:
            return None
        import importlib.util

        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                load(module)
                teach(module)

            setattr(spec.loader, "exec_module", exec_module)  # noqa: B010  on this one loader
        return spec


class _Programs:
    def __init__(self, settings: Mapping[str, Any], folder: Callable[[], str]) -> None:
        self.settings = settings
        self.folder = folder

    def command(self, argv: Sequence[str], search: str) -> list[str]:
        """What to execute for a command of the image. Raises FileNotFoundError where there is nothing."""
        words = list(argv)
        if words[0] == self.settings["python"]:
            words[0] = self.settings["interpreter"]
        try:
            program.python_arguments(words, self.settings["root"], search, self.folder())
        except program.NotRunnable as error:
            raise FileNotFoundError(errno.ENOENT, str(error), words[0]) from None
        return [*self.settings["launch"], *words]

    def executing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, argv: Sequence[Any], *rest: Any) -> Any:
            search = (rest[0] if rest else os.environ).get("PATH", "")
            words = self.command([os.fsdecode(path), *map(os.fsdecode, argv[1:])], search)
            return function(words[0], words, *rest)

        return call

    def teach(self, subprocess: Any, place: Callable[..., Any]) -> None:
        start = subprocess.Popen.__init__

        def starting(
            popen: Any, args: Any, bufsize: int = -1, executable: Any = None, *rest: Any, **named: Any
        ) -> None:
            given = [args] if isinstance(args, str | bytes | os.PathLike) else args
            words = ["/bin/sh", "-c"] if named.pop("shell", False) else []
            words += [os.fsdecode(word) for word in given]
            if executable is not None:
                words[0] = os.fsdecode(executable)
            if named.get("cwd") is not None:
                named["cwd"] = place(named["cwd"])
            search = (named.get("env") or os.environ).get("PATH", "")
            start(popen, self.command(words, search), bufsize, None, *rest, **named)

        subprocess.Popen.__init__ = starting


def _teach_ssl(ssl: Any, place: Callable[..., Any]) -> None:
    base = ssl.SSLContext.__mro__[1]

    def bundles() -> list[str]:
        named = os.environ.get("SSL_CERT_FILE")
        return [each for each in ([named] if named else _BUNDLES) if os.path.isfile(each)]

    def load_verify_locations(context: Any, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        base.load_verify_locations(context, place(cafile), place(capath), cadata)

    def load_cert_chain(context: Any, certfile: Any, keyfile: Any = None, password: Any = None) -> None:
        base.load_cert_chain(context, place(certfile), place(keyfile), password)

    def set_default_verify_paths(context: Any) -> None:
        for each in bundles():
            base.load_verify_locations(context, place(each))

    def get_default_verify_paths() -> Any:
        found = [*bundles(), None][0]
        names = ("SSL_CERT_FILE", _BUNDLES[1], "SSL_CERT_DIR", "/etc/ssl/certs")
        return ssl.DefaultVerifyPaths(found, None, *names)

    for function in (load_verify_locations, load_cert_chain, set_default_verify_paths):
        setattr(ssl.SSLContext, function.__name__, function)
    ssl.get_default_verify_paths = get_default_verify_paths
