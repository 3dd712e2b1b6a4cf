"""Faults of the packaging plane that have not happened yet: what the infrastructure pipeline would apply next."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.platform import infrastructure
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.model.outcome import Layer


@fault(
    "plan-overwrites-credential",
    check="PKG-120",
    layer=Layer.WIRING,
    cause="credential-overwritten",
    breaks="the pending plan generates the password of the runtime secret anew, and puts it into the secret",
)
def plan_overwrites_credential(platform: Platform) -> Iterator[None]:
    """Every check of what runs is green, until somebody applies it."""
    with infrastructure.pending(platform, infrastructure.regenerate_password):
        yield


@fault(
    "plan-repoints-image",
    check="PKG-120",
    layer=Layer.WIRING,
    cause="image-repointed",
    breaks="the pending plan gives the service a task definition that names the image by its tag",
)
def plan_repoints_image(platform: Platform) -> Iterator[None]:
    """The configuration never learned of the digest that the release pipeline deployed."""
    with infrastructure.pending(platform, infrastructure.follow_a_tag):
        yield


@fault(
    "plan-lost",
    check="PKG-120",
    layer=Layer.WIRING,
    cause="plan-missing",
    breaks="the infrastructure pipeline left no plan, where one is declared",
)
def plan_lost(platform: Platform) -> Iterator[None]:
    """Nobody can say what the next apply would do."""
    with infrastructure.left(platform, None):
        yield
