"""The real brokers, asked through their administration listener: users for SCRAM secrets, topics for the topic API."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_substrate.embedded.kafka.admin import KafkaAdmin

_DEADLINE_S = 5.0


class Administrations:
    """One client for each address, made on first use and again after it failed; one call at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[str, KafkaAdmin] = {}

    def warm(self, address: str) -> None:
        """Connect ahead of the first use, which then takes milliseconds; a failure shows there."""
        with contextlib.suppress(Exception):
            self._call(address, lambda admin: admin.brokers())

    def upsert_user(self, address: str, name: str, password: str) -> None:
        """Make a SCRAM-SHA-512 user, or give it another password."""
        from pytest_substrate.embedded.kafka.resources import ScramUser

        self._call(address, lambda admin: admin.upsert_users(ScramUser(name=name, password=password)))

    def delete_user(self, address: str, name: str) -> None:
        """Remove a user, if it is there."""
        self._call(address, lambda admin: admin.delete_users(name) if name in admin.users() else None)

    def topics(self, address: str, *names: str) -> Any:
        """Topics by name, those that exist; without names, all but Kafka's own."""
        return self._call(address, lambda admin: admin.topics(*names))

    def settings(self, address: str, topic: str) -> dict[str, str]:
        """A topic's settings."""
        return dict(self._call(address, lambda admin: admin.topic_settings(topic)))

    def _call(self, address: str, act: Callable[[KafkaAdmin], Any]) -> Any:
        from pytest_substrate.embedded.kafka.admin import KafkaAdmin
        from pytest_substrate.embedded.kafka.resources import AdminRefused

        with self._lock:
            client = self._clients.get(address)
            if client is None:
                client = self._clients[address] = KafkaAdmin([address], deadline_s=_DEADLINE_S)
            try:
                return act(client)
            except AdminRefused:
                raise
            except Exception:
                self._clients.pop(address).close()
                raise
