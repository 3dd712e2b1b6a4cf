"""What a trust policy admits beside what it should: asked of the whole policy with tokens of strangers and neighbours.

A weakness is no pattern in the text: a token is made that nobody meant, and the policy judges it with its denials. Only
what would be admitted for certain is told. What a token can hold freely (who triggered it, which workflow) is tried in
all ways that the policy tells apart.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from pytest_substrate.policy.asked import FRESH, FRESH_ID, Asked, filled
from pytest_substrate.policy.claims import call_context, other_provider
from pytest_substrate.policy.context import Missing
from pytest_substrate.policy.customised import too_wide
from pytest_substrate.policy.document import Document, Effect, Statement
from pytest_substrate.policy.operators import SetOperator, operator_of
from pytest_substrate.policy.providers import Shape, shaped_as, url_of
from pytest_substrate.policy.subjects import Parts, join, others_than, owner_of, split
from pytest_substrate.policy.trust import ACTION, EVERY_PROVIDER, Issuer, names_action
from pytest_substrate.policy.written import Weakness, written

_PULL_REQUEST: Final = "pull_request"
_ELSEWHERE: Final = "issuer.substrate.invalid"
_NAMED: Final = Parts(owner="named-owner", thing="named-thing", rest="")
_TOLD: Final = {
    "subject-unbound": "tokens of owners that it doesn't name; name the whole subject with StringEquals on {1}",
    "owner-wide": "more of an owner than one {0}; name it whole in {1}",
    "repository-wide": "whatever runs in a {0}; name branch, tag or environment in {1}",
    "pull-request-admitted": "pull requests; name branch, tag or environment in {1}",
}
"""What is admitted, by code, and the mend: of what the owner has, and the subject's key."""
_MOST_CROSSED: Final = 6
"""Values that are put together with each other; of more, each is taken by itself."""


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
        yield from _Wanting(Asked(statement, document, one)).weaknesses()


def _issuers(statement: Statement, issuer: Issuer) -> tuple[Issuer, ...]:
    """Whose tokens the statement may admit: the providers that it names, or by whose keys it chooses."""
    principals = statement.principals
    if principals is None:
        return ()
    found = [Issuer(url=url, arn=name) for name in principals.federated if (url := url_of(name)) is not None]
    if principals.everyone or EVERY_PROVIDER in principals.federated:
        named = (other_provider(condition.key) for condition in statement.conditions)
        found += [Issuer(url=url) for url in named if url is not None]
        found += [Issuer(url=issuer.url), Issuer(url=_ELSEWHERE)]
    return tuple(dict.fromkeys(found))


class _Wanting:
    """What one statement admits of one issuer's tokens, and should not."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._issuer, self._statement = asked.issuer, asked.statement
        own = f"{asked.issuer.url.lower()}:{asked.provider.subject}"
        subjects = [value for one in asked.statement.conditions if one.key.lower() == own for value in one.values]
        self._provider = shaped_as(asked.provider, subjects)

    def weaknesses(self) -> Iterator[Weakness]:
        """All that is admitted and should not be."""
        url, place = self._issuer.url, self._statement.place
        subject, audience = f"{url}:{self._provider.subject}", f"{url}:{self._provider.audience}"
        if self._asked.admits_with({self._provider.audience: (FRESH,), "oaud": (FRESH,)}):
            mend = f"add StringEquals on {audience}"
            yield Weakness(code="audience-unbound", message=f"{place} admits tokens for every audience; {mend}")
        unbound, is_whole = self._strangers()
        found = ["subject-unbound"] if unbound else []
        if not is_whole:
            found += self._wide()
        if self._provider.shape and _PULL_REQUEST in self._provider.shape.others and self._pull_request():
            found.append("pull-request-admitted")
        if self._provider.keys.keys() >= {"job_workflow_ref"}:  # GitHub's
            found += too_wide(self._asked)
        for code in found:
            yield Weakness(code=code, message=f"{place} admits {_TOLD[code].format(self._noun, subject)}")
        yield from self._absent()

    @property
    def _noun(self) -> str:
        return self._provider.shape.noun if self._provider.shape else "subject"

    def _wide(self) -> Iterator[str]:
        owners, is_whole = self._neighbours()
        if owners:
            yield "owner-wide"
        if not is_whole and self._contexts():
            yield "repository-wide"

    def _strangers(self) -> tuple[bool, bool]:
        """Whether a stranger's token is admitted, and whether any stranger's is."""
        if self._stranger(FRESH):
            return True, True
        if (shape := self._provider.shape) is None:
            return False, False
        similar = False
        for parts in self._named():
            rests = (parts.rest, shape.rest, FRESH, *(one.format(FRESH) for one in shape.others))
            for thing, rest in itertools.product((parts.thing, *others_than(parts.thing, FRESH)), rests):
                if owner_of(self._issuer.url):
                    break  # all of its tokens are of one owner
                for owner, name in ((FRESH, thing), (f"{FRESH}@{FRESH_ID}", _with_id(thing))):
                    if self._stranger(join(Parts(owner=owner, thing=name, rest=rest), shape)):
                        return True, True
                for owner in _similar(parts.owner):
                    similar = similar or self._stranger(join(Parts(owner=owner, thing=thing, rest=rest), shape))
        if not owner_of(self._issuer.url):
            for owner in (FRESH, f"{FRESH}@{FRESH_ID}"):
                if any(self._stranger(text) for text in self._like(owner, "*", shape) if _is_possible(text, shape)):
                    return True, True
        return similar, False

    def _neighbours(self) -> tuple[bool, bool]:
        """Whether another thing of the owner is admitted, and whether any other is."""
        if (shape := self._provider.shape) is None:
            return False, False
        similar = False
        for parts in self._named():
            for rest in (parts.rest, shape.rest, FRESH, *(one.format(FRESH) for one in shape.others)):
                has_ids = "@" in parts.owner + parts.thing
                fresh = (FRESH, f"{FRESH}@{FRESH_ID}") if has_ids else others_than(parts.thing, FRESH)
                if any(self._neighbour(Parts(owner=parts.owner, thing=thing, rest=rest)) for thing in fresh):
                    return True, True
                for thing in _similar(parts.thing):
                    similar = similar or self._neighbour(Parts(owner=parts.owner, thing=thing, rest=rest))
        for owner in dict.fromkeys(parts.owner for parts in self._named()):
            parsed = (split(text, shape) for text in self._like(owner, FRESH, shape))
            if any(self._neighbour(parts) for parts in parsed if parts is not None):
                return True, True
        return similar, False

    def _like(self, owner: str, thing: str, shape: Shape) -> Iterator[str]:
        """Subjects of this owner and thing in any of the usual contexts, whatever the patterns look like."""
        for rest in dict.fromkeys(one.format("*") for one in (shape.rest, *shape.others)):
            yield from self._asked.subjects_like(join(Parts(owner=owner, thing=thing, rest=rest), shape))

    def _contexts(self) -> bool:
        """Whether whatever runs in a named thing is admitted: every branch, tag and environment, or user, or phase."""
        if (shape := self._provider.shape) is None:
            return False
        rests = [one.format(FRESH) for one in shape.others if one != _PULL_REQUEST]
        for named in self._named() if rests else ():
            every = (join(Parts(owner=named.owner, thing=named.thing, rest=rest), shape) for rest in rests)
            if all(map(self._asked.admits_subject, every)):
                return True
        return False

    def _pull_request(self) -> bool:
        shape = self._provider.shape
        assert shape is not None  # noqa: S101  the caller looked
        for parts in self._named():
            owners = (parts.owner, FRESH, *_similar(parts.owner))
            for owner, thing in itertools.product(owners, (parts.thing, FRESH, *_similar(parts.thing))):
                if self._asked.admits_subject(join(Parts(owner=owner, thing=thing, rest=_PULL_REQUEST), shape)):
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
            if not (is_vacuous or operator.if_exists) or not self._asked.admits_with(
                {key.removeprefix(own): Missing.ABSENT}
            ):
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
        """The owners, things and contexts that the conditions name, denials' too, wildcards filled in."""
        if (shape := self._provider.shape) is None:
            return ()
        own = f"{self._issuer.url.lower()}:"
        values = [
            (key, value)
            for condition in self._asked.conditions
            if (key := condition.key.lower().removeprefix(own)) != condition.key.lower()
            for value in condition.values
        ]
        names = {
            part: [value for key, value in values if self._provider.names.get(key) == part]
            for part in ("owner", "thing")
        }
        owner = next(iter(names["owner"]), owner_of(self._issuer.url) or _NAMED.owner)
        texts = [value for key, value in values if key == self._provider.subject]
        beside = [f"repo:{value}" for key, value in values if self._provider.names.get(key) == "both"]
        beside += [join(Parts(owner=owner, thing=value, rest=shape.rest), shape) for value in names["thing"]]
        is_crossed = bool(texts and beside) and len(texts) + len(beside) <= _MOST_CROSSED
        texts += [*beside, join(Parts(owner=owner, thing=_NAMED.thing, rest=shape.rest), shape)]
        parsed = [found for text in dict.fromkeys(texts) if (found := shape.form.fullmatch(text))]
        if len(parsed) > 1:
            del parsed[-1]  # nothing is named
        whole = [
            Parts(
                owner=filled(found["owner"], owner),
                thing=filled(found["thing"], _NAMED.thing),
                rest=filled(found["rest"], shape.rest, "x"),
            )
            for found in parsed
        ]
        if is_crossed:  # a subject's owner with the thing that another key names
            whole += [replace(one, thing=other.thing) for one, other in itertools.permutations(whole, 2)]
        return tuple(dict.fromkeys(whole))

    def _stranger(self, subject: str) -> bool:
        """Whether a token with this subject and nothing of the named ones is admitted."""
        return self._asked.admits_subject(subject, self._provider.strangers)

    def _neighbour(self, parts: Parts) -> bool:
        shape = self._provider.shape
        return shape is not None and self._asked.admits_subject(join(parts, shape), self._provider.things)


def _is_possible(subject: str, shape: Shape) -> bool:
    """Whether a provider would issue it: no name holds what parts names, and owner and thing have ids together."""
    parts = split(subject, shape)
    return parts is not None and parts.owner.count("@") == parts.thing.count("@")


def _with_id(thing: str) -> str:
    return thing if "@" in thing else f"{thing}@{FRESH_ID}"


def _similar(name: str) -> tuple[str, ...]:
    """Names that a careless pattern matches too."""
    if name in (_NAMED.owner, _NAMED.thing):
        return ()
    base, at, number = name.partition("@")
    if at:
        return (f"{base}{FRESH}@{FRESH_ID}", *((f"{base}@{number}9",) if number else ()))
    return (f"{name}{FRESH}", f"{FRESH}{name}")
