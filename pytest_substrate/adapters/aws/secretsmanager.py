"""A secret's versions, stages and times, never its value: no operation that reads a value is in the table."""

from __future__ import annotations

from typing import Any

from pytest_substrate.adapters.aws.answer import Answer, NoAnswer, answered, ask, ask_pages
from pytest_substrate.model.aws import secrets as facts
from pytest_substrate.model.observation import Unobserved


@answered
def read_secret(client: Any, name: str) -> facts.SecretState:
    """The secret with its versions. Two calls tell it: where a rotation came between, it is read once more.

    One that is scheduled for deletion has no versions here, as nobody can get them.
    """
    try:
        return _read(client, name)
    except _Moved:
        pass
    try:
        return _read(client, name)
    except _Moved as moved:
        raise NoAnswer(moved.observation) from moved


class _Moved(Exception):
    def __init__(self) -> None:
        super().__init__()
        self.observation = Unobserved(
            reason="changing",
            operation="secretsmanager:ListSecretVersionIds",
            detail="the secret's versions changed while they were read",
        )


def _read(client: Any, name: str) -> facts.SecretState:
    answer = ask(client, "secretsmanager:DescribeSecret", what=name, SecretId=name)
    deleted = answer.time("DeletedDate")
    versions = () if deleted else _versions(client, name, answer)
    return facts.SecretState(
        arn=answer.text("ARN"),
        name=answer.text("Name"),
        key_id=answer.text_or_none("KmsKeyId"),
        changed=answer.time("LastChangedDate"),
        deleted=deleted,
        versions=versions,
    )


def _versions(client: Any, name: str, secret: Answer) -> tuple[facts.SecretVersion, ...]:
    stages = secret.mapping("VersionIdsToStages")
    versions = tuple(
        facts.SecretVersion(
            version_id=version.text("VersionId"),
            stages=version.texts("VersionStages"),
            created=version.time("CreatedDate"),
        )
        for page in ask_pages(client, "secretsmanager:ListSecretVersionIds", what=name, SecretId=secret.text("ARN"))
        for version in page.parts("Versions")
    )
    named = {version_id for version_id, staged in stages.items() if facts.CURRENT in staged}
    if named != {version.version_id for version in versions if facts.CURRENT in version.stages}:
        raise _Moved
    return versions
