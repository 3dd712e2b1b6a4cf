"""Commands that a run fills in."""

from __future__ import annotations

import shlex

from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.command import blanks, filled, shown
from pytest_substrate.model.facts import FactValue


def test_a_list_of_brokers_is_one_word() -> None:
    """As Kafka's own tools take it; a name and a number are words, too."""
    words: dict[str, FactValue] = {"brokers": ["b-1:9096", "b-2:9096"], "offset": 7}
    assert "x --bootstrap-server b-1:9096,b-2:9096 --offset 7" == filled(
        "x --bootstrap-server {brokers} --offset {offset}", words
    )


def test_a_broker_stands_in_for_the_brokers_and_they_for_it() -> None:
    """What is known of either fills both, host and port as well; what is known wins."""
    assert "b-1:9096 b-1 9096" == filled("{broker} {host} {port}", {"brokers": ["b-1:9096", "b-2:9096"]})
    assert "b-1:9096" == filled("{brokers}", {"broker": "b-1:9096"})
    assert "b-2:9096" == filled("{broker}", {"broker": "b-2:9096", "brokers": ["b-1:9096"]})


def test_what_is_not_known_is_a_blank() -> None:
    """In capitals, for a person to fill."""
    assert "do ECS_SERVICE" == shown("do {ecs_service}")
    assert ("ecs_service", "region") == blanks("do {ecs_service} {region} {ecs_service}")


@given(st.text(max_size=20))
def test_a_peers_words_never_become_more_than_one(words: str) -> None:
    """Whatever it says, the shell sees one argument."""
    assert ["do", words] == shlex.split(filled("do {peer_message}", {"peer_message": words}))
