"""A secret value inside the package: nothing that prints, copies, compares or stores it shows it."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any, Final, NoReturn, final

MASK: Final = "***"


@final
class Secret(str):
    """Text that is shown to nobody by accident. As a `str` it is the mask: `json.dumps`, `join`, slices and whatever
    else reads a text's characters get those. So does a client that is given it in the place of `reveal()`.

    `repr`, `str`, `format` and pickles are masked (a pickle loses the value), copies are the same object, and equality
    tells nothing by its timing and is false for anything but another Secret. It has no hash, so that none is printed.
    `reveal()` gives the text; `known` hears of the value before anyone else does, so that outputs can be scrubbed.
    """

    __slots__ = ("__known", "__value")
    __value: str | None
    __known: Callable[[str], None] | None

    def __new__(cls, value: str, *, known: Callable[[str], None] | None = None) -> Secret:
        """A secret with this value, of which `known` hears at once."""
        if known is not None:
            known(value)
        return cls._made(value, known)

    @classmethod
    def _made(cls, value: str | None, known: Callable[[str], None] | None) -> Secret:
        secret = str.__new__(cls, MASK)
        secret.__value = value
        secret.__known = known
        return secret

    def reveal(self) -> str:
        """The text itself. ValueError for what came out of a pickle."""
        if self.__value is None:
            raise ValueError("this secret came out of a pickle, which never holds the value")
        if self.__known is not None:
            self.__known(self.__value)
        return self.__value

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret) or self.__value is None or other.__value is None:
            return self is other
        return hmac.compare_digest(self.__value.encode(), other.__value.encode())

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]  # a hash of a secret is never made

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> tuple[Callable[[], Secret], tuple[()]]:
        return _masked, ()

    def __getstate__(self) -> object:
        return None

    def __iter__(self) -> NoReturn:
        raise TypeError("a Secret has no parts; reveal() gives its text")


def _masked() -> Secret:
    return Secret._made(None, None)
