"""xdist: what the controller gives its workers, and the end that each of them must report.

A deferred class, registered only where xdist is loaded: its hooks are unknown to pytest otherwise.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pytest_substrate.gate.judge import Problem
from pytest_substrate.running.handover import INPUT, Handover
from pytest_substrate.running.state import Run
from pytest_substrate.running.sweep import withhold

if TYPE_CHECKING:
    import pytest


class Workers:
    """The workers of a run, as the controller sees them."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.started: list[str] = []
        """The ids of those that were started, replacements included."""
        self._ended: set[str] = set()

    def pytest_configure_node(self, node: Any) -> None:
        """Give a worker the run's identity. Called again for each worker that replaces a lost one."""
        run = self._run
        if run.plan is not None:
            from pytest_substrate.gate.required import check_set_digest

            source = run.plan.source
            handover = Handover(
                identity=run.identity,
                options=run.options,
                planes=run.plan.planes,
                source_name=source.name,
                digest=source.digest,
                check_set=check_set_digest(run.plan.pairs),
            )
            node.workerinput[INPUT] = handover.to_text()
            self.started.append(node.gateway.id)

    def pytest_testnodedown(self, node: Any, error: object) -> None:  # noqa: ARG002  part of the hook's signature
        """Take a worker's end; a worker that was lost has none."""
        if take_end(self._run, node):
            self._ended.add(node.gateway.id)

    def problems(self) -> list[Problem]:
        """A problem for each worker that started and never reported its end."""
        return [
            Problem(reason="worker-lost", message=f"the worker {name} started and never reported its end")
            for name in self.started
            if name not in self._ended
        ]


def take_end(run: Run, node: Any) -> bool:
    """On the controller, what a worker reported at its end; whether it did."""
    text = getattr(node, "workeroutput", {}).get(INPUT)
    if not isinstance(text, str):
        return False
    told = json.loads(text)
    run.reports.note_deselected(told["deselected"])
    run.reports.withheld += told["withheld"]
    run.late += told["late"]
    run.made.update(told["made"])
    return True


def report_end(run: Run) -> None:
    """On a worker, at its end: say so, as JSON text (another type would kill the worker and the run could end 0)."""
    config: pytest.Config = run.config
    output: dict[str, object] = config.workeroutput  # type: ignore[attr-defined]  # xdist adds it on workers
    told = {"deselected": run.deselected, "withheld": withhold(run), "late": run.late, "made": sorted(run.made)}
    output[INPUT] = json.dumps(told)
