"""What a cluster answers once a broker is reached: Metadata, topics, a group, one record written and read."""

from __future__ import annotations

import time
from typing import Any

from .link import as_broken
from .peer import Peer, Setup, together
from .wire import Broken, batch_of, holds, join_address, left, packed

TRANSIENT = (5, 6, 14, 15, 16, 19)
"""No leader, another leader, coordinator loading, not available, moved, replicas out of sync: asked again in time."""

BROKERS = 500
"""Each is looked at in a thread of its own; a list of more is nonsense (MSK has 90 at most)."""

PAUSE = 0.1
"""Seconds before a question is asked again."""


class Cluster:
    """The brokers by address, and what Metadata said last."""

    def __init__(self, setup: Setup, peers: list[Peer]) -> None:
        self.setup = setup
        self.peers = {peer.seen["address"]: peer for peer in peers}
        self.first = peers[0]
        self.nodes = {}  # type: dict[int, str]
        self.topics = {}  # type: dict[str, dict[str, Any]]
        self.leaders = {}  # type: dict[str, list[tuple[int, int]]]

    def metadata(self, names: list[str], until: float) -> None:
        """Ask the first broker, with the operations that the principal is authorized to; no topic is created by it."""
        if "3" not in self.first.seen["apis"]:
            raise Broken("not-a-broker")
        body = packed("abbb", [packed("s", name) for name in names], 0, 0, 1)
        reader = self.first.ask(3, 8, body, until)
        partition = ["hiii", ["i"], ["i"], ["i"]]
        _, nodes, _, _, topics, _ = reader.shaped("i", ["isis"], "si", ["hsb", partition, "i"], "i")
        self.nodes = {node: join_address(host or "", port) for node, host, port, _ in nodes}
        for code, name, _, partitions, authorized in topics:
            self.leaders[name] = sorted((part[1], part[2]) for part in partitions)
            self.topics[name] = {
                "kafka_error": code,
                "partitions": len(partitions),
                "leaderless": sorted(part[1] for part in partitions if part[2] < 0 or part[0] in (5, 72)),
                "authorized": authorized,
            }
        if not nodes:
            raise Broken("no-brokers")
        if len(nodes) > BROKERS:
            raise Broken("garbled", "brokers")

    def reach(self, until: float) -> list[dict[str, Any]]:
        """The whole way to each advertised broker that was not a bootstrap address."""
        addresses = sorted(set(self.nodes.values()))
        new = [Peer(self.setup, address) for address in addresses if address not in self.peers]
        self.peers.update({peer.seen["address"]: peer for peer in new})
        together(new, self.setup.stages, until)
        return [self.peers[address].seen for address in addresses]

    def refusal(self, broken: Broken, until: float) -> Broken:
        """Why Metadata was not served: a SASL listener closes on a client that doesn't authenticate."""
        if broken.cause == "closed" and "authenticate" not in self.setup.stages:
            offered = self.first.offered(until)
            if offered:
                return Broken("sasl-expected", ", ".join(offered))
        return broken

    def settle(self, names: list[str], until: float) -> None:
        """Ask again while a leader is being elected, or until the deadline."""
        while any(self.topics.get(name, {}).get("leaderless") for name in names) and self.pause(until):
            self.metadata(names, until)

    def pause(self, until: float) -> bool:
        """Wait a moment, where there is time enough to ask once more after it."""
        if until - time.monotonic() < 2 * PAUSE:
            return False
        time.sleep(PAUSE)
        return True

    def group(self, name: str, until: float) -> dict[str, Any]:
        """Find the group's coordinator and have the group described; nobody joins."""
        while True:
            _, code, _, _, host, port = self.first.ask(10, 1, packed("sb", name, 0), until).shaped("ihsisi")
            seen = {"kafka_error": code}
            if not code:
                address = join_address(host or "", port)
                peer = self.peers.setdefault(address, Peer(self.setup, address))
                if not peer.walk(self.setup.stages, until):
                    short = peer.seen["failure"]
                    raise Broken(short["cause"], "coordinator " + address, short.get("kafka_error"))
                reader = peer.ask(15, 3, packed("ab", [packed("s", name)], 1), until)
                for answer in reader.shaped("i", ["hssss", ["sssyy"], "i"])[1]:
                    seen = {"kafka_error": answer[0], "authorized": answer[6]}
            if seen["kafka_error"] not in TRANSIENT or not self.pause(until):
                return seen

    def produce(self, topic: str, value: bytes, seen: dict[str, Any], until: float) -> Peer:
        """Write one record to the first partition that has a leader; the leader."""
        while True:
            code = self.topics.get(topic, {}).get("kafka_error", 3)
            if code:
                raise Broken("topic-error", errno=code)
            led = [part for part in self.leaders[topic] if self.nodes.get(part[1]) in self.peers]
            if led:
                seen["partition"], node = led[0]
                leader = self.peers[self.nodes[node]]
                part = packed("iy", led[0][0], batch_of(value, int(time.time() * 1000)))
                body = packed("shia", None, -1, int(left(until) * 800), [packed("sa", topic, [part])])
                _, code, offset, _ = only(leader.ask(0, 3, body, until).shaped(["s", ["ihqq"]])[0])
                if not code:
                    seen["offset"] = offset
                    return leader
                if code not in TRANSIENT:
                    raise Broken("kafka-error", errno=code)
            if not self.pause(until):
                raise Broken("kafka-error", errno=code) if code == 19 else Broken("no-leader")
            self.metadata([topic], until)

    def fetch(self, leader: Peer, sent: dict[str, Any], value: bytes, seen: dict[str, Any], until: float) -> None:
        """Read from exactly the offset that was given until the record is there.

        Version 10: before it, a broker older than 4.0 refuses a topic that it compresses with zstd (76).
        """
        offset = sent["offset"]
        while True:
            part = packed("iiqqi", sent["partition"], -1, offset, -1, 1 << 16)
            wait = int(min(0.5, left(until) / 2) * 1000)
            topic = packed("sa", sent["topic"], [part])
            body = packed("iiiibiiaa", -1, wait, 1, 1 << 16, 0, 0, -1, [topic], [])
            answer = ["s", ["ihqqq", ["qq"], "y"]]
            try:
                seen["throttle_ms"], code, _, topics = leader.ask(1, 10, body, until).shaped("ihi", answer)
            except Exception as error:  # a broker that throttles answers no more until the time is up
                broken = as_broken(error)
                raise (
                    Broken("throttled-by-quota") if broken.cause == "silent" and seen.get("throttle_ms") else broken
                ) from None
            data = b""
            if not code:
                _, code, _, _, _, _, data = only(topics)
            if code and code not in TRANSIENT:
                raise Broken("kafka-error", errno=code)
            found = holds(data or b"", offset, value)
            if found is not None:
                if not found:
                    raise Broken("other-record")
                seen["offset"] = offset
                return
            if not self.pause(until):
                raise Broken("throttled-by-quota" if seen["throttle_ms"] else "not-returned")


def only(topics: list[Any]) -> Any:
    """The one partition of the one topic of an answer."""
    parts = [part for topic in topics for part in topic[1]]
    if len(parts) != 1:
        raise Broken("garbled", "partitions")
    return parts[0]
