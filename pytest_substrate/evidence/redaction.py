"""The net under the allow-list of facts: known secrets, in every form in which an output could carry them.

Whatever reads a secret registers it here before it uses it. Each value is looked for in all its `forms` (base64 at each
of its three alignments, as it may lie inside something larger), also where an output broke it over several lines.
A net knows values, not places: it can't find a secret that nobody registered.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TextIO

from pytest_substrate.evidence.broken import BREAK, has_breaks, squeezed, unbroken
from pytest_substrate.evidence.forms import SHORTEST, forms, needles, values_of, wide_forms

MASK: Final = "***"
_HEAD: Final = 16
"""So much of a form is looked for; the rest is compared where it is found."""
_SHORTEST_REST: Final = 3
_NUMBERS: Final = re.compile(r"\d{1,3}, ?\d")
_SHORTEST_NUMBERS: Final = 9
"""Of a form that lists bytes as numbers: three digits before an ellipsis may be of anything, of an account for one."""
_SHORT, _MOST = 200, 5000
"""The length of a text that is remembered as clean, and how many are."""
_DOTS: Final = ("...", "…")
_CUT: Final = re.compile(r"(\.\.\.|…)")


class _Finder:
    """Where one of many texts begins and ends in a longer one: of those that begin first, the longest."""

    def __init__(self, wanted: set[str]) -> None:
        self.wanted: Final = tuple(sorted(wanted, key=len, reverse=True))
        self._needles = needles(self.wanted)
        self._heads = tuple({text[:_HEAD] for text in wanted})

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Each found place, in order, none inside another."""
        for needle in self._needles:  # a loop takes half the time of any()
            if needle in text:
                break
        else:
            return
        pattern = re.compile("|".join(re.escape(head) for head in self._heads if head in text) or r"(?!)")
        place = 0
        while (found := pattern.search(text, place)) is not None:
            begin = found.start()
            whole = next((wanted for wanted in self.wanted if text.startswith(wanted, begin)), None)
            place = begin + (1 if whole is None else len(whole))
            if whole is not None:
                yield begin, place


class _Cuts:
    """What is left of a text where something shortened it in the middle."""

    def __init__(self, wanted: Sequence[str]) -> None:
        self._wanted = tuple(text for text in wanted if len(text) > _SHORTEST_REST)
        self._all = "\0".join(self._wanted)
        self._heads = frozenset(text[:_SHORTEST_REST] for text in self._wanted)
        self._longest = max(map(len, self._wanted), default=0)

    def ends(self, text: str) -> int:
        """How much of an end of one begins the text; 0 for less than a few characters."""
        if len(text) < _SHORTEST_REST or text[:_SHORTEST_REST] not in self._all:
            return 0
        return max(_enough(wanted, _end_of(wanted, text)) for wanted in self._wanted)

    def begins(self, text: str) -> int:
        """How much of a beginning of one ends the text; 0 for less than a few characters."""
        rest = text[-self._longest :]
        if not any(head in rest for head in self._heads):
            return 0
        return max(_enough(wanted, _begin_of(wanted, rest)) for wanted in self._wanted)


class Net:
    """Known secrets, and the masking of text that holds them. Safe in several threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._values: dict[str, None] = {}
        self._finder: _Finder | None = None
        self._unbroken = _Finder(set())
        """For texts without their line breaks."""
        self._squeezed: tuple[bytes, ...] = ()
        self._cuts = _Cuts(())
        self._clean: set[str] = set()
        """Short texts that hold nothing: reports repeat keys, paths and lines of source by the thousand."""
        self._told: list[Callable[[str], None]] = []

    def __bool__(self) -> bool:
        return bool(self._values)

    def add(self, value: str) -> None:
        """Make a secret known. An empty value is none: masking it would mask between all characters."""
        with self._lock:
            if not value or value in self._values:
                return
            new = {form for part in values_of(value) for form in forms(part)}
            found = new.union(self._finder.wanted if self._finder else ())
            self._unbroken = _Finder({whole for form in found if len(whole := unbroken(form)) >= SHORTEST})
            self._squeezed = tuple({squeezed(needle) for needle in needles(self._unbroken.wanted)} - {b""})
            self._finder = _Finder(found)
            self._cuts = _Cuts(self._finder.wanted)
            self._values |= dict.fromkeys(values_of(value))
            self._clean = set()  # last, so that nobody adds to it what was found clean of less
            told = tuple(self._told)
        for tell in told:
            tell(value)

    def pass_on(self, tell: Callable[[str], None]) -> None:
        """From now on `tell` hears of each new secret, and at once of those that are known."""
        with self._lock:
            self._told.append(tell)
            known = tuple(self._values)
        for value in known:
            tell(value)

    def scrub(self, text: str) -> str:
        """The text with every known form masked; as many lines as before."""
        known, short = self._clean, len(text) <= _SHORT
        if self._finder is None or (short and text in known):
            return text
        clean = _masked(text, self._finder.spans(text))
        if self._may_be_broken(clean):
            clean = self._scrub_broken(clean)
        if any(dots in clean for dots in _DOTS):
            clean = self._scrub_cut(clean)
        if short and clean == text and len(known) < _MOST:
            known.add(text)
        return clean

    def scrub_bytes(self, data: bytes) -> bytes:
        """The same for bytes, which are left alone where nothing is found in them."""
        text = data.decode("utf-8", "surrogateescape")
        clean = self.scrub(text)
        return data if clean == text else clean.encode("utf-8", "surrogateescape")

    def holds(self, data: bytes) -> bool:
        """Whether a finished output holds a known secret."""
        if self._finder is None:
            return False
        text = data.decode("utf-8", "replace")
        if any(self._finder.spans(text)):
            return True
        if b"\0" in data and any(form in data for value in self._values for form in wide_forms(value)):
            return True
        return self._may_be_broken(text) and any(self._unbroken.spans(unbroken(text)))

    def scrub_tree(self, value: Any) -> Any:
        """The same for text inside dicts, lists and tuples; other things are left as they are."""
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, bytes):
            return self.scrub_bytes(value)
        if isinstance(value, dict):
            return {self.scrub_tree(key): self.scrub_tree(item) for key, item in value.items()}
        if isinstance(value, list):
            return self._scrub_lines(value) if _are_texts(value) else [self.scrub_tree(item) for item in value]
        if type(value) is tuple:
            return tuple(self.scrub_tree(item) for item in value)
        return value

    def _scrub_lines(self, texts: list[str]) -> list[str]:
        """A list of texts may be the lines of one: scrubbed as such."""
        whole = "\n".join(texts)
        clean = self.scrub(whole)
        if clean == whole:
            return list(texts)
        lines = iter(clean.split("\n"))
        return ["\n".join(next(lines) for _ in range(text.count("\n") + 1)) for text in texts]

    def _may_be_broken(self, text: str) -> bool:
        """A quick look, never wrong when it says no."""
        if not has_breaks(text):
            return False
        rest = squeezed(text)
        return any(needle in rest for needle in self._squeezed)

    def _scrub_broken(self, text: str) -> str:
        """Mask what is only found where line breaks are taken out; the breaks stay."""
        parts = BREAK.split(text)
        spans = list(self._unbroken.spans("".join(parts[::2])))
        if not spans:
            return text
        end = 0
        for place in range(0, len(parts), 2):
            begin, end = end, end + len(parts[place])
            here = ((max(first, begin) - begin, min(last, end) - begin) for first, last in spans)
            parts[place] = _masked(parts[place], (span for span in here if span[0] < span[1]))
        return "".join(parts)

    def _scrub_cut(self, text: str) -> str:
        """What is left of a known form where something shortened it in the middle (`'hun...er2'`) is masked too."""
        parts = _CUT.split(text)
        for place in range(0, len(parts), 2):
            if place > 0 and (left := self._cuts.ends(parts[place])):
                parts[place] = MASK + parts[place][left:]
            if place < len(parts) - 1 and (left := self._cuts.begins(parts[place])):
                parts[place] = parts[place][:-left] + MASK
        return "".join(parts)


class Scrubber(Net):
    """The net of one process's run, which from the first secret on also holds what is logged, and the process's own
    streams, to which a test can print past pytest (`capsys.disabled()`).
    """

    def __init__(self) -> None:
        super().__init__()
        self._on_first: list[Callable[[], None]] = []
        self._factory: Callable[..., logging.LogRecord] | None = None
        self._streams: list[TextIO] = []

    def on_first(self, call: Callable[[], None]) -> None:
        """Call when the first secret becomes known (at once, where one is)."""
        if self:
            call()
        else:
            self._on_first.append(call)

    def add(self, value: str) -> None:
        """See the base."""
        with self._lock:
            first = not self
            super().add(value)
            first = first and bool(self)
        if first:
            self._hold_logging()
            self._hold_streams()
            for call in self._on_first:
                call()

    def release(self) -> None:
        """Give logging back its own records, and the streams their own writing."""
        while self._streams:
            vars(self._streams.pop()).pop("write", None)
        if self._factory is not None:
            logging.setLogRecordFactory(self._factory)
            self._factory = None

    def _hold_streams(self) -> None:
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream is not None and "write" not in getattr(stream, "__dict__", ("write",)):  # else another's holds it
                stream.write = self._writing(stream.write)  # type: ignore[method-assign]  # the object's own, for now
                self._streams.append(stream)

    def _writing(self, write: Callable[[str], int]) -> Callable[[str], int]:
        def scrubbed(text: str) -> int:
            write(self.scrub(text))
            return len(text)

        return scrubbed

    def _hold_logging(self) -> None:
        before = self._factory = logging.getLogRecordFactory()

        def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = before(*args, **kwargs)
            try:
                text = record.getMessage()
            except Exception:  # noqa: BLE001  a wrong call of logging is reported by logging itself
                return record
            clean = self.scrub(text)
            if clean != text:
                record.msg, record.args = clean, None
            if record.exc_info and record.exc_text is None:
                trace = logging.Formatter().formatException(record.exc_info)
                clean = self.scrub(trace)
                if clean != trace:
                    record.exc_text = clean
            return record

        logging.setLogRecordFactory(factory)


def _masked(text: str, spans: Iterator[tuple[int, int]]) -> str:
    """The text with a mask in the place of each span, in each of its lines."""
    parts: list[str] = []
    kept = 0
    for begin, end in spans:
        parts += text[kept:begin], "\n".join([MASK] * (text.count("\n", begin, end) + 1))
        kept = end
    return "".join((*parts, text[kept:])) if parts else text


def _are_texts(items: Sequence[object]) -> bool:
    return len(items) > 1 and all(isinstance(item, str) for item in items)


def _enough(form: str, length: int) -> int:
    """The length of a rest, 0 where it is too short to be told from other numbers."""
    return 0 if length < _SHORTEST_NUMBERS and _NUMBERS.match(form) else length


def _end_of(form: str, text: str) -> int:
    """How much of a form's end, not all of it, begins the text."""
    head = text[:_SHORTEST_REST]
    place = form.find(head, 1)
    while place >= 0 and not text.startswith(form[place:]):
        place = form.find(head, place + 1)
    return len(form) - place if place >= 0 else 0


def _begin_of(form: str, text: str) -> int:
    """How much of a form's beginning, not all of it, ends the text."""
    head = form[:_SHORTEST_REST]
    place = text.find(head, max(0, len(text) - len(form) + 1))
    while place >= 0 and not form.startswith(text[place:]):
        place = text.find(head, place + 1)
    return len(text) - place if place >= 0 else 0
