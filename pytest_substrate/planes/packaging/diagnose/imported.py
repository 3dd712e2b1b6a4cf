"""PKG-080 where the imports are declared to be tried in a task: what the probe of imports saw there. Pure.

What is missing in the files stays missing. A path that code may add to (`path-unknown`) is settled by the task.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import FactValue, admitted, line, number_of
from pytest_substrate.model.import_transcript import ImportSeen, ImportTranscript
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.model.probe_run import ProbeRun
from pytest_substrate.planes.packaging.diagnose.telling import first_of, names

Seen: TypeAlias = ProbeRun | Unobserved

NOT_TRIED: Final = "not-tried"
_SETTLED: Final = "path-unknown"
_UNSEEN: Final = ("out-of-time", "hangs")


def diagnose_imported(files: Diagnosis, run: Seen) -> Diagnosis:
    """The imports as a task meets them; `files` is what the image's files say."""
    if files.outcome is not Outcome.PASS and files.cause != _SETTLED:
        return files
    if isinstance(run, Unobserved):
        return _not_tried(run)
    facts: dict[str, FactValue] = {
        "task_arn": admitted("task_arn", run.task_arn),
        "reason": None if run.start_failure is None else run.start_failure.value,
    }
    transcript = run.transcript
    if not isinstance(transcript, ImportTranscript):
        lacking = transcript if isinstance(transcript, Unobserved) else Unobserved(reason="malformed")
        return _not_tried(lacking).with_facts(facts)
    if transcript.crash is not None:
        return inconclusive(NOT_TRIED, "the probe of imports failed by itself").with_facts(facts)
    return _judged(transcript, _asked(files)).with_facts({**files.facts, **facts})


def _asked(files: Diagnosis) -> list[str]:
    modules = files.facts.get("modules")
    return [str(module) for module in modules] if isinstance(modules, (list, tuple)) else []


def _not_tried(seen: Unobserved) -> Diagnosis:
    told = f"the imports could not be tried in a task: {line(seen.detail or seen.reason, 200)}"
    return inconclusive(NOT_TRIED, told, detail=None if seen.detail is None else line(seen.detail))


def _judged(transcript: ImportTranscript, asked: list[str]) -> Diagnosis:
    seen = transcript.modules
    failed = {name: one for name, one in seen.items() if one.outcome in ("failed", "ended")}
    if failed:
        error = next((one.error for one in failed.values() if one.error is not None), None)
        return violated(
            "import-failed",
            first_of([_said(name, one) for name, one in failed.items()]),
            modules=names("modules", failed),
            missing_modules=names("missing_modules", (one.missing for one in failed.values() if one.missing)),
            error=admitted("error", error),
            python_version=admitted("python_version", transcript.python),
        )
    unseen = [name for name, one in seen.items() if one.outcome != "imported"]
    unseen += [name for name in asked if name not in seen]
    if unseen or not seen:
        told = f"{number_of(len(unseen), 'import')} did not end in time" if unseen else "nothing was imported"
        return inconclusive(NOT_TRIED, told, modules=names("modules", unseen))
    return passed(
        f"{number_of(len(seen), 'module')} imported in a task", count=len(seen), modules=names("modules", seen)
    )


def _said(name: str, one: ImportSeen) -> str:
    if one.outcome == "ended":
        return f"importing {name} ended the process (exit code {one.exit_code})"
    missing = f": there is no module {line(one.missing, 80)}" if one.missing else ""
    return f"importing {name} raised {line(one.error, 80)}{missing}"
