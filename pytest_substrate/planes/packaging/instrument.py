"""The report of an image and a contract without a declaration: PKG-020, 060 … 100 of `image/DIGEST`. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pytest_substrate.model.check import Check
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.facts import checked_facts
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import Outcome, Vantage
from pytest_substrate.model.record import Record
from pytest_substrate.planes.packaging.checks import CHECKS as PLANE
from pytest_substrate.planes.packaging.diagnose.artifact import diagnose_artifact
from pytest_substrate.planes.packaging.diagnose.distributions import diagnose_closure, diagnose_contract
from pytest_substrate.planes.packaging.diagnose.entrypoint import diagnose_entrypoint
from pytest_substrate.planes.packaging.diagnose.modules import diagnose_imports
from pytest_substrate.planes.packaging.diagnose.native import diagnose_native
from pytest_substrate.planes.packaging.image.contents import Contents, Contract, contents_of, settled
from pytest_substrate.planes.packaging.image.facts import ImageFacts, Refutation

CHECKS: Final[Mapping[str, Check]] = {
    check.id: check for check in PLANE if check.id in ("PKG-020", "PKG-060", "PKG-070", "PKG-080", "PKG-090", "PKG-100")
}

_OF_CONTENTS: Final[Mapping[str, Callable[[Contents, Contract], Diagnosis]]] = {
    "PKG-060": diagnose_contract,
    "PKG-070": diagnose_closure,
    "PKG-080": diagnose_imports,
    "PKG-090": diagnose_native,
    "PKG-100": lambda contents, _: diagnose_entrypoint(contents),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was asked of an image: its reference as typed, the digest that it names, and what reading it took."""

    reference: str
    digest: str
    duration_ms: float


def diagnose_image(check: str, contents: Contents | Refutation | Unobserved, contract: Contract) -> Diagnosis | None:
    """One check of an image; None where PKG-020 is red, without which no other can be judged."""
    if check == "PKG-020":
        return diagnose_artifact(contents, contract)
    if not isinstance(contents, Contents):
        return None
    found = _OF_CONTENTS[check](contents, settled(contract, contents))
    locked = check == "PKG-060" and contract.lock is not None
    return found.with_facts({"lock_digest": contract.lock.digest}) if locked and contract.lock is not None else found


def records_of(seen: ImageFacts | Refutation | Unobserved, contract: Contract, looked: Looked) -> tuple[Record, ...]:
    """A record for each check, in ladder order."""
    contents = contents_of(seen) if isinstance(seen, ImageFacts) else seen
    records: list[Record] = []
    for check in CHECKS.values():
        first = records[0] if records else None
        diagnosis = None
        if first is None or first.outcome is Outcome.PASS:
            diagnosis = diagnose_image(check.id, contents, contract)
        if diagnosis is None and first is not None:
            records.append(_not_reached(check, first, looked))
        elif diagnosis is not None:
            records.append(_judged(check, diagnosis, looked))
    return tuple(records)


def _judged(check: Check, diagnosis: Diagnosis, looked: Looked) -> Record:
    return Record(
        check=check.id,
        plane=check.plane,
        subject=f"image/{looked.digest}",
        outcome=diagnosis.outcome,
        layer=diagnosis.layer or check.layer,
        cause=diagnosis.cause,
        message=diagnosis.message,
        facts=diagnosis.facts,
        next=None if diagnosis.outcome is Outcome.PASS else diagnosis.next or _next(check.id, diagnosis, looked),
        vantage=Vantage.HERE,
        duration_ms=looked.duration_ms if check.id == "PKG-020" else 0.0,
    )


def _next(check: str, diagnosis: Diagnosis, looked: Looked) -> str:
    """What a person types next: a look at the documents, or the same question asked of the running image."""
    if looked.reference.startswith("oci:"):
        return f"skopeo inspect --{'raw' if check == 'PKG-020' else 'config'} {shlex.quote(looked.reference)}"
    about = {key: value[0] for key, value in diagnosis.facts.items() if isinstance(value, list) and value}
    module, file = about.get("modules", "MODULE"), about.get("files", "FILE")
    start = f"docker run --rm --entrypoint {{}} {shlex.quote(looked.reference)}"
    return {
        "PKG-020": f"skopeo inspect --raw {shlex.quote(f'docker://{looked.reference}')}",
        "PKG-060": f"{start.format('python3')} -m pip list",
        "PKG-070": f"{start.format('python3')} -m pip check",
        "PKG-080": f"{start.format('python3')} -c {shlex.quote(f'import {module}')}",
        "PKG-090": f"{start.format('ldd')} {shlex.quote(str(file))}",
        "PKG-100": f"docker run --rm {shlex.quote(looked.reference)}",
    }[check]


def _not_reached(check: Check, red: Record, looked: Looked) -> Record:
    return Record(
        check=check.id,
        plane=check.plane,
        subject=f"image/{looked.digest}",
        outcome=Outcome.NOT_REACHED,
        layer=check.layer,
        cause="not-reached",
        message=f"not judged: it needs {red.check} of {red.subject}, which is {red.outcome}",
        facts=checked_facts({"needed_check": red.check, "needed_subject": red.subject}),
        next=None,
        vantage=Vantage.HERE,
        duration_ms=0.0,
    )
