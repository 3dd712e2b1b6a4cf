"""Every rung that a transcript proves, by its check: what the plane and `substrate probe` judge with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pytest_substrate.planes.messaging.diagnose import broker, client, runtime, topics
from pytest_substrate.planes.messaging.diagnose.seen import Asked, Rung, Seen

RUNGS: Final[Mapping[str, Rung]] = MappingProxyType(
    {
        "MSG-060": runtime.diagnose_identity,
        "MSG-070": runtime.diagnose_received_credential,
        "MSG-110": broker.diagnose_resolution,
        "MSG-120": broker.diagnose_connection,
        "MSG-130": broker.diagnose_tls,
        "MSG-140": broker.diagnose_versions,
        "MSG-150": broker.diagnose_mechanism,
        "MSG-160": broker.diagnose_authentication,
        "MSG-170": broker.diagnose_metadata,
        "MSG-180": topics.diagnose_topic,
        "MSG-190": topics.diagnose_operations,
        "MSG-195": topics.diagnose_group,
        "MSG-200": topics.diagnose_produce,
        "MSG-210": topics.diagnose_fetch,
        "MSG-220": client.diagnose_client_versions,
        "MSG-230": client.diagnose_round_trip,
        "MSG-240": client.diagnose_reauthentication,
    }
)
"""In ladder order. A rung takes a transcript (or why there is none) and what is asked, and gives a diagnosis."""

__all__ = ["RUNGS", "Asked", "Rung", "Seen"]
