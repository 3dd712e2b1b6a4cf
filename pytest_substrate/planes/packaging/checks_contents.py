"""The packaging plane's checks of what is in an image: distributions, modules, libraries, the entry point."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pytest_substrate.model import subjects
from pytest_substrate.model.check import Cause, Check
from pytest_substrate.model.outcome import Layer, Plane
from pytest_substrate.model.unseen import UNSEEN_CAUSES
from pytest_substrate.planes.packaging.checks_rollout import IMAGE, UNREAD

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration, Job, Service

_UNDECIDED: Final = Cause(slug="undecided", meaning="a marker or a version can't be told from the image alone")
_LOCK: Final = (
    Cause(slug="lock-missing", meaning="the contract names a lock file that isn't there"),
    Cause(slug="lock-unusable", meaning="the contract's lock file can't be read, or isn't one"),
)
_IMAGE_COMMAND: Final = (
    "substrate image {account}.dkr.ecr.{region}.amazonaws.com/{repository}@{image_digest} --contract CONTRACT.toml"
)


def _imports_in_a_task(declaration: Declaration, subject: str) -> bool:
    """Whether the contract of a workload's artifact says so."""
    kind, name = subject.split("/")[:2]
    declared: Service | Job = (declaration.service if kind == "service" else declaration.job)[name]
    return declaration.artifact[declared.artifact].contract.imports_at is not None


CONTENTS: Final[tuple[Check, ...]] = (
    Check(
        id="PKG-060",
        plane=Plane.PACKAGING,
        statement="the image satisfies its contract: every required distribution, at an admitted version, its files "
        "present",
        layer=Layer.PACKAGING,
        subjects=subjects.workloads,
        why="An image that lacks a dependency is deployed without complaint, and crashes at its first import.",
        how="The layers are streamed by digest, whiteouts applied; METADATA, WHEEL and RECORD of each distribution "
        "are read. Required are the contract's distributions, and what its lock file pins for the image's own Python "
        "and platform.",
        red_when="a required distribution is missing, at another version, twice, for another Python, or lacks files.",
        needs=("PKG-020",),
        permissions=IMAGE,
        causes=(
            Cause(slug="distribution-missing", meaning="a required distribution isn't in the image"),
            Cause(slug="other-version", meaning="a distribution is there at a version that isn't admitted"),
            Cause(slug="file-missing", meaning="a file that a distribution's RECORD names isn't in the image"),
            Cause(slug="duplicate-metadata", meaning="a distribution has its metadata twice"),
            Cause(slug="wheel-tag", meaning="a wheel was built for another Python or platform"),
            Cause(slug="other-python", meaning="the image's Python isn't the declared one"),
            Cause(slug="files-unknown", meaning="nothing in the image says which files a distribution has"),
            _UNDECIDED,
            *_LOCK,
            UNREAD,
            *UNSEEN_CAUSES,
        ),
        next=_IMAGE_COMMAND,
    ),
    Check(
        id="PKG-070",
        plane=Plane.PACKAGING,
        statement="the closure holds: every installed distribution's own requirements are met",
        layer=Layer.PACKAGING,
        subjects=subjects.workloads,
        why="The dependency that is missing is seldom the one that somebody listed.",
        how="Requires-Dist and Requires-Python of every distribution, with markers for the image's own environment.",
        red_when="a requirement, an extra's too, isn't met by what is in the image.",
        needs=("PKG-020",),
        permissions=IMAGE,
        causes=(
            Cause(
                slug="requirement-unmet", meaning="a distribution requires one that is missing or at another version"
            ),
            Cause(slug="python-unmet", meaning="a distribution requires another Python"),
            _UNDECIDED,
            *_LOCK,
            UNREAD,
            *UNSEEN_CAUSES,
        ),
        next=_IMAGE_COMMAND,
    ),
    Check(
        id="PKG-080",
        plane=Plane.PACKAGING,
        statement="the declared imports resolve to files in the image",
        layer=Layer.PACKAGING,
        subjects=subjects.workloads,
        why="A distribution can be installed and its module still not be where the interpreter looks.",
        how="Each declared module is looked for on the image's own module path, without running it. With "
        '`imports_at = "task"` in the contract it is imported as well, in a process of its own, by a task with the '
        "workload's own roles, secrets and network; that takes the permissions of a probe.",
        red_when="a module resolves to nothing, or to something outside the image, or its import fails in the task.",
        needs=("PKG-020",),
        permissions=IMAGE,
        causes=(
            Cause(slug="import-missing", meaning="a declared module is nowhere on the image's module path"),
            Cause(slug="import-shadowed", meaning="another file stands before the module on the path"),
            Cause(slug="path-unknown", meaning="a shell, or code that runs at start, may add to the module path"),
            Cause(slug="import-failed", meaning="a module was found, and its import raised an error in a task"),
            Cause(slug="not-tried", meaning="the imports could not be tried in a task: the fact `reason` says why"),
            UNREAD,
            *UNSEEN_CAUSES,
        ),
        next=_IMAGE_COMMAND,
        inside_of=_imports_in_a_task,
    ),
    Check(
        id="PKG-090",
        plane=Plane.PACKAGING,
        statement="native libraries are found, and binaries match the platform",
        layer=Layer.PACKAGING,
        subjects=subjects.workloads,
        why="A shared library that is missing shows itself when the client is first used, in production.",
        how="The ELF headers of extension modules and binaries: machine, and the needed libraries along their search "
        "path.",
        red_when="a needed library is missing, or a binary is for another machine.",
        needs=("PKG-020",),
        permissions=IMAGE,
        causes=(
            Cause(slug="library-missing", meaning="a shared library that a module needs isn't in the image"),
            Cause(slug="other-machine", meaning="a binary is for another machine than the image"),
            Cause(slug="binary-damaged", meaning="a binary is cut, or no loader could read it"),
            Cause(slug="unread", meaning="a binary's tables lie where a stream can't read them"),
            *_LOCK,
            UNREAD,
            *UNSEEN_CAUSES,
        ),
        next=_IMAGE_COMMAND,
    ),
    Check(
        id="PKG-100",
        plane=Plane.PACKAGING,
        statement="the entrypoint resolves",
        layer=Layer.PACKAGING,
        subjects=subjects.workloads,
        why="A task whose entrypoint isn't there stops before it writes a line.",
        how="Entry point and command, as the task definition overrides them, are looked for in the image: file, "
        "mode, and the interpreter that its first line names.",
        red_when="the program, its interpreter or the module that it runs isn't in the image, or it can't be executed.",
        needs=("PKG-020",),
        permissions=("ecs:DescribeTaskDefinition", *IMAGE),
        causes=(
            Cause(slug="entrypoint-missing", meaning="the program isn't in the image"),
            Cause(slug="not-executable", meaning="the program can't be executed"),
            Cause(slug="interpreter-missing", meaning="the interpreter that the program names isn't in the image"),
            Cause(slug="no-entrypoint", meaning="neither image nor task definition says what to run"),
            UNREAD,
            *UNSEEN_CAUSES,
        ),
        next=_IMAGE_COMMAND,
    ),
)
