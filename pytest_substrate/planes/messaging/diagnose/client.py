"""MSG-220 … MSG-240: the runtime's own client, by its version ranges and by its round trip, and the credential's second
use. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import FactValue, admitted
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import Layer
from pytest_substrate.model.transcript import BrokerSeen, ClientSeen, Transcript
from pytest_substrate.planes.messaging.clients.ranges import (
    API_NAMES,
    GROUP_APIS,
    Range,
    Release,
    is_known,
    is_version,
    release_of,
)
from pytest_substrate.planes.messaging.diagnose.seen import (
    Asked,
    Seen,
    failed,
    failure_facts,
    not_observed,
    unseen_transcript,
)

VERSION_MEANINGS: Final = {
    "no-common-version": "the client and the brokers have no version of an API in common",
    "mechanism-unknown": "this release of the client does not know the mechanism",
    "client-not-found": "the image has no metadata of a client of the declared name",
    "api-version-malformed": "the configured api_version is no version",
    "client-unknown": "what this client, release or api_version asks for is not in the data",
}
"""The causes of MSG-220; the last one is INCONCLUSIVE, as is a client that another image's Python did not find."""

TRIP_MEANINGS: Final = {
    "client-missing": "the runtime's interpreter can't import the client",
    "client-hangs": "the client did not come to an end by its deadline",
    "client-failed": "the client failed where the probe's own ladder got through",
    "client-unknown": "the probe can't drive this client",
}
"""The causes of MSG-230; the last is INCONCLUSIVE."""


def diagnose_client_versions(seen: Seen, asked: Asked) -> Diagnosis:
    """MSG-220: at its configured `api_version`, the client shares a version of each API with every broker seen.

    It doesn't decide whether the client works (MSG-230). The group's APIs count where a consumer group is declared.
    """
    if isinstance(seen, Unobserved):
        return unseen_transcript(seen, asked)
    client = asked.client or seen.client
    brokers = [*seen.bootstrap, *(seen.metadata.brokers if seen.metadata else ())]
    brokers = [broker for broker in brokers if broker.apis]
    if client is None or not brokers:
        return not_observed(seen, asked, "the client and the brokers' version ranges")
    return _versions(client, seen, brokers, asked).with_facts(_facts(client))


def _versions(client: ClientSeen, seen: Transcript, brokers: Iterable[BrokerSeen], asked: Asked) -> Diagnosis:
    if client.version is None:
        return _not_found(client, asked)
    setting = "" if client.api_version is None else f" with api_version {client.api_version}"
    what = f"{client.name} {client.version}{setting}"
    negotiating = release_of(client.name, client.version, None)
    if client.api_version is not None and negotiating is not None and not is_version(client.api_version):
        return violated("api-version-malformed", f"{what}: {VERSION_MEANINGS['api-version-malformed']}")
    release = release_of(client.name, client.version, client.api_version)
    if release is None:
        return inconclusive("client-unknown", f"{what}: {VERSION_MEANINGS['client-unknown']}")
    if seen.protocol.startswith("SASL") and seen.mechanism not in release.mechanisms:
        return violated("mechanism-unknown", f"{what} does not know {seen.mechanism}", mechanism=seen.mechanism)
    wrong = (_mismatch(what, release, broker, with_group=asked.group is not None) for broker in brokers)
    return next(filter(None, wrong), None) or passed(f"{what} meets the brokers' ranges")


def _not_found(client: ClientSeen, asked: Asked) -> Diagnosis:
    """Proven only where the image's own Python looked, and for what is known to be a Python distribution."""
    told = f"{client.name}: {VERSION_MEANINGS['client-not-found']}"
    if not is_known(client.name):
        return inconclusive("client-unknown", f"{client.name}: {VERSION_MEANINGS['client-unknown']}")
    if not asked.own_interpreter:
        return inconclusive("client-not-found", f"{told} that the interpreter image's Python would see")
    return violated("client-not-found", told, layer=Layer.PACKAGING)


def _mismatch(what: str, release: Release, broker: BrokerSeen, *, with_group: bool) -> Diagnosis | None:
    taken = offered(broker)
    for api, name in API_NAMES.items():
        if api in GROUP_APIS and not with_group:
            continue
        own, theirs = release.ranges.get(api), taken.get(api)
        if own is None or theirs is None or own[1] < theirs[0] or theirs[1] < own[0]:
            return violated(
                "no-common-version",
                f"{what} asks for {name} {_text(own)}, {broker.address} takes {_text(theirs)}",
                api=name,
                client_range=_text(own),
                broker_range=_text(theirs),
                broker=admitted("broker", broker.address),
            )
    return None


def offered(broker: BrokerSeen) -> dict[int, Range]:
    """What a broker really takes, by API key.

    Kafka 4 still advertises Produce 0 … 2, for old librdkafka, and refuses them (KIP-896, KAFKA-18659); it can be told
    by Fetch, whose first version there is 4.
    """
    ranges = {int(key): (low, high) for key, (low, high) in broker.apis.items()}
    if ranges.get(1, (0, 0))[0] >= 4 and 0 in ranges:
        ranges[0] = (max(ranges[0][0], 3), ranges[0][1])
    return ranges


def _text(found: Range | None) -> str:
    if found is None:
        return "none"
    return str(found[0]) if found[0] == found[1] else f"{found[0]}-{found[1]}"


def _facts(client: ClientSeen) -> dict[str, FactValue]:
    return {
        "client": admitted("client", client.name),
        "client_version": admitted("client_version", client.version),
        "api_version": admitted("api_version", client.api_version),
    }


def diagnose_round_trip(seen: Seen, asked: Asked) -> Diagnosis:
    """MSG-230: the runtime's own client, with the runtime's settings, takes a record to the smoke topic and back.

    The ladder below it is green when this is judged, so the fault is the client's or its settings'; the client's own
    words are not taken for a diagnosis, only the phase that it came to.
    """
    if isinstance(seen, Unobserved):
        return unseen_transcript(seen, asked)
    client = seen.client
    if client is None or not (client.ran or client.failure):
        return not_observed(seen, asked, "the client's round trip")
    facts = _facts(client) | {
        "operation": admitted("operation", client.phase),
        "error_code": admitted("error_code", client.error_code),
    }
    if client.failure is None:
        return passed(f"{client.name} {client.version or ''} took a record there and back").with_facts(facts)
    cause = client.failure.cause
    if cause not in TRIP_MEANINGS:
        return failed(client.failure, client.name).with_facts(facts)
    told = f"{client.name} {client.version or ''}: {TRIP_MEANINGS[cause]}"
    if cause == "client-unknown":
        return inconclusive(cause, told).with_facts(facts)
    if client.phase:
        told += f", at {client.phase}"
    layer = Layer.PACKAGING if cause == "client-missing" else None
    return violated(cause, told, layer=layer).with_facts(facts | failure_facts(client.failure))


def diagnose_reauthentication(seen: Seen, asked: Asked) -> Diagnosis:
    """MSG-240: the credential is accepted once more, where it gets a lifetime on the connection that is already there.

    It doesn't wait for the lifetime to end.
    """
    if isinstance(seen, Unobserved):
        return unseen_transcript(seen, asked)
    found = seen.reauthentication
    if found is None:
        return not_observed(seen, asked, "the second authentication")
    same = found.way == "same-connection"
    facts: dict[str, FactValue] = {
        "reauthentication": found.way if same else "not-configured",
        "session_lifetime_ms": found.session_lifetime_ms or None,
        "mechanism": admitted("mechanism", seen.mechanism),
    }
    where = "on the same connection" if same else "on a fresh connection"
    if found.failure is not None:
        return failed(found.failure, f"authenticating again {where}").with_facts(facts)
    told = f"the credential is accepted again {where}"
    return passed(told if same else f"{told}; the broker gives sessions no lifetime").with_facts(facts)
