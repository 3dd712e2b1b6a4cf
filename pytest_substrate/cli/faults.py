"""`substrate faults`: the named ways to break the embedded platform, with what must turn red first."""

from __future__ import annotations

import argparse
import json

from pytest_substrate.embedded.extra import require_local

HELP = "the named ways to break the embedded platform"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Only the format can be chosen."""
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Print them all."""
    require_local()
    from pytest_substrate.embedded.faults import faults

    found = list(faults().values())
    if options.format == "json":
        print(json.dumps({"faults": [fault.to_json() for fault in found]}, indent=2))
        return 0
    width = max(len(fault.name) for fault in found)
    for fault in found:
        print(f"{fault.name:<{width}}  {fault.check}  {fault.layer.value}: {fault.breaks}")
    print(f"\nTry one: pytest -m messaging_plane --substrate-target embedded --substrate-fault {found[0].name}")
    return 0
