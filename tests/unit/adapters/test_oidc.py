"""The CI job's token: where it comes from, and that nothing but its issuer's own signature is believed."""

from __future__ import annotations

import base64
import http.server
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from pytest_substrate.adapters.https import LONGEST, get_json
from pytest_substrate.adapters.oidc import fetch_token, verified
from pytest_substrate.model.declaration.document import Token
from pytest_substrate.model.observation import Missing, Unobserved

ISSUER = "https://issuer.example"
KEY, OTHER = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
Serve = Callable[[str], tuple[int, bytes]]


@dataclass
class Server:
    """Answers what `pages` hold, and remembers the headers of each request."""

    port: int
    pages: dict[str, tuple[int, bytes]]
    asked: list[tuple[str, Mapping[str, str]]]

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def locate(self, url: str) -> str:
        """Where the issuer's pages really lie."""
        return url.replace(ISSUER, self.url, 1)


@pytest.fixture
def server() -> Iterator[Server]:
    """A server with the issuer's discovery and key."""
    asked: list[tuple[str, Mapping[str, str]]] = []
    pages: dict[str, tuple[int, bytes]] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, dict(self.headers)))
            status, body = pages.get(self.path, (404, b"{}"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    numbers = KEY.public_key().public_numbers()

    def text(number: int) -> str:
        data = number.to_bytes((number.bit_length() + 7) // 8, "big")
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    pages["/.well-known/openid-configuration"] = (
        200,
        json.dumps({"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}).encode(),
    )
    key = {"kty": "RSA", "kid": "1", "n": text(numbers.n), "e": text(numbers.e)}
    pages["/keys"] = (200, json.dumps({"keys": [{"kty": "oct", "kid": "2", "k": "AAAA"}, key]}).encode())
    yield Server(port=listening.server_port, pages=pages, asked=asked)
    listening.shutdown()
    listening.server_close()
    thread.join(5)


def token(key: Any = KEY, *, algorithm: str = "RS256", kid: str = "1", **claims: Any) -> str:
    """A token of the issuer, for a while."""
    now = int(time.time())
    payload = {"iss": ISSUER, "sub": "repo:acme/ingest", "aud": "sts.amazonaws.com", "exp": now + 60, **claims}
    return jwt.encode({name: one for name, one in payload.items() if one is not None}, key, algorithm, {"kid": kid})


class TestVerified:
    """What is wrong with a token."""

    def test_nothing(self, server: Server) -> None:
        """The issuer's own signature; its claims are told."""
        seen = verified(token(), issuer=ISSUER, locate=server.locate)
        assert (None, "repo:acme/ingest", ("sts.amazonaws.com",)) == (seen.problem, seen.subject, seen.audiences)

    @pytest.mark.parametrize(
        ("made", "problem"),
        [
            (lambda: token(OTHER), "signature"),
            (lambda: token(exp=int(time.time()) - 5), "expired"),
            (lambda: token(nbf=int(time.time()) + 300), "not-yet"),
            (lambda: token(exp=None), "signature"),
            (lambda: token(iss="https://other.example"), "other-issuer"),
            (lambda: token(iss=None), "other-issuer"),
            (lambda: token(kid="3"), "unknown-key"),
            (lambda: token("a" * 32, algorithm="HS256", kid="2"), "unknown-key"),
            (lambda: token("", algorithm="none"), "signature"),
            (lambda: "no token", "no-token"),
            (lambda: "a.b.c", "no-token"),
            (lambda: "", "no-token"),
        ],
    )
    def test_what(self, server: Server, made: Callable[[], str], problem: str) -> None:
        """Another key, times, another issuer, a shared secret, no signature at all."""
        assert problem == verified(made(), issuer=ISSUER, locate=server.locate).problem

    def test_a_public_key_taken_for_a_secret(self, server: Server) -> None:
        """A token that is signed with the public key as a shared secret is nobody's."""
        header = {"alg": "HS256", "typ": "JWT", "kid": "1"}
        forged = token("k" * 32, algorithm="HS256")
        assert header["alg"] == jwt.get_unverified_header(forged)["alg"]
        assert "signature" == verified(forged, issuer=ISSUER, locate=server.locate).problem

    @pytest.mark.parametrize(
        ("page", "answer"),
        [
            ("/.well-known/openid-configuration", (500, b"{}")),
            ("/.well-known/openid-configuration", (200, b"[]")),
            (
                "/.well-known/openid-configuration",
                (200, b'{"issuer": "https://evil.example", "jwks_uri": "https://x"}'),
            ),
            (
                "/.well-known/openid-configuration",
                (200, b'{"issuer": "https://issuer.example", "jwks_uri": "file:///etc/passwd"}'),
            ),
            ("/keys", (302, b"")),
            ("/keys", (200, b"{")),
            ("/keys", (200, b'{"keys": "' + b"a" * LONGEST + b'"}')),
        ],
    )
    def test_an_issuer_that_does_not_answer(self, server: Server, page: str, answer: tuple[int, bytes]) -> None:
        """Then nothing is known of the token, and no redirect is followed."""
        server.pages[page] = answer
        assert "issuer-unreachable" == verified(token(), issuer=ISSUER, locate=server.locate).problem
        assert "/elsewhere" not in [path for path, _ in server.asked]

    @pytest.mark.parametrize("keys", [b"{}", b'{"keys": [1, {"kid": "1", "kty": "RSA", "n": "!", "e": "AQAB"}]}'])
    def test_keys_that_are_none(self, server: Server, keys: bytes) -> None:
        """A key that can't be read is as good as none."""
        server.pages["/keys"] = (200, keys)
        assert "unknown-key" == verified(token(), issuer=ISSUER, locate=server.locate).problem


class TestFetch:
    """Where a token comes from."""

    def test_github(self, server: Server) -> None:
        """The request URL and token of the job, for the audience that is asked for."""
        server.pages["/token?v=2&audience=sts.amazonaws.com"] = (200, b'{"value": "t.o.k"}')
        job = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{server.url}/token?v=2",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
        }
        assert "t.o.k" == fetch_token(Token(provider="github"), job, audience="sts.amazonaws.com")
        assert "bearer request-token" == server.asked[0][1]["Authorization"]

    @pytest.mark.parametrize("job", [{}, {"ACTIONS_ID_TOKEN_REQUEST_URL": "https://x.example"}])
    def test_github_without_the_permission(self, job: dict[str, str]) -> None:
        """The job lacks the variables where it was not permitted to ask for a token: the mend is named."""
        found = fetch_token(Token(provider="github"), job, audience="a")
        assert isinstance(found, Missing)
        assert "id-token: write" in found.what

    @pytest.mark.parametrize("answer", [(403, b"{}"), (200, b"{}"), (200, b'{"value": 1}')])
    def test_github_refuses(self, server: Server, answer: tuple[int, bytes]) -> None:
        """An answer without a token."""
        server.pages["/token?audience=a"] = answer
        job = {"ACTIONS_ID_TOKEN_REQUEST_URL": f"{server.url}/token", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "r"}
        assert isinstance(fetch_token(Token(provider="github"), job, audience="a"), Unobserved)

    def test_places(self, tmp_path: Path) -> None:
        """GitLab's variable, any variable, any file; white space around it is none of it."""
        file = tmp_path / "token"
        file.write_text(" t.o.k\n", encoding="ascii")
        assert "t.o.k" == fetch_token(Token(provider="gitlab"), {"SUBSTRATE_ID_TOKEN": "t.o.k"}, audience="a")
        assert "t.o.k" == fetch_token(Token(env="T"), {"T": "t.o.k"}, audience="a")
        assert "t.o.k" == fetch_token(Token(file=str(file)), {}, audience="a")

    def test_nothing_there(self, tmp_path: Path) -> None:
        """A variable that is unset or empty, a file that is missing or empty, and one that is a folder."""
        (tmp_path / "empty").write_text("", encoding="ascii")
        for place, environment in (
            (Token(provider="gitlab"), {}),
            (Token(env="T"), {"T": ""}),
            (Token(file=str(tmp_path / "none")), {}),
            (Token(file=str(tmp_path / "empty")), {}),
        ):
            assert isinstance(fetch_token(place, environment, audience="a"), Missing)
        os.mkfifo(tmp_path / "pipe")  # that nobody writes to, so that an open would wait for ever
        for odd in (tmp_path, tmp_path / "pipe"):
            assert isinstance(fetch_token(Token(file=str(odd)), {}, audience="a"), Unobserved)


@pytest.mark.parametrize("url", ["http://issuer.example/x", "ftp://127.0.0.1/x", "/etc/passwd", "file:///etc/passwd"])
def test_only_tls_or_loopback(url: str) -> None:
    """Nothing is asked in the clear, but of this machine."""
    found = get_json(url, bearer="secret")
    assert isinstance(found, Unobserved)
    assert "untrusted" == found.reason


def test_nobody_there() -> None:
    """A port that nobody listens at."""
    found = get_json("http://127.0.0.1:9/x")
    assert isinstance(found, Unobserved)
    assert "unreachable" == found.reason
