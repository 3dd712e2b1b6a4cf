"""What a service would run where its definition is known only after apply: followed through the configuration."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.planes.packaging.plan.documents import (
    DELETE,
    PLATFORM,
    REPLACE,
    REVISION,
    UNKNOWN,
    Document,
    containers,
    refers,
    text,
)

DEFINITION = "aws_ecs_task_definition.ingest"
SERVICE = "aws_ecs_service.ingest"
NEW: dict[str, Any] = {"arn": UNKNOWN, "revision": UNKNOWN}
SIZE: dict[str, Any] = {"cpu": "512"}
IMAGE: dict[str, Any] = {"container_definitions": text(containers(image="x:2"))}
OWN = ("aws_ecs_task_definition.ingest.arn", "aws_ecs_task_definition.ingest")


def following(after: dict[str, Any], *references: str) -> Document:
    """A replaced definition, and a service that refers to it in some way."""
    document = Document().changes(DEFINITION, REPLACE, **(NEW | after))
    return document.changes(SERVICE, task_definition=UNKNOWN).expresses(SERVICE, task_definition=refers(*references))


TOLD = {
    "arn": OWN,
    "family and revision": (f"{OWN[1]}.family", OWN[1], f"{OWN[1]}.revision", OWN[1]),
    "with a local": ("local.prefix", *OWN),
    "with a variable of the root": ("var.prefix", *OWN),
    "computed index": (OWN[1], "each.key"),
    "data source": ("data.aws_ecs_task_definition.latest.arn", "data.aws_ecs_task_definition.latest"),
}
UNTOLD = {
    "local": ("local.definition",),
    "nothing": (),
    "each value": ("each.value.definition", "each.value"),
    "other resource": ("terraform_data.arn.output", "terraform_data.arn"),
    "module that isn't there": ("module.gone.arn", "module.gone"),
}


@pytest.mark.parametrize("references", TOLD.values(), ids=TOLD)
def test_a_service_is_as_red_as_its_definition(references: tuple[str, ...]) -> None:
    """Green with a bigger task, red with another image, however the reference is written."""
    for after, red in ((SIZE, set()), (IMAGE, {DEFINITION, SERVICE})):
        document = following(after, *references)
        latest = "data.aws_ecs_task_definition.latest"
        document.holds(latest, {}, expressions={"task_definition": refers(f"{OWN[1]}.family", OWN[1])})
        document.changes(latest, ("read",), arn=UNKNOWN)
        assert red == document.red().keys()


@pytest.mark.parametrize("references", UNTOLD.values(), ids=UNTOLD)
def test_a_service_whose_definition_cannot_be_told_is_red(references: tuple[str, ...]) -> None:
    """Even where every definition of the plan is green."""
    assert {SERVICE: "image-repointed"} == following(SIZE, *references).red()


def test_a_service_without_a_configuration_is_red() -> None:
    """Where a document holds none, nothing can be told."""
    document = following(SIZE, *OWN)
    document.extra["configuration"] = {}
    assert {SERVICE: "image-repointed"} == document.red()


def test_a_service_that_runs_something_else_is_red() -> None:
    """An apply would undo what somebody deployed: the definition is the next of another revision."""
    document = following(SIZE, *OWN)
    values = PLATFORM[SERVICE][0] | {"task_definition": REVISION[:-2] + "43"}
    document.holds(SERVICE, values).changes(SERVICE, task_definition=UNKNOWN)
    assert {SERVICE: "image-repointed"} == document.red()


@pytest.mark.parametrize("image", ["", "x:2"])
def test_a_service_may_change_to_another_family_with_the_same_containers(image: str) -> None:
    """A new family is green by itself; what the service then runs is compared with what it runs."""
    entries = containers(image=image) if image else containers()
    document = Document().changes(SERVICE, task_definition=UNKNOWN)
    other = "aws_ecs_task_definition.other"
    values = PLATFORM[DEFINITION][0] | {"family": "other", "container_definitions": text(entries)} | NEW
    document.creates(other, values, expressions={}).expresses(SERVICE, task_definition=refers(f"{other}.arn", other))
    assert ({SERVICE} if image else set()) == document.red().keys()


@pytest.mark.parametrize("image", ["", "x:2"])
def test_a_definition_at_a_new_address_is_the_next_revision_of_its_family(image: str) -> None:
    """Renamed without a moved block: compared with what was there."""
    other = "aws_ecs_task_definition.renamed"
    entries = containers(image=image) if image else containers()
    document = Document().changes(DEFINITION, DELETE).changes(SERVICE, task_definition=UNKNOWN)
    values = PLATFORM[DEFINITION][0] | {"container_definitions": text(entries)} | NEW
    document.creates(other, values, expressions={}).expresses(SERVICE, task_definition=refers(f"{other}.arn", other))
    assert ({SERVICE, other} if image else set()) == document.red().keys()


def test_a_service_pinned_to_its_revision_is_green_while_the_definition_leaves() -> None:
    """What runs goes on."""
    for actions in (DELETE, ("forget",)):
        assert {} == Document().changes(DEFINITION, actions).red()


def instance(kind: str, key: str | int, module: str = "") -> tuple[str, dict[str, Any]]:
    """The address of an instance, and the fields that tell of it."""
    shown = f'"{key}"' if isinstance(key, str) else key
    fields: dict[str, Any] = {"index": key}
    if module:
        fields["module_address"] = module
    return f"{module}{'.' if module else ''}{kind}[{shown}]", fields


@pytest.mark.parametrize("keys", [("a", "b"), (0, 1)])
def test_instances_follow_the_definition_of_their_own_key(keys: tuple[str | int, str | int]) -> None:
    """`for_each` and `count`: the service of one key is green while the other's image changes."""
    document = Document().without(SERVICE, DEFINITION)
    for key, after in zip(keys, (SIZE, IMAGE), strict=True):
        arn = f"arn:aws:ecs:eu-west-2:1:task-definition/{key}x:7"
        address, fields = instance(DEFINITION, key)
        document.holds(address, PLATFORM[DEFINITION][0] | {"arn": arn}, **fields)
        document.changes(address, REPLACE, **(NEW | after))
        address, fields = instance(SERVICE, key)
        document.holds(address, PLATFORM[SERVICE][0] | {"task_definition": arn}, **fields)
        document.changes(address, task_definition=UNKNOWN)
    index = "each.key" if isinstance(keys[0], str) else "count.index"
    document.expresses(SERVICE, task_definition=refers(OWN[1], index))
    assert {instance(DEFINITION, keys[1])[0], instance(SERVICE, keys[1])[0]} == document.red().keys()
    document.expresses(SERVICE, task_definition=refers(OWN[1], "local.which"))
    assert instance(SERVICE, keys[0])[0] in document.red(), "which one it follows can't be told, and one is red"


def through_modules(after: dict[str, Any], **changes: Any) -> Document:
    """A definition in one module, whose ARN goes by output and variable into another module's service."""
    document = Document().without(SERVICE, DEFINITION)
    inner, outer = f"module.task.{DEFINITION}", f'module.svc["a"].{SERVICE}'
    document.holds(inner, PLATFORM[DEFINITION][0], module_address="module.task")
    document.changes(inner, REPLACE, **(NEW | after))
    document.holds(outer, PLATFORM[SERVICE][0], module_address='module.svc["a"]')
    document.changes(outer, task_definition=UNKNOWN)
    tree: dict[str, Any] = {
        "module_calls": {
            "task": {
                "module": {
                    "resources": [document.configuration[DEFINITION]],
                    "outputs": {"arn": {"expression": refers(*OWN)}, "name": {"expression": {}}},
                }
            },
            "svc": {
                "expressions": {"definition": refers("module.task.arn", "module.task")},
                "for_each_expression": {"constant_value": ["a"]},
                "module": {
                    "resources": [
                        document.configuration[SERVICE] | {"expressions": {"task_definition": refers("var.definition")}}
                    ]
                },
            },
        }
    }
    tree["module_calls"]["svc"]["expressions"].update(changes)
    document.extra["configuration"] = {"root_module": tree}
    return document


def test_definitions_are_followed_through_outputs_and_variables() -> None:
    """From a service in one module to a definition in another."""
    assert {} == through_modules(SIZE).red()
    assert {f"module.task.{DEFINITION}", f'module.svc["a"].{SERVICE}'} == through_modules(IMAGE).red().keys()


def test_a_module_with_a_computed_index_is_followed_through_any_output() -> None:
    """`module.task[each.key].arn` is written without the output's name."""
    assert {} == through_modules(SIZE, definition=refers("module.task", "each.key")).red()


def test_a_variable_that_holds_what_is_not_told_is_red() -> None:
    """A local of the caller, for instance."""
    assert {f'module.svc["a"].{SERVICE}'} == through_modules(SIZE, definition=refers("local.arn")).red().keys()


def test_a_configuration_that_goes_in_circles_ends() -> None:
    """A hostile document: outputs of modules that refer to each other."""
    document = through_modules(SIZE)
    calls = document.extra["configuration"]["root_module"]["module_calls"]
    calls["svc"]["expressions"]["definition"] = refers("module.svc.loop", "module.svc")
    calls["svc"]["module"]["outputs"] = {"loop": {"expression": refers("var.definition")}}
    assert [f'module.svc["a"].{SERVICE}'] == list(document.red())


def test_who_notices_is_told() -> None:
    """The services that run what injects a secret, whatever writes it."""
    changes: dict[str, dict[str, Any]] = {
        "aws_secretsmanager_secret_version.kafka": {"secret_string": "LEAK-new"},
        "aws_secretsmanager_secret.kafka": {"kms_key_id": None},
        "aws_ssm_parameter.db": {"value": "LEAK-new"},
        "aws_kms_key.msk": {"is_enabled": False},
        "aws_iam_role_policy.exec": {"policy": ""},
        "aws_msk_scram_secret_association.main": {"secret_arn_list": []},
    }
    for address, after in changes.items():
        judged = next(one for one in Document().changes(address, **after).judged() if one.address == address)
        assert [SERVICE] == judged.diagnosis.facts["services"], address
        assert SERVICE in judged.diagnosis.message
    judged = next(
        one for one in Document().changes("aws_db_instance.db", password="LEAK").judged() if one.diagnosis.cause
    )
    assert "services" not in judged.diagnosis.facts
