"""Rules about how tables fit together: references, accounts and regions that must agree, and what checks need."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from pytest_substrate.model.declaration.lines import Path
from pytest_substrate.model.declaration.problems import Finding
from pytest_substrate.model.declaration.raw import ANY, Document, each, exempt, names, tables, text, texts

REFERENCES: Final[tuple[tuple[tuple[str, ...], str], ...]] = (
    (("service", ANY, "artifact"), "artifact"),
    (("job", ANY, "artifact"), "artifact"),
    (("service", ANY, "messaging", "cluster"), "cluster"),
)
"""Keys that name an entry of a section."""


def references(document: Document) -> Iterator[Finding]:
    """What is named is declared."""
    for pattern, section in REFERENCES:
        declared = names(document, section)
        for path, name in texts(document, *pattern):
            if name not in declared:
                yield Finding(path=path, problem=f"names no declared {section}", mend=_instead(section, declared))
    workloads = [f"{kind}/{name}" for kind in ("service", "job") for name in names(document, kind)]
    for path, name in texts(document, "grant", ANY, "workload"):
        if re.match("(service|job)/.", name) and name not in workloads:
            yield Finding(path=path, problem="names no declared workload", mend=_instead("service or job", workloads))
    clusters = {value.partition("/")[0] for _, value in texts(document, "service", ANY, "ecs")}
    clusters |= {value for _, value in texts(document, "job", ANY, "ecs_cluster")}
    for path, value in texts(document, "ignored", ANY, "ecs"):
        if "/" in value and value.partition("/")[0] not in clusters:
            yield Finding(
                path=path,
                problem="lies in an ECS cluster where nothing is declared",
                mend="drop it: only clusters of declared services and jobs are looked at",
            )


def _instead(kind: str, declared: list[str]) -> str:
    known = ", ".join(sorted(declared)[:5])
    return f"declare the {kind}, or name one that is declared ({known})" if known else f"declare the {kind}"


def agreements(document: Document) -> Iterator[Finding]:
    """An ARN is of the declared account, region and partition. A multi-VPC cluster may be another account's."""
    account, region = text(document, "account"), text(document, "region")
    for path, arn in texts(document, "observer", "role"):
        yield from _agrees(path, arn, account=account, region=region, regional=False)
    for path, arn in texts(document, "release", "boundary"):
        own = account if ":iam::aws:" not in arn else None
        yield from _agrees(path, arn, account=own, region=region, regional=False)
    for path, cluster in tables(document, "cluster", ANY):
        foreign = cluster.get("connectivity") == "multi-vpc"
        for inner, arn in texts(cluster, "arn"):
            yield from _agrees((*path, *inner), arn, account=None if foreign else account, region=region, regional=True)


def _agrees(path: Path, arn: str, *, account: str | None, region: str | None, regional: bool) -> Iterator[Finding]:
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn":
        return  # its shape is told elsewhere
    if account is not None and re.fullmatch(r"\d{12}", account) and parts[4] != account:
        yield Finding(path=path, problem="is of another account than the declared one", mend="correct it, or account")
    if region is None or re.fullmatch(r"[a-z-]+-\d{1,2}", region) is None:
        return
    if regional and parts[3] != region:
        yield Finding(path=path, problem="is of another region than the declared one", mend="correct it, or region")
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    if parts[1] != partition:
        yield Finding(path=path, problem=f"is not of the region's partition, {partition}", mend="correct the ARN")


def authentication(document: Document) -> Iterator[Finding]:
    """A service brings what its cluster's authentication takes, and nothing that another takes."""
    for path, messaging in tables(document, "service", ANY, "messaging"):
        cluster = text(messaging, "cluster")
        auth = None if cluster is None else text(document, "cluster", cluster, "auth")
        if auth not in ("scram", "iam", "mtls"):
            continue
        if auth == "scram" and "credential" not in messaging:
            yield Finding(
                path=(*path, "credential"),
                problem="is missing, and the cluster authenticates by scram",
                mend='add credential = { secret = "AmazonMSK_…", env = "VARIABLE", principal = "USER" }',
            )
        if auth != "scram" and "credential" in messaging:
            yield Finding(
                path=(*path, "credential"),
                problem=f"is a SCRAM secret, and the cluster authenticates by {auth}",
                mend="drop it",
            )
        settings = next((table for _, table in tables(messaging, "client", "settings")), {})
        certificates = [key for key in settings if key.startswith(("cert_file", "key_file"))]
        if auth == "mtls" and not certificates:
            yield Finding(
                path=(*path, "client"),
                problem="has no client certificate, and the cluster authenticates by mtls",
                mend="add settings cert_file and key_file (or their …_env)",
            )
        if auth != "mtls" and certificates:
            yield Finding(
                path=(*path, "client", "settings", certificates[0]),
                problem=f"is for mtls, and the cluster authenticates by {auth}",
                mend="drop it",
            )


def smoke_topics(document: Document) -> Iterator[Finding]:
    """A probe's topic is nobody's: it never writes where a service works."""
    used: dict[tuple[str, str], str] = {}
    for path, messaging in tables(document, "service", ANY, "messaging"):
        for inner, _ in each(messaging, "topics", ANY):
            used.setdefault((str(messaging.get("cluster")), str(inner[-1])), f"service/{path[1]}")
    for path, topic in texts(document, "cluster", ANY, "smoke_topic"):
        user = used.get((str(path[1]), topic))
        if user is not None:
            yield Finding(
                path=path, problem=f"is a topic of {user}, and a probe writes to it", mend="name a topic of its own"
            )


def needed_lists(document: Document) -> Iterator[Finding]:
    """A check that would judge by an empty list proves nothing: the list is filled, or the check doesn't apply."""
    gone = exempt(document)
    for kind in ("service", "job"):
        for path, workload in tables(document, kind, ANY):
            subject = f"{kind}/{path[1]}"
            yield from _contract(document, workload, subject, gone)
    for path, grant in tables(document, "grant", ANY):
        subject = f"grant/{path[1]}"
        reads = [key for _, key in texts(grant, "read", ANY)]
        for check, key, satisfied, what in (
            ("DAT-030", "read", bool(grant.get("read")), "is empty"),
            ("DAT-040", "read", any(not item.endswith("/") for item in reads), "names no object, only prefixes"),
            ("DAT-050", "write", bool(grant.get("write")), "is empty"),
            ("DAT-060", "closed", bool(grant.get("closed")), "is empty"),
        ):
            if not satisfied and (check, subject) not in gone and not (check == "DAT-040" and not reads):
                yield _empty((*path, key), what, check, subject)
    for path, service in tables(document, "service", ANY):
        topics = [item for _, item in each(service, "messaging", "topics", ANY, ANY)]
        subject = f"service/{path[1]}"
        if "read" in topics and "group" not in service["messaging"] and ("MSG-195", subject) not in gone:
            yield _empty((*path, "messaging", "group"), "is missing, and the service reads", "MSG-195", subject)


def _contract(document: Document, workload: Any, subject: str, gone: frozenset[tuple[str, str]]) -> Iterator[Finding]:
    artifact = text(workload, "artifact")
    if artifact is None or artifact not in names(document, "artifact"):
        return
    contract: Any = next((value for _, value in each(document, "artifact", artifact, "contract")), {})
    if not isinstance(contract, dict):
        return
    for check, key in (("PKG-060", "distributions"), ("PKG-080", "imports")):
        locked = check == "PKG-060" and "lock" in contract
        if not contract.get(key) and not locked and (check, subject) not in gone:
            yield _empty(("artifact", artifact, "contract", key), "is empty", check, subject)


def _empty(path: Path, what: str, check: str, subject: str) -> Finding:
    return Finding(
        path=path,
        problem=f"{what}, and {check} of {subject} would judge by it",
        mend=f"fill it, or declare [[not_applicable]] {check} {subject} with a reason",
    )


def release_tokens(document: Document) -> Iterator[Finding]:
    """REL-050 needs a token for another audience; only some providers can be asked for one."""
    for path, release in tables(document, "release"):
        role = text(release, "role")
        if (
            release.get("token") not in (None, "github")
            and "wrong_audience_token" not in release
            and ("REL-050", f"role/{role}") not in exempt(document)
        ):
            yield Finding(
                path=(*path, "wrong_audience_token"),
                problem="is missing, and the provider can't be asked for a second audience",
                mend='add { env = "VARIABLE" }, or declare [[not_applicable]] REL-050 role/NAME with a reason',
            )


def releases(document: Document) -> Iterator[Finding]:
    """REL-100 and REL-110 judge an artifact by its release record."""
    gone = exempt(document)
    for path, artifact in tables(document, "artifact", ANY):
        subject = f"artifact/{path[1]}"
        if "record" not in artifact and not {("REL-100", subject), ("REL-110", subject)} <= gone:
            yield Finding(
                path=(*path, "record"),
                problem="is missing",
                mend='add record = "release/NAME.json", or declare [[not_applicable]] REL-100 and REL-110 '
                f"{subject} with a reason",
            )


def pins(document: Document) -> Iterator[Finding]:
    """A pin is of an object that the grant reads, and says which content is meant."""
    for path, grant in tables(document, "grant", ANY):
        read = [key for _, key in texts(grant, "read", ANY)]
        for inner, pin in tables(grant, "pinned", ANY):
            if inner[-1] not in read or str(inner[-1]).endswith("/"):
                yield Finding(
                    path=(*path, *inner),
                    problem="is no object that the grant reads",
                    mend="add it to `read`, or drop it",
                )
            elif not pin.keys() & {"version", "etag"}:
                yield Finding(path=(*path, *inner), problem="pins nothing", mend="give it a version or an etag")


def topic_names(document: Document) -> Iterator[Finding]:
    """In node ids `/` becomes `-`; of all subjects only topics can then read alike."""
    first: dict[str, str] = {}
    for path, _ in each(document, "service", ANY, "messaging", "topics", ANY):
        subject = f"service/{path[1]}/topic/{path[-1]}"
        other = first.setdefault(subject.replace("/", "-"), subject)
        if other != subject:
            yield Finding(path=path, problem=f"reads like {other} in a test's name", mend="rename the service")


def something(document: Document) -> Iterator[Finding]:
    """A declaration that declares nothing to check proves nothing."""
    sections = ("cluster", "artifact", "service", "job", "grant", "release")
    for section in sections:
        if section in document and document[section] == {}:
            yield Finding(path=(section,), problem="is empty", mend="fill it or drop it")
    if not any(document.get(section) for section in sections):
        yield Finding(
            path=(), problem="nothing is declared that could be checked", mend="declare a cluster, a service or a job"
        )


RULES: Final[tuple[Callable[[Document], Iterator[Finding]], ...]] = (
    references,
    agreements,
    authentication,
    smoke_topics,
    needed_lists,
    release_tokens,
    releases,
    pins,
    topic_names,
    something,
)
