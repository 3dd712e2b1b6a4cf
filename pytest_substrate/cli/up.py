"""`substrate up`: keep the embedded platform running, print its endpoints, and stop it with this process."""

from __future__ import annotations

import argparse
import json
import shlex
import signal
import sys

HELP = "keep the embedded platform running and print its endpoints"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Only how the endpoints are printed can be chosen."""
    parser.add_argument("--format", choices=("text", "json"), default="text", help="export lines, or one JSON object")


def run(options: argparse.Namespace) -> int:
    """Start, print, wait for Ctrl-C or the end of standard input's owner; then stop everything."""
    from pytest_substrate.embedded.client import read_attachment, start_server
    from pytest_substrate.embedded.environment import environment

    # a shell ignores SIGINT for what a script starts in the background: take it back
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    with start_server(progress=lambda line: print(line, file=sys.stderr, flush=True)) as attach:
        lines = environment(read_attachment(attach))
        if options.format == "json":
            print(json.dumps(lines), flush=True)
        else:
            print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in lines.items()), flush=True)
        print(
            "the platform stays until Ctrl-C; a pytest run with SUBSTRATE_EMBEDDED uses it", file=sys.stderr, flush=True
        )
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("stopping", file=sys.stderr, flush=True)
    return 0
