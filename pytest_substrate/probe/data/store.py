"""Calls of S3 by hand: signed, bounded, told as they were answered. No proxy, no redirect, no other credentials."""

from __future__ import annotations

import hashlib
import html
import http.client
import re
import socket
import ssl
import time
from typing import Any, Callable, Mapping

from ..link import as_broken, in_thread
from ..sasl import ALGORITHM, scoped, signed
from ..wire import Broken, left
from .place import Place, query_of

LARGEST = 65536
"""Bytes of an object that are read at most."""

PAGE = 1 << 21
"""Bytes of an answer that is no object: a page of a thousand keys is smaller."""

PASSING = (500, 502, 503, 504)
"""Statuses that say nothing of what was asked."""

HEADERS = {
    "bytes": "content-length",
    "region": "x-amz-bucket-region",
    "encryption": "x-amz-server-side-encryption",
    "key_id": "x-amz-server-side-encryption-aws-kms-key-id",
    "bucket_key": "x-amz-server-side-encryption-bucket-key-enabled",
    "version_id": "x-amz-version-id",
    "etag": "etag",
    "storage_class": "x-amz-storage-class",
}


class Asked:
    """A request: method, key (empty for the bucket itself), query, body, and headers beside those of the signature."""

    def __init__(
        self,
        method: str,
        key: str,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.method = method
        self.key = key
        self.query = query_of(query or {})
        self.body = body
        self.headers = headers or {}


class Store:
    """One bucket under the container's credentials. `keys` gives them, fetched anew where it is told that they expired.

    `headers` go with every request; `calls` is what was asked, and how it was answered.
    """

    def __init__(
        self,
        place: Place,
        keys: Callable[[bool], Mapping[str, str]],
        until: Callable[[], float],
        ca_file: str | None,
        headers: Mapping[str, str],
    ) -> None:
        self.place = place
        self.keys = keys
        self.until = until
        self.ca_file = ca_file
        self.headers = headers
        self.calls = []  # type: list[dict[str, Any]]

    def call(self, purpose: str, target: str, operation: str, asked: Asked) -> tuple[dict[str, Any], bytes]:
        """One call: what is told of it, and the answer's body. A server's own failure is asked for once more."""
        seen = {"purpose": purpose, "target": target, "operation": operation, "key": asked.key}  # type: dict[str, Any]
        self.calls.append(seen)
        began, expired = time.monotonic(), False
        for turn in (1, 2, 3):
            found, data = self.attempt(asked, expired)
            expired = str(found.get("code")).startswith("ExpiredToken")
            passing = found.get("status") in PASSING or found.get("cause") == "closed"
            if turn == 3 or not (expired or passing):
                break
            time.sleep(0.3 * passing)
        seen.update(found, ms=round((time.monotonic() - began) * 1000, 1))
        return seen, data

    def attempt(self, asked: Asked, expired: bool) -> tuple[dict[str, Any], bytes]:
        """One way there and back; how it ended where it did not come back."""
        try:
            until = self.until()
            headers = self.signed(asked, expired)
            found, data = in_thread(lambda: self.answer(asked, headers, until))(until)
            told(found, data)
            return found, data
        except Exception as error:
            return {"cause": as_broken(error).cause}, b""

    def signed(self, asked: Asked, expired: bool) -> dict[str, str]:
        """The headers of a request, its signature among them."""
        keys = self.keys(expired)
        stamp, scope = scoped(self.place.region, "s3")
        headers = {"host": self.place.url.netloc, "x-amz-date": stamp}
        headers["x-amz-content-sha256"] = hashlib.sha256(asked.body).hexdigest()
        if keys.get("token"):
            headers["x-amz-security-token"] = keys["token"]
        headers.update(self.headers)
        headers.update(asked.headers)
        names = ";".join(sorted(headers))
        lines = "".join("%s:%s\n" % item for item in sorted(headers.items()))
        request = [asked.method, self.place.path(asked.key), asked.query, lines, names]
        signature = signed(keys, stamp, scope, request, asked.body)
        credential = "%s Credential=%s/%s, SignedHeaders=%s, Signature=%s"
        headers["authorization"] = credential % (ALGORITHM, keys["access_key"], scope, names, signature)
        return headers

    def answer(self, asked: Asked, headers: Mapping[str, str], until: float) -> tuple[dict[str, Any], bytes]:
        """Status and headers, and as much of the body as is needed."""
        url = self.place.url
        host, port = url.hostname or "", url.port
        if url.scheme == "https":
            try:
                context = ssl.create_default_context(cafile=self.ca_file)
            except OSError:
                raise Broken("ca-unreadable") from None
            connection = http.client.HTTPSConnection(host, port, timeout=left(until), context=context)  # type: http.client.HTTPConnection
        else:
            connection = http.client.HTTPConnection(host, port, timeout=left(until))
        try:
            path = self.place.path(asked.key) + ("?" + asked.query) * bool(asked.query)
            connection.request(asked.method, path, asked.body or None, dict(headers))
            answer = connection.getresponse()
            seen = {"status": answer.status}  # type: dict[str, Any]
            for name, header in HEADERS.items():
                value = answer.getheader(header)
                if value is not None:
                    seen[name] = value
            whole = not asked.key or answer.status >= 300
            return seen, answer.read(PAGE if whole else LARGEST)
        except socket.gaierror:
            raise Broken("unresolved") from None
        except http.client.HTTPException as error:
            closed = isinstance(error, (http.client.IncompleteRead, http.client.RemoteDisconnected))
            raise Broken("closed" if closed else "garbled", type(error).__name__) from None
        finally:
            connection.close()


def told(seen: dict[str, Any], data: bytes) -> None:
    """Into `seen`: the code, the message and the region of an error document."""
    if "bytes" in seen:
        seen["bytes"] = int(seen["bytes"])
    seen["bucket_key"] = seen.get("bucket_key") == "true"
    if seen["status"] >= 300:
        text = data.decode("utf-8", "replace")
        for name, tag in (("code", "Code"), ("message", "Message"), ("region", "Region")):
            found = element(tag, text)
            if found:
                seen[name] = " ".join(found.split())[:1500]


def element(tag: str, text: str) -> str | None:
    """The text of the first element of that name."""
    found = re.search("<%s>([^<]*)</%s>" % (tag, tag), text)
    return html.unescape(found.group(1)) if found else None
