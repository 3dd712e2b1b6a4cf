"""Where jars are fetched from."""

from __future__ import annotations

import pytest

from pytest_substrate.embedded.kafka.maven import central_mirror

_SETTINGS = """\
<settings xmlns="urn:settings">
  <mirrors>
    <mirror><id>other</id><url>http://other.invalid/</url><mirrorOf>snapshots</mirrorOf></mirror>
    <mirror><id>mine</id><url>http://mine.invalid/maven/</url><mirrorOf>{of}</mirrorOf></mirror>
  </mirrors>
</settings>
"""


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ("central", "http://mine.invalid/maven"),
        ("*", "http://mine.invalid/maven"),
        ("external:*,!snapshots", "http://mine.invalid/maven"),
        ("*,!central", None),
        ("releases", None),
    ],
)
def test_a_mirror_of_central_is_found_in_mavens_settings(of: str, expected: str | None) -> None:
    """The mirror that the user's Maven would ask for `central` is asked here too."""
    assert expected == central_mirror(_SETTINGS.format(of=of))


@pytest.mark.parametrize("settings", ["", "<settings", "<settings/>"])
def test_no_settings_mean_no_mirror(settings: str) -> None:
    """A file that is missing, broken, or says nothing changes nothing."""
    assert central_mirror(settings) is None
