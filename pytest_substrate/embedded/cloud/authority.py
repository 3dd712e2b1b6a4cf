"""Who may do what: ministack's policy evaluation, corrected where it would answer otherwise than AWS.

- Only the one root key that the platform made is root, and its signature is checked like any other.
- Calls of ECR, ECS, MSK and Logs are authorized on the resources that AWS names (`resources.py`), each of them.
- `aws:PrincipalArn` of a session is its role's ARN, and `aws:ResourceTag` is known for things of ECS.
- A refusal names the resource and the kind of policy that decided, as AWS's does within an account (`refusals.py`).
- `may` asks on behalf of a role that the platform itself acts as (a task's execution role).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

from ministack.core import iam_actions, iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs, iam, tagging

from pytest_substrate.embedded.cloud import protocols, refusals, resources
from pytest_substrate.embedded.cloud.config import CloudConfig


class _Resources(str):
    """An ARN that carries the others of its call, and which of them was refused."""

    __slots__ = ("every", "refused")
    every: tuple[str, ...]
    refused: str

    @classmethod
    def of(cls, arns: tuple[str, ...]) -> _Resources:
        made = cls(arns[0])
        made.every = arns
        return made


_BY_TOKEN: Final = "sts:AssumeRoleWithWebIdentity"
"""It is called without AWS credentials: the token and the role's trust policy decide."""

_resource = iam_actions.extract_resource_arn
_denial = iam_actions.access_denied_response
_context = iam_actions.request_tag_context
_enforce = iam_evaluator.enforce
_condition_key = iam_evaluator._resolve_condition_key
_refused_by: ContextVar[str] = ContextVar("refused_by", default=refusals.IDENTITY)
"""The kind of policy that refused the request that is being answered."""


def install(config: CloudConfig) -> None:
    """Correct the evaluation; before a service of ministack that takes these functions by name is imported."""
    refusals.install()
    iam_evaluator.is_root_access_key = lambda key: key == config.root_key
    iam_evaluator._is_root_key = lambda _: False
    iam_evaluator.enforce = _enforce_each
    iam_evaluator._resolve_condition_key = _resolve_condition_key
    iam_actions.extract_resource_arn = _extract_resource_arn
    iam_actions.request_tag_context = _request_context
    iam_actions.access_denied_response = _access_denied_response
    tagging._RESOURCE_TAG_COLLECTORS["ecs"] = tagging._collect_ecs


def _extract_resource_arn(*call: Any) -> str:
    service, _, path, headers, body, asked, region, account = call
    place = resources.Place(region=region, account=account)
    action = str(headers.get("x-amz-target", "")).rpartition(".")[2]
    if service == "ecs" and action:
        return _Resources.of(resources.ecs_resources(action, _body(body), place, newest_revision))
    provider = iam_actions._query_param(asked, "OpenIDConnectProviderArn") if service == "iam" else None
    if provider:
        return str(provider)
    if service == "ecr" and action:
        return _Resources.of(resources.ecr_resources(action, _body(body), place))
    if service == "logs" and action:
        return _Resources.of(resources.logs_resources(action, _body(body), place))
    if service == "kafka":
        return _Resources.of(resources.kafka_resources(path))
    return str(_resource(*call))


def _enforce_each(access_key: str, action: str, *rest: Any, resource_arn: str = "*", **named: Any) -> Any:
    if action == _BY_TOKEN:
        return None
    for arn in getattr(resource_arn, "every", (resource_arn,)):
        refused = _enforce(access_key, action, *rest, resource_arn=arn, **named)
        if refused:
            _refused_by.set(refusals.refused_by(refused))
            if isinstance(resource_arn, _Resources):
                resource_arn.refused = arn
            return refused
    return None


def _request_context(service: str, action: str, body: bytes, params: Any) -> dict[str, Any]:
    context = dict(_context(service, action, body, params)) if protocols.may_hold_tags(body, params) else {}
    if service == "ecs":
        context.update(resources.ecs_keys(_body(body), resources.Place(region=get_region(), account=get_account_id())))
    return context


def _access_denied_response(service: str, action: str, principal_arn: str, request_id: str, **told: Any) -> Any:
    by_resource_policy = told.get("resource_policy_arn") and told.get("explicit_deny")
    if not (told.get("error_code") or told.get("message") or by_resource_policy):
        resource = getattr(told.get("resource_arn"), "refused", told.get("resource_arn", "*"))
        named = f'"{resource}"' if service == "s3" else str(resource)
        explicit = bool(told.get("explicit_deny"))
        told["message"] = refusals.sentence(action, principal_arn, named, explicit=explicit, by=_refused_by.get())
    return _denial(service, action, principal_arn, request_id, **told)


def _resolve_condition_key(key: str, context: Any) -> Any:
    if key.lower() == "aws:principalarn" and context.principal_type == "AssumedRole":
        return role_arn_of(context.principal_arn)
    return _condition_key(key, context)


def may(access_key: str, action: str, resource: str, context: Mapping[str, Any] | None = None) -> str | None:
    """None where the holder of `access_key` may; else AWS's sentence, or the authentication failure's code."""
    service = action.partition(":")[0]
    refused = _enforce(access_key, action, service, get_region(), resource_arn=resource, service_context=context)
    if refused is None:
        return None
    if isinstance(refused, iam_evaluator.AuthError):
        return str(refused.code)
    explicit, by = refused.decision == "Deny", refusals.refused_by(refused)
    named = f'"{resource}"' if service == "s3" else resource
    return refusals.sentence(action, refused.principal_arn, named, explicit=explicit, by=by)


def role_arn_of(session_arn: str) -> str:
    """The role behind `arn:…:assumed-role/NAME/SESSION`, with its path where the role is there."""
    account, name = session_arn.split(":")[4], session_arn.split("/")[1]
    role = iam._roles.get_scoped(account, None, name)
    return str(role["Arn"]) if role else f"arn:aws:iam::{account}:role/{name}"


def newest_revision(family: str) -> str:
    """`family:revision` of the newest task definition, revision 0 where there is none."""
    return f"{family}:{ecs._task_def_latest.get(family, 0)}"


def _body(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
