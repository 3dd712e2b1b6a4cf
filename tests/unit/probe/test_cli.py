"""`substrate probe`: what it takes, what it prints, and how it ends."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.cli.main import main
from pytest_substrate.planes.messaging.checks_broker import BROKER_CHECKS

ORDER = [check.id for check in BROKER_CHECKS]
CREDENTIAL = json.dumps({"username": "ingest", "password": "s3cret"})


class Command:
    """Runs the command against a fake broker and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *words: str) -> int:
        """The exit code."""
        try:
            code = main(["probe", *words])
        except SystemExit as ended:
            code = int(ended.code or 0)
        self.out, self.err = self._capsys.readouterr()
        assert "s3cret" not in self.out + self.err
        return code

    def report(self, *words: str) -> tuple[int, dict[str, Any]]:
        """The exit code and the JSON, which stands alone on standard output."""
        code = self(*words, "--format", "json")
        assert "" == self.err
        return code, json.loads(self.out)


@pytest.fixture
def probe(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, with the credential in the variable CRED."""
    monkeypatch.setenv("CRED", CREDENTIAL)
    return Command(capsys)


def plain(fake: Any, *words: str) -> list[str]:
    """A command line for a fake broker."""
    way = ["--bootstrap", f"127.0.0.1:{fake.port}", "--security-protocol", "SASL_PLAINTEXT"]
    return [*way, "--credential", "env:CRED", "--deadline", "1s", *words]


def found(report: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Outcomes by check and subject."""
    return {(record["check"], record["subject"]): record["outcome"] for record in report["records"]}


def test_a_healthy_broker_is_ready(kafka: Callable[..., Any], probe: Command) -> None:
    """Every rung that the options ask for, in order, for its own subject, and no other."""
    words = ["--topic", "smoke", "--group", "g", "--smoke", "smoke", "--client", "kafka-python==3.0.12"]
    code, report = probe.report(*plain(kafka(ranges=ALL), *words))
    assert (0, "READY", None) == (code, report["verdict"], report["first_red"])
    assert "substrate.report/1" == report["schema"]
    assert {
        **{(check, "cluster"): "PASS" for check in ("MSG-110", "MSG-120", "MSG-140", "MSG-150", "MSG-160", "MSG-170")},
        **{(check, "topic/smoke"): "PASS" for check in ("MSG-180", "MSG-190", "MSG-200", "MSG-210")},
        ("MSG-195", "group/g"): "PASS",
        ("MSG-220", "client/kafka-python"): "PASS",
    } == found(report)
    checks = [record["check"] for record in report["records"]]
    assert checks == sorted(checks, key=ORDER.index)
    record = report["records"][0]
    assert [
        "check",
        "plane",
        "subject",
        "outcome",
        "layer",
        "cause",
        "message",
        "facts",
        "next",
        "vantage",
        "duration_ms",
    ] == list(record)
    assert ("messaging_plane", "here", None) == (record["plane"], record["vantage"], record["next"])


ALL = {
    0: (0, 13),
    1: (4, 18),
    2: (1, 11),
    3: (0, 13),
    8: (2, 10),
    9: (1, 10),
    10: (0, 6),
    11: (0, 9),
    12: (0, 4),
    13: (0, 5),
    14: (0, 5),
    15: (0, 6),
    17: (0, 1),
    18: (0, 4),
    36: (0, 2),
}


@pytest.mark.parametrize(
    ("protocol", "left_out"),
    [
        ("PLAINTEXT", {"MSG-130", "MSG-150", "MSG-160"}),
        ("SSL", {"MSG-150", "MSG-160"}),
        ("SASL_PLAINTEXT", {"MSG-130"}),
        ("SASL_SSL", set()),
    ],
)
def test_a_protocol_has_its_own_rungs(probe: Command, protocol: str, left_out: set[str]) -> None:
    """Without TLS there is no MSG-130, without SASL no MSG-150 and no MSG-160; all are there, reached or not."""
    code, report = probe.report("--bootstrap", "127.0.0.1:1", "--security-protocol", protocol)
    rungs = ["MSG-110", "MSG-120", "MSG-130", "MSG-140", "MSG-150", "MSG-160", "MSG-170"]
    assert [rung for rung in rungs if rung not in left_out] == [record["check"] for record in report["records"]]
    outcomes = [record["outcome"] for record in report["records"]]
    assert ["PASS", "VIOLATION", "NOT_REACHED"] == list(dict.fromkeys(outcomes))
    assert (1, "NOT READY") == (code, report["verdict"])
    assert {"check": "MSG-120", "subject": "cluster", "layer": "network", "cause": "connection-refused"} == report[
        "first_red"
    ]


def test_what_needs_a_red_rung_names_it(kafka: Callable[..., Any], probe: Command) -> None:
    """A refused credential: everything behind it is NOT_REACHED because of it, and MSG-220 goes on."""
    words = ["--topic", "smoke", "--smoke", "smoke", "--client", "kafka-python==2.2.15,api_version=0.10.2"]
    code, report = probe.report(*plain(kafka(users={}, ranges=ALL), *words))
    records = {record["check"]: record for record in report["records"]}
    assert 1 == code
    assert ("rejected", "credential") == (records["MSG-160"]["cause"], records["MSG-160"]["layer"])
    for check in ("MSG-170", "MSG-180", "MSG-190", "MSG-200", "MSG-210"):
        assert ("NOT_REACHED", "MSG-160") == (records[check]["outcome"], records[check]["facts"]["needed_check"])
    assert ("VIOLATION", "no-common-version") == (records["MSG-220"]["outcome"], records["MSG-220"]["cause"])
    assert "MSG-160" == report["first_red"]["check"]


def test_the_first_violation_comes_before_an_earlier_doubt(kafka: Callable[..., Any], probe: Command) -> None:
    """A hidden topic: MSG-180 can't be told, MSG-190 is proven, and needs no MSG-180."""
    code, report = probe.report(*plain(kafka(topics={"t": (29, [], None)}), "--topic", "t"))
    assert ("INCONCLUSIVE", "VIOLATION") == (found(report)["MSG-180", "topic/t"], found(report)["MSG-190", "topic/t"])
    assert (1, "MSG-190", "topic/t", "authorization") == (
        code,
        report["first_red"]["check"],
        report["first_red"]["subject"],
        report["first_red"]["layer"],
    )


def test_doubt_alone_ends_with_10(kafka: Callable[..., Any], probe: Command) -> None:
    """An unknown client is never guessed."""
    for client in ("kafka-python==99.0", "franz-go==1.0", "kafka-python==2.2.15,api_version=0.7"):
        code, report = probe.report(*plain(kafka(), "--client", client))
        assert (10, "NOT READY") == (code, report["verdict"])
        assert ("MSG-220", "client-unknown") == (report["first_red"]["check"], report["first_red"]["cause"])


def test_without_a_credential_the_way_ends_in_doubt(kafka: Callable[..., Any], probe: Command) -> None:
    """What can be asked without one is asked."""
    words = [word for word in plain(kafka()) if word not in ("--credential", "env:CRED")]
    code, report = probe.report(*words)
    assert 10 == code
    assert ("MSG-160", "no-credential") == (report["first_red"]["check"], report["first_red"]["cause"])
    assert "PASS" == found(report)["MSG-150", "cluster"]


def test_a_topic_is_asked_for_these_operations(kafka: Callable[..., Any], probe: Command) -> None:
    """All three without a word; several mentions add up; nothing is written."""
    fake = kafka(topics={"t": (0, [(0, 0, 1)], {3, 8})})
    assert 0 == probe(*plain(fake, "--topic", "t:describe,read"))
    assert 0 == probe(*plain(fake, "--topic", "t:describe", "--topic", "t:read"))
    code, report = probe.report(*plain(fake, "--topic", "t"))
    assert 1 == code
    (record,) = [record for record in report["records"] if record["check"] == "MSG-190"]
    assert (["describe", "read", "write"], ["write"]) == (
        record["facts"]["operations"],
        record["facts"]["missing_operations"],
    )
    assert not fake.log


def test_smoke_writes_to_no_other_topic(kafka: Callable[..., Any], probe: Command) -> None:
    """One record, to the topic that is named."""
    fake = kafka(topics={name: (0, [(0, 0, 1)], {3, 4, 8}) for name in ("t", "smoke")})
    assert 0 == probe(*plain(fake, "--topic", "t", "--smoke", "smoke"))
    writes = [request for request in fake.seen if type(request).__name__ == "ProduceRequest"]
    assert [["smoke"]] == [[topic.name for topic in write.topic_data] for write in writes]


def test_the_credential_may_be_in_a_file(kafka: Callable[..., Any], probe: Command, tmp_path: Path) -> None:
    """As MSK writes it, with whatever else the JSON holds."""
    (tmp_path / "secret").write_text(CREDENTIAL.replace("}", ', "engine": "kafka"}'))
    words = [f"file:{tmp_path / 'secret'}" if word == "env:CRED" else word for word in plain(kafka())]
    assert 0 == probe(*words)


def test_text_is_the_ladder(kafka: Callable[..., Any], probe: Command) -> None:
    """Green rungs in short, the red one with its layer and a command to type, the verdict last."""
    assert 1 == probe(*plain(kafka(users={}), "--topic", "smoke"))
    lines = probe.out.splitlines()
    assert lines[0].startswith("substrate probe: 127.0.0.1:")
    assert " ✓ MSG-110 … MSG-150  4 rungs" == lines[1]
    assert " ✗ MSG-160 the broker accepts the runtime's credential" == lines[2]
    assert "     SaslAuthenticate answered 58 for principal ingest" == lines[3]
    assert lines[4].startswith("     layer  credential    next  kafka-configs.sh --bootstrap-server 127.0.0.1:")
    assert lines[4].endswith("--entity-name ingest")
    assert "     why    docs/checks/messaging_plane.md#msg-160" == lines[5]
    assert " · MSG-170 … MSG-190: 3 not reached (count as red)" == lines[6]
    assert lines[-1].startswith("NOT READY   first red MSG-160 (credential)   required 8  passed 4  violated 1  ")


BAD: dict[str, list[str]] = {
    "no bootstrap": [],
    "no port": ["--bootstrap", "localhost"],
    "a port too high": ["--bootstrap", "localhost:70000"],
    "no number": ["--bootstrap", "localhost:port"],
    "a hole in the list": ["--bootstrap", "a:1,,b:2"],
    "an open bracket": ["--bootstrap", "[::1:9092"],
    "an unknown protocol": ["--bootstrap", "a:1", "--security-protocol", "TLS"],
    "an unknown mechanism": ["--bootstrap", "a:1", "--sasl-mechanism", "GSSAPI"],
    "an unset variable": ["--bootstrap", "a:1", "--credential", "env:NOT_SET"],
    "a value for a credential": ["--bootstrap", "a:1", "--credential", '{"username": "u", "password": "s3cret"}'],
    "an empty name": ["--bootstrap", "a:1", "--credential", "env:"],
    "a missing file": ["--bootstrap", "a:1", "--credential", "file:/nowhere/secret"],
    "no ARN": ["--bootstrap", "a:1", "--credential", "secret:AmazonMSK_ingest"],
    "a missing CA": ["--bootstrap", "a:1", "--ca", "/nowhere/ca.pem"],
    "a bad topic": ["--bootstrap", "a:1", "--topic", "a b"],
    "a bad operation": ["--bootstrap", "a:1", "--topic", "t:delete"],
    "no operation": ["--bootstrap", "a:1", "--topic", "t:"],
    "a bad smoke topic": ["--bootstrap", "a:1", "--smoke", "a/b"],
    "an empty group": ["--bootstrap", "a:1", "--group", ""],
    "no version": ["--bootstrap", "a:1", "--client", "kafka-python"],
    "a bad setting": ["--bootstrap", "a:1", "--client", "kafka-python==2.0.2,api=1"],
    "a bad api_version": ["--bootstrap", "a:1", "--client", "kafka-python==2.0.2,api_version=x"],
    "no deadline": ["--bootstrap", "a:1", "--deadline", "0s"],
    "a bad deadline": ["--bootstrap", "a:1", "--deadline", "soon"],
    "an endless deadline": ["--bootstrap", "a:1", "--deadline", "11m"],
    "an unknown option": ["--bootstrap", "a:1", "--password", "s3cret"],
    "an unknown format": ["--bootstrap", "a:1", "--format", "xml"],
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_one_line_and_2(probe: Command, name: str) -> None:
    """It names where and the mend, makes no call, and shows no value that could be a secret."""
    began = time.monotonic()
    assert 2 == probe(*BAD[name])
    assert "" == probe.out
    assert 1 == probe.err.count("\n"), probe.err
    assert probe.err.startswith(("substrate probe: ", "substrate: "))
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "document",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"username": "u"}',
        '{"username": 1, "password": 2}',
        '{"username": "", "password": ""}',
    ],
)
def test_a_credential_that_is_none(probe: Command, monkeypatch: pytest.MonkeyPatch, document: str) -> None:
    """Its content is never shown."""
    monkeypatch.setenv("CRED", document)
    assert 2 == probe("--bootstrap", "127.0.0.1:1", "--credential", "env:CRED")
    assert not document or document not in probe.err


def test_a_ca_without_a_certificate(probe: Command, tmp_path: Path) -> None:
    """A key, or nothing, is no CA."""
    (tmp_path / "ca.pem").write_text("nothing\n")
    assert 2 == probe("--bootstrap", "127.0.0.1:1", "--ca", str(tmp_path / "ca.pem"))
    assert "holds no certificate" in probe.err


def test_iam_needs_a_region(probe: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the broker's own name, else from the environment, else it is an error."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    words = ["--sasl-mechanism", "AWS_MSK_IAM", "--credential", "env:CRED", "--deadline", "300ms"]
    assert 2 == probe("--bootstrap", "127.0.0.1:1", *words)
    assert 1 == probe("--bootstrap", "b-1.spine.x.c2.kafka.eu-west-2.amazonaws.com:9098", *words)


def test_iam_signs_with_the_environments_keys(
    kafka: Callable[..., Any], probe: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a credential that is named."""
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret/key")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "s3cret-token")
    fake = kafka()
    words = [
        word for word in plain(fake, "--sasl-mechanism", "AWS_MSK_IAM") if word not in ("--credential", "env:CRED")
    ]
    assert 0 == probe(*words)
    tokens = [bytes(request.auth_bytes) for request in fake.seen if type(request).__name__ == "SaslAuthenticateRequest"]
    payload = json.loads(tokens[0])
    assert ("127.0.0.1", "s3cret-token") == (payload["host"], payload["x-amz-security-token"])
    assert payload["x-amz-credential"].startswith("AKIDEXAMPLE/")


def test_the_secret_may_be_in_secrets_manager(
    kafka: Callable[..., Any], probe: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read by its ARN in its own region; what AWS refuses is one line."""
    from moto import mock_aws

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        import boto3

        client: Any = boto3.client("secretsmanager", region_name="eu-west-1")
        arn = client.create_secret(Name="AmazonMSK_ingest", SecretString=CREDENTIAL)["ARN"]
        assert 0 == probe(*[f"secret:{arn}" if word == "env:CRED" else word for word in plain(kafka())])
        gone = arn.replace("ingest", "other")
        assert 2 == probe("--bootstrap", "127.0.0.1:1", "--credential", f"secret:{gone}")
        assert "ResourceNotFoundException" in probe.err


def test_duplicates_and_ipv6_are_taken(kafka: Callable[..., Any], probe: Command) -> None:
    """An address twice is one; brackets are IPv6."""
    fake = kafka()
    address = f"127.0.0.1:{fake.port}"
    code, report = probe.report(*[f"{address}, {address}" if word == address else word for word in plain(fake)])
    assert (0, [address]) == (code, report["target"]["bootstrap"])
    code, report = probe.report("--bootstrap", "[::1]:1", "--security-protocol", "PLAINTEXT")
    assert (1, "MSG-120") == (code, report["first_red"]["check"])


def test_the_deadline_bounds_each_rung(serve: Callable[..., Any], probe: Command) -> None:
    """A silent peer costs one of them."""
    silent = serve(lambda connection: time.sleep(5))
    began = time.monotonic()
    words = ["--bootstrap", silent.address, "--security-protocol", "PLAINTEXT", "--deadline", "300ms"]
    code, report = probe.report(*words)
    assert time.monotonic() - began < 1.5
    assert (1, "silent", "compatibility") == (code, report["first_red"]["cause"], report["first_red"]["layer"])
