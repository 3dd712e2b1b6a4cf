"""`substrate`: one file a command, imported only when it is asked for.

A command module has `HELP` (one line), `arguments(parser)` and `run(options) -> int`. Exit codes: 0 green, 1 red,
10 undecided, 2 bad usage or unreadable input; the same in every output format. Where the reader of standard output went
away, or Ctrl-C came, it is the shell's own (141, 130): never green.
"""

from __future__ import annotations

import argparse
import importlib
import re
import signal
import sys
from collections.abc import Sequence
from typing import Final, NoReturn, Protocol, cast

from pytest_substrate.cli.output import complain, outputs
from pytest_substrate.model.errors import BadInput

COMMANDS: Final[dict[str, str]] = {
    "checks": "what the declaration demands",
    "seal": "sign the evidence that a run left",
    "verify": "whether evidence proves what a later stage relies on",
    "ledger": "the incidents in the history of verdicts, open and closed, with their proofs",
    "explain": "what a check states, why, how it is proven, and what to do when it is red",
    "faults": "the named ways to break the embedded platform",
    "replay": "an incident told end to end on the embedded platform: red, narrowed, fixed, green",
    "up": "keep the embedded platform running and print its endpoints",
    "image": "whether an image holds what its contract says, read from its layers",
    "probe": "the Kafka ladder from here against any broker",
    "denied": "the AWS denials in a log: who was refused what, on what, by which kind of policy",
    "trust": "whether a role's trust policy admits a web identity token, and what else it admits",
    "access": "whether AWS would allow a request, by the policies that apply to it",
    "record": "write the release record of an artifact: commit, build, digest, platform",
    "plan": "which changes of a Terraform or OpenTofu plan would break runtime credentials or the images in service",
}
"""Every command with its one line, so that `substrate --help` imports none of them."""


_TOKEN: Final = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*")
"""A JSON web token that somebody typed where a file is asked for."""


class Command(Protocol):
    """What a module of this package offers."""

    HELP: str

    def arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""

    def run(self, options: argparse.Namespace) -> int:
        """Do it; the exit code."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        what, colon, words = message.partition("unrecognized arguments: ")
        if colon:  # a value that was typed may be a secret
            options = [word.partition("=")[0] for word in words.split() if word.startswith("-")]
            message = f"{what}{colon}{' '.join(options) or 'more than the command takes'}"
        self.exit(2, f"{self.prog}: {message}; see `{self.prog} --help`\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    name = next((word for word in words if not word.startswith("-")), None)
    try:
        with outputs(words):
            return _run(words, name)
    except BadInput as error:
        told = _TOKEN.sub("(a token)", str(error))
        complain(f"substrate {name}: {told}" if name in COMMANDS else f"substrate: {told}")
        return 2
    except BrokenPipeError:  # `| head` has read enough; the code is what a shell gives for SIGPIPE
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 130


def _run(words: list[str], name: str | None) -> int:
    parser = _Parser(prog="substrate", description="Is the substrate ready; if not, which layer is at fault?")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    chosen: Command | None = None
    for command, line in COMMANDS.items():
        sub = commands.add_parser(command, help=line, description=line)
        if command == name:
            chosen = cast("Command", importlib.import_module(f"pytest_substrate.cli.{command}"))
            chosen.arguments(sub)
    options = parser.parse_args(words)
    assert chosen is not None  # noqa: S101  argparse refused every other name
    return chosen.run(options)


if __name__ == "__main__":
    sys.exit(main())
