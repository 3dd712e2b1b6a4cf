"""What a container was given that must not be shown: learnt before a command's output leaves the target.

A command in a container can print the secrets that ECS put into its environment. Nothing here knew them (no check reads
a secret), so they are asked of the container itself, once a task, through the same channel as any command, and go into
the target's net and nowhere else. Where they can't be learnt, no command is run.

Not known is what the container can fetch on its own: the temporary keys of its role, other secrets, files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.adapters.aws.answer import NoAnswer
from pytest_substrate.adapters.aws.twins import TwinCalls
from pytest_substrate.evidence.forms import secrets_of
from pytest_substrate.targets.port import Completed, TargetError

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Service

DEADLINE_S: Final = 30.0
_GIVEN: Final = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""Variables that hold a secret wherever they are set."""
_PROGRAM: Final = """
import os, sys
names = [name.encode() for name in sys.argv[1:]]
sys.stdout.buffer.write(b"".join(b"%s=%s\\0" % (name, os.environb[name]) for name in names if name in os.environb))
"""
_NOT_FOUND: Final = (126, 127)


def secret_names(definition: Mapping[str, Any], service: Service) -> tuple[str, ...]:
    """The environment variables of a service's container that hold secrets, by its task definition and declaration."""
    given = (
        secret.get("name")
        for container in definition.get("containerDefinitions") or ()
        if container.get("name") == service.container
        for secret in container.get("secrets") or ()
    )
    messaging = service.messaging
    declared = messaging.credential.env if messaging is not None and messaging.credential is not None else None
    return tuple(dict.fromkeys([*_GIVEN, *(str(name) for name in (*given, declared) if name)]))


def injected_secrets(
    client: Callable[..., Any],
    execute: Callable[[Sequence[str], float], Completed],
    service: Service,
    task: Mapping[str, Any],
) -> Iterator[str]:
    """The secrets in the environment of a task's container, whole and in parts; `execute` runs a command in it.

    TargetError where they can't be learnt; it shows nothing of what a command put out.
    """
    arn = str(task.get("taskArn"))
    try:
        definition, _ = TwinCalls(client).definition(str(task.get("taskDefinitionArn")))
    except NoAnswer as none:
        why = getattr(none.observation, "reason", "missing")
        raise _unknown(arn, f"its task definition could not be read ({why})") from None
    names = secret_names(definition, service)
    for command in (["python3", "-c", _PROGRAM, *names], ["cat", "/proc/self/environ"]):
        done = execute(command, DEADLINE_S)
        if done.exit_code == 0:
            yield from _secrets(done.stdout, names)
            return
        if done.exit_code not in _NOT_FOUND:
            break
    raise _unknown(arn, "neither python3 nor cat could tell its environment")


def _secrets(environment: bytes, names: Sequence[str]) -> Iterator[str]:
    for entry in environment.split(b"\0"):
        name, _, value = entry.decode("utf-8", "surrogateescape").partition("=")
        if name in names:
            yield from secrets_of(value)


def _unknown(task: str, why: str) -> TargetError:
    return TargetError(
        f"{task}: the secrets of its container can't be masked, as {why}, so no command is run in it; "
        "the observer needs ecs:DescribeTaskDefinition, and the image python3 or cat"
    )
