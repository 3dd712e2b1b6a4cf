"""The program: read the request, go down the ladder, print the transcript. It catches all, and tells no secret."""

from __future__ import annotations

import os
import platform
import sys
import time
from functools import partial
from typing import Any, Callable, Mapping

from .client import client_round_trip, client_seen, start_client
from .cluster import Cluster
from .identity import caller, container_keys, received, shadows
from .link import as_broken, in_thread
from .peer import Peer, Setup, failure, together
from .report import HELD, place, scrub, tell
from .wire import Broken

RUNGS = {
    "dns": "MSG-110",
    "tcp": "MSG-120",
    "tls": "MSG-130",
    "api-versions": "MSG-140",
    "mechanism": "MSG-150",
    "authenticate": "MSG-160",
}


class Probe:
    """One run: what is asked, what may be used, what was seen, and the values that must not be told."""

    def __init__(self, asked: Mapping[str, Any], env: Mapping[str, str], secret: Mapping[str, str]) -> None:
        self.asked = asked
        self.env = env
        self.secret = secret
        names = [asked.get(name) for name in ("credential_env", "password_env", "expected_env")]
        self.held = [env.get(name or "") for name in (*HELD, *names)]
        self.end = time.monotonic() + 8 * asked["deadline_s"]
        self.seen = {
            "schema": "substrate.transcript/1",
            "nonce": asked["nonce"],
            "python": platform.python_version(),
            "started_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "durations_ms": {},
            "protocol": asked["protocol"],
            "mechanism": asked.get("mechanism"),
        }  # type: dict[str, Any]
        self.sts = None  # type: Callable[[float], Any] | None
        self.child = None  # type: Any

    def until(self) -> float:
        """The deadline of a rung that begins now."""
        return float(min(time.monotonic() + self.asked["deadline_s"], self.end))

    def rung(self, check: str, stage: str, seen: dict[str, Any], work: Callable[[float], Any]) -> Any:
        """One rung: what `work` gives, or None and a failure in `seen`."""
        began = time.monotonic()
        try:
            return work(self.until())
        except Exception as error:
            seen["failure"] = failure(as_broken(error), stage)
            self.late(seen)
        finally:
            self.seen["durations_ms"][check] = round((time.monotonic() - began) * 1000, 1)

    def late(self, seen: dict[str, Any]) -> None:
        """Silence that the whole's end cut short proves nothing."""
        if time.monotonic() >= self.end and seen.get("failure", {}).get("cause") == "silent":
            seen["failure"]["cause"] = "out-of-time"

    def setting(self, name: str) -> str | None:
        """By the variable that the request names for it, else as the request gives it."""
        return self.env.get(self.asked.get(name + "_env") or "") or self.asked.get(name)

    def go(self) -> None:
        """Everything that is asked for, as far as it can be reached."""
        asked, seen = self.asked, self.seen
        if asked.get("client"):
            seen["client"] = client_seen(asked["client"], self.setting("api_version"))
            if asked.get("client_round_trip") and asked["client"] == "kafka-python":
                self.child = start_client()
        if asked.get("identity") or (asked.get("mechanism") == "AWS_MSK_IAM" and not self.secret):
            self.identity()
        if asked.get("credential_env") or asked.get("username_env"):
            self.secret, seen["credential"] = received(asked, self.env, self.held)
        try:
            self.ladder()
        finally:
            if self.child:
                self.child.kill()
                self.child.communicate()
            if self.sts:
                try:
                    seen["identity"].update(self.sts(self.until()))
                except Broken as broken:
                    seen["identity"].update(sts="unreachable", error_code=broken.cause)

    def region(self) -> str:
        """As asked, else as the container says."""
        return self.asked.get("region") or self.env.get("AWS_REGION") or self.env.get("AWS_DEFAULT_REGION") or ""

    def identity(self) -> None:
        """The task role's credentials; STS is asked beside the ladder, as it may not be reachable."""
        seen = self.seen["identity"] = {"shadowed_by": shadows(self.env)}

        def look(until: float) -> Any:
            return in_thread(lambda: container_keys(self.env, until))(until)

        keys = self.rung("MSG-060", "identity", seen, look)
        if keys:
            self.secret = keys
            seen["role_arn"] = keys["role_arn"] or None
            if self.region():
                until = self.until()
                self.sts = in_thread(lambda: caller(keys, self.region(), self.asked.get("sts_endpoint"), until))

    def ladder(self) -> None:
        """From the bootstrap list to the last rung."""
        asked, seen = self.asked, self.seen
        wired = asked.get("bootstrap_env")
        text = self.env.get(wired, "") if wired else ",".join(asked.get("bootstrap", []))
        servers = list(dict.fromkeys(item.strip() for item in text.split(",") if item.strip()))
        if not servers:
            seen["bootstrap_failure"] = failure(Broken("no-bootstrap"), "bootstrap")
            return
        files = (self.setting("ca_file"), self.setting("cert_file"), self.setting("key_file"))
        setup = Setup(asked["protocol"], asked.get("mechanism"), self.secret, self.region(), files)
        peers = [Peer(setup, address) for address in servers]
        seen["bootstrap"] = [peer.seen for peer in peers]
        cluster = Cluster(setup, peers)
        try:
            for stage in setup.stages:
                self.rung(RUNGS[stage], stage, {}, partial(together, peers, [stage]))
                for peer in peers:
                    self.late(peer.seen)
                if any("failure" in peer.seen for peer in peers):
                    return
            if self.brokers(cluster):
                self.topics(cluster)
                if asked.get("smoke_topic") and self.smoke(cluster) and asked.get("client_round_trip"):
                    self.end += asked["client_deadline_s"]
                    own = seen["client"]
                    self.rung(
                        "MSG-230", "client", own, lambda _: client_round_trip(self.child, asked, setup, servers, own)
                    )
                if asked.get("reauthenticate"):
                    self.again(setup, cluster)
        finally:
            for peer in cluster.peers.values():
                peer.shut()

    def brokers(self, cluster: Cluster) -> bool:
        """Metadata, and the whole way to every broker that it names."""
        seen = {}  # type: dict[str, Any]
        self.seen["metadata"] = seen
        names = {*self.asked.get("topics", []), self.asked.get("smoke_topic") or ""} - {""}

        def look(until: float) -> list[dict[str, Any]]:
            try:
                cluster.metadata(sorted(names), until)
            except Exception as error:
                raise cluster.refusal(as_broken(error), until) from None
            return cluster.reach(until)

        seen["brokers"] = self.rung("MSG-170", "metadata", seen, look) or []
        for broker in seen["brokers"]:
            self.late(broker)
        return not any("failure" in item for item in [seen] + seen["brokers"])

    def topics(self, cluster: Cluster) -> None:
        """The topics and the group that are asked about."""
        names, group = self.asked.get("topics", []), self.asked.get("group")
        lost = {"kafka_error": 3}  # type: dict[str, Any]
        self.rung("MSG-180", "topics", lost, lambda until: cluster.settle(names, until))
        self.seen["topics"] = {name: cluster.topics.get(name, lost) for name in names}
        if group:
            seen = {}  # type: dict[str, Any]
            self.seen["group"] = seen
            seen.update(self.rung("MSG-195", "group", seen, lambda until: cluster.group(group, until)) or {})

    def smoke(self, cluster: Cluster) -> bool:
        """One record there and back."""
        value = os.urandom(32)
        sent = self.seen["produce"] = {"topic": self.asked["smoke_topic"]}
        leader = self.rung("MSG-200", "produce", sent, lambda until: cluster.produce(sent["topic"], value, sent, until))
        if leader:
            back = {}  # type: dict[str, Any]
            self.seen["fetch"] = back
            self.rung("MSG-210", "fetch", back, lambda until: cluster.fetch(leader, sent, value, back, until))
            return "failure" not in back
        return False

    def again(self, setup: Setup, cluster: Cluster) -> None:
        """The credential once more: on the same connection where the broker gives it a lifetime, else on a new one."""
        first = cluster.first
        lifetime = first.seen.get("session_lifetime_ms") or 0
        seen = self.seen["reauthentication"] = {
            "way": "same-connection" if lifetime else "fresh-connection",
            "session_lifetime_ms": lifetime,
        }

        def work(until: float) -> None:
            peer = first
            if lifetime:
                first.choose(until)
                first.authenticate(until)
            else:
                peer = cluster.peers["again"] = Peer(setup, first.seen["address"])
                if not peer.walk(setup.stages, until):
                    short = peer.seen["failure"]
                    raise Broken(short["cause"], short["stage"], short.get("kafka_error"), short.get("peer_message"))
            Cluster(setup, [peer]).metadata([], until)

        self.rung("MSG-240", "reauthenticate", seen, work)


def run(asked: Mapping[str, Any], env: Mapping[str, str], secret: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The transcript of a request. `secret` is given where the credential doesn't come from the environment."""
    probe = Probe(asked, env, secret or {})
    try:
        probe.go()
    except Exception as error:
        probe.seen["crash"] = place(error)
    secrets = [probe.secret.get(name) for name in ("password", "secret_key", "token")]
    return dict(scrub(probe.seen, probe.held + secrets))


def main(arguments: list[str]) -> int:
    """0 when a whole transcript was printed."""
    return tell(run, arguments)


if __name__ == "__main__":
    os._exit(main(sys.argv))
