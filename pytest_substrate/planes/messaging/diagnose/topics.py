"""MSG-180 … MSG-210: topics, the consumer group, and one record to the smoke topic and back. Pure."""

from __future__ import annotations

from typing import Final

from pytest_substrate.model.aws.kafka import ACTIVE, DELETES, TopicState
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import FactValue, admitted, line, number_of
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Layer
from pytest_substrate.model.transcript import UNTOLD, Failure, TopicSeen, Transcript
from pytest_substrate.planes.messaging.diagnose.causes import MEANINGS
from pytest_substrate.planes.messaging.diagnose.seen import Asked, Seen, failed, names, not_observed, unseen_transcript

BITS: Final = {"read": 3, "write": 4, "describe": 8}
"""AclOperation, the number of its bit in authorized operations (KIP-430)."""

_FORBIDDEN: Final = 29
_MISSING: Final = 3
_NO_LEADER: Final = 5


def _topic(seen: Seen, asked: Asked) -> TopicSeen | Diagnosis:
    if isinstance(seen, Unobserved):
        return unseen_transcript(seen, asked)
    found = seen.topics.get(asked.topic or "")
    if found is None:
        return not_observed(seen, asked, f"the topic {asked.topic}")
    return failed(found.failure, f"topic {asked.topic}") if found.failure else found


def _about(asked: Asked, **more: FactValue) -> dict[str, FactValue]:
    return {"topic": admitted("topic", asked.topic), **more}


def diagnose_topic(seen: Seen, asked: Asked) -> Diagnosis:
    """MSG-180: the topic exists, with a leader for every partition.

    A secured broker answers 29 for a missing topic too. Then MSK's topic API (`asked.described`) tells the two apart:
    an ACTIVE topic that the principal may not see is MSG-190's matter.
    """
    found = _topic(seen, asked)
    if isinstance(found, Diagnosis):
        return found.with_facts(_about(asked))
    if found.kafka_error == _FORBIDDEN:
        return _hidden(asked).with_facts(_about(asked, kafka_error=_FORBIDDEN))
    if found.kafka_error not in (0, _NO_LEADER):
        failure = Failure(cause="kafka-error", stage="topics", kafka_error=found.kafka_error)
        return failed(failure, f"{asked.topic}").with_facts(_about(asked))
    if found.leaderless or not found.partitions:
        return violated(
            "no-leader",
            f"{asked.topic}: {len(found.leaderless)} of {number_of(found.partitions, 'partition')} without a leader",
            layer=Layer.SUBSTRATE,
            partitions=list(found.leaderless) or None,
        ).with_facts(_about(asked))
    told = f"{asked.topic} has {number_of(found.partitions, 'partition')}, each with a leader"
    return passed(told, count=found.partitions).with_facts(_about(asked))


def _hidden(asked: Asked) -> Diagnosis:
    state = asked.described
    if isinstance(state, Missing):
        return violated("topic-missing", f"{asked.topic} does not exist, says MSK")
    if isinstance(state, TopicState) and state.state == ACTIVE:
        return passed(
            f"{asked.topic} is ACTIVE with {number_of(state.partitions, 'partition')}, says MSK; the principal "
            "can't see it"
        )
    if isinstance(state, TopicState):
        return violated("topic-not-active", f"{asked.topic} is {state.state}, says MSK", layer=Layer.SUBSTRATE)
    operation = admitted("operation", state.operation) if state is not None else None
    told = "the broker answers 29 for a missing topic as for a forbidden one"
    why = "MSK's topic API was not asked" if state is None else f"MSK's topic API could not be read ({state.reason})"
    return inconclusive("cannot-be-told", f"{asked.topic}: {told}, and {why}", operation=operation)


def diagnose_operations(seen: Seen, asked: Asked) -> Diagnosis:
    """MSG-190: the principal may do the declared operations, by the broker's own word and without trying them.

    29 on Metadata proves that describe is refused, and with it every operation that implies it.
    """
    found = _topic(seen, asked)
    if isinstance(found, Diagnosis):
        return found.with_facts(_about(asked))
    facts = _about(asked, operations=admitted("operations", asked.operations))
    if found.kafka_error == _FORBIDDEN:
        return _lacking(asked.operations, f"on topic {asked.topic}").with_facts(facts | {"kafka_error": _FORBIDDEN})
    if found.kafka_error == _MISSING:
        return inconclusive("topic-missing", f"{asked.topic} does not exist, so no operation is told").with_facts(facts)
    return _judged(found.authorized, asked.operations, f"on topic {asked.topic}").with_facts(facts)


def _judged(authorized: int, operations: tuple[str, ...], where: str) -> Diagnosis:
    if authorized == UNTOLD:
        return inconclusive("operations-untold", f"{where}: {MEANINGS['operations-untold']}")
    missing = tuple(name for name in operations if not authorized >> BITS[name] & 1)
    return _lacking(missing, where) if missing else passed(f"the principal may {names(operations)} {where}")


def _lacking(missing: tuple[str, ...], where: str) -> Diagnosis:
    told = f"the principal may not {' and '.join(missing)} {where}"
    return violated("not-authorized", told, missing_operations=list(missing))


def diagnose_group(seen: Seen, asked: Asked) -> Diagnosis:
    """MSG-195: the principal may read in its consumer group, as the coordinator tells without anybody joining."""
    if asked.group is None:
        return violated("no-group", MEANINGS["no-group"], layer=Layer.DECLARATION)
    if isinstance(seen, Unobserved):
        return unseen_transcript(seen, asked)
    found = seen.group
    if found is None:
        return not_observed(seen, asked, f"the group {asked.group}")
    facts: dict[str, FactValue] = {"group": admitted("group", asked.group)}
    if found.failure is not None:
        return failed(found.failure, f"group {asked.group}").with_facts(facts)
    if found.kafka_error:
        failure = Failure(cause="kafka-error", stage="group", kafka_error=found.kafka_error)
        told = failed(failure, f"group {asked.group}")
        missing = ["read"] if told.cause == "not-authorized" else None
        return told.with_facts({**facts, "missing_operations": missing})
    return _judged(found.authorized, ("read",), f"in group {asked.group}").with_facts(facts)


def diagnose_produce(seen: Seen, asked: Asked) -> Diagnosis:
    """MSG-200: one fresh record to the smoke topic is accepted by all replicas in sync.

    Where `asked.retention_limit_ms` is given, MSK must say that the topic keeps no record for longer; such a topic is
    not even written to (`kept_too_long`).
    """
    if asked.smoke_topic is None:
        return violated("no-smoke-topic", MEANINGS["no-smoke-topic"], layer=Layer.DECLARATION)
    if isinstance(seen, Unobserved):
        return unseen_transcript(seen, asked)
    found, kept = seen.produce, kept_too_long(asked.smoke_topic, asked.described, asked.retention_limit_ms)
    if found is None:
        about = {"topic": admitted("topic", asked.smoke_topic)}
        return kept.with_facts(about) if kept else not_observed(seen, asked, "a record to the smoke topic")
    facts: dict[str, FactValue] = {
        "topic": admitted("topic", found.topic),
        "partition": found.partition,
        "offset": found.offset,
    }
    if found.failure is not None:
        return failed(found.failure, f"a record to {found.topic}").with_facts(facts)
    if kept is not None:
        return kept.with_facts(facts)
    return passed(f"{found.topic} took a record at offset {found.offset}, acks=all").with_facts(facts)


def kept_too_long(
    topic: str, state: TopicState | Missing | Unobserved | None, limit_ms: int | None
) -> Diagnosis | None:
    """Why a smoke topic must not be written to, by MSK's word; None where it may, or where no limit is given.

    A compacted topic that also deletes (`compact,delete`) does so by the records' age.
    """
    if limit_ms is None:
        return None
    if isinstance(state, Missing):
        return violated("topic-missing", f"{topic} does not exist, says MSK", layer=Layer.WIRING)
    if not isinstance(state, TopicState):
        return inconclusive("retention-unknown", f"{topic}: {MEANINGS['retention-unknown']}")
    if DELETES not in state.cleanup:
        return violated("compacted", f"{topic} has the cleanup policy {line(','.join(state.cleanup), 60)}, not delete")
    if state.retention_ms is None or not 0 <= state.retention_ms <= limit_ms:
        kept = "as long as the cluster's default" if state.retention_ms is None else f"{state.retention_ms} ms"
        return violated("retention-too-long", f"{topic} keeps records {kept}, at most {limit_ms} ms is admitted")
    return None


def diagnose_fetch(seen: Seen, asked: Asked) -> Diagnosis:
    """MSG-210: exactly that record comes back from the offset that it was given."""
    if isinstance(seen, Unobserved):
        return unseen_transcript(seen, asked)
    found = seen.fetch
    if found is None or seen.produce is None:
        return not_observed(seen, asked, "the way back of the record")
    facts = _record(seen)
    if found.failure is not None:
        return failed(found.failure, f"the record in {seen.produce.topic}").with_facts(facts)
    return passed(f"the record came back from offset {found.offset}").with_facts(facts)


def _record(seen: Transcript) -> dict[str, FactValue]:
    sent = seen.produce
    if sent is None:
        return {}
    return {"topic": admitted("topic", sent.topic), "partition": sent.partition, "offset": sent.offset}
