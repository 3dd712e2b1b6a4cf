"""S3, corrected where ministack answers what AWS does not.

- A key that isn't there is 403 to whoever may not list the bucket, as its absence is nobody's business: GetObject and
  HeadObject ("If you don't have the s3:ListBucket permission, Amazon S3 returns … 403", S3 API reference). The request
  has no prefix, so a statement that asks for one does not allow it.
- A customer's key of KMS is used as the caller: kms:Decrypt to read and to upload a part, kms:GenerateDataKey to write
  and to begin an upload ("Protecting data with SSE-KMS" and "Multipart upload API and permissions", S3 User Guide); a
  key that is disabled, scheduled for deletion or gone is S3's own error for it.
- A bucket key that the bucket's default asks for is told of what is put there.

S3 tells a HEAD by its status alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ministack.core.responses import get_region
from ministack.core.router import extract_access_key_id
from ministack.services import kms, s3

from pytest_substrate.embedded.cloud import authority, keys

_BUCKET_KEY: Final = "x-amz-server-side-encryption-bucket-key-enabled"
_ALGORITHM: Final = "x-amz-server-side-encryption"
_KEY_ID: Final = "x-amz-server-side-encryption-aws-kms-key-id"
_READS: Final = frozenset({"versionId", "partNumber", "x-id"})
"""The queries of a GET or HEAD that reads the object itself."""
_handle = s3.handle_request
_defaults = s3._bucket_default_sse_headers

Answer = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Correct the service."""
    s3.handle_request = _handle_request
    s3._bucket_default_sse_headers = _default_headers
    s3._SSE_STORED_HEADERS = (*s3._SSE_STORED_HEADERS, _BUCKET_KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """A call about a key of a bucket that is there, by somebody who signed it."""

    method: str
    bucket: str
    key: str
    headers: Mapping[str, str]
    query: Mapping[str, Any]
    caller: str


async def _handle_request(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any], *more: Any, **named: Any
) -> Any:
    bucket, key = s3._parse_bucket_key(path, headers)
    record = s3._buckets.get(bucket) if bucket and key else None
    caller = extract_access_key_id(headers, query)
    if record is not None and caller:
        call = _Call(method=method, bucket=bucket, key=key, headers=headers, query=query, caller=caller)
        refused = _read_refusal(call, record) if method in ("GET", "HEAD") else _write_refusal(call)
        if refused is not None:
            status, told, document = refused
            return status, told, b"" if method == "HEAD" else document
    return await _handle(method, path, headers, body, query, *more, **named)


def _read_refusal(call: _Call, record: Mapping[str, Any]) -> Answer | None:
    if not set(call.query) <= _READS:
        return None
    held = record["objects"].get(call.key)
    if held is None:
        hidden = None
        if "versionId" not in call.query:
            hidden = authority.may(call.caller, "s3:ListBucket", f"arn:aws:s3:::{call.bucket}")
        return None if hidden is None else _denied(hidden, call)
    # an object's headers are told to whoever may read it; its key is used for its bytes alone
    return _key_refusal("kms:Decrypt", s3._stored_sse_headers(held) if call.method == "GET" else {}, call)


def _write_refusal(call: _Call) -> Answer | None:
    query = call.query
    upload = s3._multipart_uploads.get(s3._qp(dict(query), "uploadId", ""))
    if call.method == "PUT" and upload is not None and "partNumber" in query:
        return _key_refusal("kms:Decrypt", s3._stored_sse_headers(upload), call)
    if (call.method == "PUT" and not set(query) - {"x-id"}) or (call.method == "POST" and "uploads" in query):
        sealed, wrong = s3._resolve_sse_write_headers(dict(call.headers), call.bucket)
        return None if wrong is not None else _key_refusal("kms:GenerateDataKey", sealed, call)
    return None


def _key_refusal(action: str, sealed: Mapping[str, str], call: _Call) -> Answer | None:
    """Why the key of an object can't be used; None where it can, or AWS's own or none is used."""
    named = sealed.get(_KEY_ID)
    if not str(sealed.get(_ALGORITHM, "")).startswith("aws:kms") or not named:
        return None
    held = kms._resolve_key(named)
    if held is None:
        return _error("KMS.NotFoundException", f"Invalid keyId {named}", 400, call)
    if not keys.is_customers(held):
        return None
    if held.get("KeyState") == "Disabled":
        return _error("KMS.DisabledException", f"{held['Arn']} is disabled.", 400, call)
    if held.get("KeyState") != "Enabled":
        return _error("KMS.KMSInvalidStateException", f"{held['Arn']} is pending deletion.", 400, call)
    about = f"arn:aws:s3:::{call.bucket}" + ("" if sealed.get(_BUCKET_KEY) == "true" else f"/{call.key}")
    context = {"kms:ViaService": f"s3.{get_region()}.amazonaws.com", "kms:EncryptionContext:aws:s3:arn": about}
    said = authority.may(call.caller, action, held["Arn"], context)
    return None if said is None else _denied(said, call)


def _denied(message: str, call: _Call) -> Answer:
    return _error("AccessDenied", message, 403, call)


def _error(code: str, message: str, status: int, call: _Call) -> Answer:
    made: Answer = s3._error(code, message, status, f"/{call.bucket}/{call.key}")
    return made


def _default_headers(bucket: str) -> dict[str, str]:
    found: dict[str, str] = dict(_defaults(bucket))
    raw = s3._bucket_encryption.get(bucket)
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw or "")
    if found.get(_ALGORITHM) == "aws:kms" and re.search(r"<(?:\w+:)?BucketKeyEnabled>\s*true\s*<", text):
        found[_BUCKET_KEY] = "true"
    return found
