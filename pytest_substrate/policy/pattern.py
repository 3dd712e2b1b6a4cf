"""Patterns of the policy language: `*`, `?` and `${variables}`, matched without a regular expression.

A variable stands for its value literally: wildcards in a value match themselves. One without a value and without a
default makes the pattern match nothing; one that isn't known makes it UNKNOWN, unless no value could let it match.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, TypeAlias

from pytest_substrate.policy.context import Context, Missing
from pytest_substrate.policy.truth import Truth


class Mark(Enum):
    """What is no character."""

    MANY = "*"
    ONE = "?"
    MANY_IN_FIELD = "* that no colon is part of"
    ONE_IN_FIELD = "? that is no colon"
    HOLE = "a text that isn't known"


Token: TypeAlias = str | Mark
"""One character, or a mark."""

_IN_FIELD: Final = {Mark.MANY: Mark.MANY_IN_FIELD, Mark.ONE: Mark.ONE_IN_FIELD}
_WILD: Final = {"*": Mark.MANY, "?": Mark.ONE}
_VARIABLE: Final = re.compile(r"\$\{([^{}]*)\}")
_NAMED: Final = re.compile(r"([^\s,']+)(?:,\s*'([^']*)')?")
_SPECIAL: Final = ("*", "?", "$")


@dataclass(frozen=True, slots=True)
class Pattern:
    """Tokens to match a whole text with; `never` where a variable in it has no value.

    `doubtful` where a variable's value is empty: AWS calls a key without a value null, but doesn't say whether that is.
    """

    tokens: tuple[Token, ...]
    never: bool = False
    doubtful: bool = False

    @property
    def is_known(self) -> bool:
        """Whether nothing in it is left open."""
        return not self.doubtful and Mark.HOLE not in self.tokens

    def lowered(self) -> Pattern:
        """The same in lower case (a letter may become two)."""
        characters = (token if isinstance(token, Mark) else token.lower() for token in self.tokens)
        parts = (part for token in characters for part in ([token] if isinstance(token, Mark) else token))
        return replace(self, tokens=tuple(parts))

    def match(self, text: str, *, ignore_case: bool = False) -> Truth:
        """Whether it matches the whole of `text`."""
        if self.never:
            return Truth.FALSE
        tokens: Sequence[Token] = self.tokens
        if ignore_case:
            text, tokens = text.lower(), self.lowered().tokens
        if not _matches(tokens, text):
            return Truth.FALSE
        return Truth.TRUE if self.is_known else Truth.UNKNOWN


class Automaton:
    """A pattern walked character by character, at all its positions at once: one bit of a number for each position.

    So no pattern takes longer than its length times the text's, whatever its wildcards.
    """

    __slots__ = ("_end", "_literal", "_many", "_one", "_spanning", "start")

    def __init__(self, pattern: Pattern) -> None:
        self._literal: dict[str, int] = {}
        self._one = self._many = self._spanning = one_in_field = many_in_field = 0
        for at, token in enumerate(pattern.tokens):
            if not isinstance(token, Mark):
                self._literal[token] = self._literal.get(token, 0) | 1 << at
            elif token is Mark.ONE:
                self._one |= 1 << at
            elif token is Mark.ONE_IN_FIELD:
                one_in_field |= 1 << at
            elif token is Mark.MANY_IN_FIELD:
                many_in_field |= 1 << at
            else:
                self._spanning |= 1 << at
        self._one |= one_in_field
        self._many = self._spanning | many_in_field
        self._literal[":"] = self._literal.get(":", 0) | self._one & ~one_in_field
        self._end = 1 << len(pattern.tokens)
        self.start = self._closed(1)
        """Where it stands before the first character."""

    def step(self, reached: int, character: str) -> int:
        """Where it stands behind one more character; 0 if that can't follow."""
        if character == ":":
            return self._closed(reached & self._spanning | (reached & self._literal[":"]) << 1)
        taken = self._literal.get(character, 0) | self._one
        return self._closed(reached & self._many | (reached & taken) << 1)

    def accepts(self, reached: int) -> bool:
        """Whether the text may end here."""
        return bool(reached & self._end)

    def _closed(self, reached: int) -> int:
        """`reached`, and what stands behind a mark that also takes nothing."""
        while (more := reached | (reached & self._many) << 1) != reached:
            reached = more
        return reached


def compile_pattern(text: str, context: Context | None, *, wild: bool = True, from_field: int = 0) -> Pattern:
    """The pattern in `text`: variables by the context (without one: plain text); without `wild`, `*` is a character.

    `from_field`: how many colons stand before a variable may ("only in the resource portion of the ARN").
    """
    if context is None or "${" not in text:
        return _plain(text, wild=wild)
    tokens: list[Token] = []
    never = doubtful = False
    colons = 0
    for part, variable in _parts(text, has_variables=context is not None):
        colons += 0 if variable else part.count(":")
        if variable and context is not None:
            value = _value(part, context) if colons >= from_field else Missing.UNKNOWN
            if value is Missing.ABSENT:
                never = True
            elif isinstance(value, Missing):
                tokens.append(Mark.HOLE)
            else:
                tokens.extend(value)
                doubtful = doubtful or not value
        elif wild:
            tokens.extend(_WILD.get(character, character) for character in part)
        else:
            tokens.extend(part)
    return Pattern(tuple(tokens), never, doubtful)


@functools.lru_cache(maxsize=1024)
def _plain(text: str, *, wild: bool) -> Pattern:
    """The pattern in a text that no variable stands in."""
    return Pattern(tuple(_WILD.get(character, character) for character in text) if wild else tuple(text))


def variables_in(text: str) -> tuple[str, ...]:
    """The keys of the variables in `text`, where it may hold any."""
    found = (_NAMED.fullmatch(inner) for inner in _VARIABLE.findall(text) if inner not in _SPECIAL)
    return tuple(named[1] for named in found if named)


def fields(pattern: Pattern, *, last_of_field_spans: bool) -> Pattern:
    """The pattern of an ARN: in its first five fields a wildcard takes no colon.

    With `last_of_field_spans`, a `*` that ends a field may take colons ("Resource" in the IAM User Guide); without,
    none does ("Amazon Resource Name (ARN) condition operators": each of the six components is checked separately).
    """
    tokens = list(pattern.tokens)
    colons = 0
    for at, token in enumerate(tokens):
        if token == ":":
            colons += 1
        if colons == 5:
            break
        ends = at + 1 == len(tokens) or tokens[at + 1] == ":"
        if isinstance(token, Mark) and not (last_of_field_spans and ends and token is Mark.MANY):
            tokens[at] = _IN_FIELD.get(token, token)
    return replace(pattern, tokens=tuple(tokens))


def _parts(text: str, *, has_variables: bool) -> Iterator[tuple[str, bool]]:
    """The text cut at its variables: (text, False) or (what stands in the braces, True)."""
    if not has_variables:
        yield text, False
        return
    at = 0
    for found in _VARIABLE.finditer(text):
        yield text[at : found.start()], False
        yield found[1], True
        at = found.end()
    rest = text[at:]
    if "${" in rest:  # a brace that never closes: nobody says what AWS makes of it
        before, _, _ = rest.partition("${")
        yield before, False
        yield "", True
    else:
        yield rest, False


def _value(inner: str, context: Context) -> str | Missing:
    if inner in _SPECIAL:
        return inner
    named = _NAMED.fullmatch(inner)
    if named is None:
        return Missing.UNKNOWN
    value = context.lookup(named[1])
    if value == ("",) and named[2] is not None:
        return Missing.UNKNOWN
    if value is Missing.ABSENT and named[2] is not None:
        return str(named[2])
    if isinstance(value, Missing):
        return value
    return value[0] if len(value) == 1 else Missing.UNKNOWN  # a multivalued key is no variable


def _matches(tokens: Sequence[Token], text: str) -> bool:
    known = 0
    for token in tokens:  # most texts differ from most patterns before the first wildcard
        if isinstance(token, Mark):
            break
        if text[known : known + 1] != token:
            return False
        known += 1
    else:
        return known == len(text)
    automaton = Automaton(Pattern(tuple(tokens[known:])))
    reached = automaton.start
    for character in text[known:]:
        reached = automaton.step(reached, character)
        if not reached:
            return False
    return automaton.accepts(reached)
