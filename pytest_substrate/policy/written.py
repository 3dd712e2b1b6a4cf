"""Weaknesses of a trust policy that can be seen in how a statement is written, with the token beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_substrate.policy.claims import CallContext, other_provider
from pytest_substrate.policy.context import Missing
from pytest_substrate.policy.document import Condition, Document, Effect, Statement
from pytest_substrate.policy.operators import operator_of
from pytest_substrate.policy.pattern import compile_pattern
from pytest_substrate.policy.providers import url_of
from pytest_substrate.policy.trust import ACTION, EVERY_PROVIDER, names_action
from pytest_substrate.policy.truth import Truth, any_of

_VARIABLE: Final = re.compile(r"\$\{[^{}]*\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weakness:
    """A stable code, and a message that names the statement and the mend."""

    code: str
    message: str


def written(statement: Statement, document: Document, context: CallContext) -> Iterator[Weakness]:
    """What the text of a statement tells."""
    place, principals = statement.place, statement.principals
    is_allow = statement.effect is Effect.ALLOW
    if is_allow and statement.not_actions is not None:
        message = f"{place} allows every action but some; write Action {ACTION}"
        yield Weakness(code="not-action", message=message)
    is_public = principals is not None and (principals.everyone or EVERY_PROVIDER in principals.federated)
    if is_allow and is_public:
        message = f"{place} names everyone as its principal; name the provider's ARN as Federated"
        yield Weakness(code="public-principal", message=message)
    if not names_action(statement, ACTION):
        return
    urls = [url for name in (principals.federated if principals else ()) if (url := url_of(name)) is not None]
    for condition in statement.conditions:
        if urls and not is_public:
            yield from _issuer(condition, place, urls)
        yield from _literal(condition, document, place)
        yield from _letter_case(condition, document, context, place)


def _issuer(condition: Condition, place: str, urls: list[str]) -> Iterator[Weakness]:
    key = condition.key.lower()
    if other_provider(key) is not None and not any(key.startswith(f"{url.lower()}:") for url in urls):
        message = f"{place} asks for {condition.key}, a key of another provider, which its tokens lack; use {urls[0]}:…"
        yield Weakness(code="issuer-mismatch", message=message)


def _literal(condition: Condition, document: Document, place: str) -> Iterator[Weakness]:
    operator = operator_of(condition.operator)
    if operator is None or not operator.base.startswith("StringEquals"):
        return
    plain = [_VARIABLE.sub("", value) if document.has_variables else value for value in condition.values]
    if any("*" in value for value in plain):
        message = f"{place} compares {condition.key} with * as it stands; use StringLike, or name the value whole"
        yield Weakness(code="literal-wildcard", message=message)


def _letter_case(condition: Condition, document: Document, context: CallContext, place: str) -> Iterator[Weakness]:
    operator = operator_of(condition.operator)
    if operator is None or operator.base not in ("StringEquals", "StringLike", "ArnLike", "ArnEquals"):
        return
    held = context.lookup(condition.key)
    if isinstance(held, Missing):
        return
    variables = context if document.has_variables else None
    patterns = [compile_pattern(one, variables, wild=operator.base != "StringEquals") for one in condition.values]
    for value in held:
        matches = any_of(pattern.match(value) for pattern in patterns)
        ignoring = any_of(pattern.match(value, ignore_case=True) for pattern in patterns)
        if matches is Truth.FALSE and ignoring is Truth.TRUE:
            message = (
                f"{place} differs from the token's {condition.key} in letter case alone; write it as the token does"
            )
            yield Weakness(code="case-never-matches", message=message)
            return
