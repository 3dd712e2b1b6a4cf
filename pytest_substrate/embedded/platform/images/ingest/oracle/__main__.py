"""A job as teams write them: it reads its inputs from S3, sums them up, writes the answer, and ends.

It knows nothing of the acceptance tests. Its credentials are the task's own, from the container's endpoint, and a
refusal reaches its log in S3's words, as any SDK prints it.
"""

import hashlib
import hmac
import http.client
import json
import os
import re
import sys
import time
from urllib.parse import SplitResult, quote, urlsplit


class ClientError(Exception):
    """S3 said no; the text is the SDKs'."""


class Bucket:
    """One bucket, by signed requests (Signature Version 4, path style)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.region = os.environ["AWS_REGION"]
        self.endpoint = urlsplit(os.environ.get("AWS_ENDPOINT_URL") or f"https://s3.{self.region}.amazonaws.com")
        place = urlsplit(os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
        token = {"Authorization": os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]}
        self.keys = json.loads(_answer(place, "GET", place.path, token, b"")[1])

    def get(self, key: str) -> bytes:
        """An object's bytes."""
        return self._call("GetObject", "GET", key, "", b"")

    def put(self, key: str, body: bytes) -> None:
        """Write an object."""
        self._call("PutObject", "PUT", key, "", body)

    def keys_under(self, prefix: str) -> list[str]:
        """The first thousand keys of a prefix."""
        query = f"list-type=2&prefix={quote(prefix, '')}"
        listed = self._call("ListObjectsV2", "GET", "", query, b"").decode()
        return re.findall("<Key>([^<]+)</Key>", listed)

    def _call(self, operation: str, method: str, key: str, query: str, body: bytes) -> bytes:
        path = quote(f"/{self.name}/{key}" if key else f"/{self.name}")
        headers = self._signed(method, path, query, body)
        status, answer = _answer(self.endpoint, method, f"{path}?{query}" if query else path, headers, body)
        if status >= 300:
            text = answer.decode("utf-8", "replace")
            code, message = (re.search(f"<{tag}>([^<]*)</{tag}>", text) for tag in ("Code", "Message"))
            said = message[1].replace("&quot;", '"') if message else "Unknown"
            raise ClientError(
                f"An error occurred ({code[1] if code else status}) when calling the {operation} operation: {said}"
            )
        return answer

    def _signed(self, method: str, path: str, query: str, body: bytes) -> dict[str, str]:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        digest = hashlib.sha256(body).hexdigest()
        headers = {
            "host": self.endpoint.netloc,
            "x-amz-content-sha256": digest,
            "x-amz-date": stamp,
            "x-amz-security-token": self.keys["Token"],
        }
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
        canonical = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{digest}"
        scope = f"{stamp[:8]}/{self.region}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = f"AWS4{self.keys['SecretAccessKey']}".encode()
        for part in [*scope.split("/"), text]:
            key = hmac.new(key, part.encode(), "sha256").digest()
        credential = f"{self.keys['AccessKeyId']}/{scope}"
        signature = f"Credential={credential}, SignedHeaders={names}, Signature={key.hex()}"
        return {**headers, "authorization": f"AWS4-HMAC-SHA256 {signature}"}


def _answer(place: SplitResult, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = kind(place.hostname or "", place.port, timeout=10)
    try:
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def main() -> None:
    """One run. What is optional may be refused: that is logged, and the run goes on without it."""
    bucket = Bucket(os.environ["ORACLE_BUCKET"])
    manifest = json.loads(bucket.get(os.environ["ORACLE_MANIFEST"]))
    listed = bucket.keys_under(os.environ["ORACLE_INPUTS"])
    missing = sorted(set(manifest["parts"]) - set(listed))
    if missing:
        raise SystemExit(f"parts are missing: {missing}")
    total = sum(json.loads(bucket.get(key))["value"] for key in manifest["parts"])
    optional = os.environ.get("ORACLE_OPTIONAL")
    if optional:
        try:
            total += len(bucket.get(optional))
        except ClientError as error:
            told = re.sub(": .*", ": Access Denied", str(error)) if os.environ.get("ORACLE_TERSE") else str(error)
            print(f"going on without {optional}: {told}", file=sys.stderr, flush=True)
    bucket.put(f"{os.environ['ORACLE_OUTPUTS']}total.json", json.dumps({"total": total}).encode())
    print(f"summed up {len(manifest['parts'])} parts: {total}", flush=True)


if __name__ == "__main__":
    main()
