"""What the unknown keys of a request may hold, as few cases as the policies can tell apart.

A key is completed where every condition on it is of one type and compares with fixed values. Its representatives are
then complete: any other value gives each of these conditions the truth that one of them gives. What can't be completed
(a key in a variable, under a set operator, of two types) stays unknown.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from pytest_substrate.policy.context import Missing
from pytest_substrate.policy.document import Condition, Document, Statement
from pytest_substrate.policy.evaluate import Policies, findings
from pytest_substrate.policy.operators import NULL, operator_of
from pytest_substrate.policy.pattern import variables_in
from pytest_substrate.policy.representatives import representatives
from pytest_substrate.policy.request import Request, RequestContext
from pytest_substrate.policy.truth import Truth

MOST = 2048
"""Completions that are tried; more cases are left undecided."""


def completions(request: Request, policies: Policies) -> Iterator[RequestContext]:
    """Contexts that stand for all completions of the keys that can be completed; none where no key can."""
    uses: dict[str, list[tuple[Condition, Document]]] = {}
    for statement, document in _relevant(request, policies):
        for condition in statement.conditions:
            if isinstance(request.context.lookup(condition.key), Missing):
                uses.setdefault(condition.key.lower(), []).append((condition, document))
    held = _in_variables(request, policies)
    cases: dict[str, tuple[tuple[str, ...] | Missing, ...]] = {}
    for key, conditions in uses.items():
        why = request.context.lookup(key)
        if why is Missing.ABSENT or key in held or not isinstance(why, Missing):
            continue
        values = representatives(
            [(condition, request.context if document.has_variables else None) for condition, document in conditions]
        )
        if values is None:
            continue
        absent = (Missing.ABSENT,) if why is Missing.UNKNOWN else ()
        cases[key] = (*((value,) for value in values), *absent)
    total = 1
    for one in cases.values():
        total *= len(one)
    if not cases or total > MOST:
        return
    for chosen in itertools.product(*cases.values()):
        yield request.context.with_keys(dict(zip(cases, chosen, strict=True)))


def open_points(request: Request, policies: Policies) -> tuple[str, ...]:
    """What isn't known, as a message names it: keys, operators, variables."""
    points: dict[str, None] = {}
    for statement, document in _relevant(request, policies):
        for condition in statement.conditions:
            operator = operator_of(condition.operator)
            if operator is None:
                points[f"the operator {condition.operator}"] = None
            elif request.context.lookup(condition.key) in (Missing.UNKNOWN, Missing.UNKNOWN_VALUE):
                points[condition.key] = None
        if document.has_variables:
            texts = itertools.chain(
                statement.resources or (),
                statement.not_resources or (),
                *(condition.values for condition in statement.conditions if operator_of(condition.operator)),
            )
            for key in itertools.chain.from_iterable(map(variables_in, texts)):
                if request.context.lookup(key) in (Missing.UNKNOWN, Missing.UNKNOWN_VALUE):
                    points[key] = None
    return tuple(points)


def _relevant(request: Request, policies: Policies) -> Iterator[tuple[Statement, Document]]:
    """The statements that may apply and of which not all is known."""
    for one in findings(request, policies):
        if one.truth is Truth.UNKNOWN:
            yield one.statement, one.document


def _in_variables(request: Request, policies: Policies) -> frozenset[str]:
    """Keys that a variable of a relevant statement stands for, in lower case."""
    keys: set[str] = set()
    for statement, document in _relevant(request, policies):
        if not document.has_variables:
            continue
        texts = [*(statement.resources or ()), *(statement.not_resources or ())]
        for condition in statement.conditions:
            if (operator := operator_of(condition.operator)) and operator.base != NULL:
                texts.extend(condition.values)
        keys.update(key.lower() for text in texts for key in variables_in(text))
    return frozenset(keys)
