"""Faults of the messaging plane that come while a connection stands."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Final

from pytest_substrate.embedded.faults import fault
from pytest_substrate.embedded.kafka.resources import ScramUser
from pytest_substrate.embedded.platform import dev_min, names
from pytest_substrate.embedded.platform.platform import Platform, wait_until
from pytest_substrate.embedded.runtime import onlooker
from pytest_substrate.model.outcome import Layer

_POLL_S: Final = 0.005
_ROUND_TRIP_S: Final = 30.0
_END_S: Final = 60.0


@fault(
    "password-changed-meanwhile",
    check="MSG-240",
    layer=Layer.CREDENTIAL,
    cause="rejected",
    breaks="the principal gets another password at the brokers while a task of it is at work: connections that stand "
    "go on, until they have to authenticate again",
)
def password_changed_meanwhile(platform: Platform) -> Iterator[None]:
    """It comes when the task's client has done its round trip, and the task has stood still from before its end.

    So the order is one of events. A task that starts no client of its own sees the former password all the way.
    """
    stop = threading.Event()
    meanwhile = threading.Thread(target=_change_meanwhile, args=(platform, stop), name="meanwhile", daemon=True)
    try:
        meanwhile.start()
        yield
    finally:
        stop.set()
        meanwhile.join(_END_S)
        dev_min.associate(platform, names.CLUSTER_ARN, dev_min.secret_arn(platform))


def _change_meanwhile(platform: Platform, stop: threading.Event) -> None:
    """Wait for a client that a task has started, and change the password between its end and what the task does next.

    `stop` ends the wait for a client.
    """
    while (client := onlooker.talking_helper()) is None:
        if stop.wait(_POLL_S):
            return
    task = client.parent()
    if task is None:
        return
    with onlooker.standing_still(task):
        if onlooker.has_ended(client):
            return  # it may have been too late already: rather no fault than one that shows in another place
        wait_until(lambda: onlooker.has_ended(client), what="the end of a task's client", deadline_s=_ROUND_TRIP_S)
        platform.kafka.admin.upsert_users(ScramUser(name=names.PRINCIPAL, password=dev_min.new_password()))
