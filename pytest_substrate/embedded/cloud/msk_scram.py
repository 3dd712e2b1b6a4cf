"""SCRAM secrets: a secret that is associated with a cluster is a user of the real brokers.

Associating reads the secret and makes the user; a new version of the secret spreads there after a delay (on MSK up to
ten minutes); disassociating removes the user. What MSK would not take is answered as unprocessed.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Any, Final

from ministack.core.concurrency import spawn_background
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import msk, secretsmanager

from pytest_substrate.embedded.cloud import secret_values
from pytest_substrate.embedded.cloud.msk import Answer, Clusters, Refused, answer, scram_enabled
from pytest_substrate.embedded.cloud.msk_admin import Administrations

PREFIX: Final = "AmazonMSK_"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """What a secret says: who, and with what."""

    name: str
    password: str = field(repr=False)


class Unusable(Exception):
    """A secret that MSK does not take: an error code and a message without its value."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ScramSecrets:
    """The associations of all clusters. Its calls block while the brokers are asked."""

    def __init__(self, clusters: Clusters, administrations: Administrations) -> None:
        self.clusters = clusters
        self.administrations = administrations
        self._applied: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()
        secret_values.on_change(self.changed)

    def associated(self, arn: str) -> list[str]:
        """The associated secrets' ARNs."""
        self.clusters.record(arn)
        return list(msk._scram_secrets.get(arn) or [])

    def associate(self, arn: str, secrets: list[str]) -> Answer:
        """BatchAssociateScramSecret."""
        return self._each(arn, secrets, self._associate)

    def disassociate(self, arn: str, secrets: list[str]) -> Answer:
        """BatchDisassociateScramSecret."""
        return self._each(arn, secrets, self._disassociate)

    def changed(self, secret_arn: str) -> None:
        """A secret changed: let its current version spread to every cluster that it is associated with."""
        account, region = get_account_id(), get_region()
        for arn in [arn for arn, held in msk._scram_secrets.items() if secret_arn in held]:
            delay = self.clusters.place_of(arn).spread_delay_s
            spawn_background(self._spread, arn, secret_arn, delay, account, region, thread_name="msk-spread")

    def _each(self, arn: str, secrets: list[str], act: Any) -> Answer:
        record = self.clusters.record(arn)
        if not scram_enabled(record):
            raise Refused("BadRequestException", "SCRAM authentication is not enabled for this cluster.")
        if not 1 <= len(secrets) <= 10:
            raise Refused("BadRequestException", "secretArnList must hold 1 to 10 secrets.")
        unprocessed = []
        for secret in secrets:
            try:
                act(arn, secret)
            except Unusable as error:
                row = {"secretArn": secret, "errorCode": error.code, "errorMessage": str(error)}
                unprocessed.append(row)
        return answer({"clusterArn": arn, "unprocessedScramSecrets": unprocessed})

    def _associate(self, arn: str, secret_arn: str) -> None:
        secret = _usable(secret_arn)
        self._apply(arn, secret_arn, _user(secret))
        held = msk._scram_secrets.setdefault(arn, [])
        if secret_arn not in held:
            held.append(secret_arn)
        secretsmanager._resource_policies[secret["ARN"]] = json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "AWSKafkaResourcePolicy",
                        "Effect": "Allow",
                        "Principal": {"Service": "kafka.amazonaws.com"},
                        "Action": "secretsmanager:getSecretValue",
                        "Resource": secret["ARN"],
                    }
                ],
            }
        )

    def _disassociate(self, arn: str, secret_arn: str) -> None:
        held = msk._scram_secrets.get(arn) or []
        if secret_arn not in held:
            raise Unusable("SecretNotAssociated", "The secret is not associated with this cluster.")
        held.remove(secret_arn)
        with self._lock:
            name = self._applied.pop((arn, secret_arn), None)
        if name is not None:
            self._administer(arn, remove=name)

    def _apply(self, arn: str, secret_arn: str, user: User) -> None:
        with self._lock:
            before = self._applied.get((arn, secret_arn))
        self._administer(arn, user=user, remove=before if before != user.name else None)
        with self._lock:
            self._applied[arn, secret_arn] = user.name

    def _administer(self, arn: str, *, user: User | None = None, remove: str | None = None) -> None:
        place = self.clusters.place_of(arn)
        if not place.admin:
            raise Unusable("ClusterNotReady", "The cluster has no brokers yet.")
        try:
            if user is not None:
                self.administrations.upsert_user(place.admin, user.name, user.password)
            if remove is not None:
                self.administrations.delete_user(place.admin, remove)
        except Exception as error:
            raise Unusable("InternalError", f"The brokers did not take it: {type(error).__name__}") from error

    def _spread(self, arn: str, secret_arn: str, delay: float, account: str, region: str) -> None:
        time.sleep(delay)
        with request_scope(account, region):
            if secret_arn in (msk._scram_secrets.get(arn) or []):
                try:
                    self._apply(arn, secret_arn, _user(_usable(secret_arn)))
                except Unusable as error:
                    _logger.warning("a new version of %s did not spread: %s", secret_arn, error)


def _usable(secret_arn: str) -> dict[str, Any]:
    secret = secret_values.find(secret_arn) if secret_arn.startswith("arn:") else None
    if secret is None or secret.get("DeletedDate"):
        raise Unusable("InvalidSecretArn", "The provided secret ARN is invalid or the secret does not exist.")
    if not secret["Name"].startswith(PREFIX):
        raise Unusable("InvalidSecretName", f"The secret's name must begin with {PREFIX}.")
    key = secret_values.customer_key(secret)
    if key is None:
        raise Unusable("InvalidSecretKey", "The secret must be encrypted with a customer managed key.")
    if key.get("KeySpec") != "SYMMETRIC_DEFAULT" or key.get("KeyState") != "Enabled":
        raise Unusable("InvalidSecretKey", "The secret's key must be symmetric and enabled.")
    return secret


def _user(secret: dict[str, Any]) -> User:
    try:
        held = json.loads(secret_values.current_value(secret) or "")
        name, password = held["username"], held["password"]
    except (ValueError, KeyError, TypeError):
        name = password = None
    if not (isinstance(name, str) and isinstance(password, str) and name and password):
        raise Unusable("InvalidSecretValue", "The secret must be JSON with a username and a password.")
    return User(name=name, password=password)
