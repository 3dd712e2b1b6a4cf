"""`substrate record`: write the release record of an artifact. For the pipeline that built and pushed it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.release_record import InvalidRecord, ReleaseRecord, parse_record, render_record

HELP = "write the release record of an artifact: commit, build, digest, platform"

_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA", "BUILDKITE_COMMIT", "CIRCLE_SHA1")
_BUILDS = ("CI_JOB_URL", "BUILDKITE_BUILD_URL", "CIRCLE_BUILD_URL")
"""Of GitLab, Buildkite and CircleCI; GitHub's is put together from three variables."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    add("--repository", required=True, help="the image's repository, such as acme/ingest")
    add("--digest", required=True, help="the digest of the image or index that was pushed")
    add("--platform", action="append", help="repeatable; default: linux/amd64")
    add("--commit", help="the full hash of the commit; default: what the CI job's environment says")
    add("--build", metavar="URL", help="the build's page; default: what the CI job's environment says")
    add("--workflow", metavar="PATH", help="the workflow's path in the repository, where the provenance must name it")
    add("--builder", metavar="URI", help="the builder's id, where the provenance must name it")
    add("--out", metavar="FILE", help="default: standard output")


def run(options: argparse.Namespace) -> int:
    """Write it; 0. BadInput (2) where something is missing or isn't what it should be: then nothing is written."""
    record = ReleaseRecord(
        repository=options.repository,
        digest=options.digest,
        platforms=tuple(options.platform or ("linux/amd64",)),
        commit=options.commit or _known("--commit", _first(os.environ, _COMMITS)),
        build=options.build or _known("--build", _build_page(os.environ)),
        time=datetime.now(UTC).replace(microsecond=0),
        workflow=options.workflow,
        builder=options.builder,
    )
    content = render_record(record)
    checked = parse_record(content, name="record")
    if isinstance(checked, InvalidRecord):
        key, _, problem = checked.problem.partition(": ")
        raise BadInput(f"--{key}", problem, "see docs/how-to/release-record.md")
    if options.out is None:
        print(content.decode(), end="")
        return 0
    from pytest_substrate.evidence.envelope import write_whole

    try:
        Path(options.out).parent.mkdir(parents=True, exist_ok=True)
        write_whole(Path(options.out), content.decode())
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise BadInput(options.out, f"can't be written: {reason}", "name another place with --out") from None
    return 0


def _known(option: str, value: str | None) -> str:
    if not value:
        raise BadInput(option, "is not given, and the environment is no CI job's that says it", f"add {option}")
    return value


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := environment.get(name))), None)


def _build_page(environment: Mapping[str, str]) -> str | None:
    server, repository, run = (environment.get(f"GITHUB_{name}") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    if server and repository and run:
        return f"{server}/{repository}/actions/runs/{run}"
    return _first(environment, _BUILDS)
