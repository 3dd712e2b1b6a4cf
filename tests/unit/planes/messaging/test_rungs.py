"""The judges of a transcript: total, within their checks' causes, and strict about what was not seen."""

from __future__ import annotations

import ast
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate import probe
from pytest_substrate.model.aws.kafka import TopicState
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Layer, Outcome
from pytest_substrate.model.transcript import (
    TRANSCRIPT_SCHEMA,
    BrokerSeen,
    ClientSeen,
    CredentialSeen,
    Failure,
    FetchSeen,
    GroupSeen,
    IdentitySeen,
    MetadataSeen,
    ProduceSeen,
    ReauthenticationSeen,
    TopicSeen,
    Transcript,
)
from pytest_substrate.planes.messaging.checks_broker import BROKER_CHECKS
from pytest_substrate.planes.messaging.diagnose.causes import STAGE_LAYERS
from pytest_substrate.planes.messaging.diagnose.rungs import RUNGS, Asked
from pytest_substrate.planes.messaging.diagnose.seen import SMOKE_RETENTION_MS

CHECKS = {check.id: check for check in BROKER_CHECKS}
ASKED = Asked(
    role="ingest-task",
    account="111122223333",
    principal="ingest",
    topic="events.raw",
    operations=("describe", "write"),
    group="ingest",
    smoke_topic="substrate.smoke",
)
STAGES = ("dns", "tcp", "tls", "api-versions", "mechanism", "authenticate")
REST = (
    "metadata",
    "topics",
    "group",
    "produce",
    "fetch",
    "client",
    "reauthenticate",
    "identity",
    "credential",
    "bootstrap",
)
APIS = {"0": (0, 13), "1": (4, 18), "2": (1, 11), "3": (0, 13), "8": (2, 10), "9": (1, 10), "10": (0, 6)}
APIS |= {"11": (0, 9), "12": (0, 4), "13": (0, 5), "14": (0, 5)}


def seen(**parts: Any) -> Transcript:
    """A transcript of these parts."""
    return Transcript(
        schema=TRANSCRIPT_SCHEMA, nonce="n", python="3.11", started_at="now", mechanism="SCRAM-SHA-512", **parts
    )


def broker(**parts: Any) -> BrokerSeen:
    """A broker to which the whole way goes."""
    return BrokerSeen(
        **{"address": "b-1.spine:9096", "passed": STAGES, "apis": APIS, "mechanisms": ("SCRAM-SHA-512",)} | parts
    )


def words_of_the_probe() -> set[str]:
    """Every cause that the probe can name, by its own source."""
    found = {"certificate-" + word for word in ("expired", "wrong-name", "not-yet-valid", "untrusted")}
    for file in Path(probe.__file__).parent.glob("[!b]*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name("Broken"), args=[first, *_]):
                    found |= set(_texts(first))
                case ast.Assign(targets=[ast.Name("CAUSES")], value=ast.Tuple(rows)):
                    found |= {text for row in rows if isinstance(row, ast.Tuple) for text in _texts(row.elts[1])}
                case ast.Assign(targets=[ast.Name("cause" | "fault")], value=value):
                    found |= set(_texts(value))
    return found | {"out-of-time"}


def _texts(node: ast.expr) -> list[str]:
    match node:
        case ast.Constant(str(text)):
            return [text]
        case ast.IfExp(body=body, orelse=orelse):
            return [*_texts(body), *_texts(orelse)]
    return []


KNOWN = {cause.slug for check in BROKER_CHECKS for cause in check.causes} | {"topic-error"}


def test_every_cause_of_the_probe_is_known_to_a_check() -> None:
    """What the program can say, the pages explain; `topic-error` always comes with Kafka's own number."""
    words = words_of_the_probe()
    assert {"silent", "closed", "garbled", "not-tls", "sasl-expected", "connection-refused"} <= words
    assert set() == words - KNOWN


FAILURES = st.builds(
    Failure,
    cause=st.sampled_from(sorted(words_of_the_probe())),
    stage=st.sampled_from(STAGES + REST),
    broker=st.none() | st.text(max_size=30),
    kafka_error=st.none() | st.integers(-5, 130),
    peer_message=st.none() | st.text(max_size=400),
    detail=st.none() | st.text(max_size=400),
)
MAYBE = st.none() | FAILURES
TEXT = st.text(max_size=20)
BROKERS = st.builds(
    BrokerSeen,
    address=TEXT,
    addresses=st.lists(TEXT, max_size=2).map(tuple),
    tls_version=st.none() | TEXT,
    not_after=st.none() | TEXT | st.just("Jun  1 12:00:00 2027 GMT"),
    apis=st.dictionaries(st.sampled_from(sorted(APIS)), st.tuples(st.integers(-1, 9), st.integers(-1, 9))),
    mechanisms=st.lists(TEXT, max_size=2).map(tuple),
    passed=st.lists(st.sampled_from(STAGES), max_size=6).map(tuple),
    failure=MAYBE,
)
NAME, NAMES, FLAG = st.none() | TEXT, st.lists(TEXT, max_size=2).map(tuple), st.none() | st.booleans()
CODES, BITS = st.integers(-1, 130), st.integers(-(1 << 31), 1 << 12)
WAYS = st.sampled_from(["same-connection", "fresh-connection"])
TOPICS = st.builds(
    TopicSeen,
    kafka_error=CODES,
    partitions=st.integers(0, 3),
    leaderless=st.lists(st.integers(0, 2), max_size=2).map(tuple),
    authorized=BITS,
    failure=MAYBE,
)
CLIENTS = st.builds(
    ClientSeen,
    name=TEXT | st.just("kafka-python"),
    version=NAME | st.just("2.2.15"),
    api_version=NAME,
    ran=st.booleans(),
    phase=NAME,
    error_code=NAME,
    failure=MAYBE,
)
TRANSCRIPTS = st.builds(
    seen,
    bootstrap=st.lists(BROKERS, max_size=3).map(tuple),
    bootstrap_failure=MAYBE,
    identity=st.none() | st.builds(IdentitySeen, role_arn=NAME, caller_arn=NAME, sts=NAME, shadowed_by=NAMES),
    credential=st.none() | st.builds(CredentialSeen, variables=NAMES, compared=st.booleans(), principal_matches=FLAG),
    metadata=st.none() | st.builds(MetadataSeen, brokers=st.lists(BROKERS, max_size=3).map(tuple), failure=MAYBE),
    topics=st.dictionaries(st.just("events.raw"), TOPICS),
    group=st.none() | st.builds(GroupSeen, kafka_error=CODES, authorized=BITS, failure=MAYBE),
    produce=st.none() | st.builds(ProduceSeen, topic=TEXT, offset=st.none() | st.integers(), failure=MAYBE),
    fetch=st.none() | st.builds(FetchSeen, offset=st.none() | st.integers(), failure=MAYBE),
    client=st.none() | CLIENTS,
    reauthentication=st.none() | st.builds(ReauthenticationSeen, way=WAYS, session_lifetime_ms=CODES, failure=MAYBE),
)


@given(transcript=TRANSCRIPTS, check=st.sampled_from(sorted(RUNGS)))
def test_every_rung_judges_every_transcript(transcript: Transcript, check: str) -> None:
    """It never raises, whatever a peer said, and its causes are those that its check explains."""
    found = RUNGS[check](transcript, ASKED)
    slugs = {cause.slug for cause in CHECKS[check].causes}
    common = {"kafka-error", "silent", "closed", "garbled"}
    if found.cause is not None and found.cause in KNOWN and found.cause not in slugs | common:
        # a cause that the probe never gives at this stage: told all the same, and never green
        assert found.outcome is not Outcome.PASS
    else:
        assert found.cause is None or found.cause in slugs | common


@pytest.mark.parametrize("check", RUNGS)
@pytest.mark.parametrize("reason", ["no-transcript", "parts-missing", "parts-cut", "timeout", "something-new"])
def test_without_a_transcript_nothing_is_green(check: str, reason: str) -> None:
    """INCONCLUSIVE, with the task's end as facts."""
    asked = Asked(group="g", smoke_topic="s", run_facts={"exit_code": 137, "stop_reason": "OutOfMemory"})
    found = RUNGS[check](Unobserved(reason=reason), asked)
    assert (Outcome.INCONCLUSIVE, reason) == (found.outcome, found.cause)
    assert (137, "OutOfMemory") == (found.facts["exit_code"], found.facts["stop_reason"])


@pytest.mark.parametrize("check", RUNGS)
def test_an_empty_transcript_is_never_green(check: str) -> None:
    """What was not observed is INCONCLUSIVE."""
    found = RUNGS[check](seen(), ASKED)
    assert (Outcome.INCONCLUSIVE, "not-observed") == (found.outcome, found.cause)


@pytest.mark.parametrize("stage", STAGES)
def test_an_advertised_broker_gives_its_own_layer(stage: str) -> None:
    """MSG-170 has the layer of what failed there."""
    failure = Failure(cause="silent", stage=stage, broker="b-2.spine:9096")
    found = RUNGS["MSG-170"](seen(metadata=MetadataSeen(brokers=(broker(), broker(failure=failure)))), ASKED)
    assert (Outcome.VIOLATION, "silent", STAGE_LAYERS[stage]) == (found.outcome, found.cause, found.layer)
    assert "b-2.spine:9096" == found.facts["broker"]


def _topic(described: Any, code: int = 29) -> Diagnosis:
    asked = Asked(topic="t", operations=("describe",), described=described)
    return RUNGS["MSG-180"](seen(topics={"t": TopicSeen(kafka_error=code)}), asked)


def test_msk_tells_a_missing_topic_from_a_hidden_one() -> None:
    """The broker answers 29 for both."""
    active = TopicState(name="t", state="ACTIVE", partitions=3, replication=2)
    assert Outcome.PASS is _topic(active).outcome
    assert (Outcome.VIOLATION, "topic-missing") == (_topic(Missing(what="t")).outcome, _topic(Missing(what="t")).cause)
    deleting = _topic(TopicState(name="t", state="DELETING", partitions=3, replication=2))
    assert (Outcome.VIOLATION, "topic-not-active") == (deleting.outcome, deleting.cause)
    unseen = _topic(Unobserved(reason="access-denied", operation="kafka:DescribeTopic"))
    assert (Outcome.INCONCLUSIVE, "cannot-be-told", "kafka:DescribeTopic") == (
        unseen.outcome,
        unseen.cause,
        unseen.facts["operation"],
    )
    assert "cannot-be-told" == _topic(None).cause


def _kept(described: Any) -> tuple[Outcome, str | None]:
    asked = Asked(smoke_topic="s", described=described, retention_limit_ms=SMOKE_RETENTION_MS)
    found = RUNGS["MSG-200"](seen(produce=ProduceSeen(topic="s", partition=0, offset=1)), asked)
    return found.outcome, found.cause


@pytest.mark.parametrize(
    ("retention_ms", "cause"),
    [
        (3_600_000, None),
        (1, None),
        (3_600_001, "retention-too-long"),
        (-1, "retention-too-long"),
        (None, "retention-too-long"),
    ],
)
def test_a_smoke_topic_keeps_records_for_an_hour_at_most(retention_ms: int | None, cause: str | None) -> None:
    """Forever, or the cluster's default, is longer."""
    state = TopicState(name="s", state="ACTIVE", partitions=1, replication=2, retention_ms=retention_ms)
    assert (Outcome.PASS if cause is None else Outcome.VIOLATION, cause) == _kept(state)


def test_a_retention_that_nobody_saw_is_not_green() -> None:
    """Not asked, or not allowed."""
    for described in (None, Unobserved(reason="access-denied")):
        assert (Outcome.INCONCLUSIVE, "retention-unknown") == _kept(described)


def test_a_smoke_topic_that_msk_does_not_have() -> None:
    """It is not there to be written to, whatever the broker would have made of it."""
    assert (Outcome.VIOLATION, "topic-missing") == _kept(Missing(what="s"))


@pytest.mark.parametrize(
    ("cleanup", "cause"),
    [(("delete",), None), (("compact", "delete"), None), (("compact",), "compacted"), ((), "compacted")],
)
def test_a_smoke_topic_deletes_by_age(cleanup: tuple[str, ...], cause: str | None) -> None:
    """A retention means nothing to a topic that is compacted and no more."""
    state = TopicState(name="s", state="ACTIVE", partitions=1, replication=2, retention_ms=1000, cleanup=cleanup)
    assert (Outcome.PASS if cause is None else Outcome.VIOLATION, cause) == _kept(state)


def test_without_a_smoke_topic_the_declaration_is_at_fault() -> None:
    """Nothing else is ever written to."""
    found = RUNGS["MSG-200"](seen(), Asked())
    assert (Outcome.VIOLATION, "no-smoke-topic", Layer.DECLARATION) == (found.outcome, found.cause, found.layer)


def test_a_service_that_reads_without_a_group_is_the_declarations_fault() -> None:
    """MSG-195 applies to it, and there is nothing to ask."""
    found = RUNGS["MSG-195"](seen(), Asked())
    assert (Outcome.VIOLATION, "no-group", Layer.DECLARATION) == (found.outcome, found.cause, found.layer)


@pytest.mark.parametrize(
    ("bits", "missing"), [(0b100011000, None), (0b100001000, ["write"]), (0, ["describe", "write"])]
)
def test_the_bits_of_authorized_operations(bits: int, missing: list[str] | None) -> None:
    """Exactly the declared operations that are not among them."""
    found = RUNGS["MSG-190"](seen(topics={"events.raw": TopicSeen(partitions=1, authorized=bits)}), ASKED)
    assert missing == found.facts.get("missing_operations")
    assert (Outcome.VIOLATION if missing else Outcome.PASS) is found.outcome


RELEASES = ["1.4.7", "2.0.2", "2.1.5", "2.2.15", "2.3.3", "3.0.12"]


@pytest.mark.parametrize(
    ("version", "api_version", "api"),
    [
        *((version, None, None) for version in RELEASES[1:]),
        *((version, "2.6", None) for version in RELEASES[1:]),
        *((version, "1.0", None) for version in RELEASES[1:]),
        *((version, "0.10.2", "Produce") for version in RELEASES[1:]),
        ("2.0.2", "0.11", "Fetch"),
        ("2.0.2", "0.11.0", None),
        ("2.2.15", "0.11", None),
        ("3.0.12", "0.11", None),
    ],
)
def test_the_ranges_say_what_real_clients_did_against_kafka_4_2(
    version: str, api_version: str | None, api: str | None
) -> None:
    """Each row was run: which ones produce and consume, and what the others ask for in vain."""
    client = ClientSeen(name="kafka-python", version=version, api_version=api_version)
    found = RUNGS["MSG-220"](seen(bootstrap=(broker(),), client=client), ASKED)
    assert api == found.facts.get("api"), found
    assert (Outcome.PASS if api is None else Outcome.VIOLATION) is found.outcome


@pytest.mark.parametrize(
    ("name", "version", "api_version", "outcome", "cause"),
    [
        ("kafka-python", "1.4.7", None, Outcome.VIOLATION, "mechanism-unknown"),
        ("kafka-python", "9.0.0", None, Outcome.INCONCLUSIVE, "client-unknown"),
        ("kafka-python", "0.9.5", None, Outcome.INCONCLUSIVE, "client-unknown"),
        ("kafka-python", "not a version", None, Outcome.INCONCLUSIVE, "client-unknown"),
        ("kafka-python", "2.2.15", "0.7", Outcome.INCONCLUSIVE, "client-unknown"),
        ("kafka-python", "2.2.15", "latest", Outcome.VIOLATION, "api-version-malformed"),
        ("kafka-python", "2.2.15", "2.6banana", Outcome.VIOLATION, "api-version-malformed"),
        ("kafka-python", "9.0.0", "banana", Outcome.INCONCLUSIVE, "client-unknown"),
        ("kafka-python", None, None, Outcome.VIOLATION, "client-not-found"),
        ("franz-go", None, None, Outcome.INCONCLUSIVE, "client-unknown"),
        ("confluent-kafka", "2.16.1", None, Outcome.INCONCLUSIVE, "client-unknown"),
        ("../kafka-python", "2.2.15", None, Outcome.INCONCLUSIVE, "client-unknown"),
    ],
)
def test_an_unknown_client_is_never_guessed(
    name: str, version: str | None, api_version: str | None, outcome: Outcome, cause: str
) -> None:
    """Neither its release nor its setting."""
    client = ClientSeen(name=name, version=version, api_version=api_version)
    found = RUNGS["MSG-220"](seen(bootstrap=(broker(),), client=client), ASKED)
    assert (outcome, cause) == (found.outcome, found.cause)


@pytest.mark.parametrize(
    ("own", "outcome", "layer"), [(True, Outcome.VIOLATION, Layer.PACKAGING), (False, Outcome.INCONCLUSIVE, None)]
)
def test_a_client_is_missed_by_the_images_own_python_alone(own: bool, outcome: Outcome, layer: Layer | None) -> None:
    """An interpreter that was brought along looks into folders of its own."""
    asked = Asked(own_interpreter=own)
    found = RUNGS["MSG-220"](seen(bootstrap=(broker(),), client=ClientSeen(name="kafka-python")), asked)
    assert (outcome, "client-not-found", layer) == (found.outcome, found.cause, found.layer)


def test_the_data_knows_the_installed_kafka_python() -> None:
    """Its highest versions are those of the client's own classes, as far as its code doesn't cap them."""
    from kafka import __version__ as version
    from kafka.protocol.broker_version_data import BROKER_API_VERSIONS
    from kafka.protocol.consumer import ListOffsetsRequest
    from kafka.protocol.metadata import FindCoordinatorRequest, MetadataRequest

    from pytest_substrate.planes.messaging.clients.ranges import release_of

    release = release_of("kafka-python", version, None)
    assert release is not None
    for request in (ListOffsetsRequest, MetadataRequest, FindCoordinatorRequest):
        assert request.max_version == release.ranges[request.API_KEY][1]
    for pin, row in BROKER_API_VERSIONS.items():
        pinned = release_of("kafka-python", version, ".".join(map(str, pin)))
        assert pinned is not None
        assert {api: (min(row[api][1], release.ranges[api][1]),) * 2 for api in pinned.ranges} == dict(pinned.ranges)


def test_a_range_must_suit_every_broker() -> None:
    """One that doesn't is named, wherever it stands."""
    old = broker(address="b-2.spine:9096", apis={**APIS, "1": (0, 3)})
    client = ClientSeen(name="kafka-python", version="2.0.2", api_version="0.11.0")
    for brokers in itertools.permutations((old, broker())):
        found = RUNGS["MSG-220"](seen(metadata=MetadataSeen(brokers=brokers), client=client), ASKED)
        assert (Outcome.VIOLATION, "no-common-version") == (found.outcome, found.cause)
        assert ("Fetch", "4", "0-3", "b-2.spine:9096") == tuple(
            found.facts[name] for name in ("api", "client_range", "broker_range", "broker")
        )


@pytest.mark.parametrize("check", ["MSG-060", "MSG-070", "MSG-110", "MSG-170", "MSG-200", "MSG-230", "MSG-240"])
def test_an_unknown_cause_is_of_no_probe_of_ours(check: str) -> None:
    """INCONCLUSIVE: nothing is guessed from it."""
    failure = Failure(cause="struck-by-lightning", stage="dns")
    transcript = seen(
        bootstrap=(broker(failure=failure, passed=()),),
        identity=IdentitySeen(failure=failure),
        credential=CredentialSeen(variables=("X",), failure=failure),
        metadata=MetadataSeen(failure=failure),
        produce=ProduceSeen(topic="s", failure=failure),
        client=ClientSeen(name="kafka-python", ran=True, failure=failure),
        reauthentication=ReauthenticationSeen(way="fresh-connection", failure=failure),
    )
    found = RUNGS[check](transcript, ASKED)
    assert (Outcome.INCONCLUSIVE, "malformed") == (found.outcome, found.cause)


def test_a_running_task_has_no_reference() -> None:
    """At vantage exec MSG-070 says why it can't be judged, and which command proves it; what it can see, it judges."""
    got = CredentialSeen(variables=("KAFKA_CREDENTIAL",), principal_matches=True)
    seen = Transcript(
        schema=TRANSCRIPT_SCHEMA, nonce="n", python="3.11", started_at="2026-11-25T12:00:00Z", credential=got
    )
    found = RUNGS["MSG-070"](seen, replace(ASKED, in_running_task=True))
    assert (Outcome.INCONCLUSIVE, "no-reference") == (found.outcome, found.cause)
    assert "ECS injects secrets only when a task starts" in found.message
    assert "pytest -m messaging_plane --substrate-vantage task" == found.next
    assert RUNGS["MSG-070"](seen, ASKED).next is None
    other = replace(seen, credential=replace(got, principal_matches=False))
    assert "principal-mismatch" == RUNGS["MSG-070"](other, replace(ASKED, in_running_task=True)).cause


def test_here_no_task_tells_its_role() -> None:
    """MSG-060 names the command that starts one; where a start failed, MSG-055 has the mend."""
    for reason, command in (
        ("not-a-fresh-task", "pytest -m messaging_plane --substrate-vantage task"),
        ("capacity", None),
    ):
        found = RUNGS["MSG-060"](Unobserved(reason="not-asked"), replace(ASKED, not_started=reason))
        assert ("no-task", command) == (found.cause, found.next)
