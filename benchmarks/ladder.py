"""What the whole healthy ladder costs beside the round trip of kafka-python's own producer and consumer.

    python benchmarks/ladder.py

Two brokers of real Kafka over SASL_SSL with SCRAM-SHA-512; both do their work in this process, warm, in turn, each
round from nothing but the address: the ladder with topics, group, the record and the re-authentication, and the
client's producer that writes a record and its consumer that reads it back. Wall-clock time, as a person waits for it.
"""

from __future__ import annotations

import datetime as dt
import platform
import statistics
import sys
import time
from pathlib import Path

import kafka

from pytest_substrate.embedded import keeper
from pytest_substrate.embedded.kafka.cluster import KafkaCluster
from pytest_substrate.embedded.kafka.prepare import prepare
from pytest_substrate.embedded.kafka.resources import ScramUser, TopicSpec
from pytest_substrate.embedded.kafka.spec import ClusterSpec
from pytest_substrate.embedded.kafka.tls import Authority
from pytest_substrate.embedded.network.relay import Network
from pytest_substrate.model.transcript import ProbeRequest, Transcript, transcript_from
from pytest_substrate.planes.messaging.instrument import Wanted, records_of
from pytest_substrate.probe.bundle import probe_source
from pytest_substrate.probe.program import run

ROUNDS, WARM_UP = 21, 5
AT_MOST = 0.2
TOPIC, GROUP = "substrate.smoke", "ingest"
SECRET = {"username": "ingest", "password": "correct horse"}


def main() -> int:
    """Measure and print; 1 where the ratio is above what is allowed."""
    folder = keeper.make_folder()
    kept = keeper.keep(folder)
    try:
        with Network() as network:
            pairs = _measured(folder, network)
    finally:
        if kept.stdin is not None:
            kept.stdin.close()
        kept.wait(10)
    ladder = statistics.median(pair[0] for pair in pairs)
    client = statistics.median(pair[1] for pair in pairs)
    ratio = statistics.median(pair[0] / pair[1] for pair in pairs)
    print(f"Kafka {ClusterSpec().version}, kafka-python {kafka.__version__}, Python {platform.python_version()}")
    print(f"program    {len(probe_source().encode()):6d} bytes")
    print(f"client     {client * 1000:6.1f} ms   (producer and consumer; median of {ROUNDS})")
    print(f"ladder     {ladder * 1000:6.1f} ms   (MSG-110 to 210 and 240, judged)")
    print(f"ratio      {ratio:6.3f}      (median of the pairs; at most {AT_MOST})")
    return 0 if ratio <= AT_MOST else 1


def _measured(folder: Path, network: Network) -> list[tuple[float, float]]:
    now = dt.datetime.now(dt.UTC)
    authority = Authority.create(folder / "tls", now=now)
    cluster = KafkaCluster.start(
        folder,
        spec=ClusterSpec(has_authorizer=False),
        runtime=prepare(folder, progress=print),
        network=network,
        authority=authority,
        certificate=authority.issue(now=now),
    )
    try:
        cluster.admin.create_topics(TopicSpec(name=TOPIC, replicas=2))
        cluster.admin.upsert_users(ScramUser(name=SECRET["username"], password=SECRET["password"]))
        for _ in range(WARM_UP):
            _ladder(cluster)
            _client(cluster)
        return [(_ladder(cluster), _client(cluster)) for _ in range(ROUNDS)]
    finally:
        cluster.stop()


def _ladder(cluster: KafkaCluster) -> float:
    began = time.perf_counter()
    request = ProbeRequest(
        nonce="0" * 32,
        bootstrap=cluster.bootstrap,
        ca_file=str(cluster.ca_file),
        topics=(TOPIC,),
        group=GROUP,
        smoke_topic=TOPIC,
        reauthenticate=True,
    )
    seen = transcript_from(run(request.asked(), {}, SECRET))
    assert isinstance(seen, Transcript)
    topics = {TOPIC: ("describe", "read", "write")}
    records = records_of(seen, Wanted(bootstrap=cluster.bootstrap, topics=topics, group=GROUP, smoke=TOPIC))
    taken = time.perf_counter() - began
    assert all(record.outcome.green for record in records), records
    assert seen.reauthentication is not None
    assert seen.reauthentication.failure is None
    return taken


def _client(cluster: KafkaCluster) -> float:
    began = time.perf_counter()
    settings = {
        "bootstrap_servers": list(cluster.bootstrap),
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": SECRET["username"],
        "sasl_plain_password": SECRET["password"],
        "ssl_cafile": str(cluster.ca_file),
    }
    producer = kafka.KafkaProducer(acks="all", **settings)
    sent = producer.send(TOPIC, b"x" * 32, key=b"k").get(10)
    consumer = kafka.KafkaConsumer(enable_auto_commit=False, **settings)
    place = kafka.TopicPartition(TOPIC, sent.partition)
    consumer.assign([place])
    consumer.seek(place, sent.offset)
    found = consumer.poll(5000)
    taken = time.perf_counter() - began
    assert sent.offset == found[place][0].offset
    consumer.close()
    producer.close()
    return taken


if __name__ == "__main__":
    sys.exit(main())
