"""PKG-080: where the image's Python looks, and what a module's name resolves to there.

The module paths were compared with `sys.path` of every CPython from 3.6 to 3.13, Debian's, and virtual environments of
them, with each option that changes it; resolutions with `PathFinder` over thousands of names.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.packaging.image.asked import Asked, asked_of
from pytest_substrate.planes.packaging.image.contents import contents_of
from pytest_substrate.planes.packaging.image.imports import resolve
from pytest_substrate.planes.packaging.image.python import Python
from tests.unit.planes.packaging.making import (
    LOADER,
    SITE,
    Entry,
    Store,
    base,
    elf,
    file,
    folder,
    image,
    libc,
    link,
    program,
    python,
    wanting,
)

LIB = "usr/local/lib/python3.11"


def python_in(made: Store) -> Python:
    """The image's Python."""
    found = contents_of(made.facts()).python
    assert found is not None
    return found


def path_of(made: Store) -> list[str]:
    """The entries of the module path that are there."""
    tree = made.facts().tree
    return [entry for entry in python_in(made).path if tree.entry(entry.strip("/")) is not None]


STANDARD = [f"/{LIB}", f"/{LIB}/lib-dynload"]
APP = [file("app/run.py"), file("app/ingest/__init__.py"), file("app/ingest/__main__.py")]


@pytest.mark.parametrize(
    ("entrypoint", "first"),
    [
        (["python", "/app/run.py"], ["/app"]),
        (["python", "run.py"], ["/app"]),
        (["python", "-u", "-W", "error", "-Xdev", "run.py"], ["/app"]),
        (["python", "-m", "ingest"], ["/app"]),
        (["python", "-um", "ingest"], ["/app"]),
        (["python", "-c", "pass"], ["/app"]),
        (["python"], ["/app"]),
        (["python", "-I", "run.py"], []),
        (["python", "-P", "run.py"], []),
        (["python", "-Im", "ingest"], []),
        (["env", "A=b", "python", "run.py"], ["/app"]),
        (["python", "/link.py"], ["/app"]),
        (["python", "/app"], ["/app"]),
        (["/bin/tini", "--", "python", "run.py"], ["/app"]),
        (["/bin/sh", "-c", "python run.py"], []),
        (["/bin/start", "python", "-m", "ingest"], ["/app"]),
        (["/usr/local/bin/ingest"], ["/usr/local/bin"]),
    ],
)
def test_what_stands_before_everything(entrypoint: list[str], first: list[str]) -> None:
    """The script's folder, links followed, or the working directory; nothing where that is unknown or switched off."""
    programs = [program("bin/tini"), program("bin/sh"), program("bin/start", "#!/bin/sh\n"), program("usr/bin/env")]
    script = program("usr/local/bin/ingest", "#!/usr/local/bin/python3.11\n")
    made = image(
        [*base(), *APP, *programs, script, link("link.py", "app/run.py")], entrypoint=entrypoint, WorkingDir="/app"
    )
    assert [*first, *STANDARD, f"/{SITE}"] == path_of(made)


VENV = [
    link("opt/venv/bin/python", "/usr/local/bin/python3"),
    file("opt/venv/pyvenv.cfg", "home = /usr/local/bin\ninclude-system-site-packages = false\nversion = 3.11.7\n"),
    folder("opt/venv/lib/python3.11/site-packages"),
]
VENV_SITE = "/opt/venv/lib/python3.11/site-packages"


def sited(
    entries: Sequence[Entry], env: Mapping[str, str] | None = None, start: str = "python", **more: Any
) -> list[str]:
    """The path behind the standard library."""
    made = image([*base(), *entries], entrypoint=[start, "-c", ""], env=env, **more)
    path = path_of(made)
    return [one for one in path if one not in ("/", *STANDARD)]


@pytest.mark.parametrize(
    ("entries", "env", "start", "expected"),
    [
        ([], {}, "python", [f"/{SITE}"]),
        (VENV, {}, "/opt/venv/bin/python", [VENV_SITE]),
        (VENV, {"PATH": "/opt/venv/bin:/usr/local/bin"}, "python", [VENV_SITE]),
        (
            [*VENV, file("opt/venv/pyvenv.cfg", "home=/usr/local/bin\nInclude-System-Site-Packages = TRUE\n")],
            {},
            "/opt/venv/bin/python",
            [VENV_SITE, f"/{SITE}"],
        ),
        ([*VENV, link("opt/venv/bin/python", "/usr/local/bin/python3.12")], {}, "/opt/venv/bin/python", [VENV_SITE]),
        (
            [folder("root/.local/lib/python3.11/site-packages")],
            {},
            "python",
            ["/root/.local/lib/python3.11/site-packages", f"/{SITE}"],
        ),
        ([folder("root/.local/lib/python3.11/site-packages")], {"PYTHONNOUSERSITE": "1"}, "python", [f"/{SITE}"]),
        (
            [folder("srv/u/.local/lib/python3.11/site-packages")],
            {"HOME": "/srv/u"},
            "python",
            ["/srv/u/.local/lib/python3.11/site-packages", f"/{SITE}"],
        ),
        (
            [folder("ub/lib/python3.11/site-packages")],
            {"PYTHONUSERBASE": "/ub"},
            "python",
            ["/ub/lib/python3.11/site-packages", f"/{SITE}"],
        ),
        (
            [folder("srv/a"), folder("srv/b")],
            {"PYTHONPATH": "/srv/b::/srv/a:/gone:/srv/b"},
            "python",
            ["/srv/b", "/srv/a", f"/{SITE}"],
        ),
        ([folder("x"), file(f"{SITE}/x.pth", "/x\n# c\n\nimport y\nnone\n")], {}, "python", [f"/{SITE}", "/x"]),
        ([folder(f"{SITE}/z"), file(f"{SITE}/x.pth", "z\r\n")], {}, "python", [f"/{SITE}", f"/{SITE}/z"]),
        (
            [folder("x"), folder("y"), file(f"{SITE}/b.pth", "/y\n"), file(f"{SITE}/a.pth", "/x\n")],
            {},
            "python",
            [f"/{SITE}", "/x", "/y"],
        ),
        ([folder("x"), file("srv/x.pth", "/x\n")], {"PYTHONPATH": "/srv"}, "python", ["/srv", f"/{SITE}"]),
    ],
)
def test_site_folders(entries: list[Entry], env: dict[str, str], start: str, expected: list[str]) -> None:
    """Virtual environments, the user's folder, PYTHONPATH, `.pth` files of site folders and of no others."""
    assert expected == sited(entries, env, start)


def test_debian_has_folders_of_its_own() -> None:
    """By what its `site` says; a Python of another maker in the same image has none of them."""
    debian = python("3.11.2", "usr")
    debian += [file("usr/lib/python3.11/site.py", 'def getsitepackages():\n    "dist-packages"\n')]
    debian += [folder("usr/lib/python3/dist-packages"), folder("usr/local/lib/python3.11/dist-packages")]
    made = image([*libc(), *debian], entrypoint=["/usr/bin/python3", "-I"])
    own = ["/usr/local/lib/python3.11/dist-packages", "/usr/lib/python3/dist-packages"]
    assert ["/usr/lib/python3.11", "/usr/lib/python3.11/lib-dynload", *own] == path_of(made)
    both = image([*libc(), *debian, *python()], entrypoint=["/usr/local/bin/python3", "-I"])
    assert [*STANDARD, f"/{SITE}"] == path_of(both)


def test_a_library_under_lib64() -> None:
    """As Fedora has it."""
    made = image(
        [
            *libc(),
            program("usr/bin/python3.11", elf(loader=f"/{LOADER}")),
            file("usr/lib64/python3.11/os.py"),
            folder("usr/lib64/python3.11/lib-dynload"),
            folder("usr/lib64/python3.11/site-packages"),
            folder("usr/lib/python3.11/site-packages"),
        ],
        entrypoint=["/usr/bin/python3.11", "-I"],
    )
    lib = "/usr/lib64/python3.11"
    assert [lib, f"{lib}/lib-dynload", f"{lib}/site-packages", "/usr/lib/python3.11/site-packages"] == path_of(made)


@pytest.mark.parametrize(
    ("binary", "more", "version", "full"),
    [
        (elf(extra=b"\x003.12.4\0"), [], (3, 12), "3.12.4"),
        (
            elf(needed=["libpython3.12.so.1.0"]),
            [file("usr/local/lib/libpython3.12.so.1.0", elf(extra=b"\x003.12.4\0"))],
            (3, 12),
            "3.12.4",
        ),
        (
            elf(needed=["$ORIGIN/../lib/libpython3.12.so.1.0"]),
            [file("usr/local/lib/libpython3.12.so.1.0", elf(extra=b"\x003.12.4\0"))],
            (3, 12),
            "3.12.4",
        ),
        (elf(), [file("usr/local/lib/python3.12/os.py")], (3, 12), None),
        (elf(), [file("usr/local/pyvenv.cfg", "version = 3.12.9\n")], (3, 12), "3.12.9"),
    ],
)
def test_a_version_that_no_name_tells(
    binary: bytes, more: list[Entry], version: tuple[int, int], full: str | None
) -> None:
    """By the binary, its library, what lies beside it."""
    found = python_in(image([*libc(), program("usr/local/bin/python", binary), *more], entrypoint=["python"]))
    assert (version, full) == (found.version, found.full)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], Asked()),
        (["-"], Asked()),
        (["-", "x.py"], Asked()),
        (["x.py", "-I"], Asked(what="script", operand="x.py")),
        (["--", "x.py"], Asked(what="script", operand="x.py")),
        (["-W", "x.py"], Asked()),
        (["-Wx", "y.py"], Asked(what="script", operand="y.py")),
        (["-X", "a", "-IsS", "y.py"], Asked(what="script", operand="y.py", flags=frozenset("IsS"))),
        (["-mpkg.mod", "x"], Asked(what="module", operand="pkg.mod")),
        (["-Bm", "pkg", "x"], Asked(what="module", operand="pkg", flags=frozenset("B"))),
        (["-m"], Asked(what="module")),
        (["-cimport x", "y.py"], Asked(what="command")),
        (["--check-hash-based-pycs", "never", "y.py"], Asked(what="script", operand="y.py")),
    ],
)
def test_a_command_line_is_read_as_python_reads_it(argv: list[str], expected: Asked) -> None:
    """Options bundled, with values beside them or behind."""
    assert expected == asked_of(argv)


SO = f"{SITE}/ext.cpython-311-x86_64-linux-gnu.so"


@pytest.mark.parametrize(
    ("entries", "module", "place"),
    [
        ([file(f"{SITE}/a.py")], "a", f"/{SITE}/a.py"),
        ([file(f"{SITE}/a.pyc")], "a", f"/{SITE}/a.pyc"),
        ([file(f"{SITE}/__pycache__/a.cpython-311.pyc")], "a", None),
        ([file(f"{SITE}/a/__init__.py")], "a", f"/{SITE}/a/__init__.py"),
        ([file(f"{SITE}/a/__init__.pyc")], "a", f"/{SITE}/a/__init__.pyc"),
        ([file(f"{SITE}/a/__init__.py"), file(f"{SITE}/a.py")], "a", f"/{SITE}/a/__init__.py"),
        ([file(f"{SITE}/a/b.py"), file(f"{SITE}/a.py")], "a", f"/{SITE}/a.py"),
        ([file(f"{SITE}/a/b.py")], "a", f"/{SITE}/a"),
        ([file(f"{SITE}/a/b.py")], "a.b", f"/{SITE}/a/b.py"),
        ([file(f"{SITE}/a/b.py")], "a.c", None),
        ([file(f"{SITE}/a/__init__.py")], "a.b", None),
        ([file(f"{SITE}/a/__init__.py"), folder(f"{SITE}/a/b")], "a.b", f"/{SITE}/a/b"),
        ([file(f"{SITE}/a.py")], "a.b", None),
        ([file(SO)], "ext", f"/{SO}"),
        ([file(f"{SITE}/ext.abi3.so")], "ext", f"/{SITE}/ext.abi3.so"),
        ([file(f"{SITE}/ext.so")], "ext", f"/{SITE}/ext.so"),
        ([file(f"{SITE}/ext.cpython-312-x86_64-linux-gnu.so")], "ext", None),
        ([file(f"{SITE}/ext.cpython-311-aarch64-linux-gnu.so")], "ext", None),
        ([file(f"{SITE}/ext.cpython-311-x86_64-linux-musl.so")], "ext", None),
        ([file(SO), file(f"{SITE}/ext.py")], "ext", f"/{SO}"),
        ([link(f"{SITE}/a.py", "/srv/a.py"), file("srv/a.py")], "a", f"/{SITE}/a.py"),
        ([link(f"{SITE}/a.py", "gone")], "a", None),
        ([link(f"{SITE}/a", "/srv/a"), file("srv/a/__init__.py")], "a", f"/{SITE}/a/__init__.py"),
        ([folder(f"{SITE}/a.py")], "a", None),
        ([file(f"{SITE}/A.py")], "a", None),
        ([], "sys", "built-in"),
        ([], "zlib", "built-in"),
        ([], "sys.x", None),
        ([], "os.path", "built-in"),
        ([], "json.decoder", f"/{LIB}/json/decoder.py"),
        ([], "_ssl", f"/{LIB}/lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so"),
        ([file(f"{SITE}/json.py")], "json", f"/{LIB}/json/__init__.py"),
        ([file("usr/share/a.py"), file("a/a.py")], "a", None),
    ],
)
def test_a_module_resolves_as_in_python(entries: list[Entry], module: str, place: str | None) -> None:
    """Packages, namespaces, extension modules of this Python, byte code, links."""
    made = image([*base(), *entries], entrypoint=["python3", "-I"])
    assert place == resolve(made.facts(), python_in(made), module).place


def test_namespace_packages_go_on_along_the_path() -> None:
    """PEP 420's, and the two older kinds."""
    env = {"PYTHONPATH": "/srv"}
    plain = image([*base(), file("srv/ns/a.py"), file(f"{SITE}/ns/b.py")], entrypoint=["python3", "-P"], env=env)
    for name in ("ns.a", "ns.b"):
        assert resolve(plain.facts(), python_in(plain), name).place is not None
    for told, found in (
        ("__path__ = __import__('pkgutil').extend_path(__path__, __name__)", True),
        ("# nothing", False),
    ):
        old = image([*base(), file("srv/ns/__init__.py", told), file(f"{SITE}/ns/b.py")], env=env)
        assert found == (resolve(old.facts(), python_in(old), "ns.b").place is not None)


def test_the_standard_library_in_a_zip() -> None:
    """It stands before the folder, and holds no extension modules."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name in ("zipped.py", "pack/__init__.pyc", "pack/inner.py"):
            made.writestr(name, "")
    at = "usr/local/lib/python311.zip"
    facts = image([*base(), file(at, stream.getvalue())])
    for module, place in (("zipped", f"/{at}/zipped.py"), ("pack.inner", f"/{at}/pack/inner.py"), ("pack.gone", None)):
        assert place == resolve(facts.facts(), python_in(facts), module).place
    broken = image([*base(), file(at, b"PK")])
    assert None is resolve(broken.facts(), python_in(broken), "zipped").place


def editable(target: str) -> list[Entry]:
    """What setuptools leaves of an editable installation by a finder."""
    finder = "__editable___ingest_1_0_finder"
    return [
        file(f"{SITE}/__editable__.ingest-1.0.pth", f"import {finder}; {finder}.install()\n"),
        file(f"{SITE}/{finder}.py", f"MAPPING: dict[str, str] = {{'ingest': '{target}'}}\nNAMESPACES = {{}}\n"),
    ]


@pytest.mark.parametrize(
    ("entries", "modules", "expected"),
    [
        ([], ["json", "sys"], (Outcome.PASS, None)),
        ([], ["kafka"], (Outcome.VIOLATION, "import-missing")),
        ([file(f"{SITE}/kafka/__init__.py")], ["kafka", "gone"], (Outcome.VIOLATION, "import-missing")),
        (
            [file("app/kafka.py"), file(f"{SITE}/kafka/__init__.py"), file(f"{SITE}/kafka/client.py")],
            ["kafka.client"],
            (Outcome.VIOLATION, "import-shadowed"),
        ),
        (
            [file("app/kafka/__init__.py"), file(f"{SITE}/kafka/__init__.py"), file(f"{SITE}/kafka/client.py")],
            ["kafka.client"],
            (Outcome.VIOLATION, "import-shadowed"),
        ),
        (
            [*editable("/srv/ingest"), file("srv/ingest/__init__.py"), file("srv/ingest/a.py")],
            ["ingest", "ingest.a"],
            (Outcome.PASS, None),
        ),
        (editable("/srv/ingest"), ["ingest"], (Outcome.INCONCLUSIVE, "path-unknown")),
        (
            [file(f"{SITE}/own.pth", "import sys; sys.path.append('/srv')\n")],
            ["ingest"],
            (Outcome.INCONCLUSIVE, "path-unknown"),
        ),
        (
            [file(f"{SITE}/distutils-precedence.pth", "import os; pass\n")],
            ["ingest"],
            (Outcome.VIOLATION, "import-missing"),
        ),
        (
            [file("opt/app.zip", "PK"), file(f"{SITE}/app.pth", "/opt/app.zip\n")],
            ["ingest"],
            (Outcome.INCONCLUSIVE, "path-unknown"),
        ),
    ],
)
def test_what_the_imports_come_to(
    entries: list[Entry], modules: list[str], expected: tuple[Outcome, str | None]
) -> None:
    """Missing, hidden, or in a place that code adds to the path."""
    made = image([*base(), *entries], entrypoint=["python3", "-m", "json"], WorkingDir="/app")
    record = made.records(wanting(imports=modules))["PKG-080"]
    assert expected == (record.outcome, record.cause)


def test_behind_a_shell_the_working_directory_may_be_on_the_path() -> None:
    """What a shell is told isn't looked into, so neither answer is proven."""
    made = image(
        [*base(), program("bin/sh"), *APP], entrypoint=["/bin/sh", "-c", "exec python run.py"], WorkingDir="/app"
    )
    for module, expected in (("ingest", Outcome.INCONCLUSIVE), ("gone", Outcome.VIOLATION), ("json", Outcome.PASS)):
        assert expected == made.records(wanting(imports=[module]))["PKG-080"].outcome


def test_an_image_without_python_has_no_modules() -> None:
    """Where some are declared, that is a violation."""
    record = image([program("app")], entrypoint=["/app"]).records(wanting(imports=["kafka"]))["PKG-080"]
    assert (Outcome.VIOLATION, "import-missing") == (record.outcome, record.cause)


def test_this_interpreter_looks_where_its_image_would() -> None:
    """The host's own Python, made an image of without contents: the same entries as `sys.path` has."""
    home = Path(sys.base_prefix)
    library = home / f"lib/python{sys.version_info.major}.{sys.version_info.minor}"
    binary = Path(os.path.realpath(sys._base_executable))  # type: ignore[attr-defined]  # as `site` asks for it
    code = "import sys; print(*sys.path, sep='\\n')"
    told = subprocess.run([binary, "-Is", "-c", code], capture_output=True, text=True, check=True).stdout.split()
    entries = [program(str(binary).lstrip("/")), file(f"{str(library).lstrip('/')}/os.py")]
    entries += [folder(one.lstrip("/")) for one in told if Path(one).is_dir()]
    if (library / "site.py").is_file():
        entries.append(file(f"{str(library).lstrip('/')}/site.py", (library / "site.py").read_bytes()))
    made = image(entries, entrypoint=[str(binary), "-Is"])
    assert [one for one in told if Path(one).exists()] == path_of(made)
