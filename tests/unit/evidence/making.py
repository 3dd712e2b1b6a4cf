"""Evidence as a run leaves it, made without a run: the real ladder and statement over a test's own diagnoses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from pytest_substrate.evidence.envelope import pack
from pytest_substrate.evidence.keys import FileSigner, PublicKey, file_signer, public_key
from pytest_substrate.evidence.ledger import LedgerRun
from pytest_substrate.evidence.refusal import Refusal
from pytest_substrate.evidence.seal import sealed
from pytest_substrate.evidence.statement import Account, LedgerHead, OwnCheck, Provenance, make_statement
from pytest_substrate.evidence.verify import JUDGE, verify_evidence
from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.gate.judge import Judgement, Problem, judge
from pytest_substrate.gate.ladder import Ladder
from pytest_substrate.gate.required import check_set_digest, required_pairs
from pytest_substrate.model.check import Pair
from pytest_substrate.model.declaration import Declaration
from pytest_substrate.model.diagnosis import Diagnosis, passed
from pytest_substrate.model.outcome import Plane, TargetKind, Vantage
from pytest_substrate.model.record import Record

FIXTURES = Path(__file__).parents[3] / "fixtures"
DEV_MIN = (FIXTURES / "dev_min/substrate.toml").read_bytes()
IMAGE = "ab" * 32
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
WAIVER = b"""
[[waiver]]
check = "MSG-150"
subject = "service/ingest"
owner = "platform"
ticket = "PLAT-17"
reason = "the broker is replaced"
expires = 2026-07-01T00:00:00Z
"""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A run that might have been."""

    outcomes: Mapping[str, Diagnosis] = field(default_factory=dict)
    """By check id; every other check passes."""
    declaration: bytes = DEV_MIN
    planes: tuple[Plane, ...] = (Plane.MESSAGING,)
    kind: TargetKind = TargetKind.AWS
    vantage: Vantage = Vantage.TASK
    finished: datetime = NOW - timedelta(minutes=5)
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """More facts of checks that pass."""
    own: Sequence[OwnCheck] = ()
    own_records: Sequence[Record] = ()
    problems: Sequence[Problem] = ()
    ledger: LedgerHead | None = None

    def read(self) -> Declaration:
        """The declaration itself."""
        return read_declaration(self.declaration, name="substrate.toml")

    def judgement(self) -> Judgement:
        """What its ladder comes to."""
        declaration = self.read()
        ladder = Ladder(declaration, self._diagnose, self.finished, self.vantage, clock=lambda: 0.0)
        pairs = required_pairs(declaration, self.planes)
        own = [Pair(check.check, subject) for check in self.own for subject in check.subjects]
        return judge([*pairs, *own], [*map(ladder.record, pairs), *self.own_records], self.problems)

    def statement(self) -> dict[str, Any]:
        """What it leaves."""
        declaration, judgement = self.read(), self.judgement()
        target = {
            "kind": self.kind.value,
            "account": declaration.account,
            "region": declaration.region,
            "environment": declaration.environment,
            "observer": f"arn:aws:sts::{declaration.account}:assumed-role/substrate-observer/run",
            "observer_role": declaration.observer.role if declaration.observer else None,
            "vantage": self.vantage.value,
        }
        account = Account(
            run_id="run-1",
            started=self.finished - timedelta(minutes=2),
            finished=self.finished,
            oldest_observation=self.finished - timedelta(minutes=1),
            plugin_version=version("pytest-substrate"),
            judged_by=JUDGE,
            declaration=Provenance(
                name="substrate.toml",
                sha256=declaration.digest(self.declaration.decode()).removeprefix("sha256:"),
                source="default",
            ),
            check_set_sha256=check_set_digest(
                [*required_pairs(declaration, self.planes), *(Pair(o.check, s) for o in self.own for s in o.subjects)]
            ).removeprefix("sha256:"),
            target=target,
            vantage=self.vantage.value,
            planes={plane.value: judgement.verdict for plane in self.planes},
            options={
                "adhoc": {"value": False, "source": "default"},
                "fault": {"value": [], "source": "default"},
                "target": {"value": self.kind.value, "source": "default"},
                "vantage": {"value": self.vantage.value, "source": "default"},
            },
            own_checks=self.own,
            ledger=self.ledger,
        )
        return make_statement(account, judgement, declaration)

    def text(self) -> bytes:
        """The unsigned file."""
        return pack(self.statement()).encode()

    def ledger_run(self, run_id: str) -> LedgerRun:
        """What it hands to its ledger."""
        declaration, judgement = self.read(), self.judgement()
        return LedgerRun(
            run_id=run_id,
            at=self.finished,
            kind=self.kind,
            declaration_sha256=declaration.digest(self.declaration.decode()),
            planes={plane.value: judgement.verdict for plane in self.planes},
            judgement=judgement,
            declaration=declaration,
        )

    def _diagnose(self, check: str, subject: str) -> Diagnosis:
        found = self.outcomes.get(check)
        if found is not None:
            return found
        facts: dict[str, Any] = {"MSG-055": {"image_digest": f"sha256:{IMAGE}"}, "MSG-010": {"version_id": "v1"}}.get(
            check, {}
        )
        return passed(f"{check} holds", **{**facts, **self.facts.get(check, {})})


@cache
def signer(name: str = "ci") -> FileSigner:
    """A key of its own for each name."""
    return file_signer(private_pem(name), None, where=name)


@cache
def _private(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"\1"))


def private_pem(name: str = "ci") -> bytes:
    """The key file."""
    return _private(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(name: str = "ci") -> bytes:
    """The public key file."""
    return _private(name).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@cache
def key(name: str = "ci") -> PublicKey:
    """The public key."""
    return public_key(public_pem(name), where=name)


def signed(raw: bytes, name: str = "ci") -> bytes:
    """The file after `substrate seal`."""
    return sealed(raw, signer(name), where="evidence.json").to_text().encode()


def sign(statement: Mapping[str, Any], name: str = "ci") -> bytes:
    """A statement of any content in a sealed file."""
    return signed(pack(statement).encode(), name)


@cache
def good() -> bytes:
    """The sealed file of a READY run."""
    return signed(Made().text())


def verify(raw: bytes, **options: Any) -> tuple[Refusal, ...]:
    """Verify with the pinned key and the protected declaration, five minutes after the run."""
    given: dict[str, Any] = {"keys": [key()], "declaration": DEV_MIN, "now": NOW} | options
    return verify_evidence(raw, **given)


def reasons(raw: bytes, **options: Any) -> set[str]:
    """The slugs of the refusals."""
    return {refusal.reason for refusal in verify(raw, **options)}
