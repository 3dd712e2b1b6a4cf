"""The statement of a run: what was proven, of what, by whom, when, and everything that it rests on. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.evidence.envelope import PREDICATE_TYPE, STATEMENT_TYPE
from pytest_substrate.model.outcome import Outcome, Verdict

if TYPE_CHECKING:
    from pytest_substrate.gate.judge import Judgement
    from pytest_substrate.model.declaration import Declaration

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


def make_statement(account: Account, judgement: Judgement, declaration: Declaration) -> dict[str, Any]:
    """The in-toto Statement. Its subjects are the declaration, and every image digest that a green record holds."""
    target = dict(account.target)
    observer = target.pop("observer", None)
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": account.declaration.name, "digest": {"sha256": account.declaration.sha256}},
            *({"name": name, "digest": {"sha256": digest}} for name, digest in _proven_images(judgement, declaration)),
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
            "attachments": [dict(attachment) for attachment in account.attachments],
            "options": {name: dict(option) for name, option in account.options.items()},
        },
    }


def _proven_images(judgement: Judgement, declaration: Declaration) -> list[tuple[str, str]]:
    """Each digest once, under its repository where the record's workload is declared, else under the subject."""
    found: dict[str, str] = {}
    for record in judgement.records:
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
