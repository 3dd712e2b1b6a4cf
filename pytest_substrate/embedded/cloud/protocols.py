"""What ministack would read botocore's whole models for, at the first call of each service, known beforehand.

A model costs a tenth of a second, a session of botocore with its imports half a second, while the platform starts. The
answers are the same; a test holds the table against the models.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ministack.core import responses

_JSON: Final = {"protocol": "json", "jsonVersion": "1.1"}
PROTOCOLS: Final[dict[str, dict[str, str]]] = {
    "ecr": _JSON,
    "ecs": _JSON,
    "iam": {"protocol": "query"},
    "kafka": {"protocol": "rest-json", "jsonVersion": "1.1"},
    "kms": _JSON,
    "logs": _JSON,
    "s3": {"protocol": "rest-xml"},
    "secretsmanager": _JSON,
    "ssm": _JSON,
    "sts": {"protocol": "query"},
}
_service_model = responses._service_model


@dataclass(frozen=True, slots=True)
class _Model:
    metadata: dict[str, str]


def install() -> None:
    """Answer for the services that the platform uses; the others stay as they are."""
    known = {service: _Model(metadata) for service, metadata in PROTOCOLS.items()}
    responses._service_model = lambda service: known.get(service) or _service_model(service)


def may_hold_tags(body: bytes, params: dict[str, Any]) -> bool:
    """Whether a request can carry tags at all; only then the service's model must say where."""
    return b"Tag" in body or b'"tags"' in body or any("Tag" in name or name == "tagKeys" for name in params)
