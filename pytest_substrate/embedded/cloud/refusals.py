"""Which kind of policy refused, in AWS's words: ministack's evaluation knows it and doesn't say.

AWS names it within an account ("Troubleshoot access denied error messages", IAM User Guide): an explicit deny by the
policy that holds it, else the first kind that failed to allow.
"""

from __future__ import annotations

from typing import Any, Final

from ministack.core import iam_evaluator

IDENTITY: Final = "identity-based policy"
BOUNDARY: Final = "permissions boundary"
SESSION: Final = "session policy"
RESOURCE: Final = "resource-based policy"

_evaluate = iam_evaluator.evaluate
_evaluate_resource_policy = iam_evaluator.evaluate_resource_policy
_session_limits = iam_evaluator._session_policy_limits


class _Session(list[Any]):
    """The layer of session policies, told from a boundary's."""


def install() -> None:
    """Let every refusal say who it is by."""
    iam_evaluator.evaluate = _evaluated
    iam_evaluator.evaluate_resource_policy = _evaluated_resource_policy
    iam_evaluator._session_policy_limits = lambda *asked: [_Session(layer) for layer in _session_limits(*asked)]


def refused_by(result: Any) -> str:
    """The kind of policy that decided a result of ministack's evaluation."""
    return str(getattr(result, "refused_by", IDENTITY))


def sentence(action: str, principal: str, resource: str, *, explicit: bool, by: str = IDENTITY) -> str:
    """AWS's words for a refusal."""
    article = "an" if by == IDENTITY else "a"
    why = f"with an explicit deny in {article} {by}" if explicit else f"because no {by} allows the {action} action"
    return f"User: {principal} is not authorized to perform: {action} on resource: {resource} {why}"


def _evaluated(context: Any, policies: Any, *limits: Any) -> Any:
    result = _evaluate(context, policies, *limits)
    if result.decision != "Allow":
        effect = "Deny" if result.decision == "Deny" else "Allow"
        result.refused_by = _first(context, (policies, *limits), effect)
    return result


def _first(context: Any, layers: Any, effect: str) -> str:
    """The first layer that denies, or that fails to allow."""
    for at, layer in enumerate(layers):
        statements = [statement for document in layer for statement in document]
        found = iam_evaluator._first_match(context, statements, effect) is not None
        if found == (effect == "Deny"):
            return IDENTITY if at == 0 else SESSION if isinstance(layer, _Session) else BOUNDARY
    return IDENTITY


def _evaluated_resource_policy(*asked: Any, **named: Any) -> Any:
    result = _evaluate_resource_policy(*asked, **named)
    result.refused_by = RESOURCE
    return result
