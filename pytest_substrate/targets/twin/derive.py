"""From the live task definition to what registers its twin. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_substrate.model.probe_run import StartFailure
from pytest_substrate.targets.twin.plan import (
    EXPECTED_NAME,
    INTERPRETER,
    INTERPRETER_COMMAND,
    INTERPRETER_PATH,
    RESPONSE_ONLY,
    STREAM_PREFIX,
    NoTwin,
    TwinPlan,
)

_LEFT_OUT: Final = frozenset(
    {"healthCheck", "portMappings", "dependsOn", "restartPolicy", "links", "volumesFrom", "firelensConfiguration"}
)
"""Of the container: what watches, exposes or restarts it, and what speaks of containers that the twin does not have."""


def derive_twin(live: Mapping[str, Any], plan: TwinPlan) -> dict[str, Any] | NoTwin:
    """The input of RegisterTaskDefinition, from DescribeTaskDefinition's `taskDefinition`.

    Everything is kept but what ECS does not take, other containers with what belongs to them, and what the plan
    changes in the named container. `difference` audits the result by rules of its own.
    """
    found = [item for item in live.get("containerDefinitions", ()) if item.get("name") == plan.container]
    if not found:
        return NoTwin(
            failure=StartFailure.CONTAINER_MISSING, detail=f"the task definition has no container {plan.container}"
        )
    [container, *_] = found
    taken = {item.get("name") for key in ("environment", "secrets") for item in container.get(key) or ()}
    if EXPECTED_NAME in taken:
        return NoTwin(failure=StartFailure.NAME_TAKEN, detail=f"the container already has {EXPECTED_NAME}")
    things = [*(live.get("containerDefinitions") or ()), *(live.get("volumes") or ())]
    if plan.interpreter_image is not None and INTERPRETER in {item.get("name") for item in things}:
        return NoTwin(failure=StartFailure.NAME_TAKEN, detail=f"the task definition already has {INTERPRETER}")
    log = log_configuration(container, plan)
    if log is None:
        detail = f"the container {plan.container} does not log to CloudWatch, and [probe] log_group names no group"
        return NoTwin(failure=StartFailure.NO_LOG_GROUP, detail=detail)
    twin = {key: value for key, value in live.items() if key not in RESPONSE_ONLY | {"proxyConfiguration"}}
    mounted = {mount.get("sourceVolume") for mount in container.get("mountPoints") or ()}
    twin["family"] = plan.family
    twin["containerDefinitions"] = [_container(container, log, live, plan)]
    twin["volumes"] = [volume for volume in live.get("volumes") or () if volume.get("name") in mounted]
    if plan.interpreter_image is not None:
        twin["containerDefinitions"].append(_interpreter(log, live, plan.interpreter_image))
        twin["volumes"].append({"name": INTERPRETER})
    twin["tags"] = plan.tags()
    return twin


def log_configuration(container: Mapping[str, Any], plan: TwinPlan) -> dict[str, Any] | None:
    """awslogs, blocking, so that no line is dropped; a group that is only made at need is made at need here too."""
    own = container.get("logConfiguration") or {}
    options = (own.get("options") or {}) if own.get("logDriver") == "awslogs" else {}
    group = plan.log_group or options.get("awslogs-group")
    if not group:
        return None
    kept = {"awslogs-group": group, "awslogs-region": plan.region, "awslogs-stream-prefix": STREAM_PREFIX}
    if group == options.get("awslogs-group"):
        kept["awslogs-region"] = options.get("awslogs-region") or plan.region
        if "awslogs-create-group" in options:
            kept["awslogs-create-group"] = options["awslogs-create-group"]
    return {"logDriver": "awslogs", "options": {**kept, "mode": "blocking"}}


def image_at(image: str, digest: str) -> str:
    """The image's repository, at a digest instead of a tag."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.partition(':')[0]}@{digest}"


def architecture_of(live: Mapping[str, Any]) -> str:
    """`cpuArchitecture`, by ECS's own default."""
    return str((live.get("runtimePlatform") or {}).get("cpuArchitecture") or "X86_64")


def _container(
    container: Mapping[str, Any], log: Mapping[str, Any], live: Mapping[str, Any], plan: TwinPlan
) -> dict[str, Any]:
    twin = {key: value for key, value in container.items() if key not in _LEFT_OUT}
    twin["image"] = image_at(str(container.get("image", "")), plan.image_digest)
    twin["entryPoint"] = plan.entry_point(architecture_of(live))
    twin["command"] = [plan.argument]
    twin["logConfiguration"] = log
    twin["essential"] = True
    if plan.expected_arn is not None:
        expected = {"name": EXPECTED_NAME, "valueFrom": plan.expected_arn}
        twin["secrets"] = [*(container.get("secrets") or ()), expected]
    if plan.interpreter_image is not None:
        mount = {"sourceVolume": INTERPRETER, "containerPath": INTERPRETER_PATH, "readOnly": True}
        twin["mountPoints"] = [*(container.get("mountPoints") or ()), mount]
        twin["dependsOn"] = [{"containerName": INTERPRETER, "condition": "SUCCESS"}]
    return twin


def _interpreter(log: Mapping[str, Any], live: Mapping[str, Any], image: str) -> dict[str, Any]:
    """The second container: it copies its own Python into the shared volume and ends. It has no secret."""
    helper = {
        "name": INTERPRETER,
        "image": image,
        "essential": False,
        "entryPoint": ["sh", "-c"],
        "command": [INTERPRETER_COMMAND],
        "mountPoints": [{"sourceVolume": INTERPRETER, "containerPath": INTERPRETER_PATH, "readOnly": False}],
        "logConfiguration": log,
    }
    if not live.get("memory"):  # without a limit of the task, ECS demands one of each container
        helper["memory"] = 256
    return helper
