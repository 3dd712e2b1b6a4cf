"""The end of a run: the verdict, the evidence, the exit code, the ladder on screen. Only where the decision is made.

Called after everything else of `pytest_sessionfinish` ran, or raised. An interrupted or broken run, or one that only
collected, leaves no evidence; one that lost a rung leaves evidence of what it is: NOT READY.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Final

import pytest

from pytest_substrate.gate.judge import EXIT_NO_EVIDENCE, EXIT_VIOLATED, Judgement, Problem, exit_code, judge
from pytest_substrate.running import ENDED
from pytest_substrate.running.leaving import leave_evidence
from pytest_substrate.running.sweep import BROKEN, withhold

if TYPE_CHECKING:
    from pytest_substrate.running.plan import Plan
    from pytest_substrate.running.state import Run

_NAME: Final = "substrate_ending"
_USAGE_ERROR: Final = 4


class Ending:
    """The hook at the end, registered where a plane is demanded."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """On a worker, report its end before xdist's inner wrapper sends it; else decide, after everybody else."""
        if self._run.is_worker:
            from pytest_substrate.running.workers import report_end

            report_end(self._run)
            return (yield)
        try:
            result = yield
        except BaseException as error:
            ended = _ended_by(error, self._run, session)
            finish(self._run, session)
            raise pytest.exit.Exception(ended, int(session.exitstatus)) from error
        finish(self._run, session)
        return result


def have_the_last_word(run: Run) -> None:
    """Make our wrapper the outermost: of wrappers that want to be first, pytest takes the last one registered."""
    manager = run.config.pluginmanager
    if manager.has_plugin(_NAME):
        manager.unregister(name=_NAME)
    manager.register(Ending(run), _NAME)


def _ended_by(error: BaseException, run: Run, session: pytest.Session) -> str:
    """Take what another hook of the ending raised for a part of the run, and say what it was.

    pytest lets `pytest.exit` choose the exit code of a session that is over, and hands on everything else (an exit of
    Python's own with its code). Here it is another plugin's code at most: the verdict comes after it.
    """
    if isinstance(error, (pytest.exit.Exception, SystemExit)):
        given = error.code if isinstance(error, SystemExit) else error.returncode
        if isinstance(given, int):
            session.exitstatus = int(given)
        return str(error) if isinstance(error, pytest.exit.Exception) else repr(error)
    if isinstance(error, KeyboardInterrupt):
        session.exitstatus = pytest.ExitCode.INTERRUPTED
        return "interrupted"
    what = f"a hook at the end of the run raised {type(error).__name__}"
    run.config.notify_exception(pytest.ExceptionInfo.from_exception(error), run.config.option)
    run.reports.problems.append(Problem(reason="ending-broken", message=what))
    return what


def finish(run: Run, session: pytest.Session) -> None:
    """Judge the run, leave its evidence, set the session's exit status, and show the ladder."""
    plan = run.plan
    code = int(session.exitstatus)
    run.config.stash[ENDED] = True
    if plan is None or code == _USAGE_ERROR:
        return
    _surround_allure(run)
    held = [*run.reports.withheld, *withhold(run)]
    judgement = _judgement(run, plan, held)
    notes: list[str] = []
    if run.removed_evidence:
        place = run.options.evidence_given
        notes.append(f"evidence {place} of an earlier run was removed: an ad hoc run leaves none")
    but = None
    if run.options.adhoc:
        session.exitstatus = EXIT_NO_EVIDENCE if held and code not in BROKEN else code
    else:
        failed = bool(held)
        if code not in BROKEN and not run.collects_only:
            failed |= not leave_evidence(run, plan, judgement, notes)
        session.exitstatus = exit_code(
            judgement, pytest_code=code, tests_failed=run.reports.tests_failed, evidence_failed=failed
        )
        but = _why_else(run, judgement, int(session.exitstatus))
        if but is not None and not judgement.ready:
            notes.append(f"exit code {int(session.exitstatus)}: {but}")
    _show(run, plan, judgement, notes, but)


def _judgement(run: Run, plan: Plan, held: list[str]) -> Judgement:
    run.reports.note_deselected(run.deselected)
    run.reports.note_late(dict.fromkeys(run.late))
    seen = [*run.reports.problems, *(run.workers.problems() if run.workers is not None else ())]
    if run.collects_only:
        seen.append(Problem(reason="collect-only", message="nothing was run, so nothing was proven"))
    seen += [Problem(reason="secret-in-output", message=line) for line in dict.fromkeys(held)]
    if run.workers is None or not run.workers.problems():  # a lost worker took with it what its rungs came to
        seen += run.reports.foreign(run.made)
    return judge(plan.pairs, run.reports.records, seen)


def _why_else(run: Run, judgement: Judgement, code: int) -> str | None:
    """Why the run ends with another exit code than its verdict alone would give it."""
    if code == exit_code(judgement, pytest_code=0, tests_failed=False, evidence_failed=False):
        return None
    if code == EXIT_NO_EVIDENCE:
        secret = any(problem.reason == "secret-in-output" for problem in judgement.problems)
        return "a secret was found in an output" if secret else "its evidence could not be left"
    told = {2: "it was interrupted", 3: "an internal error broke it"}.get(code)
    if told is not None:
        return f"{told}, so it leaves no evidence"
    if code != EXIT_VIOLATED or not run.reports.tests_failed:
        return f"another plugin ended it with {code}"
    tests, files = len(run.reports.failed_tests), len(run.reports.failed_files)
    parts = [
        f"{tests} test{'s' if tests > 1 else ''} of your own failed" if tests else "",
        f"{files} file{'s' if files > 1 else ''} of your own could not be collected" if files else "",
    ]
    return ", ".join(part for part in parts if part)


def _surround_allure(run: Run) -> None:
    folder = run.config.getoption("allure_report_dir", None)
    if not folder or run.collects_only:
        return
    from pytest_substrate.report.allure import write_surroundings
    from pytest_substrate.running.provenance import plugin_version

    options, described = run.options, run.described
    surroundings = {
        "declaration": run.source_name,
        "target": options.target.value,
        "vantage": options.vantage.value,
        **{name: described.get(name) for name in ("environment", "account", "region", "observer")},
        "pytest-substrate": plugin_version(),
    }
    try:
        write_surroundings(run.config.invocation_params.dir / folder, run.scrubber.scrub_tree(surroundings))
    except OSError as error:
        run.say(f"{folder}: Allure's environment could not be written ({error.strerror})")


def _show(run: Run, plan: Plan, judgement: Judgement, notes: list[str], but: str | None) -> None:
    from pytest_substrate.report.glyphs import glyphs_for, writable
    from pytest_substrate.report.terminal import Page, render
    from pytest_substrate.running.state import begin_line

    with run.terminal() as reporter:
        if reporter is None:
            return
        writer = reporter._tw
        encoding = getattr(writer._file, "encoding", None)
        page = Page(
            width=writer.fullwidth,
            glyphs=glyphs_for(encoding),
            verbosity=run.config.get_verbosity(),
            root=run.config.rootpath,
        )
        target: dict[str, Any] = {"kind": run.options.target.value, **run.described}
        begin_line(reporter)
        for line in render(
            judgement=judgement,
            plan=plan,
            target=target,
            notes=notes,
            page=page,
            verdict=not run.options.adhoc,
            but=but,
        ):
            for text, markup in line:
                writer.write(writable(text, encoding), **dict.fromkeys(markup, True))
            writer.line()
