"""The attack corpus: tokens that a trust policy must refuse, made from the subjects that it is declared to admit.

Each is a token that the provider would sign for somebody else, or for something else of the same owner: the signature
is good, so only the trust policy stands against it. Claims agree with the subject; ids that the subject leaves open are
a stranger's own, all else that it leaves open (the actor, the workflow) is not in the claims: see `admitting`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from pytest_substrate.policy.claim_pairs import OWNER, THING, Pairs, pairs_of, written
from pytest_substrate.policy.providers import SCHEME, Provider, Shape, provider_of
from pytest_substrate.policy.subjects import Parts, claims_of_subject, join, others_than, owner_of, split

_OTHER: Final = "substrate-other"
_OTHER_ID: Final = "900000000001"
_ELSEWHERE: Final = "issuer.substrate.invalid"
_OTHER_AUDIENCE: Final = "https://audience.substrate.invalid"
_OF_STRANGERS: Final = ("fork", "similar-owner", "other-owner", "any-subject")
_OF_THE_OWNER: Final = ("other-thing", "similar-thing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """A token to be refused: its kind and the subject that it was made from as a name, its claims, and why."""

    name: str
    claims: Mapping[str, Any]
    why: str


def attacks(admit: Sequence[str], *, issuer: str, audience: str) -> tuple[Attack, ...]:
    """The corpus for the admitted subjects, each token once. None of its tokens is one that an admitted subject has.

    `issuer` with or without https://. What is itself declared (a tag, a second branch) is no attack.
    """
    url = issuer.removeprefix(SCHEME)
    provider = provider_of(url)
    found: dict[tuple[str, ...], Attack] = {}
    for subject in dict.fromkeys(admit):
        for kind, other, why in _subjects(subject, url, provider):
            if other not in admit:
                claims = _strangers(claims_of_subject(other, url, audience), kind, provider)
                name = kind.replace("thing", provider.shape.noun.replace(" ", "-")) if provider.shape else kind
                found.setdefault(("", other), Attack(name=f"{name} of {subject}", claims=claims, why=why))
        own = claims_of_subject(subject, url, audience)
        for kind, claims, why in (*_claims(own, provider, url), *_reused(subject, url, audience)):
            key = (kind, *sorted(f"{name}={value}" for name, value in claims.items()))
            found.setdefault(key, Attack(name=f"{kind} of {subject}", claims=claims, why=why))
    return tuple(found.values())


def _claims(own: Mapping[str, Any], provider: Provider, url: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Tokens with the admitted subject, and something else wrong."""
    subject, audience = provider.subject, provider.audience
    yield "wrong-audience", {**own, audience: _OTHER_AUDIENCE}, "a token made for another service is not for AWS"
    yield "other-issuer", {**own, "iss": f"{SCHEME}{_ELSEWHERE}"}, "another issuer may write any subject"
    look_alike = f"{SCHEME}{url.partition('/')[0]}.{_ELSEWHERE}"
    yield "similar-issuer", {**own, "iss": look_alike}, "the issuer's name is only the beginning of this one"
    yield "no-subject", _without(own, subject), "a token that says nobody is nobody's"
    yield "no-audience", _without(own, audience), "a token for nobody in particular is not for AWS"
    yield "no-claims", {"iss": own["iss"]}, "a condition that holds of absent claims admits it"


def _reused(subject: str, url: str, audience: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Somebody else's repository that calls a workflow of the admitted one."""
    provider = provider_of(url)
    if "job_workflow_ref" not in provider.keys:
        return
    if (pairs := pairs_of(subject)) is not None:
        if not {key for key, _ in pairs} & (OWNER | THING):
            why = "any organization may choose the same claims for its subjects, and names no owner in them"
            own = claims_of_subject(subject, url, audience)
            yield "same-claims", _strangers(own, "other-owner", provider), why
        return
    parts, shape = split(subject, provider.shape), provider.shape
    if parts is None or shape is None:
        return
    stranger = replace(parts, owner=_named(parts.owner), thing=_named(parts.thing))
    claims = _strangers(claims_of_subject(join(stranger, shape), url, audience), "other-owner", provider)
    own = claims_of_subject(subject, url, audience)
    workflow = f"{own['repository']}/.github/workflows/release.yml@{own.get('ref', 'refs/heads/main')}"
    why = "anybody may call a public workflow; the token then names it beside the caller's repository"
    yield "reusable-workflow", {**claims, "job_workflow_ref": workflow}, why


def _without(claims: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {claim: value for claim, value in claims.items() if claim != name}


def _subjects(subject: str, url: str, provider: Provider) -> Iterator[tuple[str, str, str]]:
    """Kind, subject and reason of the tokens that somebody else, or something else of the owner, would have."""
    if "job_workflow_ref" in provider.keys and (pairs := pairs_of(subject)) is not None:
        yield from _customised(pairs)
        return
    shape, parts = provider.shape, split(subject, provider.shape)
    if shape is not None and parts is not None:
        for kind, other, why in _parts(parts, shape, is_one_owner=owner_of(url) is not None):
            yield kind, join(other, shape), why
    if subject.swapcase() != subject:
        yield "letter-case", subject.swapcase(), "subjects differ by letter case"
    yield "similar-prefix", f"{_OTHER}{subject}", "a pattern that begins with a wildcard takes it"
    yield "similar-suffix", f"{subject}-{_OTHER}", "a pattern that ends in a wildcard takes it"
    if shape is not None and parts is not None:
        for kind, rest in _contexts(parts.rest, shape):
            why = f"something of a similar name that runs in the same {shape.noun}"
            yield kind, join(replace(parts, rest=rest), shape), why
    yield "any-subject", _OTHER, "any subject of the issuer would do"


def _customised(pairs: Pairs) -> Iterator[tuple[str, str, str]]:
    """The same of a subject that is made of claims."""
    subject = written(pairs, {})
    repository = dict(pairs).get("repo") or dict(pairs).get("repository") or f"{_OTHER}/{_OTHER}"
    owner, _, thing = repository.partition("/")
    owner = dict(pairs).get("repository_owner", owner)
    names: dict[str, str] = {key: _OTHER_ID if key.endswith("_id") else _OTHER for key in OWNER | THING}
    strangers = {**names, "repo": f"{_OTHER}/{thing}", "repository": f"{_OTHER}/{thing}"}
    yield "fork", written(pairs, strangers), "a repository of the same name in somebody else's hands"
    for other in _similar(owner):
        changed = {key: f"{other}/{thing}" if key in ("repo", "repository") else other for key in (*OWNER, *THING)}
        yield "similar-owner", written(pairs, changed), "anybody may register a similar name"
    own = {key: f"{owner}/{_OTHER}" if key in ("repo", "repository") else _OTHER_ID for key in THING}
    yield "other-thing", written(pairs, own), "another repository of the owner"
    for key, value in pairs:
        if key in _EVENTS:
            for other in _EVENTS[key]:
                yield f"other-{key.replace('_', '-')}", written(pairs, {key: other}), "something else that runs there"
        elif key not in OWNER | THING:
            yield f"other-{key.replace('_', '-')}", written(pairs, {key: f"{value}-{_OTHER}"}), "a claim that differs"
    yield (
        "letter-case",
        written(pairs, {key: value.swapcase() for key, value in pairs}),
        "subjects differ by letter case",
    )
    yield "similar-prefix", f"{_OTHER}{subject}", "a pattern that begins with a wildcard takes it"
    yield "similar-suffix", f"{subject}-{_OTHER}", "a pattern that ends in a wildcard takes it"
    yield "any-subject", _OTHER, "any subject of the issuer would do"


_EVENTS: Final = {
    "ref": (f"refs/heads/{_OTHER}", f"refs/tags/{_OTHER}", "refs/pull/7/merge"),
    "environment": (_OTHER,),
    "event_name": ("pull_request", "pull_request_target"),
    "context": (f"environment:{_OTHER}", "pull_request"),
}


def _parts(parts: Parts, shape: Shape, *, is_one_owner: bool) -> Iterator[tuple[str, Parts, str]]:
    owner, thing, noun = parts.owner, parts.thing, shape.noun
    if not is_one_owner:  # elsewhere the issuer itself tells organizations apart
        yield "fork", replace(parts, owner=_named(owner)), f"a {noun} of the same name in somebody else's hands"
        for other in _similar(owner):
            yield "similar-owner", replace(parts, owner=other), "anybody may register a similar name"
        stranger = replace(parts, owner=_named(owner), thing=_others(thing)[-1])
        yield "other-owner", stranger, "a stranger of the same provider"
    for other in _others(thing):
        yield "other-thing", replace(parts, thing=other), f"another {noun} of the owner"
    for other in _similar(thing):
        yield "similar-thing", replace(parts, thing=other), f"a {noun} with a similar name"
    for kind, text in zip(shape.kinds, shape.others, strict=True):
        yield kind, replace(parts, rest=text.format(_OTHER)), f"something else that runs in the same {noun}"


def _contexts(rest: str, shape: Shape) -> Iterator[tuple[str, str]]:
    """Contexts that a careless pattern takes for this one: other kinds of the same name, this kind of similar ones."""
    for text in shape.others:
        head, mark, _ = text.partition("{0}")
        if not mark or not rest.startswith(head):
            continue
        name, colon, tail = rest.removeprefix(head).partition(":")
        for kind, other in zip(shape.kinds, shape.others, strict=True):
            if "{0}" in other and other != text:
                yield kind, other.format(name)
        for similar in (*_similar(name), f"{_OTHER}/{name}"):
            yield "similar-context", f"{head}{similar}{colon}{tail}"
        return


def _others(thing: str) -> tuple[str, ...]:
    """Other things of its kind, the last one in every part."""
    return (_named(thing),) if "@" in thing else others_than(thing, _OTHER)


def _named(name: str) -> str:
    """Another name in the form of this one: with an id where it has one."""
    return f"{_OTHER}@{_OTHER_ID}" if "@" in name else _OTHER


def _similar(name: str) -> tuple[str, ...]:
    """Names that a careless pattern takes for this one; with an id, also the same name registered anew."""
    base, at, number = name.partition("@")
    if at:
        return (f"{base}-{_OTHER}@{_OTHER_ID}", f"{base}@{number}9", f"{base}@{_OTHER_ID}")
    of_its_length = f"{name[:-1]}{'y' if name.endswith('x') else 'x'}"
    return tuple(dict.fromkeys((f"{name}-{_OTHER}", f"{_OTHER}-{name}", of_its_length, name.swapcase())))


def _strangers(claims: dict[str, Any], kind: str, provider: Provider) -> dict[str, Any]:
    """The claims, and ids of a stranger, or of another thing, where the subject leaves them open."""
    keys = provider.strangers if kind in _OF_STRANGERS else provider.things if kind in _OF_THE_OWNER else frozenset()
    return {**{provider.keys.get(key, key): _OTHER_ID for key in keys}, **claims}
