"""The public fixtures: thin, session-scoped, and light to load. What they give is in `pytest_substrate.given`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pytest_substrate.given import EcsTaskIdentity, Evidence, MskBootstrap, RuntimeCredential, Substrate


@pytest.fixture(scope="session")
def substrate(request: pytest.FixtureRequest) -> Substrate:
    """The declaration, and the target that it is checked on."""
    from pytest_substrate import given

    return given.substrate(given.ready(request))


@pytest.fixture(scope="session")
def msk_bootstrap(request: pytest.FixtureRequest) -> Mapping[str, MskBootstrap]:
    """Clusters by name: `.servers`, `.security_protocol`, `.sasl_mechanism`, `.cluster_arn`, `.ca_file`."""
    from pytest_substrate import given

    return given.bootstraps(given.ready(request))


@pytest.fixture(scope="session")
def runtime_credentials(request: pytest.FixtureRequest) -> Mapping[str, RuntimeCredential]:
    """Services by name: `.username`, `.password` (a masked `Secret`), `.secret_arn`, `.version_id`."""
    from pytest_substrate import given

    return given.credentials(given.ready(request))


@pytest.fixture(scope="session")
def ecs_task_identity(request: pytest.FixtureRequest) -> Mapping[str, EcsTaskIdentity]:
    """Services by name, as a fresh task of each sees itself: `.role_arn`, `.caller_arn`, `.image_digest` and more."""
    from pytest_substrate import given

    return given.identities(given.ready(request))


@pytest.fixture(scope="session")
def runtime_host(request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """Services by name: a pytest-testinfra host whose commands run inside the running container.

    In an image that has Python and no shell, `file`, `environment`, `system_info`, `user` and `exists` work all the
    same, and `run` takes commands of plain words; `targets.runtime_host` says exactly what.
    """
    from pytest_substrate import given

    return given.hosts(given.ready(request))


@pytest.fixture(scope="session")
def oidc_session(request: pytest.FixtureRequest) -> Any:
    """A `boto3.Session` with the CI role's credentials and nothing else, renewed before they expire."""
    from pytest_substrate import given

    return given.ci_session(given.ready(request))


@pytest.fixture(scope="session")
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """`evidence.attach(name, facts)` adds a test's own facts to the evidence of the run."""
    from pytest_substrate import given

    return given.evidence(request)
