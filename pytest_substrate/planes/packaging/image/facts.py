"""An image as it was read, whole: what every check of its contents rests on."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_substrate.model.image import ImageConfig
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.planes.packaging.image.files import File
from pytest_substrate.planes.packaging.image.tree import Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """`digest` is the one that was asked for; `manifest_digest` that of the platform's image, which it may be itself.

    `files` are those that the tree names by number.
    """

    digest: str
    manifest_digest: str
    config: ImageConfig
    layers: int
    tree: Tree
    files: tuple[File, ...]

    def file(self, path: str) -> File | None:
        """The regular file at a path, links followed; None where there is none."""
        number = self.tree.file(path)
        return None if number is None else self.files[number]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refutation:
    """An image that isn't what it says, or isn't there: `cause` is a slug of PKG-020."""

    digest: str
    cause: str
    message: str


Seen = ImageFacts | Refutation | Unobserved
"""What there is to judge of an image."""
