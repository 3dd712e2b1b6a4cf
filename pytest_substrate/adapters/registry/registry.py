"""A registry's image by digest: the distribution specification 1.1, with Basic and Bearer as docker speaks them.

Nothing is sent before it is asked for; what was asked for goes to the registry, and to the realm that it names, alone.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from pytest_substrate.adapters.registry.credentials import Credential
from pytest_substrate.adapters.registry.http import Answer, Request, cut, exchange, is_loopback, origin_of, unanswered
from pytest_substrate.adapters.registry.reference import RegistryReference
from pytest_substrate.model.image import ACCEPTED, LARGEST_DOCUMENT, Descriptor, Refuted, Unseen
from pytest_substrate.model.observation import Unobserved

_PARAMETER: Final = re.compile(r'([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_SCHEME: Final = re.compile(r"\s*,?\s*([A-Za-z]+)\s+(?=[A-Za-z0-9_-]+\s*=)|\s*,?\s*(Basic)\s*(?=,|$)", re.IGNORECASE)
_CLIENT: Final = "pytest-substrate"
_NOT_FOUND: Final = 404
_UNAUTHORIZED: Final = 401


class Registry:
    """A source of one repository's blobs."""

    def __init__(self, reference: RegistryReference, credential: Credential) -> None:
        host, repository = reference.host, reference.repository
        if host in ("docker.io", "index.docker.io"):
            host = "registry-1.docker.io"
            repository = repository if "/" in repository else f"library/{repository}"
        self._credential = credential
        self._repository = repository
        name = urllib.parse.urlsplit(f"//{host}").hostname or host
        self._bases = [f"https://{host}"]
        if is_loopback(name):  # most registries of this machine speak plain HTTP
            self._bases.insert(0, f"http://{host}")
        self._authorization = f"Bearer {credential.registry_token}" if credential.registry_token else None

    def document(self, wanted: Descriptor) -> tuple[bytes, str]:
        """A manifest or an index, and the type that the registry says it has."""
        with self._get(f"manifests/{wanted.digest}", wanted, {"Accept": ", ".join(ACCEPTED)}) as answer:
            data = answer.document(LARGEST_DOCUMENT)
            return data, answer.headers.get("Content-Type", "").partition(";")[0].strip()

    @contextmanager
    def blob(self, wanted: Descriptor) -> Iterator[Iterator[bytes]]:
        """A configuration or a layer in pieces."""
        size = wanted.size if wanted.size is not None else 0
        with self._get(f"blobs/{wanted.digest}", wanted, {"Accept": "*/*"}, size=size) as answer:
            yield self._whole(answer, size)

    def mark(self, wanted: Descriptor) -> str | None:
        """That the registry has the blob, at its size: a blob of a digest can't become another one."""
        try:
            with self._get(f"blobs/{wanted.digest}", wanted, {"Accept": "*/*"}, head=True) as answer:
                told = answer.headers.get("Content-Length", "")
        except (Refuted, Unseen):
            return None  # whatever it is, reading the blob will tell
        return f"{self._bases[0]} {told}" if told.isdigit() and int(told) == wanted.size else None

    @staticmethod
    def _whole(answer: Answer, size: int) -> Iterator[bytes]:
        read = 0
        for piece in answer.pieces():
            read += len(piece)
            yield piece
        if answer.length is None and not answer.chunked and read < size:
            raise cut()  # only the end of the connection says where it ends

    @contextmanager
    def _get(
        self,
        path: str,
        wanted: Descriptor,
        headers: Mapping[str, str],
        size: int | None = None,
        *,
        head: bool = False,
    ) -> Iterator[Answer]:
        for attempt in (1, 2):
            with self._exchange(path, headers, size, head=head) as answer:
                if answer.status == _UNAUTHORIZED and attempt == 1:
                    challenge = answer.headers.get_all("WWW-Authenticate", [])
                elif answer.status == _NOT_FOUND:
                    raise Refuted("digest-missing", f"the registry doesn't have {wanted.digest}")
                elif answer.status != 200:
                    raise unanswered(answer)
                else:
                    yield answer
                    return
            self._authorization = self._authorized(challenge)

    @contextmanager
    def _exchange(self, path: str, headers: Mapping[str, str], size: int | None, *, head: bool) -> Iterator[Answer]:
        """An answer of the registry; of this machine's, by plain HTTP or by TLS, whichever it speaks."""
        while True:
            url = f"{self._bases[0]}/v2/{self._repository}/{path}"
            request = Request(url=url, headers=headers, authorization=self._authorization, size=size, head=head)
            answered = False
            try:
                with exchange(request) as answer:
                    if answer.status != 400 or len(self._bases) == 1 or b"HTTPS" not in answer.document(4096):
                        answered = True
                        yield answer
                        return
            except Unseen as error:
                if answered or len(self._bases) == 1 or error.observation.reason not in ("malformed", "unreachable"):
                    raise
            self._bases.pop(0)

    def _authorized(self, challenges: list[str]) -> str:
        """The Authorization header that the registry asks for; Unseen where there is nothing to send."""
        asked = _challenges(", ".join(challenges))
        if "bearer" in asked:
            return f"Bearer {self._token(asked['bearer'])}"
        if "basic" in asked and self._credential.basic is not None:
            return self._credential.basic
        detail = "the registry asks for a credential, and docker's configuration holds none for it"
        raise Unseen(Unobserved(reason="access-denied", code="401", detail=detail))

    def _token(self, asked: Mapping[str, str]) -> str:
        realm = asked.get("realm", "")
        origin_of(realm)
        query = {"service": asked.get("service", ""), "scope": asked.get("scope", "")}
        query["scope"] = query["scope"] or f"repository:{self._repository}:pull"
        told = {name: value for name, value in query.items() if value}
        if self._credential.identity_token:
            form = {**told, "grant_type": "refresh_token", "client_id": _CLIENT}
            form["refresh_token"] = self._credential.identity_token
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            request = Request(url=realm, headers=kind, body=urllib.parse.urlencode(form).encode())
        else:
            joint = "&" if urllib.parse.urlsplit(realm).query else "?"
            url = f"{realm}{joint}{urllib.parse.urlencode(told)}"
            request = Request(url=url, headers={}, authorization=self._credential.basic)
        with exchange(request) as answer:
            if answer.status != 200:
                raise unanswered(answer)
            return _token_of(answer.document(LARGEST_DOCUMENT))


def _token_of(data: bytes) -> str:
    try:
        document: Any = json.loads(data)
    except (ValueError, RecursionError):
        document = None
    for key in ("token", "access_token"):
        found = document.get(key) if isinstance(document, dict) else None
        if isinstance(found, str) and found and found.isascii() and found.isprintable():
            return found
    raise Unseen(Unobserved(reason="malformed", detail="the registry's realm gives no token"))


def _challenges(text: str) -> dict[str, dict[str, str]]:
    """Each scheme of WWW-Authenticate headers with its parameters."""
    found: dict[str, dict[str, str]] = {}
    starts = list(_SCHEME.finditer(text))
    for at, start in enumerate(starts):
        end = starts[at + 1].start() if at + 1 < len(starts) else len(text)
        parameters = _PARAMETER.finditer(text, start.end(), end)
        scheme = (start[1] or start[2]).lower()
        found.setdefault(scheme, {one[1].lower(): one[2] if one[2] is not None else one[3] for one in parameters})
    return found
