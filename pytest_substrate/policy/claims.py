"""The claims of a token, and the condition keys that STS makes of them.

`aud` holds the token's `azp` where it has one, `oaud` its `aud`. Values are text: numbers in their own spelling, a list
is several values. Expiry is not judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_substrate.model.errors import BadInput
from pytest_substrate.policy.context import Lookup, Missing
from pytest_substrate.policy.keys import why_missing
from pytest_substrate.policy.providers import COMMON, SCHEME, Provider, provider_of
from pytest_substrate.policy.strict import Number, load_object

_MEND: Final = "write the token's decoded payload: one JSON object of claims"
_ALWAYS: Final = frozenset(
    ("aws:currenttime", "aws:epochtime", "aws:securetransport", "aws:requestedregion", "sts:rolesessionname")
)
"""Keys that every such call has."""


def parse_claims(text: str | bytes, *, name: str) -> dict[str, Any]:
    """The claims in `text`, of the file `name`; BadInput (which quotes no value) where it is no decoded payload."""
    try:
        read = load_object(text, name=name)
    except BadInput as error:
        raise BadInput(error.where, error.what, _MEND) from None
    for claim in ("iss", "azp"):
        if claim in read and (not isinstance(read[claim], str) or isinstance(read[claim], Number) or not read[claim]):
            raise BadInput(f"{name}: {claim}", "is not a text", _MEND)
    if "sub" in read and not isinstance(read["sub"], str):
        raise BadInput(f"{name}: sub", "is neither a text nor a number", _MEND)
    audience = read.get("aud", "")
    every = audience if isinstance(audience, list) else [audience]
    if not all(isinstance(one, str) and not isinstance(one, Number) for one in every):
        raise BadInput(f"{name}: aud", "is neither a text nor a list of texts", _MEND)
    return read


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """The condition keys of one AssumeRoleWithWebIdentity: the provider's by the token, the call's own unknown."""

    url: str
    """The provider's, without scheme."""
    values: Mapping[str, tuple[str, ...]]
    """By the provider's key, after the colon, in lower case."""
    known: Mapping[str, Lookup]
    """Keys of the call that are taken as known, in lower case."""

    def lookup(self, key: str) -> Lookup:
        """As `Context.lookup`."""
        name = key.lower()
        if name in self.known:
            return self.known[name]
        own = f"{self.url.lower()}:"
        if name.startswith(own):
            return self._own(name.removeprefix(own))
        if name.startswith(("aws:", "sts:")):
            return Missing.UNKNOWN_VALUE if name in _ALWAYS else Missing.UNKNOWN
        return why_missing(name) if other_provider(key) is None else Missing.ABSENT

    def with_keys(self, keys: Mapping[str, Lookup]) -> CallContext:
        """The same with `keys` (in lower case) taken as known."""
        return CallContext(url=self.url, values=self.values, known={**self.known, **keys})

    def _own(self, key: str) -> Lookup:
        provider = provider_of(self.url)
        if key in provider.keys and not provider.is_certain:
            return Missing.UNKNOWN
        return self.values.get(key, Missing.ABSENT)


def other_provider(key: str) -> str | None:
    """The provider's URL that a condition key begins with, as written; None for a key of an AWS service."""
    prefix = key.rpartition(":")[0]
    if key.lower().startswith(("aws:", "sts:")) or not ("." in prefix or "/" in prefix or prefix.lower() == "saml"):
        return None
    return prefix


def call_context(claims: Mapping[str, Any], *, url: str) -> CallContext:
    """The context of a call with a token of the provider `url` (without scheme)."""
    provider = provider_of(url)
    odd = [key for key, claim in {**COMMON, **provider.keys}.items() if _is_odd(claims.get(claim))]
    known: dict[str, Lookup] = {f"{url.lower()}:{key}": Missing.UNKNOWN for key in odd}
    return CallContext(url=url, values=key_values(claims, provider), known=known)


def _is_odd(value: Any) -> bool:
    """Whether it is no value and no list of values: nobody says what STS makes of an object."""
    parts = value if isinstance(value, list | tuple) else [value]
    return any(isinstance(part, Mapping | list | tuple) for part in parts)


def key_values(claims: Mapping[str, Any], provider: Provider) -> dict[str, tuple[str, ...]]:
    """What STS makes of the claims: values by key, for the keys that it has of this provider."""
    read = {key: _texts(claims.get(claim)) for key, claim in {**COMMON, **provider.keys}.items()}
    if provider.audience == "aud":
        read["oaud"] = _texts(claims.get("aud"))
        read["aud"] = _texts(claims.get("azp")) or read["oaud"]
    return {key: values for key, values in read.items() if values}


def issuer_url(claims: Mapping[str, Any]) -> str | None:
    """The provider that `iss` names, without scheme."""
    issuer = claims.get("iss")
    return issuer.removeprefix(SCHEME) if isinstance(issuer, str) else None


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("true" if value else "false",)
    if isinstance(value, str):  # numbers were read as the text that they were written in
        return (str(value),)
    if isinstance(value, int | float):
        return (str(value),)
    if isinstance(value, list | tuple):
        return tuple(text for one in value for text in _texts(one) if not isinstance(one, list | tuple))
    return ()
