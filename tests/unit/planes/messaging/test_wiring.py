"""MSG-040: where the bootstrap variable points."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.aws.ecs import Container, Injection, ServiceState, TaskDefinition, Wiring
from pytest_substrate.model.aws.kafka import Bootstrap, Listener, Nodes
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Layer, Outcome
from pytest_substrate.model.transcript import TRANSCRIPT_SCHEMA, BrokerSeen, Failure, Transcript
from pytest_substrate.planes.messaging.diagnose.wiring import diagnose_wiring, is_visible

DEFINITION = "arn:aws:ecs:eu-west-2:111122223333:task-definition/ingest:7"
SERVICE = ServiceState(
    arn="arn:aws:ecs:eu-west-2:111122223333:service/main/ingest",
    name="ingest",
    status="ACTIVE",
    task_definition_arn=DEFINITION,
    desired=2,
    running=2,
    pending=0,
)
B1, B2, B3 = (f"b-{number}.spine.example" for number in (1, 2, 3))
NODES = Nodes(hosts=(B1, B2, B3))
DENIED = Unobserved(reason="access-denied", operation="kafka:ListNodes")


def bootstrap(*endpoints: str, connectivity: str = "vpc") -> Bootstrap:
    """The SCRAM listener at these addresses, and the TLS listener of the same hosts at 9094."""
    tls = tuple(f"{endpoint.rpartition(':')[0]}:9094" for endpoint in endpoints)
    return Bootstrap(
        listeners=(
            Listener(authentication="scram", connectivity=connectivity, endpoints=endpoints),
            Listener(authentication="mtls", connectivity=connectivity, endpoints=tls),
        )
    )


LISTED = bootstrap(f"{B1}:9096", f"{B2}:9096")


def container(*endpoints: str, malformed: int = 0) -> Container:
    """A container whose BROKERS is a plain value with these addresses."""
    wiring = Wiring(variable="BROKERS", endpoints=endpoints, malformed=malformed)
    return Container(name="app", variables=("BROKERS",), wirings=(wiring,))


def judged(
    found: Container,
    *,
    listed: Bootstrap | Missing | Unobserved = LISTED,
    nodes: Nodes | Missing | Unobserved = NODES,
    transcript: Transcript | Unobserved | None = None,
    connectivity: str = "vpc",
) -> Diagnosis:
    """MSG-040 of that container."""
    return diagnose_wiring(
        SERVICE,
        TaskDefinition(arn=DEFINITION, containers=(found,)),
        listed,
        nodes,
        transcript,
        container="app",
        variable="BROKERS",
        authentication="scram",
        connectivity=connectivity,
    )


@pytest.mark.parametrize(
    ("endpoints", "cause", "strange"),
    [
        ((f"{B1}:9096",), None, None),
        ((f"{B2}:9096", f"{B1}:9096"), None, None),
        ((f"{B3}:9096",), None, None),
        (("b-1.other.example:9096",), "foreign-endpoint", ["b-1.other.example:9096"]),
        ((f"{B1}:9096", "b-1.other.example:9096"), "foreign-endpoint", ["b-1.other.example:9096"]),
        ((f"{B1}:9094",), "wrong-port", [f"{B1}:9094"]),
        ((f"{B3}:9098",), "wrong-port", [f"{B3}:9098"]),
        ((f"{B1}:9096", f"{B2}:9092"), "wrong-port", [f"{B2}:9092"]),
        ((f"{B1}:9094", "b-1.other.example:9096"), "foreign-endpoint", [f"{B1}:9094", "b-1.other.example:9096"]),
    ],
)
def test_plain_value(endpoints: tuple[str, ...], cause: str | None, strange: list[str] | None) -> None:
    """Each address is a broker at the declared listener's port, whether or not the bootstrap list names it."""
    found = judged(container(*endpoints))
    assert cause == found.cause
    assert (strange or list(endpoints)) == found.facts["endpoints"]
    assert (Outcome.PASS if cause is None else Outcome.VIOLATION) is found.outcome


def test_brokers_of_one_host() -> None:
    """On one machine the port tells a broker: another cluster's is foreign, this one's TLS port is a wrong port."""
    listed = Bootstrap(
        listeners=(
            Listener(authentication="scram", connectivity="vpc", endpoints=("localhost:1001", "localhost:1002")),
            Listener(authentication="mtls", connectivity="vpc", endpoints=("localhost:1003", "localhost:1004")),
        )
    )
    nodes = Nodes(hosts=("localhost",))
    assert judged(container("localhost:1002"), listed=listed, nodes=nodes).outcome.green
    assert "foreign-endpoint" == judged(container("localhost:2001"), listed=listed, nodes=nodes).cause
    assert "wrong-port" == judged(container("localhost:1003"), listed=listed, nodes=nodes).cause


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (container(malformed=1), "bootstrap-not-wired"),
        (container(f"{B1}:9096", malformed=1), "malformed-endpoint"),
        (
            Container(name="app", variables=("BROKERS",), injections=(Injection(variable="BROKERS", value_from="p"),)),
            "duplicate-variable",
        ),
    ],
)
def test_lists_that_are_none(found: Container, cause: str) -> None:
    """An empty list, an item that is no address, a variable that is set twice."""
    diagnosis = judged(found)
    assert (Outcome.VIOLATION, cause) == (diagnosis.outcome, diagnosis.cause)


def transcript(*addresses: str, failure: str | None = None) -> Transcript:
    """What a probe saw of the variable."""
    return Transcript(
        schema=TRANSCRIPT_SCHEMA,
        nonce="0" * 32,
        python="3.11.7",
        started_at="2026-03-01T12:00:00Z",
        bootstrap=tuple(BrokerSeen(address=address) for address in addresses),
        bootstrap_failure=None if failure is None else Failure(cause=failure, stage="bootstrap"),
    )


HIDDEN = Container(name="app", injections=(Injection(variable="BROKERS", value_from="/spine/brokers"),))
ABSENT = Container(name="app", environment_files=True)


@pytest.mark.parametrize(
    ("found", "seen", "outcome", "cause"),
    [
        (HIDDEN, transcript(f"{B1}:9096"), Outcome.PASS, None),
        (HIDDEN, transcript("b-1.other.example:9096"), Outcome.VIOLATION, "foreign-endpoint"),
        (HIDDEN, transcript(failure="unset"), Outcome.INCONCLUSIVE, "wiring-not-visible"),
        (HIDDEN, None, Outcome.INCONCLUSIVE, "wiring-not-visible"),
        (HIDDEN, Unobserved(reason="parts-cut"), Outcome.INCONCLUSIVE, "wiring-not-visible"),
        (ABSENT, transcript(f"{B1}:9096"), Outcome.PASS, None),
        (ABSENT, transcript(failure="unset"), Outcome.VIOLATION, "bootstrap-not-wired"),
        (ABSENT, None, Outcome.INCONCLUSIVE, "wiring-not-visible"),
    ],
)
def test_a_variable_that_the_definition_does_not_show(
    found: Container, seen: Transcript | Unobserved | None, outcome: Outcome, cause: str | None
) -> None:
    """What a parameter, a file or the image sets is judged as the probe saw it, and open without a probe."""
    assert not is_visible(found, variable="BROKERS")
    diagnosis = judged(found, transcript=seen)
    assert (outcome, cause) == (diagnosis.outcome, diagnosis.cause)


def test_the_definition_wins_over_the_probe() -> None:
    """Where the task definition shows the variable, it alone is judged."""
    assert judged(container(f"{B1}:9096"), transcript=transcript("b-1.other.example:9096")).outcome.green


def test_without_list_nodes() -> None:
    """Brokers of the bootstrap list need no ListNodes; another address is open without it, and not foreign."""
    assert judged(container(f"{B1}:9096"), nodes=DENIED).outcome.green
    found = judged(container(f"{B3}:9096"), nodes=DENIED)
    assert (Outcome.INCONCLUSIVE, "access-denied") == (found.outcome, found.cause)


@pytest.mark.parametrize(
    "listed", [Missing(what="spine"), Bootstrap(listeners=()), bootstrap("x:9096", connectivity="public")]
)
def test_no_list_for_the_declared_listener(listed: Bootstrap | Missing) -> None:
    """A cluster without an address for the declared authentication is the substrate's fault."""
    found = judged(container(f"{B1}:9096"), listed=listed)
    assert ("no-bootstrap-list", Layer.SUBSTRATE) == (found.cause, found.layer)


def test_public_names() -> None:
    """Public names are believed for brokers that aren't listed only where the list shows their form."""
    listed = bootstrap("b-1-public.spine.example:9196", connectivity="public")
    known = judged(container("b-3-public.spine.example:9196"), listed=listed, connectivity="public")
    assert known.outcome.green
    private = judged(container(f"{B1}:9196"), listed=listed, connectivity="public")
    assert "foreign-endpoint" == private.cause
    unlike = bootstrap("one.spine.example:9196", connectivity="public")
    other = judged(container("b-3-public.spine.example:9196"), listed=unlike, connectivity="public")
    assert (Outcome.INCONCLUSIVE, "broker-not-listed") == (other.outcome, other.cause)


def test_names_across_vpcs() -> None:
    """Nothing lists all names across VPCs: a neighbour of a listed one is open, a stranger is foreign."""
    listed = bootstrap("b-1.scram.spine.example:14001", connectivity="multi-vpc")
    near = judged(container("b-2.scram.spine.example:14002"), listed=listed, connectivity="multi-vpc")
    assert (Outcome.INCONCLUSIVE, "broker-not-listed") == (near.outcome, near.cause)
    far = judged(container("b-2.other.example:14002"), listed=listed, connectivity="multi-vpc")
    assert (Outcome.VIOLATION, "foreign-endpoint") == (far.outcome, far.cause)


endpoint = st.builds(
    "{}:{}".format,
    st.sampled_from([B1, B2, B3, "b-1.other.example", "10.0.0.1"]),
    st.sampled_from([9092, 9094, 9096, 9196]),
)


@given(st.lists(endpoint, min_size=1, max_size=5), st.sampled_from([NODES, DENIED, Nodes(hosts=())]))
def test_never_green_with_a_stranger(endpoints: list[str], nodes: Any) -> None:
    """One address that is no broker at the declared port keeps the list from passing."""
    ours = {f"{host}:9096" for host in (B1, B2, B3)}
    assert set(endpoints) <= ours or not judged(container(*endpoints), nodes=nodes).outcome.green
