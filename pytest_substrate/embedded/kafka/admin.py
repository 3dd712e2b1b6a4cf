"""Administration of a cluster over its internal listeners: kafka-python's admin client, with values of our own.

A change is committed by the controller first and reaches each broker a moment later. Every method that changes
something returns when every broker has it, so that what comes next meets the changed cluster.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from kafka.admin import ConfigFilterType, ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import BrokerResponseError, KafkaError, NodeNotReadyError, UnknownBrokerIdError
from kafka.protocol.admin import DescribeUserScramCredentialsRequest

from pytest_substrate.embedded.kafka import translate
from pytest_substrate.embedded.kafka.resources import Acl, AdminRefused, BrokerAddress, ScramUser, Topic, TopicSpec

_DEADLINE_S = 15.0
_POLL_S = 0.003
_RETRY_S = 0.05
_ANSWER_MS = 2000
_FEWEST = 4096
"""The fewest iterations of SCRAM that Kafka takes; as many more are ours to count with."""
_GONE = 16384
"""The most iterations that Kafka takes: they mark a user that is deleted."""
_MARKER = "substrate-settle-"


class KafkaAdmin:
    """The administration of one cluster, by whom its internal listeners take for a super user.

    Its methods raise AdminRefused where Kafka answers with an error, and TimeoutError where nobody answers in time.
    """

    def __init__(self, servers: Sequence[str], *, deadline_s: float = _DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        self._lock = threading.Lock()
        self._marker = _MARKER + secrets.token_hex(6)
        self._mark = _FEWEST
        self._mine = threading.local()  # another thread's block is no reason for this one not to wait
        milliseconds = int(deadline_s * 1000)
        self._client: Any = self._call(
            KafkaAdminClient,
            bootstrap_servers=list(servers),
            client_id="substrate-embedded",
            bootstrap_timeout_ms=milliseconds,
            request_timeout_ms=milliseconds,
            reconnect_backoff_max_ms=200,
        )

    def close(self) -> None:
        """End its connections and its thread."""
        self._client.close()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Several changes in a block: wait once, at its end, until every broker has them all."""
        self._mine.batches = self._batches + 1
        try:
            yield
        finally:
            self._mine.batches -= 1
        self._settle()

    def brokers(self) -> tuple[BrokerAddress, ...]:
        """The brokers that serve now, by their internal addresses; one that is down stays registered, but fenced."""
        found = self._call(self._client.describe_cluster)["brokers"]
        rows = [
            BrokerAddress(node=row["broker_id"], host=row["host"], port=row["port"])
            for row in found
            if not row.get("is_fenced")  # a broker of Kafka 3 doesn't tell, and names no fenced one
        ]
        return tuple(sorted(rows, key=lambda row: row.node))

    def set_broker_settings(self, node: int, settings: Mapping[str, str | None]) -> None:
        """Change a broker's dynamic settings; None takes one back."""
        self._alter(ConfigResource(ConfigResourceType.BROKER, str(node), _changes(settings)))

    def create_topics(self, *topics: TopicSpec) -> None:
        """Make topics."""
        self._call(self._client.create_topics, translate.new_topics(topics))
        self._settle()

    def delete_topics(self, *names: str) -> None:
        """Delete topics."""
        self._call(self._client.delete_topics, list(names))
        self._settle()

    def grow_topic(self, name: str, partitions: int) -> None:
        """Give a topic more partitions."""
        self._call(self._client.create_partitions, {name: partitions})
        self._settle()

    def topic_names(self) -> tuple[str, ...]:
        """The names of all topics, internal ones too."""
        return tuple(sorted(self._call(self._client.list_topics)))

    def topics(self, *names: str) -> tuple[Topic, ...]:
        """Topics by name, those that exist; without names, all."""
        rows = self._call(self._client.describe_topics, list(names) or None)
        found = [translate.topic(row) for row in rows if not row["error_code"]]
        return tuple(sorted(found, key=lambda topic: topic.name))

    def topic_settings(self, name: str) -> dict[str, str]:
        """All settings of a topic that Kafka tells, defaults included."""
        resource = ConfigResource(ConfigResourceType.TOPIC, name)
        found = self._call(self._client.describe_configs, [resource], config_filter=ConfigFilterType.ALL)
        return {key: row["value"] for key, row in found["topic"][name].items() if row["value"] is not None}

    def set_topic_settings(self, name: str, settings: Mapping[str, str | None]) -> None:
        """Change a topic's settings; None takes one back."""
        self._alter(ConfigResource(ConfigResourceType.TOPIC, name, _changes(settings)))

    def allow(self, *acls: Acl) -> None:
        """Add ACLs (those with `allow=False` deny)."""
        results = self._call(self._client.create_acls, [translate.acl(acl) for acl in acls])
        for error in results["failed"]:
            raise translate.refusal(error)
        self._settle()

    def revoke(self, *acls: Acl) -> None:
        """Take ACLs away, exactly these."""
        for _, _, error in self._call(self._client.delete_acls, [translate.acl_filter(acl) for acl in acls]):
            if error.errno:
                raise translate.refusal(error)
        self._settle()

    def acls(self) -> tuple[Acl, ...]:
        """All ACLs."""
        found, _ = self._call(self._client.describe_acls, translate.any_acl())
        return tuple(sorted((translate.acl_back(acl) for acl in found), key=repr))

    def upsert_users(self, *users: ScramUser) -> None:
        """Make SCRAM users, or give them another password."""
        for mechanism in sorted({user.mechanism for user in users}):  # Kafka takes a name once a request
            self._put_users(user for user in users if user.mechanism == mechanism)
        self._settle()

    def delete_users(self, *names: str, mechanism: str = "SCRAM-SHA-512") -> None:
        """Take the SCRAM credentials of one mechanism away; connections that stand, stay.

        What is left is a credential that nobody knows, which Kafka refuses as it refuses an unknown name (58): a
        removal in its log can cost a broker that starts again all users of the mechanism (`ScramDelta.apply` of 4.2.0).
        """
        self.upsert_users(
            *(
                ScramUser(name=name, password=secrets.token_hex(32), mechanism=mechanism, iterations=_GONE)
                for name in names
            )
        )

    def users(self) -> dict[str, tuple[str, ...]]:
        """The SCRAM users, and their mechanisms."""
        found = self._call(self._client.describe_user_scram_credentials)
        users = {name: translate.mechanisms(row, without=_GONE) for name, row in sorted(found.items())}
        return {name: held for name, held in users.items() if held and not name.startswith(_MARKER)}

    @property
    def _batches(self) -> int:
        return getattr(self._mine, "batches", 0)

    def _alter(self, resource: Any) -> None:
        # Kafka names no listener's settings among those that it knows, so the client must not look them up there
        results = self._call(self._client.alter_configs, [resource], raise_on_unknown=False, incremental=True)
        for rows in results.values():
            for result in rows.values():
                if result != "OK":
                    raise AdminRefused(-1, "configuration refused", result)
        self._settle()

    def _put_users(self, users: Iterable[ScramUser]) -> None:
        upsertions = [translate.upsertion(user) for user in users]
        for name, message in self._call(self._client.alter_user_scram_credentials, upsertions).items():
            if message is not None:
                raise AdminRefused(-1, f"user {name} refused", message)

    def _settle(self) -> None:
        """Wait until every broker has applied what was committed so far.

        A broker applies the metadata log batch by batch, but not all parts of a batch at once. So a mark goes into the
        log, the number of iterations of a SCRAM user of ours: once a broker shows it, it is at least applying all that
        came before; once it shows the next, it has done with that. The user stays (see `delete_users`).
        """
        if self._batches:
            return
        until = time.monotonic() + self._deadline_s
        nodes = [broker.node for broker in self.brokers()]
        for _ in range(2):
            with self._lock:
                self._mark = _FEWEST + (self._mark + 1 - _FEWEST) % _FEWEST
                mark = self._mark
                user = ScramUser(name=self._marker, password=secrets.token_hex(16), iterations=mark)
                self._put_users([user])
                self._wait_for(mark, nodes, until)

    def _wait_for(self, mark: int, nodes: Sequence[int], until: float) -> None:
        for node in nodes:
            while (seen := self._mark_at(node)) != mark:
                if seen is None and node not in {broker.node for broker in self.brokers()}:
                    break  # it died meanwhile, and will learn of everything when it starts
                if time.monotonic() > until:
                    raise TimeoutError(f"broker {node} did not learn of a change within {self._deadline_s:.0f} s")
                time.sleep(_POLL_S)

    def _mark_at(self, node: int) -> int | None:
        """The mark that a broker shows, or None where it does not answer."""
        request = DescribeUserScramCredentialsRequest(users=[(self._marker,)])
        manager = self._client._manager  # its own methods ask whichever broker they like
        try:
            answer = manager.run(lambda: manager.send(request, node_id=node, request_timeout_ms=_ANSWER_MS))
        except UnknownBrokerIdError:
            # it was away when the client last looked, and the client would look again in five minutes
            with contextlib.suppress(KafkaError):
                manager.run(manager.cluster.refresh_metadata)
            return None
        except KafkaError:
            return None
        infos = answer.results[0].credential_infos
        return int(infos[0].iterations) if infos else 0

    def _call(self, method: Callable[..., Any], *args: Any, **options: Any) -> Any:
        until = time.monotonic() + self._deadline_s
        while True:
            try:
                return method(*args, **options)
            except BrokerResponseError as error:
                raise translate.refusal(error, str(error)) from error
            except KafkaError as error:
                # not ready: nothing was sent, as the client waits before it connects anew to a broker that was away
                if not isinstance(error, NodeNotReadyError) or time.monotonic() > until:
                    raise TimeoutError(f"the administration got no answer: {type(error).__name__}") from error
                time.sleep(_RETRY_S)


def _changes(settings: Mapping[str, str | None]) -> dict[str, tuple[str, str | None]]:
    return {key: ("DELETE", None) if value is None else ("SET", value) for key, value in settings.items()}
