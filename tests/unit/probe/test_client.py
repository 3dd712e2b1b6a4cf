"""The runtime's own client: found by its metadata, driven in a process of its own, and ended hard."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.model.outcome import Layer, Outcome
from pytest_substrate.model.transcript import ProbeRequest, Transcript, transcript_from
from pytest_substrate.planes.messaging.diagnose.rungs import RUNGS, Asked
from pytest_substrate.probe.client import client_seen
from pytest_substrate.probe.program import run

GOOD = """
import collections, os
TopicPartition = collections.namedtuple("TopicPartition", "topic partition")
Record = collections.namedtuple("Record", "offset value partition")
class KafkaProducer:
    def __init__(self, **settings):
        assert settings.pop("acks") == "all"
        open(os.environ["HEARD"], "w").write(repr(settings))
    def send(self, topic, value, key):
        global sent
        sent = value
        return self
    def get(self, seconds):
        return Record(3, sent, 0)
class KafkaConsumer:
    def __init__(self, **settings): pass
    def assign(self, places): self.place, = places
    def seek(self, place, offset): assert (place, offset) == (self.place, 3)
    def poll(self, ms): return {self.place: [Record(2, b"old", 0), Record(3, sent, 0)]}
"""


def trip(fake: Any, folder: Path, monkeypatch: pytest.MonkeyPatch, source: str | None, **more: Any) -> Transcript:
    """A run with the package `kafka` of this source on the path, and no other."""
    if source is not None:
        (folder / "kafka.py").write_text(source)
        (folder / "kafka_python-2.2.15.dist-info").mkdir(exist_ok=True)
    monkeypatch.setattr(sys, "path", [str(folder)] + [place for place in sys.path if "site-packages" not in place])
    monkeypatch.setenv("HEARD", str(folder / "heard"))
    settings: dict[str, Any] = {
        "nonce": "0" * 32,
        "bootstrap": (f"127.0.0.1:{fake.port}",),
        "protocol": "SASL_PLAINTEXT",
        "deadline_s": 5.0,
        "smoke_topic": "smoke",
        "client": "kafka-python",
        "client_round_trip": True,
        "client_deadline_s": 10.0,
    }
    asked = ProbeRequest(**settings | more).asked()
    seen = transcript_from(run(asked, {"API": "2.6"}, {"username": "ingest", "password": "s3cret"}))
    assert isinstance(seen, Transcript), seen
    assert seen.crash is None, seen.crash
    return seen


def test_a_client_that_works_passes_with_the_runtimes_settings(
    kafka: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets the credential, the mechanism and the configured api_version as a tuple of numbers."""
    fake = kafka()
    seen = trip(fake, tmp_path, monkeypatch, GOOD, api_version_env="API", api_version="0.11")
    found = RUNGS["MSG-230"](seen, Asked())
    assert (Outcome.PASS, "2.2.15", "2.6") == (
        found.outcome,
        found.facts["client_version"],
        found.facts["api_version"],
    )
    heard = (tmp_path / "heard").read_text()
    assert f"'bootstrap_servers': ['127.0.0.1:{fake.port}']" in heard
    assert "'sasl_plain_username': 'ingest', 'sasl_plain_password': 's3cret'" in heard
    assert "'api_version': (2, 6)" in heard


V, PACKAGING = Outcome.VIOLATION, Layer.PACKAGING
START = "assert settings"
EMPTY = GOOD.replace('return {self.place: [Record(2, b"old", 0), Record(3, sent, 0)]}', "return {}")
FAULTS: dict[str, tuple[str | None, str, Layer | None, str | None]] = {
    "no client": (None, "client-missing", PACKAGING, "ModuleNotFoundError"),
    "can't be imported": ("import nothing_of_this_name", "client-missing", PACKAGING, "ModuleNotFoundError"),
    "hangs at import": ("import time; time.sleep(60)", "client-hangs", None, None),
    "hangs": (GOOD.replace(START, "import time; time.sleep(60); settings"), "client-hangs", None, None),
    "refuses its settings": (GOOD.replace(START, "raise IndexError; settings"), "client-failed", None, "IndexError"),
    "ends the process": (GOOD.replace(START, "os._exit(1); settings"), "client-failed", None, None),
    "prints": (
        "import sys\nsys.stdout.write('done\\n')\nraise ValueError(1)",
        "client-missing",
        PACKAGING,
        "ValueError",
    ),
    "consumes nothing": (EMPTY, "client-hangs", None, None),
    "another record": (GOOD.replace("Record(3, sent, 0)]}", "Record(3, b'', 0)]}"), "client-failed", None, None),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_of_a_client_is_bounded_and_named(
    kafka: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """By the phase that it came to, never by its own words."""
    source, cause, layer, error = FAULTS[name]
    began = time.monotonic()
    seen = trip(kafka(), tmp_path, monkeypatch, source, client_deadline_s=1.5)
    assert time.monotonic() - began < 5
    found = RUNGS["MSG-230"](seen, Asked())
    assert (V, cause, layer, error) == (found.outcome, found.cause, found.layer, found.facts.get("error_code"))


def test_a_client_that_the_probe_cannot_drive(
    kafka: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is guessed: INCONCLUSIVE."""
    seen = trip(kafka(), tmp_path, monkeypatch, GOOD, client="confluent-kafka")
    found = RUNGS["MSG-230"](seen, Asked())
    assert (Outcome.INCONCLUSIVE, "client-unknown") == (found.outcome, found.cause)


def test_the_client_is_ended_where_the_ladder_is_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kafka: Callable[..., Any]
) -> None:
    """It was started early, and is not left behind."""
    import psutil

    trip(kafka(users={}), tmp_path, monkeypatch, "import time; time.sleep(60)")
    assert not [child for child in psutil.Process().children() if str(tmp_path) in " ".join(child.cmdline())]


@pytest.mark.parametrize(
    ("entry", "version"),
    [
        ("kafka_python-2.0.2.dist-info", "2.0.2"),
        ("kafka-python-2.0.2.dist-info", "2.0.2"),
        ("Kafka_Python-2.0.2-py3.11.egg-info", "2.0.2"),
        ("kafka_python_ng-2.2.3.dist-info", None),
        ("kafka_python.dist-info", None),
    ],
)
def test_the_version_is_read_from_the_metadata_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, entry: str, version: str | None
) -> None:
    """Of a distribution of exactly this name."""
    (tmp_path / entry).mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path), "/nowhere"])
    assert version == client_seen("kafka-python", None).get("version")


def test_the_first_folder_on_the_path_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does for the import."""
    for name in ("1", "2"):
        (tmp_path / name / f"kafka_python-{name}.0.0.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "1"), str(tmp_path / "2")])
    assert "1.0.0" == client_seen("kafka-python", "auto")["version"]
    assert "api_version" not in client_seen("kafka-python", "auto")
