"""MSG-030: what the task definition injects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.aws.ecs import Container, Injection, ServiceState, TaskDefinition
from pytest_substrate.model.aws.secrets import SecretState
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.messaging.diagnose.injection import expected_variables, injects_version, pins_version
from pytest_substrate.planes.messaging.diagnose.wiring import diagnose_injection

NAME = "AmazonMSK_ingest"
PREFIX = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:"
ARN = f"{PREFIX}{NAME}-AbCdEf"
DEFINITION = "arn:aws:ecs:eu-west-2:111122223333:task-definition/ingest:7"
V = "c" * 32
SECRET = SecretState(arn=ARN, name=NAME, key_id="k", changed=None, deleted=None, versions=())
SERVICE = ServiceState(
    arn="arn:aws:ecs:eu-west-2:111122223333:service/main/ingest",
    name="ingest",
    status="ACTIVE",
    task_definition_arn=DEFINITION,
    desired=2,
    running=2,
    pending=0,
)
WHOLE: Mapping[str, str | None] = {"CREDENTIAL": None}
SPLIT: Mapping[str, str | None] = {"USER": "username", "PASS": "password"}
DENIED = Unobserved(reason="access-denied", operation="secretsmanager:DescribeSecret")


def container(*injections: tuple[str, str], plain: tuple[str, ...] = ()) -> Container:
    """A container with these secrets and these plain variables."""
    entries = tuple(Injection(variable=variable, value_from=source) for variable, source in injections)
    return Container(name="app", variables=plain, injections=entries)


def judged(
    found: Container, expected: Mapping[str, str | None] = WHOLE, secret: SecretState | Missing | Unobserved = SECRET
) -> Diagnosis:
    """MSG-030 of that container."""
    definition = TaskDefinition(arn=DEFINITION, containers=(found,))
    return diagnose_injection(SERVICE, definition, secret, container="app", name=NAME, expected=expected)


@pytest.mark.parametrize(
    ("value_from", "cause"),
    [
        (ARN, None),
        (f"{ARN}:::", None),
        (f"{ARN}::AWSCURRENT:", None),
        (PREFIX + NAME, None),
        (f"{PREFIX}{NAME}:::", None),
        (f"{PREFIX}AmazonMSK_other-AbCdEf", "other-secret"),
        (f"{PREFIX}{NAME}2-AbCdEf", "other-secret"),
        (f"{PREFIX}{NAME}-extra-AbCdEf", "other-secret"),
        (ARN.replace("eu-west-2", "eu-west-1"), "other-secret"),
        (ARN.replace("111122223333", "444455556666"), "other-secret"),
        (f"{PREFIX}{NAME}-ZyXwVu", "predecessor-injected"),
        (NAME, "parameter-injected"),
        (f"/aws/reference/secretsmanager/{NAME}", "parameter-injected"),
        (f"arn:aws:ssm:eu-west-2:111122223333:parameter/{NAME}", "parameter-injected"),
        (f"{ARN}:username::", "wrong-json-key"),
        (f"{ARN}:::{V}", "version-pinned"),
        (f"{ARN}::AWSPREVIOUS:", "version-pinned"),
        (f"{ARN}::blue:", "version-pinned"),
        (f"{ARN}::AWSCURRENT:{V}", "version-pinned"),
    ],
)
def test_one_variable(value_from: str, cause: str | None) -> None:
    """Whole and partial ARNs of this secret are right; everything else has a cause of its own."""
    found = judged(container(("CREDENTIAL", value_from)))
    assert cause == found.cause
    assert (Outcome.PASS if cause is None else Outcome.VIOLATION) is found.outcome
    assert DEFINITION == found.facts["task_definition_arn"]


@pytest.mark.parametrize(
    ("found", "expected", "cause", "variables"),
    [
        (container(("USER", f"{ARN}:username::"), ("PASS", f"{ARN}:password::")), SPLIT, None, ["USER", "PASS"]),
        (container(("USER", f"{ARN}:username::"), ("PASS", ARN)), SPLIT, "wrong-json-key", ["PASS"]),
        (
            container(("USER", f"{ARN}:password::"), ("PASS", f"{ARN}:username::")),
            SPLIT,
            "wrong-json-key",
            ["USER", "PASS"],
        ),
        (container(("PASS", f"{ARN}:password::"), plain=("USER",)), SPLIT, "plain-value", ["USER"]),
        (container(("USER", f"{ARN}:username::")), SPLIT, "not-injected", ["PASS"]),
        (container(), WHOLE, "not-injected", ["CREDENTIAL"]),
        (container(("OTHER", ARN)), WHOLE, "not-injected", ["CREDENTIAL"]),
        (container(plain=("CREDENTIAL",)), WHOLE, "plain-value", ["CREDENTIAL"]),
        (container(("CREDENTIAL", ARN), plain=("CREDENTIAL",)), WHOLE, "duplicate-variable", ["CREDENTIAL"]),
        (container(("CREDENTIAL", ARN), ("CREDENTIAL", ARN)), WHOLE, "duplicate-variable", ["CREDENTIAL"]),
        (container(plain=("CREDENTIAL", "CREDENTIAL")), WHOLE, "duplicate-variable", ["CREDENTIAL"]),
    ],
)
def test_variables(
    found: Container, expected: Mapping[str, str | None], cause: str | None, variables: list[str]
) -> None:
    """Each declared variable is set once, as a secret, from its own part; all that are wrong are named."""
    diagnosis = judged(found, expected)
    assert (cause, variables) == (diagnosis.cause, diagnosis.facts["variables"])


def test_service_and_container_that_are_not_there() -> None:
    """No service, no task definition and no container are violations; what could not be read is none."""
    common: dict[str, Any] = {"container": "app", "name": NAME, "expected": WHOLE}
    definition = TaskDefinition(arn=DEFINITION, containers=(container(("CREDENTIAL", ARN)),))
    gone = diagnose_injection(Missing(what="ingest"), definition, SECRET, **common)
    assert "service-missing" == gone.cause
    other = diagnose_injection(SERVICE, definition, SECRET, **{**common, "container": "web"})
    assert "container-missing" == other.cause
    none = diagnose_injection(SERVICE, Missing(what="definition"), SECRET, **common)
    assert "container-missing" == none.cause
    for service, read in ((DENIED, definition), (SERVICE, DENIED)):
        assert Outcome.INCONCLUSIVE is diagnose_injection(service, read, SECRET, **common).outcome


@pytest.mark.parametrize(
    ("value_from", "secret", "outcome", "cause"),
    [
        (ARN, DENIED, Outcome.INCONCLUSIVE, "access-denied"),
        (ARN, Missing(what=NAME), Outcome.INCONCLUSIVE, "secret-missing"),
        (f"{PREFIX}{NAME}-ZyXwVu", DENIED, Outcome.INCONCLUSIVE, "access-denied"),
        (f"{PREFIX}AmazonMSK_other-AbCdEf", DENIED, Outcome.VIOLATION, "other-secret"),
        (f"{ARN}:::{V}", DENIED, Outcome.VIOLATION, "version-pinned"),
        (NAME, DENIED, Outcome.VIOLATION, "parameter-injected"),
    ],
)
def test_without_the_secret(value_from: str, secret: Missing | Unobserved, outcome: Outcome, cause: str) -> None:
    """What the entry alone proves wrong is a violation; whether the suffix is the secret's own stays open."""
    found = judged(container(("CREDENTIAL", value_from)), secret=secret)
    assert (outcome, cause) == (found.outcome, found.cause)


@given(st.text(max_size=200))
def test_any_value_from_is_judged(value_from: str) -> None:
    """Whatever stands in `valueFrom`, there is a diagnosis whose facts fit, and green only for this secret's ARN."""
    for source in (
        value_from,
        ARN + value_from,
        f"{PREFIX}{value_from}",
        f"{ARN}:{value_from}::",
        f"{ARN}::{value_from}:",
    ):
        found = judged(container(("CREDENTIAL", source)))
        assert not found.outcome.green or source.startswith((ARN, PREFIX + NAME))


@pytest.mark.parametrize(
    ("source", "injects", "pins"),
    [
        (ARN, True, False),
        (f"{ARN}:::{V}", True, True),
        (f"{ARN}:::{'d' * 32}", False, False),
        (f"{ARN}::AWSPREVIOUS:", False, False),
        (NAME, False, False),
    ],
)
def test_what_a_running_task_gets(source: str, injects: bool, pins: bool) -> None:
    """A pin to the current version still gives the current credential, whenever the task started."""
    found = container(("CREDENTIAL", source))
    assert injects == injects_version(found, SECRET, version_id=V, expected=WHOLE)
    assert pins == pins_version(found, version_id=V, expected=WHOLE)


def test_expected_variables() -> None:
    """One variable for the whole secret, or two with the JSON keys that MSK's secrets have."""
    from pytest_substrate.model.declaration.workloads import Credential

    whole = Credential(secret=NAME, principal="ingest", env="CREDENTIAL")
    split = Credential(secret=NAME, principal="ingest", username_env="USER", password_env="PASS")
    assert WHOLE == expected_variables(whole)
    assert SPLIT == expected_variables(split)
