"""Rules about the form of one table: keys that exclude or demand each other, and things that are named twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from pytest_substrate.model.declaration.problems import Finding, key_text
from pytest_substrate.model.declaration.raw import ANY, Document, each, lists, tables, text

SETTINGS: Final = ("api_version", "ca_file", "cert_file", "key_file")
"""The client settings that are given as themselves or as the variable that holds them."""

LISTS: Final[tuple[tuple[str, ...], ...]] = (
    ("artifact", ANY, "contract", "distributions"),
    ("artifact", ANY, "contract", "imports"),
    ("service", ANY, "messaging", "topics", ANY),
    ("job", ANY, "network", "subnets"),
    ("job", ANY, "network", "security_groups"),
    ("grant", ANY, "read"),
    ("grant", ANY, "write"),
    ("grant", ANY, "closed"),
    ("release", "admit"),
    ("release", "refuse"),
)
"""Every list whose items must differ."""


def credential_forms(document: Document) -> Iterator[Finding]:
    """A credential is one JSON in one variable, or two variables."""
    for path, table in tables(document, "service", ANY, "messaging", "credential"):
        pair = [name for name in ("username_env", "password_env") if name in table]
        if "env" in table and pair:
            yield Finding(
                path=(*path, pair[0]),
                problem="stands beside env",
                mend="keep env (one variable with the JSON), or username_env and password_env, not both",
            )
        elif "env" not in table and len(pair) < 2:
            missing = "password_env" if pair == ["username_env"] else "username_env"
            yield Finding(
                path=path,
                problem=f"has {missing} missing" if pair else "names no variable",
                mend="name env (one variable with the JSON), or username_env and password_env",
            )


def client_settings(document: Document) -> Iterator[Finding]:
    """A setting is given, or its variable is; a client certificate goes with its key."""
    for path, table in tables(document, "service", ANY, "messaging", "client", "settings"):
        for name in SETTINGS:
            if name in table and f"{name}_env" in table:
                yield Finding(
                    path=(*path, f"{name}_env"),
                    problem=f"stands beside {name}",
                    mend="keep the one that the client uses",
                )
        certificate, key = _given(table, "cert_file"), _given(table, "key_file")
        if (certificate is None) != (key is None):
            given, other = (certificate, "key_file") if certificate else (key, "cert_file")
            yield Finding(
                path=(*path, str(given)),
                problem=f"stands without {other}",
                mend=f"add {other} or {other}_env, or drop it",
            )


def _given(table: Any, name: str) -> str | None:
    return next((key for key in (name, f"{name}_env") if key in table), None)


def token_forms(document: Document) -> Iterator[Finding]:
    """A place to get a token from is a variable or a file."""
    for key in ("token", "wrong_audience_token"):
        for path, table in tables(document, "release", key):
            if ("env" in table) == ("file" in table):
                yield Finding(
                    path=path,
                    problem="names both a variable and a file"
                    if "env" in table
                    else "names neither a variable nor a file",
                    mend='write { env = "VARIABLE" } or { file = "PATH" }',
                )


def attestations(document: Document) -> Iterator[Finding]:
    """Whoever trusts an authority says whom it may have signed for: it certifies everybody."""
    for path, table in tables(document, "artifact", ANY, "attestation"):
        for name in ("issuer", "identity"):
            if ("root" in table) != (name in table):
                yield Finding(
                    path=(*path, name) if name in table else path,
                    problem="stands without root" if name in table else f"has {name} missing, and root certifies many",
                    mend=f"add {'root' if name in table else name}, or drop it",
                )
        if not table.keys() & {"key", "root", "bundle"}:
            yield Finding(path=path, problem="is empty", mend="add key, root or bundle, or drop it")


def repeated_items(document: Document) -> Iterator[Finding]:
    """No list says a thing twice."""
    for pattern in LISTS:
        for path, items in lists(document, *pattern):
            seen: list[Any] = []
            for index, item in enumerate(items):
                if item in seen:
                    yield Finding(path=(*path, index), problem="is in the list already", mend="drop one of the two")
                seen.append(item)


def repeated_things(document: Document) -> Iterator[Finding]:
    """No two names, and no two entries, stand for one thing."""
    identities: tuple[tuple[str, tuple[str, ...]], ...] = (
        ("cluster", ("arn",)),
        ("service", ("ecs", "container")),
        ("job", ("ecs_cluster", "task_definition", "container")),
        ("not_applicable", ("check", "subject")),
        ("waiver", ("check", "subject")),
        ("ignored", ("ecs",)),
    )
    for section, keys in identities:
        first: dict[tuple[str, ...], str] = {}
        for path, table in tables(document, section, ANY):
            values = tuple(value for key in keys if isinstance(value := table.get(key), str))
            if len(values) < len(keys):
                continue
            if values in first:
                yield Finding(
                    path=path,
                    problem=f"has the same {' and '.join(keys)} as {first[values]}",
                    mend="drop one of the two, or name the thing that it stands for",
                )
            first.setdefault(values, key_text(path))


def contradictions(document: Document) -> Iterator[Finding]:
    """No thing is declared one way here and the other way there."""
    waived = {(text(entry, "check"), text(entry, "subject")) for _, entry in tables(document, "waiver", ANY)}
    for path, table in tables(document, "not_applicable", ANY):
        if text(table, "check") and (text(table, "check"), text(table, "subject")) in waived:
            yield Finding(path=path, problem="is waived too", mend="keep the waiver, or say that it doesn't apply")
    running = {text(table, "ecs") for _, table in tables(document, "service", ANY)}
    for path, table in tables(document, "ignored", ANY):
        if text(table, "ecs") is not None and table["ecs"] in running:
            yield Finding(path=(*path, "ecs"), problem="is a declared service", mend="drop it from [[ignored]]")
    admitted = [subject for _, subject in each(document, "release", "admit", ANY)]
    for path, subject in each(document, "release", "refuse", ANY):
        if subject in admitted:
            yield Finding(path=path, problem="is in admit too", mend="keep it in one of the two")
    for path, grant in tables(document, "grant", ANY):
        open_ = [key for name in ("read", "write") for _, key in each(grant, name, ANY)]
        for inner, key in each(grant, "closed", ANY):
            if key in open_:
                yield Finding(
                    path=(*path, *inner), problem="is open in the same grant", mend="keep it in one of the two"
                )


RULES: Final[tuple[Callable[[Document], Iterator[Finding]], ...]] = (
    credential_forms,
    client_settings,
    token_forms,
    attestations,
    repeated_items,
    repeated_things,
    contradictions,
)
