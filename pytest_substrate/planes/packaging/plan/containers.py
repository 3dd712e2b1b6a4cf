"""The part of container definitions that decides what runs and with which secrets. Pure; nothing of it is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_substrate.planes.packaging.plan.values import canonical, is_nothing

_NUMERIC: Final = frozenset({"cpu", "memory", "memoryreservation"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """An image, and everything that is injected: environment secrets, the log driver's, and the registry's."""

    image: str | None
    secrets: tuple[tuple[str, str], ...]


def containers(text: Any) -> dict[str, Container] | None:
    """The containers by name; None where the text is none of container definitions."""
    entries = _entries(text)
    if entries is None:
        return None
    found = {str(_get(entry, "name")): _container(entry) for entry in entries}
    return found if len(found) == len(entries) else None


def injected(text: Any) -> Iterator[str]:
    """Every `valueFrom` and `credentialsParameter`."""
    for container in (containers(text) or {}).values():
        for _, source in container.secrets:
            yield source


def wording(text: Any) -> str | None:
    """All texts that containers hold, in an order of their own: equal where only numbers, flags and order differ."""
    entries = _entries(text)
    if entries is None:
        return None
    return canonical(sorted((_words(entry) for entry in entries), key=canonical))


def _entries(text: Any) -> list[Mapping[str, Any]] | None:
    if is_nothing(text):
        return []
    try:
        document = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, list) or not all(isinstance(entry, Mapping) for entry in document):
        return None
    return document


def _container(entry: Mapping[str, Any]) -> Container:
    logging = _get(entry, "logConfiguration")
    registry = _get(entry, "repositoryCredentials")
    secrets = [
        *(("secret", *pair) for pair in _pairs(_get(entry, "secrets"))),
        *(("log", *pair) for pair in _pairs(_get(logging, "secretOptions"))),
    ]
    parameter = _get(registry, "credentialsParameter")
    if not is_nothing(parameter):
        secrets.append(("registry", "", str(parameter)))
    image = _get(entry, "image")
    return Container(
        image=None if is_nothing(image) else str(image),
        secrets=tuple(sorted((f"{kind}/{name}", source.rstrip(":")) for kind, name, source in secrets)),
    )


def _pairs(entries: Any) -> Iterator[tuple[str, str]]:
    for entry in entries if isinstance(entries, list) else []:
        yield str(_get(entry, "name")), str(_get(entry, "valueFrom"))


def _get(holder: Any, key: str) -> Any:
    """A key in any letter case, as ECS's own reader takes it."""
    if not isinstance(holder, Mapping):
        return None
    if key in holder:
        return holder[key]
    return next((value for name, value in holder.items() if name.lower() == key.lower()), None)


def _words(value: Any, key: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name.lower(): _words(item, name.lower()) for name, item in value.items() if not is_nothing(item)}
    if isinstance(value, list):
        items = [_words(item) for item in value]
        return items if key in ("command", "entrypoint") else sorted(items, key=canonical)
    return value if isinstance(value, str) and key not in _NUMERIC else None
