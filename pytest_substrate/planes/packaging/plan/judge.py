"""What a plan does to runtime credentials, to the secrets of task definitions, and to the images in service. Pure.

Decides each resource address by its pending change. It does not decide whether the change is wanted: one that is can
be allowed by its address until a time. Values of the plan are compared and never told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import FactValue, admitted, number_of
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.packaging.plan import credentials, definitions, keys, roles, sensitive, services
from pytest_substrate.planes.packaging.plan.change import Action, Change, Plan
from pytest_substrate.planes.packaging.plan.finding import Finding, Rule
from pytest_substrate.planes.packaging.plan.notices import Notices
from pytest_substrate.planes.packaging.plan.surroundings import Surroundings

WHOLE: Final = "plan"
"""The subject of a record about the plan itself."""

ERRORED: Final = "plan-errored"
DEFERRED: Final = "change-deferred"
UNTOLD: Final = "change-unknown"

RULES: Final[Mapping[str, Rule]] = {
    "aws_secretsmanager_secret": credentials.secret,
    "aws_secretsmanager_secret_version": credentials.secret_version,
    "aws_secretsmanager_secret_rotation": credentials.rotation,
    "aws_secretsmanager_secret_policy": credentials.secret_policy,
    "aws_ssm_parameter": credentials.parameter,
    "aws_msk_scram_secret_association": credentials.scram_association,
    "aws_msk_single_scram_secret_association": credentials.single_scram_association,
    "random_password": credentials.generated,
    "tls_private_key": credentials.generated,
    "aws_iam_access_key": credentials.access_key,
    "aws_kms_key": keys.key,
    "aws_kms_external_key": keys.key,
    "aws_kms_replica_key": keys.key,
    "aws_kms_replica_external_key": keys.key,
    "aws_kms_alias": keys.alias,
    "aws_kms_key_policy": keys.key_policy,
    "aws_kms_grant": keys.grant,
    "aws_iam_role": roles.role,
    "aws_iam_role_policy": roles.role_policy,
    "aws_iam_role_policy_attachment": roles.role_policy,
    "aws_iam_role_policies_exclusive": roles.role_policy,
    "aws_iam_role_policy_attachments_exclusive": roles.role_policy,
    "aws_iam_policy_attachment": roles.policy_attachment,
    "aws_iam_policy": roles.managed_policy,
    "aws_ecs_task_definition": definitions.definition,
    "aws_ecs_service": services.service,
    "aws_ecs_task_set": services.task_set,
    "aws_ecr_repository": services.repository,
    "aws_ecrpublic_repository": services.repository,
}
"""The rule for each type; every other type has that of `sensitive`."""

_CREDENTIALS: Final = frozenset(
    {
        "aws_secretsmanager_secret",
        "aws_secretsmanager_secret_version",
        "aws_secretsmanager_secret_rotation",
        "aws_ssm_parameter",
        "aws_msk_scram_secret_association",
        "aws_msk_single_scram_secret_association",
        "random_password",
        "tls_private_key",
        "aws_iam_access_key",
    }
)
"""Types of which a deferred change is undecided, whatever is known of it."""

_ORDER: Final = (Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.VIOLATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What one address comes to; `allowed_until` where the change is red and allowed."""

    address: str
    diagnosis: Diagnosis
    allowed_until: datetime | None = None

    @property
    def is_whole(self) -> bool:
        """Whether this is about the plan itself."""
        return self.address == WHOLE


def judge_plan(plan: Plan, *, now: datetime, allowed: Mapping[str, datetime] | None = None) -> tuple[Judged, ...]:
    """Each resource address of a plan once, in the plan's order, and the plan itself where it errored or is empty.

    `allowed` are addresses whose red change is wanted until a time (aware, as `now`); a time that has passed allows
    nothing.
    """
    found = dict(_diagnoses(plan))
    judged = [
        Judged(address=address, diagnosis=diagnosis, allowed_until=_until(address, diagnosis, now, allowed or {}))
        for address, diagnosis in found.items()
    ]
    if plan.errored:
        message = "the plan ended with an error: what else it would change is not in it; mend the error and plan again"
        judged.insert(0, Judged(address=WHOLE, diagnosis=inconclusive(ERRORED, message)))
    elif not judged:
        judged.append(Judged(address=WHOLE, diagnosis=passed("the plan has no resources")))
    return tuple(judged)


def plan_diagnosis(judged: Sequence[Judged]) -> Diagnosis:
    """What a judged plan comes to as a whole, for a check that asks of it once: its first red address, with how many.

    What is allowed is none; a plan whose red changes are all allowed is PASS, with their number as `count`.
    """
    open_ = [one for one in judged if one.diagnosis.outcome is not Outcome.PASS and one.allowed_until is None]
    if not open_:
        allowed = sum(one.allowed_until is not None for one in judged)
        words = f"the plan leaves credentials and images alone; {number_of(allowed, 'change')} allowed"
        return passed(words if allowed else words.partition(";")[0], total=len(judged), count=allowed or None)
    first = max(open_, key=lambda one: (_ORDER.index(one.diagnosis.outcome), -open_.index(one)))
    more = f" (and {len(open_) - 1} more)" if len(open_) > 1 else ""
    message = f"{first.address}: {first.diagnosis.message}{more}"
    return replace(first.diagnosis, message=message).with_facts({"count": len(open_), "total": len(judged)})


def _diagnoses(plan: Plan) -> Iterator[tuple[str, Diagnosis]]:
    among = Surroundings(plan)
    notices = Notices(among)
    worst: dict[str, Diagnosis] = {}
    for change in plan.changes:
        diagnosis = _diagnosis(change, among, notices, errored=plan.errored)
        other = worst.get(change.address)
        if other is None or _ORDER.index(other.outcome) < _ORDER.index(diagnosis.outcome):
            worst[change.address] = diagnosis
    yield from worst.items()


def _diagnosis(change: Change, among: Surroundings, notices: Notices, *, errored: bool) -> Diagnosis:
    if change.action is Action.OTHER:
        return inconclusive(UNTOLD, "the plan holds an action that is not known here").with_facts(_facts(change))
    if change.resource.mode == "data" or change.action in _QUIET:
        return passed(_QUIET.get(change.action, "it is only read")).with_facts(_facts(change))
    finding = RULES.get(change.type, sensitive.any_resource)(change, among)
    if change.deferred and (finding is not None or change.type in _CREDENTIALS):
        message = "the plan defers a change of it, and does not say what it will be; plan again when it can be told"
        return inconclusive(DEFERRED, message).with_facts(_facts(change))
    if finding is None:
        return passed("the change leaves credentials and images alone").with_facts(_facts(change))
    return _red(change, finding, notices.services(change), errored=errored)


def _red(change: Change, finding: Finding, noticing: Sequence[str], *, errored: bool) -> Diagnosis:
    told = f"; it would be noticed by {', '.join(noticing)}" if noticing else ""
    message = f"the plan {finding.what}{told}; mend: {finding.mend}"
    facts: dict[str, FactValue] = {
        **_facts(change),
        "attributes": [name for name in finding.attributes if admitted("attributes", name)] or None,
        "services": [service for service in noticing if admitted("services", service)] or None,
    }
    if errored:
        return inconclusive(ERRORED, f"{message} (the plan ended with an error)").with_facts(facts)
    return violated(finding.cause, message).with_facts(facts)


_QUIET: Final = {
    Action.NO_OP: "no change is pending",
    Action.READ: "it is only read",
    Action.FORGET: "it leaves the state, and stays as it is",
}


def _facts(change: Change) -> dict[str, FactValue]:
    return {
        "resource": admitted("resource", change.address),
        "resource_type": admitted("resource_type", change.type),
        "actions": list(change.actions) or None,
        "action_reason": change.reason,
        "previous_resource": admitted("previous_resource", change.previous_address),
    }


def _until(address: str, diagnosis: Diagnosis, now: datetime, allowed: Mapping[str, datetime]) -> datetime | None:
    until = allowed.get(address)
    return until if until is not None and diagnosis.outcome is not Outcome.PASS and now < until else None
