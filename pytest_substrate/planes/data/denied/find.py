"""One entry for each refusal of each event of a log."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_substrate.planes.data.denied.codes import codes
from pytest_substrate.planes.data.denied.denial import Denial, Source
from pytest_substrate.planes.data.denied.events import Event, events
from pytest_substrate.planes.data.denied.lines import lines_of
from pytest_substrate.planes.data.denied.phrases import phrases
from pytest_substrate.planes.data.denied.sentence import Sentence, sentences
from pytest_substrate.planes.data.denied.told import Told, request_in
from pytest_substrate.planes.data.denied.trail import denials_of, embedded

_HINTS: Final = (
    "uthoriz",
    "enied",
    "DENIED",
    "orbidden",
    "403",
    "nsufficient",
    "iphertext",
    "Disabled",
    "disabled",
    "ermission",
)
"""What stands in every text that a form or a sentence is found in."""
_LEADS: Final = 60
"""How far behind a form the sentence may begin that it leads to."""


def find_denials(lines: Iterable[str]) -> Iterator[Denial]:
    """Every denial in a log, in the order of the log; `lines` come with or without their ends.

    An event is held at a time, and one JSON document that stands on several lines, within bounds.
    """
    for event in events(lines_of(lines)):
        yield from _of_event(event)


def _of_event(event: Event) -> Iterator[Denial]:
    if event.document is not None:
        recorded = denials_of(event.document, event.first)
        if recorded is not None:
            yield from recorded
            return
    text = event.text
    if not any(hint in text for hint in _HINTS):
        return
    if '"eventSource"' in text and event.document is None:
        recorded = embedded(text, event.line_at)
        if recorded is not None:
            yield from recorded
            return
    yield from _of_text(event, text)


@dataclass(slots=True, kw_only=True)
class _Entry:
    """A refusal, and what tells it from others of the event."""

    denial: Denial
    operation: str | None
    request: str | None

    def is_same(self, form: Told) -> bool:
        """Whether a form tells of this refusal once more."""
        if _differ(self.request, form.request):
            return False
        return form.operation is None or self.operation is None or form.operation == self.operation


def _of_text(event: Event, text: str) -> Iterator[Denial]:
    found = _whole(text)
    forms = sorted(itertools.chain(codes(text), phrases(text)), key=lambda one: (one.start, one.operation is None))
    kept: list[_Entry] = []
    for number, sentence in enumerate(found):
        denial = _by_sentence(event, sentence, forms)
        stop = found[number + 1].start if number + 1 < len(found) else sentence.end + 400
        request = request_in(text[sentence.end : min(stop, sentence.end + 400)])
        known = next((one for one in kept if _repeats(one, denial, request)), None)
        if known is None:
            kept.append(_Entry(denial=denial, operation=None, request=request))
    sentences_told = len(kept)
    actions = {one.denial.action for one in kept}
    for form in forms:
        if _covered(form, found):
            continue
        if sentences_told and (form.operation is None or form.action is None or form.action in actions):
            continue
        same = next((one for one in kept[sentences_told:] if one.is_same(form)), None)
        if same is None:
            kept.append(_Entry(denial=_by_form(event, form), operation=form.operation, request=form.request))
            continue
        _add(same, form)
    yield from sorted((one.denial for one in kept), key=lambda one: one.line)


def _differ(one: str | None, other: str | None) -> bool:
    """Whether two ids are known to be of different requests; one of them may be cut short."""
    return one is not None and other is not None and not (one.startswith(other) or other.startswith(one))


def _repeats(entry: _Entry, denial: Denial, request: str | None) -> bool:
    """Whether a sentence tells of what is known already, perhaps with less."""
    if _differ(entry.request, request):
        return False
    known = entry.denial
    return all(
        one is None or one == other
        for one, other in (
            (denial.principal, known.principal),
            (denial.action, known.action),
            (denial.resource, known.resource),
        )
    )


def _add(entry: _Entry, form: Told) -> None:
    """What a second form of the same refusal says more."""
    known = entry.denial
    entry.operation = entry.operation or form.operation
    entry.request = entry.request or form.request
    source = Source.KMS if form.of_kms and known.source is Source.UNKNOWN else known.source
    action = known.action or form.action
    if source is Source.KMS and action is not None and not action.startswith("kms:"):
        action = None
    entry.denial = replace(
        known,
        action=action,
        principal=known.principal or form.principal,
        resource=known.resource or form.resource,
        source=source,
    )


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


def _covered(form: Told, found: Sequence[Sentence]) -> bool:
    """Whether a form is told about a sentence: it holds it, stands in it, or leads to it."""
    return any(form.start < one.end and one.start <= form.end + _LEADS for one in found)


def _by_sentence(event: Event, one: Sentence, forms: Sequence[Told]) -> Denial:
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
        principal=form.principal,
        action=form.action,
        resource=form.resource,
        effect=form.effect,
        source=Source.KMS if form.of_kms and form.source is Source.UNKNOWN else form.source,
    )
