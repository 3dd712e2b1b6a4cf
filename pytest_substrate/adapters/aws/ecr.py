"""What ECR says of an image by its digest, and the manifest itself, held against that digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

from pytest_substrate.adapters.aws.answer import NoAnswer, answered, ask, ask_pages
from pytest_substrate.model.aws import registry as facts
from pytest_substrate.model.ci import Listing, Policy, Repository
from pytest_substrate.model.observation import Missing, Unobserved

_MANIFEST: Final = "ecr:BatchGetImage"


@answered
def read_image(client: Any, account: str, repository: str, digest: str) -> facts.RegistryImage:
    """An image by digest in the registry of `account`; an index with its children, whose manifest is the digest's."""
    what = f"{repository}@{digest}"
    pages = ask_pages(
        client,
        "ecr:DescribeImages",
        what=what,
        registryId=account,
        repositoryName=repository,
        imageIds=[{"imageDigest": digest}],
    )
    details = [one for page in pages for one in page.parts("imageDetails")]
    if len(details) != 1 or details[0].text("imageDigest") != digest:
        raise NoAnswer(
            Unobserved(reason="malformed", operation="ecr:DescribeImages", detail="not the one image asked for")
        )
    detail = details[0]
    media_type = detail.text_or_none("imageManifestMediaType")
    children: tuple[facts.Child, ...] = ()
    if media_type in facts.INDEX_TYPES:
        children = _children(_manifest(client, account, repository, digest))
    return facts.RegistryImage(
        digest=digest,
        state=detail.text_or_none("imageStatus"),
        media_type=media_type,
        pushed=detail.time("imagePushedAt"),
        children=children,
        tags=detail.texts("imageTags"),
    )


@answered
def read_repository(client: Any, account: str, name: str) -> Repository:
    """A repository, with the mutability of its tags."""
    operation = "ecr:DescribeRepositories"
    found = ask(client, operation, what=name, registryId=account, repositoryNames=[name]).parts("repositories")
    if len(found) != 1:
        raise NoAnswer(Unobserved(reason="malformed", operation=operation, detail="not the one repository asked for"))
    return Repository(
        arn=found[0].text("repositoryArn"),
        name=found[0].text("repositoryName"),
        mutability=found[0].text("imageTagMutability"),
        exclusions=tuple(one.text("filter") for one in found[0].parts("imageTagMutabilityExclusionFilters")),
    )


@answered
def read_repository_policy(client: Any, account: str, name: str) -> Policy:
    """A repository's own policy; `Missing` where it has none."""
    operation = "ecr:GetRepositoryPolicy"
    answer = ask(client, operation, what=f"a policy of {name}", registryId=account, repositoryName=name)
    return Policy(name=f"the repository {name}", document=answer.text("policyText"))


@answered
def read_listing(client: Any, account: str, repository: str) -> Listing:
    """All that a repository holds, by digest and tag."""
    operation = "ecr:DescribeImages"
    pages = ask_pages(client, operation, what=repository, registryId=account, repositoryName=repository)
    entries: set[str] = set()
    for detail in (one for page in pages for one in page.parts("imageDetails")):
        digest = detail.text("imageDigest")
        entries |= {digest, *(f"{digest} {tag}" for tag in detail.texts("imageTags"))}
    return Listing(entries=tuple(sorted(entries)))


_ATTESTATIONS: Final = ("application/vnd.in-toto", "application/vnd.dsse", "application/vnd.dev.sigstore")
"""How artifact types of attestations begin; signatures and bills of materials of other kinds are left alone."""


def read_referrers(client: Any, account: str, repository: str, digest: str) -> tuple[str, ...] | Missing | Unobserved:
    """The manifests that refer to a digest and may be attestations; one without an artifact type may be."""
    found = _referrers(client, account, repository, digest)
    return found.entries if isinstance(found, Listing) else found


@answered
def _referrers(client: Any, account: str, repository: str, digest: str) -> Listing:
    pages = ask_pages(
        client,
        "ecr:ListImageReferrers",
        what=f"{repository}@{digest}",
        registryId=account,
        repositoryName=repository,
        subjectId={"imageDigest": digest},
    )
    listed = [one for page in pages for one in page.parts("referrers")]
    kinds = [(one.text("digest"), one.text_or_none("artifactType")) for one in listed]
    return Listing(entries=tuple(digest for digest, kind in kinds if kind is None or kind.startswith(_ATTESTATIONS)))


def _manifest(client: Any, account: str, repository: str, digest: str) -> Mapping[str, Any]:
    what = f"{repository}@{digest}"
    answer = ask(
        client,
        _MANIFEST,
        what=what,
        registryId=account,
        repositoryName=repository,
        imageIds=[{"imageDigest": digest}],
        acceptedMediaTypes=[*facts.INDEX_TYPES, *facts.MANIFEST_TYPES],
    )
    if any(failure.text_or_none("failureCode") == facts.NOT_FOUND for failure in answer.parts("failures")):
        raise NoAnswer(Missing(what=what, code=facts.NOT_FOUND, operation=_MANIFEST))
    text = next((image.text("imageManifest") for image in answer.parts("images")), None)
    if text is None or f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" != digest:
        raise NoAnswer(Unobserved(reason="malformed", operation=_MANIFEST, detail="the manifest isn't the digest's"))
    try:
        manifest = json.loads(text)
    except (ValueError, RecursionError):
        manifest = None
    if not isinstance(manifest, dict):
        raise NoAnswer(Unobserved(reason="malformed", operation=_MANIFEST, detail="the manifest is no JSON object"))
    return manifest


def _children(index: Mapping[str, Any]) -> tuple[facts.Child, ...]:
    """The images of an index; attestations, whose platform is `unknown`, among them."""
    listed = index.get("manifests")
    found = []
    for one in listed if isinstance(listed, list) else []:
        platform = one.get("platform") if isinstance(one, dict) else None
        if isinstance(platform, dict) and isinstance(one.get("digest"), str):
            system, architecture = platform.get("os"), platform.get("architecture")
            found.append(
                facts.Child(
                    digest=one["digest"],
                    system=system if isinstance(system, str) else None,
                    architecture=architecture if isinstance(architecture, str) else None,
                )
            )
    return tuple(found)
