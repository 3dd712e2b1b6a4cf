"""A registry's image: who gets which credential, what is proven, and what was only not seen."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest

from pytest_substrate.adapters.registry import http
from pytest_substrate.adapters.registry.credentials import Credential
from pytest_substrate.adapters.registry.reference import RegistryReference
from pytest_substrate.adapters.registry.registry import Registry
from pytest_substrate.model.image import Descriptor
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.planes.packaging.image.facts import ImageFacts, Refutation
from pytest_substrate.planes.packaging.image.observe import observe_image
from tests.unit.adapters.registry.conftest import Asked, Served, reply
from tests.unit.planes.packaging.making import AMD64, INDEX, MANIFEST, Store, base, image

USER = Credential(username="AWS", password="correct horse")
BASIC = "Basic " + base64.b64encode(b"AWS:correct horse").decode()


def see(served: Served, credential: Credential | None = None, host: str | None = None) -> object:
    """What comes of reading the store's image from the registry."""
    top = served.store.top.digest
    reference = RegistryReference(host=host or served.host, repository="acme/ingest", digest=top)
    return observe_image(Registry(reference, credential or Credential()), Descriptor(digest=top), AMD64)


@pytest.fixture(autouse=True)
def an_image(served: Served) -> Store:
    """A small image to read."""
    served.store = image(base())
    served.store.types[served.store.top.digest] = MANIFEST
    return served.store


def unseen(found: object) -> tuple[str, str | None]:
    """Why nothing was seen."""
    assert isinstance(found, Unobserved), found
    return found.reason, found.code


def test_an_open_registry_is_asked_with_every_type_and_no_credential(served: Served) -> None:
    """OCI's types too: without them a registry may answer with something else."""
    assert isinstance(see(served, USER), ImageFacts)
    assert all("Authorization" not in one.headers for one in served.asked)
    assert f"/v2/acme/ingest/manifests/{served.store.top.digest}" == served.asked[0].path
    assert MANIFEST in served.asked[0].headers["Accept"]
    assert INDEX in served.asked[0].headers["Accept"]


def basic(handler: BaseHTTPRequestHandler, asked: Asked) -> bool:
    """Asks for Basic."""
    if asked.headers.get("Authorization") == BASIC:
        return False
    return reply(handler, 401, b"", {"WWW-Authenticate": 'Basic realm="a, b"'})


def test_basic_is_sent_where_it_is_asked_for(served: Served) -> None:
    """Once the registry has asked, with every request to it."""
    served.answer = basic
    assert isinstance(see(served, USER), ImageFacts)
    assert [None, BASIC, BASIC, BASIC] == [one.headers.get("Authorization") for one in served.asked]
    assert ("access-denied", "401") == unseen(see(served))
    wrong = Credential(username="AWS", password="wrong")
    assert ("access-denied", "401") == unseen(see(served, wrong))


class Bearer:
    """Asks for a token, which its realm gives to whom it knows."""

    def __init__(self, served: Served, realm: str, known: str | None = BASIC) -> None:
        self.served, self.realm, self.known = served, realm, known

    def __call__(self, handler: BaseHTTPRequestHandler, asked: Asked) -> bool:
        if asked.path.startswith("/token"):
            if asked.headers.get("Authorization") != self.known:
                return reply(handler, 401)
            return reply(handler, 200, json.dumps({"token": "t0ken"}).encode())
        if asked.headers.get("Authorization") == "Bearer t0ken":
            return False
        scope = "repository:acme/ingest:pull"
        told = f'Bearer realm="{self.realm}",service="registry, here",scope="{scope}",error="insufficient_scope"'
        return reply(handler, 401, b"", {"WWW-Authenticate": told})


@pytest.mark.parametrize("credential", [USER, Credential()])
def test_a_token_is_fetched_from_the_realm(served: Served, credential: Credential) -> None:
    """With the user's name and password where there are any, for the scope that the registry names."""
    served.answer = Bearer(served, f"http://{served.other}/token", credential.basic)
    assert isinstance(see(served, credential), ImageFacts)
    asked = next(one for one in served.asked if one.path.startswith("/token"))
    assert "/token?service=registry%2C+here&scope=repository%3Aacme%2Fingest%3Apull" == asked.path
    assert served.ports[1] == asked.port


def test_an_identity_token_is_exchanged(served: Served) -> None:
    """As docker does it: by a form, with nothing in the URL."""

    def answer(handler: BaseHTTPRequestHandler, asked: Asked) -> bool:
        if asked.path == "/token":
            known = asked.method == "POST" and b"refresh_token=id-token" in asked.body
            return reply(handler, 200 if known else 400, b'{"access_token": "t0ken"}')
        return Bearer(served, f"http://{served.host}/token")(handler, asked)

    served.answer = answer
    assert isinstance(see(served, Credential(identity_token="id-token")), ImageFacts)


def test_a_registry_token_is_sent_as_it_is(served: Served) -> None:
    """Docker's configuration may hold one."""
    served.answer = Bearer(served, "http://127.0.0.1:1/token")
    assert isinstance(see(served, Credential(registry_token="t0ken")), ImageFacts)


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"", "malformed"), (b"[]", "malformed"), (b'{"token": ""}', "malformed"), (b'{"token": "a\\nb"}', "malformed")],
)
def test_a_realm_without_a_token_proves_nothing(served: Served, body: bytes, reason: str) -> None:
    """Whatever else it says."""

    def answer(handler: BaseHTTPRequestHandler, asked: Asked) -> bool:
        if asked.path.startswith("/token"):
            return reply(handler, 200, body)
        return Bearer(served, f"http://{served.host}/token")(handler, asked)

    served.answer = answer
    assert reason == unseen(see(served))[0]


@pytest.mark.parametrize(
    "realm", ["http://registry.invalid/token", "ftp://127.0.0.1/token", "token", "http://[::1", "http://127.0.0.1:x/"]
)
def test_no_credential_goes_to_a_realm_in_the_clear(served: Served, realm: str) -> None:
    """Nor to what is no URL."""
    served.answer = Bearer(served, realm)
    assert unseen(see(served, USER))[0] in ("refused", "malformed")
    assert all(BASIC != one.headers.get("Authorization") for one in served.asked)


def test_a_redirect_to_another_port_gets_no_authorization(served: Served) -> None:
    """Storage behind a registry is somebody else."""

    def answer(handler: BaseHTTPRequestHandler, asked: Asked) -> bool:
        if asked.port == served.ports[1]:
            return False
        if asked.headers.get("Authorization") != BASIC:
            return basic(handler, asked)
        return "/blobs/" in asked.path and reply(handler, 307, b"", {"Location": f"http://{served.other}{asked.path}"})

    served.answer = answer
    assert isinstance(see(served, USER), ImageFacts)
    assert [None, None] == [one.headers.get("Authorization") for one in served.asked if one.port == served.ports[1]]


def test_a_redirect_at_the_same_origin_keeps_it(served: Served) -> None:
    """A relative one too."""

    def answer(handler: BaseHTTPRequestHandler, asked: Asked) -> bool:
        if asked.headers.get("Authorization") != BASIC:
            return basic(handler, asked)
        if "/blobs/" in asked.path and "again" not in asked.path:
            return reply(handler, 302, b"", {"Location": f"/again{asked.path}"})
        return False

    served.answer = answer
    assert isinstance(see(served, USER), ImageFacts)


@pytest.mark.parametrize(
    "location", ["http://registry.invalid/x", "file:///etc/passwd", "", "//", "http://127.0.0.1:99999/", "/same"]
)
def test_a_redirect_to_nowhere_proves_nothing(served: Served, location: str) -> None:
    """In the clear to another machine, to another scheme, in circles."""
    served.answer = lambda handler, asked: reply(handler, 302, b"", {"Location": location})
    assert isinstance(see(served, USER), Unobserved)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (403, "access-denied"),
        (429, "throttled"),
        (500, "service-error"),
        (503, "service-error"),
        (400, "refused"),
        (204, "refused"),
    ],
)
def test_a_status_that_is_no_answer_proves_nothing(served: Served, status: int, reason: str) -> None:
    """Not even that the image isn't there."""
    served.answer = lambda handler, asked: reply(handler, status)
    assert (reason, str(status)) == unseen(see(served))


@pytest.mark.parametrize("which", ["manifests", "blobs"])
def test_404_proves_that_it_is_not_there(served: Served, which: str) -> None:
    """Of the manifest, and of any blob."""
    served.answer = lambda handler, asked: which in asked.path and reply(handler, 404)
    found = see(served)
    assert isinstance(found, Refutation)
    assert "digest-missing" == found.cause


def test_another_type_than_the_manifest_says_is_red(served: Served) -> None:
    """The registry says Docker's, the document OCI's."""
    served.store.types[served.store.top.digest] = "application/vnd.docker.distribution.manifest.v2+json"
    assert isinstance(see(served), Refutation)


@pytest.mark.parametrize("length", [None, 10**6])
def test_an_answer_that_is_cut_proves_nothing(served: Served, length: int | None) -> None:
    """Whether it said how long it would be, or only the end of the connection says that it ended."""

    def answer(handler: BaseHTTPRequestHandler, asked: Asked) -> bool:
        name = asked.path.rpartition("/")[2]
        data = served.store.blobs.get(name, b"")
        if data[:2] != b"\x1f\x8b":
            return False
        handler.send_response(200)
        if length is not None:
            handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data[: len(data) // 2])
        return True

    served.answer = answer
    assert "unreachable" == unseen(see(served))[0]


def test_a_blob_of_another_size_is_red(served: Served) -> None:
    """The registry says how long it is, and keeps its word."""

    def answer(handler: BaseHTTPRequestHandler, asked: Asked) -> bool:
        data = served.store.blobs.get(asked.path.rpartition("/")[2], b"")
        return data[:2] == b"\x1f\x8b" and reply(handler, 200, data + b"more")

    served.answer = answer
    assert isinstance(see(served), Refutation)


def test_nobody_there_proves_nothing(served: Served) -> None:
    """A closed port, and a name that doesn't resolve."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    assert "unreachable" == unseen(see(served, host=f"127.0.0.1:{closed}"))[0]
    assert "unreachable" == unseen(see(served, host="registry.invalid"))[0]


@pytest.mark.parametrize("where", ["headers", "manifest", "drip", "blob"])
def test_silence_has_its_end(served: Served, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Before the answer, in a document, byte by byte, and in a blob."""
    monkeypatch.setattr(http, "SILENCE_S", 0.3)
    monkeypatch.setattr(http, "DOCUMENT_S", 0.8)
    stop = threading.Event()

    def answer(handler: BaseHTTPRequestHandler, asked: Asked) -> bool:
        if where == "blob" and "/blobs/" not in asked.path:
            return False
        if where != "headers":
            handler.send_response(200)
            handler.send_header("Content-Length", "100000")
            handler.end_headers()
        if where == "drip":
            while not stop.wait(0.1):
                handler.wfile.write(b" ")
        stop.wait(5)
        return True

    served.answer = answer
    begun = time.monotonic()
    try:
        assert "timeout" == unseen(see(served))[0]
    finally:
        stop.set()
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(
    "answer",
    [b"", b"\x00\x01\x02", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\n", b"SSH-2.0-x\r\n"],
)
def test_garbage_proves_nothing(answer: bytes) -> None:
    """Whatever speaks there, it isn't a registry."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        reference = RegistryReference(
            host=f"127.0.0.1:{listener.getsockname()[1]}", repository="a/b", digest=image(base()).top.digest
        )
        found = observe_image(Registry(reference, Credential()), Descriptor(digest=reference.digest), AMD64)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    assert not isinstance(found, ImageFacts)


def test_no_credential_is_in_what_is_told(served: Served) -> None:
    """Neither in a representation nor in what couldn't be seen."""
    assert "correct horse" not in repr(USER)
    served.answer = lambda handler, asked: reply(handler, 401, b"", {"WWW-Authenticate": "Basic"})
    assert "horse" not in repr(see(served, USER))
