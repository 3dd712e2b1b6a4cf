"""Whether a broker lets the service's principal in: asked of the broker itself, by the probe's own steps."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Final

from pytest_substrate.embedded.platform import names
from pytest_substrate.probe.peer import Peer, Setup

_DEADLINE_S: Final = 3.0


def accepts(address: str, ca_file: Path, password: str) -> bool:
    """Whether a fresh connection to `address` (`HOST:PORT`) authenticates with this password."""
    secret = {"username": names.PRINCIPAL, "password": password}
    setup = Setup("SASL_SSL", "SCRAM-SHA-512", secret, names.REGION, (str(ca_file), None, None))
    peer = Peer(setup, address)
    try:
        return peer.walk(setup.stages, time.monotonic() + _DEADLINE_S)
    finally:
        peer.shut()
