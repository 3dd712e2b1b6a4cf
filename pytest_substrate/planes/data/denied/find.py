"""One entry for each refusal of each event of a log."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pytest_substrate.planes.data.denied.codes import codes
from pytest_substrate.planes.data.denied.denial import Denial, Source
from pytest_substrate.planes.data.denied.events import Event, events
from pytest_substrate.planes.data.denied.lines import lines_of
from pytest_substrate.planes.data.denied.nearby import nearby
from pytest_substrate.planes.data.denied.phrases import phrases
from pytest_substrate.planes.data.denied.sentence import Sentence, sentences
from pytest_substrate.planes.data.denied.told import Told, request_in
from pytest_substrate.planes.data.denied.trail import denials_of, embedded

_LEADS: Final = 60
"""How far behind a form the sentence may begin that it leads to."""
_REQUEST_ROOM: Final = 400
"""How far behind a sentence the id of its request may stand."""
_TRUNCATED: Final = "(truncated"
"""As the SDK for PHP breaks off a body, whose message it then prints whole."""
_LOOK_BACK: Final = 50
"""How many entries of an event are compared with the next, so that time grows with the text alone."""


def find_denials(lines: Iterable[str]) -> Iterator[Denial]:
    """Every denial in a log, in the order of the log; `lines` come with or without their ends.

    An event is held at a time, and one JSON document that stands on several lines, within bounds.
    """
    for event in events(nearby(lines_of(lines))):
        yield from _of_event(event)


def _of_event(event: Event) -> Iterator[Denial]:
    if event.document is not None:
        recorded = denials_of(event.document, event.first)
        if recorded is not None:
            yield from recorded
            return
    if not event.hinted and not (event.speaks and len(event.pieces) > 1):
        return
    text = event.text
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
    starts = [one.start for one in found]
    said = _by_sentences(event, text, found, forms)
    actions = {one.denial.action for one in said}
    kept: list[_Entry] = []
    for form in forms:
        at = bisect_right(starts, form.end + _LEADS) - 1
        if at >= 0 and form.start < found[at].end:
            continue  # told about a sentence: it holds it, stands in it, or leads to it
        if said and (form.operation is None or form.action is None or form.action in actions):
            continue
        same = next((one for one in kept[-_LOOK_BACK:] if one.is_same(form)), None)
        if same is None:
            kept.append(_Entry(denial=_by_form(event, form), operation=form.operation, request=form.request))
        else:
            _add(same, form)
    yield from sorted((one.denial for one in (*said, *kept)), key=lambda one: one.line)


def _by_sentences(event: Event, text: str, found: Sequence[Sentence], forms: Sequence[Told]) -> list[_Entry]:
    """What the sentences tell, each refusal once."""
    of_kms = [form for form in forms if form.of_kms][:_LOOK_BACK]
    entries: list[_Entry] = []
    known: set[tuple[str | None, ...]] = set()
    for number, sentence in enumerate(found):
        stop = found[number + 1].start if number + 1 < len(found) else sentence.end + _REQUEST_ROOM
        request = request_in(text[sentence.end : min(stop, sentence.end + _REQUEST_ROOM)])
        denial = _by_sentence(event, sentence, of_kms)
        key = (denial.principal, denial.action, denial.resource, request)
        if number and _TRUNCATED in text[found[number - 1].end :][:_LEADS] and entries:
            cut = entries[-1].denial
            if _repeats(_Entry(denial=denial, operation=None, request=request), cut, entries[-1].request):
                entries[-1] = _Entry(denial=replace(denial, line=cut.line), operation=None, request=request)
                continue
        if key not in known and not any(_repeats(one, denial, request) for one in entries[-_LOOK_BACK:]):
            entries.append(_Entry(denial=denial, operation=None, request=request))
        known.add(key)
    return entries


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
    if whole or "\n" not in body or "User:" not in body.replace("\n", ""):
        return found
    places = [place for place, character in enumerate(text) if character != "\n"]
    again = [
        replace(one, start=places[one.start], end=places[min(one.end, len(places) - 1)])
        for one in sentences(text.replace("\n", ""))
    ]
    better = [one for one in again if one.resource is not None and one.principal is not None]
    return again if len(again) >= len(found) and len(better) == len(again) else found


def _by_sentence(event: Event, one: Sentence, of_kms: Sequence[Told]) -> Denial:
    source = one.source
    if source is Source.UNKNOWN and any(form.start < one.end and one.start <= form.end + _LEADS for form in of_kms):
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
