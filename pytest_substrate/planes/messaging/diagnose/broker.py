"""MSG-110 … MSG-170: the way to every bootstrap address, rung by rung, and to every broker that they advertise. Pure.

A rung is red where one address fails it: a client may start with any of them.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from typing import Final

from pytest_substrate.model.diagnosis import Diagnosis, passed, violated
from pytest_substrate.model.facts import FactValue, admitted
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.transcript import BrokerSeen, Failure, Transcript
from pytest_substrate.planes.messaging.diagnose.causes import STAGE_LAYERS, cause_of
from pytest_substrate.planes.messaging.diagnose.seen import (
    Asked,
    Rung,
    Seen,
    failed,
    failure_facts,
    iso_of,
    names,
    not_observed,
    unseen_transcript,
)

_NAMES: Final = {
    "dns": "the bootstrap names' resolution",
    "tcp": "the TCP connections",
    "tls": "the TLS handshakes",
    "api-versions": "ApiVersions",
    "mechanism": "the SASL mechanism",
    "authenticate": "the authentication",
}


def _step(stage: str, praise: Callable[[Transcript], Diagnosis], seen: Seen, asked: Asked) -> Diagnosis:
    """A rung over all bootstrap addresses: the first that failed at `stage` is told, and how many did."""
    if isinstance(seen, Unobserved):
        return unseen_transcript(seen, asked)
    if seen.bootstrap_failure is not None:
        return failed(seen.bootstrap_failure, "no way to a broker")
    failures = [broker.failure for broker in seen.bootstrap if broker.failure and broker.failure.stage == stage]
    if failures:
        found = _told(failures[0], asked)
        count = f"{len(failures)} of {len(seen.bootstrap)} addresses: " if len(seen.bootstrap) > 1 else ""
        brokers = tuple(failure.broker for failure in failures if failure.broker)
        mechanisms = next((broker.mechanisms for broker in seen.bootstrap if broker.failure), ())
        return Diagnosis(
            outcome=found.outcome,
            cause=found.cause,
            layer=found.layer,
            message=count + found.message,
            next=_lookup(failures[0]) if stage == "dns" else None,
            facts={
                **found.facts,
                "brokers": admitted("brokers", brokers),
                "mechanism": admitted("mechanism", seen.mechanism) if stage in ("mechanism", "authenticate") else None,
                "mechanisms": admitted("mechanisms", mechanisms) if mechanisms else None,
            },
        )
    if not seen.bootstrap or any(stage not in broker.passed for broker in seen.bootstrap):
        return not_observed(seen, asked, _NAMES[stage])
    return praise(seen)


def _told(failure: Failure, asked: Asked) -> Diagnosis:
    """A failure in words; what the broker said of a credential comes first."""
    cause = cause_of(failure)
    if cause == "rejected":
        principal = f" for principal {asked.principal}" if asked.principal else ""
        said = f"SaslAuthenticate answered {failure.kafka_error or 'an error'}{principal}"
        facts = failure_facts(failure) | {"principal": admitted("principal", asked.principal)}
        return violated(cause, said).with_facts(facts)
    return failed(failure, failure.broker or "a broker")


def _lookup(failure: Failure) -> str | None:
    """A command that asks the resolver for the name alone."""
    host = (failure.broker or "").rpartition(":")[0].strip("[]")
    return f"getent hosts {shlex.quote(host)}" if host and admitted("address", host) else None


def _all(brokers: tuple[BrokerSeen, ...]) -> dict[str, FactValue]:
    return {"brokers": admitted("brokers", tuple(broker.address for broker in brokers))}


def _resolved(transcript: Transcript) -> Diagnosis:
    found = transcript.bootstrap
    addresses = tuple(sorted({address for broker in found for address in broker.addresses}))
    facts = _all(found) | {"addresses": admitted("addresses", addresses)}
    return passed(f"resolved: {names(tuple(broker.address for broker in found))}").with_facts(facts)


def _connected(transcript: Transcript) -> Diagnosis:
    found = transcript.bootstrap
    told = f"connected: {names(tuple(broker.address for broker in found))}"
    return passed(told).with_facts(_all(found))


def _secured(transcript: Transcript) -> Diagnosis:
    found = transcript.bootstrap
    versions = sorted({broker.tls_version for broker in found if broker.tls_version})
    ends = sorted(end for broker in found if (end := iso_of(broker.not_after)))
    facts = _all(found) | {
        "tls_version": admitted("tls_version", versions[0]) if versions else None,
        "not_after": ends[0] if ends else None,
    }
    until = f", valid until {ends[0]}" if ends else ""
    return passed(f"{' and '.join(versions)}, trusted chain, right name{until}").with_facts(facts)


def _versions(transcript: Transcript) -> Diagnosis:
    return passed("the brokers answer ApiVersions").with_facts(_all(transcript.bootstrap))


def _mechanism(transcript: Transcript) -> Diagnosis:
    offered = sorted({name for broker in transcript.bootstrap for name in broker.mechanisms})
    facts: dict[str, FactValue] = {
        "mechanism": admitted("mechanism", transcript.mechanism),
        "mechanisms": admitted("mechanisms", tuple(offered)),
    }
    return passed(f"{transcript.mechanism} is offered").with_facts(facts)


def _authenticated(transcript: Transcript) -> Diagnosis:
    lifetime = transcript.bootstrap[0].session_lifetime_ms or None
    return passed(
        f"the credential is accepted by {transcript.mechanism}",
        mechanism=admitted("mechanism", transcript.mechanism),
        session_lifetime_ms=lifetime,
    )


diagnose_resolution: Final[Rung] = partial(_step, "dns", _resolved)
"""MSG-110: every bootstrap name resolves. It doesn't decide whether the addresses are the cluster's (MSG-040)."""
diagnose_connection: Final[Rung] = partial(_step, "tcp", _connected)
"""MSG-120: every bootstrap address accepts TCP. Of a name's several addresses one is enough, as for a client."""
diagnose_tls: Final[Rung] = partial(_step, "tls", _secured)
"""MSG-130: TLS completes everywhere, by the trust that the client is configured with."""
diagnose_versions: Final[Rung] = partial(_step, "api-versions", _versions)
"""MSG-140: every bootstrap broker answers ApiVersions."""
diagnose_mechanism: Final[Rung] = partial(_step, "mechanism", _mechanism)
"""MSG-150: every bootstrap broker offers the mechanism."""
diagnose_authentication: Final[Rung] = partial(_step, "authenticate", _authenticated)
"""MSG-160: every bootstrap broker accepts the credential."""


def diagnose_metadata(seen: Seen, asked: Asked) -> Diagnosis:
    """MSG-170: metadata is served, and the whole way goes to every advertised broker.

    The layer is that of what failed at the advertised broker.
    """
    if isinstance(seen, Unobserved):
        return unseen_transcript(seen, asked)
    found = seen.metadata
    if found is None:
        return not_observed(seen, asked, "Metadata")
    if found.failure is not None:
        return failed(found.failure, "Metadata")
    failures = [broker.failure for broker in found.brokers if broker.failure]
    if failures:
        first = failures[0]
        count = f"{len(failures)} of {len(found.brokers)} advertised brokers fail, "
        return failed(first, f"{count}{first.broker} at {first.stage}", layer=STAGE_LAYERS.get(first.stage))
    if not found.brokers:
        return not_observed(seen, asked, "the advertised brokers")
    told = f"{names(tuple(broker.address for broker in found.brokers))}: reached, and the credential accepted"
    return passed(told, total=len(found.brokers)).with_facts(_all(found.brokers))
