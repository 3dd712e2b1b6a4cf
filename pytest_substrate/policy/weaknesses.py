"""What a trust policy admits beside what it should: asked of the whole policy with tokens of strangers and neighbours.

A weakness is no pattern in the text: a token is made that nobody meant, and the policy judges it with its denials. Only
what would be admitted for certain is told. What a token can hold freely (who triggered it, which workflow) is tried in
all ways that the policy tells apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pytest_substrate.policy.claims import CallContext, call_context
from pytest_substrate.policy.context import Lookup, Missing
from pytest_substrate.policy.document import Document, Effect, Statement
from pytest_substrate.policy.operators import SetOperator, operator_of
from pytest_substrate.policy.providers import Provider, provider_of, url_of
from pytest_substrate.policy.subjects import Parts, claims_of_subject, join, open_context, unknown_context
from pytest_substrate.policy.trust import ACTION, EVERY_PROVIDER, MOST, Issuer, cases_of, holds, names_action, reaches
from pytest_substrate.policy.truth import Truth
from pytest_substrate.policy.written import Weakness, written

_FRESH: Final = "zzsubstratezz"
"""A name that no policy means."""
_FRESH_ID: Final = "999999999999"
_ELSEWHERE: Final = "issuer.substrate.invalid"
_NAMED: Final = Parts(owner="named-owner", thing="named-thing", rest="")


def weaknesses(document: Document, *, issuer: Issuer, claims: Mapping[str, Any]) -> tuple[Weakness, ...]:
    """Every weakness once a statement. The token tells letter case, and one issuer for principals that name none."""
    context = call_context(claims, url=issuer.url)
    found: dict[tuple[int, str], Weakness] = {}
    for statement in document.statements:
        every = [*written(statement, document, context), *_admitted(statement, document, issuer)]
        for one in every:
            found.setdefault((statement.index, one.code), one)
    return tuple(found.values())


def _admitted(statement: Statement, document: Document, issuer: Issuer) -> Iterator[Weakness]:
    if statement.effect is not Effect.ALLOW or not names_action(statement, ACTION):
        return
    for one in _issuers(statement, issuer):
        yield from _Asked(statement, document, one).weaknesses()


def _issuers(statement: Statement, issuer: Issuer) -> tuple[Issuer, ...]:
    """Whose tokens the statement may admit: the providers that it names, or by whose keys it chooses."""
    principals = statement.principals
    if principals is None:
        return ()
    found = [Issuer(url=url, arn=name) for name in principals.federated if (url := url_of(name)) is not None]
    if principals.everyone or EVERY_PROVIDER in principals.federated:
        prefixes = (condition.key.partition(":")[0] for condition in statement.conditions)
        found += [Issuer(url=prefix) for prefix in prefixes if "." in prefix]
        found += [Issuer(url=issuer.url), Issuer(url=_ELSEWHERE)]
    return tuple(dict.fromkeys(found))


class _Asked:
    """One statement, asked with tokens of one issuer."""

    def __init__(self, statement: Statement, document: Document, issuer: Issuer) -> None:
        self._statement, self._document, self._issuer = statement, document, issuer
        self._provider: Provider = provider_of(issuer.url)
        self._denies = [
            one
            for one in document.statements
            if one.effect is Effect.DENY and reaches(one, ACTION, issuer) is not Truth.FALSE
        ]
        self._nothing = unknown_context(url=issuer.url)
        self._cases = cases_of([statement, *self._denies], document, self._nothing)

    def weaknesses(self) -> Iterator[Weakness]:
        """All that is admitted and should not be."""
        url, place = self._issuer.url, self._statement.place
        subject, audience = f"{url}:{self._provider.subject}", f"{url}:{self._provider.audience}"
        if self._admits_with({self._provider.audience: (_FRESH,), "oaud": (_FRESH,)}):
            mend = f"add StringEquals on {audience}"
            yield Weakness(code="audience-unbound", message=f"{place} admits tokens for every audience; {mend}")
        unbound, is_whole = self._strangers()
        if unbound:
            mend = f"name the whole subject with StringEquals on {subject}"
            yield Weakness(
                code="subject-unbound", message=f"{place} admits tokens of owners that it doesn't name; {mend}"
            )
        if not is_whole:
            yield from self._wide(subject)
        if self._provider.shape and self._provider.shape.others[:1] == ("pull_request",) and self._pull_request():
            mend = f"name branch, tag or environment in {subject}"
            yield Weakness(code="pull-request-admitted", message=f"{place} admits pull requests; {mend}")
        yield from self._absent()

    def _wide(self, subject: str) -> Iterator[Weakness]:
        place = self._statement.place
        owners, is_whole = self._neighbours()
        if owners:
            told = f"{place} admits other repositories, projects or pipelines of an owner"
            yield Weakness(code="owner-wide", message=f"{told}; name one in {subject}")
        if not is_whole and self._contexts():
            told = f"{place} admits everything that runs in a repository, project or pipeline"
            yield Weakness(code="repository-wide", message=f"{told}; name branch, tag or environment in {subject}")

    def _strangers(self) -> tuple[bool, bool]:
        """Whether a stranger's token is admitted, and whether any stranger's is."""
        if self._stranger(_FRESH):
            return True, True
        if (shape := self._provider.shape) is None:
            return False, False
        similar = False
        for parts in self._named():
            rests = (parts.rest, shape.rest, *(one.format(_FRESH) for one in shape.others))
            for thing, rest in itertools.product((parts.thing, _FRESH), rests):
                for owner, name in ((_FRESH, thing), (f"{_FRESH}@{_FRESH_ID}", _with_id(thing))):
                    if self._stranger(join(Parts(owner=owner, thing=name, rest=rest), shape)):
                        return True, True
                for owner in _similar(parts.owner):
                    similar = similar or self._stranger(join(Parts(owner=owner, thing=thing, rest=rest), shape))
        return similar, False

    def _neighbours(self) -> tuple[bool, bool]:
        """Whether another thing of the owner is admitted, and whether any other is."""
        if (shape := self._provider.shape) is None:
            return False, False
        similar = False
        for parts in self._named():
            for rest in (parts.rest, shape.rest, *(one.format(_FRESH) for one in shape.others)):
                fresh = (_FRESH, f"{_FRESH}@{_FRESH_ID}") if "@" in parts.owner + parts.thing else (_FRESH,)
                if any(self._neighbour(Parts(owner=parts.owner, thing=thing, rest=rest)) for thing in fresh):
                    return True, True
                for thing in _similar(parts.thing):
                    similar = similar or self._neighbour(Parts(owner=parts.owner, thing=thing, rest=rest))
        return similar, False

    def _contexts(self) -> bool:
        """Whether whatever runs in a named thing is admitted."""
        shape = self._provider.shape
        if shape is None or not shape.others:
            return False
        for parts in self._named():
            every = [Parts(owner=parts.owner, thing=parts.thing, rest=one.format(_FRESH)) for one in shape.others]
            if self._claims(join(Parts(owner=parts.owner, thing=parts.thing, rest=_FRESH), shape)):
                return True
            if all(self._claims(join(one, shape)) for one in every):
                return True
        return False

    def _pull_request(self) -> bool:
        shape = self._provider.shape
        assert shape is not None  # noqa: S101  the caller looked
        for parts in self._named():
            for owner, thing in itertools.product((parts.owner, _FRESH), (parts.thing, _FRESH)):
                if self._claims(join(Parts(owner=owner, thing=thing, rest="pull_request"), shape)):
                    return True
        return False

    def _absent(self) -> Iterator[Weakness]:
        """Conditions that hold of a token without the claim, where nothing else keeps that token out."""
        place, own = self._statement.place, f"{self._issuer.url.lower()}:"
        for condition in self._statement.conditions:
            operator, key = operator_of(condition.operator), condition.key.lower()
            if operator is None or key.startswith(("aws:", "sts:")):
                continue
            is_vacuous = operator.qualifier == SetOperator.ALL
            if not (is_vacuous or operator.if_exists) or not self._admits_with({key.removeprefix(own): Missing.ABSENT}):
                continue
            bare = condition.operator.removeprefix("ForAllValues:").removesuffix("IfExists")
            message = (
                f"{place} admits tokens without {condition.key}: {condition.operator} holds of nothing; use {bare}"
            )
            if is_vacuous:
                yield Weakness(code="vacuous-set-operator", message=message)
            if operator.if_exists:
                yield Weakness(code="if-exists", message=message)

    def _named(self) -> tuple[Parts, ...]:
        """The owners, things and contexts that the statement's conditions name, wildcards filled in."""
        shape = self._provider.shape
        if shape is None:
            return ()
        own = f"{self._issuer.url.lower()}:"
        found: list[Parts] = []
        for condition in self._statement.conditions:
            key = condition.key.lower().removeprefix(own)
            for value in condition.values if key in (self._provider.subject, "repository") else ():
                text = f"repo:{value}" if key == "repository" else value
                if parsed := shape.form.fullmatch(text):
                    found.append(
                        Parts(
                            owner=_filled(parsed["owner"], _NAMED.owner),
                            thing=_filled(parsed["thing"], _NAMED.thing),
                            rest=_filled(parsed["rest"], shape.rest, "x"),
                        )
                    )
        return tuple(dict.fromkeys(found)) or (Parts(owner=_NAMED.owner, thing=_NAMED.thing, rest=shape.rest),)

    def _stranger(self, subject: str) -> bool:
        """Whether a token with this subject and nothing of the named ones is admitted."""
        return self._claims(subject, self._provider.strangers)

    def _neighbour(self, parts: Parts) -> bool:
        shape = self._provider.shape
        return shape is not None and self._claims(join(parts, shape), self._provider.things)

    def _claims(self, subject: str, fresh: frozenset[str] = frozenset()) -> bool:
        claims = claims_of_subject(subject, self._issuer.url, _FRESH)
        context = open_context(claims, url=self._issuer.url)
        keys: dict[str, Lookup] = {
            self._provider.audience: Missing.UNKNOWN,
            "oaud": Missing.UNKNOWN,
            **{key: (_FRESH,) for key in fresh if self._provider.keys.get(key, key) not in claims},
        }
        return self._admits(context.with_keys(self._own(keys)))

    def _admits_with(self, keys: Mapping[str, Lookup]) -> bool:
        return self._admits(self._nothing.with_keys(self._own(keys)))

    def _own(self, keys: Mapping[str, Lookup]) -> dict[str, Lookup]:
        return {f"{self._issuer.url.lower()}:{key}": value for key, value in keys.items()}

    def _admits(self, context: CallContext) -> bool:
        """Whether the statement lets such a token in, and nothing denies it, in some completion of what is open."""
        missing = (Missing.UNKNOWN, Missing.UNKNOWN_VALUE)
        cases = {key: values for key, values in self._cases.items() if context.lookup(key) in missing}
        total = 1
        for values in cases.values():
            total *= len(values)
        if total > MOST:
            cases = {}
        for chosen in itertools.product(*cases.values()):
            one = context.with_keys(dict(zip(cases, chosen, strict=True)))
            if holds(self._statement, self._document, one) is Truth.TRUE and all(
                holds(deny, self._document, one) is Truth.FALSE for deny in self._denies
            ):
                return True
        return False


def _filled(pattern: str | None, name: str, star: str = "") -> str:
    """A text that a pattern matches: `name` where it matches anything."""
    filled = (pattern or "").replace("*", star).replace("?", "x")
    return filled if pattern and pattern.strip("*") else name


def _with_id(thing: str) -> str:
    return thing if "@" in thing else f"{thing}@{_FRESH_ID}"


def _similar(name: str) -> tuple[str, ...]:
    """Names that a careless pattern matches too."""
    if name in (_NAMED.owner, _NAMED.thing):
        return ()
    base, at, number = name.partition("@")
    if at:
        return (f"{base}@{number}9", f"{base}{_FRESH}@{_FRESH_ID}")
    return (f"{name}{_FRESH}", f"{_FRESH}{name}")
