"""The public fixtures: thin, session-scoped, and light to load. What they give is in `pytest_substrate.given`.

`rung` is the one that the shipped acceptance modules use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from pytest_substrate.running.state import RUN, Run

if TYPE_CHECKING:
    from pytest_substrate.given import EcsTaskIdentity, Evidence, MskBootstrap, RuntimeCredential, Substrate
    from pytest_substrate.model.check import Check
    from pytest_substrate.model.record import Record


class Rung:
    """What a shipped acceptance test states: a check, and what it came to for one subject."""

    __slots__ = ("_item",)

    def __init__(self, item: Any) -> None:
        self._item = item

    @property
    def record(self) -> Record:
        """The record; the item made it before the test function is called."""
        record: Record = self._item.record
        return record

    @property
    def check(self) -> Check:
        """What was asked."""
        check: Check = self._item.check
        return check

    def __str__(self) -> str:
        record = self.record
        return f"{record.check} {record.subject} {record.outcome.value} [{record.layer.value}] {record.message}"


@pytest.fixture
def rung(request: pytest.FixtureRequest) -> Rung:
    """The rung that this test of the declaration stands for; for the shipped acceptance modules alone."""
    return Rung(request.node)


@pytest.fixture(scope="session")
def substrate(request: pytest.FixtureRequest) -> Substrate:
    """The declaration, and the target that it is checked on."""
    from pytest_substrate.given import Substrate

    run = _ready(request)
    return Substrate(declaration=run.source.declaration, target=run.context.target)


@pytest.fixture(scope="session")
def msk_bootstrap(request: pytest.FixtureRequest) -> Mapping[str, MskBootstrap]:
    """Clusters by name: `.servers`, `.security_protocol`, `.sasl_mechanism`, `.cluster_arn`."""
    from pytest_substrate.given import bootstraps

    return bootstraps(_ready(request))


@pytest.fixture(scope="session")
def runtime_credentials(request: pytest.FixtureRequest) -> Mapping[str, RuntimeCredential]:
    """Services by name: `.username`, `.password` (a masked `Secret`), `.secret_arn`, `.version_id`."""
    from pytest_substrate.given import credentials

    return credentials(_ready(request))


@pytest.fixture(scope="session")
def ecs_task_identity(request: pytest.FixtureRequest) -> Mapping[str, EcsTaskIdentity]:
    """Services by name, as a fresh task of each sees itself: `.role_arn`, `.caller_arn`, `.image_digest` and more."""
    from pytest_substrate.given import identities

    return identities(_ready(request))


@pytest.fixture(scope="session")
def runtime_host(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """Services by name: a pytest-testinfra host whose commands run inside the running container."""
    from pytest_substrate.given import hosts

    return hosts(_ready(request))


@pytest.fixture(scope="session")
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """`evidence.attach(name, facts)` adds a test's own facts to the evidence of the run."""
    from pytest_substrate.given import Evidence

    return Evidence(request.config.stash[RUN])


def _ready(request: pytest.FixtureRequest) -> Run:
    """The run with its target started; what a user can mend is one line, without a traceback."""
    run = request.config.stash[RUN]
    try:
        _ = run.context
    except Exception as error:
        from pytest_substrate.model.errors import BadInput
        from pytest_substrate.targets.port import TargetError

        if not isinstance(error, (BadInput, TargetError)):
            raise
        _fail(error)
    return run


def _fail(error: Exception) -> NoReturn:
    problems = getattr(error, "problems", None) or (error,)
    pytest.fail("\n".join(f"substrate: {' '.join(str(problem).split())}" for problem in problems), pytrace=False)
