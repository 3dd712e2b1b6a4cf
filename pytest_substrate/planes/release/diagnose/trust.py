"""REL-030: whom the role's trust policy admits, by evaluation, over the declared subjects and attacks on them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pytest_substrate.model.ci import CiToken, Role
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.facts import FactValue, admitted, line, number_of
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.unseen import unseen
from pytest_substrate.policy.document import Document
from pytest_substrate.policy.trust import Admission, Trust, admits, parse_trust

Token: TypeAlias = CiToken | Missing | Unobserved


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A token that is presented to the policy, and whether it must be admitted."""

    what: str
    claims: Mapping[str, Any]
    cause: str
    """Of the violation where the answer isn't the wanted one."""

    @property
    def wanted(self) -> Admission:
        return Admission.ADMITTED if self.cause == "subject-refused" else Admission.REFUSED


_ORDER: Final = ("subject-refused", "subject-admitted", "attack-admitted")


def diagnose_trust(
    role: Role | Missing | Unobserved,
    token: Token,
    *,
    name: str,
    provider: str,
    account: str,
    audience: str,
    admit: Sequence[str],
    refuse: Sequence[str],
) -> Diagnosis:
    """Each admitted subject is admitted, each refused one and each attack refused; undecided is no green.

    The claims beside a subject are those of the job's own token, where there is one.
    """
    if isinstance(role, Unobserved):
        return unseen(role, f"the trust policy of {name}")
    if isinstance(role, Missing):
        return violated("role-missing", f"there is no role {name} in the account {account}")
    facts: dict[str, FactValue] = {"role_arn": admitted("role_arn", role.arn), "provider": provider}
    try:
        document = parse_trust(role.trust, name=f"trust of {name}")
    except BadInput as error:
        return inconclusive("policy-unreadable", line(f"the trust policy can't be read: {error}", 280)).with_facts(
            facts
        )
    partition = role.arn.split(":")[1]
    arn = f"arn:{partition}:iam::{account}:oidc-provider/{provider}"
    base = {"iss": f"https://{provider}", "aud": audience}
    own = dict(token.claims) if isinstance(token, CiToken) and token.problem in (None, "expired") else {}
    cases = tuple(_cases(base, own, admit, refuse))
    return _judged(document, arn, cases, name).with_facts(facts | {"total": len(cases)})


def _judged(document: Document, arn: str, cases: Sequence[_Case], name: str) -> Diagnosis:
    wrong: dict[str, list[tuple[_Case, Trust]]] = {cause: [] for cause in _ORDER}
    undecided: list[tuple[_Case, Trust]] = []
    for case in cases:
        answer = admits(document, case.claims, provider_arn=arn)
        if answer.decision is Admission.UNDECIDED:
            undecided.append((case, answer))
        elif answer.decision is not case.wanted:
            wrong[case.cause].append((case, answer))
    for cause in _ORDER:
        if wrong[cause]:
            case, answer = wrong[cause][0]
            more = f" (and {number_of(len(wrong[cause]) - 1, 'other')})" if len(wrong[cause]) > 1 else ""
            told = f"the trust policy of {name} {answer.decision} {case.what}{more}: {answer.reason}"
            return violated(cause, line(told, 280)).with_facts(_facts(case, answer, len(wrong[cause])))
    if undecided:
        case, answer = undecided[0]
        told = f"whether the trust policy of {name} admits {case.what} can't be told: {answer.reason}"
        return inconclusive("trust-undecided", line(told, 280)).with_facts(_facts(case, answer, len(undecided)))
    attacks = sum(case.cause != "subject-refused" for case in cases)
    return passed(f"{name} admits what is declared, and refuses {number_of(attacks, 'other token')}")


def _facts(case: _Case, answer: Trust, count: int) -> dict[str, FactValue]:
    subject = case.claims.get("sub")
    return {
        "token_subject": line(subject, 200) if isinstance(subject, str) else None,
        "statement": answer.statement,
        "count": count,
    }


def _cases(
    base: Mapping[str, Any], own: Mapping[str, Any], admit: Sequence[str], refuse: Sequence[str]
) -> Iterator[_Case]:
    for subject in admit:
        yield _Case(what=subject, claims={**own, **base, "sub": subject}, cause="subject-refused")
    for subject in refuse:
        yield _Case(what=subject, claims={**own, **base, "sub": subject}, cause="subject-admitted")
    for subject in admit:
        claims = {**own, **base, "sub": subject}
        yield _Case(
            what="a token for another audience",
            claims={**claims, "aud": "https://substrate.invalid"},
            cause="attack-admitted",
        )
        yield _Case(what="a token without a subject", claims=_without(claims, "sub"), cause="attack-admitted")


def _without(claims: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in claims.items() if key != name}
