"""The evidence that a run leaves."""

from __future__ import annotations

import hashlib
import json
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_substrate.evidence.envelope import unpack

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

REQUIRED = 25


def statement(project: Project) -> dict[str, Any]:
    """The whole statement."""
    return unpack(project.evidence_path.read_text())


def test_what_it_holds(project: Project, spread: tuple[str, ...]) -> None:
    """Everything that the verdict rests on: what, where, who, when, which checks, and each record."""
    before = datetime.now(UTC)
    assert 0 == project.messaging(*spread).ret
    assert [] == json.loads(project.evidence_path.read_text())["signatures"]
    whole = statement(project)
    digest = hashlib.sha256((project.path / "substrate.toml").read_bytes()).hexdigest()
    assert [
        {"name": "substrate.toml", "digest": {"sha256": digest}},
        {"name": "acme/ingest", "digest": {"sha256": "9f" * 32}},
    ] == whole["subject"]
    predicate = whole["predicate"]
    assert "substrate.evidence/1" == predicate["schema"]
    assert {"kind": "aws", "account": "111122223333", "region": "eu-west-2", "environment": "dev"} == predicate[
        "target"
    ]
    assert "arn:aws:iam::111122223333:role/substrate-observer" == predicate["observer"]
    assert ("READY", {"messaging_plane": "READY"}) == (predicate["verdict"], predicate["planes"])
    assert REQUIRED == len(predicate["records"]) == predicate["check_set"]["required"]
    assert [] == predicate["problems"] == predicate["not_applicable"] == predicate["attachments"]
    times = [datetime.fromisoformat(predicate["run"][name]) for name in ("started", "oldest_observation", "finished")]
    assert before <= times[2] <= datetime.now(UTC)
    assert times[0] <= times[1] <= times[2]
    assert predicate["plugin"]["judged_by"].endswith("conftest.StandIn")
    assert {"value": "aws", "source": "default"} == predicate["options"]["target"]
    assert (None, None) == (predicate["declaration"]["commit"], predicate["declaration"]["modified"])


def test_the_same_records_in_the_same_order(project: Project) -> None:
    """A plain run and one under xdist leave the same records but for their times."""
    found = []
    for spread in ((), ("-n", "2")):
        assert 0 == project.messaging(*spread).ret
        found.append([{**record, "duration_ms": 0} for record in statement(project)["predicate"]["records"]])
    assert found[0] == found[1]


def test_commit(project: Project) -> None:
    """In a git work tree, the commit is named, and whether the declaration differs from it."""

    def git(*arguments: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments]
        return subprocess.run(command, cwd=project.path, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", "substrate.toml")
    git("commit", "-q", "-m", "first")
    assert 0 == project.messaging().ret
    declaration = project.predicate["declaration"]
    assert (git("rev-parse", "HEAD"), False) == (declaration["commit"], declaration["modified"])
    with (project.path / "substrate.toml").open("a") as file:
        file.write("# changed\n")
    assert 0 == project.messaging().ret
    assert project.predicate["declaration"]["modified"] is True


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "messaging_plane", "--substrate-target=azure"),
        ("-m", "messaging_plane", "-s"),
        ("-m", "messaging_plane", "--collect-only"),
        ("-m", "messaging_plane", "--setup-plan"),
        ("-m", "messaging_plane", "--substrate=missing.toml"),
    ],
    ids=" ".join,
)
def test_old_evidence_goes_first(project: Project, arguments: tuple[str, ...]) -> None:
    """A run that comes to nothing leaves no evidence of an earlier one to be taken for its own."""
    project.earlier()
    assert 0 != project.run(*arguments).ret
    left = project.evidence_path.exists()
    assert not left or "NOT READY" == project.predicate["verdict"]


def test_a_plain_run_leaves_evidence_alone(project: Project) -> None:
    """What demands nothing removes nothing."""
    assert 0 == project.messaging().ret
    project.pytester.makepyfile(test_own="def test_own(): pass\n")
    assert 0 == project.run().ret
    assert project.evidence_path.exists()


def test_elsewhere(project: Project) -> None:
    """The option names another place, relative to where the command was given; folders are made."""
    result = project.messaging("--substrate-evidence", "out/deep/e.json")
    assert 0 == result.ret
    assert "READY" == unpack((project.path / "out" / "deep" / "e.json").read_text())["predicate"]["verdict"]
    assert "evidence out/deep/e.json (UNSIGNED)" in result.stdout.lines
    assert not project.evidence_path.exists()


def test_where_it_was_written(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The evidence names its own place below the rootdir, or as it was given; never a path that nobody typed."""
    below = project.path / "below"
    below.mkdir()
    monkeypatch.chdir(below)
    for given, told in (
        (f"{project.path}/a/e.json", "a/e.json"),
        ("e.json", "below/e.json"),
        (f"../../{tmp_path.name}-x.json", f"../../{tmp_path.name}-x.json"),
    ):
        assert (
            0
            == project.messaging(
                "--rootdir=..", f"--substrate={project.path}/substrate.toml", f"--substrate-evidence={given}"
            ).ret
        )
        predicate = unpack((below / given).read_text())["predicate"]
        assert {"value": told, "source": "option"} == predicate["options"]["evidence"]


@pytest.mark.parametrize("attached", [True, False])
def test_attached(project: Project, monkeypatch: pytest.MonkeyPatch, attached: bool) -> None:
    """The evidence says whether the embedded platform was one that somebody kept running."""
    monkeypatch.delenv("SUBSTRATE_EMBEDDED", raising=False)
    if attached:
        monkeypatch.setenv("SUBSTRATE_EMBEDDED", "attach.json")
    assert 0 == project.messaging("--substrate-target=embedded").ret
    source = "environment" if attached else "default"
    assert {"value": attached, "source": source} == project.predicate["options"]["attached"]


def test_it_cannot_be_written_at_the_end(project: Project, spread: tuple[str, ...]) -> None:
    """A green that left no evidence is not green: exit code 11, said on screen."""
    project.conftest(
        "import pytest_substrate.evidence.envelope as envelope\n\ndef write_whole(path, text):\n"
        "    raise OSError(28, 'No space left on device')\n\nenvelope.write_whole = write_whole\n"
    )
    result = project.run_apart("-m", "messaging_plane", *spread)  # it patches what this process has, too
    assert 11 == result.ret
    assert "No space left on device" in str(result.stdout)
    assert "READY  but the run is red: its evidence could not be left" == result.stdout.lines[-1]
    assert not project.evidence_path.exists()


ATTACHING = """
import pytest
from pytest_substrate.given import Secret

pytestmark = pytest.mark.messaging_plane

def test_attach(evidence):
    evidence.attach("lag", {"records": 12, "topic": "events.raw", "groups": ["ingest"]})

@pytest.mark.parametrize("facts", [
    {"password": Secret("hidden")}, {"x": {"y": 1}}, {"x": b"bytes"}, {"x": "two\\nlines"}, {"x": "l" * 301},
    {"X Y": 1}, {"x": [object()]},
])
def test_refused(evidence, facts):
    with pytest.raises((TypeError, ValueError)) as error:
        evidence.attach("refused", facts)
    assert "hidden" not in str(error.value)
"""


def test_attachments(project: Project, spread: tuple[str, ...]) -> None:
    """A user's test adds plain facts; what isn't plain is refused, a Secret above all."""
    project.pytester.makepyfile(test_own=ATTACHING)
    result = project.messaging("test_own.py", *spread)
    assert 0 == result.ret, str(result.stdout)
    assert [
        {
            "test": "test_own.py::test_attach",
            "name": "lag",
            "facts": {"records": 12, "topic": "events.raw", "groups": ["ingest"]},
        }
    ] == project.predicate["attachments"]


def test_attachments_without_a_plane(project: Project, spread: tuple[str, ...]) -> None:
    """In a run without a demanded plane facts are looked at just as closely, and go nowhere."""
    project.pytester.makepyfile(test_own=ATTACHING)
    result = project.run("test_own.py", "--junitxml=junit.xml", *spread)
    assert 0 == result.ret, str(result.stdout)
    assert not project.evidence_path.exists()
    assert "events.raw" not in (project.path / "junit.xml").read_text()


def test_the_ledger(project: Project, spread: tuple[str, ...]) -> None:
    """Each run appends to the ledger beside the evidence, which names where it then ends."""
    ledger = project.evidence_path.with_name("ledger.jsonl")
    assert 0 == project.messaging(*spread).ret
    assert {"lines": 1, "sha256": json.loads(ledger.read_text())["hash"]} == project.predicate["ledger"]
    project.red(MSG_050=("VIOLATION", "rotation"))
    assert 1 == project.messaging(*spread).ret
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert ["run", "run", "transition"] == [line["kind"] for line in lines]
    assert {"lines": 3, "sha256": lines[-1]["hash"]} == project.predicate["ledger"]


def test_a_broken_ledger(project: Project) -> None:
    """A ledger that somebody edited is not continued, and the run has no evidence to leave: exit code 11."""
    ledger = project.evidence_path.with_name("ledger.jsonl")
    assert 0 == project.messaging().ret
    ledger.write_text(ledger.read_text().replace("READY", "ready"))
    before = ledger.read_text()
    result = project.messaging()
    assert 11 == result.ret
    assert "ledger.jsonl:1" in str(result.stdout)
    assert not project.evidence_path.exists()
    assert before == ledger.read_text()
    assert 0 == project.messaging("--substrate-adhoc").ret


def test_no_ledger_line_without_a_verdict(project: Project) -> None:
    """A run that only collects, and one that was interrupted, have no verdict to remember."""
    assert 10 == project.messaging("--collect-only").ret
    project.conftest("def pytest_collection_finish(session): raise KeyboardInterrupt\n")
    assert 2 == project.messaging().ret
    assert not project.evidence_path.parent.exists()
