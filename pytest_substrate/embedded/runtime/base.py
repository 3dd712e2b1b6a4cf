"""The base layer of an embedded image: what `FROM python` leaves, as far as a reader of images looks.

Nothing in it runs: the host's interpreter stands in for it. It says which Python that is, where its standard library
would lie and what is built in, so that an image can be judged as on AWS. The program is a whole, static ELF file whose
one segment is empty.
"""

from __future__ import annotations

import platform
import struct
import sys
from typing import Final

VERSION: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
_LIBRARY: Final = f"/usr/local/lib/python{VERSION}"
PROGRAMS: Final = tuple(f"/usr/local/bin/{name}" for name in ("python", "python3", f"python{VERSION}"))
_MACHINES: Final = {"amd64": 62, "arm64": 183}
"""ELF's numbers of what OCI calls `amd64` and `arm64`."""
_HEADER, _PROGRAM = 64, 56


def base_files(architecture: str = "amd64") -> dict[str, bytes]:
    """The layer's files; the programs among them are `PROGRAMS`."""
    program = _program(architecture)
    return {**dict.fromkeys(PROGRAMS, program), f"{_LIBRARY}/os.py": b"", f"{_LIBRARY}/lib-dynload/.keep": b""}


def _program(architecture: str) -> bytes:
    ident = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)
    header = struct.pack(
        "<HHIQQQIHHHHHH", 2, _MACHINES[architecture], 1, 0x400000, _HEADER, 0, 0, _HEADER, _PROGRAM, 1, 64, 0, 0
    )
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x400000, 0x400000, _HEADER + _PROGRAM, _HEADER + _PROGRAM, 0x1000)
    words = [platform.python_version(), *(f"PyInit_{name}" for name in sys.builtin_module_names)]
    return ident + header + segment + b"\0" + b"\0".join(word.encode() for word in words) + b"\0"
