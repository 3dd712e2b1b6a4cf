"""The data probe as a whole, against an S3 that a test makes: what it asks, what it tells, and what it never does."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pytest_substrate.model.data_transcript import (
    CallSeen,
    DataRequest,
    DataTranscript,
    GrantAsked,
    data_transcript_from,
    read_data_transcript,
)
from pytest_substrate.probe import bundle
from pytest_substrate.probe.data import program
from tests.unit.probe.test_bundle import interpreters

NONCE = "0" * 32
SECRETS = ("s3cr3t/key+value", "t0ken+value==")
DOCUMENT = {
    "RoleArn": "arn:aws:iam::111122223333:role/oracle-task",
    "AccessKeyId": "AKIDEXAMPLE",
    "SecretAccessKey": SECRETS[0],
    "Token": SECRETS[1],
}
CALLER = "<Arn>arn:aws:sts::111122223333:assumed-role/oracle-task/0123</Arn>"
LISTED = (
    "<ListBucketResult><KeyCount>2</KeyCount><Contents><Key>in/a</Key></Contents><Contents><Key>in/b</Key></Contents>"
)
Answer = tuple[int, Mapping[str, str], bytes]
Script = Callable[["Heard"], Answer | None]


@dataclass(frozen=True)
class Heard:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Fake:
    """An S3, an STS and a credential endpoint in one; `script` may answer first."""

    port: int
    script: Script = field(default=lambda _: None)
    heard: list[Heard] = field(default_factory=list)

    def calls(self) -> list[str]:
        """What was asked of S3, in a word each."""
        return [f"{one.method} {one.path}{'?' + ','.join(sorted(one.query)) if one.query else ''}" for one in self.s3]

    @property
    def s3(self) -> list[Heard]:
        """The requests for the bucket."""
        return [one for one in self.heard if one.path.startswith("/acme-spine")]


def answered(heard: Heard) -> Answer:
    """What a bucket answers whose role may do everything but what is closed."""
    closed = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    if heard.path in ("/", "/credentials"):
        return 200, {}, CALLER.encode() if heard.path == "/" else json.dumps(DOCUMENT).encode()
    if "private" in heard.path or "private" in heard.query.get("prefix", ""):
        return 403, {}, closed
    if heard.query.get("list-type") == "2":
        return 200, {}, f"{LISTED}</ListBucketResult>".encode()
    if "uploads" in heard.query:
        return 200, {}, b"<InitiateMultipartUploadResult><UploadId>up/1+a</UploadId></InitiateMultipartUploadResult>"
    if heard.method == "GET":
        stored = program.BODY if "substrate-probe" in heard.path else b"content"
        return (206 if "range" in heard.headers else 200), {"x-amz-server-side-encryption": "AES256"}, stored
    return {"HEAD": 200, "PUT": 200, "DELETE": 204}[heard.method], {"Content-Length": "7"}, b""


@pytest.fixture
def fake() -> Iterator[Fake]:
    """A server of one's own."""
    made: list[Fake] = []

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            split = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            heard = Heard(self.command, split.path, query, headers, body)
            made[0].heard.append(heard)
            status, more, data = made[0].script(heard) or answered(heard)
            if status == 0:  # say nothing
                return
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **more}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Nothing on screen."""

    for word in ("GET", "HEAD", "PUT", "POST", "DELETE"):
        setattr(Handler, f"do_{word}", Handler._serve)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.append(Fake(port=server.server_port))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made[0]
    server.shutdown()
    server.server_close()


def env_of(fake: Fake, **more: str) -> dict[str, str]:
    """The environment of a container."""
    place = f"http://127.0.0.1:{fake.port}/credentials"
    return {"HOME": "/nowhere", "AWS_CONTAINER_CREDENTIALS_FULL_URI": place, **more}


def request_of(fake: Fake, *, deadline_s: float = 2.0, **grant: Any) -> DataRequest:
    """A request for one grant."""
    endpoint = f"http://127.0.0.1:{fake.port}"
    asked = GrantAsked(name="oracle-in", bucket="acme-spine", **grant)
    return DataRequest(
        nonce=NONCE,
        region="eu-west-2",
        grants=(asked,),
        deadline_s=deadline_s,
        s3_endpoint=endpoint,
        sts_endpoint=endpoint,
    )


def look(fake: Fake, *, env: Mapping[str, str] | None = None, **asked: Any) -> DataTranscript:
    """A run of the modules; it tells no secret."""
    data = program.run(json.loads(request_of(fake, **asked).to_json()), env_of(fake, **(env or {})))
    assert not [secret for secret in SECRETS if secret in json.dumps(data)]
    seen = data_transcript_from(data)
    assert isinstance(seen, DataTranscript), seen
    assert seen.crash is None, seen.crash
    return seen


def calls(seen: DataTranscript, purpose: str) -> tuple[CallSeen, ...]:
    """What was told of a purpose."""
    return seen.grants["oracle-in"].of(purpose)


def test_everything_of_a_grant(fake: Fake) -> None:
    """In the order of the ladder, each with the container's credentials, and nothing that stays."""
    seen = look(
        fake,
        read=("in/a", "in/"),
        write=("out/",),
        closed=("private/canary",),
        canaries={"private/canary": ("private/canary",)},
    )
    own = f"/acme-spine/out/substrate-probe-{NONCE}"
    assert [
        "HEAD /acme-spine/in/a",
        "GET /acme-spine/in/a",
        "GET /acme-spine?list-type,prefix",
        f"POST {own}?uploads",
        f"PUT {own}?partNumber,uploadId",
        f"DELETE {own}?uploadId",
        "GET /acme-spine/private/canary",
        "POST /acme-spine/private/canary?uploads",
    ] == fake.calls()
    assert all(heard.headers["x-amz-security-token"] == SECRETS[1] for heard in fake.s3)
    assert all("AKIDEXAMPLE/" in heard.headers["authorization"] for heard in fake.s3)
    assert {"up/1+a"} == {heard.query["uploadId"] for heard in fake.s3 if "uploadId" in heard.query}
    assert seen.identity is not None
    assert "arn:aws:sts::111122223333:assumed-role/oracle-task/0123" == seen.identity.caller_arn
    [read] = calls(seen, "read")
    assert (206, 7, "AES256") == (read.status, read.count, read.encryption)
    [listed] = calls(seen, "list")
    assert (2, False) == (listed.count, listed.more)
    assert {"AccessDenied"} == {call.code for call in calls(seen, "closed")}


def test_a_round_trip_replaces_nothing_and_deletes_its_very_version(fake: Fake) -> None:
    """Written only where nothing is, read back, deleted by its version."""
    fake.script = lambda heard: (200, {"x-amz-version-id": "v7"}, b"") if heard.method == "PUT" else None
    seen = look(fake, write=("out/",), roundtrip=True)
    put, get, delete = fake.s3
    assert "*" == put.headers["if-none-match"]
    assert (program.BODY, {"versionId": "v7"}) == (put.body, delete.query)
    assert put.path == get.path == delete.path
    assert (None, True, None) == tuple(call.same for call in calls(seen, "write"))


def test_an_object_in_the_way_is_left_alone(fake: Fake) -> None:
    """A refused write is neither read nor deleted."""
    error = b"<Error><Code>PreconditionFailed</Code></Error>"
    fake.script = lambda heard: (412, {}, error) if heard.method == "PUT" else None
    look(fake, write=("out/result.json",), roundtrip=True)
    assert ["PUT /acme-spine/out/result.json"] == fake.calls()


def test_pages_are_bounded(fake: Fake) -> None:
    """A list that goes on is followed by its token, a few pages far."""
    page = LISTED + "<NextContinuationToken>n/ext+==</NextContinuationToken></ListBucketResult>"
    fake.script = lambda heard: (200, {}, page.encode()) if "list-type" in heard.query else None
    [*_, last] = calls(look(fake, read=("in/",)), "list")
    assert 5 == len(fake.s3)
    assert {"n/ext+=="} == {heard.query["continuation-token"] for heard in fake.s3[1:]}
    assert (10, True) == (last.count, last.more)


def test_a_redirect_is_told_and_not_followed(fake: Fake) -> None:
    """Neither by status nor by region."""
    error = b"<Error><Code>PermanentRedirect</Code><Endpoint>other</Endpoint></Error>"
    moved = {"x-amz-bucket-region": "eu-central-1", "Location": "http://127.0.0.1:1/"}
    fake.script = lambda heard: (301, moved, error) if heard.path.startswith("/acme-spine") else None
    [call] = calls(look(fake, read=("in/",)), "list")
    assert (301, "PermanentRedirect", "eu-central-1") == (call.status, call.code, call.region)
    assert 1 == len(fake.s3)


def test_credentials_are_fetched_again_where_they_expired(fake: Fake) -> None:
    """Once more from the container's endpoint, and nowhere else."""
    asked: list[Heard] = []

    def script(heard: Heard) -> Answer | None:
        if not heard.path.startswith("/acme-spine"):
            return None
        asked.append(heard)
        return (400, {}, b"<Error><Code>ExpiredToken</Code></Error>") if len(asked) == 1 else None

    fake.script = script
    [call] = calls(look(fake, read=("in/",)), "list")
    assert (200, None) == (call.status, call.code)
    assert 2 == len([heard for heard in fake.heard if heard.path == "/credentials"])


def test_a_passing_failure_is_asked_again(fake: Fake) -> None:
    """S3's own failure, three times at most."""
    fake.script = lambda heard: (
        (503, {}, b"<Error><Code>SlowDown</Code></Error>") if "list-type" in heard.query else None
    )
    [call] = calls(look(fake, read=("in/",)), "list")
    assert (503, "SlowDown", 3) == (call.status, call.code, len(fake.s3))


def test_nobody_is_there(fake: Fake) -> None:
    """How the way ended, rung by rung."""
    request = json.loads(request_of(fake, read=("in/a",)).to_json())
    request["s3_endpoint"] = "http://127.0.0.1:1"
    seen = data_transcript_from(program.run(request, env_of(fake)))
    assert isinstance(seen, DataTranscript)
    assert {(None, "connection-refused")} == {(call.status, call.cause) for call in seen.grants["oracle-in"].calls}


def test_silence_is_bounded(fake: Fake) -> None:
    """By the deadline of a call, and by that of the whole."""
    fake.script = lambda heard: (0, {}, b"") if "list-type" in heard.query else None
    request = json.loads(request_of(fake, deadline_s=0.3, read=tuple(f"{name}/" for name in "abcdef")).to_json())
    request["seconds"] = 0.6
    seen = data_transcript_from(program.run(request, env_of(fake)))
    assert isinstance(seen, DataTranscript)
    causes = [call.cause for call in seen.grants["oracle-in"].calls]
    assert 6 == len(causes)
    assert causes[-1] == "out-of-time"
    assert {"silent", "closed", "out-of-time"} >= set(causes)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe<Code>",
        b"<Code>" * 10000,
        b"{}",
        b"<Error><Code>A</Code><Message>" + b"x" * 100000 + b"</Message></Error>",
    ],
)
def test_garbage_never_crashes_it(fake: Fake, body: bytes) -> None:
    """Whatever S3 says is told, short."""
    fake.script = lambda heard: (403, {"Content-Length": str(len(body))}, body) if "acme" in heard.path else None
    seen = look(fake, read=("in/a", "in/"), write=("out/",), closed=("private/canary",))
    assert all(len(call.message or "") <= 1500 for call in seen.grants["oracle-in"].calls)


def test_without_credentials_nothing_is_asked(fake: Fake) -> None:
    """No key of the environment, no profile, nobody else's identity stands in."""
    keys = {"AWS_ACCESS_KEY_ID": "AKIAX", "AWS_SECRET_ACCESS_KEY": "y" * 20}
    request = json.loads(request_of(fake, read=("in/a",)).to_json())
    seen = data_transcript_from(program.run(request, {"HOME": "/nowhere", **keys}))
    assert isinstance(seen, DataTranscript)
    assert [] == fake.heard
    assert seen.identity is not None
    assert seen.identity.failure is not None
    assert "no-container-credentials" == seen.identity.failure.cause
    assert ("AWS_ACCESS_KEY_ID",) == seen.identity.shadowed_by
    assert {} == seen.grants


def test_no_proxy_is_used(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment is named, and not asked."""
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    seen = look(fake, env={"HTTPS_PROXY": "http://127.0.0.1:1"}, read=("in/a",))
    assert ("HTTPS_PROXY",) == seen.proxies
    assert all(call.done for call in seen.grants["oracle-in"].calls)


def test_a_pinned_object_is_asked_for_by_version_and_content(fake: Fake) -> None:
    """The version in the query, the ETag in quotes."""
    pin = {"version": "v/1", "etag": "d41d8cd98f00b204e9800998ecf8427e"}
    look(fake, read=("in/a",), pinned={"in/a": pin})
    head, get = fake.s3
    assert {"versionId": "v/1"} == head.query == get.query
    assert f'"{pin["etag"]}"' == get.headers["if-match"]


@pytest.mark.parametrize("python", interpreters())
def test_the_text_runs_bare_under_every_interpreter_at_hand(fake: Fake, python: str) -> None:
    """With `-I -S` and an environment of its own; it says what the modules say, in parts, and no secret."""
    request = request_of(fake, read=("in/a", "in/"), write=("out/",), closed=("private/canary",))
    done = subprocess.run(
        [python, "-I", "-S", "-c", bundle.data_source(), request.to_json()],
        env=env_of(fake),
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert (0, "") == (done.returncode, done.stderr)
    assert not [secret for secret in SECRETS if secret in done.stdout]
    seen = read_data_transcript(done.stdout.splitlines(), NONCE)
    assert isinstance(seen, DataTranscript), seen
    ours = look(fake, read=("in/a", "in/"), write=("out/",), closed=("private/canary",))
    told = [
        [(call.purpose, call.operation, call.status, call.code, call.count) for call in one.grants["oracle-in"].calls]
        for one in (seen, ours)
    ]
    assert told[0] == told[1]


def test_main_says_of_a_bug_its_place_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """A request that isn't one ends it with 3."""
    assert 3 == program.main(["probe", "{}"])
    assert "substrate-probe: KeyError at" in capsys.readouterr().err
