"""Commands find the declaration where pytest finds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_substrate.cli.main import main

DEV_MIN = (Path(__file__).parents[3] / "fixtures/dev_min/substrate.toml").read_text(encoding="utf-8")
FOUND = "conf/other.toml · dev · 111122223333/eu-west-2"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a declaration in a folder of it, and nothing in the environment."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/other.toml").write_text(DEV_MIN, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SUBSTRATE_DECLARATION", raising=False)
    return tmp_path


def first_line(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The head of what `checks` shows."""
    code = main(["checks", "--plane", "messaging_plane", *words])
    out, err = capsys.readouterr()
    assert (0, "") == (code, err)
    return out.splitlines()[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", "[tool.pytest.ini_options]\nsubstrate_declaration = 'conf/other.toml'\n"),
        ("pyproject.toml", "[tool.pytest]\nsubstrate_declaration = 'conf/other.toml'\n"),
        ("pytest.toml", "[pytest]\nsubstrate_declaration = 'conf/other.toml'\n"),
        ("pytest.ini", "[pytest]\nsubstrate_declaration = conf/other.toml\n"),
        ("tox.ini", "[tox]\nx = %(y)s\n[pytest]\nsubstrate_declaration = conf/other.toml\n"),
        ("setup.cfg", "[metadata]\nname = x\n[tool:pytest]\nsubstrate_declaration = conf/other.toml\n"),
    ],
)
def test_the_ini_option_of_each_file_that_pytest_reads(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    """Relative to that file."""
    (project / name).write_text(text, encoding="utf-8")
    assert FOUND == first_line(capsys)


def test_the_nearest_file_that_configures_pytest_decides(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a folder below it; a nearer file without pytest's table is none."""
    (project / "pytest.ini").write_text("[pytest]\nsubstrate_declaration = conf/other.toml\n", encoding="utf-8")
    inner = project / "a/b"
    inner.mkdir(parents=True)
    (inner / "pyproject.toml").write_text("[project]\nname = 'b'\n", encoding="utf-8")
    (inner / "substrate.toml").write_text("nothing =", encoding="utf-8")
    monkeypatch.chdir(inner)
    assert f"{project / FOUND}" == first_line(capsys)


def test_without_the_option_the_file_beside_the_configuration(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`substrate.toml` in the rootdir, as pytest's default says."""
    (project / "pytest.ini").write_text("", encoding="utf-8")
    (project / "substrate.toml").write_text(DEV_MIN, encoding="utf-8")
    monkeypatch.chdir(project / "conf")
    assert str(project / "substrate.toml") + FOUND.removeprefix("conf/other.toml") == first_line(capsys)


def test_without_any_configuration_the_file_in_the_working_folder(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The default of a project that doesn't configure pytest."""
    (project / "substrate.toml").write_text(DEV_MIN, encoding="utf-8")
    assert FOUND.replace("conf/other", "substrate") == first_line(capsys)


@pytest.mark.parametrize("option", ["--declaration", "--substrate"])
def test_an_option_or_the_environment_comes_first(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    """Both names of the option; then the variable that a run reads too."""
    (project / "pytest.ini").write_text("[pytest]\nsubstrate_declaration = none.toml\n", encoding="utf-8")
    assert FOUND == first_line(capsys, option, "conf/other.toml")
    monkeypatch.setenv("SUBSTRATE_DECLARATION", "conf/other.toml")
    assert FOUND == first_line(capsys)


@pytest.mark.parametrize(
    ("ini", "said"),
    [
        (None, "the declaration: there is none: looked for substrate.toml, and no file configures pytest here"),
        ("[pytest]\n", "looked for substrate.toml, and pytest.ini has no substrate_declaration"),
        (
            "[pytest]\nsubstrate_declaration = gone.toml\n",
            "pytest.ini: substrate_declaration names gone.toml, which isn't there",
        ),
        ("substrate_declaration = x\n", "pytest.ini: can't be parsed (MissingSectionHeaderError)"),
    ],
)
def test_one_line_says_where_it_looked(
    project: Path, capsys: pytest.CaptureFixture[str], ini: str | None, said: str
) -> None:
    """Whatever is missing, the line ends with the option that mends it."""
    if ini is not None:
        (project / "pytest.ini").write_text(ini, encoding="utf-8")
    assert 2 == main(["checks"])
    out, err = capsys.readouterr()
    assert ("", 1) == (out, err.count("\n"))
    assert said in err
    assert err.endswith("name the declaration with --declaration FILE\n")


def test_a_declaration_above_is_named_and_not_taken(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no file configures pytest, a folder below the declaration has none; the line says where one lies."""
    (project / "conf/other.toml").rename(project / "substrate.toml")
    monkeypatch.chdir(project / "conf")
    assert 2 == main(["checks"])
    assert f"write --declaration {project}/substrate.toml, which lies above" in capsys.readouterr().err
