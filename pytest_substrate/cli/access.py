"""`substrate access`: would AWS allow this request? From policy documents alone; nothing is called.

Exit codes: 0 allowed, 1 denied, 10 undecided (what isn't known could change it), 2 where a document or an argument
can't be used.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_substrate.cli.files import LONGEST_DECLARATION, read_file
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.facts import line
from pytest_substrate.policy.operators import address, moment, number

if TYPE_CHECKING:
    from pytest_substrate.policy.document import Document, PolicyKind

HELP: Final = "whether AWS would allow a request, by the policies that apply to it"
SCHEMA: Final = "substrate.access/1"
_LONGEST: Final = 2000
"""Characters of a line: a policy's keys and values, which may hold anything, stand in it."""

_TYPES: Final[dict[str, tuple[str, Callable[[str], object | None]]]] = {
    **dict.fromkeys(("aws:sourceip", "aws:vpcsourceip"), ("no IP address", address)),
    **dict.fromkeys(("aws:currenttime", "aws:tokenissuetime", "aws:epochtime"), ("no date", moment)),
    **dict.fromkeys(("aws:multifactorauthage", "s3:max-keys"), ("no number", number)),
}
"""Of keys whose type decides: what a slip is told as. A deny that a slip can't meet would look like an allow."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    _several(add, "--identity", "the identity policies of the principal (user, groups, role)", required=True)
    add("--boundary", metavar="FILE", help="its permissions boundary")
    _several(add, "--scp", "a service control policy; several are levels, each of which must allow")
    _several(add, "--rcp", "resource control policies; RCPFullAWSAccess needn't be named")
    add("--session", metavar="FILE", help="the session policy")
    add(
        "--resource-policy", metavar="FILE", help="the resource's own policy: of a bucket, a key, a role (its trust), …"
    )
    add("--principal", metavar="ARN", required=True, help="who asks: a user, a role, a session of one, a root")
    add("--action", metavar="SERVICE:ACTION", required=True, help="what for, such as s3:GetObject")
    add("--resource", metavar="ARN|*", required=True, help="on what; * where an action has no resource")
    add(
        "--context",
        metavar="KEY=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help="a condition key of the request; a key given twice has several values",
    )
    add("--format", choices=("text", "json"), default="text")


def _several(add: Callable[..., argparse.Action], name: str, line: str, *, required: bool = False) -> None:
    add(name, metavar="FILE", nargs="+", action="extend", default=[], required=required, help=line)


def run(options: argparse.Namespace) -> int:
    """Judge it, and say who decided."""
    from pytest_substrate.policy.decision import decide
    from pytest_substrate.policy.document import PolicyKind
    from pytest_substrate.policy.evaluate import Outcome, Policies
    from pytest_substrate.policy.request import make_request

    request = make_request(
        principal=options.principal,
        action=options.action,
        resource=options.resource,
        context=[_pair(text) for text in options.context],
    )
    is_trust = options.action.lower().startswith("sts:assumerole")
    session = _one(options.session, PolicyKind.SESSION)
    policies = Policies(
        identity=tuple(_read(name, PolicyKind.IDENTITY) for name in options.identity),
        boundary=_one(options.boundary, PolicyKind.BOUNDARY),
        scps=tuple(_read(name, PolicyKind.SCP) for name in options.scp),
        rcps=tuple(_read(name, PolicyKind.RCP) for name in options.rcp),
        session=None if session is None else (session,),
        resource=_one(options.resource_policy, PolicyKind.TRUST if is_trust else PolicyKind.RESOURCE),
    )
    decision = decide(request, policies)
    if options.format == "json":
        said = {
            "schema": SCHEMA,
            "decision": decision.outcome.value,
            "source": decision.source.value,
            "statement": decision.statement,
            "reason": decision.reason,
        }
        print(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        print(f"{decision.outcome.value}  {decision.source.value}: {line(decision.reason, _LONGEST)}")
    return {Outcome.ALLOW: 0, Outcome.UNDECIDED: 10}.get(decision.outcome, 1)


def _one(name: str | None, kind: PolicyKind) -> Document | None:
    return None if name is None else _read(name, kind)


def _read(name: str, kind: PolicyKind) -> Document:
    from pytest_substrate.policy.document import parse_policy

    data = read_file(Path(name), mend="name a policy document (JSON)", most=LONGEST_DECLARATION)
    return parse_policy(data, name=name, kind=kind)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise BadInput("--context", "is not KEY=VALUE", "write such as aws:SourceIp=203.0.113.7")
    what, read = _TYPES.get(key.lower(), ("", None))
    if value and read is not None and read(value) is None:
        raise BadInput(f"--context {key}", f"its value is {what}", "AWS never sends such a request; name a real value")
    return key, value
