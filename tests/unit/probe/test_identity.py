"""Who a container is and what it was given: over HTTP servers and environments that a test makes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.model.outcome import Outcome
from pytest_substrate.model.transcript import ProbeRequest, Transcript, transcript_from
from pytest_substrate.planes.messaging.diagnose.rungs import RUNGS, Asked
from pytest_substrate.probe.program import run

DOCUMENT = {
    "RoleArn": "arn:aws:iam::111122223333:role/ingest-task",
    "AccessKeyId": "AKIDEXAMPLE",
    "SecretAccessKey": "s3cr3t/key+value",
    "Token": "t0ken+value==",
    "Expiration": "2030-01-01T00:00:00Z",
}
CALLER = "<Arn>arn:aws:sts::111122223333:assumed-role/ingest-task/0123</Arn>"
ASKED = Asked(role="ingest-task", account="111122223333", principal="ingest")
FULL = "AWS_CONTAINER_CREDENTIALS_FULL_URI"


def http(serve: Callable[..., Any], status: int, body: str, *, delay: float = 0.0) -> Any:
    """A server that gives one answer to everything; it keeps the requests."""
    heard: list[str] = []

    def talk(connection: Any) -> None:
        heard.append(connection.recv(65536).decode())
        time.sleep(delay)
        data = body.encode()
        connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data)

    server = serve(talk)
    server.heard = heard
    return server


def look(env: dict[str, str], **asked: Any) -> Transcript:
    """A run that goes no further than the container."""
    request = ProbeRequest(nonce="0" * 32, bootstrap_env="NONE", deadline_s=0.5, **asked)
    data = run(request.asked(), env)
    assert not [secret for secret in ("s3cr3t", "t0ken", "p4ssw0rd") if secret in json.dumps(data)]
    seen = transcript_from(data)
    assert isinstance(seen, Transcript), seen
    assert seen.crash is None, seen.crash
    return seen


def who(env: dict[str, str], **asked: Any) -> tuple[Outcome, str | None]:
    """What MSG-060 comes to."""
    found = RUNGS["MSG-060"](look({"HOME": "/nowhere", **env}, identity=True, **asked), ASKED)
    return found.outcome, found.cause


def test_the_declared_role_passes_by_sts_and_by_the_document(serve: Callable[..., Any]) -> None:
    """STS decides where it answers; else the credential document's own role."""
    endpoint = http(serve, 200, json.dumps(DOCUMENT))
    env = {
        FULL: f"http://{endpoint.address}/creds?x=1",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "http_proxy": "http://127.0.0.1:1",
    }
    sts = http(serve, 200, CALLER)
    assert (Outcome.PASS, None) == who(env, region="eu-west-2", sts_endpoint=f"http://{sts.address}")
    assert "Authorization" not in endpoint.heard[0]
    assert endpoint.heard[0].startswith("GET /creds?x=1 HTTP/1.1")
    assert "/eu-west-2/sts/aws4_request" in sts.heard[0]
    assert "x-amz-security-token: t0ken+value==" in sts.heard[0].lower()
    assert (Outcome.PASS, None) == who(env)
    assert (Outcome.PASS, None) == who(env, region="eu-west-2", sts_endpoint="http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("status", "body", "outcome", "cause"),
    [
        (200, CALLER.replace("ingest-task", "other"), Outcome.VIOLATION, "other-role"),
        (200, CALLER.replace("111122223333", "444455556666"), Outcome.VIOLATION, "other-role"),
        (403, "<Code>InvalidClientTokenId</Code>", Outcome.VIOLATION, "credentials-refused"),
        (403, "<Code>ExpiredToken</Code>", Outcome.VIOLATION, "credentials-refused"),
        (503, "<Code>ServiceUnavailable</Code>", Outcome.PASS, None),
        (200, "nonsense", Outcome.PASS, None),
    ],
)
def test_what_sts_says(serve: Callable[..., Any], status: int, body: str, outcome: Outcome, cause: str | None) -> None:
    """Another role, another account, refused credentials; no answer leaves the document's word."""
    endpoint, sts = http(serve, 200, json.dumps(DOCUMENT)), http(serve, status, body)
    env = {FULL: f"http://{endpoint.address}/"}
    assert (outcome, cause) == who(env, region="eu-west-2", sts_endpoint=f"http://{sts.address}")


def test_neither_says_the_role(serve: Callable[..., Any]) -> None:
    """A document without RoleArn and no STS: INCONCLUSIVE, never green."""
    endpoint = http(serve, 200, json.dumps({**DOCUMENT, "RoleArn": None}))
    assert (Outcome.INCONCLUSIVE, "role-unknown") == who({FULL: f"http://{endpoint.address}/"})


@pytest.mark.parametrize(
    ("url", "outcome", "cause"),
    [
        ("", Outcome.VIOLATION, "no-container-credentials"),
        ("http://192.0.2.1/creds", Outcome.VIOLATION, "foreign-endpoint"),
        ("http://credentials.invalid/creds", Outcome.VIOLATION, "foreign-endpoint"),
        ("http://127.0.0.1:1/creds", Outcome.INCONCLUSIVE, "endpoint-unreachable"),
    ],
)
def test_where_credentials_may_come_from(url: str, outcome: Outcome, cause: str) -> None:
    """The hosts that an AWS SDK admits, and no other."""
    assert (outcome, cause) == who({FULL: url} if url else {})


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, "{}"), (200, "{}"), (200, "[]"), (200, "no JSON"), (403, json.dumps(DOCUMENT)), (200, "[" * 5000)],
)
def test_an_endpoint_that_gives_none(serve: Callable[..., Any], status: int, body: str) -> None:
    """Whatever it says instead of a credential document."""
    endpoint = http(serve, status, body)
    assert (Outcome.VIOLATION, "endpoint-refused") == who({FULL: f"http://{endpoint.address}/"})


def test_a_silent_endpoint_is_given_up(serve: Callable[..., Any]) -> None:
    """Within the rung's deadline; and it proves nothing about the role."""
    endpoint = http(serve, 200, json.dumps(DOCUMENT), delay=3)
    began = time.monotonic()
    found = who({FULL: f"http://{endpoint.address}/"})
    assert time.monotonic() - began < 1.5
    assert Outcome.INCONCLUSIVE is found[0]


def test_the_token_goes_with_the_request(serve: Callable[..., Any], tmp_path: Path) -> None:
    """From the file first, else from the variable; one with a line break is refused, as botocore does."""
    endpoint = http(serve, 200, json.dumps(DOCUMENT))
    env = {FULL: f"http://{endpoint.address}/", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "from-variable"}
    assert (Outcome.PASS, None) == who(env)
    assert "Authorization: from-variable" in endpoint.heard[-1]
    (tmp_path / "token").write_text("from-file")
    env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(tmp_path / "token")
    assert (Outcome.PASS, None) == who(env)
    assert "Authorization: from-file" in endpoint.heard[-1]
    (tmp_path / "token").write_text("from-file\n")
    assert (Outcome.VIOLATION, "endpoint-refused") == who(env)


def test_keys_that_shadow_the_role_are_named(serve: Callable[..., Any]) -> None:
    """An SDK in the container would take them first; the variables are a fact, their values are not."""
    endpoint = http(serve, 200, json.dumps(DOCUMENT))
    env = {FULL: f"http://{endpoint.address}/", "AWS_ACCESS_KEY_ID": "AKIAX", "AWS_PROFILE": "p", "HOME": "/nowhere"}
    found = RUNGS["MSG-060"](look(env, identity=True), ASKED)
    assert (Outcome.VIOLATION, "shadowed") == (found.outcome, found.cause)
    assert ["AWS_ACCESS_KEY_ID", "AWS_PROFILE"] == found.facts["variables"]


SECRET = json.dumps({"username": "ingest", "password": "p4ssw0rd"})
RECEIVED: dict[str, tuple[dict[str, str], Outcome, str | None, list[str] | None]] = {
    "the same": ({"CRED": SECRET, "EXP": SECRET}, Outcome.PASS, None, None),
    "other text, same values": (
        {"CRED": SECRET, "EXP": SECRET.replace(", ", " ,\n").replace("}", ', "engine": 1}')},
        Outcome.PASS,
        None,
        None,
    ),
    "another password": (
        {"CRED": SECRET.replace("w0", "w1"), "EXP": SECRET},
        Outcome.VIOLATION,
        "differs",
        ["password"],
    ),
    "another user": (
        {"CRED": SECRET.replace("ingest", "other"), "EXP": SECRET},
        Outcome.VIOLATION,
        "principal-mismatch",
        ["username"],
    ),
    "both of another principal": (
        {"CRED": SECRET.replace("ingest", "other"), "EXP": SECRET.replace("ingest", "other")},
        Outcome.VIOLATION,
        "principal-mismatch",
        None,
    ),
    "nothing": ({"EXP": SECRET}, Outcome.VIOLATION, "not-injected", None),
    "empty": ({"CRED": "", "EXP": SECRET}, Outcome.VIOLATION, "not-injected", None),
    "no JSON": ({"CRED": "ingest:p4ssw0rd", "EXP": SECRET}, Outcome.VIOLATION, "credential-malformed", None),
    "no password": ({"CRED": '{"username": "ingest"}', "EXP": SECRET}, Outcome.VIOLATION, "credential-malformed", None),
    "a number": (
        {"CRED": '{"username": "a", "password": 5}', "EXP": SECRET},
        Outcome.VIOLATION,
        "credential-malformed",
        None,
    ),
    "half a surrogate": (
        {"CRED": '{"username": "ingest", "password": "\\ud800"}', "EXP": SECRET},
        Outcome.VIOLATION,
        "credential-malformed",
        None,
    ),
    "no reference": ({"CRED": SECRET}, Outcome.INCONCLUSIVE, "no-reference", None),
    "a broken reference": ({"CRED": SECRET, "EXP": "{}"}, Outcome.VIOLATION, "reference-malformed", None),
}


@pytest.mark.parametrize("name", RECEIVED)
def test_what_a_task_received(name: str) -> None:
    """Compared field by field inside; only the answer leaves."""
    env, outcome, cause, fields = RECEIVED[name]
    seen = look(env, credential_env="CRED", expected_env="EXP", principal="ingest")
    found = RUNGS["MSG-070"](seen, ASKED)
    assert (outcome, cause, fields) == (found.outcome, found.cause, found.facts.get("fields"))
    assert ["CRED"] == found.facts["variables"]


@pytest.mark.parametrize(
    ("env", "cause"),
    [
        ({"U": "ingest", "P": "p4ssw0rd", "EXP": SECRET}, None),
        ({"U": "ingest", "EXP": SECRET}, "not-injected"),
        ({"U": "ingest", "P": "other", "EXP": SECRET}, "differs"),
    ],
)
def test_two_variables_instead_of_one(env: dict[str, str], cause: str | None) -> None:
    """User name and password may come apart."""
    seen = look(env, username_env="U", password_env="P", expected_env="EXP", principal="ingest")
    assert cause == RUNGS["MSG-070"](seen, ASKED).cause
