"""Incident C: "fixed, but prod still crashed". A fix lacks what it needs, and a pending apply would do more harm."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, Final

from pytest_substrate.embedded.platform import dev_min, names
from pytest_substrate.embedded.platform.changes import job_definition
from pytest_substrate.embedded.platform.infrastructure import (
    PASSWORD,
    PLAN,
    SERVICE,
    VERSION,
    pending,
    regenerate_password,
)
from pytest_substrate.embedded.platform.platform import Platform, wait_until
from pytest_substrate.embedded.platform.releases import released
from pytest_substrate.embedded.platform.service import await_deployment, container, stopped_tasks
from pytest_substrate.embedded.replay.story import Chapter, Red, Same, Story
from pytest_substrate.embedded.runtime import images
from pytest_substrate.model.outcome import Layer, Plane

_LIBRARY: Final = "kafka-python"
_FIX: Final = '''\
"""The publisher with a fix: it collects events for a while, and loads its client for the first of them."""

import time

if __name__ == "__main__":
    time.sleep(6)
    from ingest.publishing import main

    main()
'''
"""Its tasks run for six seconds, much longer than a rollout takes here, and then come to an import."""
_CRASHES_S: Final = 30.0


def fix_shipped(platform: Platform) -> Iterator[None]:
    """The rollout completes; then each task crashes, and another takes its place, which will crash too."""
    before = {task["taskArn"] for task in stopped_tasks(platform)}

    def crashes() -> int:
        new = (task for task in stopped_tasks(platform) if task["taskArn"] not in before)
        return sum(task.get("stopCode") == "EssentialContainerExited" for task in new)

    with _released(platform, "1.0.1", keep=lambda _: False):
        wait_until(lambda: crashes() >= names.RUNNING, what="the fix's tasks to crash", deadline_s=_CRASHES_S)
        await_deployment(platform)
        yield


def apply_pending(platform: Platform) -> Iterator[None]:
    """Nobody has applied it: the infrastructure pipeline left it to be looked at."""
    with pending(platform, regenerate_password):
        yield


def dependency_shipped(platform: Platform) -> Iterator[None]:
    """The same program, and what it imports."""
    with _released(platform, "1.0.2", keep=bool):
        yield


@contextlib.contextmanager
def _released(platform: Platform, tag: str, *, keep: Callable[[str], bool]) -> Iterator[None]:
    """The fix in an image of that tag, with what `keep` says of the library; service and job run it."""
    program = files("pytest_substrate.embedded.platform") / "images/ingest/ingest/__main__.py"
    sources = {"/app/ingest/__main__.py": _FIX.encode(), "/app/ingest/publishing.py": program.read_bytes()}
    with contextlib.ExitStack() as undo:
        digest = undo.enter_context(released(platform, tag=tag, keep=keep, more=images.python_files(sources)))

        def pin(definition: dict[str, Any]) -> None:
            container(definition)["image"] = dev_min.image_at(digest)

        undo.enter_context(job_definition(platform, pin))
        yield


STORY: Final = Story(
    incident="C",
    title="fixed, but prod still crashed",
    plane=Plane.PACKAGING,
    same=(Same(check="MSG-010", subject="service/ingest", fact="version_id", what="the secret's current version"),),
    chapters=(
        Chapter(
            title="the rollout completes, and the service crash-loops",
            change=f"a fix ships; its image was built without {_LIBRARY}, which it loads at its first event",
            apply=fix_shipped,
            expects=(
                Red(
                    check="PKG-050",
                    layer=Layer.RUNTIME,
                    cause="container-crashed",
                    facts={"exit_code": 1},
                    logs="ModuleNotFoundError: No module named 'kafka'",
                ),
                Red(check="PKG-060", layer=Layer.PACKAGING, cause="distribution-missing", says=(_LIBRARY,)),
            ),
        ),
        Chapter(
            title="an apply that would overwrite the good credential is refused",
            change="a plan is pending: a longer generated password, and so a new version of the service's secret",
            apply=apply_pending,
            plan=PLAN,
            taken_back=True,
            expects=(
                Red(
                    check="PKG-120",
                    layer=Layer.WIRING,
                    cause="credential-overwritten",
                    subject=f"resource/{PASSWORD}",
                ),
                Red(
                    check="PKG-120",
                    layer=Layer.WIRING,
                    cause="credential-overwritten",
                    subject=f"resource/{VERSION}",
                    says=("replaces a credential's value", f"noticed by {SERVICE}"),
                ),
            ),
        ),
        Chapter(
            title="a new digest, and the credential untouched",
            change=f"an image with {_LIBRARY} is released and deployed by its digest; the plan is withdrawn",
            apply=dependency_shipped,
        ),
    ),
)
