"""Who refused, and the mend: by the service's words, else by the policies, else by naming what can't be seen."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.model.ci import Policy, RolePolicies
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.planes.data.diagnose.attribution import (
    BUCKET_POLICY,
    NEVER_SEEN,
    ROLE_POLICIES,
    Attribution,
    Weighed,
    attribute,
    evaluate,
)
from pytest_substrate.planes.data.diagnose.in_force import Permissions
from pytest_substrate.planes.data.diagnose.mend import Where, mend, missing_statement, statement_for
from pytest_substrate.planes.data.diagnose.weigh import weigh
from pytest_substrate.policy.decision import decide
from pytest_substrate.policy.document import PolicyKind
from pytest_substrate.policy.evaluate import Outcome, Policies
from pytest_substrate.policy.request import make_request
from tests.unit.planes.data.making import (
    ACCOUNT,
    BUCKET,
    CALLER,
    KEY,
    REGION,
    ROLE,
    allow,
    bucket,
    call,
    policy,
    refused,
)

ARN = f"arn:aws:s3:::{BUCKET}"
OBJECT = f"{ARN}/inputs/manifest.json"
OWN_ROLE = f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"
WIDE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
DENIED = Unobserved(reason="access-denied")
NONE = RolePolicies(policies=(), boundary=None)
BARE: dict[str, Any] = {"status": 403, "code": "AccessDenied", "message": "Access Denied"}
READ = call("read", "GetObject", "inputs/manifest.json", **BARE)
LIST = call("list", "ListObjectsV2", "inputs/", key="", **BARE)


def where(target: str = "inputs/manifest.json") -> Where:
    """What a mend is about."""
    prefixes = (target,) if target.endswith("/") else ()
    return Where(
        role=ROLE, bucket=BUCKET, bucket_arn=ARN, target=target, account=ACCOUNT, region=REGION, prefixes=prefixes
    )


def deny(action: str, resource: str, **more: Any) -> dict[str, Any]:
    """A Deny for everyone, as a resource's policy has it."""
    return {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("why", "effect", "source", "policy_arn"),
    [
        ("because no identity-based policy allows the s3:GetObject action", "implicit", "identity", None),
        ("because no permissions boundary allows the s3:GetObject action", "implicit", "boundary", None),
        ("because no session policy allows the s3:GetObject action", "implicit", "session", None),
        ("because no service control policy allows the s3:GetObject action", "implicit", "scp", None),
        ("because no resource-based policy allows the s3:GetObject action", "implicit", "resource", None),
        ("because no VPC endpoint policy allows the s3:GetObject action", "implicit", "vpc-endpoint", None),
        ("with an explicit deny in an identity-based policy", "explicit", "identity", None),
        ("with an explicit deny in a resource-based policy", "explicit", "resource", None),
        ("with an explicit deny in a service control policy", "explicit", "scp", None),
        ("with an explicit deny in a resource control policy", "explicit", "rcp", None),
        ("with an explicit deny in a permissions boundary", "explicit", "boundary", None),
        ("with an explicit deny in a VPC endpoint policy", "explicit", "vpc-endpoint", None),
    ],
)
def test_the_service_says_so(why: str, effect: str, source: str, policy_arn: str | None) -> None:
    """Its own words are not weighed again."""
    told = call("read", "GetObject", "inputs/manifest.json", **refused("s3:GetObject", OBJECT, why))
    found = attribute(told, ARN, Weighed(policies=Policies(identity=(policy(allow("s3:*", "*")),))), CALLER)
    assert (CALLER, "s3:GetObject", OBJECT) == (found.principal, found.action, found.resource)
    assert (effect, source, policy_arn, True) == (found.effect, found.source, found.policy, found.by_service)
    assert "{" not in found.reason


def test_kms_without_the_key() -> None:
    """What KMS calls the resource associated with this ciphertext is the bucket's key, where there is one."""
    message = (
        f"User: {CALLER} is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext "
        "because no identity-based policy allows the kms:Decrypt action"
    )
    told = call("read", "GetObject", "inputs/manifest.json", 403, code="AccessDenied", message=message)
    keyed = Weighed(keys={KEY: policy(deny("kms:X", "*"), kind=PolicyKind.RESOURCE)})
    found = attribute(told, ARN, keyed, CALLER)
    assert ("kms:Decrypt", KEY, "identity") == (found.action, found.resource, found.source)


@pytest.mark.parametrize(
    ("policies", "effect", "source", "named"),
    [
        (Policies(), "implicit", "identity", None),
        (Policies(identity=(policy(allow("s3:GetObject", f"{ARN}/other/*")),)), "implicit", "identity", None),
        (
            Policies(
                identity=(policy(allow("s3:*", "*")),),
                resource=policy(deny("s3:GetObject", f"{ARN}/*"), kind=PolicyKind.RESOURCE, name="the bucket's"),
            ),
            "explicit",
            "resource",
            "the bucket's",
        ),
        (
            Policies(
                identity=(
                    policy(allow("s3:*", "*")),
                    policy({"Effect": "Deny", "Action": "s3:Get*", "Resource": "*"}, name="no"),
                )
            ),
            "explicit",
            "identity",
            "no",
        ),
        (
            Policies(
                identity=(policy(allow("s3:*", "*")),),
                boundary=policy(allow("s3:ListBucket", "*"), kind=PolicyKind.BOUNDARY),
            ),
            "implicit",
            "boundary",
            None,
        ),
    ],
)
def test_the_policies_say_so(policies: Policies, effect: str, source: str, named: str | None) -> None:
    """Where the service only says "Access Denied", those that may be read are evaluated."""
    found = attribute(READ, ARN, Weighed(policies=policies), CALLER)
    assert (effect, source, named, False) == (found.effect, found.source, found.policy, found.by_service)
    assert (CALLER, "s3:GetObject", OBJECT) == (found.principal, found.action, found.resource)


def test_a_condition_on_the_prefix_is_known() -> None:
    """What was listed was asked for by its prefix."""
    near = policy(allow("s3:ListBucket", ARN, Condition={"StringLike": {"s3:prefix": "input/*"}}))
    right = policy(allow("s3:ListBucket", ARN, Condition={"StringLike": {"s3:prefix": "inputs/*"}}))
    assert "identity" == attribute(LIST, ARN, Weighed(policies=Policies(identity=(near,))), CALLER).source
    assert "unknown" == attribute(LIST, ARN, Weighed(policies=Policies(identity=(right,))), CALLER).source


def test_what_nobody_here_can_see_is_named() -> None:
    """All that may be read allows it: an SCP, an RCP or an endpoint's policy is left."""
    wide = Weighed(policies=Policies(identity=(policy(allow("s3:*", "*")),)), unseen=("the bucket's policy",))
    found = attribute(READ, ARN, wide, CALLER)
    assert ("unknown", "unknown") == (found.effect, found.source)
    assert ("the bucket's policy", *NEVER_SEEN) == found.unseen
    assert "not seen: the bucket's policy, service control policies" in found.reason
    assert "unknown" == attribute(READ, ARN, Weighed(), None).source


def test_a_key_needs_its_own_policy() -> None:
    """The role's policy allows, and the key's does not hand over."""
    closed = policy(
        allow("kms:Decrypt", "*", Principal={"AWS": "arn:aws:iam::999999999999:root"}), kind=PolicyKind.RESOURCE
    )
    weighed = Weighed(policies=Policies(identity=(policy(allow("kms:*", "*")),)), keys={KEY: closed})
    asked = Attribution(action="kms:Decrypt", resource=KEY, principal=CALLER)
    assert ("implicit", "resource") == ((found := evaluate(asked, weighed, CALLER)).effect, found.source)


def test_a_key_that_nobody_names_is_not_weighed() -> None:
    """By the wrong key's name a permission might seem to lack."""
    own = Weighed(policies=Policies(identity=(policy(allow("kms:Decrypt", KEY)),)))
    told = evaluate(Attribution(action="kms:Decrypt", resource="*"), own, CALLER)
    assert ("unknown", True) == (told.source, "the key's policy" in told.unseen)


def test_what_is_no_principal_is_not_weighed() -> None:
    """A log line may call anything so."""
    asked = Attribution(action="s3:GetObject", resource="user bob", principal="bob")
    assert "unknown" == evaluate(asked, Weighed(), "bob").source


@pytest.mark.parametrize(
    ("found", "target", "statement"),
    [
        (
            Attribution(action="s3:GetObject", resource=OBJECT),
            "inputs/manifest.json",
            allow("s3:GetObject", OBJECT),
        ),
        (
            Attribution(action="s3:ListBucket", resource=ARN),
            "inputs/",
            allow("s3:ListBucket", ARN, Condition={"StringEquals": {"s3:prefix": "inputs/"}}),
        ),
        (
            Attribution(action="s3:PutObject", resource=f"{ARN}/outputs/substrate-probe-0"),
            "outputs/",
            allow("s3:PutObject", f"{ARN}/outputs/*"),
        ),
        (Attribution(action="kms:Decrypt", resource=KEY), "inputs/manifest.json", allow("kms:Decrypt", KEY)),
    ],
)
def test_the_one_statement_that_is_missing(found: Attribution, target: str, statement: dict[str, Any]) -> None:
    """One action, what is declared, and no more."""
    assert statement == statement_for(found, where(target))


TARGET = st.sampled_from(["inputs/manifest.json", "inputs/", "a b/ü.json"])
ACTION = st.sampled_from(["s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:AbortMultipartUpload"])


@given(target=TARGET, action=ACTION)
def test_the_mend_mends_and_opens_nothing_else(target: str, action: str) -> None:
    """Evaluated: what was refused is allowed by the mend alone, and nothing of another action, key or bucket."""
    key = f"{target}substrate-probe-0" if target.endswith("/") else target
    resource = ARN if action == "s3:ListBucket" else f"{ARN}/{key}"
    at = where(target)
    if action == "s3:ListBucket" and not at.prefixes:
        return  # an object isn't listed
    refusal = Attribution(action=action, resource=resource, principal=CALLER, effect="implicit", source="identity")
    command = shlex.split(mend(refusal, at))
    assert ["aws", "iam", "put-role-policy", "--role-name", ROLE] == command[:5]
    document = json.loads(command[-1])
    [statement] = document["Statement"]
    assert isinstance(statement["Action"], str)
    assert "*" not in statement["Action"]
    mended = Policies(identity=(policy(statement),))

    def answer(action: str, resource: str, prefix: str = target) -> Outcome:
        context = [("s3:prefix", prefix)] if action == "s3:ListBucket" else []
        return decide(make_request(principal=CALLER, action=action, resource=resource, context=context), mended).outcome

    assert Outcome.ALLOW is answer(action, resource)
    assert Outcome.ALLOW is not answer("s3:DeleteObject", f"{ARN}/{key}")
    assert Outcome.ALLOW is not answer(action, resource.replace(BUCKET, "other"))
    assert Outcome.ALLOW is not answer(
        action, ARN if action == "s3:ListBucket" else f"{ARN}/private/canary", "private/"
    )


@pytest.mark.parametrize("effect", ["explicit", "implicit", "unknown"])
@pytest.mark.parametrize(
    "source", ["identity", "resource", "boundary", "session", "scp", "rcp", "vpc-endpoint", "unknown"]
)
@pytest.mark.parametrize("action", ["s3:GetObject", "kms:Decrypt"])
def test_every_refusal_leads_somewhere(effect: str, source: str, action: str) -> None:
    """A whole command without a blank, and an Allow only where one is missing."""
    refusal = Attribution(
        action=action, resource=KEY if action.startswith("kms") else OBJECT, effect=effect, source=source
    )
    words = shlex.split(mend(refusal, where()))
    assert "aws" == words[0]
    assert ("put-role-policy" in words) == (source == "identity" and effect != "explicit")


@pytest.mark.parametrize(
    ("source", "action", "resource", "statement"),
    [
        ("boundary", "s3:GetObject", OBJECT, allow("s3:GetObject", OBJECT)),
        ("session", "s3:GetObject", OBJECT, allow("s3:GetObject", OBJECT)),
        ("scp", "s3:GetObject", OBJECT, allow("s3:GetObject", OBJECT)),
        ("resource", "kms:Decrypt", KEY, {"Principal": {"AWS": OWN_ROLE}, **allow("kms:Decrypt", KEY)}),
        ("vpc-endpoint", "s3:GetObject", OBJECT, {"Principal": {"AWS": OWN_ROLE}, **allow("s3:GetObject", OBJECT)}),
        (
            "resource",
            "sts:AssumeRole",
            OWN_ROLE,
            {"Effect": "Allow", "Principal": {"AWS": OWN_ROLE}, "Action": "sts:AssumeRole"},
        ),
    ],
)
def test_every_kind_of_policy_that_lacks_it_gets_its_statement(
    source: str, action: str, resource: str, statement: dict[str, Any]
) -> None:
    """In its own form: a resource's names the principal, a role's trust no resource."""
    refusal = Attribution(action=action, resource=resource, effect="implicit", source=source)
    text = missing_statement(refusal, where())
    assert text is not None
    assert statement == json.loads(text)
    assert "*" not in text
    assert missing_statement(replace(refusal, effect="explicit"), where()) is None
    assert missing_statement(replace(refusal, resource="*"), where()) is None
    assert "*" not in mend(replace(refusal, source="identity", resource="*"), where())


@pytest.mark.parametrize(
    ("found", "bucket", "named"),
    [
        (Permissions(policies=DENIED, buckets={BUCKET: bucket()}, keys={}), None, ROLE_POLICIES),
        (Permissions(policies=NONE, buckets={BUCKET: DENIED}, keys={}), BUCKET, BUCKET_POLICY),
        (Permissions(policies=NONE, buckets={BUCKET: bucket(policy=DENIED)}, keys={}), BUCKET, BUCKET_POLICY),
        (Permissions(policies=NONE, buckets={BUCKET: bucket(policy="{")}, keys={}), BUCKET, BUCKET_POLICY),
        (Permissions(policies=NONE, buckets={"other": bucket()}, keys={}), None, BUCKET_POLICY),
    ],
)
def test_what_was_not_read_is_no_reason(found: Permissions, bucket: str | None, named: str) -> None:
    """That no policy which was read allows it says nothing while others weren't: they are named."""
    told = evaluate(Attribution(action="s3:GetObject", resource=OBJECT), weighed(found, bucket), CALLER)
    assert ("unknown", "unknown") == (told.effect, told.source)
    assert (named, *NEVER_SEEN) == told.unseen


def weighed(found: Permissions, bucket: str | None = None) -> Weighed:
    """The role's, as they could be read."""
    return weigh(found, role=(ACCOUNT, ROLE), bucket=bucket)


def test_each_bucket_is_weighed_by_its_own_policy() -> None:
    """A denial in a log may be of any bucket of the job's grants."""
    closing = json.dumps({"Version": "2012-10-17", "Statement": [deny("s3:*", f"{ARN}/*")]})
    wide = RolePolicies(policies=(Policy(name="p", document=json.dumps(WIDE), created=None),), boundary=None)
    found = weighed(Permissions(policies=wide, buckets={BUCKET: bucket(policy=closing), "other": bucket()}, keys={}))
    told = evaluate(Attribution(action="s3:GetObject", resource=OBJECT), found, CALLER)
    assert ("explicit", "resource") == (told.effect, told.source)
    free = evaluate(Attribution(action="s3:GetObject", resource="arn:aws:s3:::other/k"), found, CALLER)
    assert ("unknown", NEVER_SEEN) == (free.source, free.unseen)


@pytest.mark.parametrize(
    ("action", "resource", "named"),
    [
        ("kms:Decrypt", KEY, ("the key's policy",)),
        (
            "secretsmanager:GetSecretValue",
            "arn:aws:secretsmanager:eu-west-2:1:secret:x",
            ("the resource's own policy",),
        ),
    ],
)
def test_another_service_s_policy_is_not_seen(action: str, resource: str, named: tuple[str, ...]) -> None:
    """What a resource's own policy says decides too."""
    found = weighed(Permissions(policies=NONE, buckets={}, keys={}))
    told = evaluate(Attribution(action=action, resource=resource), found, CALLER)
    assert ("unknown", (*named, *NEVER_SEEN)) == (told.source, told.unseen)
    plain = evaluate(Attribution(action="ecs:ListTasks", resource="*"), found, CALLER)
    assert ("implicit", "identity") == (plain.effect, plain.source)


def test_the_policies_of_one_role_say_nothing_of_another() -> None:
    """A job may be refused as a role that it assumed."""
    other = f"arn:aws:sts::{ACCOUNT}:assumed-role/exporter/1"
    found = weighed(Permissions(policies=NONE, buckets={BUCKET: bucket()}, keys={}), BUCKET)
    told = evaluate(Attribution(action="s3:GetObject", resource=OBJECT, principal=other), found, other)
    assert "unknown" == told.source
    assert "the policies of that principal" in told.unseen
