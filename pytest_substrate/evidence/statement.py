"""The statement of a run: what was proven, of what, by whom, when, and everything that it rests on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.evidence.envelope import PREDICATE_TYPE, STATEMENT_TYPE
from pytest_substrate.model.check import Pair
from pytest_substrate.model.outcome import Outcome, Verdict

if TYPE_CHECKING:
    from pytest_substrate.gate.judge import Judgement
    from pytest_substrate.model.declaration import Declaration
    from pytest_substrate.model.record import Record

SCHEMA: Final = "substrate.evidence/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where the declaration came from. `commit` is None outside of a git work tree; `modified` says that the file
    differs from that commit, so that the commit doesn't stand for it.
    """

    name: str
    sha256: str
    source: str
    commit: str | None = None
    modified: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everything that a run hands to its evidence beside the judgement; times are UTC."""

    run_id: str
    started: datetime
    finished: datetime
    oldest_observation: datetime
    plugin_version: str
    judged_by: str
    declaration: Provenance
    check_set_sha256: str
    target: Mapping[str, Any]
    vantage: str
    planes: Mapping[str, Verdict]
    options: Mapping[str, Mapping[str, object]]
    attachments: Sequence[Mapping[str, object]] = ()
    own_checks: Sequence[OwnCheck] = ()
    """The user's own checks that took part, beyond the catalogue."""
    ledger: LedgerHead | None = None
    """The end of the ledger after this run's lines; None for a run that keeps none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCheck:
    """A user's own check as the evidence names it: it can make a verdict worse, never better."""

    check: str
    plane: str
    statement: str
    layer: str
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerHead:
    """Where a ledger ends: how many lines it has, and the hash of its last one (64 hexadecimal digits)."""

    lines: int
    sha256: str


def make_statement(account: Account, judgement: Judgement, declaration: Declaration) -> dict[str, Any]:
    """The in-toto Statement. Its subjects are the declaration, and every image digest that a green record holds."""
    target = dict(account.target)
    observer = target.pop("observer", None)
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": account.declaration.name, "digest": {"sha256": account.declaration.sha256}},
            *(
                {"name": name, "digest": {"sha256": digest}}
                for name, digest in proven_images(judgement.records, declaration)
            ),
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "schema": SCHEMA,
            "run": {
                "id": account.run_id,
                "started": _time(account.started),
                "finished": _time(account.finished),
                "oldest_observation": _time(account.oldest_observation),
            },
            "plugin": {
                "name": "pytest-substrate",
                "version": account.plugin_version,
                "judged_by": account.judged_by,
            },
            "target": target,
            "observer": observer,
            "vantage": account.vantage,
            "declaration": asdict(account.declaration),
            "check_set": {"sha256": account.check_set_sha256, "required": judgement.required},
            "verdict": judgement.verdict.value,
            "planes": {plane: verdict.value for plane, verdict in account.planes.items()},
            "counts": {outcome.value: judgement.counts.get(outcome, 0) for outcome in Outcome},
            "missing": judgement.missing,
            "records": [record.to_json() for record in judgement.records],
            "problems": [{"reason": problem.reason, "message": problem.message} for problem in judgement.problems],
            "not_applicable": [
                {"check": entry.check, "subject": entry.subject, "reason": entry.reason}
                for entry in declaration.not_applicable
            ],
            "waivers": waivers_of(declaration, (Pair(record.check, record.subject) for record in judgement.records)),
            "own_checks": [{**asdict(own), "subjects": list(own.subjects)} for own in account.own_checks],
            "ledger": None if account.ledger is None else asdict(account.ledger),
            "attachments": [dict(attachment) for attachment in account.attachments],
            "options": {name: dict(option) for name, option in account.options.items()},
        },
    }


def waivers_of(declaration: Declaration, pairs: Iterable[Pair]) -> list[dict[str, str]]:
    """The declaration's waivers for these pairs, as the evidence carries them, whether they were used or not."""
    wanted = frozenset(pairs)
    return [
        {
            "check": waiver.check,
            "subject": waiver.subject,
            "owner": waiver.owner,
            "ticket": waiver.ticket,
            "reason": waiver.reason,
            "expires": waiver.expires.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        }
        for waiver in declaration.waiver
        if Pair(waiver.check, waiver.subject) in wanted
    ]


def proven_images(records: Iterable[Record], declaration: Declaration) -> list[tuple[str, str]]:
    """Each digest once, under its repository where the record's workload is declared, else under the subject."""
    found: dict[str, str] = {}
    for record in records:
        digest = record.facts.get("image_digest")
        if record.outcome is Outcome.PASS and isinstance(digest, str):
            repository = _repository(record.subject, declaration)
            if repository is not None or digest not in found:
                found[digest] = repository or record.subject
    return [(name, digest.removeprefix("sha256:")) for digest, name in found.items()]


def _repository(subject: str, declaration: Declaration) -> str | None:
    kind, _, rest = subject.partition("/")
    name = rest.partition("/")[0]
    workloads: Mapping[str, Any] = {"service": declaration.service, "job": declaration.job}.get(kind, {})
    artifact = name if kind == "artifact" else getattr(workloads.get(name), "artifact", None)
    declared = declaration.artifact.get(artifact) if artifact else None
    return declared.repository if declared is not None else None


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
