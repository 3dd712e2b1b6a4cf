"""`substrate seal`: sign the evidence that a run left, by a key file or by a key in KMS. For a job of its own."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_substrate.cli.files import read_file, secret_from
from pytest_substrate.model.errors import BadInput

if TYPE_CHECKING:
    from pytest_substrate.evidence.keys import Signer

HELP: Final = "sign the evidence that a run left"
SCHEMA: Final = "substrate.seal/1"

_KMS: Final = "kms:"
_KEY_ARN: Final = re.compile(r"arn:aws[a-z-]*:kms:([a-z0-9-]+):\d{12}:(?:key|alias)/[\w/-]+")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add = parser.add_argument
    add("evidence", metavar="EVIDENCE", help="the file that the run left, such as reports/evidence.json")
    add("--key", metavar="FILE|kms:ARN", required=True, help="an Ed25519 key (PKCS#8 PEM), or an asymmetric KMS key")
    add("--passphrase", metavar="env:NAME|file:PATH", help="where the key file's passphrase is; never the word itself")
    add("--out", metavar="FILE", help="where the signed file goes; default: in place")
    add("--format", choices=("text", "json"), default="text")


def run(options: argparse.Namespace) -> int:
    """Sign it; 0. BadInput (2) where it isn't evidence, or the key can't sign it: then nothing is written."""
    import json

    from pytest_substrate.evidence.envelope import write_whole
    from pytest_substrate.evidence.seal import sealed

    path = Path(options.evidence)
    out = path if options.out is None else Path(options.out)
    raw = read_file(path, mend="name the evidence that the run left")
    signer = _signer(options)
    envelope = sealed(raw, signer, where=str(path))
    text = envelope.to_text()
    if out != path or text.encode() != raw:
        try:
            write_whole(out, text)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise BadInput(str(out), f"can't be written: {reason}", "name another place with --out") from None
    keyid = signer.public.keyid
    if options.format == "json":
        said = {"schema": SCHEMA, "evidence": str(out), "keyid": keyid, "signatures": len(envelope.signatures)}
        print(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        print(f"{out}: signed by {keyid} ({len(envelope.signatures)} in all)")
    return 0


def _signer(options: argparse.Namespace) -> Signer:
    key: str = options.key
    if key.startswith(_KMS):
        if options.passphrase is not None:
            raise BadInput("--passphrase", "a key in KMS has none", "leave it out")
        return _kms_signer(key.removeprefix(_KMS))
    from pytest_substrate.evidence.keys import file_signer

    passphrase = None if options.passphrase is None else secret_from(options.passphrase, option="--passphrase")
    data = read_file(Path(key), mend="name a key file, or a key in KMS by kms:ARN")
    return file_signer(data, passphrase, where=key)


def _kms_signer(arn: str) -> Signer:
    found = _KEY_ARN.fullmatch(arn)
    if found is None:
        raise BadInput("--key", "is not the ARN of a KMS key or alias", "write kms:arn:aws:kms:REGION:ACCOUNT:key/ID")
    from pytest_substrate.adapters.aws.session import AwsSession, Way
    from pytest_substrate.adapters.aws.signing import kms_signer

    return kms_signer(AwsSession.ambient(region=found[1], way=Way()).client("kms"), arn)
