"""Whether an endpoint that is not AWS offers a service at all: one cheap call, asked before the first real one."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from pytest_substrate.adapters.aws.errors import unanswered
from pytest_substrate.model.observation import Unobserved

CHEAP_CALLS: Final[Mapping[str, str]] = {
    "cloudtrail": "LookupEvents",
    "ecs": "ListClusters",
    "kafka": "ListClusters",
    "kms": "ListKeys",
    "logs": "DescribeLogGroups",
    "secretsmanager": "ListSecrets",
    "sts": "GetCallerIdentity",
}
"""A read without parameters, of each service that is used."""


def mark_if_not_implemented(client: Any, service: str) -> None:
    """Make every call of the client answer 501 where the service's cheap call says that it isn't implemented.

    So that half a service, or an HTML page in its place, is read as `not-implemented` and never as a finding.
    """
    name = CHEAP_CALLS.get(service)
    if name is None:
        return
    operation = f"{service}:{name}"
    try:
        getattr(client, xform_name(name))()
    except ResponseParserError:  # a page in the place of XML; one with status 500 has no code, see below
        client.meta.events.register_first("before-call", _answer_501)
    except (BotoCoreError, ClientError) as error:
        told = unanswered(error, operation, what=service)
        page = isinstance(told, Unobserved) and told.reason == "service-error" and not told.code
        if page or (isinstance(told, Unobserved) and told.reason == "not-implemented"):
            client.meta.events.register_first("before-call", _answer_501)


def _answer_501(**_: object) -> tuple[Any, dict[str, Any]]:
    """What botocore takes in place of an answer: the status, and the parsed body."""
    error = {"Code": "NotImplemented", "Message": "the endpoint does not implement this service"}
    return SimpleNamespace(status_code=501), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 501}}
