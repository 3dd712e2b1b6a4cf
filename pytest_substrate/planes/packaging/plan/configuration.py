"""Which resources an expression of the configuration refers to, through modules' variables and outputs. Pure.

The configuration in a plan names references, not their sense: locals are named and not defined, an index that is
computed is a reference of its own. So a resolution says what it found, and whether something stayed untold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from pytest_substrate.planes.packaging.plan.address import Part, parts_of
from pytest_substrate.planes.packaging.plan.change import Resource


@dataclass(frozen=True, slots=True)
class Anything:
    """Stands for an index that the configuration computes: any instance."""


ANY: Final = Anything()
Index: TypeAlias = str | int | Anything | None
Scope: TypeAlias = tuple[tuple[str, Index], ...]

_LONGEST: Final = 60
"""The most variables and outputs that one reference is followed through."""

_KNOWN: Final = frozenset({"path", "terraform", "self", "count", "ephemeral"})
"""Heads of references that lead to no resource of the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A resource of the configuration that is referred to: all its instances, or those with the given indexes."""

    mode: str
    type: str
    name: str
    scope: Scope
    key: Index = ANY

    def admits(self, resource: Resource) -> bool:
        """Whether a resource is one of the instances."""
        same_kind = (self.mode, self.type, self.name) == (resource.mode, resource.type, resource.name)
        if not same_kind or len(self.scope) != len(resource.modules):
            return False
        steps = zip(self.scope, resource.modules, strict=True)
        return _fits(self.key, resource.key) and all(
            name == other and _fits(key, there) for (name, key), (other, there) in steps
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What an expression refers to. `untold` where a part of it can't be followed; `keyed` where it uses the index
    of the instance that it stands in."""

    targets: frozenset[Target] = frozenset()
    untold: bool = False
    keyed: bool = False


@dataclass(slots=True)
class _Walk:
    targets: set[Target] = field(default_factory=set)
    untold: bool = False
    seen: set[tuple[Any, ...]] = field(default_factory=set)
    depth: int = 0


class Configuration:
    """The tree of a plan's configuration. What is malformed in it leads nowhere, and is untold."""

    def __init__(self, tree: Mapping[str, Any]) -> None:
        self._root = _object(tree.get("root_module"))
        self._indexes: dict[tuple[str, ...], dict[tuple[str, ...], Mapping[str, Any]]] = {}

    def resolve(self, resource: Resource, attribute: str) -> Resolution:
        """What a resource's attribute refers to, as the configuration has it."""
        entry = self._entry(resource.modules, resource.mode, resource.type, resource.name)
        if entry is None:
            return Resolution(untold=True)
        expression = _object(entry.get("expressions")).get(attribute)
        if expression is None:
            return Resolution(untold=True)
        walk = _Walk()
        self._follow(walk, resource.modules, expression, each=entry.get("for_each_expression"))
        heads = {parts[0].name + "." + parts[1].name for parts in _references(expression) if len(parts) > 1}
        keyed = bool(heads & {"each.key", "count.index"}) and "each.value" not in heads
        return Resolution(targets=frozenset(walk.targets), untold=walk.untold, keyed=keyed)

    def uses(self, resource: Resource) -> frozenset[Target]:
        """Everything that a resource's configuration refers to."""
        entry = self._entry(resource.modules, resource.mode, resource.type, resource.name)
        if entry is None:
            return frozenset()
        walk = _Walk()
        for part in ("expressions", "for_each_expression", "count_expression"):
            self._follow(walk, resource.modules, entry.get(part), each=entry.get("for_each_expression"))
        return frozenset(walk.targets)

    def _module(self, scope: Scope) -> Mapping[str, Any] | None:
        module = self._root
        for name, _ in scope:
            call = self._call(module, name)
            if call is None:
                return None
            module = _object(call.get("module"))
        return module

    @staticmethod
    def _call(module: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
        call = _object(module.get("module_calls")).get(name)
        return call if isinstance(call, Mapping) else None

    def _entry(self, scope: Scope, mode: str, type_: str, name: str) -> Mapping[str, Any] | None:
        path = tuple(step for step, _ in scope)
        if path not in self._indexes:
            entries = [_object(entry) for entry in _list((self._module(scope) or {}).get("resources"))]
            self._indexes[path] = {
                tuple(str(entry.get(part, "managed")) for part in ("mode", "type", "name")): entry for entry in entries
            }
        return self._indexes[path].get((mode, type_, name))

    def _follow(self, walk: _Walk, scope: Scope, expression: Any, *, each: Any) -> None:
        walk.depth += 1
        if walk.depth > _LONGEST:
            walk.untold = True
        else:
            for parts in _references(expression):
                step = (scope, parts, id(each))
                if step not in walk.seen:
                    walk.seen.add(step)
                    self._reference(walk, scope, parts, each)
        walk.depth -= 1

    def _reference(self, walk: _Walk, scope: Scope, parts: tuple[Part, ...], each: Any) -> None:
        head, rest = parts[0].name, parts[1:]
        if head in _KNOWN or (head == "each" and rest and rest[0].name == "key"):
            return
        if head == "each":
            self._follow(walk, scope, each, each=None)
        elif head == "var":
            self._variable(walk, scope, rest)
        elif head == "module":
            self._output(walk, scope, rest)
        elif head == "data" and len(rest) > 1:
            self._found(walk, scope, "data", rest)
        elif head == "resource" and len(rest) > 1:
            self._found(walk, scope, "managed", rest)
        elif head not in ("local", "data", "resource") and rest:
            self._found(walk, scope, "managed", parts)
        else:
            walk.untold = True

    def _found(self, walk: _Walk, scope: Scope, mode: str, parts: tuple[Part, ...]) -> None:
        key: Index = parts[1].key if parts[1].indexed and parts[1].key is not None else ANY
        walk.targets.add(Target(mode=mode, type=parts[0].name, name=parts[1].name, scope=scope, key=key))

    def _variable(self, walk: _Walk, scope: Scope, rest: tuple[Part, ...]) -> None:
        """A module's variable is what its caller gives; one of the root, and one that isn't given, is known."""
        if not scope or not rest:
            return
        call = self._call(self._module(scope[:-1]) or {}, scope[-1][0])
        if call is None:
            walk.untold = True
            return
        given = _object(call.get("expressions")).get(rest[0].name)
        self._follow(walk, scope[:-1], given, each=call.get("for_each_expression"))

    def _output(self, walk: _Walk, scope: Scope, rest: tuple[Part, ...]) -> None:
        """A module's output, or, where an index is computed and none is named, any of its outputs."""
        if not rest:
            walk.untold = True
            return
        key: Index = rest[0].key if rest[0].indexed and rest[0].key is not None else ANY
        inside: Scope = (*scope, (rest[0].name, key))
        outputs = _object(_object(self._module(inside)).get("outputs"))
        names = [rest[1].name] if len(rest) > 1 else list(outputs)
        for name in names:
            output = _object(outputs.get(name))
            if not output:
                walk.untold = True
            self._follow(walk, inside, output.get("expression"), each=None)


def _references(expression: Any) -> Iterator[tuple[Part, ...]]:
    """Every reference in an expression or a block, each in its longest form."""
    for text in _texts(expression):
        parts = parts_of(text)
        if parts:
            yield parts


def _texts(expression: Any) -> Iterator[str]:
    if isinstance(expression, list):
        for item in expression:
            yield from _texts(item)
    elif isinstance(expression, Mapping):
        references = expression.get("references")
        if isinstance(references, list):
            longest = ""
            for text in references:
                if isinstance(text, str) and not _shortens(text, longest):
                    longest = text
                    yield text
        for key, item in expression.items():
            if key not in ("references", "constant_value"):
                yield from _texts(item)


def _shortens(text: str, longer: str) -> bool:
    """Whether a reference is one of the shorter forms that are written behind the whole one."""
    return longer.startswith(text) and longer[len(text) : len(text) + 1] in ("", ".", "[")


def _fits(wanted: Index, key: str | int | None) -> bool:
    return isinstance(wanted, Anything) or wanted == key


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
