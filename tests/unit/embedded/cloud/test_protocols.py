"""What is known of the services' protocols beforehand is what botocore's models say."""

from __future__ import annotations

import botocore.session
import pytest
from ministack.core import iam_actions

from pytest_substrate.embedded.cloud.protocols import PROTOCOLS, may_hold_tags


@pytest.mark.parametrize("service", sorted(PROTOCOLS))
def test_the_table_is_the_models(service: str) -> None:
    """Protocol and JSON version of each service are those of its model."""
    metadata = botocore.session.get_session().get_service_model(service).metadata

    expected = {key: metadata[key] for key in ("protocol", "jsonVersion") if key in metadata}
    assert expected == PROTOCOLS[service]


@pytest.mark.parametrize(
    ("action", "body", "params"),
    [
        ("secretsmanager:TagResource", b'{"SecretId": "a", "Tags": [{"Key": "k", "Value": "v"}]}', {}),
        ("ecs:RunTask", b'{"tags": [{"key": "k", "value": "v"}]}', {}),
        ("iam:CreateRole", b"", {"Tags.member.1.Key": ["k"], "Tags.member.1.Value": ["v"]}),
        ("kms:UntagResource", b'{"KeyId": "a", "TagKeys": ["k"]}', {}),
        ("ecs:DescribeTasks", b'{"tasks": ["stage"]}', {}),
        ("iam:GetRole", b"", {"RoleName": ["r"]}),
    ],
)
def test_a_request_without_tags_is_known_as_such(action: str, body: bytes, params: dict[str, list[str]]) -> None:
    """What is passed over holds no tags, in ministack's own reading."""
    held = iam_actions.request_tag_context(action.partition(":")[0], action, body, params)

    assert may_hold_tags(body, params) == bool(held)
