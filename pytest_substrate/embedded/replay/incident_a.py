"""Incident A: CI can't assume its role, and then can't push."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pytest_substrate.embedded.faults.release_permissions import role_made_administrator
from pytest_substrate.embedded.platform import release
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.platform.release import AUD, SUB, publishing, trusting
from pytest_substrate.embedded.platform.releases import later_image, mutability, recorded
from pytest_substrate.embedded.replay.story import Chapter, Red, Story
from pytest_substrate.model.outcome import Layer, Plane

_FORMER: Final = "repo:acme/ingest:ref:refs/heads/master"
_FORGOTTEN: Final = "ecr:PutImage"


def new_pipeline(platform: Platform) -> Iterator[None]:
    """All three are common in a pipeline's first week, and only the first shows."""
    with (
        trusting(platform, StringEquals={AUD: release.AUDIENCE, SUB: _FORMER}),
        publishing(platform, release.publish_policy(without=_FORGOTTEN)),
        mutability(platform, "MUTABLE"),
    ):
        yield


def trust_fixed(platform: Platform) -> Iterator[None]:
    """The declared subject, word for word."""
    with trusting(platform, StringEquals={AUD: release.AUDIENCE, SUB: release.SUBJECT}):
        yield


def permission_added(platform: Platform) -> Iterator[None]:
    """One action more, on the one repository."""
    with publishing(platform, release.publish_policy()):
        yield


def image_released(platform: Platform) -> Iterator[None]:
    """What a build leaves: an image, its provenance beside it, and the record that names its digest."""
    with mutability(platform, "IMMUTABLE"), later_image(platform) as digest, recorded(platform, digest):
        yield


_CANT_ASSUME: Final = Chapter(
    title="CI can't assume its role",
    change="a new pipeline: its role trusts the branch master, it may not put an image, and tags can be moved",
    apply=new_pipeline,
    expects=(Red(check="REL-030", layer=Layer.IDENTITY, cause="subject-refused", says=("refs/heads/main",)),),
)
_PUSH_REFUSED: Final = Chapter(
    title="the trust is mended, and the push is refused",
    change="the role trusts the branch main",
    apply=trust_fixed,
    expects=(Red(check="REL-070", layer=Layer.AUTHORIZATION, cause="action-denied", says=(_FORGOTTEN,)),),
)
_ADMINISTRATOR: Final = Chapter(
    title="the fix that is found first",
    change="somebody attaches a policy that allows everything: the push works at once",
    apply=role_made_administrator,
    expects=(Red(check="REL-060", layer=Layer.POLICY, cause="wildcard-action"),),
    taken_back=True,
)
_NO_ARTIFACT: Final = Chapter(
    title="the permission is mended without a wildcard",
    change="ecr:PutImage on the one repository and no more; what is pushed still has a name that can be moved",
    apply=permission_added,
    expects=(Red(check="REL-090", layer=Layer.ARTIFACT, cause="tags-mutable"),),
)
_RELEASED: Final = Chapter(
    title="an artifact by its digest",
    change="tags are immutable, and the pipeline runs: an image, its provenance, a record of its digest",
    apply=image_released,
)

STORY: Final = Story(
    incident="A",
    title="CI can't assume its role, or can't push",
    plane=Plane.RELEASE,
    chapters=(_CANT_ASSUME, _PUSH_REFUSED, _NO_ARTIFACT, _RELEASED),
    variants={"administrator": (_CANT_ASSUME, _PUSH_REFUSED, _ADMINISTRATOR, _NO_ARTIFACT, _RELEASED)},
)
