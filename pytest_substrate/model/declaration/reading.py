"""From the text of a declaration to the declaration, or to every problem that it has, in one pass.

(1) `tomllib` reads the text; a syntax error is the only problem then, as nothing after it can be trusted.
(2) The models check every value; the rules check the document as a whole. Neither stops at the first problem.
(3) Where a check set is given, each waiver and each `not_applicable` must name a pair that it holds. What is malformed
    elsewhere is left out for this, and pairs about it are not judged: their own problem is told already.
(4) Problems get their lines. Values are in none of them: a value in the wrong place could be a secret.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final, TypeAlias

from pydantic import ValidationError

from pytest_substrate.model.check import Pair
from pytest_substrate.model.declaration import rules_form, rules_sense
from pytest_substrate.model.declaration.document import Declaration
from pytest_substrate.model.declaration.lines import Path, line_of, places_of
from pytest_substrate.model.declaration.mends import finding_of
from pytest_substrate.model.declaration.problems import DeclarationErrors, Finding, Problem, key_text
from pytest_substrate.model.declaration.raw import ANY, Document, each, tables, texts

CheckSet: TypeAlias = Callable[[Declaration], Collection[Pair]]
"""All pairs that a declaration holds before `not_applicable`, whatever a run demands of them."""

NAMED: Final = ("cluster", "artifact", "service", "job", "grant")
"""The sections whose tables have names."""


def parse_declaration(text: str, *, name: str, check_set: CheckSet | None = None) -> Declaration:
    """The declaration, or DeclarationErrors with every problem. `name` is the file as a person knows it.

    Without `check_set`, whether waivers name pairs that exist is left open (`gate.declared` gives it).
    """
    text = text.removeprefix("\ufeff")
    document = _document(text, name=name)
    declaration, findings = _validated(document)
    for rule in (*rules_form.RULES, *rules_sense.RULES):
        findings.extend(rule(document))
    findings = _without_echoes(findings)
    if check_set is not None:
        findings.extend(_foreign_pairs(document, findings, check_set))
    if findings or declaration is None:
        places = places_of(text)
        raise DeclarationErrors(_placed(finding, places, name) for finding in findings)
    return declaration


def _document(text: str, *, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except ValueError as error:  # a number of too many digits is a ValueError, and no TOMLDecodeError
        said = str(error) if isinstance(error, tomllib.TOMLDecodeError) else "a value can't be read"
        at = re.search(r"\(at line (\d+), column (\d+)\)", said)
        line = int(at[1]) if at else text.count("\n") + 1
        what = said.partition(" (at ")[0]
        column = f", column {at[2]}" if at else ", at the end of the file"
        problem, mend = f"is not TOML{column}: {what[:120]}", "correct the syntax"
    except RecursionError:
        line, problem, mend = 1, "is nested too deeply", "write it as the documentation shows"
    raise DeclarationErrors([Problem(file=name, line=line, key="", problem=problem, mend=mend)]) from None


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


def _foreign_pairs(document: Document, findings: Collection[Finding], check_set: CheckSet) -> Iterator[Finding]:
    """Waivers and `not_applicable` entries for a pair that the declaration doesn't hold."""
    spoiled = {finding.path[:2] for finding in findings}
    partial = _partial(document, spoiled)
    if partial is None:
        return
    pairs = frozenset(check_set(partial))
    checks, subjects = {pair.check for pair in pairs}, {pair.subject for pair in pairs}
    absent = {f"{kind}/{name}" for kind, name in _left_out(document, partial)}
    for section in ("not_applicable", "waiver"):
        for path, entry in tables(document, section, ANY):
            if path in spoiled or (section,) in spoiled:
                continue
            check, subject = entry["check"], entry["subject"]
            if Pair(check, subject) in pairs or "/".join(subject.split("/")[:2]) in absent:
                continue
            if subject.startswith("ecs-cluster/") and absent:
                continue  # an ECS cluster is known from the services and jobs, of which some are left out
            if subject not in subjects:
                named = {known for known in subjects if not known.startswith(("role/", "ecs-cluster/"))}
                yield Finding(
                    path=(*path, "subject"),
                    problem="names no subject of this declaration",
                    mend=_near(subject, named, most=1),
                )
            else:
                own = {pair.check for pair in pairs if pair.subject == subject}
                problem = "is not asked of this subject" if check in checks else "is asked of nothing here"
                yield Finding(path=(*path, "check"), problem=problem, mend=_near(check, own, most=3))


def _near(word: str, known: Collection[str], *, most: int) -> str:
    """What was meant, from ids and declared names alone: other parts of subjects are values."""
    close = sorted(difflib.get_close_matches(word, sorted(known), n=most))
    return (
        f"write {' or '.join(close)}, or drop the entry" if close else "drop the entry (`substrate checks` lists all)"
    )


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


def _left_out(document: Document, partial: Declaration) -> set[tuple[str, str]]:
    """What the document names and the partial declaration doesn't have: kind and name of each subject."""
    missing = {
        (section, str(path[1]))
        for section in NAMED
        for path, _ in each(document, section, ANY)
        if path[1] not in getattr(partial, section)
    }
    if partial.release is None:
        missing |= {("role", role) for _, role in texts(document, "release", "role")}
    return missing
