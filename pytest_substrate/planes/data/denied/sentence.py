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
from pytest_substrate.planes.data.denied.operations import is_cut
from pytest_substrate.planes.data.denied.wrapping import MORE_OF_A_NAME, is_cut_at_width

_HEAD: Final = re.compile(
    r"(?:\b(is)\s{1,20})?not\s{1,20}authorized\s{1,20}to\s{1,20}perform\b(\s{0,3}:)?", re.IGNORECASE
)
_BARE: Final = re.compile(r"Not\s+authorized\s+to\s+perform\s+\w+:")
"""STS says it so, of somebody whom it does not name."""
_WHO: Final = re.compile(
    r"(?<![\w/.+=,@-])(?:User|Principal|Identity|Role):\s+|(?<![\w/:.+=,@-])(?:User|Principal|Identity|Role)\s+|(?=\barn:aws)",
    re.IGNORECASE,
)
"""What stands before a name, where it isn't the end of one (`user/ci-user`)."""
_ACTION: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,40}:[A-Za-z][A-Za-z0-9]{1,80}\*?|[a-z][a-z0-9-]{0,40}:\*")
_ON: Final = re.compile(r"\s*\bon\s+(?:(?:the\s+)?resources?\s*:|resource\b)\s*", re.IGNORECASE)
_KINDS: Final = (
    (r"identity-based", Source.IDENTITY),
    (r"role\s+trust|trust", Source.RESOURCE),
    (r"resource-based", Source.RESOURCE),
    (r"permissions?\s+boundar(?:y|ies)", Source.BOUNDARY),
    (r"session", Source.SESSION),
    (r"service\s+control|SCP", Source.SCP),
    (r"resource\s+control|RCP", Source.RCP),
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
    r"|[\"'<>{}\[\]`]|;|,[ \t]|\.[ \t]|\)[ \t]|\)$|\.$|[ \t]\(",
    re.IGNORECASE,
)
_REASONED: Final = re.compile(r"\s+(?:because|with)\b|\s*\(Service|\s+Encoded", re.IGNORECASE)
"""Ends that show a name to be whole, blanks in it included."""
_QUOTES: Final = re.compile(r"([\"'`])\1?")
"""Doubled, where a table of comma-separated values holds the text."""
_LONGEST: Final = 2_000
_FOREIGN: Final = ("acs:", "qcs:")
"""How the names of other clouds' principals begin, whose sentence is AWS's."""


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


def sentences(text: str) -> Iterator[Sentence]:
    """Every such sentence of an event, in order."""
    floor = 0
    for found in _HEAD.finditer(text):
        sentence = _read(text, found, floor)
        floor = found.end()
        if sentence is not None:
            floor = sentence.end
            yield sentence


def _read(text: str, found: re.Match[str], floor: int) -> Sentence | None:
    principal, start = _principal(text, found, floor)
    action, at = _action(text, found.end())
    if action is None and (principal is None or not found[2] or not principal.startswith("arn:")):
        return None  # other systems have users too
    if principal is not None and principal.startswith(_FOREIGN):
        return None
    if not found[2] and principal is None and _BARE.match(text, found.start()) is None:
        return None  # somebody talks of permissions
    resource, at = _resource(text, at)
    why = why_in(text, at)
    effect, source, policy = _why(why.found if why else None, action)
    return Sentence(
        start=start,
        end=at if why is None else why.end,
        principal=principal,
        action=action,
        resource=resource,
        effect=effect,
        source=source,
        policy=policy,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """The half of the sentence that says why; `end` is where it ends in the text."""

    found: re.Match[str]
    end: int


def why_in(text: str, at: int) -> Why | None:
    """The reason that follows, whole or broken over lines, where no other sentence comes before it."""
    reason = text[at : at + 700]
    following = _HEAD.search(reason)
    reason = reason[: following.start()] if following else reason
    reason = reason.partition("\n\n")[0]
    found = _WHY.search(reason)
    if found is not None:
        return Why(found=found, end=at + found.end())
    joined = reason.replace("\n", "")
    found = _WHY.search(joined) if joined != reason else None
    return None if found is None else Why(found=found, end=min(len(text), at + found.end() + 1))


def effect_in(text: str, at: int) -> tuple[Effect, Source, str | None]:
    """What a reason says that follows another sentence than AWS's own."""
    why = why_in(text, at)
    return _why(why.found if why is not None and why.end - at < 120 else None, None)


def _principal(text: str, found: re.Match[str], floor: int) -> tuple[str | None, int]:
    """The name before `is not authorized`, with breaks inside of it joined; where it starts."""
    head = found.start()
    window = text[max(floor, head - _LONGEST) : head]
    base = head - len(window)
    starts = list(_WHO.finditer(window))
    if not starts:
        return None, head
    labelled = [one for one in starts if one.end() > one.start()]
    chosen = (labelled or starts)[-1]
    raw = window[chosen.end() :]
    if not found[1]:  # the `is` may lack its blank, or stand on the line before
        raw = re.sub(r"is\s*$", "", raw)
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
        action, end = action + broken["more"], end + broken.end()
    if rest[end:].startswith(("...", "…")) or (not rest[end:].strip("\"'\n") and is_cut(action)):
        return None, after + end
    closing = re.match(r"[\"'`]", rest[end:])
    return action, after + end + (1 if closing else 0)


def _resource(text: str, at: int) -> tuple[str | None, int]:
    on = _ON.match(text, at)
    if on is None:
        return None, at
    begin = on.end()
    quoted = _QUOTES.match(text, begin)
    if quoted is not None:
        close = text.find(quoted[0], quoted.end(), begin + _LONGEST)
        name = text[quoted.end() : close]
        if close < 0 or ("\n" in name and any(re.search(r"\s", piece.strip()) for piece in name.split("\n"))):
            return None, begin
        return _clean(name), close + len(quoted[0])
    ends = _ENDS.search(text, begin, begin + _LONGEST)
    stop = ends.start() if ends is not None else min(len(text), begin + _LONGEST)
    raw = text[begin:stop]
    named = raw.startswith("arn:") or "arn:".startswith(raw)
    if ends is not None and ends[0] == "\n" and named and " " not in raw:
        more = re.match(r"\n[ \t]*(\S{1,500})(?=\s+(?:because\s+no|with\s+an\s+explicit)\b)", text[stop : stop + 800])
        if more is not None and more[1] not in ("because", "with"):
            return _clean(raw + more[1]), stop + more.end()
        if is_cut_at_width(text[max(0, stop - 600) : stop]) and MORE_OF_A_NAME.match(text[stop + 1 :]):
            return _cut_name(text, begin, stop)
    if raw.startswith("arn:") and not (ends is not None and _REASONED.match(ends[0])):
        word = re.match(r"\S+", raw)
        raw = word[0] if word else raw
        stop = begin + len(raw)
    return (None if "arn:".startswith(raw) else _clean(raw)), stop


def _cut_name(text: str, begin: int, stop: int) -> tuple[str | None, int]:
    """A name that goes on in the next line, and in those that follow while they are cut as well."""
    name = text[begin:stop]
    while is_cut_at_width(text[max(0, stop - 800) : stop]):
        more = re.match(r"\n([\w.:/+=,@*\-]+)", text[stop : stop + 500])
        if more is None:
            break
        name, stop = name + more[1], stop + more.end()
        if text[stop : stop + 1] != "\n":
            break
    return _clean(name), stop


def _clean(raw: str) -> str | None:
    name = "".join(piece.strip() for piece in raw.split("\n")) if "\n" in raw else raw.strip()
    if name.endswith(("..", "…")):
        return None  # somebody cut it
    if name.startswith("arn:"):
        name = name.rstrip(".,;")
        while name.endswith((")", "]", "}")) and name.count(name[-1]) > name.count(
            {")": "(", "]": "["}.get(name[-1], "{")
        ):
            name = name[:-1].rstrip(".,;")
        if name.endswith(":") and ":log-group:" not in name:
            name = name.rstrip(":")
    elif name.endswith((".", ",")):
        name = name.rstrip(".,;:")
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
