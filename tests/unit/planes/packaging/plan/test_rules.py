"""Which pending changes are red, address by address: one small plan for each rule."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.planes.packaging.plan.documents import (
    ACCOUNT,
    ALIAS,
    CREATE,
    DELETE,
    EXECUTION,
    KEY,
    OTHER_SECRET,
    PLATFORM,
    REPLACE,
    REPLACES,
    REVISION,
    SECRET,
    TASK,
    UNKNOWN,
    UPDATE,
    Document,
    containers,
    policy,
    refers,
    text,
)

VERSION = "aws_secretsmanager_secret_version.kafka"
DEFINITION = "aws_ecs_task_definition.ingest"
SERVICE = "aws_ecs_service.ingest"
NEW_REVISION = {"arn": UNKNOWN, "arn_without_revision": UNKNOWN, "revision": UNKNOWN, "id": UNKNOWN}
OVERWRITTEN, READERS, SECRETS = "credential-overwritten", "readers-changed", "secret-repointed"
IMAGE, REMOVED = "image-repointed", "service-removed"

Case = tuple[str, tuple[str, ...], dict[str, Any]]

GREEN: list[Case] = [
    ("aws_secretsmanager_secret.kafka", UPDATE, {"description": "new", "recovery_window_in_days": 7}),
    ("aws_secretsmanager_secret.kafka", UPDATE, {"tags": {"a": "c"}, "tags_all": {"a": "c"}}),
    ("aws_secretsmanager_secret.kafka", UPDATE, {"replica": [{"region": "eu-west-1", "kms_key_id": KEY}]}),
    ("aws_secretsmanager_secret.kafka", UPDATE, {"kms_key_id": "0aa1"}),
    ("aws_secretsmanager_secret.kafka", UPDATE, {"policy": "{}"}),
    ("aws_secretsmanager_secret.kafka", ("forget",), {}),
    (VERSION, ("forget",), {}),
    (VERSION, UPDATE, {"has_secret_string_wo": UNKNOWN}),
    ("aws_ssm_parameter.db", UPDATE, {"description": "new", "tier": "Advanced", "version": UNKNOWN}),
    ("aws_ssm_parameter.db", UPDATE, {"key_id": ""}),
    ("aws_ssm_parameter.flag", UPDATE, {"value": "LEAK-off"}),
    ("aws_ssm_parameter.flag", DELETE, {}),
    ("random_password.kafka", DELETE, {}),
    ("random_password.kafka", ("forget",), {}),
    ("aws_msk_scram_secret_association.main", UPDATE, {"secret_arn_list": [SECRET, OTHER_SECRET, "arn:new"]}),
    ("aws_msk_scram_secret_association.main", UPDATE, {"secret_arn_list": [SECRET, OTHER_SECRET]}),
    ("aws_kms_key.msk", UPDATE, {"description": "new", "deletion_window_in_days": 7, "enable_key_rotation": True}),
    ("aws_kms_key.msk", UPDATE, {"rotation_period_in_days": 100}),
    ("aws_kms_alias.msk", DELETE, {}),
    ("aws_kms_alias.msk", UPDATE, {"target_key_id": "other"}),
    ("aws_iam_role.task", UPDATE, {"description": "new", "max_session_duration": 7200, "tags": {"a": "b"}}),
    ("aws_iam_role.bystander", DELETE, {}),
    ("aws_iam_role.bystander", UPDATE, {"assume_role_policy": policy("sts:TagSession")}),
    ("aws_ecr_repository.ingest", UPDATE, {"image_tag_mutability": "IMMUTABLE"}),
    (DEFINITION, DELETE, {}),
    (DEFINITION, ("forget",), {}),
    (DEFINITION, UPDATE, {"tags": {"a": "b"}, "skip_destroy": True}),
    (SERVICE, UPDATE, {"force_new_deployment": True, "triggers": UNKNOWN, "desired_count": 5}),
    (SERVICE, UPDATE, {"task_definition": "ingest:42"}),
    ("aws_db_instance.db", UPDATE, {"engine_version": "16.2", "tags": {"a": "b"}}),
    ("aws_db_instance.db", REPLACE, {"engine_version": "16.2", "id": UNKNOWN}),
    ("aws_cloudwatch_log_group.ingest", DELETE, {}),
]

RED: list[tuple[str, str, tuple[str, ...], dict[str, Any]]] = [
    *((OVERWRITTEN, VERSION, actions, {"secret_string": "LEAK-new"}) for actions in REPLACES),
    *((OVERWRITTEN, VERSION, actions, {"secret_string": UNKNOWN}) for actions in REPLACES),
    (OVERWRITTEN, VERSION, UPDATE, {"secret_string": "LEAK-new"}),
    (OVERWRITTEN, VERSION, REPLACE, {"secret_string": None, "secret_string_wo_version": 1}),
    (OVERWRITTEN, VERSION, REPLACE, {"version_id": UNKNOWN}),
    (OVERWRITTEN, VERSION, UPDATE, {"version_stages": ["AWSPENDING"]}),
    (OVERWRITTEN, VERSION, DELETE, {}),
    (OVERWRITTEN, VERSION, ("create", "forget"), {"secret_string": "LEAK-new"}),
    (OVERWRITTEN, "aws_secretsmanager_secret.kafka", DELETE, {}),
    (OVERWRITTEN, "aws_secretsmanager_secret.kafka", REPLACE, {"name": "AmazonMSK_other", "arn": UNKNOWN}),
    (OVERWRITTEN, "aws_secretsmanager_secret.kafka", UPDATE, {"rotation_lambda_arn": "arn:aws:lambda:x"}),
    (READERS, "aws_secretsmanager_secret.kafka", UPDATE, {"kms_key_id": UNKNOWN}),
    (READERS, "aws_secretsmanager_secret.kafka", UPDATE, {"kms_key_id": None}),
    (READERS, "aws_secretsmanager_secret.kafka", UPDATE, {"kms_key_id": KEY.replace(ACCOUNT, "222233334444")}),
    (READERS, "aws_secretsmanager_secret.kafka", UPDATE, {"policy": policy("secretsmanager:*", effect="Deny")}),
    (READERS, "aws_secretsmanager_secret.kafka", UPDATE, {"policy": UNKNOWN}),
    (OVERWRITTEN, "aws_ssm_parameter.db", UPDATE, {"value": "LEAK-new"}),
    (OVERWRITTEN, "aws_ssm_parameter.db", UPDATE, {"value": UNKNOWN}),
    (OVERWRITTEN, "aws_ssm_parameter.db", UPDATE, {"value": None, "value_wo_version": 1}),
    (OVERWRITTEN, "aws_ssm_parameter.db", UPDATE, {"type": "String", "insecure_value": "LEAK-db"}),
    (OVERWRITTEN, "aws_ssm_parameter.db", REPLACE, {"name": "/prod/other", "arn": UNKNOWN}),
    (OVERWRITTEN, "aws_ssm_parameter.db", DELETE, {}),
    (READERS, "aws_ssm_parameter.db", UPDATE, {"key_id": KEY}),
    (OVERWRITTEN, "aws_ssm_parameter.flag", UPDATE, {"type": "SecureString"}),
    (OVERWRITTEN, "random_password.kafka", REPLACE, {"length": 40, "result": UNKNOWN, "bcrypt_hash": UNKNOWN}),
    (OVERWRITTEN, "aws_msk_scram_secret_association.main", UPDATE, {"secret_arn_list": [SECRET]}),
    (OVERWRITTEN, "aws_msk_scram_secret_association.main", UPDATE, {"secret_arn_list": UNKNOWN}),
    (OVERWRITTEN, "aws_msk_scram_secret_association.main", DELETE, {}),
    (OVERWRITTEN, "aws_msk_scram_secret_association.main", REPLACE, {"cluster_arn": UNKNOWN}),
    (READERS, "aws_kms_key.msk", DELETE, {}),
    (READERS, "aws_kms_key.msk", REPLACE, {"arn": UNKNOWN, "key_id": UNKNOWN}),
    (READERS, "aws_kms_key.msk", UPDATE, {"is_enabled": False}),
    (READERS, "aws_kms_key.msk", UPDATE, {"is_enabled": UNKNOWN}),
    (READERS, "aws_kms_key.msk", UPDATE, {"policy": policy("kms:Describe*")}),
    (READERS, "aws_iam_role.task", DELETE, {}),
    (READERS, "aws_iam_role.task", REPLACE, {"arn": UNKNOWN, "name": "other"}),
    (READERS, "aws_iam_role.task", UPDATE, {"assume_role_policy": policy("sts:TagSession")}),
    (READERS, "aws_iam_role.task", UPDATE, {"permissions_boundary": "arn:aws:iam::1:policy/b"}),
    (READERS, "aws_iam_role.task", UPDATE, {"managed_policy_arns": ["arn:aws:iam::1:policy/b"]}),
    (READERS, "aws_iam_role.task", UPDATE, {"inline_policy": [{"name": "x", "policy": policy("s3:*")}]}),
    (READERS, "aws_iam_role_policy.exec", UPDATE, {"policy": policy("secretsmanager:ListSecrets")}),
    (READERS, "aws_iam_role_policy.exec", UPDATE, {"policy": UNKNOWN}),
    (READERS, "aws_iam_role_policy.exec", DELETE, {}),
    (READERS, "aws_iam_role_policy_attachment.extra", DELETE, {}),
    (READERS, "aws_iam_role_policy_attachment.extra", REPLACE, {"policy_arn": UNKNOWN}),
    (READERS, "aws_iam_policy.extra", UPDATE, {"policy": policy("s3:PutObject")}),
    (READERS, "aws_iam_policy.extra", DELETE, {}),
    (REMOVED, "aws_ecr_repository.ingest", DELETE, {}),
    (REMOVED, "aws_ecr_repository.ingest", REPLACE, {"name": "other"}),
    (REMOVED, SERVICE, DELETE, {}),
    (REMOVED, SERVICE, REPLACE, {"name": "other"}),
    (IMAGE, SERVICE, UPDATE, {"task_definition": REVISION[:-2] + "41"}),
    (IMAGE, SERVICE, UPDATE, {"task_definition": "ingest"}),
    *((IMAGE, DEFINITION, actions, NEW_REVISION | {"container_definitions": UNKNOWN}) for actions in REPLACES),
    (READERS, DEFINITION, REPLACE, NEW_REVISION | {"task_role_arn": EXECUTION}),
    (READERS, DEFINITION, REPLACE, NEW_REVISION | {"execution_role_arn": UNKNOWN}),
    (READERS, DEFINITION, REPLACE, NEW_REVISION | {"execution_role_arn": None}),
    (OVERWRITTEN, "aws_db_instance.db", UPDATE, {"password": "LEAK-new"}),
    (OVERWRITTEN, "aws_db_instance.db", UPDATE, {"password": UNKNOWN}),
    (OVERWRITTEN, "aws_db_instance.db", UPDATE, {"password_wo_version": 2}),
    (OVERWRITTEN, "aws_db_instance.db", UPDATE, {"password": None, "manage_master_user_password": True}),
    (OVERWRITTEN, "aws_db_instance.db", DELETE, {}),
]


def name(case: tuple[Any, ...]) -> str:
    """A test's name for a case."""
    *_, address, actions, after = case
    return f"{address}-{'-'.join(actions)}-{','.join(after)}"


@pytest.mark.parametrize("case", GREEN, ids=name)
def test_what_leaves_credentials_alone_is_green(case: Case) -> None:
    """The whole plan is, whatever is pending of that address."""
    address, actions, after = case
    assert {} == Document().changes(address, actions, **after).red()


@pytest.mark.parametrize("case", RED, ids=name)
def test_what_touches_credentials_is_red(case: tuple[str, str, tuple[str, ...], dict[str, Any]]) -> None:
    """That address is, by the cause that tells what would happen, and no other."""
    cause, address, actions, after = case
    assert {address: cause} == Document().changes(address, actions, **after).red()


@pytest.mark.parametrize("address", PLATFORM)
def test_creations_and_marks_and_reads_are_green(address: str) -> None:
    """A thing that is new harms nothing by itself, and a mark that appears changes no value."""
    document = Document()
    values, sensitive, expressions = PLATFORM[address]
    change = document.entries[address]["change"]
    change["actions"], change["after_sensitive"] = ["update"], dict.fromkeys(values, True)
    assert {} == document.red()
    assert {} == document.holds(f"data.{address}", values).changes(f"data.{address}", ("read",), arn=UNKNOWN).red()
    alone = Document()
    for other in PLATFORM:
        alone.creates(other, dict.fromkeys(PLATFORM[other][0], UNKNOWN), expressions=PLATFORM[other][2])
    known = {key: value for key, value in values.items() if key != "secret_id"} | {"secret_id": UNKNOWN}
    assert {} == alone.creates(address, known, sensitive=sensitive, expressions=expressions).red()


def new_revision(document: Document, actions: tuple[str, ...] = REPLACE, /, **after: Any) -> Document:
    """A replaced definition, and the service that follows it."""
    document.changes(DEFINITION, actions, **(NEW_REVISION | after))
    return document.changes(SERVICE, task_definition=UNKNOWN)


def defined(**changes: Any) -> dict[str, str]:
    """Container definitions whose first container is changed."""
    return {"container_definitions": text(containers(**changes))}


SAME_CONTAINERS: dict[str, Any] = {
    "cpu": {"cpu": "512"},
    "environment": defined(environment=[{"name": "TOPIC", "value": "other"}]),
    "container cpu": defined(cpu=128, essential=False, portMappings=[{"containerPort": 80}]),
    "order": {"container_definitions": text(list(reversed(containers(secrets=containers()[0]["secrets"][::-1]))))},
    "letter case": {
        "container_definitions": text([{k[0].upper() + k[1:]: v for k, v in c.items()} for c in containers()])
    },
    "family": {"family": "other"},
    "no json key": defined(
        secrets=[{"name": "KAFKA_CREDENTIAL", "valueFrom": f"{SECRET}:::"}, containers()[0]["secrets"][1]]
    ),
}


@pytest.mark.parametrize("actions", REPLACES)
@pytest.mark.parametrize("after", SAME_CONTAINERS.values(), ids=SAME_CONTAINERS)
def test_a_revision_with_the_same_images_and_secrets_is_green(after: dict[str, Any], actions: tuple[str, ...]) -> None:
    """And so is the service that follows it."""
    assert {} == new_revision(Document(), actions, **after).red()


OTHER_IMAGE = "x@sha256:" + "2" * 64

OTHER_CONTAINERS: dict[str, tuple[str, dict[str, Any]]] = {
    "image": (IMAGE, defined(image=OTHER_IMAGE)),
    "tag": (IMAGE, defined(image="x:latest")),
    "name": (IMAGE, defined(name="other")),
    "fewer": (IMAGE, {"container_definitions": text(containers()[:1])}),
    "more": (IMAGE, {"container_definitions": text([*containers(), {"name": "more", "image": OTHER_IMAGE}])}),
    "garbage": (IMAGE, {"container_definitions": "LEAK-garbage"}),
    "fewer secrets": (SECRETS, defined(secrets=containers()[0]["secrets"][:1])),
    "another secret": (SECRETS, defined(secrets=[{"name": "KAFKA_CREDENTIAL", "valueFrom": OTHER_SECRET}])),
    "another json key": (
        SECRETS,
        defined(secrets=[{"name": "KAFKA_CREDENTIAL", "valueFrom": f"{SECRET}:x::"}, containers()[0]["secrets"][1]]),
    ),
    "log driver": (
        SECRETS,
        defined(logConfiguration={"logDriver": "splunk", "secretOptions": [{"name": "t", "valueFrom": SECRET}]}),
    ),
    "registry": (SECRETS, defined(repositoryCredentials={"credentialsParameter": SECRET})),
    "volume": (
        SECRETS,
        {"volume": [{"fsx": [{"authorization_config": [{"credentials_parameter": SECRET}]}]}]},
    ),
}


@pytest.mark.parametrize(("cause", "after"), OTHER_CONTAINERS.values(), ids=OTHER_CONTAINERS)
def test_another_image_or_secret_is_red_with_its_service(cause: str, after: dict[str, Any]) -> None:
    """By the same cause: the service would run what the definition becomes."""
    assert {DEFINITION: cause, SERVICE: cause} == new_revision(Document(), **after).red()


def test_a_sensitive_container_definition_is_compared_by_all_its_words() -> None:
    """A marked text may hold a password in the environment: numbers and order may differ, words may not."""
    for after, red in ((defined(cpu=512), set()), (defined(environment=[]), {DEFINITION, SERVICE})):
        document = Document()
        document.entries[DEFINITION]["change"]["before_sensitive"] = {"container_definitions": True}
        assert red == new_revision(document, **after).red().keys()


def test_a_moved_resource_is_judged_by_what_changes() -> None:
    """An address alone is no change; a value is one under any address."""
    for value, red in (("LEAK-old", {}), ("LEAK-new", {VERSION: OVERWRITTEN})):
        document = Document().changes(VERSION, secret_string=value)
        document.says(VERSION, previous_address="aws_secretsmanager_secret_version.old")
        assert red == document.red()


def test_a_new_address_without_a_moved_block_is_a_deletion_and_an_overwriting() -> None:
    """Renamed in the configuration: the old version goes, and a new one is written to the same secret."""
    document = Document().changes(VERSION, DELETE)
    values = {"secret_id": SECRET, "secret_string": "LEAK-old", "version_id": UNKNOWN}
    document.creates("aws_secretsmanager_secret_version.new", values)
    assert {VERSION: OVERWRITTEN, "aws_secretsmanager_secret_version.new": OVERWRITTEN} == document.red()
    assert "`moved` block" in str(document.judged())


def test_a_deposed_object_and_its_successor_are_one_address() -> None:
    """The worse of both is told, once."""
    document = Document()
    plan = document.data()
    gone = Document().changes(SERVICE, DELETE).says(SERVICE, deposed="abc").entries[SERVICE]
    document.extra["resource_changes"] = [*plan["resource_changes"], gone]
    assert {SERVICE: REMOVED} == document.red()
    assert len(PLATFORM) == len(document.judged())


@pytest.mark.parametrize(("secret_id", "red"), [(SECRET, True), ("AmazonMSK_ingest", True), ("arn:aws:new", True)])
def test_a_version_of_a_secret_that_exists_is_red(secret_id: str, *, red: bool) -> None:
    """In the plan or not: a secret whose name is known exists."""
    address = "aws_secretsmanager_secret_version.more"
    document = Document().creates(address, {"secret_id": secret_id, "secret_string": "LEAK-new"})
    assert red == (address in document.red())


@pytest.mark.parametrize("type_", ["version", "policy", "rotation"])
@pytest.mark.parametrize("actions", [CREATE, REPLACE])
def test_what_acts_on_a_secret_is_red_where_the_secret_exists(type_: str, actions: tuple[str, ...]) -> None:
    """A new secret is followed through the configuration; a replaced one exists."""
    address, owner = f"aws_secretsmanager_secret_{type_}.new", "aws_secretsmanager_secret.new"
    pointer = "secret_arn" if type_ == "policy" else "secret_id"
    document = Document().holds(owner, {"arn": "arn:old", "id": "arn:old", "name": "new"}, expressions={})
    if actions == CREATE:
        document.creates(owner, {"arn": UNKNOWN, "id": UNKNOWN, "name": "new"})
    else:
        document.changes(owner, actions, arn=UNKNOWN, id=UNKNOWN)
    document.creates(address, {pointer: UNKNOWN}, expressions={pointer: refers(f"{owner}.id", owner)})
    assert (actions == REPLACE) == (address in document.red())


def test_a_rotation_that_exists_is_red_when_it_changes_and_green_when_it_goes() -> None:
    """It rotates at once when it changes."""
    address = "aws_secretsmanager_secret_rotation.r"
    values = {"secret_id": SECRET, "rotation_lambda_arn": "arn:aws:lambda:x", "rotation_rules": []}
    for actions, after, red in ((DELETE, {}, {}), (UPDATE, {"rotation_lambda_arn": "y"}, {address: OVERWRITTEN})):
        assert red == Document().holds(address, values).changes(address, actions, **after).red()


def test_an_overwriting_creation_of_an_injected_parameter_is_red() -> None:
    """A parameter that a task definition injects exists; `overwrite` takes its value."""
    values = {"name": "/prod/db", "type": "SecureString", "value": "LEAK-new", "arn": UNKNOWN}
    for overwrite in (True, None):
        document = Document().without("aws_ssm_parameter.db")
        document.creates("aws_ssm_parameter.again", values | {"overwrite": overwrite})
        assert bool(overwrite) == bool(document.red())


def test_a_plain_parameter_that_a_task_definition_injects_is_one_of_its_secrets() -> None:
    """Its type is no promise where a container receives it as a secret."""
    secrets = [{"name": "FLAG", "valueFrom": "/prod/flag"}]
    document = Document()
    values = PLATFORM[DEFINITION][0] | defined(secrets=secrets)
    document.holds(DEFINITION, values).changes("aws_ssm_parameter.flag", value="LEAK-off")
    assert {"aws_ssm_parameter.flag": OVERWRITTEN} == document.red()


def test_a_scram_association_may_gain_a_secret_that_is_not_yet_known() -> None:
    """A set with a member more: those that were there stay. One in place of another is a loss."""
    address = "aws_msk_scram_secret_association.main"
    for kept, red in (([OTHER_SECRET, SECRET], False), ([SECRET], True)):
        document = Document().changes(address, secret_arn_list=[*kept, None])
        marks = [*([False] * len(kept)), True]
        document.entries[address]["change"]["after_unknown"] = {"secret_arn_list": marks}
        assert red == bool(document.red())


@pytest.mark.parametrize("named", [KEY, "0aa1", ALIAS, "alias/msk"])
def test_a_key_is_named_in_any_form_and_through_its_alias(named: str) -> None:
    """By a secret or a SecureString; who names the alias names its key."""
    for address, attribute in (("aws_secretsmanager_secret.kafka", "kms_key_id"), ("aws_ssm_parameter.db", "key_id")):
        document = Document().expresses("aws_secretsmanager_secret.kafka", kms_key_id={})
        values = {"aws_secretsmanager_secret.kafka": {"kms_key_id": ""}, "aws_ssm_parameter.db": {"key_id": ""}}
        values[address][attribute] = named
        for holder, change in values.items():
            document.holds(holder, PLATFORM[holder][0] | change)
        document.changes("aws_kms_key.msk", DELETE).changes("aws_kms_alias.msk", target_key_id="other")
        red = {"aws_kms_key.msk"} | ({"aws_kms_alias.msk"} if "alias" in named else set())
        assert red == document.red().keys()


def test_a_key_that_nothing_names_is_green() -> None:
    """Whatever is pending of it, its policy and its grants."""
    document = Document()
    other = {"arn": KEY.replace("0aa1", "0bb2"), "key_id": "0bb2", "policy": ""}
    document.holds("aws_kms_key.b", other).changes("aws_kms_key.b", DELETE)
    document.holds("aws_kms_key_policy.b", {"key_id": "0bb2", "policy": policy("kms:*")})
    document.changes("aws_kms_key_policy.b", policy=policy("kms:Get*"))
    assert {} == document.red()


def test_policies_and_grants_of_a_named_key_are_its_readers() -> None:
    """A new policy takes the place of the one that was there; a new grant takes nothing away."""
    document = Document().creates("aws_kms_key_policy.k", {"key_id": "0aa1", "policy": policy("kms:Get*")})
    document.creates("aws_kms_grant.new", {"key_id": KEY, "operations": ["Decrypt"]})
    document.holds("aws_kms_grant.old", {"key_id": KEY, "operations": ["Decrypt"]}).changes("aws_kms_grant.old", DELETE)
    assert {"aws_kms_key_policy.k": READERS, "aws_kms_grant.old": READERS} == document.red()


def test_a_policy_of_a_new_role_is_green_and_one_more_of_an_old_role_is_red() -> None:
    """One more may deny; of a new role nobody reads yet."""
    document = Document().creates("aws_iam_role.new", {"name": "new", "arn": UNKNOWN}, expressions={})
    document.creates("aws_iam_role_policy.new", {"role": "new", "policy": policy("s3:*")})
    document.creates("aws_iam_role_policy.more", {"role": "ingest-task", "policy": policy("*", effect="Deny")})
    assert {"aws_iam_role_policy.more": READERS} == document.red()


def test_an_attachment_for_several_roles_is_red_where_a_named_one_joins_or_leaves() -> None:
    """And green where only others do not: it holds for all its roles and no other."""
    address = "aws_iam_policy_attachment.p"
    for roles, red in ((["ingest-task", "bystander"], False), (["bystander"], True), (["ingest-task"], True)):
        document = Document().holds(address, {"roles": ["bystander", "ingest-task"], "policy_arn": "arn:p"})
        assert red == bool(document.changes(address, roles=roles).red())


def test_a_policy_that_no_named_role_holds_is_green() -> None:
    """Attached to a bystander, its text may change."""
    document = Document().without("aws_iam_role_policy_attachment.extra")
    document.holds(
        "aws_iam_role_policy_attachment.b", {"role": "bystander", "policy_arn": f"arn:aws:iam::{ACCOUNT}:policy/extra"}
    )
    assert {} == document.changes("aws_iam_policy.extra", policy=policy("s3:PutObject")).red()


def test_policies_compare_by_their_sense() -> None:
    """Order, spacing, and one item for a list of one are no change."""
    statement = '{"Resource": ["*"],  "Effect":"Allow", "Action":"secretsmanager:GetSecretValue"}'
    same = f'{{ "Statement": {statement}, "Version":"2012-10-17" }}'
    assert {} == Document().changes("aws_iam_role_policy.exec", policy=same).red()


def test_an_access_key_is_red_when_it_goes_or_is_made_inactive() -> None:
    """Beside it, only its own secret counts."""
    address, values = "aws_iam_access_key.u", {"id": "AKIA", "status": "Active", "secret": "LEAK-key"}
    for actions, after, red in (
        (DELETE, {}, True),
        (UPDATE, {"status": "Inactive"}, True),
        (UPDATE, {"user": "v"}, False),
    ):
        document = Document().holds(address, values, sensitive={"secret": True})
        assert red == bool(document.changes(address, actions, **after).red())


def test_a_role_that_is_named_in_the_configuration_alone_counts() -> None:
    """A new definition names it, and its ARN is not yet known."""
    document = Document().without(DEFINITION, SERVICE)
    document.creates(
        "aws_ecs_task_definition.new",
        {"family": "new", "container_definitions": text(containers()), "task_role_arn": UNKNOWN, "arn": UNKNOWN},
        expressions={"task_role_arn": refers("aws_iam_role.bystander.arn", "aws_iam_role.bystander")},
    )
    assert {"aws_iam_role.bystander": READERS} == document.changes("aws_iam_role.bystander", DELETE).red()
    assert TASK not in str(document.judged())


@pytest.mark.parametrize("side", ["before_sensitive", "after_sensitive"])
@pytest.mark.parametrize(
    ("before", "after", "marks", "red"),
    [
        ("LEAK-a", "LEAK-b", True, True),
        ({"A": "LEAK-a", "B": "1"}, {"A": "LEAK-b", "B": "1"}, {"A": True}, True),
        ([{"a": "LEAK-a"}], [{"a": "LEAK-b"}], [{"a": True}], True),
        ({"A": "LEAK-a", "B": "1"}, {"A": "LEAK-a", "B": "2"}, {"A": True}, False),
        ({"A": "LEAK-a"}, {"A": "LEAK-a", "B": "2"}, {"A": True}, False),
        ([{"a": "LEAK-a"}, {"a": "1"}], [{"a": "LEAK-a"}], [{"a": True}], False),
        ("LEAK-a", "LEAK-a", True, False),
    ],
)
def test_a_mark_on_one_side_alone(side: str, before: Any, after: Any, marks: Any, red: bool) -> None:
    """A secret that a literal replaces loses its mark, and is overwritten all the same."""
    document = Document().holds("acme_client.c", {"x": before, "y": 1}).changes("acme_client.c", x=after, y=2)
    document.entries["acme_client.c"]["change"][side] = {"x": marks}
    assert ({"acme_client.c": OVERWRITTEN} if red else {}) == document.red()
