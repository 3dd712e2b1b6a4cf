"""`substrate image`: whether an image holds what its contract says, read from its layers; nothing is run."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Final

from pytest_substrate.adapters.registry.cache import ImageCache
from pytest_substrate.adapters.registry.credentials import credential_for
from pytest_substrate.adapters.registry.layout import Layout
from pytest_substrate.adapters.registry.reference import (
    LayoutReference,
    RegistryReference,
    parse_platform,
    parse_reference,
)
from pytest_substrate.adapters.registry.registry import Registry
from pytest_substrate.cli.contract import read_contract
from pytest_substrate.model.image import Descriptor, Source
from pytest_substrate.model.record import exit_code, report_json
from pytest_substrate.planes.packaging.image.observe import observe_image
from pytest_substrate.planes.packaging.instrument import CHECKS, Looked, records_of
from pytest_substrate.report.glyphs import glyphs_for
from pytest_substrate.report.plain import report_lines

HELP: Final = "whether an image holds what its contract says"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("reference", metavar="REFERENCE", help="oci:DIRECTORY[:TAG] or REGISTRY/REPOSITORY@sha256:…")
    parser.add_argument("--contract", metavar="FILE", required=True, help="TOML with the table [contract]")
    parser.add_argument("--platform", metavar="OS/ARCH", default="linux/amd64", help="default: %(default)s")
    parser.add_argument("--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Read the image, judge it and print the report; its exit code."""
    reference, platform = parse_reference(options.reference), parse_platform(options.platform)
    contract = read_contract(Path(options.contract))
    begun = time.monotonic()
    source, wanted = _source(reference)
    seen = observe_image(source, wanted, platform, ImageCache.of_user())
    looked = Looked(reference=options.reference, digest=wanted.digest, duration_ms=(time.monotonic() - begun) * 1000)
    records = records_of(seen, contract, looked)
    if options.format == "json":
        target = {"kind": "image", "reference": options.reference, "platform": str(platform)}
        print(json.dumps(report_json(target, records), indent=2))
    else:
        title = f"substrate image: {options.reference}, {platform}"
        for line in report_lines(title, records, CHECKS, glyphs_for(sys.stdout.encoding), root=Path.cwd()):
            print(line)
    return exit_code(records)


def _source(reference: LayoutReference | RegistryReference) -> tuple[Source, Descriptor]:
    if isinstance(reference, LayoutReference):
        layout = Layout(reference.folder)
        return layout, layout.reference(reference.tag)
    return Registry(reference, credential_for(reference.host)), Descriptor(digest=reference.digest)
