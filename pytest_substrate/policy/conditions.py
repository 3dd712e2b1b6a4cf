"""Whether the Condition element of a statement holds: three-valued, as the IAM User Guide says of each operator.

Several operators and keys are AND, several values of the policy OR (of a negated operator: none may match). Sources:
"Condition operators", "Set operators for multivalued context keys", "Policy variables with no value", and IAM Access
Analyzer's policy checks for the corners (empty lists, `Null` with a set operator).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pytest_substrate.policy.context import Context, Missing
from pytest_substrate.policy.document import Condition
from pytest_substrate.policy.operators import NULL, Operator, SetOperator, matches_any, operator_of, readable
from pytest_substrate.policy.truth import Truth, all_of, any_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """One condition with its truth, for whoever has to say why."""

    condition: Condition
    truth: Truth


def evaluate_conditions(
    conditions: Iterable[Condition], context: Context, *, has_variables: bool
) -> tuple[Evaluated, ...]:
    """Each condition's truth. `has_variables`: the document's (version 2012-10-17 alone has them)."""
    return tuple(
        Evaluated(condition=condition, truth=evaluate_condition(condition, context, has_variables=has_variables))
        for condition in conditions
    )


def conditions_hold(conditions: Iterable[Condition], context: Context, *, has_variables: bool) -> Truth:
    """Whether all of them hold; of none TRUE."""
    return all_of(one.truth for one in evaluate_conditions(conditions, context, has_variables=has_variables))


def evaluate_condition(condition: Condition, context: Context, *, has_variables: bool) -> Truth:
    """Whether one holds; UNKNOWN for an operator that AWS does not name."""
    operator = operator_of(condition.operator)
    if operator is None:
        return Truth.UNKNOWN
    held = context.lookup(condition.key)
    if operator.base == NULL:
        return _null(operator, condition.values, held)
    if isinstance(held, Missing):
        return _missing(operator, condition.values, held)
    compare = matches_any(operator, condition.values, context if has_variables else None)

    def holds(value: str) -> Truth:
        truth = compare(value)
        if not operator.negated:
            return truth
        return truth.negated if readable(operator, value) else Truth.UNKNOWN

    if operator.negated and not condition.values:
        return Truth.UNKNOWN  # documented for positive operators alone
    return _over(operator.qualifier, held, holds)


def _over(qualifier: str | None, held: tuple[str, ...], holds: Callable[[str], Truth]) -> Truth:
    """The truth for the request's values together."""
    members = () if held == ("",) else held  # "a null data set, such as an empty string"
    if qualifier == SetOperator.ALL:
        return all_of(holds(value) for value in members)
    if qualifier == SetOperator.ANY:
        return any_of(holds(value) for value in members)
    if len(held) == 1:
        return holds(held[0])
    # several values ask for a set operator: without one, AWS documents no match
    return min(any_of(holds(value) for value in held), Truth.UNKNOWN)


def _missing(operator: Operator, values: tuple[str, ...], why: Missing) -> Truth:
    """There is no value. Where it is only not known, what holds of every value, or of none, is certain."""
    if why is not Missing.ABSENT:
        if values or operator.negated:
            return Truth.UNKNOWN
        # nothing to match with: only an absent key could make it hold
        vacuous = operator.if_exists or operator.qualifier == SetOperator.ALL
        return Truth.UNKNOWN if why is Missing.UNKNOWN and vacuous else Truth.FALSE
    if operator.if_exists:
        return Truth.TRUE
    if operator.qualifier is not None:
        return Truth.of(operator.qualifier == SetOperator.ALL)
    if operator.negated and not values:
        return Truth.UNKNOWN
    return Truth.of(operator.negated)


def _null(operator: Operator, values: tuple[str, ...], held: tuple[str, ...] | Missing) -> Truth:
    """`Null`: "true" where the key is absent, "false" where it is there."""
    if operator.qualifier is not None:  # "they always return a true or false respectively"
        return Truth.of(operator.qualifier == SetOperator.ALL)
    if held is Missing.UNKNOWN:
        wanted = {value.lower() for value in values}
        return Truth.TRUE if {"true", "false"} <= wanted else Truth.UNKNOWN
    if held == ("",):
        return Truth.UNKNOWN  # "its value is not null": whether an empty one is, AWS says yes and does no
    is_absent = "true" if held is Missing.ABSENT else "false"
    return any_of(
        Truth.of(value.lower() == is_absent) if value.lower() in ("true", "false") else Truth.UNKNOWN
        for value in values
    )
