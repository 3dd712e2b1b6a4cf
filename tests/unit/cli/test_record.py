"""`substrate record`: what it writes is what checks read, and nothing is written of what they would refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_substrate.cli.main import main
from pytest_substrate.model.release_record import ReleaseRecord, parse_record

DIGEST, COMMIT = "sha256:" + "a" * 64, "c" * 40
GIVEN = ["record", "--repository", "acme/ingest", "--digest", DIGEST]
OF_JOBS = {
    "github": {
        "GITHUB_SHA": COMMIT,
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "acme/ingest",
        "GITHUB_RUN_ID": "17",
    },
    "gitlab": {"CI_COMMIT_SHA": COMMIT, "CI_JOB_URL": "https://gitlab.example/acme/ingest/-/jobs/17"},
    "buildkite": {"BUILDKITE_COMMIT": COMMIT, "BUILDKITE_BUILD_URL": "https://buildkite.example/acme/ingest/builds/17"},
    "circleci": {"CIRCLE_SHA1": COMMIT, "CIRCLE_BUILD_URL": "https://circleci.example/gh/acme/ingest/17"},
}


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine's own CI."""
    for names in OF_JOBS.values():
        for name in names:
            monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("job", OF_JOBS)
def test_in_a_job(job: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The job's environment says commit and build."""
    for name, value in OF_JOBS[job].items():
        monkeypatch.setenv(name, value)
    out = tmp_path / "release" / "ingest.json"
    assert 0 == main([*GIVEN, "--out", str(out)])
    record = parse_record(out.read_bytes(), name="r")
    assert isinstance(record, ReleaseRecord)
    assert (COMMIT, True, ("linux/amd64",)) == (record.commit, record.build.endswith("17"), record.platforms)


def test_several_platforms(capsys: pytest.CaptureFixture[str]) -> None:
    """An index has several; without --out the record is all that stands on standard output."""
    more = [
        "--platform",
        "linux/amd64",
        "--platform",
        "linux/arm64",
        "--commit",
        COMMIT,
        "--build",
        "https://ci.example/1",
    ]
    assert 0 == main([*GIVEN, *more])
    record = parse_record(capsys.readouterr().out.encode(), name="r")
    assert isinstance(record, ReleaseRecord)
    assert ("linux/amd64", "linux/arm64") == record.platforms


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ([], "--commit: is not given"),
        (["--commit", COMMIT], "--build: is not given"),
        (["--commit", "main", "--build", "https://ci.example/1"], "--commit: is no full commit hash"),
        (["--commit", COMMIT, "--build", "http://ci.example/1"], "--build: is no https URL"),
        (["--commit", COMMIT, "--build", "https://ci.example/1?token=s3cret"], "--build: is no https URL"),
        (
            ["--commit", COMMIT, "--build", "https://ci.example/1", "--platform", "linux"],
            "--platform: is no platform",
        ),
    ],
)
def test_what_is_refused(more: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that names the option, and no file."""
    out = tmp_path / "ingest.json"
    assert 2 == main([*GIVEN, *more, "--out", str(out)])
    error = capsys.readouterr().err
    assert told in error
    assert "s3cret" not in error
    assert not out.exists()
