"""One entry for each refusal of each event of a log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from pytest_substrate.planes.data.denied.codes import Told, told
from pytest_substrate.planes.data.denied.denial import Denial, Source
from pytest_substrate.planes.data.denied.events import Event, events
from pytest_substrate.planes.data.denied.sentence import Sentence, sentences

_HINTS: Final = ("uthoriz", "enied", "orbidden", "403", "nsufficient")
"""What stands in every text that a form or a sentence is found in."""


def find_denials(lines: Iterable[str]) -> Iterator[Denial]:
    """Every denial in a log, in the order of the log; `lines` come with or without their ends."""
    for event in events(_unwrapped(lines)):
        yield from _of_event(event)


def _unwrapped(lines: Iterable[str]) -> Iterator[str]:
    """Docker's json-file lines as what they log; every other line as it is."""
    for line in lines:
        if line.startswith('{"log":'):
            log = _json(line)
            if isinstance(log, dict) and isinstance(log.get("log"), str):
                yield log["log"].rstrip("\n").replace("\n", "\\n")
                continue
        yield line


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _of_event(event: Event) -> Iterator[Denial]:
    text = event.text
    if not any(hint in text for hint in _HINTS):
        return
    found = _whole(text)
    forms = sorted(told(text), key=lambda one: one.start)
    kept: dict[tuple[str | None, ...], Denial] = {}
    for sentence in found:
        denial = _by_sentence(event, sentence, forms)
        kept.setdefault((denial.principal, denial.action, denial.resource), denial)
    known = {denial.action for denial in kept.values()}
    alone: dict[str | None, Denial] = {}
    for form in forms:
        if _covered(form, found) or (kept and (not form.named or form.action is None or form.action in known)):
            continue
        denial = _by_form(event, form)
        if form.action is None and not form.named and alone:
            continue
        alone.setdefault(form.action if form.named else None, denial)
    if len(alone) > 1:
        alone.pop(None, None)
    yield from sorted([*kept.values(), *alone.values()], key=lambda one: one.line)


def _whole(text: str) -> list[Sentence]:
    """The sentences of an event. Where they lack a name, lines that were cut at a width are put together first."""
    found = list(sentences(text))
    body = text.rstrip("\n")
    whole = bool(found) and all(one.resource is not None and one.principal is not None for one in found)
    if whole or "\n" not in body or "User:" not in body:
        return found
    places = [place for place, character in enumerate(text) if character != "\n"]
    again = [
        replace(one, start=places[one.start], end=places[min(one.end, len(places) - 1)])
        for one in sentences(text.replace("\n", ""))
    ]
    better = [one for one in again if one.resource is not None and one.principal is not None]
    return again if len(again) >= len(found) and len(better) == len(again) else found


def _covered(form: Told, found: list[Sentence]) -> bool:
    """Whether a form is told about a sentence: it holds it, stands in it, or leads to it."""
    return any(form.start < one.end and one.start <= form.end + 40 for one in found)


def _by_sentence(event: Event, one: Sentence, forms: list[Told]) -> Denial:
    source = one.source
    if source is Source.UNKNOWN and any(form.of_kms and _covered(form, [one]) for form in forms):
        source = Source.KMS if one.action is None or one.action.startswith("kms:") else source
    return Denial(
        line=event.line_at(one.start),
        principal=one.principal,
        action=one.action,
        resource=one.resource,
        effect=one.effect,
        source=source,
        policy=one.policy,
    )


def _by_form(event: Event, form: Told) -> Denial:
    return Denial(
        line=event.line_at(form.start),
        action=form.action,
        resource=form.resource,
        source=Source.KMS if form.of_kms else Source.UNKNOWN,
    )
