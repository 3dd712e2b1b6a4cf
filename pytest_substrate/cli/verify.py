"""`substrate verify`: whether evidence proves what a later stage relies on. Offline, and without an SDK.

Exit codes: 0 it does, 1 with a line for each reason against it (that there is no evidence at all among them), 2 where
the arguments can't be used, so that nothing was judged.
"""

from __future__ import annotations

import argparse
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_substrate.cli.files import read_file
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import DEMANDABLE, Plane

if TYPE_CHECKING:
    from pytest_substrate.evidence.keys import PublicKey
    from pytest_substrate.evidence.refusal import Refusal

HELP: Final = "whether evidence proves what a later stage relies on"
SCHEMA: Final = "substrate.verify/1"

_AGE: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_DIGEST: Final = re.compile(r"(?:sha256:)?[0-9a-f]{64}")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    add("evidence", metavar="EVIDENCE", help="the sealed file, such as reports/evidence.json")
    add("--key", metavar="FILE", action="append", default=[], help="the public key (PEM) that sealed it; repeatable")
    add("--declaration", metavar="FILE", help="the declaration from the protected commit")
    add(
        "--require",
        metavar="PLANE",
        action="append",
        default=[],
        choices=[plane.value for plane in DEMANDABLE],
        help="a plane that must have been proven; repeatable",
    )
    add("--digest", metavar="D", action="append", default=[], help="an image that must have been proven; repeatable")
    add("--max-age", metavar="TIME", help="of its oldest observation, such as 45s, 30m, 2h, 1d; default: any")
    add("--environment", metavar="N", help="the environment that it must be of")
    add("--allow-unsigned", action="store_true", help="take a file that nobody signed")
    add("--allow-embedded", action="store_true", help="take a proof of the embedded platform, or of an emulator")
    add("--allow-waivers", action="store_true", help="let waivers of the declaration stand")
    add("--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Judge it, and say why not."""
    from pytest_substrate.evidence.verify import verify_evidence

    declaration = None
    if options.declaration is not None:
        declaration = _declaration(Path(options.declaration))
    keys = [_key(Path(name)) for name in options.key]
    if not keys and not options.allow_unsigned:
        raise BadInput("--key", "is missing", "name the public key of the job that seals, or add --allow-unsigned")
    for digest in options.digest:
        if _DIGEST.fullmatch(digest) is None:
            raise BadInput("--digest", "is not the digest of an image", "write sha256: and 64 hexadecimal digits")
    max_age = None if options.max_age is None else _age(options.max_age)
    evidence = _evidence(Path(options.evidence))
    if isinstance(evidence, str):
        refusals: tuple[Refusal, ...] = (_no_evidence(evidence),)
    else:
        refusals = verify_evidence(
            evidence,
            keys=keys,
            declaration=declaration,
            require=[Plane(name) for name in options.require],
            digests=options.digest,
            max_age=max_age,
            environment=options.environment,
            now=datetime.now(UTC),
            allow_unsigned=options.allow_unsigned,
            allow_embedded=options.allow_embedded,
            allow_waivers=options.allow_waivers,
        )
    if options.format == "json":
        said = {
            "schema": SCHEMA,
            "evidence": options.evidence,
            "verified": not refusals,
            "refusals": [{"reason": refusal.reason, "message": refusal.message} for refusal in refusals],
        }
        print(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        for refusal in refusals:
            print(f"{options.evidence}: {refusal}")
        if not refusals:
            print(_verified(options))
    return 1 if refusals else 0


def _verified(options: argparse.Namespace) -> str:
    """What was held against what, so that nobody reads more into it."""
    known = [
        f"planes {', '.join(options.require)}" if options.require else "the planes that it names itself",
        "the declaration" if options.declaration else "no declaration: it agrees with itself",
        f"signed by {len(options.key)} pinned key{'s' * (len(options.key) > 1)}" if options.key else "UNSIGNED",
        f"no older than {options.max_age}" if options.max_age else "of any age",
    ]
    return f"{options.evidence}: verified: READY; {'; '.join(known)}"


def _declaration(path: Path) -> bytes:
    from pytest_substrate.gate.declared import read_declaration

    raw = read_file(path, mend="name the declaration from the protected commit")
    read_declaration(raw, name=str(path))
    return raw


def _key(path: Path) -> PublicKey:
    from pytest_substrate.evidence.keys import public_key

    return public_key(read_file(path, mend="name the public key (PEM) of the job that seals"), where=str(path))


def _evidence(path: Path) -> bytes | str:
    """The file's bytes, or in a word why there is none: a run that left no evidence proved nothing."""
    try:
        return read_file(path, mend="name the evidence")
    except BadInput as error:
        return error.what


def _no_evidence(why: str) -> Refusal:
    from pytest_substrate.evidence.refusal import Refusal

    return Refusal(reason="no-evidence", message=f"the file {why}")


def _age(text: str) -> timedelta:
    found = _AGE.fullmatch(text)
    if found is None:
        raise BadInput("--max-age", "is not a length of time", "write a whole number and s, m, h or d, such as 30m")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
