"""Incident B: managed Kafka works in theory only. The wrong cluster, the wrong secret, and a rotation too early."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from pytest_substrate.embedded.faults.messaging_cloud import secret_of_another_principal, wired_to_another_cluster
from pytest_substrate.embedded.platform import dev_min, names
from pytest_substrate.embedded.platform.login import await_login
from pytest_substrate.embedded.platform.platform import Platform
from pytest_substrate.embedded.platform.service import Definition, container, deploy, deployed, set_variable
from pytest_substrate.embedded.replay.story import Chapter, Red, Story
from pytest_substrate.model.outcome import Layer, Plane

_BOOTSTRAP: Final = "KAFKA_BOOTSTRAP_SERVERS"


def copied_definition(platform: Platform) -> Iterator[None]:
    """Both are of a cluster and a principal that really work, so that nothing crashes."""
    with contextlib.ExitStack() as undo:
        for wrong in (wired_to_another_cluster, secret_of_another_principal):
            undo.enter_context(contextlib.contextmanager(wrong)(platform))
        yield


def secret_corrected(platform: Platform) -> Iterator[None]:
    """The service's own."""
    own = dev_min.secret_arn(platform)

    def inject(definition: Definition) -> None:
        container(definition)["secrets"] = [{"name": "KAFKA_CREDENTIAL", "valueFrom": own}]

    with deployed(platform, inject):
        yield


def wired_then_rotated(platform: Platform) -> Iterator[None]:
    """The tasks of the new revision hold the version before, as any program does that reads its environment once."""
    servers = ",".join(platform.kafka.bootstrap)
    with deployed(platform, lambda definition: set_variable(definition, _BOOTSTRAP, servers)):
        await_login(platform, names.PRINCIPAL, dev_min.put_credential(platform, names.PRINCIPAL))
        yield


def deployed_anew(platform: Platform) -> Iterator[None]:
    """The same revision, in tasks that start now."""
    deploy(platform)
    yield


STORY: Final = Story(
    incident="B",
    title="managed Kafka works in theory only",
    plane=Plane.MESSAGING,
    chapters=(
        Chapter(
            title="the service runs, and publishes nothing",
            change="its task definition was copied from another service: cluster and secret are that one's",
            apply=copied_definition,
            expects=(
                Red(check="MSG-030", layer=Layer.WIRING, cause="other-secret"),
                Red(check="MSG-040", layer=Layer.WIRING, cause="foreign-endpoint"),
            ),
        ),
        Chapter(
            title="its own principal, on another cluster",
            change="the task definition injects the service's own secret, and is deployed",
            apply=secret_corrected,
            expects=(Red(check="MSG-040", layer=Layer.WIRING, cause="foreign-endpoint"),),
        ),
        Chapter(
            title="the right cluster, and a rotation that nobody followed",
            change="the bootstrap variable names the declared cluster, and is deployed; then the secret is rotated",
            apply=wired_then_rotated,
            expects=(Red(check="MSG-050", layer=Layer.ROTATION, cause="credential-stale-in-task"),),
        ),
        Chapter(
            title="a deployment brings the credential",
            change="the same revision is deployed anew",
            apply=deployed_anew,
        ),
    ),
)
