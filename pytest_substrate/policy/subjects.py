"""Subjects taken apart and put together, and the claims that go with one.

A token's claims agree with each other: who is in a repository's subject is in its `repository` too. So a subject that
somebody declared, or that an attacker would have, becomes a whole token here; what a subject does not tell (ids, the
actor, the workflow) stays open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_substrate.policy.claim_pairs import claims_of_pairs, pairs_of
from pytest_substrate.policy.claims import CallContext, call_context
from pytest_substrate.policy.context import Missing
from pytest_substrate.policy.providers import COMMON, SCHEME, Provider, Shape, provider_of

PULL_REQUEST_REF: Final = "refs/pull/7/merge"
_HYPHEN_ID: Final = r"([^/]+)-(\d{4,})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """A subject: an owner, what it owns, and the context that it runs in."""

    owner: str
    thing: str
    rest: str


def split(subject: str, shape: Shape | None) -> Parts | None:
    """The parts of a whole subject, or None where it has another form."""
    found = shape.form.fullmatch(subject) if shape else None
    if found is None or found["thing"] is None or found["rest"] is None:
        return None
    return Parts(owner=found["owner"], thing=found["thing"], rest=found["rest"])


def join(parts: Parts, shape: Shape) -> str:
    """The subject of its parts."""
    return shape.text.format(owner=parts.owner, thing=parts.thing, rest=parts.rest)


def others_than(thing: str, name: str) -> tuple[str, ...]:
    """Another thing of its kind: by another name; of `project:P:workspace:W` by one of each and of both."""
    words = thing.split(":")
    if len(words) < 2 or len(words) % 2:
        return (name,)
    named = range(1, len(words), 2)
    return tuple(
        ":".join(name if at in changed else word for at, word in enumerate(words))
        for changed in (*((one,) for one in named), tuple(named))
    )


def owner_of(url: str) -> str | None:
    """The owner that a provider's URL names: CircleCI has an issuer for each organization."""
    found = re.fullmatch(r"oidc\.circleci\.com/org/([^/]+)", url)
    return found[1] if found else None


def claims_of_subject(subject: str, issuer: str, audience: str) -> dict[str, Any]:
    """The payload of a token with this subject, as far as the subject tells it. `issuer` with or without https://."""
    url = issuer.removeprefix(SCHEME)
    provider = provider_of(url)
    claims: dict[str, Any] = {"iss": f"{SCHEME}{url}"}
    claims[provider.audience] = audience
    claims[provider.subject] = subject
    if "job_workflow_ref" in provider.keys and (pairs := pairs_of(subject)) is not None:
        return {**claims, **claims_of_pairs(pairs)}
    parts = split(subject, provider.shape)
    told = _TELL.get(provider.shape.text) if provider.shape else None
    return claims if parts is None or told is None else {**claims, **told(parts)}


def open_keys(claims: Mapping[str, Any], provider: Provider) -> frozenset[str]:
    """The condition keys that a token may have with any value, where only its subject is known."""
    keys = {**provider.keys, "email": "email", "amr": "amr"}
    found = {key for key, claim in keys.items() if claim not in claims and key != provider.audience}
    if "ref" in claims and "environment" not in claims:
        found.discard("environment")  # a job with an environment has it in its subject
    return frozenset(found)


def open_context(claims: Mapping[str, Any], *, url: str) -> CallContext:
    """The context of a token whose claims were made from its subject: what that doesn't tell is unknown."""
    keys = open_keys(claims, provider_of(url))
    return call_context(claims, url=url).with_keys({f"{url.lower()}:{key}": Missing.UNKNOWN for key in keys})


def unknown_context(*, url: str) -> CallContext:
    """The context of a token of which nothing is known but its provider."""
    keys = {*COMMON, *provider_of(url).keys, "aud", "oaud"}
    return call_context({}, url=url).with_keys({f"{url.lower()}:{key}": Missing.UNKNOWN for key in keys})


def _github(parts: Parts) -> dict[str, Any]:
    owner, _, owner_id = parts.owner.partition("@")
    name, _, thing_id = parts.thing.partition("@")
    kind, _, value = parts.rest.partition(":")
    value = value.partition(":")[0]
    claims: dict[str, Any] = {"repository": f"{owner}/{name}", "repository_owner": owner}
    if owner_id and thing_id:
        claims |= {"repository_owner_id": owner_id, "repository_id": thing_id}
    if kind == "ref":
        claims |= {"ref": value, "event_name": "push"}
    elif kind == "pull_request":
        claims |= {"ref": PULL_REQUEST_REF, "event_name": "pull_request"}
    elif kind == "environment":
        claims |= {"environment": value}
    return claims


def other_reading(claims: Mapping[str, Any]) -> dict[str, Any] | None:
    """The same claims where names that end in a hyphen and digits on both sides are names and ids, as an early form of
    GitHub's immutable subjects had them; None of other subjects. Which of the two it is, the subject doesn't tell.
    """
    whole = str(claims.get("repository"))
    found = re.fullmatch(rf"{_HYPHEN_ID}/{_HYPHEN_ID}", whole)
    if found is None or not str(claims.get("sub")).startswith(f"repo:{whole}:"):
        return None
    owner, owner_id, thing, thing_id = found.groups()
    told = {"repository_owner": owner, "repository_owner_id": owner_id, "repository_id": thing_id}
    return {**claims, "repository": f"{owner}/{thing}", **told}


def _gitlab(parts: Parts) -> dict[str, Any]:
    words = parts.rest.split(":")
    path = f"{parts.owner}/{parts.thing}"
    claims: dict[str, Any] = {"project_path": path, "namespace_path": path.rpartition("/")[0]}
    if len(words) == 4:
        claims |= {"ref_type": words[1], "ref": words[3]}
    return claims


def _buildkite(parts: Parts) -> dict[str, Any]:
    claims: dict[str, Any] = {"organization_slug": parts.owner, "pipeline_slug": parts.thing}
    if found := re.match(r"ref:refs/heads/([^:]+)", parts.rest):
        claims["build_branch"] = found[1]
    return claims


def _circleci(parts: Parts) -> dict[str, Any]:
    return {"oidc.circleci.com/project-id": parts.thing}


def _terraform(parts: Parts) -> dict[str, Any]:
    return {"terraform_organization_name": parts.owner}


_TELL: Final[Mapping[str, Callable[[Parts], dict[str, Any]]]] = {
    "repo:{owner}/{thing}:{rest}": _github,
    "project_path:{owner}/{thing}:{rest}": _gitlab,
    "organization:{owner}:pipeline:{thing}:{rest}": _buildkite,
    "org/{owner}/project/{thing}/{rest}": _circleci,
    "organization:{owner}:{thing}:{rest}": _terraform,
}
