"""How long the main job takes, from nothing and against a kept platform, beside what a user would do without it.

    python benchmarks/embedded_run.py

Three things in turn, several rounds: `pytest -m messaging_plane` that starts its platform and ends it; the same with
SUBSTRATE_EMBEDDED, against a platform that is kept; and the peer: the same two brokers alone, from nothing, with the
topic and the user that one round trip of kafka-python's own producer and consumer needs. What keeps the machine busy
falls on all of them, so the ratios hold where the seconds don't. Beside the wall-clock time, the processor time (user
and system) of all processes of a run is told, as the kernel counted it until 20 ms before the end of each.
"""

from __future__ import annotations

import datetime as dt
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import kafka
import psutil

from pytest_substrate.embedded import keeper
from pytest_substrate.embedded.client import ATTACH_VARIABLE, start_server
from pytest_substrate.embedded.kafka.cluster import KafkaCluster
from pytest_substrate.embedded.kafka.prepare import prepare
from pytest_substrate.embedded.kafka.resources import ScramUser, TopicSpec
from pytest_substrate.embedded.kafka.spec import ClusterSpec
from pytest_substrate.embedded.kafka.tls import Authority
from pytest_substrate.embedded.network.relay import Network

ROUNDS = 5
FROM_NOTHING_S, ATTACHED_S = 8.0, 3.0
"""What is allowed on two quiet cores, once Kafka is fetched."""
ROOT = Path(__file__).parents[1]
LEFT_OUT = (
    "allure_pytest",
    "hypothesispytest",
    "rerunfailures",
    "repeat",
    "timeout",
    "testinfra",
    "xdist",
    "cacheprovider",
)
PEER = "--peer"


def main() -> int:
    """Measure and print; 1 where a limit is missed."""
    environment = {name: value for name, value in os.environ.items() if name != ATTACH_VARIABLE}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # byte code is kept wherever Python may write
    with tempfile.TemporaryDirectory() as folder, start_server(progress=lambda _: None) as attach:
        left_out = [part for name in LEFT_OUT for part in ("-p", f"no:{name}")]
        job = [sys.executable, "-m", "pytest", "-q", "-m", "messaging_plane", *left_out]
        job += [f"--substrate-evidence={folder}/evidence.json", f"--basetemp={folder}/base"]
        kinds: dict[str, tuple[Sequence[str], Mapping[str, str]]] = {
            "from nothing": (job, environment),
            "attached": (job, {**environment, ATTACH_VARIABLE: str(attach)}),
            "peer": ([sys.executable, __file__, PEER], environment),
        }
        for command, variables in kinds.values():  # what is compiled and cached at first is not counted
            _run(command, variables)
        taken: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
        for _ in range(ROUNDS):
            for kind, (command, variables) in kinds.items():
                taken[kind].append(_run(command, variables))
    load = os.getloadavg()[0]
    print(f"Kafka {ClusterSpec().version}, Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}")
    for kind, pairs in taken.items():
        wall, work = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{kind:<13}{wall:6.2f} s   {work:6.2f} s of processor   (medians of {ROUNDS})")
    for kind in ("from nothing", "attached"):
        ratios = [mine[0] / peer[0] for mine, peer in zip(taken[kind], taken["peer"], strict=True)]
        print(f"{kind:<13}{statistics.median(ratios):6.2f} x the peer's wall-clock time   (median of the pairs)")
    missed = [
        f"{kind}: above {limit:g} s"
        for kind, limit in (("from nothing", FROM_NOTHING_S), ("attached", ATTACHED_S))
        if statistics.median(wall for wall, _ in taken[kind]) > limit
    ]
    print("; ".join(missed) or "within the limits")
    return 1 if missed else 0


def _run(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Wall-clock and processor seconds of a command and of every process below it; it must end with 0."""
    seen: dict[tuple[int, float], float] = {}
    began = time.monotonic()
    process = psutil.Popen(
        list(command), cwd=ROOT, env=dict(environment), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None:
        try:
            for each in (process, *process.children(recursive=True)):
                times = each.cpu_times()
                seen[each.pid, each.create_time()] = times.user + times.system
        except psutil.Error:
            pass  # one ended while it was looked at
        time.sleep(0.02)
    wall = time.monotonic() - began
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return wall, sum(seen.values())


def _peer() -> None:
    """Two brokers from nothing, one record written and read back by kafka-python."""
    folder = keeper.make_folder()
    kept = keeper.keep(folder)
    try:
        now = dt.datetime.now(dt.UTC)
        authority = Authority.create(folder / "tls", now=now)
        with Network() as network:
            cluster = KafkaCluster.start(
                folder,
                spec=ClusterSpec(has_authorizer=False),
                runtime=prepare(folder, progress=print),
                network=network,
                authority=authority,
                certificate=authority.issue(now=now),
            )
            cluster.admin.create_topics(TopicSpec(name="round.trip", replicas=2))
            cluster.admin.upsert_users(ScramUser(name="ingest", password="correct horse"))
            _round_trip(cluster)
            cluster.stop()
    finally:
        kept.communicate()


def _round_trip(cluster: KafkaCluster) -> None:
    settings = {
        "bootstrap_servers": list(cluster.bootstrap),
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "ingest",
        "sasl_plain_password": "correct horse",
        "ssl_cafile": str(cluster.ca_file),
    }
    producer = kafka.KafkaProducer(acks="all", **settings)
    sent = producer.send("round.trip", b"x" * 32).get(10)
    consumer = kafka.KafkaConsumer(enable_auto_commit=False, **settings)
    place = kafka.TopicPartition("round.trip", sent.partition)
    consumer.assign([place])
    consumer.seek(place, sent.offset)
    assert sent.offset == consumer.poll(5000)[place][0].offset
    consumer.close()
    producer.close()


if __name__ == "__main__":
    if sys.argv[1:] == [PEER]:
        _peer()
    else:
        sys.exit(main())
