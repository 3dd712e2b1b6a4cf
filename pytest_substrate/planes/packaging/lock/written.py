"""What the readers of lock files share: the document, and one line for what is wrong with it. No value is shown."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from pytest_substrate.model.errors import BadInput
from pytest_substrate.planes.packaging.lock.graph import MOST, Locked

AGAIN: Final = "lock again with the tool that wrote it"

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,200}[A-Za-z0-9])?")


class Written:
    """A lock file's TOML."""

    def __init__(self, data: bytes, *, name: str) -> None:
        self.name = name
        try:
            self.document: Mapping[str, Any] = tomllib.loads(data.decode())
        except UnicodeDecodeError:
            self.refuse("", "is not UTF-8")
        except (tomllib.TOMLDecodeError, RecursionError, ValueError):
            self.refuse("", "is not TOML")

    def refuse(self, place: str, what: str, mend: str = AGAIN) -> NoReturn:
        """BadInput about a place of the file."""
        raise BadInput(f"{self.name}: {place}" if place else self.name, what, mend)

    def packages(self, key: str) -> list[Mapping[str, Any]]:
        """The array of packages, which is not empty."""
        found = self.tables(self.document, key, "")
        if not found:
            self.refuse(key, "holds no package")
        if len(found) > MOST:
            self.refuse(key, f"holds more than {MOST} packages")
        return found

    def tables(self, holder: Mapping[str, Any], key: str, place: str) -> list[Mapping[str, Any]]:
        """An array of tables; none where the key is absent."""
        found = holder.get(key, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            self.refuse(f"{place}.{key}".lstrip("."), "is not an array of tables")
        return found

    def table(self, holder: Mapping[str, Any], key: str, place: str) -> Mapping[str, Any]:
        """A table; an empty one where the key is absent."""
        found = holder.get(key, {})
        if not isinstance(found, dict):
            self.refuse(f"{place}.{key}".lstrip("."), "is not a table")
        return found

    def text(self, holder: Mapping[str, Any], key: str, place: str) -> str | None:
        """A text, None where the key is absent."""
        found = holder.get(key)
        if found is not None and not isinstance(found, str):
            self.refuse(f"{place}.{key}".lstrip("."), "is not a text")
        return found

    def texts(self, holder: Mapping[str, Any], key: str, place: str) -> Sequence[str]:
        """An array of texts; none where the key is absent."""
        found = holder.get(key, [])
        if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
            self.refuse(f"{place}.{key}".lstrip("."), "is not an array of texts")
        return found

    def locked(self, table: Mapping[str, Any], place: str, **more: Any) -> Locked:
        """A package by its name and version."""
        name, version = self.text(table, "name", place), self.text(table, "version", place)
        if name is None or _NAME.fullmatch(name) is None:
            self.refuse(f"{place}.name", "is not the name of a distribution")
        if version is not None:
            try:
                Version(version)
            except InvalidVersion:
                self.refuse(f"{place}.version", "is not a version")
        return Locked(name=name, version=version, **more)

    def marker(self, text: str | None, place: str) -> str | None:
        """A marker's text."""
        if text is None:
            return None
        try:
            Marker(text)
            Requirement(f"x ; {text}")
        except (InvalidMarker, InvalidRequirement, RecursionError):
            self.refuse(place, "is not a marker")
        return text
