"""Client sides of SASL: SCRAM (RFC 5802), PLAIN (RFC 4616) and AWS_MSK_IAM, and the signature of AWS requests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from typing import Any, Callable, Mapping
from urllib.parse import quote

from .wire import CLIENT, Broken

ITERATIONS = range(4096, 1000001)
"""RFC 7677's floor, and a ceiling, as the count is the peer's choice and the work is ours."""

ALGORITHM = "AWS4-HMAC-SHA256"


def scram(
    exchange: Callable[[bytes], bytes], mechanism: str, username: str, password: str, known: dict[Any, bytes]
) -> None:
    """Prove the password, and have the server prove that it knows it too. `exchange` sends a token and gives one.

    `known` keeps what was derived, as the brokers of a cluster have one salt.
    """
    name = "sha" + mechanism[-3:]
    nonce = base64.b64encode(os.urandom(24)).decode()
    bare = "n=%s,r=%s" % (username.replace("=", "=3D").replace(",", "=2C"), nonce)
    try:
        first = exchange(("n,," + bare).encode()).decode()
        given = dict(item.split("=", 1) for item in first.split(","))
        salt, count, both = base64.b64decode(given["s"], validate=True), int(given["i"]), given["r"]
    except (ValueError, KeyError):
        raise Broken("garbled", "SCRAM") from None
    if "m" in given or not both.startswith(nonce) or both == nonce:
        raise Broken("server-nonce")
    if count not in ITERATIONS or not salt:
        raise Broken("server-iterations", str(count)[:20])
    salted = known.get((salt, count)) or hashlib.pbkdf2_hmac(name, password.encode(), salt, count)
    known[salt, count] = salted

    def mac(key: bytes, text: str) -> bytes:
        return hmac.new(key, text.encode(), name).digest()

    final = "c=biws,r=" + both
    proven = ",".join([bare, first, final])
    key = mac(salted, "Client Key")
    mask = mac(hashlib.new(name, key).digest(), proven)
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, mask))).decode()
    last = exchange(("%s,p=%s" % (final, proof)).encode())
    if last[:2] == b"e=":
        raise Broken("rejected", words=last[2:].decode("ascii", "replace"))
    if last.split(b",")[0] != b"v=" + base64.b64encode(mac(mac(salted, "Server Key"), proven)):
        raise Broken("server-signature")


def msk_iam(exchange: Callable[[bytes], bytes], host: str, region: str, keys: Mapping[str, str]) -> None:
    """An authentication payload of https://github.com/aws/aws-msk-iam-auth, good for 900 seconds, for this host."""
    stamp, scope = scoped(region, "kafka-cluster")
    query = {
        "Action": "kafka-cluster:Connect",
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": keys["access_key"] + "/" + scope,
        "X-Amz-Date": stamp,
        "X-Amz-Expires": "900",
        "X-Amz-SignedHeaders": "host",
    }
    if keys.get("token"):
        query["X-Amz-Security-Token"] = keys["token"]
    canonical = "&".join("%s=%s" % (name, quote(value, "")) for name, value in sorted(query.items()))
    query["X-Amz-Signature"] = signed(keys, stamp, scope, ["GET", "/", canonical, "host:%s\n" % host, "host"], b"")
    query.update({"version": "2020_10_22", "host": host, "user-agent": CLIENT})
    exchange(json.dumps({name.lower(): value for name, value in query.items()}).encode())


def sts_headers(host: str, region: str, keys: Mapping[str, str], body: bytes) -> dict[str, str]:
    """The headers of a signed POST to STS."""
    stamp, scope = scoped(region, "sts")
    headers = {"content-type": "application/x-www-form-urlencoded", "host": host, "x-amz-date": stamp}
    if keys.get("token"):
        headers["x-amz-security-token"] = keys["token"]
    names = ";".join(sorted(headers))
    lines = "".join("%s:%s\n" % item for item in sorted(headers.items()))
    signature = signed(keys, stamp, scope, ["POST", "/", "", lines, names], body)
    credential = "%s Credential=%s/%s, SignedHeaders=%s, Signature=%s"
    headers["authorization"] = credential % (ALGORITHM, keys["access_key"], scope, names, signature)
    return headers


def signed(keys: Mapping[str, str], stamp: str, scope: str, request: list[str], body: bytes) -> str:
    """Signature version 4 of a canonical request whose last line, the hash of `body`, is not there yet."""
    canonical = "\n".join(request + [hashlib.sha256(body).hexdigest()]).encode()
    text = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(canonical).hexdigest()])
    key = ("AWS4" + keys["secret_key"]).encode()
    for part in scope.split("/") + [text]:
        key = hmac.new(key, part.encode(), "sha256").digest()
    return key.hex()


def scoped(region: str, service: str) -> tuple[str, str]:
    """The time stamp of now, and the scope of a credential."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return stamp, "%s/%s/%s/aws4_request" % (stamp[:8], region, service)
