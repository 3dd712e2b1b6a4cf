"""The seal: one signature more in an envelope, over exactly the payload that is in it. No I/O.

It says "this is the file that the run left", and nothing about what is in it: a NOT READY is sealed too, and `verify`
decides. It is made in a job that no test can reach.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_substrate.evidence.document import read_statement
from pytest_substrate.evidence.envelope import Envelope, NotEvidence, Signature, read_envelope
from pytest_substrate.model.errors import BadInput

if TYPE_CHECKING:
    from pytest_substrate.evidence.keys import Signer


def sealed(raw: bytes, signer: Signer, *, where: str) -> Envelope:
    """The envelope in `raw` with the signer's signature; unchanged where it bears a good one already.

    BadInput for what is not a whole statement of ours, for a signature in the key's name that doesn't fit (the payload
    was changed after it was signed), and where the signer can't sign.
    """
    try:
        envelope = read_envelope(raw)
        read_statement(envelope.payload)
    except NotEvidence as error:
        raise BadInput(
            where, f"is not evidence to sign: {error}", "sign the file that the run left, as it is"
        ) from None
    public, data = signer.public, envelope.signed_bytes
    own = [signature for signature in envelope.signatures if signature.keyid == public.keyid]
    if own:
        if len(own) == 1 and public.fits(own[0].sig, data):
            return envelope
        raise BadInput(
            where, "bears a signature of this key that doesn't fit it: it was edited", "sign the file that the run left"
        )
    signature = signer.sign(data)
    if not public.fits(signature, data):
        raise BadInput(where, "the signature that was made doesn't fit its own public key", "use another key")
    return replace(envelope, signatures=(*envelope.signatures, Signature(keyid=public.keyid, sig=signature)))
