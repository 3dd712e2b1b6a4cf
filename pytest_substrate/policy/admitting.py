"""Whether some token is admitted whose claims are known only in part: as far as its subject tells them.

What a subject leaves open (ids, the actor, the workflow) is tried in all ways that the policy tells apart. So a
declared subject is refused where no token of it comes in, and an attack is admitted where one does.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, Final

from pytest_substrate.policy.document import Document
from pytest_substrate.policy.providers import provider_of
from pytest_substrate.policy.subjects import open_context, other_reading
from pytest_substrate.policy.trust import (
    ACTION,
    MOST,
    Admission,
    Trust,
    cases_of,
    issuer_of,
    of_another_issuer,
    reaches,
    weigh,
)
from pytest_substrate.policy.truth import Truth

_FURTHEST: Final = (Admission.REFUSED, Admission.UNDECIDED, Admission.ADMITTED)


def admits_some(document: Document, claims: Mapping[str, Any], *, provider_arn: str | None = None) -> Trust:
    """The answer for the token that comes furthest; BadInput as `issuer_of`.

    `claims` are those of `claims_of_subject`, or of an attack. UNDECIDED where keys of the call, an operator, a
    variable, or keys that AWS may or may not make of this provider's claims could let it in.
    """
    readings = [claims, other] if (other := other_reading(claims)) is not None else [claims]
    answers = [_admits_some(document, one, provider_arn=provider_arn) for one in readings]
    return max(answers, key=lambda answer: _FURTHEST.index(answer.decision))


def _admits_some(document: Document, claims: Mapping[str, Any], *, provider_arn: str | None) -> Trust:
    issuer = issuer_of(claims, provider_arn=provider_arn)
    if (refused := of_another_issuer(claims, issuer)) is not None:
        return refused
    context = open_context(claims, url=issuer.url)
    statements = [one for one in document.statements if reaches(one, ACTION, issuer) is not Truth.FALSE]
    own = f"{issuer.url.lower()}:"
    provider = provider_of(issuer.url)
    unsure = () if provider.is_certain else tuple(f"{own}{key}" for key in provider.keys)
    cases = {
        key: values
        for key, values in cases_of(statements, document, context).items()
        if key.startswith(own) and key not in unsure
    }
    total = 1
    for values in cases.values():
        total *= len(values)
    chosen = itertools.product(*cases.values()) if total <= MOST else iter([()])
    best: Trust | None = None
    for one in chosen:
        answer = weigh(document, ACTION, issuer, context.with_keys(dict(zip(cases, one, strict=False))))
        if answer.decision is Admission.ADMITTED:
            return answer
        if best is None or (best.decision is Admission.REFUSED and answer.decision is Admission.UNDECIDED):
            best = answer
    return best or weigh(document, ACTION, issuer, context)
