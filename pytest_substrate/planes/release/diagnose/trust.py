"""REL-030: whom the role's trust policy admits, over the declared subjects and the attacks made from them. Pure.

Evaluated, and no call made: what a subject leaves open of its token is tried in all ways that the policy tells apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_substrate.model.ci import Role
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.facts import FactValue, admitted, line, number_of
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.policy_digest import canonical, digest_of
from pytest_substrate.model.unseen import unseen
from pytest_substrate.policy.admitting import admits_some
from pytest_substrate.policy.attacks import attacks
from pytest_substrate.policy.document import Document
from pytest_substrate.policy.subjects import claims_of_subject
from pytest_substrate.policy.trust import Admission, Trust, parse_trust

_ORDER: Final = ("subject-refused", "subject-admitted", "attack-admitted")
"""Causes, the worst first: where nothing is admitted, the attacks tell nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A token that is shown to the policy."""

    what: str
    claims: Mapping[str, Any]
    cause: str
    """Of the violation where the answer isn't the wanted one."""

    @property
    def wanted(self) -> Admission:
        return Admission.ADMITTED if self.cause == "subject-refused" else Admission.REFUSED


def diagnose_trust(
    role: Role | Missing | Unobserved,
    *,
    name: str,
    provider: str,
    audience: str,
    admit: Sequence[str],
    refuse: Sequence[str],
) -> Diagnosis:
    """Each admitted subject is admitted, each refused one and each attack refused; what can't be told is no green."""
    if isinstance(role, Unobserved):
        return unseen(role, f"the trust policy of {name}")
    if isinstance(role, Missing):
        return violated("role-missing", f"there is no role {name} in the account")
    facts: dict[str, FactValue] = {"role_arn": admitted("role_arn", role.arn), "provider": provider}
    facts |= {"trust_digest": digest_of([(name, canonical(role.trust))])}
    try:
        document = parse_trust(role.trust, name=f"the trust policy of {name}")
    except BadInput as error:
        told = line(f"{error.where} {error.what}", 280)
        return inconclusive("policy-unreadable", told).with_facts(facts)
    _, partition, _, _, account, _ = role.arn.split(":", 5)
    arn = f"arn:{partition}:iam::{account}:oidc-provider/{provider}"
    cases = tuple(_cases(provider, audience, admit, refuse))
    return _judged(document, arn, cases, name).with_facts(facts | {"total": len(cases)})


def _cases(provider: str, audience: str, admit: Sequence[str], refuse: Sequence[str]) -> Iterator[_Case]:
    for subject in admit:
        yield _Case(what=subject, claims=claims_of_subject(subject, provider, audience), cause="subject-refused")
    for subject in refuse:
        yield _Case(what=subject, claims=claims_of_subject(subject, provider, audience), cause="subject-admitted")
    for attack in attacks(admit, issuer=provider, audience=audience):
        if attack.claims.get("sub") not in refuse or attack.claims.get("aud") != audience:
            yield _Case(what=f"an attack, {attack.name}", claims=attack.claims, cause="attack-admitted")


def _judged(document: Document, arn: str, cases: Sequence[_Case], name: str) -> Diagnosis:
    wrong: dict[str, list[tuple[_Case, Trust]]] = {cause: [] for cause in _ORDER}
    undecided: list[tuple[_Case, Trust]] = []
    for case in cases:
        answer = admits_some(document, case.claims, provider_arn=arn)
        if answer.decision is Admission.UNDECIDED:
            undecided.append((case, answer))
        elif answer.decision is not case.wanted:
            wrong[case.cause].append((case, answer))
    for cause in _ORDER:
        if wrong[cause]:
            case, answer = wrong[cause][0]
            does = "refuses" if answer.decision is Admission.REFUSED else "admits"
            more = f" (and {number_of(len(wrong[cause]) - 1, 'other')})" if len(wrong[cause]) > 1 else ""
            told = f"the trust policy of {name} {does} {case.what}{more}: {answer.reason}"
            return violated(cause, line(told, 280)).with_facts(_facts(case, answer, len(wrong[cause])))
    if undecided:
        case, answer = undecided[0]
        told = f"whether the trust policy of {name} admits {case.what} can't be told: {answer.reason}"
        return inconclusive("trust-undecided", line(told, 280)).with_facts(_facts(case, answer, len(undecided)))
    refused = sum(case.wanted is Admission.REFUSED for case in cases)
    return passed(f"{name} admits what is declared, and refuses {number_of(refused, 'other token')}")


def _facts(case: _Case, answer: Trust, count: int) -> dict[str, FactValue]:
    subject = case.claims.get("sub")
    return {
        "token_subject": line(subject, 200) if isinstance(subject, str) else None,
        "statement": answer.statement,
        "count": count,
    }
