"""A pytest-testinfra host whose commands run inside the running container of a declared service.

They run in the task's own environment, under its own identity, through `Target.execute`; nothing of them runs here.
The module imports pytest-testinfra, so it is imported only where a host is asked for.
"""

from __future__ import annotations

from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from pytest_substrate.targets.port import Target

DEADLINE_S = 60.0
"""How long one command may take."""


class RuntimeBackend(BaseBackend):  # type: ignore[misc, unused-ignore]  # testinfra is untyped where it isn't installed
    """Runs each command as `/bin/sh -c COMMAND` in the container; exit code, standard output and error apart, as bytes.

    `sudo` is refused: a container's command is the runtime's own user's, or it proves nothing.
    """

    NAME = "substrate"

    def __init__(self, target: Target, service: str, *, deadline_s: float = DEADLINE_S) -> None:
        super().__init__(service)
        self._target = target
        self._service = service
        self._deadline_s = deadline_s

    def run(self, command: str, *args: str, **kwargs: Any) -> CommandResult:  # noqa: ARG002  the base's signature
        """Quote the arguments into the command, run it, and give what it came to; TargetError where it can't be run."""
        text = self.get_command(command, *args)
        done = self._target.execute(self._service, ["/bin/sh", "-c", text], deadline_s=self._deadline_s)
        return self.result(done.exit_code, text.encode(), done.stdout, done.stderr)

    def get_sudo_command(self, command: str, sudo_user: str | None) -> str:  # noqa: ARG002  the base's signature
        """Refused."""
        raise ValueError("runtime_host runs commands as the container's own user; sudo is not offered")


def runtime_host(target: Target, service: str, *, deadline_s: float = DEADLINE_S) -> Any:
    """The host of a declared service (`testinfra.host.Host`)."""
    return Host(RuntimeBackend(target, service, deadline_s=deadline_s))
