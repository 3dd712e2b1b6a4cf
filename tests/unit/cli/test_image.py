"""`substrate image`: what is typed, what is printed, and the exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_substrate.cli.contract import read_contract
from pytest_substrate.cli.main import main
from pytest_substrate.model.errors import BadInput
from pytest_substrate.planes.packaging.image.contents import Contract
from tests.unit.planes.packaging.making import base, image, installed, wanting

CONTRACT = """[contract]
distributions = ["kafka-python>=2.2"]
imports = ["kafka_python"]
python = "3.11"
labels = { a = "b" }
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the user's."""
    monkeypatch.setenv("SUBSTRATE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def layout(tmp_path: Path) -> str:
    """A healthy image on disk, as a reference."""
    made = image([*base(), *installed("kafka-python", "2.2.1")], Labels={"a": "b"})
    return f"oci:{made.write(tmp_path / 'layout')}"


def contract(tmp_path: Path, text: str = CONTRACT) -> str:
    """A contract's file."""
    path = tmp_path / "contract.toml"
    path.write_text(text)
    return str(path)


def test_a_lock_beside_the_contract(tmp_path: Path, layout: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its packages are required as well; one that can't be used is told by its path."""
    file = contract(tmp_path, '[contract]\nlock = "requirements.txt"\n')
    assert 2 == main(["image", layout, "--contract", file])
    assert "requirements.txt: can't be read" in capsys.readouterr().err
    hashed = "--hash=sha256:" + "0" * 64
    (tmp_path / "requirements.txt").write_text(f"kafka-python==2.2.1 {hashed}\n")
    assert 0 == main(["image", layout, "--contract", file])
    (tmp_path / "requirements.txt").write_text(f"kafka-python==2.2.2 {hashed}\n")
    assert 1 == main(["image", layout, "--contract", file])
    assert "kafka-python is at 2.2.1, not ==2.2.2" in capsys.readouterr().out


def test_a_report_in_both_formats(tmp_path: Path, layout: str, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON alone on standard output; six records for the digest."""
    digest = json.loads((Path(layout[4:]) / "index.json").read_text())["manifests"][0]["digest"]
    assert 0 == main(["image", layout, "--contract", contract(tmp_path), "--format", "json"])
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert "" == err
    assert ("substrate.report/1", "READY", None) == (report["schema"], report["verdict"], report["first_red"])
    assert ["PKG-020", "PKG-060", "PKG-070", "PKG-080", "PKG-090", "PKG-100"] == [
        one["check"] for one in report["records"]
    ]
    assert {(f"image/{digest}", "packaging_plane", "here")} == {
        (one["subject"], one["plane"], one["vantage"]) for one in report["records"]
    }
    assert 0 == main(["image", f"{layout}:latest", "--contract", contract(tmp_path)])
    assert "READY   required 6  passed 6" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "code", "first"),
    [
        (CONTRACT.replace("2.2", "3"), 1, ("PKG-060", "packaging", "other-version")),
        (CONTRACT.replace('"b"', '"c"'), 1, ("PKG-020", "artifact", "label-differs")),
        (CONTRACT.replace("kafka_python", "gone"), 1, ("PKG-080", "packaging", "import-missing")),
        ("[contract]\ndistributions = [\"x; platform_release > '5'\"]\n", 10, ("PKG-060", "packaging", "undecided")),
    ],
)
def test_red_and_undecided_have_their_codes(
    tmp_path: Path,
    layout: str,
    capsys: pytest.CaptureFixture[str],
    *,
    text: str,
    code: int,
    first: tuple[str, str, str],
) -> None:
    """The same in both formats."""
    words = ["image", layout, "--contract", contract(tmp_path, text)]
    assert code == main([*words, "--format", "json"])
    red = json.loads(capsys.readouterr().out)["first_red"]
    assert first == (red["check"], red["layer"], red["cause"])
    assert code == main(words)
    assert f"NOT READY   first red {first[0]} ({first[1]})" in capsys.readouterr().out


def test_another_platform_is_red(tmp_path: Path, layout: str) -> None:
    """PKG-020, as no image of the digest is for it."""
    assert 1 == main(["image", layout, "--contract", contract(tmp_path), "--platform", "linux/arm64"])


@pytest.mark.parametrize(
    "words",
    [
        ["oci:nowhere"],
        ["registry.example/acme/ingest:v1"],
        ["{layout}:gone"],
        ["{layout}", "--platform", "amd64"],
    ],
)
def test_what_was_typed_wrong_is_bad_usage(
    tmp_path: Path, layout: str, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """One line, nothing on standard output."""
    typed = [word.replace("{layout}", layout) for word in words]
    assert 2 == main(["image", *typed, "--contract", contract(tmp_path)])
    out, err = capsys.readouterr()
    assert ("", 1) == (out, len(err.splitlines()))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "contract is missing"),
        ("[contract]\n", "contract demands nothing"),
        ("[contract]\nimports = []\n", "contract demands nothing"),
        ("contract = 3\n", "contract must be a table"),
        ("[[contract]]\n", "contract must be a table"),
        ('[contract]\nimport = ["a"]\n', "contract.import is not a key of this table; write imports"),
        ('[contract]\npython = "3.11"\n[other]\n', "other is not a key of a contract's file"),
        ('[contract]\npython = "3.11.7"\n', "contract.python is not a version of Python"),
        ("[contract]\npython = 3.11\n", "contract.python must be a text"),
        ('[contract]\ndistributions = "a"\n', "contract.distributions must be a list"),
        ('[contract]\ndistributions = ["a", "b=="]\n', "contract.distributions[1] is not a PEP 508 requirement"),
        ('[contract]\ndistributions = ["a @ https://x/y"]\n', "contract.distributions[0] is a requirement with a URL"),
        ('[contract]\nimports = ["a-b"]\n', "contract.imports[0] is not the name of a module"),
        ("[contract]\nlabels = { a = 1 }\n", "contract.labels.a must be a text"),
        ("[contract\n", "is not TOML"),
        ('[contract]\npython = "3.11"\npython = "3.12"\n', "python is declared a second time"),
    ],
)
def test_a_contract_that_is_none_is_bad_input(tmp_path: Path, text: str, said: str) -> None:
    """File, line, key and mend."""
    with pytest.raises(BadInput) as raised:
        read_contract(Path(contract(tmp_path, text)))
    told = str(raised.value)
    assert said in told
    assert told.startswith(f"{tmp_path}/contract.toml:")
    assert "; " in told


def test_every_problem_of_a_contract_is_told(tmp_path: Path) -> None:
    """In one pass."""
    with pytest.raises(BadInput) as raised:
        read_contract(Path(contract(tmp_path, '[contract]\npython = 3\nimports = [""]\n[more]\n')))
    assert 3 == len(str(raised.value).splitlines())


def test_a_contract_is_read(tmp_path: Path) -> None:
    """Each of its keys; a byte order mark before it is none of it."""
    expected = wanting("kafka-python>=2.2", imports=("kafka_python",), python="3.11", labels={"a": "b"})
    assert expected == read_contract(Path(contract(tmp_path, "\ufeff" + CONTRACT)))
    assert Contract(labels={"a": "b"}) == read_contract(Path(contract(tmp_path, '[contract.labels]\na = "b"\n')))


def test_a_contract_that_cannot_be_read_is_bad_input(tmp_path: Path) -> None:
    """No file, a folder, no UTF-8."""
    (tmp_path / "latin").write_bytes(b'[contract]\npython = "\xff"')
    for name in ("gone", ".", "latin"):
        with pytest.raises(BadInput):
            read_contract(tmp_path / name)
