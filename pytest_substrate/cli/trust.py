"""`substrate trust`: would AWS admit this token? From a role's trust policy and the token's claims; nothing is called.

Exit codes: 0 admitted, 1 refused, 10 undecided (what isn't known could change it), 2 where a document or an argument
can't be used.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Final

from pytest_substrate.cli.files import LONGEST_DECLARATION, read_file
from pytest_substrate.model.facts import line

HELP: Final = "whether a role's trust policy admits a token, and what else it admits"
SCHEMA: Final = "substrate.trust/1"
_LONGEST: Final = 2000
"""Characters of a line: a policy's keys and values, which may hold anything, stand in it."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    add("--policy", metavar="FILE", required=True, help="the role's trust policy")
    add("--claims", metavar="FILE", required=True, help="the token's decoded payload, a JSON object; never the token")
    add("--provider-arn", metavar="ARN", help="the OIDC provider; without it, iss names it, in any account")
    add("--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Judge it, and say what the policy admits beside it."""
    from pytest_substrate.policy.claims import parse_claims
    from pytest_substrate.policy.trust import Admission, admits, issuer_of, parse_trust
    from pytest_substrate.policy.weaknesses import weaknesses

    document = parse_trust(_read(options.policy, "name a role's trust policy (JSON)"), name=options.policy)
    claims = parse_claims(_read(options.claims, "name the token's decoded payload (JSON)"), name=options.claims)
    issuer = issuer_of(claims, provider_arn=options.provider_arn, name=options.claims)
    trust = admits(document, claims, provider_arn=options.provider_arn, name=options.claims)
    found = weaknesses(document, issuer=issuer, claims=claims)
    if options.format == "json":
        said = {
            "schema": SCHEMA,
            "decision": trust.decision.value,
            "reason": trust.reason,
            "statement": trust.statement,
            "weaknesses": [{"code": one.code, "message": one.message} for one in found],
        }
        print(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        print(f"{trust.decision.value}  {line(trust.reason, _LONGEST)}")
        for one in found:
            print(f"  {one.code}  {line(one.message, _LONGEST)}")
    return {Admission.ADMITTED: 0, Admission.UNDECIDED: 10}.get(trust.decision, 1)


def _read(name: str, mend: str) -> bytes:
    return read_file(Path(name), mend=mend, most=LONGEST_DECLARATION)
