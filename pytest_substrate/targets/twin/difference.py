"""What a registered twin differs in from the live task definition, and whether it may. Pure.

It audits what ECS says that it registered, by rules of its own and not by `derive`'s work: every field that is not
named here must be equal, and a field that may differ must hold exactly the value that the plan gives it. It names
paths, never values, as an environment value may be confidential.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pytest_substrate.targets.twin.plan import (
    EXPECTED_NAME,
    INTERPRETER,
    INTERPRETER_COMMAND,
    INTERPRETER_PATH,
    RESPONSE_ONLY,
    STREAM_PREFIX,
    TwinPlan,
)

_ORDERED: Final = frozenset({"environmentFiles", "dnsServers", "dnsSearchDomains", "entryPoint", "command"})
"""Lists whose order has a meaning; of lists of structures elsewhere, it has none."""
_GONE: Final = ("healthCheck", "portMappings", "restartPolicy", "links", "volumesFrom", "firelensConfiguration")
_LOG_OPTIONS: Final = frozenset(
    {"awslogs-group", "awslogs-region", "awslogs-stream-prefix", "awslogs-create-group", "mode"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A place where the twin is not as the live task definition, and whether that is what the plan says."""

    path: str
    allowed: bool


def differences(live: Mapping[str, Any], twin: Mapping[str, Any], plan: TwinPlan) -> tuple[Difference, ...]:
    """Every difference between DescribeTaskDefinition's `taskDefinition` and the registered twin's."""
    found = [
        *_task(live, twin, plan),
        *_volumes(live, twin, plan),
        *_containers(live, twin, plan),
    ]
    allowed: dict[str, bool] = {}
    for path, may in sorted(found):
        allowed[path] = allowed.get(path, True) and may
    return tuple(Difference(path=path, allowed=may) for path, may in allowed.items())


Found = tuple[str, bool]


def _task(live: Mapping[str, Any], twin: Mapping[str, Any], plan: TwinPlan) -> Iterator[Found]:
    skipped = RESPONSE_ONLY | {"containerDefinitions", "volumes", "tags"}
    for key in sorted((set(live) | set(twin)) - skipped):
        mine, theirs = _normal(twin.get(key), key), _normal(live.get(key), key)
        if key == "family":
            yield key, mine == plan.family
        elif key == "proxyConfiguration":
            if theirs or mine:
                yield key, not mine
        elif mine != theirs:
            yield _word(key), False


def _volumes(live: Mapping[str, Any], twin: Mapping[str, Any], plan: TwinPlan) -> Iterator[Found]:
    mounted = {mount.get("sourceVolume") for mount in _named(live, plan.container).get("mountPoints") or ()}
    theirs = {str(volume.get("name")): _normal(volume) for volume in live.get("volumes") or ()}
    mine = [(str(volume.get("name")), _normal(volume)) for volume in twin.get("volumes") or ()]
    for name in sorted({*theirs, *(name for name, _ in mine)}):
        path = f"volumes[{_word(name)}]"
        found = [volume for other, volume in mine if other == name]
        if name == INTERPRETER and plan.interpreter_image is not None:
            bare = [
                {key: value for key, value in volume.items() if key not in ("host", "configuredAtLaunch")}
                for volume in found
            ]
            yield path, bare == [{"name": INTERPRETER}]
        elif name not in mounted and not found:
            yield path, True
        elif found != [theirs.get(name)]:
            yield path, False
    if plan.interpreter_image is not None and INTERPRETER not in {name for name, _ in mine}:
        yield f"volumes[{INTERPRETER}]", False


def _containers(live: Mapping[str, Any], twin: Mapping[str, Any], plan: TwinPlan) -> Iterator[Found]:
    names = [str(item.get("name")) for item in twin.get("containerDefinitions") or ()]
    wanted = [plan.container] if plan.interpreter_image is None else [plan.container, INTERPRETER]
    for item in live.get("containerDefinitions") or ():
        name = str(item.get("name"))
        if name != plan.container:
            yield f"containerDefinitions[{_word(name)}]", name not in names or name in wanted
    for name in sorted({*names, *wanted}):
        if names.count(name) != wanted.count(name):
            yield f"containerDefinitions[{_word(name)}]", False
    theirs, mine = _named(live, plan.container), _named(twin, plan.container)
    yield from _fields(theirs, mine, plan, f"containerDefinitions[{_word(plan.container)}]", live)
    if plan.interpreter_image is not None:
        helper = _named(twin, INTERPRETER)
        yield f"containerDefinitions[{INTERPRETER}]", _is_helper(helper, mine, plan)


def _fields(
    theirs: Mapping[str, Any], mine: Mapping[str, Any], plan: TwinPlan, path: str, live: Mapping[str, Any]
) -> Iterator[Found]:
    expected = _expected(theirs, plan, live)
    for key in sorted({*theirs, *mine, *expected, "logConfiguration"}):
        was, now = _normal(theirs.get(key), key), _normal(mine.get(key), key)
        if key == "logConfiguration":
            if not _is_log(now, was, plan):
                yield f"{path}.{key}", False
            elif now != was:
                yield f"{path}.{key}", True
        elif key in expected:
            if now != (wanted := _normal(expected[key], key)):
                yield from ((f"{path}.{place}", False) for place in _places(key, wanted, now))
            elif now != was:
                yield from ((f"{path}.{place}", True) for place in _places(key, was, now))
        elif now != was:
            yield from ((f"{path}.{place}", False) for place in _places(key, was, now))


def _expected(theirs: Mapping[str, Any], plan: TwinPlan, live: Mapping[str, Any]) -> dict[str, Any]:
    """The exact value of each field of the container that may differ (the log configuration apart)."""
    repository = re.sub(r"(:[^/:@]*)?(@.*)?\Z", "", str(theirs.get("image", "")))
    architecture = str((live.get("runtimePlatform") or {}).get("cpuArchitecture") or "X86_64")
    expected: dict[str, Any] = {
        **dict.fromkeys(_GONE),
        "dependsOn": None,
        "image": f"{repository}@{plan.image_digest}",
        "entryPoint": plan.entry_point(architecture),
        "command": [plan.argument],
        "essential": True,
    }
    if plan.expected_arn is not None:
        secret = {"name": EXPECTED_NAME, "valueFrom": plan.expected_arn}
        expected["secrets"] = [*(theirs.get("secrets") or ()), secret]
    if plan.interpreter_image is not None:
        mount = {"sourceVolume": INTERPRETER, "containerPath": INTERPRETER_PATH, "readOnly": True}
        expected["mountPoints"] = [*(theirs.get("mountPoints") or ()), mount]
        expected["dependsOn"] = [{"containerName": INTERPRETER, "condition": "SUCCESS"}]
    return expected


def _is_log(now: Any, was: Any, plan: TwinPlan) -> bool:
    """Whether it is awslogs, blocking, into the group of the plan or of the service, with nothing else to it."""
    options = now.get("options") if isinstance(now, dict) and set(now) == {"logDriver", "options"} else None
    if not isinstance(options, dict) or now["logDriver"] != "awslogs" or not set(options) <= _LOG_OPTIONS:
        return False
    own = was.get("options", {}) if isinstance(was, dict) and was.get("logDriver") == "awslogs" else {}
    group = plan.log_group or own.get("awslogs-group")
    region = (own.get("awslogs-region") if group == own.get("awslogs-group") else None) or plan.region
    create = own.get("awslogs-create-group") if group == own.get("awslogs-group") else None
    return bool(
        group
        and options.get("awslogs-group") == group
        and options.get("awslogs-region") == region
        and options.get("awslogs-create-group") == create
        and options.get("awslogs-stream-prefix") == STREAM_PREFIX
        and options.get("mode") == "blocking"
    )


def _is_helper(helper: Mapping[str, Any], main: Mapping[str, Any], plan: TwinPlan) -> bool:
    """Whether the second container is what brings the interpreter, and nothing more."""
    exact = {
        "name": INTERPRETER,
        "image": plan.interpreter_image,
        "essential": False,
        "entryPoint": ["sh", "-c"],
        "command": [INTERPRETER_COMMAND],
        "mountPoints": [{"sourceVolume": INTERPRETER, "containerPath": INTERPRETER_PATH, "readOnly": False}],
        "logConfiguration": main.get("logConfiguration"),
    }
    free = {"cpu", "memory", "memoryReservation"}
    return bool(_normal({key: value for key, value in helper.items() if key not in free}) == _normal(exact))


def _places(key: str, one: Any, other: Any) -> Iterator[str]:
    """The field, or the entries of it by name where they have names."""
    named = [_by_name(value) for value in (one, other)]
    if None in named:
        yield _word(key)
        return
    first, second = (names or {} for names in named)
    for name in sorted({*first, *second}):
        if first.get(name) != second.get(name):
            yield f"{_word(key)}[{_word(name)}]"


def _by_name(value: Any) -> dict[str, list[Any]] | None:
    if not isinstance(value, list):
        return None if value is not None else {}
    entries: dict[str, list[Any]] = {}
    for item in value:
        if not isinstance(item, dict) or "name" not in item:
            return None
        entries.setdefault(str(item["name"]), []).append(item)
    return entries


def _named(definition: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    containers: Sequence[Mapping[str, Any]] = definition.get("containerDefinitions") or ()
    return next((item for item in containers if item.get("name") == name), {})


def _normal(value: Any, key: str = "") -> Any:
    """A form in which what ECS makes equal is equal: nothing empty, and order only where it has a meaning."""
    if isinstance(value, Mapping):
        parts = {name: _normal(part, name) for name, part in value.items()}
        return {name: part for name, part in parts.items() if part is not None} or None
    if isinstance(value, (list, tuple)):
        items = [_normal(item) for item in value]
        if key not in _ORDERED and any(isinstance(item, dict) for item in items):
            items.sort(key=lambda item: json.dumps(item, sort_keys=True, default=str))
        return items or None
    return None if value == "" or (key == "cpu" and value == 0) else value  # ECS tells 0 for a cpu that was not given


def _word(name: str) -> str:
    """A name that a user chose, as a fact may carry it."""
    return re.sub(r"[^\w.:/@+=,#-]", "?", name)[:80]
