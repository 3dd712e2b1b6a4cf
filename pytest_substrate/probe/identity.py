"""What the container was given: the task role's credentials and whose they are, and the Kafka credential."""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import re
from typing import Any, Mapping
from urllib.parse import urlsplit

from .sasl import sts_headers
from .wire import Broken, left

ENDPOINT = "AWS_CONTAINER_CREDENTIALS_"
TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
HOSTS = ("169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost")
"""Beside loopback addresses and https, the hosts that botocore admits (botocore/utils.py, ContainerMetadataFetcher)."""

SHADOWS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
)
"""What botocore takes before a container role, if it is set."""

Unreadable = (ValueError, KeyError, TypeError, RecursionError)
"""What a document raises that isn't what it should be."""


def shadows(environ: Mapping[str, str]) -> list[str]:
    """The variables, and the file, that an SDK would take before the task role's credentials."""
    found = [name for name in SHADOWS if environ.get(name)]
    home = environ.get("HOME") or os.path.expanduser("~")
    return found + ["~/.aws/credentials"] * os.path.exists(home + "/.aws/credentials")


def container_keys(environ: Mapping[str, str], until: float) -> dict[str, str]:
    """The credential document of the container's endpoint, by keys of our own; a proxy is never asked."""
    relative = environ.get(ENDPOINT + "RELATIVE_URI")
    url = urlsplit("http://169.254.170.2" + relative if relative else environ.get(ENDPOINT + "FULL_URI", ""))
    host = url.hostname
    if not host:
        raise Broken("no-container-credentials")
    if host not in HOSTS and url.scheme != "https":
        try:
            admitted = ipaddress.ip_address(host).is_loopback
        except ValueError:
            admitted = False
        if not admitted:
            raise Broken("foreign-endpoint")
    status = 0
    try:
        token = environ.get(TOKEN)
        if environ.get(TOKEN + "_FILE"):
            with open(environ[TOKEN + "_FILE"], encoding="utf-8") as file:
                token = file.read()
        status, body = http_answer("GET", url, {"Authorization": token} if token else {}, None, until)
        document = json.loads(body)
        names = {"access_key": "AccessKeyId", "secret_key": "SecretAccessKey", "token": "Token", "role_arn": "RoleArn"}
        keys = {ours: str(document.get(theirs) or "") for ours, theirs in names.items()}
        if status == 200 and keys["access_key"] and keys["secret_key"]:
            return keys
    except (OSError, http.client.HTTPException) as error:
        raise Broken("endpoint-unreachable", type(error).__name__) from None
    except (
        *Unreadable,
        AttributeError,
    ):  # http.client raises ValueError for a token with a line break, as botocore does
        pass
    raise Broken("endpoint-refused", "HTTP %d" % status)


def caller(keys: Mapping[str, str], region: str, endpoint: str | None, until: float) -> dict[str, Any]:
    """What STS says: `sts` is `answered`, `refused` or `unreachable`."""
    suffix = ".cn" if region.startswith("cn-") else ""
    url = urlsplit(endpoint or "https://sts.%s.amazonaws.com%s" % (region, suffix))
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    try:
        status, data = http_answer("POST", url, sts_headers(url.netloc, region, keys, body), body, until)
    except (OSError, http.client.HTTPException, Broken) as error:
        return {"sts": "unreachable", "error_code": type(error).__name__}
    arn = re.search("<Arn>([^<]+)</Arn>", data)
    code = re.search(r"<Code>([\w.]+)</Code>", data)
    if status == 200 and arn:
        return {"sts": "answered", "caller_arn": arn.group(1)}
    return {
        "sts": "refused" if 400 <= status < 500 else "unreachable",
        "error_code": code.group(1) if code else "HTTP%d" % status,
    }


def http_answer(method: str, url: Any, headers: Mapping[str, str], body: bytes | None, until: float) -> tuple[int, str]:
    """Status and text. No proxy, no redirect; the caller bounds the whole."""
    kind = {"https": http.client.HTTPSConnection}.get(url.scheme, http.client.HTTPConnection)
    connection = kind(url.hostname, url.port, timeout=left(until))
    try:
        connection.request(method, (url.path or "/") + ("?" + url.query) * bool(url.query), body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read(65536).decode("utf-8", "replace")
    finally:
        connection.close()


def received(
    asked: Mapping[str, Any], environ: Mapping[str, str], held: list[str | None]
) -> tuple[dict[str, str], dict[str, Any]]:
    """The Kafka credential that the container received, and what can be said of it without saying it.

    The password that was expected instead is added to `held`, as a broker may know it.
    """
    whole = asked.get("credential_env")
    names = [whole] if whole else [asked.get("username_env"), asked.get("password_env")]
    seen = {"variables": [name for name in names if name]}  # type: dict[str, Any]
    secret = {}  # type: dict[str, str]
    try:
        values = [environ.get(name or "", "") for name in names]
        if not all(values):
            raise Broken("not-injected")
        secret = credential(values[0] if whole else dict(zip(("username", "password"), values)), "credential-malformed")
        if asked.get("principal"):
            seen["principal_matches"] = secret["username"] == asked["principal"]
        if asked.get("expected_env"):
            document = environ.get(asked["expected_env"])
            if not document:
                raise Broken("no-reference")
            expected = credential(document, "reference-malformed")
            held.append(expected["password"])
            seen["compared"] = True
            seen["differs"] = [name for name in ("username", "password") if secret[name] != expected[name]]
    except Broken as broken:
        seen["failure"] = {"cause": broken.cause, "stage": "credential"}
    return secret, seen


def credential(document: Any, cause: str) -> dict[str, str]:
    """User name and password of an MSK secret, as text that can be sent."""
    try:
        found = json.loads(document) if isinstance(document, str) else document
        secret = {name: found[name] for name in ("username", "password")}
        if all(value.encode() for value in secret.values()):
            return secret
    except (*Unreadable, AttributeError):
        pass
    raise Broken(cause)
