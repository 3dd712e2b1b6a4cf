"""What the release plane looks at, each once a run, under the key that its docstring names.

The CI role is asked for by its name, the CI job through the target. Every observer hands on a fact, `Missing` or
`Unobserved`, and raises for our own bugs alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_substrate.adapters.aws import ecr, iam, organizations
from pytest_substrate.adapters.aws.ecr_source import EcrSource
from pytest_substrate.adapters.ci_surroundings import observe_ci_surroundings
from pytest_substrate.model.aws.registry import RegistryImage
from pytest_substrate.model.ci import (
    Assumed,
    Call,
    Calls,
    CiSurroundings,
    CiToken,
    Listing,
    NotAssumed,
    OidcProviders,
    Policy,
    Repository,
    Role,
    RolePolicies,
    ServiceControls,
)
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import TargetKind
from pytest_substrate.model.provenance import Attested
from pytest_substrate.model.release_record import ReleaseRecord
from pytest_substrate.planes.plane import Context
from pytest_substrate.planes.release.attested import read_attested, with_bundle
from pytest_substrate.planes.release.signature import read_trust
from pytest_substrate.planes.workloads import observe_record, observe_released_image, seen

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Release

_OTHER_REGIONS: Final = {
    "cn": ("cn-north-1", "cn-northwest-1"),
    "us-gov": ("us-gov-west-1", "us-gov-east-1"),
    "": ("us-east-1", "eu-west-1"),
}
"""By the beginning of the partition's regions: credentials of one are nobody's in another."""


def release_of(context: Context) -> Release:
    """The declared release, which every check of a CI role has."""
    release = context.declaration.release
    assert release is not None  # noqa: S101  no CI role is a subject without it
    return release


def observe_surroundings(context: Context) -> CiSurroundings:
    """What lies around the CI job. Key `ci/surroundings`."""
    home = Path.home() if context.target.kind is not TargetKind.EMBEDDED else None
    return seen(
        context,
        "ci/surroundings",
        CiSurroundings,
        lambda: observe_ci_surroundings(context.target.ci.environment, home),
    )


def observe_token(context: Context) -> CiToken | Missing | Unobserved:
    """The job's token for the declared audience. Key `ci/token`."""
    return seen(context, "ci/token", CiToken | Missing | Unobserved, context.target.ci.token)


def observe_other_token(context: Context) -> CiToken | Missing | Unobserved:
    """A token of the same issuer for another audience. Key `ci/other-token`."""
    return seen(context, "ci/other-token", CiToken | Missing | Unobserved, context.target.ci.other_token)


def observe_providers(context: Context) -> OidcProviders | Missing | Unobserved:
    """The account's OIDC providers. Key `iam/oidc-providers`."""
    return seen(
        context,
        "iam/oidc-providers",
        OidcProviders | Missing | Unobserved,
        lambda: iam.read_providers(context.target.client("iam")),
    )


def observe_role(context: Context) -> Role | Missing | Unobserved:
    """The CI role. Key `iam/role/NAME`."""
    name = release_of(context).role
    return seen(
        context,
        f"iam/role/{name}",
        Role | Missing | Unobserved,
        lambda: iam.read_role(context.target.client("iam"), name),
    )


def observe_policies(context: Context) -> RolePolicies | Missing | Unobserved:
    """All policies of the CI role, and its boundary. Key `iam/role-policies/NAME`."""
    role = observe_role(context)
    if not isinstance(role, Role):
        return role
    return seen(
        context,
        f"iam/role-policies/{role.name}",
        RolePolicies | Missing | Unobserved,
        lambda: iam.read_role_policies(context.target.client("iam"), role.name, role.boundary_arn),
    )


def observe_controls(context: Context) -> ServiceControls | Missing | Unobserved:
    """The service control policies above the account, where they can be read. Key `organizations/controls`."""
    return seen(
        context,
        "organizations/controls",
        ServiceControls | Missing | Unobserved,
        lambda: organizations.read_service_controls(
            context.target.client("organizations"), context.declaration.account
        ),
    )


def observe_session(context: Context) -> Assumed | NotAssumed | Missing | Unobserved:
    """What STS says to the job's token. Key `ci/session`."""
    return seen(
        context,
        "ci/session",
        Assumed | NotAssumed | Missing | Unobserved,
        lambda: context.target.ci.assume(role_arn(context), name=session_name(context)),
    )


def observe_other_session(context: Context) -> Assumed | NotAssumed | Missing | Unobserved:
    """What STS says to the token for another audience. Key `ci/other-session`."""
    return seen(
        context,
        "ci/other-session",
        Assumed | NotAssumed | Missing | Unobserved,
        lambda: context.target.ci.assume_with_other(role_arn(context), name=session_name(context)),
    )


def observe_push(context: Context, artifact: str) -> Calls | NotAssumed | Missing | Unobserved:
    """What a push and a pull need, really called for an artifact, and what that left. Key `ci/push/ARTIFACT`."""
    record = observe_record(context, artifact)
    image = observe_released_image(context, artifact)
    if not isinstance(record, ReleaseRecord):
        return Unobserved(reason="not-asked", detail=f"no release record of artifact/{artifact} names a digest")
    repository, account = context.declaration.artifact[artifact].repository, context.declaration.account
    tag = image.tags[0] if isinstance(image, RegistryImage) and image.tags else None

    def push() -> Calls | NotAssumed | Missing | Unobserved:
        before = _listing(context, repository)
        calls = context.target.ci.push_and_pull(
            role_arn(context),
            name=session_name(context),
            account=account,
            repository=repository,
            digest=record.digest,
            tag=tag,
        )
        if not isinstance(calls, tuple):
            return calls
        after = _listing(context, repository)
        for listing in (before, after):
            if isinstance(listing, Unobserved):
                return listing
        left = set(after.entries if isinstance(after, Listing) else ()) - set(
            before.entries if isinstance(before, Listing) else ()
        )
        return Calls(calls=calls, left_behind=tuple(sorted(left)))

    return seen(context, f"ci/push/{artifact}", Calls | NotAssumed | Missing | Unobserved, push)


def observe_forbidden(context: Context, artifact: str) -> Calls | NotAssumed | Missing | Unobserved:
    """What the CI session must not do, really tried at an artifact's repository. Key `ci/forbidden/ARTIFACT`."""
    declaration = context.declaration

    def attempt() -> Calls | NotAssumed | Missing | Unobserved:
        calls: tuple[Call, ...] | NotAssumed | Missing | Unobserved = context.target.ci.forbidden(
            role_arn(context),
            name=session_name(context),
            account=declaration.account,
            repository=declaration.artifact[artifact].repository,
            other_region=other_region(declaration.region),
        )
        return Calls(calls=calls) if isinstance(calls, tuple) else calls

    return seen(context, f"ci/forbidden/{artifact}", Calls | NotAssumed | Missing | Unobserved, attempt)


def other_region(declared: str) -> str:
    """Another region of the same partition."""
    regions = next(regions for begin, regions in _OTHER_REGIONS.items() if declared.startswith(begin))
    return next(region for region in regions if region != declared)


def observe_repository(context: Context, artifact: str) -> Repository | Missing | Unobserved:
    """An artifact's repository. Key `ecr/repository/NAME`."""
    name = context.declaration.artifact[artifact].repository
    return seen(
        context,
        f"ecr/repository/{name}",
        Repository | Missing | Unobserved,
        lambda: ecr.read_repository(context.target.client("ecr"), context.declaration.account, name),
    )


def observe_repository_policy(context: Context, artifact: str) -> Policy | Missing | Unobserved:
    """The policy of an artifact's repository; `Missing` where it has none. Key `ecr/repository-policy/NAME`."""
    name = context.declaration.artifact[artifact].repository
    return seen(
        context,
        f"ecr/repository-policy/{name}",
        Policy | Missing | Unobserved,
        lambda: ecr.read_repository_policy(context.target.client("ecr"), context.declaration.account, name),
    )


def observe_attested(context: Context, artifact: str) -> Attested | Missing | Unobserved:
    """What the released image says of its making. Key `release/attested/ARTIFACT`."""
    record = observe_record(context, artifact)
    if not isinstance(record, ReleaseRecord):
        return Unobserved(reason="not-asked", detail="no release record names a digest")
    account, declared = context.declaration.account, context.declaration.artifact[artifact]
    client, folder = context.target.client("ecr"), context.target.records

    def read() -> Attested | Missing | Unobserved:
        try:
            trust = read_trust(declared.attestation, folder)
        except BadInput as error:
            return Attested(digest=record.digest, untrusted=f"{error.where} {error.what}")
        found = read_attested(
            EcrSource(client, account=account, repository=declared.repository),
            record.digest,
            lambda digest: ecr.read_referrers(client, account, declared.repository, digest),
            trust,
        )
        bundle = None if declared.attestation is None else declared.attestation.bundle
        return with_bundle(found, folder, bundle, trust) if bundle and isinstance(found, Attested) else found

    return seen(context, f"release/attested/{artifact}", Attested | Missing | Unobserved, read)


def _listing(context: Context, repository: str) -> Listing | Missing | Unobserved:
    return ecr.read_listing(context.target.client("ecr"), context.declaration.account, repository)


def role_arn(context: Context) -> str:
    """As IAM has it, which knows its path; else by its declared name."""
    role = observe_role(context)
    if isinstance(role, Role):
        return role.arn
    return f"arn:aws:iam::{context.declaration.account}:role/{release_of(context).role}"


def session_name(context: Context) -> str:
    """Of every session of the run."""
    return f"substrate-{context.run_id[:36]}"
