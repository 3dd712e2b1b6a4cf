"""DAT-010 and DAT-020: which role the workload's tasks get, and whether a task of it really is that role. Pure."""

from __future__ import annotations

from typing import Final

from pytest_substrate.model.aws.ecs import TaskDefinition
from pytest_substrate.model.aws.role import is_role, role_of
from pytest_substrate.model.ci import Role
from pytest_substrate.model.data_transcript import DataTranscript
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.facts import FactValue, admitted, line
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Layer
from pytest_substrate.model.probe_run import ProbeRun
from pytest_substrate.model.transcript import IdentitySeen
from pytest_substrate.model.unseen import unseen
from pytest_substrate.planes.data.diagnose.seen import not_observed, unseen_transcript
from pytest_substrate.planes.task_start import WAYS_TO_FAIL, run_facts
from pytest_substrate.policy.conditions import conditions_hold
from pytest_substrate.policy.context import given
from pytest_substrate.policy.document import Document, Effect, PolicyKind, parse_policy
from pytest_substrate.policy.keys import why_missing
from pytest_substrate.policy.matching import action_matches
from pytest_substrate.policy.truth import Truth, any_of

TASKS: Final = "ecs-tasks.amazonaws.com"
"""The service principal that assumes a task's role ("Amazon ECS task IAM role", ECS Developer Guide)."""
_ASSUME: Final = "sts:AssumeRole"
_UNPROVEN: Final = ("endpoint-unreachable", "silent", "out-of-time")
IDENTITY_MEANINGS: Final = {
    "no-container-credentials": "the container has no credential endpoint",
    "foreign-endpoint": "the credential endpoint is a host that no AWS SDK admits",
    "endpoint-unreachable": "the container's credential endpoint can't be reached",
    "endpoint-refused": "the container's credential endpoint gave no credentials",
    "silent": "the container's credential endpoint said nothing until the deadline",
}


def diagnose_definition(
    definition: TaskDefinition | Missing | Unobserved,
    role: Role | Missing | Unobserved,
    *,
    workload: str,
    task_role: str,
    account: str,
    region: str,
) -> Diagnosis:
    """DAT-010: the task definition names the declared role, and that role's trust policy admits ECS tasks."""
    if isinstance(definition, Unobserved):
        return unseen(definition, f"the task definition of {workload}")
    if isinstance(definition, Missing):
        return violated("definition-missing", f"there is no task definition {definition.what} for {workload}")
    facts: dict[str, FactValue] = {"task_definition_arn": definition.arn}
    named = definition.task_role_arn
    if named is None:
        return violated("no-role", f"the task definition of {workload} names no task role").with_facts(facts)
    facts["task_role_arn"] = admitted("task_role_arn", named)
    if not is_role(named, account, task_role):
        told = f"the task definition of {workload} names {named}, the declared task role is {task_role}"
        return violated("other-role", told).with_facts(facts)
    return _assumable(role, task_role=task_role, account=account, region=region).with_facts(facts)


def _assumable(role: Role | Missing | Unobserved, *, task_role: str, account: str, region: str) -> Diagnosis:
    if isinstance(role, Unobserved):
        return unseen(role, f"the role {task_role}")
    if isinstance(role, Missing):
        return violated("role-missing", f"IAM has no role {task_role}", layer=Layer.IDENTITY)
    facts: dict[str, FactValue] = {"role_arn": role.arn}
    try:
        trust = parse_policy(role.trust, name=f"the trust policy of {task_role}", kind=PolicyKind.TRUST)
    except BadInput as error:
        return inconclusive("policy-unreadable", line(str(error))).with_facts(facts)
    admits = _admits_tasks(trust, account=account, region=region)
    if admits is Truth.UNKNOWN:
        told = f"whether the trust policy of {task_role} admits ECS tasks depends on a condition that isn't known"
        return inconclusive("trust-undecided", told).with_facts(facts)
    if admits is Truth.FALSE:
        told = f"the trust policy of {task_role} does not let {TASKS} assume it"
        return violated("role-not-assumable", told, layer=Layer.IDENTITY).with_facts(facts)
    return passed(f"the task definition names {task_role}, and ECS may assume it").with_facts(facts)


def _admits_tasks(trust: Document, *, account: str, region: str) -> Truth:
    """Whether ECS may assume the role for a task of this account; it sends `aws:SourceAccount` and `aws:SourceArn`."""
    sent = [("aws:SourceAccount", account), ("aws:SourceArn", f"arn:aws:ecs:{region}:{account}:*")]
    context = given(sent, why_missing)

    def about(effect: Effect) -> Truth:
        return any_of(
            conditions_hold(one.conditions, context, has_variables=trust.has_variables)
            for one in trust.statements
            if one.effect is effect
            and one.principals is not None
            and (one.principals.everyone or TASKS in one.principals.service)
            and action_matches(one.actions or (), _ASSUME)
        )

    return min(about(Effect.ALLOW), about(Effect.DENY).negated)


def diagnose_session(
    run: ProbeRun | Unobserved, *, workload: str, task_role: str, account: str, aws: bool
) -> Diagnosis:
    """DAT-020: the task started, its credentials come from the container's endpoint, and they are the role's.

    `aws` says that the target is AWS itself, where an endpoint variable in the container leads its SDK astray.
    """
    if isinstance(run, Unobserved):
        return unseen(run, f"a task of {workload}")
    facts = run_facts(run) | {
        "image_digest": admitted("image_digest", run.image_digest),
        "task_definition_arn": admitted("task_definition_arn", run.task_definition_arn),
    }
    if run.start_failure is not None:
        way = WAYS_TO_FAIL[run.start_failure]
        told = f"a task of {workload} did not start: {way.meaning}"
        facts |= {"reason": run.start_failure.value, "operation": admitted("operation", run.operation)}
        facts |= {"error_code": admitted("error_code", run.code), "detail": run.detail and line(run.detail)}
        facts |= {"differences": admitted("differences", run.forbidden or None)}
        found = violated("task-not-started", told, layer=way.layer) if run.start_failure.proven else None
        return (found or inconclusive("task-not-started", told, layer=way.layer)).with_facts(facts)
    seen = run.transcript
    if isinstance(seen, Unobserved):
        return unseen_transcript(seen, facts)
    if not isinstance(seen, DataTranscript):
        return unseen_transcript(Unobserved(reason="malformed"), facts)
    if seen.identity is None:
        return not_observed(seen, facts, "the task's identity")
    facts["exit_code"] = None
    found = _session(seen.identity, task_role=task_role, account=account)
    if found.cause is None and aws and seen.overrides:
        told = f"the container sends its SDK to another endpoint: {', '.join(seen.overrides)}"
        found = violated("endpoint-override", told, variables=admitted("variables", seen.overrides))
    return found.with_facts(facts | _identity_facts(seen.identity))


def _identity_facts(seen: IdentitySeen) -> dict[str, FactValue]:
    return {
        "role_arn": admitted("role_arn", seen.role_arn),
        "caller_arn": admitted("caller_arn", seen.caller_arn),
        "error_code": admitted("error_code", seen.error_code),
        "variables": admitted("variables", seen.shadowed_by) if seen.shadowed_by else None,
    }


def _session(seen: IdentitySeen, *, task_role: str, account: str) -> Diagnosis:
    if seen.failure is not None:
        cause = seen.failure.cause
        told = f"the container gave no credentials: {IDENTITY_MEANINGS.get(cause, cause)}"
        build = inconclusive if cause in _UNPROVEN else violated
        return build("no-container-credentials", told, reason=admitted("reason", cause))
    if seen.shadowed_by:
        told = f"an SDK in the container takes other credentials first: {', '.join(seen.shadowed_by)}"
        return violated("static-keys", told)
    if seen.sts == "refused":
        return violated("credentials-refused", f"STS refuses the task role's credentials ({seen.error_code})")
    arn, who = seen.caller_arn or seen.role_arn, "STS" if seen.caller_arn else "the credential endpoint"
    if arn is None:
        return inconclusive("role-unknown", "neither the credential endpoint nor STS said which role it is")
    if role_of(arn) != (account, task_role):
        return violated("other-role", f"{who} says {arn}, the declared task role is {task_role} in {account}")
    return passed(f"the task is {task_role}, says {who}")
