"""Which planes a run demands."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from _pytest.mark.expression import Expression
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.gate.demand import demanded
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.outcome import DEMANDABLE, Plane

ALL = frozenset(Plane)


def holds(expression: str) -> Callable[[frozenset[str]], bool]:
    """The evaluation that pytest itself does."""
    compiled = Expression.compile(expression)
    return lambda markers: compiled.evaluate(lambda name, /, **kwargs: name in markers and not kwargs)


def ask(expression: str, *, built: frozenset[Plane] = ALL) -> tuple[Plane, ...]:
    """The planes that an expression alone demands."""
    return demanded(expression=expression, holds=holds(expression), required=(), selected=(), built=built)


@pytest.mark.parametrize(
    ("expression", "planes"),
    [
        ("messaging_plane", (Plane.MESSAGING,)),
        ("packaging_plane or release_plane", (Plane.RELEASE, Plane.PACKAGING)),
        ("messaging_plane and not slow", (Plane.MESSAGING,)),
        ("(messaging_plane or slow) and not data_plane", (Plane.MESSAGING,)),
        ("messaging_plane or slow", (Plane.MESSAGING,)),
        ("messaging_plane and slow", ()),
        ("not messaging_plane", ()),
        ("not messaging_plane and not release_plane", ()),
        ("slow", ()),
        ("not slow", ()),
        ("messaging_plane(x=1)", ()),
        ("not not messaging_plane", (Plane.MESSAGING,)),
    ],
)
def test_expression(expression: str, planes: tuple[Plane, ...]) -> None:
    """A plane is demanded where its marker alone decides that the expression is true."""
    assert planes == ask(expression)


@pytest.mark.parametrize(
    "expression",
    ["messaging_plane or not slow", "not slow or messaging_plane", "not (messaging_plane and slow)"],
)
def test_expression_that_is_true_without_the_plane_it_names(expression: str) -> None:
    """Nobody can tell whether such an expression demands the plane, so it is an error that names both."""
    with pytest.raises(BadInput) as error:
        ask(expression)
    assert expression in str(error.value)
    assert "messaging_plane" in str(error.value)


def test_a_plane_that_is_not_built() -> None:
    """A plane without checks can't be demanded, in whatever way."""
    built = frozenset({Plane.SUBSTRATE, Plane.MESSAGING})
    for kwargs in (
        {"expression": "data_plane", "required": (), "selected": ()},
        {"expression": "", "required": ("data_plane",), "selected": ()},
        {"expression": "", "required": (), "selected": ("data_plane",)},
    ):
        with pytest.raises(BadInput, match="data_plane: this plane has no checks yet"):
            demanded(holds=holds(str(kwargs["expression"])), built=built, **kwargs)  # type: ignore[arg-type]


def test_required_and_node_ids() -> None:
    """An option and a node id demand like an expression does; rungs of `substrate` come along but demand nothing."""
    planes = demanded(
        expression="",
        holds=holds(""),
        required=("release_plane",),
        selected=("messaging_plane", "substrate"),
        built=ALL,
    )
    assert (Plane.RELEASE, Plane.MESSAGING) == planes


@pytest.mark.parametrize(("required", "selected"), [(("messaging",), ()), ((), ("nope",)), (("substrate",), ())])
def test_unknown_plane(required: tuple[str, ...], selected: tuple[str, ...]) -> None:
    """A name that isn't a plane's is an error that lists those that are."""
    with pytest.raises(BadInput, match="one of release_plane, messaging_plane"):
        demanded(expression="", holds=holds(""), required=required, selected=selected, built=ALL)


def test_the_rungs_of_substrate_alone() -> None:
    """A selection of what belongs to every plane says of none that it is demanded."""
    with pytest.raises(BadInput, match="demand a plane"):
        demanded(expression="", holds=holds(""), required=(), selected=("substrate",), built=ALL)


NAMES = st.sampled_from([plane.value for plane in DEMANDABLE] + ["slow", "db"])
EXPRESSIONS = st.recursive(
    NAMES,
    lambda inner: st.one_of(
        inner.map("not ({})".format),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) and ({pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}) or ({pair[1]})"),
    ),
    max_leaves=6,
)


@given(EXPRESSIONS)
def test_never_demanded_where_a_bare_test_would_run_too(expression: str) -> None:
    """Where an unmarked test is selected, no plane is ever taken for demanded."""
    try:
        planes = ask(expression)
    except BadInput:
        planes = ()
    if holds(expression)(frozenset()):
        assert () == planes
    else:
        alone = tuple(plane for plane in DEMANDABLE if holds(expression)(frozenset({plane.value})))
        assert alone == planes
