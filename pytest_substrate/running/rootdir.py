"""A rootdir that pytest took from the value of an option of ours.

pytest looks for the rootdir before it knows the options of plugins. A value that stands apart from its option is then a
path like any other, and where it exists it counts: `--substrate-evidence /elsewhere/evidence.json` is harmless in the
first run, and in the second, as the file now exists, makes /elsewhere the rootdir, so that neither the ini options nor
the declaration are found. No plugin can put that right; a run is told how to write it.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_substrate.model.errors import BadInput
from pytest_substrate.running.options import REQUIRE, TEXTS

if TYPE_CHECKING:
    import pytest

_FLAGS: Final = (
    *(flag for name, (flag, *_) in TEXTS.items() if name != "declaration"),
    REQUIRE[0],
    "--substrate-fault",
)
"""All but `--substrate`: a declaration exists in every run, and its folder serves as a rootdir."""


def refuse_moved_rootdir(config: pytest.Config, environment: Mapping[str, str] = os.environ) -> None:
    """BadInput where the rootdir would be another one if a value were written `OPTION=VALUE`."""
    words = [*shlex.split(environment.get("PYTEST_ADDOPTS", "")), *map(str, config.invocation_params.args)]
    apart = [at for at in range(1, len(words)) if words[at - 1] in _FLAGS and _exists(config, words[at])]
    for at in apart:
        without = _rootdir(config, words[:at] + words[at + 1 :])
        if config.rootpath == _rootdir(config, words) != without:
            flag, value = words[at - 1], words[at]
            raise BadInput(
                f"{flag} {value}",
                f"pytest takes a path that stands apart from its option for one of tests, and made {config.rootpath} "
                f"the rootdir instead of {without}",
                f"write {flag}={shlex.quote(value)}",
            )


def _exists(config: pytest.Config, word: str) -> bool:
    try:
        return (config.invocation_params.dir / word).exists()
    except OSError:
        return False


def _rootdir(config: pytest.Config, words: Sequence[str]) -> Path | None:
    """What pytest makes the rootdir for these words; None where this pytest has another way to find it."""
    option = config.option if hasattr(config.option, "inifilename") else config.known_args_namespace
    try:
        from _pytest.config.findpaths import determine_setup

        return determine_setup(
            inifile=option.inifilename,
            override_ini=None,
            args=words,
            rootdir_cmd_arg=option.rootdir or None,
            invocation_dir=config.invocation_params.dir,
        )[0]
    except (ImportError, AttributeError, TypeError):
        return None
