"""The program as a whole: what it prints, what it never prints, and that no error of its own passes for a red rung."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.outcome import Outcome
from pytest_substrate.model.transcript import ProbeRequest, Transcript, read_transcript, transcript_from
from pytest_substrate.model.transcript_parts import MARKER
from pytest_substrate.planes.messaging.diagnose.rungs import RUNGS, Asked
from pytest_substrate.probe import program, report

NONCE = "0123456789abcdef" * 2


def asked(**more: Any) -> dict[str, Any]:
    """A request for one address that refuses."""
    return ProbeRequest(nonce=NONCE, bootstrap=("127.0.0.1:1",), **more).asked()


def forms(secret: str) -> list[str]:
    """The forms in which a value must not appear."""
    data = secret.encode("utf-8", "surrogateescape")
    return [
        secret,
        json.dumps(secret)[1:-1],
        quote(data, safe=""),
        quote_plus(data),
        base64.b64encode(data).decode().rstrip("="),
        base64.urlsafe_b64encode(data).decode().rstrip("="),
    ]


@given(
    secret=st.text(min_size=3, max_size=20).filter(lambda text: "*" not in text and text.strip()),
    before=st.text(max_size=8),
    after=st.text(max_size=8),
)
def test_no_form_of_a_secret_stays(secret: str, before: str, after: str) -> None:
    """Wherever in a transcript a peer's words could have carried it."""
    for form in forms(secret):
        seen = {
            "bootstrap": [{"failure": {"cause": "rejected", "peer_message": before + form + after}}],
            "held": [form],
        }
        clean = report.scrub(seen, [secret, None, ""])
        assert form not in clean["bootstrap"][0]["failure"]["peer_message"]
        assert "***" == clean["held"][0] or form not in clean["held"][0]
        assert "rejected" == clean["bootstrap"][0]["failure"]["cause"]


def test_a_secret_that_is_a_word_of_ours_spoils_nothing(kafka: Any) -> None:
    """The password `closed`, the user `tcp`: our vocabulary is not scrubbed, so the transcript can be read."""
    fake = kafka(users={"tcp": "other"})
    request = ProbeRequest(
        nonce=NONCE, bootstrap=(f"127.0.0.1:{fake.port}",), protocol="SASL_PLAINTEXT", deadline_s=5.0
    ).asked()
    for password in ("authenticate", "kafka-error", "dns", "a", "SASL_PLAINTEXT", "127.0.0.1"):
        seen = transcript_from(program.run(request, {}, {"username": "tcp", "password": password}))
        assert isinstance(seen, Transcript), seen
        assert "rejected" == RUNGS["MSG-160"](seen, Asked()).cause


def test_what_the_environment_holds_is_not_told(kafka: Any) -> None:
    """A broker that echoes the password in its refusal, and keys of the environment in the transcript's reach."""
    from kafka.protocol.sasl import SaslAuthenticateResponse

    env = {
        "CRED": json.dumps({"username": "ingest", "password": "p4ss w0rd/ü"}),
        "SUBSTRATE_EXPECTED": json.dumps({"username": "ingest", "password": "n3w p4ss"}),
        "AWS_SECRET_ACCESS_KEY": "k3y+material",
        "AWS_SESSION_TOKEN": "s3ssion",
    }
    secrets = ["p4ss w0rd/ü", "n3w p4ss", "k3y+material", "s3ssion"]
    said = " ".join(form for secret in secrets for form in forms(secret))
    denial = SaslAuthenticateResponse[1](error_code=58, error_message=said[:30000], auth_bytes=b"")
    fake = kafka(answers={36: lambda fake, request: bytes(denial.encode())})
    request = ProbeRequest(
        nonce=NONCE,
        bootstrap=(f"127.0.0.1:{fake.port}",),
        protocol="SASL_PLAINTEXT",
        mechanism="PLAIN",
        credential_env="CRED",
        expected_env="SUBSTRATE_EXPECTED",
        deadline_s=5.0,
    )
    lines = "\n".join(report.lines_of(program.run(request.asked(), env)))
    for secret in secrets:
        for form in forms(secret):
            assert form not in lines
    assert "***" in lines


@given(filler=st.text(max_size=3000), times=st.integers(1, 20))
def test_the_lines_are_read_back(filler: str, times: int) -> None:
    """Of any length and content, in parts that no log driver splits, without a space in the data."""
    seen = transcript_from({**program.run(asked(deadline_s=0.2), {}), "python": filler * times})
    assert isinstance(seen, Transcript)
    lines = report.lines_of({**program.run(asked(deadline_s=0.2), {}), "python": filler * times})
    assert all(line.startswith(f"{MARKER} {NONCE} ") and len(line) < 8192 and line.isascii() for line in lines)
    back = read_transcript(lines, NONCE)
    assert isinstance(back, Transcript), back
    assert filler * times == back.python


def test_an_error_of_our_own_is_told_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """Class and place; every rung that was not reached is INCONCLUSIVE, `probe-crashed`."""

    def broken(*_: Any) -> None:
        raise KeyError("p4ssw0rd")

    monkeypatch.setattr(program, "together", broken)
    data = program.run(asked(), {}, {"username": "u", "password": "p4ssw0rd"})
    assert "p4ssw0rd" not in json.dumps(data)
    assert "KeyError" == data["crash"]["type"]
    seen = transcript_from(data)
    assert isinstance(seen, Transcript)
    for check in ("MSG-110", "MSG-160", "MSG-170"):
        found = RUNGS[check](seen, Asked())
        assert (Outcome.INCONCLUSIVE, "probe-crashed") == (found.outcome, found.cause)


def test_main_prints_and_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    """A whole transcript is the one success."""
    assert 0 == program.main(["probe", json.dumps(asked(deadline_s=0.2))])
    assert isinstance(read_transcript(capsys.readouterr().out.splitlines(), NONCE), Transcript)


@pytest.mark.parametrize("arguments", [["probe"], ["probe", "{"], ["probe", "[]"], ["probe", "{}"]])
def test_main_says_class_and_place_of_a_bad_request(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing on standard output, one line on standard error, not 0."""
    assert 3 == program.main(arguments)
    out, err = capsys.readouterr()
    assert "" == out
    assert err.startswith("substrate-probe: ")
    assert 1 == err.count("\n")


def test_a_request_names_no_secret_and_is_short() -> None:
    """The argument of a process is seen by everyone: it names variables."""
    text = ProbeRequest(
        nonce=NONCE,
        bootstrap_env="KAFKA_BOOTSTRAP_SERVERS",
        credential_env="KAFKA_CREDENTIAL",
        expected_env="SUBSTRATE_EXPECTED",
        principal="ingest",
        ca_file_env="KAFKA_CA_FILE",
        topics=("events.raw",),
        group="ingest",
        smoke_topic="substrate.smoke",
        client="kafka-python",
        client_round_trip=True,
        identity=True,
        region="eu-west-2",
        reauthenticate=True,
    ).to_json()
    assert len(text) < 700
    assert "substrate.probe/1" == json.loads(text)["schema"]
