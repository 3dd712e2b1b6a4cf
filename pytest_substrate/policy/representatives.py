"""For the conditions on one unknown key: values such that any other makes the same conditions true as one of them."""

from __future__ import annotations

import ipaddress
import itertools
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Final

from pytest_substrate.policy.context import Context
from pytest_substrate.policy.document import Condition
from pytest_substrate.policy.operators import NULL, arn_pattern, moment, number, operator_of
from pytest_substrate.policy.pattern import Automaton, Mark, Pattern, compile_pattern

MOST_STEPS: Final = 400_000
"""Steps of single patterns that are walked before a key is left unknown: well under a second."""

Use = tuple[Condition, Context | None]
"""A condition on the key, and the context where its document has variables."""


def representatives(uses: Sequence[Use]) -> tuple[str, ...] | None:
    """The values, or None where no complete set is known."""
    families: set[str] = set()
    for condition, _ in uses:
        operator = operator_of(condition.operator)
        if operator is None or (operator.qualifier is not None and operator.base != NULL):
            return None
        if operator.base != NULL:
            families.add(_family(operator.base))
    if families <= {"Numeric", "Date"} and families:
        return _line(uses)
    if len(families) > 1:
        return None
    family = next(iter(families), None)
    if family is None:
        return ("x",)
    chosen = _FAMILIES.get(family)
    return chosen(uses) if chosen else None


def _family(base: str) -> str:
    return next(
        (name for name in ("String", "Numeric", "Date", "Arn", "IpAddress", "Bool") if base.startswith(name)), ""
    )


def _values(uses: Iterable[Use]) -> list[str]:
    return [value for condition, _ in uses if _base(condition) != NULL for value in condition.values]


def _base(condition: Condition) -> str:
    operator = operator_of(condition.operator)
    return operator.base if operator else ""


def _booleans(_uses: Sequence[Use]) -> tuple[str, ...]:
    return ("true", "false")


def _line(uses: Sequence[Use]) -> tuple[str, ...] | None:
    """Every limit, and a point in each gap. Written with a fraction, so that no point is read as a year."""
    limits: set[Decimal] = set()
    for condition, _ in uses:
        read = moment if _base(condition).startswith("Date") else number
        for value in condition.values if _base(condition) != NULL else ():
            limit = read(value)
            if limit is None:
                return None
            limits.add(limit)
    points = sorted(limits) or [Decimal(0)]
    between = [(low + high) / 2 for low, high in itertools.pairwise(points)]
    every = [points[0] - 1, *points, *between, points[-1] + 1]
    return tuple(f"{point:f}" if "." in f"{point:f}" else f"{point:f}.0" for point in every)


def _addresses(uses: Sequence[Use]) -> tuple[str, ...] | None:
    """The first address of each network and the first behind it: membership changes nowhere else."""
    found = {"0.0.0.0", "::"}  # noqa: S104  an address to compare with, nothing is bound
    for value in _values(uses):
        try:
            network = ipaddress.ip_network(value.strip(), strict=False)
        except ValueError:
            return None
        found.add(str(network[0]))
        behind = int(network[-1]) + 1
        if behind < 1 << network.max_prefixlen:
            kind = ipaddress.IPv4Address if network.version == 4 else ipaddress.IPv6Address
            found.add(str(kind(behind)))
    return tuple(sorted(found))


def _strings(uses: Sequence[Use]) -> tuple[str, ...] | None:
    patterns: list[tuple[Pattern, bool]] = []
    for condition, context in uses:
        base = _base(condition)
        if base != NULL:
            wild, ignore_case = base == "StringLike", base.endswith("IgnoreCase")
            patterns.extend((compile_pattern(value, context, wild=wild), ignore_case) for value in condition.values)
    return _witnesses(patterns)


def _arns(uses: Sequence[Use]) -> tuple[str, ...] | None:
    patterns: list[tuple[Pattern, bool]] = []
    for condition, context in uses:
        for value in condition.values if _base(condition) != NULL else ():
            pattern = arn_pattern(value, context)
            if pattern is None:
                return None
            patterns.append((pattern, False))
    found = _witnesses(patterns)
    return None if found is None else tuple(value for value in found if value.count(":") >= 5) or ("arn:x:x:x:x:x",)


def _witnesses(patterns: Sequence[tuple[Pattern, bool]]) -> tuple[str, ...] | None:
    """A text for each set of patterns that some text matches together, found by walking all of them at once."""
    known = [(pattern, ignore_case) for pattern, ignore_case in patterns if not pattern.never]
    if any(not pattern.is_known for pattern, _ in known):
        return None
    automata = [Automaton(pattern.lowered() if ignore_case else pattern) for pattern, ignore_case in known]
    alphabet = sorted(_alphabet(known))
    most = MOST_STEPS // max(1, len(automata) * len(alphabet))
    start = tuple(automaton.start for automaton in automata)
    seen, waiting, found = {start}, deque([(start, "")]), dict[tuple[bool, ...], str]()
    while waiting:
        state, text = waiting.popleft()
        accepted = tuple(automaton.accepts(reached) for automaton, reached in zip(automata, state, strict=True))
        found.setdefault(accepted, text)
        for character in alphabet:
            after = tuple(
                automaton.step(reached, character.lower() if ignore_case else character)
                for automaton, reached, (_, ignore_case) in zip(automata, state, known, strict=True)
            )
            if after not in seen:
                if len(seen) >= most:
                    return None
                seen.add(after)
                waiting.append((after, text + character))
    return tuple(found.values())


def _alphabet(patterns: Iterable[tuple[Pattern, bool]]) -> set[str]:
    """The characters that patterns tell apart, and one that none names."""
    named = {":"}
    for pattern, ignore_case in patterns:
        for token in pattern.tokens:
            if not isinstance(token, Mark):
                named |= {token.lower(), token.upper()[:1]} if ignore_case else {token}
    return named | {next(other for other in map(chr, range(0x21, 0x10FFFF)) if other not in named)}


_FAMILIES: Final[dict[str, Callable[[Sequence[Use]], tuple[str, ...] | None]]] = {
    "String": _strings,
    "Arn": _arns,
    "IpAddress": _addresses,
    "Bool": _booleans,
}
