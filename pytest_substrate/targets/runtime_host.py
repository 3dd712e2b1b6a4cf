"""A pytest-testinfra host whose commands run inside the running container of a declared service.

They run in the task's own environment, under its own identity, through `Target.execute`; nothing of them runs here.
The module imports pytest-testinfra, so it is imported only where a host is asked for.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import shlex
from pathlib import Path
from typing import Any, Final

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from pytest_substrate.targets import questions
from pytest_substrate.targets.port import Completed, Target

DEADLINE_S = 60.0
"""How long one command may take."""


_SHELL: Final = "/bin/sh"
_QUOTED: Final = re.compile(r"""'[^']*'|"(?:[^"\\$`]|\\.)*"|\\.""")
_FIRST_FIELD: Final = re.compile(r"(.*) \| cut -d ?' ' -f ?1", re.DOTALL)
"""How testinfra asks for a file's digest: the one pipe that is answered without a shell."""
_FOR_A_SHELL: Final = frozenset(";&|<>()$`*?[]{}~#!\n")


class RuntimeBackend(BaseBackend):  # type: ignore[misc, unused-ignore]  # testinfra is untyped where it isn't installed
    """Runs each command as `/bin/sh -c COMMAND` in the container; exit code, standard output and error apart, as bytes.

    In an image without a shell (the embedded platform's have none) a command of plain words is run without one. Where
    the image lacks its program too, and it is one that testinfra itself asks with, the container's own Python answers
    as that program would (`targets.questions`); nothing is put into the container, whose other programs find neither
    shell nor program. So these work in an image that has Python and nothing else:

    - `file(…)`: `exists`, `is_file`, `is_directory`, `is_executable`, `is_pipe`, `is_socket`, `is_symlink`,
      `linked_to`, `mode`, `size`, `mtime`, `inode`, `uid`, `gid`, `user`, `group`, `content`, `content_string`,
      `listdir`, `md5sum`, `sha256sum`
    - `environment()`, `system_info`, `exists(PROGRAM)`
    - `user(…)`: `exists`, `name`, `uid`, `gid`, `group`, `groups`, `home`, `shell`, `gecos`; `group(…).exists`
    - `run("cat …")`, `run("env")` and the like, with the options that testinfra uses

    Everything else (`file(…).contains`, processes, sockets, packages, what needs a shell) ends with 127, in the
    container runtime's own words.

    What the container was given as a secret is masked in both streams: a test that needs a value has
    `runtime_credentials`.

    `sudo` is refused: a container's command is the runtime's own user's, or it proves nothing.
    """

    NAME = "substrate"

    def __init__(self, target: Target, service: str, *, deadline_s: float = DEADLINE_S) -> None:
        super().__init__(service)
        self._target = target
        self._service = service
        self._deadline_s = deadline_s
        self._shell = True

    def run(self, command: str, *args: str, **kwargs: Any) -> CommandResult:  # noqa: ARG002  the base's signature
        """Quote the arguments into the command, run it, and give what it came to; TargetError where it can't be run."""
        text = self.get_command(command, *args)
        words = _plain_words(text)
        if self._shell or words is None:
            done = self._execute([_SHELL, "-c", text])
            if done.exit_code == 127 and _SHELL.encode() in done.stderr and words is not None:
                self._shell = False
        if not self._shell and words is not None:
            done = self._without_shell(words)
        elif not self._shell and (digested := _digested(text)) is not None:
            done = self._without_shell(digested)
            done = dataclasses.replace(done, stdout=done.stdout.split(b" ")[0])
        return self.result(done.exit_code, text.encode(), done.stdout, done.stderr)

    def _without_shell(self, words: list[str]) -> Completed:
        done = self._execute(words)
        if done.exit_code != questions.NO_ANSWER or words[0] not in questions.ANSWERS:
            return done
        answered = self._execute(["python3", "-c", _program(), *words])
        return done if answered.exit_code == questions.NO_ANSWER else answered

    def _execute(self, command: list[str]) -> Completed:
        done = self._target.execute(self._service, command, deadline_s=self._deadline_s)
        mask = self._target.secrets.scrub_bytes
        return dataclasses.replace(done, stdout=mask(done.stdout), stderr=mask(done.stderr))

    def get_sudo_command(self, command: str, sudo_user: str | None) -> str:  # noqa: ARG002  the base's signature
        """Refused."""
        raise ValueError("runtime_host runs commands as the container's own user; sudo is not offered")


@functools.cache
def _program() -> str:
    return Path(questions.__file__).read_text(encoding="utf-8")


def _plain_words(command: str) -> list[str] | None:
    """The words of a command that means the same without a shell; None where it needs one."""
    bare = _QUOTED.sub("", command)
    if _FOR_A_SHELL & set(bare):
        return None
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    return words if words and "=" not in words[0] else None


def _digested(command: str) -> list[str] | None:
    """The words of testinfra's question for a file's digest; None for any other command."""
    found = _FIRST_FIELD.fullmatch(command)
    words = _plain_words(found[1]) if found else None
    return words if words is not None and words[0] in ("md5sum", "sha256sum") else None


def runtime_host(target: Target, service: str, *, deadline_s: float = DEADLINE_S) -> Any:
    """The host of a declared service (`testinfra.host.Host`)."""
    return Host(RuntimeBackend(target, service, deadline_s=deadline_s))
