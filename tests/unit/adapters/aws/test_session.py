"""Hardened sessions: whatever the surroundings hold, requests go to AWS's own hosts, bounded, as the one identity."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.config
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.adapters.aws.hosts import ForeignHost, is_real, is_real_for_provider, real_hosts
from pytest_substrate.adapters.aws.session import AwsSession, Caller, Keys, Way
from pytest_substrate.model.observation import Unobserved

KEYS = Keys(access_key_id="AKIAEXAMPLE", secret_access_key="hunter2")
ROLE = "arn:aws:iam::111122223333:role/substrate-observer"
Answer = Callable[[Any], tuple[int, str]]


class Body:
    """A response's body, as urllib3 would stream it."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()

    def stream(self, **_: Any) -> Any:
        """The body in one piece."""
        yield self._text


class Wire:
    """What stands in for the network: remembers each request, and answers it."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[Any] = []
        self._answer = answer

    def send(self, request: Any) -> Any:
        """In the place of botocore's own HTTP session."""
        self.requests.append(request)
        status, text = self._answer(request)
        response: Any = AWSResponse
        return response(request.url, status, {}, Body(text))


def identity(arn: str = "arn:aws:sts::111122223333:assumed-role/substrate-observer/substrate-1") -> str:
    """STS's answer to GetCallerIdentity."""
    return (
        '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
        f"<Arn>{arn}</Arn><UserId>x</UserId><Account>111122223333</Account></GetCallerIdentityResult>"
        "</GetCallerIdentityResponse>"
    )


def assumed(key: str, until: datetime) -> str:
    """STS's answer to AssumeRole."""
    return (
        '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
        f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
        f"<Expiration>{until.isoformat()}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )


def text_of(value: str | bytes) -> str:
    """A header or a body, whichever form botocore gave it."""
    return value.decode() if isinstance(value, bytes) else value


def key_of(request: Any) -> str:
    """The access key id that signed a request."""
    return text_of(request.headers["Authorization"]).partition("Credential=")[2].partition("/")[0]


def assumes(request: Any) -> bool:
    """Whether it is AssumeRole."""
    return "Action=AssumeRole&" in text_of(request.body)


DENIED = (
    '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Code>AccessDenied</Code>'
    "<Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>"
)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answer], Wire]:
    """Puts a stand-in in the place of the network."""

    def put(answer: Answer) -> Wire:
        made = Wire(answer)
        monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", made.send)
        return made

    return put


@pytest.fixture
def bent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Surroundings that bend everything at once."""
    models = tmp_path / "models" / "sts" / "2011-06-15"
    models.mkdir(parents=True)
    rules = {
        "version": "1.0",
        "parameters": {"Region": {"builtIn": "AWS::Region", "required": False, "type": "String", "documentation": ""}},
        "rules": [{"conditions": [], "endpoint": {"url": "https://evil.example"}, "type": "endpoint"}],
    }
    (models / "endpoint-rule-set-1.json").write_text(json.dumps(rules), encoding="utf-8")
    (tmp_path / "config").write_text("[profile x]\nendpoint_url = https://evil.example\n", encoding="utf-8")
    for name, value in {
        "AWS_DATA_PATH": str(tmp_path / "models"),
        "AWS_ENDPOINT_URL": "https://evil.example",
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_PROFILE": "x",
        "AWS_CA_BUNDLE": "/evil.pem",
        "REQUESTS_CA_BUNDLE": "/evil.pem",
        "HTTPS_PROXY": "http://evil.example:1",
        "AWS_STS_REGIONAL_ENDPOINTS": "legacy",
        "AWS_ACCESS_KEY_ID": "AKIAOTHER",
        "AWS_SECRET_ACCESS_KEY": "other",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("bent")
def test_bent_surroundings_bend_no_request(wire: Callable[[Answer], Wire]) -> None:
    """Models, endpoints, profiles, proxies and CA bundles have no effect; the request goes to AWS, bounded."""
    made = wire(lambda _: (200, identity()))
    session = AwsSession.keyed(region="eu-west-2", way=Way(), keys=KEYS)
    assert isinstance(session.caller(), Caller)
    [request] = made.requests
    assert "https://sts.eu-west-2.amazonaws.com/" == request.url
    assert "AKIAEXAMPLE" == key_of(request)
    assert "pytest-substrate/" in text_of(request.headers["User-Agent"])
    client = session.client("sts")
    http = client._endpoint.http_session
    assert ({}, True) == (client.meta.config.proxies, http._verify)
    assert (5, 15) == (client.meta.config.connect_timeout, client.meta.config.read_timeout)


@pytest.mark.usefixtures("bent")
def test_the_forged_models_would_bend_an_ordinary_session(wire: Callable[[Answer], Wire]) -> None:
    """The attack is real: botocore's own session sends to the forged host while it names AWS's."""
    made = wire(lambda _: (200, identity()))
    settings: Any = {"ignore_configured_endpoint_urls": True}
    ordinary: Any = botocore.session.Session(profile="x")
    ordinary.set_credentials("AKIAEXAMPLE", "hunter2")
    client = ordinary.create_client("sts", region_name="eu-west-2", config=botocore.config.Config(**settings))
    client.get_caller_identity()
    assert "https://evil.example/" == made.requests[0].url


def test_a_request_to_another_host_is_not_sent(wire: Callable[[Answer], Wire]) -> None:
    """Whatever resolved the endpoint, the request is looked at as it would leave."""
    made = wire(lambda _: (200, "{}"))
    client = AwsSession.keyed(region="eu-west-2", way=Way(), keys=KEYS).client("ecs")

    def redirect(request: Any, **_: Any) -> None:
        request.url = request.url.replace("ecs.eu-west-2.amazonaws.com", "evil.example")

    client.meta.events.register("before-sign", redirect)
    with pytest.raises(ForeignHost, match=r"evil\.example"):
        client.list_clusters()
    assert [] == made.requests


def test_a_declared_proxy_and_bundle_are_used(tmp_path: Path) -> None:
    """What the declaration names, and nothing else."""
    way = Way(proxy="http://proxy:3128", ca_bundle=str(tmp_path / "ca.pem"))
    client = AwsSession.keyed(region="eu-west-2", way=way, keys=KEYS).client("ecs")
    assert "http://proxy:3128" == client.meta.config.proxies["https"]
    assert str(tmp_path / "ca.pem") == client._endpoint.http_session._verify


def test_a_role_that_is_refused_is_never_replaced_by_its_caller(wire: Callable[[Answer], Wire]) -> None:
    """Where AssumeRole fails, every call fails; none goes out under the caller's own identity."""
    made = wire(lambda _: (403, DENIED))
    observer = AwsSession.keyed(region="eu-west-2", way=Way(), keys=KEYS).as_role(ROLE, name="substrate-1")
    with pytest.raises(ClientError, match="AssumeRole"):
        observer.client("ecs").list_clusters()
    told = observer.caller()
    assert isinstance(told, Unobserved)
    assert ("access-denied", "sts:AssumeRole") == (told.reason, told.operation)
    assert {"https://sts.eu-west-2.amazonaws.com/"} == {request.url for request in made.requests}
    assert all(assumes(request) for request in made.requests)


def test_a_role_is_assumed_again_before_it_expires(wire: Callable[[Answer], Wire]) -> None:
    """A run that outlives a session goes on under the same role."""
    until = [datetime.now(UTC) + timedelta(minutes=5), datetime.now(UTC) + timedelta(hours=1)]

    def answer(request: Any) -> tuple[int, str]:
        if assumes(request):
            return 200, assumed(f"ASIA{len(until)}", until.pop(0))
        return 200, identity()

    made = wire(answer)
    observer = AwsSession.keyed(region="eu-west-2", way=Way(), keys=KEYS).as_role(ROLE, name="substrate-1")
    for _ in range(3):
        assert isinstance(observer.caller(), Caller)
    assert ["AKIAEXAMPLE", "ASIA2", "AKIAEXAMPLE", "ASIA1", "ASIA1"] == [key_of(item) for item in made.requests]


def test_an_endpoint_is_asked_with_explicit_keys_alone(
    wire: Callable[[Answer], Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A local target is never given the surroundings' credentials, and FIPS wishes mean nothing to it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAREAL")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "real")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    made = wire(lambda _: (200, identity()))
    way = Way(endpoint=lambda _: "http://127.0.0.1:4566")
    AwsSession.keyed(region="eu-west-2", way=way, keys=KEYS).caller()
    assert "http://127.0.0.1:4566/" == made.requests[0].url
    assert "AKIAEXAMPLE" == key_of(made.requests[0])


def test_clients_are_made_once() -> None:
    """One for a service and a region."""
    session = AwsSession.keyed(region="eu-west-2", way=Way(), keys=KEYS)
    assert session.client("ecs") is session.client("ecs")
    assert "https://logs.us-east-1.amazonaws.com" == session.client("logs", "us-east-1").meta.endpoint_url


def test_keys_show_nowhere() -> None:
    """Neither in their own repr nor in that of a way with a proxy's password."""
    assert "hunter2" not in repr(KEYS)
    assert "hunter2" not in repr(Way(proxy="http://user:hunter2@proxy:1"))


@pytest.mark.parametrize("region", ["eu-west-2", "us-east-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1"])
def test_what_botocore_resolves_by_itself_is_real(region: str) -> None:
    """The list of real hosts holds what the shipped rule sets say, in every partition."""
    session = AwsSession.keyed(region=region, way=Way(), keys=KEYS)
    for service in ("sts", "iam", "ecs", "ecr", "kafka", "kms", "logs", "secretsmanager", "s3"):
        client = session.client(service)
        assert is_real(client.meta.endpoint_url, client.meta.service_model.endpoint_prefix, region)


@given(st.sampled_from(["sts", "ecs", "kafka"]), st.text(alphabet="abcz.-@:/?#%0123", min_size=1, max_size=20))
def test_no_neighbour_of_a_real_host_is_real(prefix: str, extra: str) -> None:
    """Whatever is put before, after or around the host, only the host itself passes."""
    [host] = [name for name in real_hosts(prefix, "eu-west-2") if name == f"{prefix}.eu-west-2.amazonaws.com"]
    assert is_real(f"https://{host}/", prefix, "eu-west-2")
    for url in (f"https://{extra}{host}/", f"https://{host}.{extra}/", f"http://{host}/", f"https://{host}:81/{extra}"):
        authority = url.partition("://")[2].split("/")[0].split("?")[0].split("#")[0]
        assert (authority == host and url.startswith("https")) or not is_real(url, prefix, "eu-west-2")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://bucket.s3.eu-west-2.amazonaws.com/key", True),
        ("https://s3.eu-west-2.amazonaws.com/bucket", True),
        ("https://s3.us-east-1.amazonaws.com/bucket", False),
        ("https://bucket.evil-s3.eu-west-2.amazonaws.com/key", False),
    ],
)
def test_a_bucket_has_a_name_below_a_real_host(url: str, expected: bool) -> None:
    """S3 serves buckets at names of their own, in the declared region alone."""
    assert expected == is_real(url, "s3", "eu-west-2")


@pytest.mark.parametrize(
    ("url", "service", "expected"),
    [
        ("https://portal.sso.us-east-1.amazonaws.com/token", "sso", True),
        ("https://oidc.us-east-1.amazonaws.com/token", "sso-oidc", True),
        ("https://sts.amazonaws.com/", "sts", True),
        ("https://sts.cn-north-1.amazonaws.com.cn/", "sts", False),
        ("https://sts.evil.example/", "sts", False),
        ("http://sts.eu-west-2.amazonaws.com/", "sts", False),
    ],
)
def test_a_credential_provider_may_ask_another_region_of_the_partition(url: str, service: str, expected: bool) -> None:
    """A sign-in portal lives in one region; it is still AWS's own."""
    assert expected == is_real_for_provider(url, service, "eu-west-2")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://111122223333.s3-control.eu-west-2.amazonaws.com/v20180820/accesspoint/x", True),
        ("https://111122223333.s3-control.us-east-1.amazonaws.com/v20180820/accesspoint/x", False),
        ("https://evil.s3-control.eu-west-2.amazonaws.com/", False),
        ("https://111122223333.evil.s3-control.eu-west-2.amazonaws.com/", False),
        ("https://111122223333.s3-control.eu-west-2.amazonaws.com.evil.example/", False),
    ],
)
def test_s3_control_has_an_account_before_its_real_host(url: str, expected: bool) -> None:
    """As botocore puts it there, of whatever account an access point is."""
    assert expected == is_real(url, "s3-control", "eu-west-2")


def test_an_access_point_s_request_leaves() -> None:
    """Botocore itself asks for it at such a host, and the check lets it."""
    client = AwsSession.keyed(region="eu-west-2", way=Way(), keys=KEYS).client("s3control")
    sent: list[str] = []

    def stop(request: Any, **_: Any) -> None:
        sent.append(request.url)
        raise KeyboardInterrupt

    client.meta.events.register_last("before-send.s3-control", stop)
    with pytest.raises(KeyboardInterrupt):
        client.get_access_point(AccountId="111122223333", Name="team-data")
    assert ["https://111122223333.s3-control.eu-west-2.amazonaws.com/v20180820/accesspoint/team-data"] == sent
