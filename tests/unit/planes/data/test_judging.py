"""How DAT-070 comes to its run: of those that ECS remembers, of the event log, or one that it starts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pytest_substrate.model.aws.job_log import StreamSpan
from pytest_substrate.model.aws.rollout import Stops
from pytest_substrate.model.aws.storage import KeyPolicy
from pytest_substrate.model.ci import Policy, RolePolicies
from pytest_substrate.model.declaration import parse_declaration
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.job_run import JobRun
from pytest_substrate.model.observation import Observed, Unobserved
from pytest_substrate.model.outcome import Outcome, Vantage
from pytest_substrate.model.release_record import ReleaseRecord
from pytest_substrate.planes.data.judge import judge
from pytest_substrate.planes.plane import Context
from tests.unit.planes.data.making import KEY, ROLE, at, bucket
from tests.unit.planes.data.test_runs import DIGEST, OURS, ROOT_ALONE, definition, stop

TEXT = (Path(__file__).parents[4] / "fixtures/dev_min/substrate.toml").read_text(encoding="utf-8")
NOW = datetime(2030, 1, 2, tzinfo=UTC)
UNDATED = RolePolicies(policies=(Policy(name="by-hand", document="{}"),), boundary=None)


class Seen:
    """Observations that were made already, and the order in which they were asked for."""

    def __init__(self, **changed: Any) -> None:
        self.asked: list[str] = []
        self.values: dict[str, Any] = {
            "ecs/runs": Stops(stops=(stop(),)),
            "logs/runs": Stops(stops=()),
            "ecs/rerun": OURS,
            "ecs/task-definition": definition(),
            "iam/role": Unobserved(reason="not-asked"),
            "iam/policies": RolePolicies(policies=(), boundary=None),
            "s3/bucket": bucket(),
            "kms/policy": KeyPolicy(arn=KEY, document=ROOT_ALONE, created=at(5)),
            "release/record": ReleaseRecord(
                repository="acme/ingest",
                digest=DIGEST,
                platforms=("linux/amd64",),
                commit="0" * 40,
                build="https://ci.invalid/1",
                time=at(0).at,
            ),
            "ecr/image": Unobserved(reason="not-asked"),
            **changed,
        }

    def observe(self, key: str, _kind: object, read: Callable[[], Any]) -> Observed[Any]:
        """By the key's first two words; one that isn't known is read."""
        self.asked.append(key)
        name = "/".join(key.split("/")[:2])
        value = self.values[name] if name in self.values else read()
        return Observed(value=value, at=NOW, duration_ms=0)


def judged(seen: Seen, job: str = "", target: Any = None) -> Diagnosis:
    """DAT-070 of dev_min's job, with these lines in its table."""
    declaration = parse_declaration(TEXT.replace("network = {", f"{job}\nnetwork = {{", 1), name="substrate.toml")
    context = Context(
        declaration=declaration,
        target=target,
        observations=seen,
        vantage=Vantage.TASK,
        now=NOW,
        run_id="run-1",
    )
    return judge("DAT-070", "job/oracle", context)


def test_the_event_log_is_read_where_ecs_remembers_nothing() -> None:
    """And only there; without one declared, no run can be seen."""
    forgot, told = {"ecs/runs": Stops(stops=())}, {"logs/runs": Stops(stops=(stop(),))}
    declared = 'event_log = "/aws/events/ecs"'
    found = judged(Seen(**forgot, **told), declared)
    assert (Outcome.PASS, "/aws/events/ecs") == (found.outcome, found.facts["log_group"])
    remembered = Seen(**told)
    assert Outcome.PASS is judged(remembered, declared).outcome
    assert "logs/runs/oracle" not in remembered.asked
    assert "no-run" == judged(Seen(**forgot)).cause
    assert (
        "access-denied" == judged(Seen(**forgot, **{"logs/runs": Unobserved(reason="access-denied")}), declared).cause
    )


def test_no_job_is_run_unasked() -> None:
    """Undated permissions stay undated where no rerun is declared."""
    seen = Seen(**{"iam/policies": UNDATED})
    assert "permissions-undated" == judged(seen).cause
    assert not [key for key in seen.asked if key.startswith("ecs/rerun")]


def test_the_permissions_are_seen_before_the_job_is_started() -> None:
    """That order is what makes its run a proof."""
    seen = Seen(**{"iam/policies": UNDATED})
    del seen.values["ecs/rerun"]
    before: list[str] = []

    class Target:
        """Starts jobs."""

        def run_job(self, name: str) -> JobRun:
            """As it is told."""
            before.extend(seen.asked)
            assert "oracle" == name
            return JobRun(deadline_s=60, task_arn=stop().task_arn, ended=True, span=StreamSpan(lines=0))

    assert Outcome.PASS is judged(seen, "rerun = { deadline_s = 60 }", Target()).outcome
    assert {f"iam/policies/{ROLE}", "s3/bucket/acme-spine", f"kms/policy/{KEY}"} <= set(before)
    assert not [key for key in before if key.startswith("ecs/runs")]
