"""MSG-010 and MSG-020: the secret, its key, and its association with the cluster."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.kafka import ScramAssociations
from pytest_substrate.model.aws.secrets import KeyState, SecretState, SecretVersion
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Outcome
from pytest_substrate.planes.messaging.diagnose.credential import diagnose_association, diagnose_secret

NAME = "AmazonMSK_ingest"
PREFIX = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:"
ARN = f"{PREFIX}{NAME}-AbCdEf"
CLUSTER = "arn:aws:kafka:eu-west-2:111122223333:cluster/spine/4a1f8e52-6c0d-4b7e-9a35-2d9f6f0c7b11-2"
BORN = Instant.of(datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC))
DENIED = Unobserved(reason="access-denied", operation="kms:DescribeKey", code="AccessDeniedException")


def secret(*, stages: tuple[str, ...] = ("AWSCURRENT",), **parts: Any) -> SecretState:
    """A secret with one version."""
    version = SecretVersion(version_id="c" * 32, stages=stages, created=BORN)
    fields: dict[str, Any] = {"arn": ARN, "name": NAME, "key_id": "k", "changed": BORN, "deleted": None}
    return SecretState(**{**fields, "versions": (version,), **parts})


def key(**parts: Any) -> KeyState:
    """A customer's symmetric key, enabled."""
    fields = {"arn": "arn:aws:kms:eu-west-2:111122223333:key/1", "manager": "CUSTOMER", "state": "Enabled"}
    return KeyState(**{**fields, "spec": "SYMMETRIC_DEFAULT", "usage": "ENCRYPT_DECRYPT", **parts})


@pytest.mark.parametrize(
    ("observation", "its_key", "cause"),
    [
        (secret(), key(), None),
        (Missing(what=NAME), None, "secret-missing"),
        (secret(deleted=BORN), key(), "secret-scheduled-for-deletion"),
        (secret(stages=("AWSPENDING",)), key(), "no-current-version"),
        (secret(versions=()), key(), "no-current-version"),
        (secret(name="msk/ingest", arn=f"{PREFIX}msk/ingest-AbCdEf"), key(), "name-without-prefix"),
        (secret(name="amazonmsk_ingest"), key(), "name-without-prefix"),
        (secret(arn=ARN.replace("eu-west-2", "eu-west-1")), key(), "foreign-secret"),
        (secret(arn=ARN.replace("111122223333", "444455556666")), key(), "foreign-secret"),
        (secret(key_id=None), None, "aws-managed-key"),
        (secret(key_id="alias/aws/secretsmanager"), key(manager="AWS"), "aws-managed-key"),
        (secret(), Missing(what="k"), "key-missing"),
        (secret(), key(state="Disabled"), "key-not-enabled"),
        (secret(), key(state="PendingDeletion"), "key-not-enabled"),
        (secret(), key(spec="RSA_2048"), "key-not-symmetric"),
        (secret(), key(spec="HMAC_256", usage="GENERATE_VERIFY_MAC"), "key-not-symmetric"),
        (secret(), key(manager="AWS", state="Disabled", spec="RSA_2048"), "aws-managed-key"),
    ],
)
def test_secret(observation: SecretState | Missing, its_key: KeyState | Missing | None, cause: str | None) -> None:
    """The secret must be one that MSK takes a user from; the first thing that is wrong names the cause."""
    found = diagnose_secret(observation, its_key, name=NAME, account="111122223333", region="eu-west-2")
    assert cause == found.cause
    assert (Outcome.PASS if cause is None else Outcome.VIOLATION) is found.outcome


def test_secret_facts() -> None:
    """The facts name the version, its birth and the key that the alias led to."""
    found = diagnose_secret(secret(), key(), name=NAME, account="111122223333", region="eu-west-2")
    assert ("c" * 32, "2026-03-01T12:00:00.500Z") == (found.facts["version_id"], found.facts["created_at"])
    assert "arn:aws:kms:eu-west-2:111122223333:key/1" == found.facts["key_arn"]


def test_a_key_that_cannot_be_read() -> None:
    """Without the key there is no pass; but what the secret alone proves wrong is still a violation."""
    common: dict[str, Any] = {"name": NAME, "account": "111122223333", "region": "eu-west-2"}
    unread = diagnose_secret(secret(), DENIED, **common)
    assert (Outcome.INCONCLUSIVE, "access-denied") == (unread.outcome, unread.cause)
    assert "kms:DescribeKey" == unread.facts["operation"]
    assert "no-current-version" == diagnose_secret(secret(versions=()), DENIED, **common).cause


@pytest.mark.parametrize(
    ("arns", "outcome", "cause"),
    [
        ((ARN,), Outcome.PASS, None),
        ((f"{PREFIX}AmazonMSK_other-AbCdEf", ARN), Outcome.PASS, None),
        ((), Outcome.VIOLATION, "not-associated"),
        ((f"{PREFIX}AmazonMSK_other-AbCdEf",), Outcome.VIOLATION, "not-associated"),
        ((f"{PREFIX}{NAME}2-AbCdEf",), Outcome.VIOLATION, "not-associated"),
        ((f"{PREFIX}{NAME}-ZyXwVu",), Outcome.VIOLATION, "predecessor-associated"),
    ],
)
def test_association(arns: tuple[str, ...], outcome: Outcome, cause: str | None) -> None:
    """The whole ARN must be in the list; an earlier secret of the name is told from a strange one."""
    found = diagnose_association(secret(), ScramAssociations(secret_arns=arns), name=NAME, cluster_arn=CLUSTER)
    assert (outcome, cause) == (found.outcome, found.cause)


def test_association_names_the_mend() -> None:
    """The next command associates this very secret."""
    found = diagnose_association(secret(), ScramAssociations(secret_arns=()), name=NAME, cluster_arn=CLUSTER)
    assert f"--secret-arn-list {ARN} --region eu-west-2" in str(found.next)


@pytest.mark.parametrize(
    ("observation", "associations", "cause"),
    [
        (Missing(what=NAME), ScramAssociations(secret_arns=(ARN,)), "secret-missing"),
        (secret(), Missing(what=CLUSTER), "cluster-missing"),
        (secret(), DENIED, "access-denied"),
    ],
)
def test_association_that_cannot_be_judged(
    observation: SecretState | Missing, associations: ScramAssociations | Missing | Unobserved, cause: str
) -> None:
    """Without the secret or the list there is nothing to compare."""
    found = diagnose_association(observation, associations, name=NAME, cluster_arn=CLUSTER)
    assert (Outcome.INCONCLUSIVE, cause) == (found.outcome, found.cause)
