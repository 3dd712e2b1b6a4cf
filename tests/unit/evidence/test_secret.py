"""A secret that nothing shows."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import traceback

import pytest

from pytest_substrate.evidence.secret import Secret

VALUE = "correct horse battery staple"


@dataclasses.dataclass
class Holder:
    """Something that has a secret, as a user's test may write it."""

    password: Secret


@pytest.mark.parametrize(
    "shown",
    [
        repr(Secret(VALUE)),
        str(Secret(VALUE)),
        f"{Secret(VALUE)}",
        f"{Secret(VALUE)!r:>40}",
        f"{Secret(VALUE):>40}",
        "%s" % Secret(VALUE),  # noqa: UP031  this form too must be masked
        "{}".format(Secret(VALUE)),  # noqa: UP032  and this one
        repr([Secret(VALUE)]),
        repr(Holder(Secret(VALUE))),
        str(dataclasses.asdict(Holder(Secret(VALUE)))),
        json.dumps({"password": Secret(VALUE)}),
        json.dumps([Secret(VALUE)], indent=1, default=str),
        "".join([Secret(VALUE), Secret(VALUE)[0:2], Secret(VALUE) + "x", Secret(VALUE).upper()]),
        Secret(VALUE).encode().decode(),
        str(Secret(VALUE).__reduce__()),
        str(Secret(VALUE).__getnewargs__()),
        pickle.dumps(Secret(VALUE)).decode("latin-1"),
        repr(pickle.loads(pickle.dumps(Secret(VALUE)))),  # noqa: S301  our own bytes
        repr(copy.copy(Secret(VALUE))),
        repr(copy.deepcopy(Holder(Secret(VALUE)))),
        repr(Secret(VALUE).__getstate__()),
    ],
)
def test_no_way_of_showing_it_shows_it(shown: str) -> None:
    """Whatever turns it into text or bytes gets a mask."""
    assert VALUE not in shown
    assert "horse" not in shown


def test_reveal_and_copies() -> None:
    """The value is given only on demand; a copy is the same object; what came out of a pickle has none."""
    secret = Secret(VALUE)
    assert VALUE == secret.reveal()
    assert copy.deepcopy(secret) is secret
    with pytest.raises(ValueError, match="pickle"):
        pickle.loads(pickle.dumps(secret)).reveal()  # noqa: S301  our own bytes


def test_it_is_known_before_it_is_shown() -> None:
    """The scrubber hears of the value when the secret is made, and again when it is revealed."""
    known: list[str] = []
    secret = Secret(VALUE, known=known.append)
    assert [VALUE] == known
    secret.reveal()
    assert [VALUE, VALUE] == known


def test_equality() -> None:
    """Two secrets compare by value; a text is never equal, so that a failing assertion has no diff to print."""
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != Secret("other")
    assert Secret(VALUE) != VALUE
    assert Secret(VALUE) != "***"
    assert not Secret(VALUE) != Secret(VALUE)  # noqa: SIM202  the operator itself
    assert not Secret(VALUE) == Secret("other")  # noqa: SIM201  and this one


def test_json() -> None:
    """In JSON it is the mask, wherever it stands and whichever encoder writes it."""
    for indent in (None, 1):
        written = json.dumps({"a": [Secret(VALUE)], "b": Secret(VALUE)}, indent=indent)
        assert {"a": ["***"], "b": "***"} == json.loads(written)


@pytest.mark.parametrize("call", [hash, list, vars])
def test_what_it_refuses(call: object) -> None:
    """It has no hash and no parts; and its refusals don't show it."""
    with pytest.raises(TypeError) as error:
        call(Secret(VALUE))  # type: ignore[operator]
    assert VALUE not in "".join(traceback.format_exception(error.value))
