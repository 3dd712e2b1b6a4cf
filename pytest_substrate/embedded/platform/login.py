"""Whether a broker lets the service's principal in: asked of the broker itself, by the probe's own steps."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from pytest_substrate.embedded.platform import names
from pytest_substrate.embedded.platform.platform import Platform, wait_until
from pytest_substrate.probe.peer import Peer, Setup

_DEADLINE_S: Final = 3.0
_SPREAD_S: Final = 15.0


def await_login(platform: Platform, principal: str, password: str) -> None:
    """Until every broker lets the principal in with this password: a new one takes its time to spread."""
    wait_until(
        lambda: all(accepts(one, platform.authority.ca_file, principal, password) for one in platform.kafka.bootstrap),
        what="the new password to spread to the brokers",
        deadline_s=_SPREAD_S,
    )


def accepts(address: str, ca_file: Path, principal: str, password: str) -> bool:
    """Whether a fresh connection to `address` (`HOST:PORT`) authenticates with this password."""
    secret = {"username": principal, "password": password}
    setup = Setup("SASL_SSL", "SCRAM-SHA-512", secret, names.REGION, (str(ca_file), None, None))
    peer = Peer(setup, address)
    try:
        return peer.walk(setup.stages, time.monotonic() + _DEADLINE_S)
    finally:
        peer.shut()
