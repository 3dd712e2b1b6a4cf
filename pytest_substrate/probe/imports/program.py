"""The program: each module is imported in a process of its own, and how that ended is told.

What a module prints goes nowhere, and of an error only its class, and the module that was missing, is told.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from typing import Any, Mapping

from ..report import HELD, place, scrub, tell

CHILD = """
import os, sys
out = os.dup(1)
os.dup2(2, 1)
import importlib, json
name, first = sys.argv[1:]
if first:
    sys.path[0] = first
told = {"outcome": "imported"}
try:
    importlib.import_module(name)
except BaseException as error:
    told = {"outcome": "failed", "error": type(error).__name__}
    if isinstance(error, ImportError) and isinstance(error.name, str):
        told["missing"] = error.name
os.write(out, json.dumps(told).encode())
os._exit(0)
"""
"""The process of its own: it ends at once, whatever threads a module began."""


def imported(name: str, asked: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """How one import ends, as a program that is started like the workload's meets it."""
    command = [sys.executable, *asked["flags"], "-c", CHILD, name, asked.get("first") or ""]
    null = subprocess.DEVNULL
    child = subprocess.Popen(command, stdin=null, stdout=subprocess.PIPE, stderr=null)
    try:
        out = child.communicate(None, seconds)[0]
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return {"outcome": "hangs"}
    try:
        return dict(json.loads(out.decode()))
    except ValueError:
        return {"outcome": "ended", "exit_code": child.returncode}


def run(asked: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """The transcript of a request."""
    end = time.monotonic() + asked["seconds"]
    seen = {
        "schema": "substrate.import-transcript/1",
        "nonce": asked["nonce"],
        "python": platform.python_version(),
        "started_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "modules": {},
    }  # type: dict[str, Any]
    try:
        for name in asked["modules"]:
            left = end - time.monotonic()
            if left <= 0:
                seen["modules"][name] = {"outcome": "out-of-time"}
            else:
                seen["modules"][name] = imported(name, asked, min(asked["deadline_s"], left))
    except Exception as error:
        seen["crash"] = place(error)
    return dict(scrub(seen, [env.get(name) for name in HELD]))


def main(arguments: list[str]) -> int:
    """0 when a whole transcript was printed."""
    return tell(run, arguments)


if __name__ == "__main__":
    os._exit(main(sys.argv))
