"""Would AWS admit a token? A role's trust policy against the claims, as AssumeRoleWithWebIdentity evaluates it.

Sources: "AWS JSON policy elements: Principal", "Available keys for AWS OIDC federation", "Pass session tags in AWS STS"
and "Monitor and control actions taken with assumed roles" (IAM User Guide). Not judged: whether the provider is
registered and lists the audience, signature and expiry, and policies of AWS Organizations.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pytest_substrate.model.errors import BadInput
from pytest_substrate.policy.claims import CallContext, call_context, issuer_url
from pytest_substrate.policy.conditions import conditions_hold
from pytest_substrate.policy.context import Missing
from pytest_substrate.policy.document import Document, Effect, PolicyKind, Principals, Statement, parse_policy
from pytest_substrate.policy.matching import action_matches
from pytest_substrate.policy.operators import NULL, operator_of
from pytest_substrate.policy.pattern import variables_in
from pytest_substrate.policy.providers import BUILT_IN, is_federated, url_of
from pytest_substrate.policy.representatives import Use, representatives
from pytest_substrate.policy.truth import Truth, any_of

ACTION: Final = "sts:AssumeRoleWithWebIdentity"
TAGS: Final = "https://aws.amazon.com/tags"
SOURCE_IDENTITY: Final = "https://aws.amazon.com/source_identity"
EVERY_PROVIDER: Final = "*"
MOST: Final = 2048
"""Completions of unknown keys that are tried; more cases are left undecided."""


class Admission(StrEnum):
    """The answer."""

    ADMITTED = "admitted"
    REFUSED = "refused"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The answer, why in one line (without a claim's value), and the index of the deciding statement, if any."""

    decision: Admission
    reason: str
    statement: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who signed the token: the provider's URL without scheme, and its ARN where known (else in any account)."""

    url: str
    arn: str | None = None


def parse_trust(text: str | bytes, *, name: str) -> Document:
    """The trust policy in `text`, of the file `name`; BadInput where IAM refuses to store it."""
    document = parse_policy(text, name=name, kind=PolicyKind.TRUST)
    for statement in document.statements:
        for provider in statement.principals.federated if statement.principals else ():
            if provider != EVERY_PROVIDER and not is_federated(provider):
                raise BadInput(
                    f"{name}: {statement.place}: Principal.Federated",
                    "holds what is no provider",
                    "write the ARN of an OIDC or SAML provider without wildcards, or a built-in provider's host",
                )
    return document


def issuer_of(claims: Mapping[str, Any], *, provider_arn: str | None, name: str = "claims") -> Issuer:
    """The token's issuer; BadInput where neither the claims nor `provider_arn` say it."""
    if provider_arn is not None:
        url = url_of(provider_arn)
        if url is None:
            raise BadInput(
                "--provider-arn", "is no OIDC provider's ARN", "write arn:aws:iam::ACCOUNT:oidc-provider/URL"
            )
        return Issuer(url=url, arn=provider_arn)
    named = issuer_url(claims)
    if not named:
        raise BadInput(f"{name}: iss", "is missing", "give the claim, or --provider-arn")
    return Issuer(url=named)


def admits(
    document: Document, claims: Mapping[str, Any], *, provider_arn: str | None = None, name: str = "claims"
) -> Trust:
    """Whether AWS would admit a token of these claims, read from the file `name`; BadInput as `issuer_of`."""
    issuer = issuer_of(claims, provider_arn=provider_arn, name=name)
    if (refused := of_another_issuer(claims, issuer)) is not None:
        return refused
    context = call_context(claims, url=issuer.url)
    answers = [weigh(document, action, issuer, context) for action in _actions(claims)]
    return next(
        (one for wanted in (Admission.REFUSED, Admission.UNDECIDED) for one in answers if one.decision is wanted),
        answers[0],
    )


def of_another_issuer(claims: Mapping[str, Any], issuer: Issuer) -> Trust | None:
    """The refusal of a token of another issuer, or None. One without `iss` is taken as the provider's."""
    told = issuer_url(claims)
    if told is None or told == issuer.url:
        return None
    return Trust(decision=Admission.REFUSED, reason="the token's iss is not the provider's")


def _actions(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """What the policy has to allow: more than the call itself where the token brings tags or a source identity."""
    tags = claims.get(TAGS)
    has_tags = (isinstance(tags, Mapping) and bool(tags)) or any(name.startswith(f"{TAGS}/") for name in claims)
    return (
        ACTION,
        *(("sts:TagSession",) if has_tags else ()),
        *(("sts:SetSourceIdentity",) if claims.get(SOURCE_IDENTITY) else ()),
    )


def weigh(document: Document, action: str, issuer: Issuer, context: CallContext) -> Trust:
    """The answer for one action; UNDECIDED only where completions of what isn't known differ."""
    first = _weigh(document, action, issuer, context)
    if first.decision is not Admission.UNDECIDED:
        return first
    answers = [_weigh(document, action, issuer, one) for one in _completions(document, action, issuer, context)]
    decisions = {one.decision for one in answers}
    if len(decisions) != 1 or Admission.UNDECIDED in decisions:
        return first
    statements = {one.statement for one in answers}
    if len(statements) == 1:
        return answers[0]
    return Trust(decision=answers[0].decision, reason=f"{answers[0].reason}, or another statement does")


def _weigh(document: Document, action: str, issuer: Issuer, context: CallContext) -> Trust:
    truths = {
        statement: min(reaches(statement, action, issuer), holds(statement, document, context))
        for statement in document.statements
    }
    allows = [(one, truth) for one, truth in truths.items() if one.effect is Effect.ALLOW]
    denies = [(one, truth) for one, truth in truths.items() if one.effect is Effect.DENY]
    allow, deny = any_of(truth for _, truth in allows), any_of(truth for _, truth in denies)
    if deny is Truth.TRUE:
        by = next(one for one, truth in denies if truth is Truth.TRUE)
        return Trust(decision=Admission.REFUSED, reason=f"{by.place} denies {action}", statement=by.index)
    if allow is Truth.FALSE:
        return Trust(decision=Admission.REFUSED, reason=_why_not(document, action, issuer))
    if allow is Truth.TRUE and deny is Truth.FALSE:
        by = next(one for one, truth in allows if truth is Truth.TRUE)
        return Trust(decision=Admission.ADMITTED, reason=f"{by.place} allows {action}", statement=by.index)
    open_ones = denies if allow is Truth.TRUE else allows
    by = next(one for one, truth in open_ones if truth is Truth.UNKNOWN)
    does = "denies" if by.effect is Effect.DENY else "allows"
    what = ", ".join(_open_points(by, document, context)) or "how it names the provider"
    reason = f"whether {by.place} {does} {action} depends on what is not known: {what}"
    return Trust(decision=Admission.UNDECIDED, reason=reason, statement=by.index)


def _why_not(document: Document, action: str, issuer: Issuer) -> str:
    allows = [one for one in document.statements if one.effect is Effect.ALLOW]
    near = next((one for one in allows if reaches(one, action, issuer) is not Truth.FALSE), None)
    if near is not None:
        return f"no statement allows {action}: the conditions of {near.place} do not hold"
    if any(names_action(one, action) for one in allows):
        return f"no statement allows {action} to this provider"
    return f"no statement allows {action}"


def names_action(statement: Statement, action: str) -> bool:
    """Whether a statement is about an action."""
    if statement.actions is not None:
        return action_matches(statement.actions, action)
    return not action_matches(statement.not_actions or (), action)


def reaches(statement: Statement, action: str, issuer: Issuer) -> Truth:
    """Whether a statement is about this action and a token of this issuer, conditions left out."""
    if not names_action(statement, action):
        return Truth.FALSE
    return names_provider(statement.principals or Principals(), issuer)


def names_provider(principals: Principals, issuer: Issuer) -> Truth:
    """Whether principals include the issuer. Accounts, users, roles and services are never who brings a token."""
    if principals.everyone:
        return Truth.TRUE
    return any_of(_is_provider(name, issuer) for name in principals.federated)


def _is_provider(name: str, issuer: Issuer) -> Truth:
    if name == EVERY_PROVIDER:
        return Truth.UNKNOWN  # nobody says that IAM stores it
    if name in BUILT_IN:
        return Truth.of(issuer.url == name)
    if issuer.arn is None:
        return Truth.of(url_of(name) == issuer.url)
    if issuer.arn in BUILT_IN:
        return Truth.UNKNOWN if url_of(name) == issuer.url else Truth.FALSE
    return Truth.of(name == issuer.arn)


def holds(statement: Statement, document: Document, context: CallContext) -> Truth:
    """Whether its conditions hold."""
    return conditions_hold(statement.conditions, context, has_variables=document.has_variables)


def _completions(document: Document, action: str, issuer: Issuer, context: CallContext) -> Iterator[CallContext]:
    """Contexts that stand for all that the unknown keys may hold, where that can be told."""
    relevant = [
        one
        for one in document.statements
        if min(reaches(one, action, issuer), holds(one, document, context)) is Truth.UNKNOWN
    ]
    yield from complete(relevant, document, context)


def complete(statements: Sequence[Statement], document: Document, context: CallContext) -> Iterator[CallContext]:
    """Contexts for all completions of the keys that `statements` ask for and nobody knows; none if too many."""
    cases = cases_of(statements, document, context)
    total = 1
    for values in cases.values():
        total *= len(values)
    if cases and total <= MOST:
        for chosen in itertools.product(*cases.values()):
            yield context.with_keys(dict(zip(cases, chosen, strict=True)))


def cases_of(
    statements: Sequence[Statement], document: Document, context: CallContext
) -> dict[str, tuple[tuple[str, ...] | Missing, ...]]:
    """For each unknown key (in lower case) what it may hold, as few cases as the statements can tell apart."""
    held = {key.lower() for one in statements for key in _variables(one, document)}
    uses: dict[str, list[Use]] = {}
    for statement in statements:
        for condition in statement.conditions:
            key = condition.key.lower()
            if context.lookup(key) in (Missing.UNKNOWN, Missing.UNKNOWN_VALUE) and key not in held:
                uses.setdefault(key, []).append((condition, context if document.has_variables else None))
    cases: dict[str, tuple[tuple[str, ...] | Missing, ...]] = {}
    for key, conditions in uses.items():
        values = representatives(conditions)
        if values is not None:
            absent = (Missing.ABSENT,) if context.lookup(key) is Missing.UNKNOWN else ()
            cases[key] = (*((value,) for value in values), *absent)
    return cases


def _variables(statement: Statement, document: Document) -> Iterator[str]:
    """Keys that a variable of a statement stands for."""
    if document.has_variables:
        for condition in statement.conditions:
            if (operator := operator_of(condition.operator)) and operator.base != NULL:
                yield from itertools.chain.from_iterable(map(variables_in, condition.values))


def _open_points(statement: Statement, document: Document, context: CallContext) -> Iterable[str]:
    """What isn't known of a statement, as a message names it."""
    points: dict[str, None] = {}
    for condition in statement.conditions:
        one = conditions_hold([condition], context, has_variables=document.has_variables)
        if one is not Truth.UNKNOWN:
            continue
        if operator_of(condition.operator) is None:
            points[f"the operator {condition.operator}"] = None
        elif isinstance(context.lookup(condition.key), Missing):
            points[condition.key] = None
        else:
            points[f"{condition.operator} on {condition.key}"] = None
    return tuple(points)
