"""What reporters show of rungs: JUnit, Allure, and pytest's own failure texts."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

REQUIRED = 25


def cases(path: Path) -> dict[str, ET.Element]:
    """JUnit's test cases by name."""
    return {case.attrib["name"]: case for case in ET.parse(path).iter("testcase")}  # noqa: S314  our own file


def properties(case: ET.Element) -> dict[str, str]:
    """The properties of a test case."""
    return {element.attrib["name"]: element.attrib["value"] for element in case.iter("property")}


def test_junit(project: Project, spread: tuple[str, ...]) -> None:
    """Check, subject, layer and cause are properties; a red rung says in short what the ladder says."""
    project.red(MSG_050=("VIOLATION", "rotation"))
    result = project.messaging("--junitxml", "out/junit.xml", *spread)
    assert 1 == result.ret
    found = cases(project.path / "out" / "junit.xml")
    assert REQUIRED == len(found)
    green, red = found["MSG-040[service-ingest]"], found["MSG-050[service-ingest]"]
    assert {"check": "MSG-040", "subject": "service/ingest", "layer": "wiring", "cause": ""} == properties(green)
    assert {"check": "MSG-050", "subject": "service/ingest", "layer": "rotation", "cause": "made-up"} == properties(red)
    assert "substrate.toml.messaging_plane" == red.attrib["classname"]
    [failure] = red.iter("failure")
    assert "made to fail" in failure.attrib["message"]
    assert failure.text is not None
    assert [
        "MSG-050 service/ingest: every running task holds the current credential",
        "  VIOLATION: made to fail",
        "  layer rotation, cause made-up",
    ] == failure.text.splitlines()[:3]
    assert "  why: substrate explain MSG-050" == failure.text.splitlines()[-1]


def results(folder: Path) -> dict[str, dict[str, Any]]:
    """Allure's results by the story (the check's id)."""
    found = {}
    for path in folder.glob("*-result.json"):
        data = json.loads(path.read_text())
        labels: dict[str, list[str]] = {}
        for label in data["labels"]:
            labels.setdefault(label["name"], []).append(label["value"])
        found[labels["story"][0]] = {**data, "labels": labels, "folder": folder}
    return found


def test_allure(project: Project, spread: tuple[str, ...]) -> None:
    """Plane, incident, check, layer and subject are where Allure shows them; facts are attached; no test is dropped."""
    project.red(MSG_050=("VIOLATION", "rotation"), MSG_040=("INCONCLUSIVE", None))
    assert 1 == project.messaging("--alluredir", "allure", *spread).ret
    folder = project.path / "allure"
    found = results(folder)
    assert REQUIRED == len(found)
    assert REQUIRED == len({result["historyId"] for result in found.values()})
    red = found["MSG-050"]
    assert ["messaging_plane"] == red["labels"]["epic"]
    assert ["B: managed Kafka worked in theory only"] == red["labels"]["feature"]
    assert "rotation" in red["labels"]["tag"]
    assert [{"name": "subject", "value": "service/ingest"}] == red["parameters"]
    assert ["service/ingest"] == red["labels"]["subject"]
    assert "MSG-050 every running task holds the current credential" == red["name"]
    assert "failed" == red["status"]
    assert "Failed: MSG-050 service/ingest VIOLATION [rotation] made to fail" == red["statusDetails"]["message"]
    assert "Traceback" not in red["statusDetails"]["trace"]
    [facts] = [attachment for attachment in red["attachments"] if attachment["name"] == "facts"]
    assert "application/json" == facts["type"]
    record = json.loads((folder / facts["source"]).read_text())
    assert ("MSG-050", "VIOLATION", "rotation") == (record["check"], record["outcome"], record["layer"])
    environment = (folder / "environment.properties").read_text().splitlines()
    assert {"target=aws", "environment=dev", "declaration=substrate.toml"} <= set(environment)
    categories = json.loads((folder / "categories.json").read_text())
    assert "layer rotation" in [category["name"] for category in categories]


def test_a_green_run_with_no_reporters(project: Project) -> None:
    """Without --alluredir nothing of Allure's is written or made."""
    assert 0 == project.messaging().ret
    assert not list(project.path.rglob("*-result.json"))
    assert not list(project.path.rglob("categories.json"))


@pytest.mark.parametrize("arguments", [(), ("--tb=long",), ("-l",), ("--full-trace",), ("-rA",)], ids=str)
def test_no_noise(project: Project, arguments: tuple[str, ...]) -> None:
    """A red rung has no traceback, whatever is asked for; the ladder tells it."""
    project.red(MSG_050=("VIOLATION", "rotation"))
    text = str(project.messaging(*arguments).stdout)
    assert "Traceback" not in text
    assert "def test_messaging_plane" not in text
    assert 1 == text.count("✗ MSG-050 every running task holds the current credential")


@pytest.mark.parametrize("columns", [40, 60, 80, 120, 200])
def test_widths(project: Project, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """From 40 columns on, every line fits but for words that can't be broken, and the verdict comes last."""
    monkeypatch.setenv("COLUMNS", str(columns))
    project.red(MSG_050=("VIOLATION", "rotation"), MSG_160=("VIOLATION", None))
    lines = project.messaging().stdout.lines
    begin = next(number for number, line in enumerate(lines) if line.startswith("messaging_plane"))
    too_long = [line for line in lines[begin:] if len(line) > columns]
    assert all("arn:aws:" in line for line in too_long), too_long
    assert lines[-1].startswith("NOT READY")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_encodings(project: Project, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    """Where an encoding lacks the glyphs, plain characters stand for them, and nothing breaks."""
    monkeypatch.setenv("PYTHONIOENCODING", encoding)
    project.red(MSG_050=("VIOLATION", "rotation"))
    result = project.run_apart("-m", "messaging_plane")
    assert 1 == result.ret
    assert ("✗ MSG-050" if encoding == "utf-8" else " x MSG-050") in str(result.stdout)
    assert ("MSG-005 … MSG-040" if encoding == "utf-8" else "MSG-005 ... MSG-040") in str(result.stdout)


def test_colour(project: Project) -> None:
    """In colour, the verdict and the glyphs have one, and the text is the same."""
    project.red(MSG_050=("VIOLATION", "rotation"))
    coloured = str(project.messaging("--color=yes").stdout)
    assert "\x1b[31m\x1b[1m ✗ \x1b[0m" in coloured
    assert "\x1b[1m\x1b[31mNOT READY\x1b[0m" in coloured
    assert "\x1b[" not in str(project.messaging("--color=no").stdout)


def test_where_to_read_on(project: Project) -> None:
    """In a checkout that holds the page of a check, the page is named; elsewhere the command that tells it."""
    project.red(MSG_050=("VIOLATION", "rotation"))
    page = project.path / "docs" / "checks" / "messaging_plane.md"
    page.parent.mkdir(parents=True)
    page.write_text("here")
    result = project.messaging("--junitxml=junit.xml")
    assert "     why    docs/checks/messaging_plane.md#msg-050" in result.stdout.lines
    [failure] = cases(project.path / "junit.xml")["MSG-050[service-ingest]"].iter("failure")
    assert "  why: docs/checks/messaging_plane.md#msg-050" in str(failure.text)


def test_durations(project: Project) -> None:
    """What took no time is told no time of."""
    project.conftest(
        "import time\ndef slow(self, context):\n    def diagnose(check, subject):\n"
        "        time.sleep(0.02 if check == 'MSG-110' else 0)\n        return passed('as it should be')\n"
        "    return diagnose\n\nStandIn.diagnose = slow\n"
    )
    text = str(project.messaging("-v").stdout)
    assert "(0 ms)" not in text
    assert any(line.endswith(" ms)") for line in text.splitlines() if "MSG-110 service/ingest: as it" in line)
    assert any(line.endswith("as it should be") for line in text.splitlines())
