"""The running platform, as its builders and its faults hold it: the brokers, the cloud, and clients as its root."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_substrate.embedded.platform import names

if TYPE_CHECKING:
    from pytest_substrate.embedded.cloud import Cloud
    from pytest_substrate.embedded.kafka import KafkaCluster
    from pytest_substrate.embedded.kafka.tls import Authority


@dataclass(kw_only=True)
class Platform:
    """Everything that is up. `start_cluster` starts one more real Kafka (one broker), for a fault."""

    folder: Path
    cloud: Cloud
    kafka: KafkaCluster
    authority: Authority
    start_cluster: Callable[[str], KafkaCluster]
    _clients: dict[str, Any] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def client(self, service: str) -> Any:
        """A boto3 client for `service` as the platform's root; made once."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(service, endpoint_url=self.cloud.endpoint)
            return self._clients[service]

    @functools.cached_property
    def _session(self) -> Any:
        import boto3

        key, secret = self.cloud.root_credentials
        return boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name=names.REGION)


def wait_until(true: Callable[[], bool], *, what: str, deadline_s: float, every_s: float = 0.05) -> None:
    """Return once `true()` holds; TimeoutError that names `what` after `deadline_s` seconds."""
    until = time.monotonic() + deadline_s
    while not true():
        if time.monotonic() > until:
            raise TimeoutError(f"the embedded platform waited {deadline_s:g} s for {what}")
        time.sleep(every_s)
