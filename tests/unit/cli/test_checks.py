"""`substrate checks`: what a declaration demands, on screen and as JSON, and nothing of one that can't be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_substrate.cli.main import main
from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.gate.required import check_set_digest, required_pairs
from pytest_substrate.model.outcome import Plane

FIXTURES = Path(__file__).parents[3] / "fixtures"
DEV_MIN = FIXTURES / "dev_min/substrate.toml"
FULL = FIXTURES / "declarations/full.toml"


def full(tmp_path: Path, old: str = "", new: str = "") -> str:
    """A copy of the full declaration whose waiver stands for a long time, with one more change."""
    text = FULL.read_text(encoding="utf-8").replace("2026-12-31", "2999-12-31")
    assert not old or old in text
    path = tmp_path / "substrate.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return str(path)


def test_shows_each_check_with_its_subject_layer_and_statement(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a pair, under the plane's name, with the digest that a run's evidence holds."""
    assert 0 == main(["checks", "--declaration", str(DEV_MIN), "--plane", "messaging_plane"])
    out, err = capsys.readouterr()
    lines = out.splitlines()
    declaration = read_declaration(DEV_MIN.read_bytes(), name="substrate.toml")
    required = required_pairs(declaration, [Plane.MESSAGING])
    assert f"{DEV_MIN} · dev · 111122223333/eu-west-2" == lines[0]
    assert [[pair.check, pair.subject] for pair in required] == [
        line.split()[:2] for line in lines if line.startswith("  ")
    ]
    assert (
        "  MSG-160  service/ingest                   credential     the broker accepts the runtime's credential"
        in lines
    )
    assert [f"{len(required)} demanded", f"check set {check_set_digest(required)}"] == lines[-2:]
    assert "" == err


def test_says_which_planes_are_not_built(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A plane whose checks can't be judged yet is never shown as if they could."""
    assert 0 == main(["checks", "--declaration", full(tmp_path)])
    lines = capsys.readouterr().out.splitlines()
    assert "messaging_plane" in lines
    assert "drift_sweep   not built yet: demanding it is an error" in lines


def test_shows_what_is_waived_and_what_does_not_apply_with_the_reason(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Exceptions stand beside what is demanded, and are counted."""
    assert 0 == main(["checks", "--declaration", full(tmp_path)])
    out = capsys.readouterr().out
    assert "[waived: until 2999-12-31T00:00:00Z by platform (PLAT-17): the registry moves to immutable tags" in out
    assert "[not applicable: a Go binary has no distributions]" in out
    assert "[on request: only where a run is given what it judges]" in out
    assert ", 1 waived, 3 not applicable, 4 on request\n" in out


def test_json_holds_the_same(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """JSON alone on stdout: every pair with its state, and what is built."""
    path = full(tmp_path)
    assert 0 == main(["checks", "--declaration", path, "--plane", "packaging_plane", "--format", "json"])
    said = json.loads(capsys.readouterr().out)
    declaration = read_declaration(Path(path).read_bytes(), name=path)
    required = required_pairs(declaration, [Plane.PACKAGING])
    assert ("substrate.checks/1", "dev", "111122223333", "eu-west-2") == (
        said["schema"],
        said["environment"],
        said["account"],
        said["region"],
    )
    assert {"substrate": True, "packaging_plane": True} == said["planes"]
    assert check_set_digest(required) == said["check_set"]
    assert {(pair.check, pair.subject) for pair in required} == {
        (line["check"], line["subject"]) for line in said["checks"] if line["state"] in ("demanded", "waived")
    }
    [exempt] = [line for line in said["checks"] if line["check"] == "PKG-080" and line["subject"] == "job/oracle"]
    assert ("not-applicable", "a Go binary", "packaging") == (exempt["state"], exempt["note"], exempt["layer"])


def test_an_expired_waiver_is_red(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Any run with this declaration would be refused, so the command says so and ends with 1."""
    assert 1 == main(["checks", "--declaration", full(tmp_path, "2999-12-31", "2020-12-31")])
    err = capsys.readouterr().err
    assert "the waiver of REL-090 for artifact/ingest ended at 2020-12-31T00:00:00Z; mend the check" in err


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_broken_declaration_is_a_line_for_each_problem(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, form: str
) -> None:
    """Nothing on stdout, each problem with file and line on stderr, and exit code 2."""
    path = full(tmp_path, 'region = "eu-west-2"', 'region = "London"')
    assert 2 == main(["checks", "--declaration", path, "--format", form])
    out, err = capsys.readouterr()
    assert "" == out
    assert f'substrate checks: {path}:5: region is not an AWS region; write its code, such as "eu-west-2"\n' == err


def test_no_declaration_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A file that isn't there is named, with the option that names another."""
    path = tmp_path / "none.toml"
    assert 2 == main(["checks", "--declaration", str(path)])
    assert (
        f"substrate checks: {path}: can't be read: No such file or directory; "
        "name the declaration with --declaration FILE\n"
    ) == capsys.readouterr().err


def test_a_plane_of_which_nothing_is_declared_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """As a run would refuse it."""
    path = tmp_path / "substrate.toml"
    text = FULL.read_text(encoding="utf-8")
    head, cluster = text[text.index("schema") : text.index("[observer]")], text[text.index("[cluster.spine]") :]
    path.write_text(head + cluster[: cluster.index("[cluster.shared]")], encoding="utf-8")
    assert 2 == main(["checks", "--declaration", str(path), "--plane", "data_plane"])
    out, err = capsys.readouterr()
    assert "" == out
    assert (
        "substrate checks: data_plane: the declaration holds nothing that this plane would check; declare it, or don't "
        "demand the plane\n"
    ) == err


def test_an_unknown_plane_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt plane demands nothing, so it is an error that names those that there are."""
    with pytest.raises(SystemExit) as raised:
        main(["checks", "--declaration", str(FULL), "--plane", "message_plane"])
    assert 2 == raised.value.code
    assert "messaging_plane" in capsys.readouterr().err
