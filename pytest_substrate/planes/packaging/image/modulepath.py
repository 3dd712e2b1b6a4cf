"""The module path of an interpreter in its image, in order, as it would be when its program begins.

As CPython makes it: `Modules/getpath.py` for prefix and standard library, `Lib/site.py` for site folders, user site,
virtual environments and `.pth` files, Debian's changes to the latter.
"""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

from pytest_substrate.planes.packaging.image.asked import Asked
from pytest_substrate.planes.packaging.image.facts import ImageFacts
from pytest_substrate.planes.packaging.image.interpreter import STANDARD, Interpreter, holds
from pytest_substrate.planes.packaging.image.start import User, absolute, working_dir


class ModulePath:
    """`path` while it grows, each folder once, as `site` keeps it; `sites` are its site folders.

    `prefix` is where the standard library lies, empty where there is none. `executed` are `.pth` files with lines that
    run code; what such a line would do can't be known. `asked` is None where something else starts the interpreter.
    """

    def __init__(self, image: ImageFacts, python: Interpreter, asked: Asked | None) -> None:
        self._image, self._python, self._asked = image, python, asked
        self._flags = asked.flags if asked is not None else frozenset()
        self._environment = {} if self._flags & {"E", "I"} else image.config.environment
        self._folder = python.release.folder
        self.path: list[str] = []
        self.sites: list[str] = []
        self.executed: list[str] = []
        start = python.home or posixpath.dirname(python.real)
        home = self._environment.get("PYTHONHOME", "")
        self.prefix = home.partition(":")[0] or self._up(start, STANDARD)
        self._standard(home.rpartition(":")[2] or self._up(start, ("lib-dynload",)) or self.prefix)
        if "S" not in self._flags:
            self._site()

    def _add(self, folder: str) -> bool:
        if folder in self.path:
            return False
        self.path.append(folder)
        return True

    def _up(self, start: str, landmarks: Sequence[str]) -> str:
        """The first folder, from `start` upwards, whose library holds a landmark; else where Pythons are installed."""
        here = posixpath.normpath(start)
        while True:
            for lib in ("lib64", "lib"):
                if holds(self._image, f"{here.rstrip('/')}/{lib}/{self._folder}", landmarks):
                    return here
            if here in ("", "/"):
                break
            here = posixpath.dirname(here)
        for place in ("/usr/local", "/usr"):
            if holds(self._image, f"{place}/lib/{self._folder}", landmarks):
                return place
        return ""

    def _lib(self, prefix: str) -> str:
        return "lib64" if holds(self._image, f"{prefix}/lib64/{self._folder}", STANDARD) else "lib"

    def _standard(self, exec_prefix: str) -> None:
        first = self._first()
        if first is not None:
            self._add(first)
        for entry in self._environment.get("PYTHONPATH", "").split(":") if self._environment.get("PYTHONPATH") else ():
            self._add(posixpath.normpath(absolute(self._image, entry or ".")))
        if not self.prefix:
            return
        lib, version = self._lib(self.prefix), self._python.release.version
        base = self.prefix.rstrip("/")
        self._add(f"{base}/{lib}/python{version[0]}{version[1]}.zip")
        self._add(f"{base}/{lib}/{self._folder}")
        self._add(f"{exec_prefix.rstrip('/')}/{self._lib(exec_prefix)}/{self._folder}/lib-dynload")

    def _first(self) -> str | None:
        """What Python itself puts in front of the path: the script's folder, or where it was started."""
        safe = "PYTHONSAFEPATH" in self._environment and bool(self._environment["PYTHONSAFEPATH"])
        if self._asked is None or self._flags & {"I", "P"} or safe:
            return None
        if self._asked.what != "script":
            return working_dir(self._image)
        place = self._image.tree.locate(absolute(self._image, self._asked.operand))
        if place is None:
            return None
        return f"/{place}" if self._image.tree.is_folder(place) else posixpath.dirname(f"/{place}")

    def _site(self) -> None:
        """As `site.main`: the virtual environment's folders, the user's, those of the prefixes."""
        config = self._python.config
        prefixes = [self.prefix]
        user_site = not (self._flags & {"s", "I"}) and not self._environment.get("PYTHONNOUSERSITE")
        if config is not None:
            prefixes = [posixpath.dirname(posixpath.dirname(self._python.program))]
            self._site_folders(prefixes, venv=True)
            if config.get("include-system-site-packages", "").lower() == "true":
                prefixes.append(self.prefix)
            else:
                user_site = False
        if user_site:
            self._site_folder(f"{self._user_base()}/lib/{self._folder}/site-packages")
        self._site_folders(prefixes, venv=config is not None)

    def _user_base(self) -> str:
        base = self._environment.get("PYTHONUSERBASE", "")
        home = self._image.config.environment.get("HOME") or User(self._image).home
        return base or f"{home.rstrip('/')}/.local"

    def _site_folders(self, prefixes: Sequence[str], *, venv: bool) -> None:
        for prefix in dict.fromkeys(one for one in prefixes if one):
            base = prefix.rstrip("/")
            libs = ("lib64", "lib") if self._lib(base) == "lib64" else ("lib",)
            if not self._debian(base):
                for lib in libs:
                    self._site_folder(f"{base}/{lib}/{self._folder}/site-packages")
                continue
            if venv:
                self._site_folder(f"{base}/lib/{self._folder}/site-packages")
            self._site_folder(f"{base}/local/lib/{self._folder}/dist-packages")
            self._site_folder(f"{base}/lib/python3/dist-packages")
            self._site_folder(f"{base}/lib/{self._folder}/dist-packages")

    def _debian(self, prefix: str) -> bool:
        """Whether the Python is Debian's, whose distributions lie in `dist-packages`."""
        site = self._image.file(f"{prefix}/lib/{self._folder}/site.py")
        if site is not None and site.words:
            return "debian" in site.words
        return prefix == "/usr" and self._image.tree.is_folder("/usr/lib/python3/dist-packages")

    def _site_folder(self, folder: str) -> None:
        """A site folder, and what its `.pth` files add behind it."""
        if not self._image.tree.is_folder(folder):
            return
        if self._add(folder):
            self.sites.append(folder)
        for name in sorted(self._image.tree.names(folder)):
            if name.endswith(".pth") and not name.startswith("."):
                file = self._image.file(f"{folder}/{name}")
                if file is not None:
                    self._pth(folder, f"{folder}/{name}", file.read())

    def _pth(self, folder: str, place: str, text: str) -> None:
        for line in text.removeprefix("\ufeff").splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line.startswith(("import ", "import\t")):
                self.executed.append(place)
                continue
            entry = posixpath.normpath(posixpath.join(folder, line.rstrip()))
            if self._image.tree.entry(entry) is not None:
                self._add(entry)
