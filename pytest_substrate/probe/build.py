"""How the programs that travel are built: a probe's modules as one text, minified. Run it when one of them changed.

    python -m pytest_substrate.probe.build

Minified means: no docstrings, comments and annotations, short names for what the probe itself defines, no needless
white space. Nothing is compressed or encoded, and no statement is changed; `tests/unit/probe/test_bundle.py` holds the
text's behaviour against the modules'.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import io
import itertools
import json
import keyword
import re
import string
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from pytest_substrate.probe.bundle import (
    DATA_MODULES,
    DATA_PROGRAM_FILE,
    IMPORT_MODULES,
    IMPORT_PROGRAM_FILE,
    MODULES,
    PROGRAM_FILE,
    sources_digest,
)

_ENTRIES = frozenset({"run", "main"})
"""Names that stay, for whoever takes the text for a module."""
_COMPOUND = re.compile(r"(if|for|while|def|class|try|with|else|elif|except|finally)\b|@")


def build(modules: tuple[str, ...] = MODULES) -> str:
    """The program of these modules, of which the last one begins it; what that doesn't reach is left out."""
    bodies: list[ast.stmt] = []
    imports: dict[str, ast.stmt] = {}
    for name in modules:
        for statement in _lean(name).body:
            if isinstance(statement, ast.Import):
                imports.update({alias.name: ast.Import([alias]) for alias in statement.names})
            elif isinstance(statement, ast.ImportFrom):
                if not statement.level and statement.module != "typing":
                    imports.update({a.name: ast.ImportFrom(statement.module, [a], 0) for a in statement.names})
            elif ast.unparse(statement) == "ROUNDTRIP = ''":
                bodies.extend(ast.parse(f"ROUNDTRIP = {_compact(_short(_lean('roundtrip')))!r}").body)
            else:
                bodies.append(statement)
    bodies = _reached(bodies)
    used = {node.id for body in bodies for node in ast.walk(body) if isinstance(node, ast.Name)}
    imports = {name: statement for name, statement in imports.items() if name.partition(".")[0] in used}
    plain = [alias for statement in imports.values() if isinstance(statement, ast.Import) for alias in statement.names]
    rest = [statement for statement in imports.values() if isinstance(statement, ast.ImportFrom)]
    return _compact(_short(_hoisted([ast.Import(plain), *rest], bodies)))


def _reached(bodies: list[ast.stmt]) -> list[ast.stmt]:
    """The statements that the program's beginning (`if __name__ …`) needs, in their order.

    A definition is needed where its name is; another statement, such as a loop that fills a table, where one is that it
    names.
    """
    names = [{node.id for node in ast.walk(body) if isinstance(node, ast.Name)} for body in bodies]
    defined: set[str] = set()
    for body, inside in zip(bodies, names, strict=True):
        if isinstance(body, (ast.FunctionDef, ast.ClassDef)):
            inside.add(body.name)
            defined.add(body.name)
        elif isinstance(body, ast.Assign):
            defined |= {node.id for target in body.targets for node in ast.walk(target) if isinstance(node, ast.Name)}
    needed: set[str] = set()
    kept: set[int] = set()
    while True:
        new = {at for at, body in enumerate(bodies) if at not in kept and _is_needed(body, names[at], defined, needed)}
        if not new:
            return [bodies[at] for at in sorted(kept)]
        kept |= new
        needed |= {name for at in new for name in names[at]} & defined


def _is_needed(body: ast.stmt, names: set[str], defined: set[str], needed: set[str]) -> bool:
    if isinstance(body, ast.If):
        return True
    if isinstance(body, (ast.FunctionDef, ast.ClassDef)):
        return body.name in needed
    if isinstance(body, ast.Assign):
        return any(isinstance(node, ast.Name) and node.id in needed for part in body.targets for node in ast.walk(part))
    return bool(names & defined & needed)


def _hoisted(imports: list[ast.stmt], bodies: list[ast.stmt]) -> ast.Module:
    """Texts that occur again and again get a name each, defined once before everything else."""
    module = ast.Module([*imports, *bodies], [])
    times = Counter(
        node.value for node in ast.walk(module) if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    texts = [text for text, count in times.items() if count > 2 and (count - 1) * (len(text) + 2) > 3 * count + 9]
    names = {text: f"_text{index}" for index, text in enumerate(texts)}
    bodies = [_Hoister(names).visit(statement) for statement in bodies]
    targets = ast.Tuple([ast.Name(name, ast.Store()) for name in names.values()], ast.Store())
    values = ast.Tuple([ast.Constant(text) for text in texts], ast.Load())
    return ast.Module([*imports, ast.Assign([targets], values), *bodies], [])


class _Hoister(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        name = self.names.get(node.value) if isinstance(node.value, str) else None
        return ast.Name(name, ast.Load()) if name else node


def _lean(name: str) -> ast.Module:
    text = (Path(__file__).parent / f"{name}.py").read_text(encoding="utf-8")
    module = _Lean().visit(ast.parse(text))
    assert isinstance(module, ast.Module)  # noqa: S101  a transformer gives what it got
    return module


class _Lean(ast.NodeTransformer):
    """Drops what only a reader or a checker needs: docstrings, annotations, `from None`."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt | None:
        return None if node.module == "__future__" else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.stmt:
        node.returns = None
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.stmt:
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        return ast.copy_location(ast.Assign([node.target], node.value or ast.Constant(None)), node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        node.cause = None
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node


def _short(module: ast.Module) -> ast.Module:
    """Gives each name and each attribute that the program itself defines a short one, everywhere the same.

    No scopes are needed, as different names stay different. What a library could mean by the same name is left alone.
    """
    names, attributes, foreign = Counter[str](), Counter[str](), set(dir(builtins)) | set(keyword.kwlist)
    own_names: set[str] = set()
    own_attributes: set[str] = set()
    methods = _methods(module)
    for node in ast.walk(module):
        match node:
            case ast.Import(aliases) | ast.ImportFrom(_, aliases):
                foreign |= {alias.name.split(".")[0] for alias in aliases}
            case ast.FunctionDef(name) if node in methods:
                own_attributes.add(name)
                attributes[name] += 1
            case ast.FunctionDef(name) | ast.ClassDef(name):
                own_names.add(name)
                names[name] += 1
            case ast.arg(name):
                own_names.add(name)
                names[name] += 1
            case ast.ExceptHandler(_, str(name)):
                own_names.add(name)
                names[name] += 1
            case ast.Name(name, context):
                names[name] += 1
                if isinstance(context, ast.Store):
                    own_names.add(name)
            case ast.Attribute(_, name, context):
                attributes[name] += 1
                if isinstance(context, ast.Store):
                    own_attributes.add(name)
    own_names -= foreign | _ENTRIES
    own_attributes -= _foreign_attributes(module)
    free = _free(foreign | set(names) | _ENTRIES)
    renamed = {name: next(free) for name, _ in names.most_common() if name in own_names}
    free = _free(set(attributes))
    inner = {name: next(free) for name, _ in attributes.most_common() if name in own_attributes}
    return _Renamer(renamed, inner, methods).visited(module)


def _methods(module: ast.Module) -> set[ast.AST]:
    return {part for node in ast.walk(module) if isinstance(node, ast.ClassDef) for part in node.body}


def _free(taken: set[str]) -> Iterator[str]:
    letters = string.ascii_letters + "_"
    pairs = map("".join, itertools.product(letters, letters + string.digits))
    return (name for name in itertools.chain(letters, pairs) if name not in taken)


def _foreign_attributes(module: ast.Module) -> set[str]:
    """Every attribute of the libraries that the program imports, of their classes, and of the built-in types."""
    found: set[str] = {"kafka"}
    homes: list[object] = [builtins]
    for node in ast.walk(module):
        match node:
            case ast.Import(aliases):
                homes += [importlib.import_module(alias.name) for alias in aliases if alias.name != "kafka"]
            case ast.ImportFrom(str(name)):
                homes.append(importlib.import_module(name))
    for home in homes:
        found |= set(dir(home))
        for value in vars(home).values():
            if isinstance(value, type):
                found |= set(dir(value))
    return found


class _Renamer(ast.NodeTransformer):
    def __init__(self, names: dict[str, str], attributes: dict[str, str], methods: set[ast.AST]) -> None:
        self.names, self.attributes, self.methods = names, attributes, methods
        self.ours = {*names.values(), *attributes.values()}

    def visited(self, module: ast.Module) -> ast.Module:
        self.visit(module)
        return module

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        match node:
            case ast.FunctionDef(name) if node in self.methods:
                node.name = self.attributes.get(name, name)
            case ast.FunctionDef(name) | ast.ClassDef(name) | ast.ExceptHandler(_, str(name)):
                node.name = self.names.get(name, name)
            case ast.arg(name):
                node.arg = self.names.get(name, name)
            case ast.Name(name):
                node.id = self.names.get(name, name)
            case ast.Attribute(_, name):
                node.attr = self.attributes.get(name, name)
            case ast.Call(ast.Name(name), keywords=keywords) | ast.Call(ast.Attribute(_, name), keywords=keywords):
                if name in self.ours:  # the function has its new name already
                    for argument in keywords:
                        argument.arg = argument.arg and self.names.get(argument.arg, argument.arg)
        return node


def _compact(module: ast.Module) -> str:
    """The text with one space a level, no others but between words, and simple statements side by side."""
    lines: list[tuple[int, str]] = []
    for line in ast.unparse(ast.fix_missing_locations(module)).splitlines():
        text = line.lstrip(" ")
        if text:
            lines.append(((len(line) - len(text)) // 4, _tight(text)))
    joined: list[tuple[int, str]] = []
    for level, text in lines:
        before = joined[-1] if joined else (-1, "")
        if before[0] == level and not _opens(text) and not _opens(before[1]):
            joined[-1] = (level, f"{before[1]};{text}")
        else:
            joined.append((level, text))
    done: list[str] = []
    for index, (level, text) in enumerate(joined):
        above = joined[index - 1] if index else (0, "")
        below = joined[index + 1][0] if index + 1 < len(joined) else 0
        alone = above[0] == level - 1 and above[1].endswith(":") and below < level and not _opens(text)
        if alone:
            done[-1] += text
        else:
            done.append(" " * level + text)
    return "\n".join(done) + "\n"


def _opens(text: str) -> bool:
    """Whether a line begins a compound statement."""
    return _COMPOUND.match(text) is not None


def _tight(line: str) -> str:
    out = ""
    for token in tokenize.generate_tokens(io.StringIO(line).readline):
        text = token.string.strip() if token.type in (tokenize.NEWLINE, tokenize.NL) else token.string
        if out and text and _wordy(out[-1]) and _wordy(text[0]):
            out += " "
        out += text
    return out


def _wordy(character: str) -> bool:
    return character.isalnum() or character == "_"


if __name__ == "__main__":
    for file, modules, more in (
        (PROGRAM_FILE, MODULES, ("roundtrip",)),
        (DATA_PROGRAM_FILE, DATA_MODULES, ()),
        (IMPORT_PROGRAM_FILE, IMPORT_MODULES, ()),
    ):
        held = {"sources": sources_digest((*modules, *more)), "text": build(modules)}
        file.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")
