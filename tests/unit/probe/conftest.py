"""Peers for the probe: servers that say what a test wants, and a Kafka that speaks through kafka-python's codecs."""

from __future__ import annotations

import base64
import contextlib
import datetime as dt
import hashlib
import hmac
import secrets
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka.protocol.consumer import FetchResponse
from kafka.protocol.metadata import ApiVersionsResponse, FindCoordinatorResponse, MetadataResponse
from kafka.protocol.producer import ProduceRequest, ProduceResponse
from kafka.protocol.sasl import SaslAuthenticateResponse, SaslHandshakeResponse

from pytest_substrate.embedded.kafka.tls import Authority

RANGES = {0: (0, 13), 1: (4, 18), 2: (1, 11), 3: (0, 13), 10: (0, 6), 15: (0, 6), 17: (0, 1), 18: (0, 4), 36: (0, 2)}
"""As Kafka 4.2 advertises them."""


class Server:
    """A TCP server on a free port of 127.0.0.1; `talk` gets each connection in a thread of its own."""

    def __init__(self, talk: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> None:
        self.connections = 0
        self._talk, self._context = talk, context
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            connection.settimeout(20)
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            with connection:
                self._talk(connection)

    def close(self) -> None:
        """End every connection."""
        self._listener.close()
        for connection in self._open:
            connection.close()


class FakeKafka:
    """A broker as far as the ladder goes. Its attributes are what a test changes; `seen` holds the decoded requests."""

    def __init__(self, **changes: Any) -> None:
        self.ranges: dict[int, tuple[int, int]] = dict(RANGES)
        self.mechanisms: tuple[str, ...] = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "AWS_MSK_IAM")
        self.sasl = True
        self.users = {"ingest": "s3cret"}
        self.lifetime_ms = 0
        self.advertised: list[tuple[int, str, int]] | None = None
        self.topics: dict[str, tuple[int, list[tuple[int, int, int]], set[int] | None]] = {
            "smoke": (0, [(0, 0, 1)], {3, 4, 7, 8})
        }
        self.scram: dict[str, Any] = {}
        self.answers: dict[int, Callable[[FakeKafka, Any], Any]] = {}
        """By API key: bytes to send as the whole body, None to close, `...` to stay silent."""
        self.log: list[bytes] = []
        self.seen: list[Any] = []
        self.port = 0
        for name, value in changes.items():
            assert hasattr(self, name), name
            setattr(self, name, value)

    def talk(self, connection: socket.socket) -> None:
        """Answer requests until the peer goes."""
        state: dict[str, Any] = {"authenticated": not self.sasl}
        while True:
            head = _exactly(connection, 4)
            if head is None:
                return
            size = struct.unpack(">i", head)[0]
            data = _exactly(connection, size) if 0 < size < 100_000_000 else None  # socket.request.max.bytes
            if data is None:
                return
            api, version, correlation, size = struct.unpack(">hhih", data[:10])
            body = data[10 + size + (1 if (api, version) == (18, 3) else 0) :]
            answer = self._answer(api, version, body, state)
            if answer is ...:
                threading.Event().wait(20)
                return
            if answer is None:
                return
            connection.sendall(struct.pack(">ii", len(answer) + 4, correlation) + answer)

    def _answer(self, api: int, version: int, body: bytes, state: dict[str, Any]) -> Any:
        request = _request_class(api)[version].decode(body)
        self.seen.append(request)
        if api in self.answers:
            return self.answers[api](self, request)
        if api not in (17, 18, 36) and not state["authenticated"]:
            return None
        return getattr(self, f"_api_{api}")(request, version, state)

    def _api_18(self, request: Any, version: int, state: dict[str, Any]) -> bytes:
        keys = [
            ApiVersionsResponse.ApiVersion(api_key=k, min_version=a, max_version=b) for k, (a, b) in self.ranges.items()
        ]
        return bytes(ApiVersionsResponse[version](error_code=0, api_keys=keys, throttle_time_ms=0).encode())

    def _api_17(self, request: Any, version: int, state: dict[str, Any]) -> bytes:
        state["mechanism"] = request.mechanism
        code = 34 if not self.sasl else 0 if request.mechanism in self.mechanisms else 33
        offered = list(self.mechanisms) if self.sasl else []
        return bytes(SaslHandshakeResponse[version](error_code=code, mechanisms=offered).encode())

    def _api_36(self, request: Any, version: int, state: dict[str, Any]) -> bytes:
        try:
            reply = self._token(bytes(request.auth_bytes), state)
            code, words = 0, None
        except PermissionError as error:
            reply, code, words = b"", 58, str(error)
        answer = SaslAuthenticateResponse[version](
            error_code=code, error_message=words, auth_bytes=reply, session_lifetime_ms=self.lifetime_ms
        )
        return bytes(answer.encode())

    def _token(self, token: bytes, state: dict[str, Any]) -> bytes:
        mechanism = state["mechanism"]
        if mechanism == "PLAIN":
            _, user, password = token.decode().split("\0")
            state["authenticated"] = self.users.get(user) == password
        elif mechanism == "AWS_MSK_IAM":
            state["iam"] = token
            state["authenticated"] = True
        else:
            return self._scram(token.decode(), state)
        if not state["authenticated"]:
            raise PermissionError("Authentication failed: Invalid username or password")
        return b""

    def _scram(self, token: str, state: dict[str, Any]) -> bytes:
        name = "sha512" if state["mechanism"].endswith("512") else "sha256"
        fields = dict(part.split("=", 1) for part in token.split(",") if "=" in part)
        if "first" not in state:
            user = fields["n"].replace("=2C", ",").replace("=3D", "=")
            if user not in self.users:
                raise PermissionError("Authentication failed during authentication due to invalid credentials")
            salt, count = secrets.token_bytes(16), self.scram.get("iterations", 4096)
            nonce = self.scram.get("nonce", lambda client: client + "server")(fields["r"])
            text = f"r={nonce},s={base64.b64encode(salt).decode()},i={count}"
            state["first"] = self.scram.get("first", lambda text: text)(text)
            salted = hashlib.pbkdf2_hmac(name, self.users[user].encode(), salt, count) if 0 < count < 9999 else b""
            state["bare"], state["salted"] = token.split(",", 2)[2], salted
            return str(state["first"]).encode()
        proven = f"{state['bare']},{state['first']},{token.rsplit(',p=', 1)[0]}".encode()
        key = hmac.digest(state["salted"], b"Client Key", name)
        signature = hmac.digest(hashlib.new(name, key).digest(), proven, name)
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        if base64.b64decode(fields["p"]) != proof:
            raise PermissionError("Authentication failed during authentication due to invalid credentials")
        own = base64.b64encode(hmac.digest(hmac.digest(state["salted"], b"Server Key", name), proven, name)).decode()
        state["authenticated"] = True
        del state["first"]
        return str(self.scram.get("final", lambda text: text)(f"v={own}")).encode()

    def _api_3(self, request: Any, version: int, state: dict[str, Any]) -> bytes:
        brokers = self.advertised if self.advertised is not None else [(1, "127.0.0.1", self.port)]
        topics = [self._topic(topic.name) for topic in request.topics]
        answer = MetadataResponse[version](
            brokers=[
                MetadataResponse.MetadataResponseBroker(node_id=n, host=h, port=p, rack=None) for n, h, p in brokers
            ],
            cluster_id="c",
            controller_id=1,
            topics=topics,
        )
        return bytes(answer.encode())

    def _topic(self, name: str) -> Any:
        code, partitions, authorized = self.topics.get(name, (3, [], None))
        parts = [
            MetadataResponse.MetadataResponseTopic.MetadataResponsePartition(
                error_code=error, partition_index=index, leader_id=leader, replica_nodes=[1], isr_nodes=[1]
            )
            for error, index, leader in partitions
        ]
        return MetadataResponse.MetadataResponseTopic(
            error_code=code, name=name, partitions=parts, authorized_operations=authorized
        )

    def _api_0(self, request: Any, version: int, state: dict[str, Any]) -> bytes:
        assert isinstance(request, ProduceRequest)
        (topic,) = request.topic_data
        (part,) = topic.partition_data
        self.log.append(bytes(part.records))
        response = ProduceResponse.TopicProduceResponse(
            name=topic.name,
            partition_responses=[
                ProduceResponse.TopicProduceResponse.PartitionProduceResponse(
                    index=part.index, error_code=0, base_offset=len(self.log) + 6
                )
            ],
        )
        return bytes(ProduceResponse[version](responses=[response]).encode())

    def _api_1(self, request: Any, version: int, state: dict[str, Any]) -> bytes:
        (topic,) = request.topics
        (part,) = topic.partitions
        found = part.fetch_offset - 7
        records = struct.pack(">q", part.fetch_offset) + self.log[found][8:] if 0 <= found < len(self.log) else b""
        response = FetchResponse.FetchableTopicResponse(
            topic=topic.topic,
            partitions=[
                FetchResponse.FetchableTopicResponse.PartitionData(
                    partition_index=part.partition,
                    error_code=0,
                    high_watermark=99,
                    aborted_transactions=[],
                    records=records,
                )
            ],
        )
        return bytes(FetchResponse[version](responses=[response]).encode())

    def _api_10(self, request: Any, version: int, state: dict[str, Any]) -> bytes:
        answer = FindCoordinatorResponse[version](error_code=0, node_id=1, host="127.0.0.1", port=self.port)
        return bytes(answer.encode())

    def _api_15(self, request: Any, version: int, state: dict[str, Any]) -> bytes:
        from kafka.protocol.admin import DescribeGroupsResponse

        group = DescribeGroupsResponse.DescribedGroup(
            error_code=0, group_id=request.groups[0], group_state="Dead", authorized_operations={3, 8}
        )
        return bytes(DescribeGroupsResponse[version](groups=[group]).encode())


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            return None
        data += part
    return data


def _request_class(api: int) -> Any:
    from kafka.protocol.admin import DescribeGroupsRequest
    from kafka.protocol.consumer import FetchRequest
    from kafka.protocol.metadata import ApiVersionsRequest, FindCoordinatorRequest, MetadataRequest
    from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

    classes = {
        0: ProduceRequest, 1: FetchRequest, 3: MetadataRequest, 10: FindCoordinatorRequest, 15: DescribeGroupsRequest,
        17: SaslHandshakeRequest, 18: ApiVersionsRequest, 36: SaslAuthenticateRequest,
    }  # fmt: skip
    return classes[api]


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts servers that end with the test."""
    servers: list[Server] = []

    def start(talk: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(talk, context))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def kafka(serve: Callable[..., Server]) -> Callable[..., FakeKafka]:
    """Starts a fake Kafka on `port`; keyword arguments change it, `context` gives it TLS."""

    def start(context: ssl.SSLContext | None = None, **changes: Any) -> FakeKafka:
        fake = FakeKafka(**changes)
        fake.port = serve(fake.talk, context).port
        return fake

    return start


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority of this run."""
    return Authority.create(tmp_path_factory.mktemp("ca"), now=dt.datetime.now(dt.UTC))


@pytest.fixture
def server_context() -> Callable[[Path], ssl.SSLContext]:
    """Makes a server's TLS context of a PEM file with key and chain."""

    def make(pem: Path) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context

    return make
