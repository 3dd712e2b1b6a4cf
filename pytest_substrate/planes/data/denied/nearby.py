"""The lines that may belong to a denial: those near a word without which nothing is one. All others are let go."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from pytest_substrate.planes.data.denied.hints import is_hinted, is_wanted, may_begin
from pytest_substrate.planes.data.denied.lines import Line

_NEAR: Final = 1_500
"""So many lines before and behind such a line are read with it: more than a stack has."""
_BROKEN: Final = 16
"""Characters on either side of a line's end in which a word may be broken: more than the longest of them has."""
_OVER: Final = 4
"""Lines over which a sentence may be broken before such a word comes."""
_MOST: Final = 4 * 1024 * 1024
"""Characters of them that are kept before it."""


def nearby(lines: Iterable[Line]) -> Iterator[Line]:
    """Those lines, in their order; an empty document stands for what was left out between them."""
    kept: deque[Line] = deque()
    size = behind = 0
    lost = False
    begun, tail = 0, ""
    for line in lines:
        text = line.text
        wanted = is_wanted(text) or (begun and is_hinted(tail + text.lstrip()[:_BROKEN]))
        if may_begin(text):
            begun, tail = _OVER, text.rstrip()[-_BROKEN:]
        elif begun:
            begun, tail = begun - 1, text.rstrip()[-_BROKEN:]
        if wanted:
            behind = _NEAR
        elif behind:
            behind -= 1
        else:
            kept.append(line)
            size += len(line.text)
            if len(kept) > _NEAR or size > _MOST:
                size -= len(kept.popleft().text)
                lost = True
            continue
        if lost:
            yield Line(number=line.number, text="", closed=True)
        yield from kept
        kept.clear()
        size, lost = 0, False
        yield line
