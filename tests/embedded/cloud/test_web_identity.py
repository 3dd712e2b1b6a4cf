"""STS and the embedded issuer: a token is verified before the trust policy is asked, and every refusal is AWS's own."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa

HOST = "token.actions.githubusercontent.com"
SUBJECT = "repo:acme/ingest:ref:refs/heads/main"
AUDIENCE = "sts.amazonaws.com"
ROLE = "arn:aws:iam::111122223333:role/ci"


@pytest.fixture
def trusted(account: Any) -> Iterator[Any]:
    """The provider, and a role that trusts its main branch."""
    iam = account.client("iam")
    arn = iam.create_open_id_connect_provider(
        Url=f"https://{HOST}", ClientIDList=[AUDIENCE, "https://other.example"], ThumbprintList=["0" * 40]
    )["OpenIDConnectProviderArn"]
    conditions = {
        "StringEquals": {f"{HOST}:sub": SUBJECT, f"{HOST}:aud": AUDIENCE, f"{HOST}:repository_id": "801234567"}
    }
    statement = {"Effect": "Allow", "Principal": {"Federated": arn}, "Action": "sts:AssumeRoleWithWebIdentity"}
    document = {"Version": "2012-10-17", "Statement": [{**statement, "Condition": conditions}]}
    iam.create_role(RoleName="ci", AssumeRolePolicyDocument=json.dumps(document))
    yield account
    account.cloud.control("PUT", "/_substrate/ci", {"claims": {}, "environment": {}})
    iam.delete_role(RoleName="ci")
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


@pytest.fixture
def ask(account: Any) -> Callable[[str], Any]:
    """AssumeRoleWithWebIdentity with a token, unsigned as it always is."""
    sts = account.session.client("sts", endpoint_url=account.cloud.endpoint, config=Config(signature_version=UNSIGNED))
    return lambda token: sts.assume_role_with_web_identity(RoleArn=ROLE, RoleSessionName="ci", WebIdentityToken=token)


def get(url: str, token: str = "") -> tuple[int, Any]:
    """A GET of a loopback URL."""
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=10)
    try:
        connection.request("GET", f"/{path}", headers={"Authorization": f"bearer {token}"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def mint(account: Any, audience: str = AUDIENCE, **claims: Any) -> str:
    """A token of the CI job, as the job itself gets it."""
    job = account.cloud.control("PUT", "/_substrate/ci", {"claims": claims})["environment"]
    url = f"{job['ACTIONS_ID_TOKEN_REQUEST_URL']}&audience={audience}"
    status, answer = get(url, job["ACTIONS_ID_TOKEN_REQUEST_TOKEN"])
    assert 200 == status
    return str(answer["value"])


def refusal(call: Callable[[str], Any], token: str) -> str:
    """The code of the refusal."""
    with pytest.raises(ClientError) as refused:
        call(token)
    return str(refused.value.response["Error"]["Code"])


def test_the_jobs_own_token(trusted: Any, ask: Callable[[str], Any]) -> None:
    """It gives the role, and STS says provider, subject and audience as it verified them."""
    answer = ask(mint(trusted))
    assert f"arn:aws:iam::111122223333:oidc-provider/{HOST}" == answer["Provider"]
    assert (SUBJECT, AUDIENCE) == (answer["SubjectFromWebIdentityToken"], answer["Audience"])
    assert answer["AssumedRoleUser"]["Arn"].endswith(":assumed-role/ci/ci")


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "repo:acme/ingest:pull_request"},
        {"sub": "repo:evil/ingest:ref:refs/heads/main"},
        {"repository_id": "1"},
        {"repository_id": None},
    ],
)
def test_the_trust_policy_is_asked(trusted: Any, ask: Callable[[str], Any], claims: dict[str, Any]) -> None:
    """Another subject, and a claim beside it that AWS offers as a condition key."""
    assert "AccessDenied" == refusal(ask, mint(trusted, **claims))


def test_an_audience_of_the_provider_that_the_trust_refuses(trusted: Any, ask: Callable[[str], Any]) -> None:
    """The provider knows it, and the role's trust does not admit it; one that the provider doesn't know is invalid."""
    assert "AccessDenied" == refusal(ask, mint(trusted, "https://other.example"))
    assert "InvalidIdentityToken" == refusal(ask, mint(trusted, "https://third.example"))


def test_an_expired_token(trusted: Any, ask: Callable[[str], Any]) -> None:
    """Expiry is judged before anything else."""
    assert "ExpiredTokenException" == refusal(ask, mint(trusted, exp=int(time.time()) - 60))


def test_a_token_of_another_key(trusted: Any, ask: Callable[[str], Any]) -> None:
    """The right words with another signature are nobody's; so is no token at all."""
    claims = jwt.decode(mint(trusted), options={"verify_signature": False})
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert "InvalidIdentityToken" == refusal(ask, jwt.encode(claims, other, algorithm="RS256"))
    assert "InvalidIdentityToken" == refusal(ask, jwt.encode(claims, "", algorithm="none"))
    assert "InvalidIdentityToken" == refusal(ask, "no.token.atall")


def test_an_account_without_the_provider(account: Any, ask: Callable[[str], Any]) -> None:
    """AWS says that there is no provider, in the same words as for a wrong token's issuer."""
    assert "InvalidIdentityToken" == refusal(ask, mint(account))


def test_discovery_and_keys(account: Any) -> None:
    """Whoever holds a token can verify it with what the issuer serves; nobody gets one without the request token."""
    base = f"{account.cloud.endpoint}/_oidc"
    status, document = get(f"{base}/.well-known/openid-configuration")
    assert (200, f"https://{HOST}") == (status, document["issuer"])
    _, keys = get(f"{base}/.well-known/jwks")
    key = jwt.PyJWK(keys["keys"][0])
    assert SUBJECT == jwt.decode(mint(account), key, algorithms=["RS256"], audience=AUDIENCE)["sub"]
    assert 401 == get(f"{base}/token?audience=x", "wrong")[0]
    assert 404 == get(f"{base}/elsewhere")[0]
