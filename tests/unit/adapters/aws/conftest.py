"""Real botocore clients whose answers are given by hand and held against botocore's own models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.config import Config
from botocore.stub import Stubber

Stub = tuple[Any, Stubber]


@cache
def session() -> botocore.session.Session:
    """One session with made-up credentials: the models are read once."""
    made = botocore.session.Session()
    made.set_credentials("AKIAEXAMPLE", "example")
    return made


@cache
def client_of(service: str, endpoint_url: str | None = None) -> Any:
    """A client of a service, one attempt a call."""
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=1, read_timeout=1)
    return session().create_client(service, region_name="eu-west-2", config=config, endpoint_url=endpoint_url)


@pytest.fixture
def make_client() -> Callable[..., Any]:
    """Makes a client that really calls, to an endpoint."""
    return client_of


@pytest.fixture
def stub() -> Iterator[Callable[[str], Stub]]:
    """A client and its stubber; at the end each expected call must have been made."""
    stubbers = []

    def make(service: str) -> Stub:
        client = client_of(service)
        stubber = Stubber(client)
        stubber.activate()
        stubbers.append(stubber)
        return client, stubber

    yield make
    for stubber in stubbers:
        stubber.deactivate()
        stubber.assert_no_pending_responses()
