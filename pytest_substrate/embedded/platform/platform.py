"""The running platform, as its builders and its faults hold it: the brokers, the cloud, and clients as its root."""

from __future__ import annotations

import datetime as dt
import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.embedded.platform import names

if TYPE_CHECKING:
    from pytest_substrate.embedded.cloud.cloud import Cloud
    from pytest_substrate.embedded.kafka.cluster import KafkaCluster
    from pytest_substrate.embedded.kafka.tls import Authority
    from pytest_substrate.embedded.platform.signing import CodeAuthority

KAFKA_DEADLINE_S: Final = 120.0
"""Longer than a cluster's own deadline, which says more about what went wrong."""


@dataclass(kw_only=True)
class Platform:
    """Everything that is up, or on its way: the account is built while the brokers still start."""

    folder: Path
    cloud: Cloud
    authority: Authority
    starting: Future[KafkaCluster]
    start_cluster: Callable[[str], KafkaCluster]
    """Start one more real Kafka (one broker) under a name of its own, for a fault."""
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def kafka(self) -> KafkaCluster:
        """The cluster, once it is up; raises what kept it from starting."""
        return self.starting.result(KAFKA_DEADLINE_S)

    def client(self, service: str, region: str = names.REGION) -> Any:
        """A client for `service` as the platform's root; made once."""
        known = f"{service} {region}"
        with self._lock:
            if known not in self._clients:
                self._clients[known] = self._session.create_client(
                    service, region_name=region, endpoint_url=self.cloud.endpoint
                )
            return self._clients[known]

    @functools.cached_property
    def attesting(self) -> CodeAuthority:
        """The authority whose certificates sign the pipeline's provenance."""
        from pytest_substrate.embedded.platform.signing import CodeAuthority

        return CodeAuthority(now=dt.datetime.now(dt.UTC))

    @functools.cached_property
    def _session(self) -> Any:
        import botocore.session  # boto3 adds a tenth of a second of imports, and nothing that is needed here

        root = self.cloud.root_credentials
        session = botocore.session.Session()
        session.set_credentials(root.access_key_id, root.secret_access_key)
        session.set_config_variable("region", names.REGION)
        return session


def wait_until(true: Callable[[], bool], *, what: str, deadline_s: float, every_s: float = 0.05) -> None:
    """Return once `true()` holds; TimeoutError that names `what` after `deadline_s` seconds."""
    until = time.monotonic() + deadline_s
    while not true():
        if time.monotonic() > until:
            raise TimeoutError(f"the embedded platform waited {deadline_s:g} s for {what}")
        time.sleep(every_s)
