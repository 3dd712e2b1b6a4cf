"""Our own AWS calls are unheard at every log level; a user's own client in the same process is not."""

from __future__ import annotations

import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.session
import pytest

from pytest_substrate.adapters.aws.capabilities import mark_if_not_implemented
from pytest_substrate.adapters.aws.quiet import quiet
from pytest_substrate.adapters.aws.runtime_credential import RuntimeCredential, read_runtime_credential
from pytest_substrate.adapters.aws.secret_value import read_secret_value
from pytest_substrate.adapters.aws.session import AwsSession, Keys, Way
from pytest_substrate.adapters.aws.twins import TwinCalls
from pytest_substrate.model.observation import Unobserved

PASSWORD = "correct-horse-battery-staple"
CALLER_KEY, ROLE_KEY, TOKEN = "callersecretkey" * 3, "rolesecretkey" * 3, "sessiontoken" * 9
ROLE = "arn:aws:iam::111122223333:role/substrate-observer"
SECRET_ARN = "arn:aws:secretsmanager:eu-west-2:111122223333:secret:AmazonMSK_ingest-AbCdEf"
HIDDEN = (PASSWORD, CALLER_KEY, ROLE_KEY, TOKEN, "Signature=")
KEYS = Keys(access_key_id="AKIAEXAMPLE", secret_access_key=CALLER_KEY)


class Endpoint(BaseHTTPRequestHandler):
    """STS and the few services that are asked here."""

    refuses = False
    broken = False

    def do_POST(self) -> None:
        """Answer by what is asked."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, text = 200, "{}"
        if b"Action=AssumeRole" in body:
            status, text = self.assume()
        elif b"Action=GetCallerIdentity" in body:
            text = (
                "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::1:x</Arn><UserId>x</UserId>"
                "<Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
            )
        elif "GetSecretValue" in self.headers.get("X-Amz-Target", ""):
            value = json.dumps({"username": "ingest", "password": PASSWORD})
            text = json.dumps({"ARN": SECRET_ARN, "VersionId": "v" * 32, "SecretString": value})
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def assume(self) -> tuple[int, str]:
        """STS's answer to AssumeRole: the keys, a refusal, or what no parser takes."""
        if self.refuses:
            return 403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
        until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        text = (
            "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId>"
            f"<SecretAccessKey>{ROLE_KEY}</SecretAccessKey><SessionToken>{TOKEN}</SessionToken>"
            f"<Expiration>{until}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )
        return 200, text[:-5] if self.broken else text

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where everything of AWS is served."""
    monkeypatch.setattr(Endpoint, "refuses", False)
    monkeypatch.setattr(Endpoint, "broken", False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that any logger says, each of the SDK's own set to DEBUG."""
    caplog.set_level(logging.DEBUG)
    for name in ("botocore", "boto3", "urllib3", "botocore.parsers", "botocore.endpoint", "urllib3.connectionpool"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def observer(endpoint: str, known: Callable[[str], None] | None = None) -> AwsSession:
    """The role's session, as a target has it."""
    way = Way(endpoint=lambda _: endpoint)
    return AwsSession.keyed(region="eu-west-2", way=way, keys=KEYS, known=known).as_role(ROLE, name="substrate-1")


def their_client(endpoint: str) -> Any:
    """A client that a user made."""
    session: Any = botocore.session.Session()
    session.set_credentials("AKIAEXAMPLE", "theirs")
    return session.create_client("secretsmanager", region_name="eu-west-2", endpoint_url=endpoint)


def test_the_sdk_would_tell_all(endpoint: str, log: pytest.LogCaptureFixture) -> None:
    """The leak is real: an ordinary client logs the answer's whole body, and it stays heard beside ours."""
    observer(endpoint).client("secretsmanager").get_secret_value(SecretId="x")
    assert "" == log.text
    their_client(endpoint).get_secret_value(SecretId="x")
    assert PASSWORD in log.text


def test_reading_a_credential_is_unheard(endpoint: str, log: pytest.LogCaptureFixture) -> None:
    """The role is assumed, the client made, the secret read; no logger of the SDK says a word."""
    seen = read_runtime_credential(observer(endpoint).client("secretsmanager"), "x", known=lambda _: None)
    assert isinstance(seen, RuntimeCredential)
    assert PASSWORD == seen.password.reveal()
    assert [] == [record.name for record in log.records if record.name.startswith(("botocore", "boto3", "urllib3"))]


def test_all_parts_of_a_secret_are_known() -> None:
    """The whole text and each value in it, not the user's name."""
    known: set[str] = set()
    text = json.dumps({"username": "ingest", "password": PASSWORD, "keys": {"api": "key-of-an-api"}})
    client: Any = type("Client", (), {"get_secret_value": lambda self, **_: {"SecretString": text}})()
    seen = read_runtime_credential(client, "x", known=known.add)
    assert isinstance(seen, Unobserved)
    assert {text, PASSWORD, "key-of-an-api"} == known


def test_every_other_way_is_unheard_too(
    endpoint: str, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who a session is, capability probes, a twin's calls, presigned URLs, a secret that a person names."""
    session = observer(endpoint)
    assert session.has_credentials()
    session.caller()
    mark_if_not_implemented(session.client("kms"), "kms")
    assert [] == TwinCalls(session.client).tasks("main", ["arn"])
    assert "X-Amz-Signature" in session.client("s3").generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"})
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": CALLER_KEY,
        "AWS_SESSION_TOKEN": TOKEN,
    }.items():
        monkeypatch.setenv(name, value)
    assert PASSWORD in read_secret_value(SECRET_ARN, where="--credential secret:")
    assert AwsSession.ambient(region="eu-west-2", way=Way(endpoint=lambda _: endpoint)).has_credentials()
    assert "" == log.text


def test_a_level_does_not_bring_it_back(endpoint: str, log: pytest.LogCaptureFixture) -> None:
    """Neither for a logger that a module makes later, nor by a handler of its own on the SDK's logger."""
    heard: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    handler = Handler()
    logging.getLogger("botocore").addHandler(handler)
    try:
        with quiet():
            logging.getLogger("botocore.parsers").critical("body")
            logging.getLogger("botocore.retries.adaptive").error("late")
            logging.getLogger("urllib3.util.retry").warning("late")
        observer(endpoint).client("secretsmanager").get_secret_value(SecretId="x")
    finally:
        logging.getLogger("botocore").removeHandler(handler)
    assert [] == heard
    assert "" == log.text


def test_other_threads_are_heard_meanwhile(endpoint: str, log: pytest.LogCaptureFixture) -> None:
    """What is dropped is ours alone."""
    client = their_client(endpoint)
    log.clear()
    with quiet():
        thread = threading.Thread(target=client.get_secret_value, kwargs={"SecretId": "x"})
        thread.start()
        thread.join()
    assert PASSWORD in log.text


def test_a_refused_role_is_told_once(
    endpoint: str, log: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The observation says it; botocore's warning with a traceback doesn't."""
    monkeypatch.setattr(Endpoint, "refuses", True)
    told = observer(endpoint).caller()
    assert isinstance(told, Unobserved)
    assert ("access-denied", "sts:AssumeRole") == (told.reason, told.operation)
    assert [] == log.records


def test_an_answer_that_no_parser_takes_is_not_told(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser's words hold the whole answer, keys and token included."""
    monkeypatch.setattr(Endpoint, "broken", True)
    told = observer(endpoint).caller()
    assert isinstance(told, Unobserved)
    assert ("malformed", "ResponseParserError") == (told.reason, told.code)
    assert not [value for value in HIDDEN if value in repr(told)]


def test_what_signs_is_known_before_it_is_sent(endpoint: str) -> None:
    """The caller's key, the role's key and its token: the scrubber hears of each; an access key's id is no secret."""
    known: list[str] = []
    session = observer(endpoint, known.append)
    session.client("ecs").list_clusters()
    assert {CALLER_KEY, ROLE_KEY, TOKEN} == set(known)


def test_a_placeholder_is_no_secret(endpoint: str) -> None:
    """To mask the `test` of an emulator's key would mask the word wherever it stands."""
    known: list[str] = []
    keys = Keys(access_key_id="111122223333", secret_access_key="test")
    way = Way(endpoint=lambda _: endpoint)
    AwsSession.keyed(region="eu-west-2", way=way, keys=keys, known=known.append).caller()
    assert [] == known


def test_a_session_token_that_can_not_be_read_is_not_shown(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer without the member that is asked for last fails without what came before it."""
    known: list[str] = []
    session = observer(endpoint, known.append)
    monkeypatch.setattr(Endpoint, "assume", lambda self: (200, _without_expiration()))
    told = session.caller()
    assert isinstance(told, Unobserved)
    assert ROLE_KEY in known
    assert ROLE_KEY not in "".join(traceback.format_exception_only(ValueError(repr(told))))


def _without_expiration() -> str:
    return (
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId>"
        f"<SecretAccessKey>{ROLE_KEY}</SecretAccessKey><SessionToken>{TOKEN}</SessionToken>"
        "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )
