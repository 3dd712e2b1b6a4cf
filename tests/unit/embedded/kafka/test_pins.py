"""The pinned jars."""

from __future__ import annotations

import re

import pytest

from pytest_substrate.embedded.kafka.pins import read_pins
from pytest_substrate.embedded.kafka.spec import KAFKA_VERSION


@pytest.mark.parametrize("version", [KAFKA_VERSION, "3.9.1"])
def test_every_jar_of_a_version_is_pinned_once(version: str) -> None:
    """Each has a sha256 and a size, and no artifact comes in two versions."""
    pins = read_pins(version)
    artifacts = [pin.coordinate[:2] for pin in pins.jars]
    assert len(set(artifacts)) == len(artifacts)
    assert all(re.fullmatch("[0-9a-f]{64}", pin.sha256) and pin.size > 0 for pin in pins.jars)


@pytest.mark.parametrize("version", [KAFKA_VERSION, "3.9.1"])
def test_every_part_of_kafka_is_of_the_version(version: str) -> None:
    """No jar of another Kafka stands beside the broker's: a resolver once put an older kafka-clients there."""
    kafka = {pin.coordinate[2] for pin in read_pins(version).jars if pin.coordinate[0] == "org.apache.kafka"}
    assert {version} == kafka


def test_a_version_that_is_not_pinned_is_no_version() -> None:
    """Nothing is fetched that was not looked at."""
    with pytest.raises(LookupError, match=r"0\.0\.1"):
        read_pins("0.0.1")
