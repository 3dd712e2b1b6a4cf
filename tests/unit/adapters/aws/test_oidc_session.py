"""The CI role's boto3 session: renewed before it expires, never with an expired one, and with nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import CredentialRetrievalError

from pytest_substrate.adapters.aws.oidc_session import Refused
from pytest_substrate.adapters.aws.session import AwsSession, Way


class Sts:
    """Gives credentials that live for some minutes, and counts how often it is asked."""

    def __init__(self, *minutes: float) -> None:
        self.minutes = list(minutes)
        self.asked = 0

    def __call__(self) -> dict[str, Any]:
        """The next credentials; refused where there are no more."""
        self.asked += 1
        if not self.minutes:
            raise CredentialRetrievalError(provider="the CI job's token", error_msg="STS refused it")
        ends = datetime.now(UTC) + timedelta(minutes=self.minutes.pop(0))
        keys = {"access_key": f"ASIA{self.asked}", "secret_key": "secret", "token": "token"}
        return {**keys, "expiry_time": ends.isoformat()}


def session(sts: Sts, way: Way | None = None) -> Any:
    """The session whose credentials come from `sts`."""
    anyone = AwsSession.keyed(region="eu-west-2", way=way or Way(), keys=_keys()).without_identity()
    return anyone.as_boto3(sts)


def _keys() -> Any:
    from pytest_substrate.adapters.aws.session import Keys

    return Keys(access_key_id="AKIASUBSTRATEEXAMPLE", secret_access_key="of-somebody-else")


def access_key(made: Any) -> str:
    """Whose credentials a call would be signed with now."""
    return str(made.get_credentials().get_frozen_credentials().access_key)


def test_it_is_renewed_before_it_expires() -> None:
    """What lives for another five minutes is not used any more."""
    sts = Sts(5, 60)
    made = session(sts)
    assert "ASIA1" == access_key(made) or "ASIA2" == access_key(made)
    assert "ASIA2" == access_key(made)
    assert 2 == sts.asked
    assert "ASIA2" == access_key(made)
    assert 2 == sts.asked


def test_an_expired_session_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where STS gives nothing more, no call is signed: neither with what is old nor with anybody's keys."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASUBSTRATEEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-somebody-else")
    with pytest.raises(CredentialRetrievalError, match="STS refused it"):
        access_key(session(Sts()))
    with pytest.raises(RuntimeError, match="still expired"):
        access_key(session(Sts(-1)))


@pytest.mark.parametrize(
    "named",
    [
        {"aws_access_key_id": "AKIASUBSTRATEEXAMPLE"},
        {"aws_secret_access_key": "x"},
        {"aws_session_token": "x"},
        {"endpoint_url": "https://sts.invalid"},
        {"verify": False},
        {"verify": "/ca.pem"},
        {"use_ssl": False},
        {"config": Config(proxies={"https": "http://proxy.invalid"})},
        {"config": Config(signature_version=UNSIGNED)},
    ],
)
def test_what_is_refused(named: dict[str, Any]) -> None:
    """By name, before a client is made."""
    with pytest.raises(Refused, match=next(iter(named)).split("_")[0]):
        session(Sts(60)).client("sts", **named)


def test_what_is_taken() -> None:
    """Another region and a configuration that leads nowhere else; an endpoint of the target is its own matter."""
    sts = Sts(60)
    client = session(sts).client("ecr", region_name="eu-central-1", config=Config(read_timeout=3))
    assert ("eu-central-1", 3) == (client.meta.region_name, client.meta.config.read_timeout)
    assert "https://api.ecr.eu-central-1.amazonaws.com" == client.meta.endpoint_url
    local = session(sts, Way(endpoint=lambda service: f"http://127.0.0.1:9/{service}")).client("ecr")
    assert "http://127.0.0.1:9/ecr" == local.meta.endpoint_url
    assert 0 == sts.asked


def test_the_surroundings_lead_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A configured endpoint is not used."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_ECR", "https://ecr.invalid")
    monkeypatch.setenv("AWS_PROFILE", "somebody")
    client = session(Sts(60)).client("ecr")
    assert "https://api.ecr.eu-west-2.amazonaws.com" == client.meta.endpoint_url
