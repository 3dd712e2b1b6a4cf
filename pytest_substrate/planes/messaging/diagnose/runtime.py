"""MSG-060 and MSG-070: who the task is, and whether it was given the declared credential. Pure."""

from __future__ import annotations

from typing import Final

from pytest_substrate.model.aws.role import is_role, role_of
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import FactValue, admitted
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import Layer
from pytest_substrate.model.transcript import CredentialSeen, IdentitySeen
from pytest_substrate.planes.messaging.diagnose.seen import (
    Asked,
    Seen,
    failure_facts,
    not_observed,
    unknown_cause,
    unseen_transcript,
)
from pytest_substrate.planes.messaging.diagnose.task import BY_TASK, NOT_A_FRESH_TASK

IDENTITY_MEANINGS: Final = {
    "no-container-credentials": "the container has no credential endpoint: the task definition has no task role",
    "foreign-endpoint": "the credential endpoint is a host that no AWS SDK admits",
    "endpoint-unreachable": "the container's credential endpoint can't be reached",
    "endpoint-refused": "the container's credential endpoint gave no credentials",
    "silent": "the container's credential endpoint said nothing until the deadline",
    "shadowed": "an SDK in the container takes other credentials before the task role's",
    "credentials-refused": "STS refuses the task role's credentials",
    "other-role": "the task runs as another role than the declared one",
    "no-task": "no task of the service was started, so none told its role (MSG-055)",
    "role-unknown": "neither the credential endpoint nor STS said which role it is",
}
"""The causes of MSG-060."""

CREDENTIAL_MEANINGS: Final = {
    "not-injected": "a declared variable is not there or empty",
    "credential-malformed": "the variable does not hold a user name and a password as MSK writes them",
    "differs": "what the container received is not the secret's current value",
    "principal-mismatch": "the user name is not the declared principal",
    "no-reference": "the secret's current value was not injected beside it, so there is nothing to compare with",
    "reference-malformed": "the secret itself does not hold a user name and a password",
}
"""The causes of MSG-070."""

_NO_TASK: Final = "no task of the service was started, so none told its role"
_NO_REFERENCE_THERE: Final = (
    "a running container has nothing to compare it with, as ECS injects secrets only when a task starts; "
    "the vantage task starts one with the secret's current value beside it"
)
_UNPROVEN: Final = ("endpoint-unreachable", "silent", "out-of-time")


def diagnose_identity(seen: Seen, asked: Asked) -> Diagnosis:
    """Whether the probe's credentials came from the container's endpoint and are the declared task role's.

    Another role in the live task definition decides it before any task: the observer may pass the declared one alone,
    so none is sent. Then STS decides where it answered; else the credential document's own RoleArn. It doesn't decide
    what the role may do.
    """
    if asked.defined_role is not None and not is_role(asked.defined_role, asked.account, asked.role):
        return _defined(asked.defined_role, asked).with_facts(asked.run_facts)
    if asked.not_started is not None:
        here = asked.not_started == NOT_A_FRESH_TASK.slug
        told = f"{_NO_TASK} (MSG-055: {asked.not_started})"
        return inconclusive("no-task", told, next=BY_TASK if here else None).with_facts(asked.run_facts)
    if isinstance(seen, Unobserved):
        return unseen_transcript(seen, asked)
    found = seen.identity
    if found is None:
        return not_observed(seen, asked, "the task's identity")
    facts: dict[str, FactValue] = {
        "role_arn": admitted("role_arn", found.role_arn),
        "caller_arn": admitted("caller_arn", found.caller_arn),
        "error_code": admitted("error_code", found.error_code),
        "variables": admitted("variables", found.shadowed_by) if found.shadowed_by else None,
    }
    return _identity(found, asked).with_facts(facts)


def _identity(found: IdentitySeen, asked: Asked) -> Diagnosis:
    if found.failure is not None:
        cause = found.failure.cause
        if cause not in IDENTITY_MEANINGS and cause != "out-of-time":
            return unknown_cause(cause, "the task's identity")
        told = IDENTITY_MEANINGS.get(cause, "the time was up before the container's credential endpoint answered")
        build = inconclusive if cause in _UNPROVEN else violated
        return build(cause, told).with_facts(failure_facts(found.failure))
    if found.shadowed_by:
        return violated("shadowed", f"{IDENTITY_MEANINGS['shadowed']}: {', '.join(found.shadowed_by)}")
    if found.sts == "refused":
        return violated("credentials-refused", f"{IDENTITY_MEANINGS['credentials-refused']} ({found.error_code})")
    who = "STS" if found.caller_arn else "the credential endpoint (STS did not answer)"
    return _role(found.caller_arn or found.role_arn, who, asked)


def _defined(arn: str, asked: Asked) -> Diagnosis:
    return violated(
        "other-role",
        f"the service's task definition names {arn}, the declared task role is {asked.role} in {asked.account}",
        role_arn=admitted("role_arn", arn),
    )


def _role(arn: str | None, who: str, asked: Asked) -> Diagnosis:
    if arn is None:
        return inconclusive("role-unknown", IDENTITY_MEANINGS["role-unknown"])
    if role_of(arn) != (asked.account, asked.role):
        return violated("other-role", f"{who} says {arn}, the declared task role is {asked.role} in {asked.account}")
    return passed(f"the task is {asked.role}, says {who}")


def diagnose_received_credential(seen: Seen, asked: Asked) -> Diagnosis:
    """Whether the received credential is the secret's current value, for the declared principal.

    The comparison was made in the task; here only its answer is known.
    """
    if isinstance(seen, Unobserved):
        return unseen_transcript(seen, asked)
    found = seen.credential
    if found is None:
        return not_observed(seen, asked, "the credential that the task received")
    facts: dict[str, FactValue] = {
        "variables": admitted("variables", found.variables),
        "fields": found.differs or None,
        "expected_principal": admitted("expected_principal", asked.principal),
    }
    return _received(found, asked).with_facts(facts)


def _received(found: CredentialSeen, asked: Asked) -> Diagnosis:
    what = " and ".join(found.variables)
    if found.principal_matches is False:
        return violated("principal-mismatch", f"the user name in {what} is not {asked.principal}")
    if found.failure is not None:
        return _unusable(found.failure.cause, what)
    if found.differs:
        return violated("differs", f"{what}: {' and '.join(found.differs)} differ from the secret's current value")
    if not found.compared and asked.in_running_task:
        return inconclusive("no-reference", f"{what}: {_NO_REFERENCE_THERE}", next=BY_TASK)
    if not found.compared or found.principal_matches is None:
        return inconclusive("no-reference", CREDENTIAL_MEANINGS["no-reference"])
    return passed(f"{what}: the secret's current value, for {asked.principal}")


def _unusable(cause: str, what: str) -> Diagnosis:
    """Why there was nothing to compare."""
    if cause not in CREDENTIAL_MEANINGS:
        return unknown_cause(cause, what)
    told = f"{what}: {CREDENTIAL_MEANINGS[cause]}"
    if cause == "no-reference":
        return inconclusive(cause, told)
    return violated(cause, told, layer=Layer.WIRING if cause == "not-injected" else None)
