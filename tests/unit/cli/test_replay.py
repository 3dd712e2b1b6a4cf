"""`substrate replay`: what is said, the exit codes, and what it asks of the platform. The platform itself is a fake."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_substrate.cli.main import main
from pytest_substrate.embedded import replay
from pytest_substrate.embedded.replay import stage as stages
from pytest_substrate.embedded.replay.story import Same, Story
from pytest_substrate.model.outcome import Plane
from tests.unit.embedded.replay.making import FakeStage, chapter, record, red, seen, staged

DENIED = record("REL-070", "action-denied", message="may not push", facts={"log_group": "/ci", "log_stream": "one"})
VERSION = Same(check="MSG-010", subject="service/ingest", fact="version_id", what="version of the secret")
STORY = Story(
    incident="Z",
    title="something is wrong",
    plane=Plane.RELEASE,
    chapters=(
        chapter(red("REL-070", "action-denied", logs="denied")),
        chapter(red("REL-090", "tags-mutable"), plan="plan.json", taken_back=True),
        chapter(),
    ),
    same=(VERSION,),
)


def held(value: str) -> Any:
    """The record of the fact that must stay."""
    return record("MSG-010", facts={"version_id": value})


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Tells the story on a fake: its exit code and the fake."""

    def tell(*words: str, last: Any = None, logs: tuple[str, ...] = ("denied",)) -> tuple[int, FakeStage]:
        fake = FakeStage(
            seen(DENIED, beside=[held("one")]),
            seen(record("REL-090", "tags-mutable")),
            last or seen(beside=[held("one")]),
            logs=logs,
        )
        fake.secrets.add("hunter2-hunter2")
        monkeypatch.setattr(replay, "stories", lambda: {"Z": STORY})
        monkeypatch.setattr(stages, "stage", lambda _: staged(fake))
        return main(["replay", "z", *words]), fake

    return tell


def test_a_story_that_came_out_as_told_is_0(told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Each chapter with its change, its first red rung and where to go on; the way and the time at the end."""
    code, fake = told()
    out = capsys.readouterr().out
    assert 0 == code
    assert [
        "begin Z:1",
        "climb release_plane",
        "log /ci one",
        "begin Z:2",
        "plan plan.json",
        "take back Z:2",
        "begin Z:3",
        "climb release_plane",
    ] == fake.asked
    for words in (
        "incident Z",
        "changed: what was changed",
        "REL-070 [role/ci-publish]",
        "may not push",
        "aws iam get-role --role-name ci-publish",
        "log    denied",
        "as told: first red REL-070 (authorization, action-denied)",
        "untouched from beginning to end: version of the secret one",
    ):
        assert words in out
    assert "AS TOLD   Z: REL-070 → REL-090 → READY   0 s" == out.splitlines()[-1]


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (
            seen(DENIED, beside=[held("one")]),
            "chapter 3 came out otherwise: expected READY, and the first red is REL-070",
        ),
        (seen(beside=[held("two")]), "chapter 3 came out otherwise: version of the secret had to stay one, and is two"),
    ],
    ids=["still-red", "not-the-same"],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_a_chapter_that_came_out_otherwise_is_1(
    last: Any, words: str, form: str, told: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the chapter, in either format."""
    assert 1 == told("--format", form, last=last)[0]
    out = capsys.readouterr().out
    if form == "json":
        document = json.loads(out)
        assert (False, [True, True, False]) == (document["as_told"], [one["as_told"] for one in document["chapters"]])
        assert words.partition(": ")[2] in document["chapters"][2]["differences"][0]
    else:
        assert words in " ".join(out.split())
        assert out.splitlines()[-1].startswith("NOT AS TOLD   Z: ")


def test_json_is_one_object_alone(told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Every chapter with its whole report."""
    assert 0 == told("--format", "json")[0]
    document = json.loads(capsys.readouterr().out)
    assert ("substrate.replay/1", "Z", None, True) == tuple(
        document[name] for name in ("schema", "incident", "variant", "as_told")
    )
    assert ["REL-070", "REL-090", None] == [
        one["report"]["first_red"] and one["report"]["first_red"]["check"] for one in document["chapters"]
    ]
    assert ["denied"] == document["chapters"][0]["log_lines"]
    assert {"version of the secret": "one"} == document["chapters"][2]["kept"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_secret_gets_out(form: str, told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even where a log holds one."""
    assert 0 == told("--format", form, logs=("denied for hunter2-hunter2",))[0]
    captured = capsys.readouterr()
    assert "denied for ***" in captured.out
    assert "hunter2" not in captured.out + captured.err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["E"], "substrate replay: incident 'E': there is no such story; one of "),
        (["A", "--variant", "none"], "substrate replay: --variant 'none': incident A has no such variant; one of "),
    ],
)
def test_what_is_not_there_is_one_line(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad usage, before anything is started."""
    assert 2 == main(["replay", *words])
    captured = capsys.readouterr()
    assert "" == captured.out
    assert captured.err.startswith(line)
    assert 1 == captured.err.count("\n")
