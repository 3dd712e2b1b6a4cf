"""What must hold of every policy: a deny never grants, an allow never denies, order and letter case don't count.

And `undecided` is said if, and only if, two completions of what isn't known differ: tried by brute force.
"""

from __future__ import annotations

import contextlib
import itertools
import json
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_substrate.model.errors import BadInput
from pytest_substrate.policy import decision as deciding
from pytest_substrate.policy.context import Missing
from pytest_substrate.policy.decision import decide
from pytest_substrate.policy.document import Document, PolicyKind, parse_policy
from pytest_substrate.policy.evaluate import Outcome, Policies
from pytest_substrate.policy.pattern import compile_pattern
from pytest_substrate.policy.request import Request, make_request
from pytest_substrate.policy.truth import Truth

ACCOUNT = "111122223333"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/ingest-task"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/ingest-task/4f0c2a"
RESOURCE = f"arn:aws:sqs:eu-west-2:{ACCOUNT}:jobs"
RANK = {Outcome.EXPLICIT_DENY: 0, Outcome.IMPLICIT_DENY: 0, Outcome.UNDECIDED: 1, Outcome.ALLOW: 2}

POOL: dict[str, list[str | Missing]] = {
    "aws:securetransport": ["true", "false"],
    "aws:sourceip": ["10.0.0.1", "10.1.0.1", "10.1.2.3", "192.0.2.1", "2001:db8::1", Missing.ABSENT],
    "aws:currenttime": [f"2026-{day}T00:00:00Z" for day in ("01-01", "02-01", "02-15", "03-01", "04-01")],
    "aws:useragent": ["", "a", "b", "z", "ab", "az", "aB", "zb", "azb", "azz", "zz", "azB"],
}
"""Values that between them tell apart whatever the conditions below compare with."""

conditions = st.one_of(
    st.tuples(st.just("Bool"), st.just("aws:SecureTransport"), st.sampled_from([["true"], ["false"]])),
    st.tuples(
        st.sampled_from(["IpAddress", "NotIpAddress", "IpAddressIfExists"]),
        st.just("aws:SourceIp"),
        st.lists(st.sampled_from(["10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "2001:db8::/32"]), min_size=1, max_size=2),
    ),
    st.tuples(
        st.sampled_from(["DateLessThan", "DateGreaterThanEquals", "DateEquals", "DateNotEquals"]),
        st.just("aws:CurrentTime"),
        st.sampled_from([["2026-02-01"], ["2026-03-01T00:00:00Z"]]),
    ),
    st.tuples(
        st.sampled_from(["StringLike", "StringNotLike"]),
        st.just("aws:UserAgent"),
        st.lists(st.sampled_from(["a*", "*b", "a?", "ab", "*"]), min_size=1, max_size=2),
    ),
    st.tuples(
        st.sampled_from(["StringEquals", "StringEqualsIgnoreCase"]),
        st.just("aws:UserAgent"),
        st.sampled_from([["ab"], ["ab", "zz"]]),
    ),
    st.tuples(st.just("Null"), st.just("aws:SourceIp"), st.sampled_from([["true"], ["false"]])),
    st.tuples(st.just("StringEquals"), st.just("aws:PrincipalAccount"), st.sampled_from([[ACCOUNT], ["444455556666"]])),
)


@st.composite
def statements(draw: st.DrawFn, *, principals: bool = False, effect: str | None = None) -> dict[str, Any]:
    """A statement of an identity's or a resource's policy."""
    made: dict[str, Any] = {
        "Effect": effect or draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(st.sampled_from(["*", "sqs:Send*", "s3:*"])),
        "Resource": draw(st.sampled_from(["*", "arn:aws:sqs:*:*:jobs", "arn:aws:sqs:*:*:other"])),
    }
    for operator, key, values in draw(st.lists(conditions, max_size=2)):
        made.setdefault("Condition", {}).setdefault(operator, {})[key] = values
    if principals:
        made["Principal"] = draw(st.sampled_from(["*", {"AWS": [ROLE]}, {"AWS": [SESSION]}, {"AWS": [ACCOUNT]}]))
    return made


def document(listed: list[dict[str, Any]], kind: PolicyKind = PolicyKind.IDENTITY) -> Document:
    """The document of these statements."""
    return parse_policy(json.dumps({"Version": "2012-10-17", "Statement": listed}), name=kind.value, kind=kind)


@st.composite
def policies(draw: st.DrawFn, *, most: int = 3) -> Policies:
    """Policies of several kinds."""
    some = st.lists(statements(), min_size=1, max_size=most)
    limits = st.none() | st.lists(statements(), min_size=1, max_size=2)
    boundary, session, scp = draw(limits), draw(limits), draw(limits)
    resource = draw(st.none() | st.lists(statements(principals=True), min_size=1, max_size=2))
    return Policies(
        identity=(document(draw(some)),),
        boundary=None if boundary is None else document(boundary, PolicyKind.BOUNDARY),
        session=None if session is None else (document(session, PolicyKind.SESSION),),
        scps=() if scp is None else (document(scp, PolicyKind.SCP),),
        resource=None if resource is None else document(resource, PolicyKind.RESOURCE),
    )


def request(action: str = "sqs:SendMessage", **given_keys: str) -> Request:
    """The request, with whatever context is given."""
    pairs = [(key.replace("_", ":", 1), value) for key, value in given_keys.items()]
    return make_request(principal=SESSION, action=action, resource=RESOURCE, context=pairs)


KINDS = ("identity", "boundary", "session", "scps", "resource", "rcps")


def with_statement(whole: Policies, kind: str, extra: dict[str, Any]) -> Policies:
    """The same with one more statement, of an identity policy's form, in a document of that kind that is there."""
    if kind == "identity":
        return replace(whole, identity=(*whole.identity, document([extra])))
    if kind == "rcps":  # these only deny, and everyone
        made = document([{**extra, "Principal": "*"}], PolicyKind.RCP) if extra["Effect"] == "Deny" else None
        return replace(whole, rcps=(made,)) if made is not None else whole
    held: Any = getattr(whole, kind)
    if not held:
        return whole
    of_kind = PolicyKind(kind.rstrip("s")) if kind == "scps" else PolicyKind(kind)
    more = document([{**extra, "Principal": {"AWS": [ROLE]}} if kind == "resource" else extra], of_kind)
    first = held[0] if isinstance(held, tuple) else held
    longer = replace(first, statements=(*first.statements, *more.statements))
    changed: dict[str, Any] = {kind: (longer, *held[1:]) if isinstance(held, tuple) else longer}
    return replace(whole, **changed)


def plainly(extra: dict[str, Any]) -> dict[str, Any]:
    """An RCP takes no NotAction."""
    return {"Action" if key == "NotAction" else key: value for key, value in extra.items()}


@settings(max_examples=60)
@given(policies(), statements(effect="Deny"), st.sampled_from(KINDS))
def test_adding_a_deny_never_grants(whole: Policies, extra: dict[str, Any], kind: str) -> None:
    """In whatever policy. Nor does it turn a deny into an undecided."""
    more = with_statement(whole, kind, plainly(extra) if kind == "rcps" else extra)
    assert RANK[decide(request(), more).outcome] <= RANK[decide(request(), whole).outcome]


@settings(max_examples=60)
@given(policies(), statements(effect="Allow"), st.sampled_from(KINDS))
def test_adding_an_allow_never_denies(whole: Policies, extra: dict[str, Any], kind: str) -> None:
    """In whatever policy: so removing one never grants."""
    more = with_statement(whole, kind, extra)
    assert RANK[decide(request(), more).outcome] >= RANK[decide(request(), whole).outcome]


@settings(max_examples=30)
@given(policies(), st.lists(statements(), min_size=1, max_size=5), st.randoms())
def test_order_does_not_matter(whole: Policies, listed: list[dict[str, Any]], random: Any) -> None:
    """Of statements in any kind of policy, nor whether an identity's stand in one document or in several."""

    def shuffled(one: Document) -> Document:
        mixed = list(one.statements)
        random.shuffle(mixed)
        return replace(one, statements=tuple(mixed))

    mixed = replace(
        whole,
        boundary=whole.boundary and shuffled(whole.boundary),
        session=whole.session and tuple(map(shuffled, whole.session)),
        scps=tuple(map(shuffled, whole.scps)),
        resource=whole.resource and shuffled(whole.resource),
    )
    again = list(listed)
    random.shuffle(again)
    outcomes = {
        decide(request(), replace(of, identity=identity)).outcome
        for of in (whole, mixed)
        for identity in [(document(listed),), (document(again),), tuple(document([one]) for one in again)]
    }
    assert 1 == len(outcomes)


@settings(max_examples=50)
@given(policies(), st.sampled_from(["SQS:SENDMESSAGE", "sqs:sendmessage", "Sqs:SendMessage"]))
def test_letter_case_of_actions_does_not_matter(whole: Policies, action: str) -> None:
    """Neither the service's nor the action's."""
    assert decide(request(), whole).outcome is decide(request(action), whole).outcome


@settings(max_examples=60)
@given(policies(most=2), st.sets(st.sampled_from(sorted(POOL)), min_size=1, max_size=2))
def test_undecided_is_said_only_and_always_where_completions_differ(whole: Policies, unknown: set[str]) -> None:
    """Every completion of two keys from a pool that tells all conditions apart; the other keys are given."""
    known = {key: values[0] for key, values in POOL.items() if key not in unknown}
    base = request(**{key.replace(":", "_", 1): str(value) for key, value in known.items()})
    allowed = set()
    for values in itertools.product(*(POOL[key] for key in sorted(unknown))):
        held = {
            key: value if isinstance(value, Missing) else (value,)
            for key, value in zip(sorted(unknown), values, strict=True)
        }
        completed = replace(base, context=base.context.with_keys(held))
        one = deciding._decide(completed, whole)  # not completed again
        assert one.outcome is not Outcome.UNDECIDED
        allowed.add(one.outcome is Outcome.ALLOW)
    outcome = decide(base, whole).outcome
    assert (outcome is Outcome.UNDECIDED) is (len(allowed) == 2)
    if outcome is not Outcome.UNDECIDED:
        assert {outcome is Outcome.ALLOW} == allowed


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["Effect", "Statement", "a:b"]), inner),
    max_leaves=8,
)


@settings(max_examples=150)
@given(st.text() | st.binary() | JSON.map(json.dumps), st.sampled_from(PolicyKind))
def test_whatever_is_read_is_a_document_or_bad_input(text: str | bytes, kind: PolicyKind) -> None:
    """Never another exception."""
    with contextlib.suppress(BadInput):
        parse_policy(text, name="p.json", kind=kind)


@settings(max_examples=100)
@given(statements(), st.data())
def test_a_damaged_statement_is_read_or_refused(made: dict[str, Any], data: st.DataObject) -> None:
    """Each element in turn replaced by whatever JSON there is."""
    key = data.draw(st.sampled_from([*made, "Principal", "NotResource", "Sid", "Condition"]))
    made[key] = data.draw(JSON)
    with contextlib.suppress(BadInput):
        parse_policy(json.dumps({"Statement": made}), name="p.json")


def slow(pattern: str, text: str) -> bool:
    """Wildcards by their definition."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(slow(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] in (text[0], "?") and slow(pattern[1:], text[1:])


@settings(max_examples=400)
@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_wildcards_match_as_they_are_defined(pattern: str, text: str) -> None:
    """`*` any text, `?` one character."""
    assert Truth.of(slow(pattern, text)) is compile_pattern(pattern, None).match(text)


def test_no_pattern_takes_long() -> None:
    """The classic that blows up a regular expression."""
    assert Truth.FALSE is compile_pattern("*a" * 200 + "b", None).match("a" * 2000)
