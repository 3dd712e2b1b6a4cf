"""The user's own checks: which of what was registered may take part, and what it is to the ladder. Pure.

They join the denominator and can only make a verdict worse: an id of our families, a subject that the declaration
doesn't hold, or a check of nothing is refused, as is everything else that would be red or green by a slip.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.model import subjects
from pytest_substrate.model.check import Check
from pytest_substrate.model.diagnosis import Diagnosis
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.facts import Kind
from pytest_substrate.model.outcome import DEMANDABLE, Layer, Plane
from pytest_substrate.own import OwnCheck

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration

_ID: Final = re.compile(r"[A-Z][A-Z0-9]{1,15}-[0-9]{3}")
_WHERE: Final = "pytest_substrate_checks"


def admitted(
    registered: Iterable[object], declaration: Declaration, planes: Collection[Plane], ours: Mapping[str, Check]
) -> tuple[Check, ...]:
    """The registered checks of these planes, in the order of registration; `ours` is the catalogue.

    BadInput for the first that can't be used, whatever its plane.
    """
    known = frozenset(
        subject
        for family in (
            subjects.clusters,
            subjects.services,
            subjects.topics,
            subjects.jobs,
            subjects.artifacts,
            subjects.grants,
            subjects.ci_roles,
            subjects.ecs_clusters,
        )
        for subject in family(declaration)
    )
    found: dict[str, Check] = {}
    for own in registered:
        if not isinstance(own, OwnCheck):
            raise BadInput(_WHERE, f"a {type(own).__name__} was registered", "return a list of OwnCheck")
        check = _check(own, known, ours)
        if check.id in found:
            raise BadInput(_where(own), "it was registered twice", "give each check an id of its own")
        found[check.id] = check
    return tuple(check for check in found.values() if check.plane in planes)


def judged(found: object, check: str) -> Diagnosis:
    """What a user's judge returned, where it is a diagnosis; TypeError or ValueError for everything else."""
    if not isinstance(found, Diagnosis):
        raise TypeError(f"the judge of {check} returned {type(found).__name__}, and no diagnosis")
    if found.cause is not None and re.fullmatch(Kind.SLUG.value, found.cause) is None:
        raise ValueError(f"the judge of {check} gave a cause that is no slug like `schema-missing`")
    command = None if found.next is None else " ".join(found.next.split())
    return replace(found, layer=None if found.layer is None else Layer(found.layer), next=command)


def _check(own: OwnCheck, known: Collection[str], ours: Mapping[str, Check]) -> Check:
    where = _where(own)
    _id(own, where, ours)
    for name in ("statement", "next", "docs"):
        text = getattr(own, name)
        if not isinstance(text, str) or not text.strip() or not text.isprintable():
            raise BadInput(where, f"its {name} is not a text of one line", "write one")
    if not callable(own.judge):
        raise BadInput(where, "its judge can't be called", "give a function that returns a diagnosis")
    plane = _word("plane", own.plane, {plane.value: plane for plane in DEMANDABLE}, where)
    layer = _word("layer", own.layer, {layer.value: layer for layer in Layer}, where)
    of = _texts("subjects", own.subjects, where)
    if not of:
        raise BadInput(where, "it has no subjects, so it would prove nothing", "name a subject, or don't register it")
    for subject in of:
        if subject not in known:
            raise BadInput(where, f"the declaration holds no {subject!r}", f"one of {', '.join(sorted(known))}")
    needs = _texts("needs", own.needs, where)
    for need in needs:
        if need not in ours or ours[need].plane not in (plane, Plane.SUBSTRATE):
            raise BadInput(where, f"it needs {need!r}, which is no check of ours in {plane.value}", "name one that is")
    return Check(
        id=own.id,
        plane=plane,
        statement=own.statement,
        layer=layer,
        subjects=lambda _: of,
        needs=needs,
        next=own.next,
        why=f"A check of your own: {own.docs}",
        how=" ".join((getattr(own.judge, "__doc__", None) or "By your own judge.").split()),
        red_when="your judge says so, or ends without a diagnosis",
        page=own.docs,
    )


def _id(own: OwnCheck, where: str, ours: Mapping[str, Check]) -> None:
    if not isinstance(own.id, str) or _ID.fullmatch(own.id) is None:
        raise BadInput(where, "its id is not of the form ACME-010", "write capitals, a hyphen and three digits")
    family = own.id.partition("-")[0]
    families = sorted({check.partition("-")[0] for check in ours})
    if family in families:
        raise BadInput(where, f"the family {family} is the plugin's own", f"take none of {', '.join(families)}")


def _word(name: str, value: Any, words: Mapping[str, Any], where: str) -> Any:
    if not isinstance(value, str) or value not in words:
        raise BadInput(where, f"{str(value)!r} is no {name}", f"one of {', '.join(words)}")
    return words[value]


def _texts(name: str, value: Any, where: str) -> tuple[str, ...]:
    texts = () if isinstance(value, str) or not isinstance(value, Iterable) else tuple(value)
    wrong = isinstance(value, str) or not isinstance(value, Iterable) or not all(isinstance(one, str) for one in texts)
    if wrong or len(set(texts)) < len(texts):
        raise BadInput(where, f"its {name} are not a list of different texts", "write a list")
    return texts


def _where(own: OwnCheck) -> str:
    return f"{_WHERE}: {str(own.id)[:40]}"
