"""SASL: what the client refuses of a SCRAM server, and signatures against those of AWS's own libraries."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st
from kafka.net.sasl.msk import AwsMskIamClient
from kafka.net.sasl.scram import ScramClient

from pytest_substrate.model.outcome import Outcome
from pytest_substrate.model.transcript import ProbeRequest, Transcript, transcript_from
from pytest_substrate.planes.messaging.diagnose.rungs import RUNGS, Asked
from pytest_substrate.probe import sasl
from pytest_substrate.probe.program import run
from pytest_substrate.probe.wire import Broken

KEYS = {"access_key": "AKID", "secret_key": "sEcReT/+key", "token": "tok/en+=="}


def cause_of(fake: Any, username: str = "ingest", password: str = "s3cret") -> str | None:
    """The cause of MSG-160 against a broker, None where it passes."""
    request = ProbeRequest(
        nonce="0" * 32, bootstrap=(f"127.0.0.1:{fake.port}",), protocol="SASL_PLAINTEXT", deadline_s=5.0
    )
    seen = transcript_from(run(request.asked(), {}, {"username": username, "password": password}))
    assert isinstance(seen, Transcript)
    assert seen.crash is None, seen.crash
    found = RUNGS["MSG-160"](seen, Asked())
    assert found.outcome in (Outcome.PASS, Outcome.VIOLATION)
    return found.cause


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a wrong signature": ({"final": lambda text: "v=" + "A" * 86 + "=="}, "server-signature"),
    "no signature": ({"final": lambda text: ""}, "server-signature"),
    "half a signature": ({"final": lambda text: text[:20]}, "server-signature"),
    "an error at the end": ({"final": lambda text: "e=invalid-proof"}, "rejected"),
    "another nonce": ({"nonce": lambda client: "server" * 5}, "server-nonce"),
    "our own nonce alone": ({"nonce": lambda client: client}, "server-nonce"),
    "too few iterations": ({"iterations": 1}, "server-iterations"),
    "iterations below the floor": ({"iterations": 4095}, "server-iterations"),
    "too many iterations": ({"iterations": 2_000_000_000}, "server-iterations"),
    "negative iterations": ({"iterations": -5}, "server-iterations"),
    "a mandatory extension": ({"first": lambda text: "m=x," + text}, "server-nonce"),
    "no salt": ({"first": lambda text: text.split(",s=")[0] + ",i=4096"}, "garbled"),
    "an empty salt": ({"first": lambda text: text.split(",s=")[0] + ",s=,i=4096"}, "server-iterations"),
    "a salt that is no base64": ({"first": lambda text: text.split(",s=")[0] + ",s=***,i=4096"}, "garbled"),
    "words": ({"first": lambda text: "hello"}, "garbled"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_nonsense_of_a_scram_server_is_refused(kafka: Callable[..., Any], name: str) -> None:
    """Each is a VIOLATION with its cause, and costs no endless work."""
    scram, cause = REFUSED[name]
    assert cause == cause_of(kafka(scram=scram))


@pytest.mark.parametrize("username", ["ingest", "a,b=c", "ünï", "n=x,r=y", "=2C"])
@pytest.mark.parametrize("password", ["s3cret", "pä ss,=", "🔑"])
def test_names_and_passwords_of_all_kinds_are_accepted(kafka: Callable[..., Any], username: str, password: str) -> None:
    """Commas and equal signs in a name are escaped, everything is UTF-8."""
    assert cause_of(kafka(users={username: password}), username, password) is None


@given(password=st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_the_proof_is_kafka_pythons(password: str) -> None:
    """The same nonce, salt and count give the same final message."""
    sent: list[bytes] = []

    def exchange(token: bytes) -> bytes:
        sent.append(token)
        if len(sent) > 1:
            raise Broken("stop")
        return b"r=" + token.split(b"r=")[1] + b"more,s=c2FsdHNhbHQ=,i=4096"

    with pytest.raises(Broken, match="stop"):
        sasl.scram(exchange, "SCRAM-SHA-256", "user", password, {})
    peer = ScramClient("user", password, "SCRAM-SHA-256")
    peer.nonce = sent[0].split(b"r=")[1]
    assert sent[0] == peer.first_message()
    peer.process_server_first_message(b"r=" + peer.nonce + b"more,s=c2FsdHNhbHQ=,i=4096")
    assert peer.final_message() == sent[1]


@pytest.mark.parametrize("token", ["tok/en+==", ""])
def test_the_iam_payload_is_kafka_pythons(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """The same values, signed alike, good for 900 seconds and for this host alone."""
    peer = AwsMskIamClient("b-1.spine.invalid", "AKID", KEYS["secret_key"], "eu-west-2", token or None)
    scope = f"{peer.datestamp}/eu-west-2/kafka-cluster/aws4_request"
    monkeypatch.setattr(sasl, "scoped", lambda region, service: (peer.timestamp, scope))
    sent: list[bytes] = []

    def exchange(data: bytes) -> bytes:
        sent.append(data)
        return b""

    sasl.msk_iam(exchange, "b-1.spine.invalid", "eu-west-2", KEYS | {"token": token})
    expected = json.loads(peer.first_message()) | {"user-agent": "substrate-probe"}
    assert expected == json.loads(sent[0])
    assert "900" == expected["x-amz-expires"]


@pytest.mark.parametrize("token", ["tok/en+==", ""])
def test_the_signature_for_sts_is_botocores(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """Signature version 4 of the same request."""
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    host = "sts.eu-west-2.amazonaws.com"
    request = AWSRequest(
        "POST", f"https://{host}/", data=body, headers={"content-type": "application/x-www-form-urlencoded"}
    )
    SigV4Auth(Credentials("AKID", KEYS["secret_key"], token or None), "sts", "eu-west-2").add_auth(request)
    stamp = request.headers["X-Amz-Date"]
    monkeypatch.setattr(sasl, "scoped", lambda region, service: (stamp, f"{stamp[:8]}/{region}/{service}/aws4_request"))
    headers = sasl.sts_headers(host, "eu-west-2", KEYS | {"token": token}, body)
    assert request.headers["Authorization"] == headers["authorization"]


def test_an_iam_denial_is_authorization(kafka: Callable[..., Any]) -> None:
    """MSK answers 58 with `Access denied` where the role lacks kafka-cluster:Connect."""
    from kafka.protocol.sasl import SaslAuthenticateResponse

    denial = SaslAuthenticateResponse[1](error_code=58, error_message="[1234]: Access denied", auth_bytes=b"")
    fake = kafka(answers={36: lambda fake, request: bytes(denial.encode())})
    request = ProbeRequest(
        nonce="0" * 32,
        bootstrap=(f"127.0.0.1:{fake.port}",),
        protocol="SASL_PLAINTEXT",
        mechanism="AWS_MSK_IAM",
        region="eu-west-2",
    )
    seen = transcript_from(run(request.asked(), {}, KEYS))
    assert isinstance(seen, Transcript)
    found = RUNGS["MSG-160"](seen, Asked())
    assert ("connect-denied", "authorization") == (found.cause, found.layer)
