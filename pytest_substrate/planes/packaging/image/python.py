"""The image's Python: which interpreter, which version, and where it looks for modules; without running it.

As CPython decides it: `Modules/getpath.py` for prefix and standard library, `Lib/site.py` for site folders, user site,
virtual environments and `.pth` files, Debian's changes to the latter. What an `import` line of a `.pth` would do can't
be known; that it is there, is.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from pytest_substrate.planes.packaging.image.facts import ImageFacts
from pytest_substrate.planes.packaging.image.start import PYTHON, Start, User, absolute, started, working_dir

_NAMED: Final = re.compile(r"(python|pypy)(\d)\.(\d{1,2})(t?)d?")
_LIBPYTHON: Final = re.compile(r"libpython(3)\.(\d{1,2})(t?)d?\.so.*")
_LIBRARY: Final = re.compile(r"(python|pypy)(3)\.(\d{1,2})(t?)")
_PY_VERSION: Final = re.compile(r'^#define\s+PY_VERSION\s+"([0-9.abrc]+)\+?"', re.MULTILINE)
_SHELLS: Final = frozenset({"sh", "bash", "dash", "ash", "busybox", "zsh"})
_TAKES_VALUE: Final = ("W", "X")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A Python's command line. `what` is `script`, `module`, `command`, or empty where it reads its input."""

    what: str = ""
    operand: str = ""
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Python:
    """`path` is the modules' path in order; `sites` those of it that are site folders.

    `full` is the whole version, None where nothing in the image says it. `certain` is false where something that isn't
    looked into starts the interpreter, so that the working directory or a script's folder may be on the path as well.
    `executed` are `.pth` files with lines that run code.
    """

    program: str
    place: str
    version: tuple[int, int]
    full: str | None
    implementation: str = "cpython"
    threads: str = ""
    path: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    builtins: frozenset[str] = frozenset()
    executed: tuple[str, ...] = ()
    asked: Asked | None = None
    certain: bool = True

    @property
    def minor(self) -> str:
        """Major and minor version."""
        return f"{self.version[0]}.{self.version[1]}"


def python_of(image: ImageFacts, start: Start) -> Python | None:
    """The Python that the image's entry point starts, else the one along PATH; None where the image has none.

    A wrapper (`tini -- python …`, `entrypoint.sh gunicorn`) is taken to start the first Python that its words name.
    """
    for tried, certain in _starts(image, start):
        if tried.python or (tried.problem is not None and PYTHON.fullmatch(posixpath.basename(tried.argv[0]))):
            found = _Model(image, tried, certain=certain).python()
            if found is not None:
                return found
    return None


def _starts(image: ImageFacts, start: Start) -> Iterator[tuple[Start, bool]]:
    if start.argv:
        yield start, True
    words = start.argv
    is_shell = bool(words) and posixpath.basename(words[0]) in _SHELLS
    if not (is_shell and any(word.startswith("-") and "c" in word for word in words[1:])):
        for at in range(1, len(words)):
            if not words[at].startswith("-"):
                found = started(image, words[at:])
                if found.python:
                    yield found, True
                    break
    for name in ("python3", "python"):
        yield started(image, (name,)), False


def asked_of(argv: Sequence[str]) -> Asked:
    """A Python's words behind its name, as `Python/getopt.c` and `Python/initconfig.c` take them."""
    flags: set[str] = set()
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            break
        if word == "-" or not word.startswith("-"):
            rest.insert(0, word)
            break
        if word.startswith("--"):
            rest = rest[1:] if word == "--check-hash-based-pycs" else rest
            continue
        for at, letter in enumerate(word[1:], start=1):
            value = word[at + 1 :]
            if letter in "cm":
                operand = value or (rest[0] if rest else "")
                what = "module" if letter == "m" else "command"
                return Asked(what=what, operand=operand if what == "module" else "", flags=frozenset(flags))
            if letter in _TAKES_VALUE:
                rest = rest if value else rest[1:]
                break
            flags.add(letter)
    if rest and rest[0] != "-":
        return Asked(what="script", operand=rest[0], flags=frozenset(flags))
    return Asked(flags=frozenset(flags))


@dataclass(slots=True, kw_only=True)
class _Lookup:
    """The path while it grows: each folder once, as `site` keeps it."""

    path: list[str] = field(default_factory=list)
    sites: list[str] = field(default_factory=list)
    executed: list[str] = field(default_factory=list)

    def add(self, folder: str) -> bool:
        if folder in self.path:
            return False
        self.path.append(folder)
        return True


class _Model:
    def __init__(self, image: ImageFacts, start: Start, *, certain: bool) -> None:
        self._image, self._certain = image, certain
        self._program = absolute(image, start.argv[0]) if "/" in start.argv[0] else start.argv[0]
        self._asked = asked_of(start.argv[1:])
        self._environment = {} if self._asked.flags & {"E", "I"} else image.config.environment

    def python(self) -> Python | None:
        if not self._program.startswith("/"):
            return None
        program = posixpath.normpath(self._program)
        config = self._venv_config(program)
        home = config.get("home", "") if config is not None else ""
        base = self._base(program, home)
        place = self._image.tree.locate(base)
        real = f"/{place}" if place is not None else base
        found = self._version(program, real, config)
        if found is None:
            return None
        implementation, version, threads = found
        folder = f"{'pypy' if implementation == 'pypy' else 'python'}{version[0]}.{version[1]}{threads}"
        start = home or posixpath.dirname(real)
        prefix = self._environment.get("PYTHONHOME", "").partition(":")[0] or self._up(
            start, folder, ("os.py", "os.pyc")
        )
        exec_prefix = self._environment.get("PYTHONHOME", "").rpartition(":")[2] or self._up(
            start, folder, ("lib-dynload",)
        )
        look = _Lookup()
        self._standard(look, prefix, exec_prefix or prefix, folder, version)
        if "S" not in self._asked.flags:
            site_prefix = posixpath.dirname(posixpath.dirname(program)) if config is not None else None
            self._site(look, prefix, site_prefix, config or {}, folder)
        words = self._words(real)
        return Python(
            program=program,
            place=real,
            version=version,
            full=self._full(prefix, folder, version, words, config or {}),
            implementation=implementation,
            threads=threads,
            path=tuple(look.path),
            sites=tuple(look.sites),
            builtins=frozenset(word.removeprefix("builtin ") for word in words if word.startswith("builtin ")),
            executed=tuple(look.executed),
            asked=self._asked if self._certain else None,
            certain=self._certain,
        )

    def _venv_config(self, program: str) -> dict[str, str] | None:
        """The virtual environment's settings, beside the interpreter or one folder above."""
        folder = posixpath.dirname(program)
        for place in (folder, posixpath.dirname(folder)):
            file = self._image.file(f"{place}/pyvenv.cfg")
            if file is not None:
                pairs = (line.partition("=") for line in file.read().splitlines())
                return {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}
        return None

    def _base(self, program: str, home: str) -> str:
        """The interpreter behind a virtual environment's, else the program itself."""
        if not home:
            return program
        for name in (posixpath.basename(program), "python3", "python"):
            if self._image.file(f"{home}/{name}") is not None:
                return f"{home}/{name}"
        return program if self._image.file(program) is not None else f"{home}/{posixpath.basename(program)}"

    def _version(
        self, program: str, real: str, config: dict[str, str] | None
    ) -> tuple[str, tuple[int, int], str] | None:
        """Implementation, version, and `t` for a build without the global lock."""
        for name in (posixpath.basename(real), posixpath.basename(program)):
            found = _NAMED.fullmatch(name)
            if found is not None:
                return _named(found)
        implementation = "pypy" if "pypy" in posixpath.basename(real) else "cpython"
        file = self._image.file(real)
        for needed in file.elf.needed if file is not None and file.elf is not None else ():
            linked = _LIBPYTHON.fullmatch(needed)
            if linked is not None:
                return implementation, (int(linked[1]), int(linked[2])), linked[3]
        versions = {
            word.removeprefix("python ").rpartition(".")[0] for word in self._words(real) if word.startswith("python ")
        }
        if len(versions) == 1:
            major, _, minor = versions.pop().partition(".")
            return implementation, (int(major), int(minor)), ""
        beside = self._beside(real)
        if beside is not None:
            return beside
        told = (config or {}).get("version_info", (config or {}).get("version", ""))
        parts = told.split(".")
        if len(parts) > 1 and parts[0].isdigit() and parts[1].isdigit():
            return implementation, (int(parts[0]), int(parts[1])), ""
        return None

    def _beside(self, real: str) -> tuple[str, tuple[int, int], str] | None:
        """The only library of a Python beside or above the interpreter."""
        folder = posixpath.dirname(real)
        while True:
            names = self._image.tree.names(f"{folder}/lib")
            found = [
                library
                for name in sorted(names)
                if (library := _LIBRARY.fullmatch(name)) and self._has(f"{folder}/lib/{name}", ("os.py", "os.pyc"))
            ]
            if found:
                return _named(found[0]) if len(found) == 1 else None
            if folder in ("", "/"):
                return None
            folder = posixpath.dirname(folder)

    def _words(self, real: str) -> tuple[str, ...]:
        """What is known of the interpreter's binary and of the library that it is linked with."""
        file = self._image.file(real)
        if file is None:
            return ()
        words = list(file.words)
        folder = posixpath.dirname(real)
        for needed in file.elf.needed if file.elf is not None else ():
            if _LIBPYTHON.fullmatch(needed):
                for place in (f"{posixpath.dirname(folder)}/lib", "/usr/lib", "/usr/local/lib"):
                    library = self._image.file(f"{place}/{needed}")
                    if library is not None:
                        words += library.words
                        break
        return tuple(words)

    def _up(self, start: str, folder: str, landmarks: Sequence[str]) -> str:
        """The first folder, from `start` upwards, whose library holds a landmark; else where Pythons are installed."""
        here = posixpath.normpath(start)
        while True:
            for lib in ("lib64", "lib"):
                if self._has(f"{here.rstrip('/')}/{lib}/{folder}", landmarks):
                    return here
            if here in ("", "/"):
                break
            here = posixpath.dirname(here)
        for place in ("/usr/local", "/usr"):
            if self._has(f"{place}/lib/{folder}", landmarks):
                return place
        return ""

    def _has(self, folder: str, names: Sequence[str]) -> bool:
        return any(self._image.tree.entry(f"{folder}/{name}") is not None for name in names)

    def _lib(self, prefix: str, folder: str) -> str:
        return "lib64" if self._has(f"{prefix}/lib64/{folder}", ("os.py", "os.pyc")) else "lib"

    def _standard(self, look: _Lookup, prefix: str, exec_prefix: str, folder: str, version: tuple[int, int]) -> None:
        first = self._first()
        if first is not None:
            look.add(first)
        for entry in self._environment.get("PYTHONPATH", "").split(":") if self._environment.get("PYTHONPATH") else ():
            look.add(posixpath.normpath(absolute(self._image, entry or ".")))
        if not prefix:
            return
        lib = self._lib(prefix, folder)
        base = prefix.rstrip("/")
        look.add(f"{base}/{lib}/python{version[0]}{version[1]}.zip")
        look.add(f"{base}/{lib}/{folder}")
        look.add(f"{exec_prefix.rstrip('/')}/{self._lib(exec_prefix, folder)}/{folder}/lib-dynload")

    def _first(self) -> str | None:
        """What Python itself puts in front of the path: the script's folder, or where it was started."""
        safe = "PYTHONSAFEPATH" in self._environment and bool(self._environment["PYTHONSAFEPATH"])
        if not self._certain or self._asked.flags & {"I", "P"} or safe:
            return None
        if self._asked.what != "script":
            return working_dir(self._image)
        place = self._image.tree.locate(absolute(self._image, self._asked.operand))
        if place is None:
            return None
        return f"/{place}" if self._image.tree.is_folder(place) else posixpath.dirname(f"/{place}")

    def _site(self, look: _Lookup, prefix: str, site_prefix: str | None, config: dict[str, str], folder: str) -> None:
        prefixes = [prefix] if site_prefix is None else [site_prefix]
        user_site = not (self._asked.flags & {"s", "I"}) and not self._environment.get("PYTHONNOUSERSITE")
        if site_prefix is not None:
            self._site_folders(look, [site_prefix], folder, venv=True)
            if config.get("include-system-site-packages", "").lower() == "true":
                prefixes.append(prefix)
            else:
                user_site = False
        if user_site:
            self._site_folder(look, f"{self._user_base()}/lib/{folder}/site-packages")
        self._site_folders(look, prefixes, folder, venv=site_prefix is not None)

    def _user_base(self) -> str:
        base = self._environment.get("PYTHONUSERBASE", "")
        home = self._image.config.environment.get("HOME") or User(self._image).home
        return base or f"{home.rstrip('/')}/.local"

    def _site_folders(self, look: _Lookup, prefixes: Sequence[str], folder: str, *, venv: bool) -> None:
        for prefix in dict.fromkeys(one for one in prefixes if one):
            base = prefix.rstrip("/")
            libs = ("lib64", "lib") if self._lib(base, folder) == "lib64" else ("lib",)
            if not self._debian(base, folder):
                for lib in libs:
                    self._site_folder(look, f"{base}/{lib}/{folder}/site-packages")
                continue
            if venv:
                self._site_folder(look, f"{base}/lib/{folder}/site-packages")
            self._site_folder(look, f"{base}/local/lib/{folder}/dist-packages")
            self._site_folder(look, f"{base}/lib/python3/dist-packages")
            self._site_folder(look, f"{base}/lib/{folder}/dist-packages")

    def _debian(self, prefix: str, folder: str) -> bool:
        """Whether the Python is Debian's, whose distributions lie in `dist-packages`."""
        site = self._image.file(f"{prefix}/lib/{folder}/site.py")
        if site is not None and site.words:
            return "debian" in site.words
        return prefix == "/usr" and self._image.tree.is_folder("/usr/lib/python3/dist-packages")

    def _site_folder(self, look: _Lookup, folder: str) -> None:
        """A site folder, and what its `.pth` files add behind it."""
        if not self._image.tree.is_folder(folder):
            return
        if look.add(folder):
            look.sites.append(folder)
        for name in sorted(self._image.tree.names(folder)):
            if name.endswith(".pth") and not name.startswith("."):
                file = self._image.file(f"{folder}/{name}")
                if file is not None:
                    self._pth(look, folder, f"{folder}/{name}", file.read())

    def _pth(self, look: _Lookup, folder: str, place: str, text: str) -> None:
        for line in text.removeprefix("\ufeff").splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line.startswith(("import ", "import\t")):
                look.executed.append(place)
                continue
            entry = posixpath.normpath(posixpath.join(folder, line.rstrip()))
            if self._image.tree.entry(entry) is not None:
                look.add(entry)

    def _full(
        self, prefix: str, folder: str, version: tuple[int, int], words: Sequence[str], config: dict[str, str]
    ) -> str | None:
        minor = f"{version[0]}.{version[1]}."
        told = {word.removeprefix("python ") for word in words if word.startswith(f"python {minor}")}
        if len(told) == 1:
            return told.pop()
        for include in (folder, f"{folder}m"):  # `m` until 3.7
            header = self._image.file(f"{prefix}/include/{include}/patchlevel.h")
            found = _PY_VERSION.search(header.read()) if header is not None else None
            if found is not None and found[1].startswith(minor):
                return found[1]
        for text in (
            config.get("version_info", ""),
            config.get("version", ""),
            self._image.config.environment.get("PYTHON_VERSION", ""),
        ):
            number = re.match(r"\d+\.\d+\.\d+", text)
            if number is not None and number[0].startswith(minor):
                return number[0]
        return None


def _named(found: re.Match[str]) -> tuple[str, tuple[int, int], str]:
    implementation = "pypy" if found[1] == "pypy" else "cpython"
    return implementation, (int(found[2]), int(found[3])), found[4]
