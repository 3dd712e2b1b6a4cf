"""Addresses and references as Terraform writes them: `module.a["x"].aws_ecs_service.b[0].arn`. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_substrate.planes.packaging.plan.change import Key, Step

_PART: Final = re.compile(r"""\.?([^\W\d][\w-]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]|(\[\*\])""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A name, with the index behind it; `indexed` where there is one."""

    name: str
    key: Key = None
    indexed: bool = False


def parts_of(text: str) -> tuple[Part, ...]:
    """The names of an address or a reference with their indexes; what comes after something else is left out."""
    return tuple(_parts(text))


def modules_of(address: str | None) -> tuple[Step, ...]:
    """The steps of a module's address: `module.a["x"].module.b` is a["x"], then b."""
    parts = parts_of(address or "")
    return tuple(
        (part.name, part.key) for word, part in zip(parts[::2], parts[1::2], strict=False) if word.name == "module"
    )


def _parts(text: str) -> Iterator[Part]:
    at, held = 0, None
    while found := _PART.match(text, at):
        at = found.end()
        if found[1] is not None:
            if held is not None:
                yield held
            held = Part(name=found[1])
        elif held is not None:
            held = Part(name=held.name, key=_key(found[2], found[3]), indexed=True)
    if held is not None:
        yield held


def _key(number: str | None, quoted: str | None) -> Key:
    if number is not None:
        return int(number) if len(number) < 20 else number  # longer ones are no index
    if quoted is None:
        return None
    try:
        return str(json.loads(quoted))
    except ValueError:  # HCL's own escapes, such as $${
        return quoted[1:-1]
