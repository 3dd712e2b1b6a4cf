"""Calls through the table of operations, and answers that are read field by field.

A reader is written as if every call were answered and every field were there. What isn't leaves it as `NoAnswer`,
which `answered` turns into the observation that the reader returns. A field that the table does not list raises
KeyError: that is our own bug, and no answer's.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, ParamSpec, TypeVar

from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from pytest_substrate.adapters.aws.errors import unanswered
from pytest_substrate.model.aws.instant import Instant
from pytest_substrate.model.aws.operations import OPERATIONS
from pytest_substrate.model.observation import Missing, Unobserved

P = ParamSpec("P")
T = TypeVar("T")

PAGES: Final = 200
"""The most pages that are read of one list; a longer one is not observed."""


class NoAnswer(Exception):
    """The way out of a reader."""

    def __init__(self, observation: Missing | Unobserved) -> None:
        super().__init__(observation)
        self.observation = observation


def answered(read: Callable[P, T]) -> Callable[P, T | Missing | Unobserved]:
    """The reader whose missing answers are observations."""

    @functools.wraps(read)
    def reader(*args: P.args, **kwargs: P.kwargs) -> T | Missing | Unobserved:
        try:
            return read(*args, **kwargs)
        except NoAnswer as none:
            return none.observation

    return reader


class Answer:
    """A part of a service's answer. Access to a field that is absent or of another type is `malformed`."""

    def __init__(self, operation: str, data: Mapping[str, Any], path: str = "") -> None:
        self._operation = operation
        self._data = data
        self._path = path

    def text(self, name: str) -> str:
        """A text that must be there."""
        return self._must(name, self.text_or_none(name))

    def text_or_none(self, name: str) -> str | None:
        """A text, None where it is absent or empty."""
        return self._typed(name, str) or None

    def number(self, name: str) -> int:
        """A whole number that must be there."""
        return self._must(name, self._typed(name, int))

    def number_or_none(self, name: str) -> int | None:
        """A whole number, None where it is absent."""
        return self._typed(name, int)

    def data(self, name: str) -> bytes:
        """Bytes that must be there."""
        return self._must(name, self._typed(name, bytes))

    def flag(self, name: str) -> bool:
        """A flag; absent is false, as the services leave such members out."""
        return bool(self._typed(name, bool))

    def time(self, name: str) -> Instant | None:
        """A moment, None where it is absent."""
        time = self._typed(name, datetime)
        return None if time is None else Instant.of(time)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; absent is empty."""
        items = self._typed(f"{name}[]", list, key=name) or []
        if not all(isinstance(item, str) for item in items):
            raise self._malformed(name)
        return tuple(items)

    def parts(self, name: str) -> tuple[Answer, ...]:
        """A list of structures; absent is empty."""
        items = self._typed(f"{name}[]", list, key=name) or []
        if not all(isinstance(item, Mapping) for item in items):
            raise self._malformed(name)
        return tuple(Answer(self._operation, item, f"{self._path}{name}[].") for item in items)

    def part(self, name: str) -> Answer:
        """A structure; absent is empty, so that its own fields decide."""
        return Answer(self._operation, self._typed(name, dict) or {}, f"{self._path}{name}.")

    def mapping(self, name: str) -> Mapping[str, Any]:
        """A map with keys of the user's choice."""
        return self._typed(name, dict) or {}

    def document(self, name: str) -> Mapping[str, Any] | str:
        """A policy document, which the SDK decodes where it can."""
        found: Mapping[str, Any] | str = self._must(name, self._data.get(name))
        if not isinstance(found, (dict, str)):
            raise self._malformed(name)
        if isinstance(found, str):
            return self.text(name)
        return self.mapping(name)

    def page_token(self, name: str) -> str | None:
        """The token of the next page, None on the last; the table lists it on its own."""
        token = self._data.get(name) or None
        if token is not None and not isinstance(token, str):
            raise self._malformed(name)
        return token

    def _typed(self, name: str, kind: type[T], *, key: str | None = None) -> T | None:
        path = f"{self._path}{name}"
        listed = OPERATIONS[self._operation].reads
        if not any(read == path or read.startswith(f"{path}.") for read in listed):
            raise KeyError(f"{self._operation}: {path} is not in the table of operations")
        value = self._data.get(key or name)
        if value is None:
            return None
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self._malformed(name)
        return value

    def _must(self, name: str, value: T | None) -> T:
        if value is None:
            raise self._malformed(name)
        return value

    def _malformed(self, name: str) -> NoAnswer:
        return NoAnswer(
            Unobserved(
                reason="malformed",
                operation=self._operation,
                detail=f"the answer's {self._path}{name} is absent or not what the service's model says",
            )
        )


def ask(client: Any, operation: str, *, what: str, **request: object) -> Answer:
    """One call. `what` names what is asked for, in a proven absence."""
    unlisted = set(request) - {*OPERATIONS[operation].sends, OPERATIONS[operation].token}
    if unlisted:
        raise KeyError(f"{operation}: {', '.join(sorted(unlisted))} is not in the table of operations")
    call = getattr(client, xform_name(operation.partition(":")[2]), None)
    if call is None:
        raise NoAnswer(
            Unobserved(
                reason="not-implemented",
                operation=operation,
                detail="the installed botocore lacks the operation",
            )
        )
    try:
        return Answer(operation, call(**request))
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise NoAnswer(unanswered(error, operation, what=what)) from error


def ask_pages(client: Any, operation: str, *, what: str, **request: object) -> Iterator[Answer]:
    """Every page of a list, by its token; a token that comes again, or too many pages, is not observed."""
    token_name = OPERATIONS[operation].token
    if token_name is None:
        raise KeyError(f"{operation} has no pages")
    seen: set[str] = set()
    for _ in range(PAGES):
        page = ask(client, operation, what=what, **request)
        yield page
        token = page.page_token(token_name)
        if token is None:
            return
        if token in seen:
            break
        seen.add(token)
        request = {**request, token_name: token}
    raise NoAnswer(Unobserved(reason="malformed", operation=operation, detail="the list of pages does not end"))
