"""The program that travels: how long it is, what it needs, and that it is the same program as the modules."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.model.transcript import ProbeRequest, Transcript, read_transcript
from pytest_substrate.probe import build, bundle
from pytest_substrate.probe.program import run

FOLDER = Path(bundle.__file__).parent
NONCE = "0" * 32
LEAST = (3, 7)


def modules() -> list[str]:
    """The probe's modules, but for the two that build the texts and hand them out."""
    found = [file.relative_to(FOLDER).with_suffix("").as_posix() for file in FOLDER.rglob("*.py")]
    return sorted(name for name in found if Path(name).name not in ("build", "bundle", "__init__"))


@cache
def interpreters() -> tuple[str, ...]:
    """The running interpreter, and each other one that this machine has beside it or on the PATH, one a version."""
    places = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    places += sorted((Path.home() / ".pyenv" / "versions").glob("*/bin"))
    found = {f"{sys.version_info[0]}.{sys.version_info[1]}": sys.executable}
    for place in places:
        for file in sorted(place.glob("python3.[0-9]*")):
            if not file.name.removeprefix("python3.").isdigit():
                continue
            version = file.name.removeprefix("python")
            if version not in found and (3, int(version[2:])) >= LEAST and _runs(file):
                found[version] = str(file)
    return tuple(found.values())


def _runs(file: Path) -> bool:
    try:
        return 0 == subprocess.run([file, "-I", "-c", ""], capture_output=True, check=False, timeout=10).returncode
    except OSError:
        return False


def test_the_program_stays_small() -> None:
    """24 KiB of source travel at most."""
    size = len(bundle.probe_source().encode())
    assert 10_000 < size <= bundle.SOURCE_LIMIT == 24 * 1024


def test_the_data_program_is_smaller() -> None:
    """It brings nothing of Kafka along."""
    text = bundle.data_source()
    assert 8_000 < len(text.encode()) < 16 * 1024
    assert "Kafka" not in text
    assert "SCRAM" not in text


@pytest.mark.parametrize(
    ("file", "modules", "more"),
    [
        (bundle.PROGRAM_FILE, bundle.MODULES, ("roundtrip",)),
        (bundle.DATA_PROGRAM_FILE, bundle.DATA_MODULES, ()),
        (bundle.IMPORT_PROGRAM_FILE, bundle.IMPORT_MODULES, ()),
    ],
)
def test_the_text_is_of_these_modules(file: Path, modules: tuple[str, ...], more: tuple[str, ...]) -> None:
    """Made anew by `python -m pytest_substrate.probe.build`, nothing changes."""
    held = json.loads(file.read_text(encoding="utf-8"))
    assert bundle.sources_digest((*modules, *more)) == held["sources"]
    # the interpreter that built it may write and name some things otherwise than this one, so shapes are compared
    assert shape(build.build(modules)) == shape(held["text"])


def shape(text: str) -> list[str]:
    """The kinds of a program's parts, in order, whatever its names are."""
    return [type(node).__name__ for node in ast.walk(ast.parse(text))]


def test_every_module_travels() -> None:
    """None is forgotten, in an order in which each comes after what it needs."""
    assert sorted({*bundle.MODULES, *bundle.DATA_MODULES, *bundle.IMPORT_MODULES, "roundtrip"}) == modules()


@pytest.mark.parametrize("name", modules())
def test_the_probe_imports_the_standard_library_alone(name: str) -> None:
    """But for its own modules, and the runtime's client in the process of its own."""
    for node in ast.walk(ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [] if node.level else [str(node.module)]
            assert node.level or node.module
        else:
            continue
        allowed = {*sys.stdlib_module_names, *(["kafka"] if name == "roundtrip" else [])}
        assert {word.split(".")[0] for word in names} <= allowed


@pytest.mark.parametrize("name", modules())
def test_the_modules_have_the_syntax_of_python_3_8(name: str) -> None:
    """Nothing newer, whatever interpreter builds the text."""
    ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"), feature_version=(3, 8))
    for text in (bundle.probe_source(), bundle.data_source(), bundle.import_source()):
        ast.parse(text, feature_version=LEAST)


@pytest.mark.parametrize(
    "text", [bundle.probe_source(), bundle.data_source(), bundle.import_source()], ids=["kafka", "data", "imports"]
)
def test_the_text_has_no_words_for_readers(text: str) -> None:
    """No docstring, no annotation, no comment."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        assert not isinstance(node, ast.AnnAssign)
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            assert ast.get_docstring(node) is None
        if isinstance(node, ast.FunctionDef):
            assert node.returns is None
            assert all(argument.annotation is None for argument in node.args.args)
    assert "#" not in text.replace("'#'", "")


@pytest.mark.parametrize("python", interpreters())
def test_the_text_runs_bare_under_every_interpreter_at_hand(kafka: Callable[..., Any], python: str) -> None:
    """With `-I -S`, from the argument, an empty environment but for what is asked for: the ladder passes."""
    fake = kafka()
    request = ProbeRequest(
        nonce=NONCE,
        deadline_s=5.0,
        bootstrap_env="SERVERS",
        protocol="SASL_PLAINTEXT",
        credential_env="CREDENTIAL",
        expected_env="SUBSTRATE_EXPECTED",
        principal="ingest",
        topics=("smoke",),
        group="g",
        smoke_topic="smoke",
        reauthenticate=True,
    )
    credential = json.dumps({"username": "ingest", "password": "s3cret"})
    env = {"SERVERS": f"127.0.0.1:{fake.port}", "CREDENTIAL": credential, "SUBSTRATE_EXPECTED": credential}
    done = subprocess.run(
        [python, "-I", "-S", "-c", bundle.probe_source(), request.to_json()],
        env=env,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert "s3cret" not in done.stdout
    seen = read_transcript(done.stdout.splitlines(), NONCE)
    assert isinstance(seen, Transcript), seen
    assert seen.crash is None, seen.crash
    assert seen.credential is not None
    assert (True, True, ()) == (seen.credential.principal_matches, seen.credential.compared, seen.credential.differs)
    assert seen.fetch is not None
    assert (7, None) == (seen.fetch.offset, seen.fetch.failure)
    assert seen.reauthentication is not None
    assert seen.reauthentication.failure is None


WAYS: dict[str, dict[str, Any]] = {
    "healthy": {},
    "rejected": {"users": {}},
    "old": {"ranges": {18: (0, 4), 17: (0, 1), 36: (0, 2), 3: (0, 7)}},
    "hidden": {"topics": {"smoke": (29, [], None)}},
    "leaderless": {"topics": {"smoke": (0, [(5, 0, -1)], {3})}},
    "other mechanism": {"mechanisms": ("PLAIN",)},
    "refused group": {"answers": {10: lambda fake, request: bytes(4) + b"\0\x1e" + b"\xff" * 10 + bytes(6)}},
    "closes": {"answers": {3: lambda fake, request: None}},
    "server signature": {"scram": {"final": lambda text: "v=AAAA"}},
}


@pytest.mark.parametrize("way", WAYS)
def test_the_text_sees_what_the_modules_see(kafka: Callable[..., Any], way: str) -> None:
    """Against the same broker, both give the same transcript, but for times and versions."""
    space: dict[str, Any] = {"__name__": "bundled"}
    exec(compile(bundle.probe_source(), "probe", "exec"), space)  # noqa: S102  it is what travels
    fake = kafka(**WAYS[way])
    asked = ProbeRequest(
        nonce=NONCE,
        deadline_s=1.0,
        bootstrap=(f"127.0.0.1:{fake.port}",),
        protocol="SASL_PLAINTEXT",
        topics=("smoke",),
        group="g",
        client="kafka-python",
        identity=True,
        reauthenticate=True,
    ).asked()
    secret = {"username": "ingest", "password": "s3cret"}
    both = [function(asked, {}, secret) for function in (run, space["run"])]
    for data in both:
        assert "crash" not in data
        data["durations_ms"] = sorted(data["durations_ms"])
        data["started_at"] = ""
    assert both[0] == both[1]
