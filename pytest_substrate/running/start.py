"""The start of a run: what is demanded, what the run may not do, and what is collected. Everything that can fail here
fails as one line a problem, before anything is started, and never in `--help`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import pytest

from pytest_substrate.gate.judge import EXIT_UNDECIDED
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import Plane
from pytest_substrate.running import CLEARED
from pytest_substrate.running.asked import evidence_path
from pytest_substrate.running.nodeids import refuse_unknown, refuse_without_plane
from pytest_substrate.running.overruled import given, refuse_changed, refuse_dropped_expressions, refuse_idle
from pytest_substrate.running.place import make_way, remove_earlier
from pytest_substrate.running.refused import refused
from pytest_substrate.running.rootdir import refuse_moved_rootdir

if TYPE_CHECKING:
    from pytest_substrate.running.plan import Plan, Source
    from pytest_substrate.running.state import Run

_CHECKS: Final = "pytest_substrate_checks"


def begin(run: Run) -> None:
    """Decide what the run demands; where it demands a plane, plan it. pytest.UsageError for whatever forbids it."""
    with as_usage_errors():
        try:
            if not run.is_worker:
                refuse_moved_rootdir(run.config)
            planes = _demanded(run)
        except BadInput:
            if not run.is_worker:  # whatever was meant: earlier evidence is not to be taken for this run's
                with contextlib.suppress(BadInput):
                    remove_earlier(evidence_path(run.config))
            raise
        if not planes:
            if not run.is_worker:
                refuse_idle(run.config)
            return
        options, config = run.options, run.config
        if not run.is_worker:
            _clear(run)
        from pytest_substrate.gate.required import check_set_digest
        from pytest_substrate.running.ending import have_the_last_word
        from pytest_substrate.running.hooks import Hooks, RungFixtures
        from pytest_substrate.running.plan import make_plan, read_source
        from pytest_substrate.running.workers import Workers

        source = read_source(run.house, options.declaration, run.source_name)
        asked = _on_request(run, planes)
        plan = run.plan = make_plan(run.house, source, planes, _registered(run, source), asked=asked)
        if run.handover is not None and run.handover.digest != plan.source.digest:
            raise BadInput(plan.source.name, "the declaration changed while the run started", "run again")
        if run.handover is not None and run.handover.check_set != check_set_digest(plan.pairs):
            raise BadInput(_CHECKS, "a worker was offered other checks than the controller", "register them everywhere")
        if not run.is_worker:
            refuse_unknown(plan, _own_arguments(run))
            _judge_waivers(plan, run.identity.started)
        _collect_declaration(run, plan)
        config.pluginmanager.register(Hooks(run, plan), "substrate_hooks")
        run.late.clear()  # pytest told the hook of all that were there before, too
        config.pluginmanager.register(RungFixtures(), "substrate_rungs")
        if not run.is_worker:
            from pytest_substrate.running.reports import Listener

            config.pluginmanager.register(Listener(run), "substrate_reports")
        if config.pluginmanager.hasplugin("xdist"):
            run.workers = Workers(run)
            config.pluginmanager.register(run.workers, "substrate_workers")
        have_the_last_word(run)


def usage_error(lines: Sequence[str]) -> pytest.UsageError:
    """Several lines as one error: of several errors pytest would print a blank line after each."""
    return pytest.UsageError("\nERROR: ".join(lines))


@contextlib.contextmanager
def as_usage_errors() -> Iterator[None]:
    """What a user can mend, said as pytest says a usage error: a line for each problem, exit code 4."""
    try:
        yield
    except BadInput as error:
        problems = getattr(error, "problems", None) or (error,)
        raise usage_error([f"substrate: {problem}" for problem in problems]) from None
    except Exception as error:
        from pytest_substrate.targets.port import TargetError

        if not isinstance(error, TargetError):
            raise
        raise pytest.UsageError(f"substrate: {' '.join(str(error).split())}") from None


@contextlib.contextmanager
def never_green(run: Run) -> Iterator[None]:
    """Let nothing end a run with 0 while it starts: nobody is asked for a verdict then."""
    try:
        yield
    except (pytest.exit.Exception, SystemExit) as error:
        given = error.code if isinstance(error, SystemExit) else error.returncode
        if not run.gate or given not in (0, None):
            raise
        raise pytest.exit.Exception(f"{error} (before anything was proven)", EXIT_UNDECIDED) from error


def start_target(run: Run, session: pytest.Session) -> None:
    """Start the target where rungs will run: they were collected here, or workers collect them."""
    distributed = run.workers is not None and run.workers.started
    if not distributed and not any(run.reports.pair_of(item.nodeid) for item in session.items):
        return
    with as_usage_errors():
        run.start()


def _demanded(run: Run) -> tuple[Plane, ...]:
    if run.handover is not None:
        return run.handover.planes
    config = run.config
    if any(config.getoption(name, False) for name in ("showfixtures", "show_fixtures_per_test")):
        return ()  # pytest collects to show something, and runs nothing
    expression = str(config.getoption("markexpr", "") or "").strip()
    named, bare = _selected(run)
    planes = _asked_for(run, expression, named, bare)
    refuse_changed(config, planes)
    refuse_dropped_expressions(config, planes, marker_evaluation)
    return planes


def _asked_for(run: Run, expression: str, named: Sequence[str], bare: bool) -> tuple[Plane, ...]:
    options = run.options
    if not expression and not options.require and not named and not bare:
        return ()
    from pytest_substrate.gate.demand import demanded

    planes = demanded(
        expression=expression,
        holds=marker_evaluation(expression),
        required=options.require,
        selected=named,
        built=run.house.built(),
    )
    if bare and not planes:
        raise BadInput(
            run.source_name,
            "a declaration alone demands no plane",
            f"add -m messaging_plane, or ask for {run.source_name}::messaging_plane",
        )
    return planes


def _selected(run: Run) -> tuple[list[str], bool]:
    """The planes that node ids of the declaration name, and whether the declaration is named without a plane."""
    named: list[str] = []
    bare = False
    for argument in _own_arguments(run):
        parts = argument.split("::")
        if len(parts) > 1:
            refuse_without_plane(argument, parts[1], run.house.catalogue())
            named.append(parts[1])
        else:
            bare = True
    return named, bare


def _own_arguments(run: Run) -> Iterator[str]:
    if run.config.args_source is not pytest.Config.ArgsSource.ARGS:
        return
    path = run.options.declaration
    for argument in run.config.args:
        file = argument.split("::")[0]
        if file.endswith(path.name) and (run.config.invocation_params.dir / file).resolve() == path.resolve():
            yield argument


def marker_evaluation(expression: str) -> Callable[[frozenset[str]], bool]:
    """Whether a marker expression is true for an item that bears exactly the given markers."""
    from _pytest.mark import expression as marks

    malformed = getattr(marks, "ParseError", SyntaxError)  # before pytest 9 it was an error of its own
    try:
        compiled = marks.Expression.compile(expression)
    except malformed:
        return lambda _: False  # pytest refuses it in its own words when it selects

    def holds(markers: frozenset[str]) -> bool:
        return compiled.evaluate(lambda name, /, **kwargs: name in markers and not kwargs)

    return holds


def _on_request(run: Run, planes: Sequence[Plane]) -> frozenset[str]:
    """The checks that are asked for because the run was given what they judge."""
    if run.options.plan is None:
        return frozenset()
    flag = "--substrate-plan"
    if Plane.PACKAGING not in planes and not run.is_worker and given(run.config, flag):
        what = "this run demands no packaging_plane, so nothing would judge the plan"
        raise BadInput(flag, what, "add -m packaging_plane, or leave the flag out (`substrate plan FILE` judges one)")
    return frozenset({"PKG-120"})


def _registered(run: Run, source: Source) -> list[object]:
    """What conftest files and plugins offer as checks of the user's own; BadInput for what is no list of them."""
    found: list[object] = []
    for offered in run.config.hook.pytest_substrate_checks(declaration=source.declaration):
        if not isinstance(offered, Sequence) or isinstance(offered, str):
            raise BadInput(_CHECKS, f"a {type(offered).__name__} was returned", "return a list of OwnCheck")
        found += offered
    return found


def _collect_declaration(run: Run, plan: Plan) -> None:
    """Let the run collect the declaration: beside the user's arguments, or with the user's own checks alone."""
    config = run.config
    if config.args_source is not pytest.Config.ArgsSource.ARGS:
        config.args = [str(plan.source.path), *run.options.tests]
        return
    own = list(_own_arguments(run))
    if not own:
        config.args = [*config.args, str(plan.source.path)]
    elif any(argument.count("::") == 1 for argument in own) and Plane.SUBSTRATE in plan.modules:
        # a whole plane was named by its node id: what belongs to every plane comes with it
        common = f"{plan.source.path}::{Plane.SUBSTRATE.value}"
        if not any(argument.endswith(f"::{Plane.SUBSTRATE.value}") for argument in own):
            config.args = [*config.args, common]


def _judge_waivers(plan: Plan, now: datetime) -> None:
    """A waiver that has expired, is malformed or is for a pair that isn't held is red before any call is made."""
    from pytest_substrate.gate.required import check_set
    from pytest_substrate.gate.waivers import waiver_problems

    declaration = plan.source.declaration
    problems = waiver_problems(declaration, check_set(declaration), now) if declaration.waiver else ()
    if problems:
        raise usage_error([f"substrate: {plan.source.name}: {problem.message}" for problem in problems])


def _clear(run: Run) -> None:
    """Remove old evidence before the first call, and refuse what a verdict can't be trusted with."""
    options = run.options
    if options.adhoc:
        if given(run.config, "--substrate-evidence"):
            raise BadInput("--substrate-evidence", "an ad hoc run leaves no evidence", "leave one of the two out")
        run.removed_evidence = remove_earlier(options.evidence) or run.config.stash.get(CLEARED, False)
        return
    make_way(options.evidence, options.declaration)
    refusals = list(refused(run.config))
    if refusals:
        raise usage_error(refusals)
