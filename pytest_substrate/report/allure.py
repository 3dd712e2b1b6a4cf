"""Allure: a rung's labels and facts, written by allure-pytest where it is active.

epic = plane, feature = incident, story = check id, tag = layer. The subject is a label, and a parameter too, so that
each rung has a history of its own. Nothing here is imported without `--alluredir`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.evidence.envelope import write_whole
from pytest_substrate.model.outcome import Layer, Outcome, Plane

if TYPE_CHECKING:
    import pytest

    from pytest_substrate.evidence.redaction import Scrubber
    from pytest_substrate.model.check import Check
    from pytest_substrate.model.record import Record

INCIDENTS: Final[Mapping[Plane, str]] = {
    Plane.SUBSTRATE: "what runs is declared",
    Plane.RELEASE: "A: the release plane was blocked",
    Plane.MESSAGING: "B: managed Kafka worked in theory only",
    Plane.PACKAGING: "C: fixed, but prod still crashed",
    Plane.DATA: "D: a job failed with AccessDenied",
    Plane.DRIFT: "drift from the last READY",
}


def describe(record: Record, check: Check) -> None:
    """Label the running test and attach what was found."""
    import allure

    dynamic: Any = allure.dynamic
    dynamic.title(f"{record.check} {check.statement}")
    dynamic.description(f"{check.why}\n\n{check.how}")
    dynamic.epic(record.plane.value)
    dynamic.feature(INCIDENTS[record.plane])
    dynamic.story(record.check)
    dynamic.tag(record.layer.value)
    dynamic.label("layer", record.layer.value)
    dynamic.label("subject", record.subject)
    dynamic.parameter("subject", _Plain(record.subject))
    allure.attach(
        json.dumps(record.to_json(), indent=2, ensure_ascii=False),
        name="facts",
        attachment_type=allure.attachment_type.JSON,
    )


class _Plain:
    """A parameter's value that Allure shows as it is: of a text it shows Python's quotes, of other things the repr."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def write_surroundings(folder: Path, surroundings: Mapping[str, object]) -> None:
    """`environment.properties`, and `categories.json` with a category for each layer. OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{name}={_property(value)}" for name, value in surroundings.items() if value is not None]
    write_whole(folder / "environment.properties", "\n".join([*lines, ""]))
    write_whole(folder / "categories.json", json.dumps(_categories(), indent=1) + "\n")


def hold_file_logger(config: pytest.Config, scrubber: Callable[[], Scrubber | None]) -> None:
    """Let allure-pytest write through a scrubber from here on, until the run ends; before it makes its logger.

    `scrubber` is asked at each writing; None where the run knows no secret.
    """
    import allure_pytest.plugin as theirs

    before = theirs.AllureFileLogger
    theirs.AllureFileLogger = _scrubbing(before, scrubber)

    def give_back() -> None:
        theirs.AllureFileLogger = before

    config.add_cleanup(give_back)


def _scrubbing(logger: type[Any], current: Callable[[], Scrubber | None]) -> type[Any]:
    from allure_commons import hookimpl

    class ScrubbingFileLogger(logger):  # type: ignore[misc]  # the base is a value here
        """Every result, container and attachment passes the scrubber on its way to the folder."""

        def _report_item(self, item: Any) -> None:
            scrubber = current()
            if scrubber is not None:
                _scrub_object(item, scrubber)
            super()._report_item(item)

        @hookimpl
        def report_attached_data(self, body: str | bytes, file_name: str) -> None:
            scrubber = current()
            if scrubber is not None:
                body = scrubber.scrub_tree(body)
            super().report_attached_data(body, file_name)

        @hookimpl
        def report_attached_file(self, source: str, file_name: str) -> None:
            scrubber = current()
            if scrubber is not None and scrubber.holds(Path(source).read_bytes()):
                self.report_attached_data(Path(source).read_bytes(), file_name)
            else:
                super().report_attached_file(source, file_name)

    return ScrubbingFileLogger


def _scrub_object(item: Any, scrubber: Scrubber) -> None:
    """Allure's results are objects of texts and of further such objects; scrubbed where they are."""
    for name, value in list(vars(item).items()):
        if isinstance(value, str):
            setattr(item, name, scrubber.scrub(value))
        elif isinstance(value, Sequence):
            for index, part in enumerate(value):
                if isinstance(part, str) and isinstance(value, list):
                    value[index] = scrubber.scrub(part)
                elif hasattr(part, "__dict__"):
                    _scrub_object(part, scrubber)
        elif hasattr(value, "__dict__") and not isinstance(value, type):
            _scrub_object(value, scrubber)


def _categories() -> list[dict[str, object]]:
    layers: list[dict[str, object]] = [
        {"name": f"layer {layer.value}", "messageRegex": rf"(?s).*\[{layer.value}\].*", "matchedStatuses": ["failed"]}
        for layer in Layer
    ]
    return [
        {
            "name": "not reached: something below is red",
            "messageRegex": rf"(?s).*{Outcome.NOT_REACHED.value}.*",
            "matchedStatuses": ["failed"],
        },
        {
            "name": "could not be observed",
            "messageRegex": rf"(?s).*{Outcome.INCONCLUSIVE.value}.*",
            "matchedStatuses": ["failed"],
        },
        *layers,
        {"name": "the plugin's own errors", "matchedStatuses": ["broken"]},
    ]


def _property(value: object) -> str:
    return " ".join(str(value).replace("\\", "\\\\").split())
