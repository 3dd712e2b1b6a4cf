"""From the text of a declaration to the declaration, or to every problem that it has, in one pass.

(1) `tomllib` reads the text; a syntax error is the only problem then, as nothing after it can be trusted.
(2) The models check every value; the rules check the document as a whole. Neither stops at the first problem.
(3) Where a check set is given, each waiver and each `not_applicable` must name a pair that it holds. What is malformed
    elsewhere is left out for this, and pairs about it are not judged: their own problem is told already.
(4) Problems get their lines. Values are in none of them: a value in the wrong place could be a secret.
"""

from __future__ import annotations

import ast
import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from pydantic import ValidationError

from pytest_substrate.model.check import Pair
from pytest_substrate.model.declaration import rules_form, rules_sense
from pytest_substrate.model.declaration.document import Declaration
from pytest_substrate.model.declaration.lines import Path, declared_twice, line_of, places_of
from pytest_substrate.model.declaration.mends import finding_of
from pytest_substrate.model.declaration.problems import DeclarationErrors, Finding, Problem, key_text
from pytest_substrate.model.declaration.raw import ANY, Document, each, tables, texts

CheckSet: TypeAlias = Callable[[Declaration], Collection[Pair]]
"""All pairs that a declaration holds before `not_applicable`, whatever a run demands of them."""

_AT: Final = re.compile(r"\(at line (\d+), column (\d+)\)")
_KEYS: Final = re.compile(r"\((?:'[^'\\]*',? ?)+\)")
"""A key as `tomllib` shows it: a tuple's repr."""

NAMED: Final = ("cluster", "artifact", "service", "job", "grant")
"""The sections whose tables have names."""


def parse_declaration(
    text: str, *, name: str, check_set: CheckSet | None = None, checks: Collection[str] = ()
) -> Declaration:
    """The declaration, or DeclarationErrors with every problem. `name` is the file as a person knows it.

    Without `check_set`, whether waivers name pairs that exist is left open; `checks` are the ids of all checks that
    there are, whatever this declaration holds (`gate.declared` gives both).
    """
    text = text.removeprefix("\ufeff")
    document = toml_document(text, name=name)
    declaration, findings = _validated(document)
    for rule in (*rules_form.RULES, *rules_sense.RULES):
        findings.extend(rule(document))
    findings = _without_echoes(findings)
    if check_set is not None:
        findings.extend(_foreign_pairs(document, findings, check_set, checks))
    if findings or declaration is None:
        places = places_of(text)
        raise DeclarationErrors(_placed(finding, places, name) for finding in findings)
    return declaration


def toml_document(text: str, *, name: str) -> dict[str, Any]:
    """What `tomllib` reads, or DeclarationErrors with the place and, for what is declared twice, with both places."""
    try:
        return tomllib.loads(text)
    except ValueError as error:  # a number of too many digits is a ValueError, and no TOMLDecodeError
        said = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "a value can't be read"
        problem = _repetition(text, said, name=name) or _syntax(text, said, name=name)
    except RecursionError:
        told, mend = "is nested too deeply", "write it as the documentation shows"
        problem = Problem(file=name, line=1, key="", problem=told, mend=mend)
    raise DeclarationErrors([problem]) from None


def _syntax(text: str, said: str, *, name: str) -> Problem:
    at = _AT.search(said)
    line = int(at[1]) if at else text.count("\n") + 1
    column = f", column {at[2]}" if at else ", at the end of the file"
    what = _KEYS.sub(lambda found: key_text(ast.literal_eval(found[0])), said.partition(" (at ")[0])
    return Problem(
        file=name, line=line, key="", problem=f"is not TOML{column}: {what[:120]}", mend="correct the syntax"
    )


def _repetition(text: str, said: str, *, name: str) -> Problem | None:
    """What is declared a second time, in our own words; `tomllib` names neither the key nor the first place."""
    if not said.startswith(("Cannot declare", "Cannot overwrite", "Duplicate")):
        return None
    at = _AT.search(said)
    document = text.replace("\r\n", "\n")
    lines = document.split("\n")
    line = int(at[1]) if at else len(lines)
    end = sum(len(each) + 1 for each in lines[: line - 1]) + int(at[2]) if at else len(document)
    found = declared_twice(document[:end])
    if found is None:
        return None
    path, first, is_header = found
    return Problem(
        file=name,
        line=line,
        key=key_text(path),
        problem=f"is declared a second time, first in line {first}",
        mend="put both into one table, or give this one a name of its own" if is_header else "keep one of the two",
    )


def _validated(document: Document) -> tuple[Declaration | None, list[Finding]]:
    try:
        return Declaration.model_validate(document), []
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
    findings = [
        finding_of(detail)
        for detail in details
        # a list whose items were refused is reported as too short as well
        if not (detail["type"] == "too_short" and any(value for _, value in each(document, *map(str, detail["loc"]))))
    ]
    return None, findings


def _without_echoes(findings: Iterable[Finding]) -> list[Finding]:
    """One finding a path: the models' own comes first, and a rule's about the same key adds nothing."""
    kept: dict[Path, Finding] = {}
    for finding in findings:
        kept.setdefault(finding.path, finding)
    return list(kept.values())


def _placed(finding: Finding, places: dict[Path, int], name: str) -> Problem:
    return Problem(
        file=name,
        line=line_of(places, finding.path),
        key=key_text(finding.path),
        problem=finding.problem,
        mend=finding.mend,
    )


def _foreign_pairs(
    document: Document, findings: Collection[Finding], check_set: CheckSet, checks: Collection[str]
) -> Iterator[Finding]:
    """Waivers and `not_applicable` entries for a check, a subject or a pair that isn't there: all of it at once."""
    told = {finding.path for finding in findings}
    partial = _partial(document, {path[:2] for path in told})
    if partial is None:
        return
    held = _Held(pairs=frozenset(check_set(partial)), checks=checks, absent=_left_out(document, partial))
    for section in ("not_applicable", "waiver"):
        for path, entry in tables(document, section, ANY):
            # what is malformed, or misses, is told already; the other of the two is judged all the same
            check, subject = (
                None if not isinstance(entry.get(key), str) or (*path, key) in told else str(entry[key])
                for key in ("check", "subject")
            )
            wrong_check = None if check is None else held.about_check(check)
            wrong_subject = None if subject is None else held.about_subject(subject, check)
            if check and subject and not wrong_check and not wrong_subject:
                wrong_check = held.about_pair(check, subject)
            for key, wrong in (("check", wrong_check), ("subject", wrong_subject)):
                if wrong:
                    yield Finding(path=(*path, key), problem=wrong[0], mend=wrong[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What entries are held against. `absent` are the subjects that are left out for problems of their own."""

    pairs: frozenset[Pair]
    checks: Collection[str]
    absent: frozenset[str]

    def about_check(self, check: str) -> tuple[str, str] | None:
        """What is wrong with a check's id by itself, and the mend."""
        if any(pair.check == check for pair in self.pairs):
            return None
        if self.checks and check not in self.checks:
            return "is the id of no check", f"write the one that is meant, or drop the entry ({_LISTED})"
        return None if self.absent else ("is asked of nothing here", f"drop the entry ({_LISTED})")

    def about_subject(self, subject: str, check: str | None) -> tuple[str, str] | None:
        """What is wrong with a subject by itself, and the mend: one of its kind, if possible one that is asked this."""
        known = {pair.subject for pair in self.pairs}
        if subject in known or self._may_be_absent(subject):
            return None
        named = {each for each in known | self.absent if not each.startswith(("role/", "ecs-cluster/"))}
        kind = [each for each in named if _kind(each) == _kind(subject)]
        asked = [each for each in kind if check is None or each in self.absent or Pair(check, each) in self.pairs]
        close = _close(subject, asked, most=1) or _close(subject, kind or named, most=1)
        return "names no subject of this declaration", _instead_of(close)

    def about_pair(self, check: str, subject: str) -> tuple[str, str] | None:
        """What is wrong with a check and a subject that are both there."""
        if Pair(check, subject) in self.pairs or self._may_be_absent(subject):
            return None
        own = {pair.check for pair in self.pairs if pair.subject == subject}
        return "is not asked of this subject", _instead_of(_close(check, own, most=3))

    def _may_be_absent(self, subject: str) -> bool:
        # an ECS cluster is known from the services and jobs, of which some are left out
        return "/".join(subject.split("/")[:2]) in self.absent or (
            bool(self.absent) and subject.startswith("ecs-cluster/")
        )


_LISTED: Final = "`substrate checks` lists all"


def _kind(subject: str) -> tuple[str, bool]:
    kind, _, rest = subject.partition("/")
    return kind, "/" in rest


def _close(word: str, known: Collection[str], *, most: int) -> list[str]:
    """What may be meant, from ids and declared names alone: other parts of subjects are values."""
    return sorted(difflib.get_close_matches(word, sorted(known), n=most))


def _instead_of(close: Collection[str]) -> str:
    return f"write {' or '.join(close)}, or drop the entry" if close else f"drop the entry ({_LISTED})"


def _partial(document: Document, spoiled: Collection[Path]) -> Declaration | None:
    """The declaration without what is spoiled, None where not even that can be read."""
    known = {field.alias or name for name, field in Declaration.model_fields.items()}
    kept = {key: value for key, value in document.items() if key in known}
    kept |= {"schema": 1, "environment": "x", "account": "0" * 12, "region": "xx-xxxx-1"}
    for key in ("observer", "target", "probe", "not_applicable", "waiver", "ignored"):
        kept.pop(key, None)
    for section in NAMED:
        entries = kept.get(section)
        if not isinstance(entries, dict):
            kept.pop(section, None)
            continue
        kept[section] = {name: entry for name, entry in entries.items() if (section, name) not in spoiled}
    for service, entry in list(kept.get("service", {}).items()):
        messaging = entry.get("messaging")
        if messaging is not None and messaging["cluster"] not in kept.get("cluster", {}):
            del kept["service"][service]
    if any(path[:1] == ("release",) for path in spoiled):
        kept.pop("release", None)
    try:
        return Declaration.model_validate(kept)
    except ValidationError:  # pragma: no cover  every spoiled entry is out, so this is our own bug at worst
        return None


def _left_out(document: Document, partial: Declaration) -> frozenset[str]:
    """The subjects that the document names and the partial declaration doesn't have."""
    missing = {
        f"{section}/{path[1]}"
        for section in NAMED
        for path, _ in each(document, section, ANY)
        if path[1] not in getattr(partial, section)
    }
    if partial.release is None:
        missing |= {f"role/{role}" for _, role in texts(document, "release", "role")}
    return frozenset(missing)
