"""A statement of a trust policy, asked with tokens that are made up: would the whole policy let such a one in?

What a token may hold freely is tried in all ways that the policy tells apart. Only what is certain counts: a statement
or a denial that holds something unknown admits nothing here.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from pytest_substrate.policy.claims import CallContext
from pytest_substrate.policy.conditions import conditions_hold
from pytest_substrate.policy.context import Lookup, Missing
from pytest_substrate.policy.document import Condition, Document, Effect, Statement
from pytest_substrate.policy.operators import operator_of
from pytest_substrate.policy.pattern import compile_pattern
from pytest_substrate.policy.providers import Provider, provider_of
from pytest_substrate.policy.representatives import representatives
from pytest_substrate.policy.subjects import claims_of_subject, open_context, unknown_context
from pytest_substrate.policy.trust import ACTION, MOST, Issuer, holds, reaches
from pytest_substrate.policy.truth import Truth

Value: TypeAlias = tuple[str, ...] | Missing
"""What a key is tried with."""

FRESH: Final = "zzsubstratezz"
"""A name that no policy means."""
FRESH_ID: Final = "999999999999"
_MOST_NAMED: Final = 12
"""Values of one key that are looked at together; of more, each by itself."""
_MOST_WALKED: Final = 4
"""Values of the subject that are walked together with a pattern."""
_WILD: Final = re.compile(r"[*?]|\$\{")
_OPEN: Final = (Missing.UNKNOWN, Missing.UNKNOWN_VALUE)


class Asked:
    """One statement, asked with tokens of one issuer."""

    def __init__(self, statement: Statement, document: Document, issuer: Issuer) -> None:
        self.statement, self.issuer = statement, issuer
        self.provider: Provider = provider_of(issuer.url)
        self._document = document
        self._denies = [
            one
            for one in document.statements
            if one.effect is Effect.DENY and reaches(one, ACTION, issuer) is not Truth.FALSE
        ]
        self._nothing = unknown_context(url=issuer.url)
        self._beginnings = tuple(self._begin())
        self._cases: dict[str, tuple[Value, ...]] = {}
        self._asked: dict[tuple[str, frozenset[str]], bool] = {}

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """The statement's conditions, and those of denials that concern the issuer."""
        return tuple(one for each in (self.statement, *self._denies) for one in each.conditions)

    def admits_subject(self, subject: str, fresh: frozenset[str] = frozenset()) -> bool:
        """Whether a token with this subject, and names that no policy means under `fresh`, is admitted."""
        if not all(subject.startswith(those) for those in self._beginnings):
            return False
        if (subject, fresh) not in self._asked:
            claims = claims_of_subject(subject, self.issuer.url, FRESH)
            keys: dict[str, Lookup] = {
                self.provider.audience: Missing.UNKNOWN,
                "oaud": Missing.UNKNOWN,
                **{key: (FRESH,) for key in fresh if self.provider.keys.get(key, key) not in claims},
            }
            context = open_context(claims, url=self.issuer.url)
            told: dict[str, Lookup] = dict(context.values)  # as if AWS made keys of them, where nobody says
            context = context.with_keys(self._own({**told, **keys}))
            self._asked[subject, fresh] = self._admits(context)
        return self._asked[subject, fresh]

    def admits_with(self, keys: Mapping[str, Lookup]) -> bool:
        """Whether a token with these values of the provider's keys is admitted, whatever it holds beside them."""
        return self._admits(self._nothing.with_keys(self._own(keys)))

    def _own(self, keys: Mapping[str, Lookup]) -> dict[str, Lookup]:
        return {f"{self.issuer.url.lower()}:{key}": value for key, value in keys.items()}

    def _admits(self, context: CallContext) -> bool:
        """Whether the statement lets such a token in, and nothing denies it, in some completion of what is open."""
        fixed = [one for one in self.statement.conditions if not isinstance(context.lookup(one.key), Missing)]
        if conditions_hold(fixed, context, has_variables=self._document.has_variables) is not Truth.TRUE:
            return False
        cases = {key: self._case(key) for key in self._keys() if context.lookup(key) in _OPEN}
        total = 1
        for values in cases.values():
            total *= len(values)
        for chosen in itertools.product(*cases.values()) if total <= MOST else ():
            one = context.with_keys(dict(zip(cases, chosen, strict=True)))
            if holds(self.statement, self._document, one) is Truth.TRUE and all(
                holds(deny, self._document, one) is Truth.FALSE for deny in self._denies
            ):
                return True
        return False

    def subjects_like(self, pattern: str) -> tuple[str, ...]:
        """Subjects that match a pattern, one of each kind that the statement tells apart; none where it names many."""
        own = f"{self.issuer.url.lower()}:{self.provider.subject}"
        uses = [one for one in self.statement.conditions if one.key.lower() == own]
        begin = _WILD.split(pattern, maxsplit=1)[0]
        can = all(any(one.startswith(begin) or begin.startswith(one) for one in those) for those in self._beginnings)
        if not can or sum(len(one.values) for one in uses) > _MOST_WALKED:
            return ()
        variables = self._nothing if self._document.has_variables else None
        query = Condition(operator="StringLike", key=own, values=(pattern,))
        found = representatives([*((one, variables) for one in uses), (query, None)])
        wanted = compile_pattern(pattern, None)
        return tuple(
            text
            for text in found or ()
            if wanted.match(text) is Truth.TRUE and text.count(":") == pattern.count(":")  # no name has a colon
        )

    def _begin(self) -> Iterator[tuple[str, ...]]:
        """What a subject must begin with, for each condition that says so: most others needn't be asked whole."""
        own = f"{self.issuer.url.lower()}:{self.provider.subject}"
        for condition in self.statement.conditions:
            operator = operator_of(condition.operator)
            if operator is None or operator.negated or condition.key.lower() != own:
                continue
            if operator.base == "StringEquals":
                yield tuple(value.partition("${")[0] for value in condition.values)
            elif operator.base == "StringLike":
                yield tuple(_WILD.split(value, maxsplit=1)[0] for value in condition.values)

    def _keys(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.key.lower() for one in self.conditions))

    def _case(self, key: str) -> tuple[Value, ...]:
        """What an open key is tried with: of what the statement takes, as few as the denials can tell apart."""
        if key not in self._cases:
            uses = [one for one in self.statement.conditions if one.key.lower() == key]
            denied = [one for each in self._denies for one in each.conditions if one.key.lower() == key]
            values = self._values([*uses, *denied])
            variables = self._document.has_variables
            taken = tuple(
                value
                for value in values
                if conditions_hold(uses, self._nothing.with_keys({key: value}), has_variables=variables) is Truth.TRUE
            )
            self._cases[key] = taken if denied else taken[:1]
        return self._cases[key]

    def _values(self, conditions: Sequence[Condition]) -> tuple[Value, ...]:
        """Values such that any other makes the same conditions true as one of them, or else those that are named."""
        named = [value for condition in conditions for value in condition.values]
        absent = Missing.ABSENT
        if len(named) <= _MOST_NAMED:
            variables = self._nothing if self._document.has_variables else None
            if (found := representatives([(condition, variables) for condition in conditions])) is not None:
                return (*((value,) for value in found), absent)
        return (*((filled(value, FRESH, "x"),) for value in dict.fromkeys(named)), (FRESH,), absent)


def filled(pattern: str | None, name: str, star: str = "") -> str:
    """A text that a pattern matches: `name` where it matches anything."""
    filled = (pattern or "").replace("*", star).replace("?", "x")
    return filled if pattern and pattern.strip("*") else name
