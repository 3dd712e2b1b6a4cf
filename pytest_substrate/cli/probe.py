"""`substrate probe`: the Kafka ladder from here against any broker. The program that travels into a task runs here."""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pytest_substrate.cli.files import LONGEST_DECLARATION, LONGEST_SECRET, read_file
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.record import exit_code, report_json
from pytest_substrate.model.transcript import ClientSeen, ProbeRequest, transcript_from
from pytest_substrate.planes.messaging.instrument import CHECKS, OPERATIONS, Wanted, records_of
from pytest_substrate.probe.identity import credential
from pytest_substrate.probe.program import run as run_probe
from pytest_substrate.probe.wire import Broken, split_address
from pytest_substrate.report.glyphs import glyphs_for
from pytest_substrate.report.plain import report_lines

HELP: Final = "the Kafka ladder from here against any broker"

PROTOCOLS: Final = ("SASL_SSL", "SASL_PLAINTEXT", "SSL", "PLAINTEXT")
MECHANISMS: Final = ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN", "AWS_MSK_IAM")
LONGEST_S: Final = 600.0

_TOPIC: Final = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}")
_GROUP: Final = re.compile(r"[!-~][ -~]{0,248}")
_CLIENT: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)==(\d[\w.+!]*)(?:,api_version=(auto|\d+(?:\.\d+){1,3}))?")
_DEADLINE: Final = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)(ms|s|m|)")
_SECRET_ARN: Final = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+")
_MSK_HOST: Final = re.compile(r"\.kafka(?:-serverless)?\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?\Z")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    add("--bootstrap", metavar="HOST:PORT[,…]", required=True, help="where a client would start")
    add("--security-protocol", metavar="PROTOCOL", choices=PROTOCOLS, default="SASL_SSL", help=_choices(PROTOCOLS))
    add("--sasl-mechanism", metavar="NAME", choices=MECHANISMS, default="SCRAM-SHA-512", help=_choices(MECHANISMS))
    add(
        "--credential",
        metavar="env:NAME|file:PATH|secret:ARN",
        help='where the JSON of an MSK secret is: {"username": …, "password": …}',
    )
    add("--ca", metavar="FILE", help="the CA certificates to trust (PEM); default: the interpreter's store")
    add(
        "--topic",
        metavar="NAME[:describe,read,write]",
        action="append",
        default=[],
        help="a topic and what may be done to it, asked without doing it; repeatable; default: all three",
    )
    add("--group", metavar="NAME", help="a consumer group, asked about without joining it")
    add("--smoke", metavar="TOPIC", help="write one record to this topic, and read it back")
    add("--client", metavar="NAME==VERSION[,api_version=X.Y.Z]", help="a client whose version ranges must fit")
    add("--deadline", metavar="TIME", default="5s", help="of each rung; eight of them for the whole; default: 5s")
    add("--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Go down the ladder and print the report; its exit code."""
    secret = _credential(options)
    wanted = _wanted(options, principal=(secret or {}).get("username"))
    request = ProbeRequest(
        nonce=secrets.token_hex(16),
        deadline_s=_seconds(options.deadline),
        bootstrap=wanted.bootstrap,
        protocol=wanted.protocol,
        mechanism=wanted.mechanism,
        ca_file=_ca(options.ca),
        topics=tuple(wanted.topics),
        group=wanted.group,
        smoke_topic=wanted.smoke,
        region=_region(wanted),
    )
    seen = transcript_from(run_probe(request.asked(), os.environ, secret))
    records = records_of(seen, wanted)
    if options.format == "json":
        print(json.dumps(report_json(_target(wanted), records), indent=2))
    else:
        for line in report_lines(_title(wanted), records, CHECKS, glyphs_for(sys.stdout.encoding)):
            print(line)
    return exit_code(records)


def _wanted(options: argparse.Namespace, *, principal: str | None) -> Wanted:
    topics: dict[str, tuple[str, ...]] = {}
    for text in options.topic:
        name, operations = _topic(text)
        asked = {*topics.get(name, ()), *operations}
        topics[name] = tuple(word for word in OPERATIONS if word in asked)
    if options.smoke is not None and not _TOPIC.fullmatch(options.smoke):
        raise BadInput("--smoke", "is not the name of a topic", "write letters, digits, `.`, `_` and `-`")
    if options.group is not None and not _GROUP.fullmatch(options.group):
        raise BadInput("--group", "is not the name of a group", "write printable characters, 249 at most")
    return Wanted(
        bootstrap=_bootstrap(options.bootstrap),
        protocol=options.security_protocol,
        mechanism=options.sasl_mechanism if options.security_protocol.startswith("SASL") else None,
        principal=principal,
        topics=topics,
        group=options.group,
        smoke=options.smoke,
        client=_client(options.client),
    )


def _bootstrap(text: str) -> tuple[str, ...]:
    addresses = [item.strip() for item in text.split(",")]
    for number, address in enumerate(addresses, 1):
        try:
            split_address(address)
        except Broken:
            where = "--bootstrap" if len(addresses) == 1 else f"--bootstrap, address {number}"
            raise BadInput(where, "is not HOST:PORT", "write host:9096, or [::1]:9096 for IPv6") from None
    return tuple(dict.fromkeys(addresses))


def _topic(text: str) -> tuple[str, tuple[str, ...]]:
    name, colon, words = text.partition(":")
    operations = words.split(",") if colon else OPERATIONS
    if not _TOPIC.fullmatch(name) or not set(operations) <= set(OPERATIONS):
        raise BadInput("--topic", "is not NAME[:describe,read,write]", "write --topic events.raw:describe,write")
    return name, tuple(operations)


def _client(text: str | None) -> ClientSeen | None:
    if text is None:
        return None
    found = _CLIENT.fullmatch(text)
    if found is None:
        mend = "write --client kafka-python==2.2.15,api_version=2.6.0"
        raise BadInput("--client", "is not NAME==VERSION[,api_version=X.Y.Z]", mend)
    name = re.sub(r"[-_.]+", "-", found[1]).lower()
    return ClientSeen(name=name, version=found[2], api_version=None if found[3] == "auto" else found[3])


def _seconds(text: str) -> float:
    found = _DEADLINE.fullmatch(text)
    seconds = float(found[1]) * {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}[found[2]] if found else 0.0
    if not 0.0 < seconds <= LONGEST_S:
        raise BadInput("--deadline", "is not a time between 1ms and 10m", "write 500ms, 5s or 1m")
    return seconds


def _ca(name: str | None) -> str | None:
    """The file, once it is seen that certificates can be read from it."""
    if name is None:
        return None
    where, mend = f"--ca {name}", "name a PEM file of CA certificates"
    read_file(Path(name), mend=mend, where=where, most=LONGEST_DECLARATION)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(name)
    except ssl.SSLError:
        raise BadInput(where, "holds no certificate", mend) from None
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInput(where, f"can't be read: {reason}", mend) from None
    return name


def _credential(options: argparse.Namespace) -> Mapping[str, str] | None:
    """The probe's secret values, None where no credential is named. What is wrong with it is said without it."""
    if options.credential is None:
        return _environment_keys() if _is_iam(options) else None
    kind, _, name = options.credential.partition(":")
    where = f"--credential {kind}:" if kind in ("env", "file", "secret") else "--credential"
    if kind == "env" and name:
        document = os.environ.get(name)
        if not document:
            raise BadInput(where + name, "the variable is not set", "export the JSON of the MSK secret in it")
        where += name
    elif kind == "file" and name:
        document = _read(Path(name), where + name)
        where += name
    elif kind == "secret" and _SECRET_ARN.fullmatch(name):
        from pytest_substrate.adapters.aws.secret_value import read_secret_value

        document = read_secret_value(name, where=where + name)
    else:
        raise BadInput(where, "is not env:NAME, file:PATH or secret:ARN", "name where the credential is, never itself")
    return _secret(document, where, iam=_is_iam(options))


def _secret(document: str, where: str, *, iam: bool) -> Mapping[str, str]:
    """The user name and the password; for AWS_MSK_IAM they are a key and its secret, with a `token` beside them."""
    try:
        found = credential(document, "")
    except Broken:
        mend = 'it must be {"username": …, "password": …}, as MSK writes it'
        raise BadInput(where, "holds no user name and password", mend) from None
    if not iam:
        return found
    token = str(json.loads(document).get("token") or "")
    return {"access_key": found["username"], "secret_key": found["password"], "token": token}


def _environment_keys() -> Mapping[str, str] | None:
    """For AWS_MSK_IAM: the keys of the environment, else none, and the probe asks the container's endpoint."""
    key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not key or not secret:
        return None
    return {"access_key": key, "secret_key": secret, "token": os.environ.get("AWS_SESSION_TOKEN", "")}


def _is_iam(options: argparse.Namespace) -> bool:
    return str(options.security_protocol).startswith("SASL") and options.sasl_mechanism == "AWS_MSK_IAM"


def _read(path: Path, where: str) -> str:
    mend = "name the file with the JSON of the MSK secret"
    try:
        return read_file(path, mend=mend, where=where, most=LONGEST_SECRET).decode()
    except UnicodeDecodeError:
        raise BadInput(where, "is not UTF-8", mend) from None


def _region(wanted: Wanted) -> str | None:
    """The region that an AWS_MSK_IAM signature is for: the broker's own name says it, else the environment."""
    if wanted.mechanism != "AWS_MSK_IAM":
        return None
    found = _MSK_HOST.search(split_address(wanted.bootstrap[0])[0])
    region = found[1] if found else os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise BadInput("--sasl-mechanism AWS_MSK_IAM", "the broker's name tells no region", "set AWS_REGION")
    return region


def _target(wanted: Wanted) -> dict[str, Any]:
    return {
        "kind": "kafka",
        "bootstrap": list(wanted.bootstrap),
        "security_protocol": wanted.protocol,
        "sasl_mechanism": wanted.mechanism,
    }


def _title(wanted: Wanted) -> str:
    way = f"{wanted.protocol} {wanted.mechanism}" if wanted.mechanism else wanted.protocol
    return f"substrate probe: {', '.join(wanted.bootstrap)}, {way}"


def _choices(words: tuple[str, ...]) -> str:
    return f"{', '.join(words)}; default: %(default)s"
