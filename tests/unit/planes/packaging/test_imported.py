"""PKG-080 with the imports tried in a task: what the task says, and where it can't stand for the workload."""

from __future__ import annotations

import pytest

from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.import_transcript import TRANSCRIPT_SCHEMA, ImportSeen, ImportTranscript
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import Outcome, Vantage
from pytest_substrate.model.probe_run import ProbeRun, StartFailure
from pytest_substrate.planes.packaging.diagnose.imported import diagnose_imported
from pytest_substrate.planes.packaging.image.alike import Alike, alike
from pytest_substrate.planes.packaging.image.contents import contents_of
from tests.unit.planes.packaging.making import Entry, base, file, folder, image, link, program

FILES = passed("2 modules resolved", modules=["a", "b"])
FINE = ImportSeen(outcome="imported")


def run(**modules: ImportSeen) -> ProbeRun:
    """A probe that came back."""
    transcript = ImportTranscript(
        schema=TRANSCRIPT_SCHEMA, nonce="1", python="3.11.4", started_at="2026-11-25T12:00:00Z", modules=modules
    )
    return ProbeRun(vantage=Vantage.TASK, transcript=transcript)


@pytest.mark.parametrize(
    ("seen", "outcome", "cause"),
    [
        (run(a=FINE, b=FINE), Outcome.PASS, None),
        (run(a=FINE), Outcome.INCONCLUSIVE, "not-tried"),
        (run(), Outcome.INCONCLUSIVE, "not-tried"),
        (run(a=FINE, b=ImportSeen(outcome="hangs")), Outcome.INCONCLUSIVE, "not-tried"),
        (run(a=FINE, b=ImportSeen(outcome="made-up")), Outcome.INCONCLUSIVE, "not-tried"),
        (run(a=ImportSeen(outcome="hangs"), b=ImportSeen(outcome="ended", exit_code=3)), Outcome.VIOLATION, None),
        (run(a=FINE, b=ImportSeen(outcome="failed", error="ValueError")), Outcome.VIOLATION, "import-failed"),
        (Unobserved(reason="not-asked", detail="the image wasn't read"), Outcome.INCONCLUSIVE, "not-tried"),
        (
            ProbeRun(
                vantage=Vantage.TASK,
                transcript=Unobserved(reason="capacity"),
                start_failure=StartFailure.CAPACITY,
            ),
            Outcome.INCONCLUSIVE,
            "not-tried",
        ),
    ],
)
def test_only_imports_that_ended_well_are_green(
    seen: ProbeRun | Unobserved, outcome: Outcome, cause: str | None
) -> None:
    """Each declared one has to be among them."""
    found = diagnose_imported(FILES, seen)
    assert outcome is found.outcome
    assert cause in (None, found.cause)


def test_what_is_missing_is_named() -> None:
    """The class of the error and the module, and no word of its message."""
    seen = run(a=ImportSeen(outcome="failed", error="ModuleNotFoundError", missing="orjson"), b=FINE)
    found = diagnose_imported(FILES, seen)
    assert "importing a raised ModuleNotFoundError: there is no module orjson" == found.message
    assert (["a"], ["orjson"], "ModuleNotFoundError") == tuple(
        found.facts[name] for name in ("modules", "missing_modules", "error")
    )


@pytest.mark.parametrize(
    ("files", "outcome"),
    [
        (violated("import-missing", "a is nowhere", modules=["a"]), Outcome.VIOLATION),
        (inconclusive("path-unknown", "code may add to it", modules=["a"]), Outcome.PASS),
        (inconclusive("not-asked", "the image wasn't read"), Outcome.INCONCLUSIVE),
    ],
)
def test_a_task_settles_what_files_leave_open(files: Diagnosis, outcome: Outcome) -> None:
    """And nothing that they prove."""
    assert outcome is diagnose_imported(files, run(a=FINE)).outcome


def start(*entrypoint: str, more: tuple[Entry, ...] = (), env: dict[str, str] | None = None) -> Alike | str:
    """How a twin of an image would have to start."""
    layer = [*base(), folder("app"), file("app/main.py"), *more]
    made = image(layer, entrypoint=entrypoint, WorkingDir="/app", env=env)
    return alike(contents_of(made.facts()))


def test_a_twin_of_a_plain_start() -> None:
    """A module's folder is where the twin starts as well; a script's is not; options that change the path go along."""
    assert Alike() == start("python3", "-m", "main")
    assert Alike(first="/app") == start("python3", "main.py")
    assert Alike(flags=("-I",)) == start("python3", "-I", "main.py")
    assert Alike(flags=("-s",), first="/app") == start("python3", "-us", "/app/main.py")
    assert Alike() == start("python3", "main.py", env={"PYTHONSAFEPATH": "1"})


def test_what_a_twin_cannot_stand_for() -> None:
    """Another Python than the one that it finds, or one that a shell starts."""
    venv = (
        folder("app/venv/bin"),
        link("app/venv/bin/python", "/usr/local/bin/python3.11"),
        file("app/venv/pyvenv.cfg", "home = /usr/local/bin\n"),
    )
    assert "is another one" in str(start("/app/venv/bin/python", "-m", "main", more=venv))
    assert "isn't looked into" in str(start("/bin/sh", "-c", "python3 -m main", more=(program("bin/sh"),)))
    assert "no Python" in str(alike(contents_of(image([program("bin/app")], entrypoint=["/bin/app"]).facts())))
