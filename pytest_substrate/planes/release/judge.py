"""From a check of the release plane and a subject to a diagnosis: what is observed for it, and who judges that."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final

from pytest_substrate.model.ci import Role
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.model.subjects import name_of
from pytest_substrate.planes.plane import Context
from pytest_substrate.planes.release import observe
from pytest_substrate.planes.release.diagnose import job, permissions
from pytest_substrate.planes.release.diagnose.artifact import diagnose_immutable, diagnose_recorded
from pytest_substrate.planes.release.diagnose.provenance import diagnose_provenance
from pytest_substrate.planes.release.diagnose.signed import Expected
from pytest_substrate.planes.release.diagnose.trust import diagnose_trust
from pytest_substrate.planes.workloads import observe_record, observe_released_image

_WORST_FIRST: Final = (Outcome.VIOLATION, Outcome.INCONCLUSIVE, Outcome.PASS)


def judge(check: str, subject: str, context: Context) -> Diagnosis:
    """Observe what the check needs of the subject, and judge it. KeyError for a check that isn't of this plane."""
    return _JUDGES[check](context, subject)


def _judge_surroundings(context: Context, _: str) -> Diagnosis:
    return job.diagnose_surroundings(observe.observe_surroundings(context), observe.observe_token(context))


def _judge_provider(context: Context, _: str) -> Diagnosis:
    release = observe.release_of(context)
    return job.diagnose_provider(
        observe.observe_providers(context),
        provider=release.provider,
        audience=release.audience,
        account=context.declaration.account,
    )


def _judge_trust(context: Context, subject: str) -> Diagnosis:
    release = observe.release_of(context)
    return diagnose_trust(
        observe.observe_role(context),
        name=name_of(subject),
        provider=release.provider,
        audience=release.audience,
        admit=release.admit,
        refuse=release.refuse,
    )


def _judge_session(context: Context, subject: str) -> Diagnosis:
    return job.diagnose_session(
        observe.observe_session(context),
        observe.observe_token(context),
        role=name_of(subject),
        account=context.declaration.account,
    )


def _judge_other_audience(context: Context, subject: str) -> Diagnosis:
    return job.diagnose_other_audience(
        observe.observe_other_session(context),
        observe.observe_other_token(context),
        role=name_of(subject),
        audience=observe.release_of(context).audience,
    )


def _judge_no_administrator(context: Context, subject: str) -> Diagnosis:
    role, policies = observe.observe_role(context), observe.observe_policies(context)
    return permissions.diagnose_no_administrator(
        role,
        policies,
        observe.observe_controls(context),
        name=name_of(subject),
        boundary=observe.release_of(context).boundary,
    )


def _judge_push(context: Context, subject: str) -> Diagnosis:
    """For every declared artifact, as the role publishes them all."""
    return _worst(_push(context, subject, artifact) for artifact in context.declaration.artifact)


def _push(context: Context, subject: str, artifact: str) -> Diagnosis:
    """What is put again is what was released: without that there is nothing to try it with, which REL-100 tells."""
    recorded = _judge_recorded(context, f"artifact/{artifact}")
    if recorded.outcome is not Outcome.PASS:
        assert recorded.cause is not None  # noqa: S101  whatever isn't PASS has one
        told = f"nothing released to try a push with: {recorded.message}"
        return inconclusive(recorded.cause, told).with_facts(recorded.facts)
    repository = context.declaration.artifact[artifact].repository
    return permissions.diagnose_push(
        observe.observe_push(context, artifact), role=name_of(subject), repository=repository
    )


def _judge_forbidden(context: Context, subject: str) -> Diagnosis:
    """For every declared artifact's repository."""
    return _worst(_forbidden(context, subject, artifact) for artifact in context.declaration.artifact)


def _forbidden(context: Context, subject: str, artifact: str) -> Diagnosis:
    declaration, role = context.declaration, observe.observe_role(context)
    partition = role.arn.split(":")[1] if isinstance(role, Role) else "aws"
    place = f"arn:{partition}:ecr:{declaration.region}:{declaration.account}:repository"
    return permissions.diagnose_forbidden(
        observe.observe_forbidden(context, artifact),
        role,
        observe.observe_policies(context),
        observe.observe_controls(context),
        observe.observe_repository_policy(context, artifact),
        name=name_of(subject),
        repository_arn=f"{place}/{declaration.artifact[artifact].repository}",
    )


def _judge_immutable(context: Context, subject: str) -> Diagnosis:
    artifact = name_of(subject)
    return diagnose_immutable(
        observe.observe_repository(context, artifact),
        observe_released_image(context, artifact),
        name=context.declaration.artifact[artifact].repository,
    )


def _judge_recorded(context: Context, subject: str) -> Diagnosis:
    artifact = name_of(subject)
    return diagnose_recorded(
        observe_record(context, artifact),
        observe_released_image(context, artifact),
        name=artifact,
        repository=context.declaration.artifact[artifact].repository,
    )


def _judge_provenance(context: Context, subject: str) -> Diagnosis:
    artifact = name_of(subject)
    declared = context.declaration.artifact[artifact].attestation
    expected = Expected()
    if declared is not None:
        signed = declared.key is not None or declared.root is not None
        expected = Expected(signed=signed, issuer=declared.issuer, identity=declared.identity)
    return diagnose_provenance(observe_record(context, artifact), observe.observe_attested(context, artifact), expected)


def _worst(found: Iterable[Diagnosis]) -> Diagnosis:
    """The first of the worst outcome, in declared order; what says nothing about any artifact proves nothing."""
    judged = sorted(found, key=lambda diagnosis: _WORST_FIRST.index(diagnosis.outcome))
    if not judged:
        return inconclusive("no-artifact", "the declaration has no artifact that the role could publish")
    if len(judged) > 1 and judged[0].outcome is Outcome.PASS:
        return replace(judged[0], message=f"{judged[0].message}; the same for {len(judged) - 1} more")
    return judged[0]


_JUDGES: Final[Mapping[str, Callable[[Context, str], Diagnosis]]] = {
    "REL-010": _judge_surroundings,
    "REL-020": _judge_provider,
    "REL-030": _judge_trust,
    "REL-040": _judge_session,
    "REL-050": _judge_other_audience,
    "REL-060": _judge_no_administrator,
    "REL-070": _judge_push,
    "REL-080": _judge_forbidden,
    "REL-090": _judge_immutable,
    "REL-100": _judge_recorded,
    "REL-110": _judge_provenance,
}
