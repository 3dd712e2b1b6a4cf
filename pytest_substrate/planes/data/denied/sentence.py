"""AWS's own sentence: who is not authorized to perform what, on what, and why. Whole or wrapped over lines.

Sources of its forms: "Troubleshooting access denied error messages" in the IAM User Guide, and messages as services
print them. A name that was cut is left out: never half of it is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_substrate.planes.data.denied.denial import Effect, Source

_GAP: Final = r"[ \t]*(?:\n[ \t]*)?[ \t]*"
_HEAD: Final = re.compile(r"(?:\bis\s+)?\bnot\s+authorized\s+to\s+perform\b:?", re.IGNORECASE)
_WHO: Final = re.compile(r"(?:\b(?:User|Principal|Identity|Role)\b:?\s+|(?=\barn:aws))", re.IGNORECASE)
_ACTION: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,40}:[A-Za-z][A-Za-z0-9]{1,80}\*?|[a-z][a-z0-9-]{0,40}:\*")
_ON: Final = re.compile(r"\s*\bon\s+(?:(?:the\s+)?resources?\s*:|resource\b)\s*", re.IGNORECASE)
_KINDS: Final = (
    (r"identity-based", Source.IDENTITY),
    (r"role\s+trust|trust", Source.RESOURCE),
    (r"resource-based", Source.RESOURCE),
    (r"permissions?\s+boundar(?:y|ies)", Source.BOUNDARY),
    (r"session", Source.SESSION),
    (r"service\s+control", Source.SCP),
    (r"resource\s+control", Source.RCP),
    (r"VPC\s+endpoint", Source.VPC_ENDPOINT),
)
_KIND: Final = "|".join(pattern for pattern, _ in _KINDS)
_WHY: Final = re.compile(
    rf"\bbecause\s+(?:no\s+(?P<silent>{_KIND})(?:\s+polic(?:y|ies))?\s+allows?"
    r"|(?P<either>the\s+resource\s+does\s+not\s+exist))"
    rf"|\bwith\s+an\s+explicit\s+deny(?:\s+in\s+(?:an?\s+|the\s+)?(?P<denying>{_KIND})(?:\s+polic(?:y|ies))?)?"
    r"(?:\s*:\s*[\"']?(?P<policy>arn:[^\s\"',;)]+))?",
    re.IGNORECASE,
)
_ENDS: Final = re.compile(
    r"\s+because\b|\s+with\s+an\s+explicit\b|\s*\(Service\b|\s*,?\s*(?:status code|request id)\b|\n"
    r"|\s+Encoded\s+authorization"
    r"|[\"'<>{}\[\]`]|;|,\s|\.\s|\)\s|\)$|\.$|\s\(",
    re.IGNORECASE,
)
_LONGEST: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """One sentence; `start` and `end` are where it stands in the text."""

    start: int
    end: int
    principal: str | None
    action: str | None
    resource: str | None
    effect: Effect
    source: Source
    policy: str | None
    incomplete: bool = False


def sentences(text: str) -> Iterator[Sentence]:
    """Every such sentence of an event, in order."""
    floor = 0
    for found in _HEAD.finditer(text):
        sentence = _read(text, found.start(), found.end(), floor)
        if sentence is not None:
            floor = sentence.end
            yield sentence


def _read(text: str, head: int, after: int, floor: int) -> Sentence | None:
    principal, start = _principal(text, head, floor)
    action, at = _action(text, after)
    if action is None and principal is None:
        return None
    resource, at = _resource(text, at)
    reason = text[at : at + 600]
    why = _WHY.search(reason)
    following = _HEAD.search(reason)
    if why is not None and following is not None and following.start() < why.start():
        why = None
    if why is not None and "\n\n" in reason[: why.start()]:
        why = None
    effect, source, policy = _why(why, action)
    end = at if why is None else at + why.end()
    return Sentence(
        start=start,
        end=end,
        principal=principal,
        action=action,
        resource=resource,
        effect=effect,
        source=source,
        policy=policy,
    )


def _principal(text: str, head: int, floor: int) -> tuple[str | None, int]:
    """The name before `is not authorized`, with breaks inside of it joined; where it starts."""
    window = text[max(floor, head - _LONGEST) : head]
    base = head - len(window)
    starts = list(_WHO.finditer(window))
    if not starts:
        return None, head
    labelled = [one for one in starts if one.end() > one.start()]
    chosen = (labelled or starts)[-1]
    raw = window[chosen.end() :]
    name = _joined(raw.strip().strip("\"'`"))
    if name is not None and name.lower() == "anonymous":
        return None, base + chosen.start()
    if name is None or not re.fullmatch(r"[^\s\"'<>]{1,1600}", name):
        return None, base + chosen.start()
    return name, base + chosen.start()


def _joined(raw: str) -> str | None:
    """A name that may be broken over lines; None where blanks inside say that it is none."""
    pieces = [piece.strip() for piece in raw.split("\n")]
    if len(pieces) > 6 or any(re.search(r"\s", piece) for piece in pieces):
        return None
    return "".join(pieces)


def _action(text: str, after: int) -> tuple[str | None, int]:
    rest = text[after : after + 400]
    lead = re.match(r"[\s:]*[\"'`]?", rest)
    at = lead.end() if lead else 0
    found = _ACTION.match(rest, at)
    if found is None:
        return None, after
    action, end = found[0], found.end()
    broken = re.match(
        r"\n[ \t]*(?P<more>[A-Za-z0-9]{1,60})(?=\s+(?:on\s+resource|because|with\s+an\s+explicit)\b)", rest[end:]
    )
    if broken is not None and broken["more"] not in ("on", "because", "with"):
        whole = action + broken["more"]
        action, end = whole, end + broken.end()
    closing = re.match(r"[\"'`]", rest[end:])
    return action, after + end + (1 if closing else 0)


def _resource(text: str, at: int) -> tuple[str | None, int]:
    on = _ON.match(text, at)
    if on is None:
        return None, at
    begin = on.end()
    quote = text[begin : begin + 1]
    if quote in ('"', "'", "`"):
        close = text.find(quote, begin + 1, begin + _LONGEST)
        if close < 0:
            return None, begin
        return _clean(text[begin + 1 : close]), close + 1
    ends = _ENDS.search(text, begin, begin + _LONGEST)
    stop = ends.start() if ends is not None else min(len(text), begin + _LONGEST)
    raw = text[begin:stop]
    if ends is not None and ends[0] == "\n":
        more = re.match(r"\n[ \t]*(\S{1,500})(?=\s+(?:because\s+no|with\s+an\s+explicit)\b)", text[stop : stop + 800])
        if more is not None and more[1] not in ("because", "with") and raw.startswith("arn:"):
            return _clean(raw + more[1]), stop + more.end()
    if raw.startswith("arn:"):
        word = re.match(r"[^\s,;]+", raw)
        raw = word[0] if word else raw
        stop = begin + len(raw)
    return _clean(raw), stop


def _clean(raw: str) -> str | None:
    name = "".join(piece.strip() for piece in raw.split("\n")) if "\n" in raw else raw.strip()
    name = name.rstrip(".,;:") if name.startswith("arn:") or name.endswith((".", ",")) else name
    return name or None


def _why(why: re.Match[str] | None, action: str | None) -> tuple[Effect, Source, str | None]:
    of_kms = action is not None and action.startswith("kms:")
    if why is None or why["either"]:
        return Effect.UNKNOWN, Source.KMS if of_kms else Source.UNKNOWN, None
    if why["silent"]:
        return Effect.IMPLICIT, _kind(why["silent"]), None
    source = _kind(why["denying"]) if why["denying"] else Source.KMS if of_kms else Source.UNKNOWN
    return Effect.EXPLICIT, source, why["policy"]


def _kind(words: str) -> Source:
    return next(source for pattern, source in _KINDS if re.fullmatch(pattern, words, re.IGNORECASE))
