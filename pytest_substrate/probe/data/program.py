"""The program: who the task is, then each grant: what it must list, read and write, and what must stay closed to it.

Nothing is left: an upload is aborted, what was written is deleted, and an object of somebody else is never replaced. It
decides nothing: what S3 answered is told, call by call.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from typing import Any, Mapping

from ..identity import caller, container_keys, shadows
from ..link import as_broken, in_thread
from ..peer import failure
from ..report import HELD, place, scrub, tell
from ..wire import Broken
from .place import Place
from .store import LARGEST, Asked, Store, element

OVERRIDES = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
BODY = b"pytest-substrate: may this role write here?\n"


class DataProbe:
    """One run: what is asked, what was seen, and the values that must not be told."""

    def __init__(self, asked: Mapping[str, Any], env: Mapping[str, str]) -> None:
        self.asked = asked
        self.env = env
        self.held = [env.get(name) for name in HELD]
        self.end = time.monotonic() + asked["seconds"]
        self.keys = {}  # type: dict[str, str]
        self.seen = {
            "schema": "substrate.data-transcript/1",
            "nonce": asked["nonce"],
            "python": platform.python_version(),
            "started_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "overrides": [name for name in OVERRIDES if env.get(name)],
            "proxies": [name for name in PROXIES if env.get(name)],
            "grants": {},
        }  # type: dict[str, Any]

    def until(self) -> float:
        """The deadline of a call that begins now; `out-of-time` where the whole's is over."""
        if time.monotonic() >= self.end:
            raise Broken("out-of-time")
        return float(min(time.monotonic() + self.asked["deadline_s"], self.end))

    def credentials(self, renew: bool) -> Mapping[str, str]:
        """The container's, and nobody else's; fetched anew where they have expired."""
        if renew or not self.keys:
            until = self.until()
            self.keys = in_thread(lambda: container_keys(self.env, until))(until)
            self.held += [self.keys["secret_key"], self.keys["token"]]
        return self.keys

    def go(self) -> None:
        """Everything that is asked for."""
        seen = self.seen["identity"] = {"shadowed_by": shadows(self.env)}
        try:
            keys = self.credentials(False)
        except Exception as error:
            seen["failure"] = failure(as_broken(error), "identity")
            return
        seen["role_arn"] = keys["role_arn"] or None
        until = self.until()
        sts = in_thread(lambda: caller(keys, self.asked["region"], self.asked.get("sts_endpoint"), until))
        try:
            for asked in self.asked["grants"]:
                self.grant(asked)
        finally:
            try:
                seen.update(sts(until + 1))
            except Broken as broken:
                seen.update(sts="unreachable", error_code=broken.cause)

    def grant(self, asked: Mapping[str, Any]) -> None:
        """All of one grant, in the order of the ladder."""
        seen = {}  # type: dict[str, Any]
        self.seen["grants"][asked["name"]] = seen
        way = {
            "fips": self.env.get("AWS_USE_FIPS_ENDPOINT", "").lower() == "true",
            "dualstack": self.env.get("AWS_USE_DUALSTACK_ENDPOINT", "").lower() == "true",
            **asked.get("way", {}),
        }
        try:
            where = Place(asked["bucket"], self.asked["region"], way, self.asked.get("s3_endpoint"))
        except Broken as broken:
            seen["failure"] = failure(broken, "bucket")
            return
        payer = {"x-amz-request-payer": "requester"} if asked.get("payer") else {}
        store = Store(where, self.credentials, self.until, self.env.get("AWS_CA_BUNDLE"), payer)
        seen["host"] = where.url.netloc
        seen["calls"] = store.calls
        for target in asked.get("read", []):
            if target.endswith("/"):
                self.list(store, target)
            else:
                self.read(store, target, asked.get("pinned", {}).get(target, {}))
        for target in asked.get("write", []):
            if asked.get("roundtrip"):
                self.round_trip(store, target)
            else:
                self.upload(store, "write", target)
        for target in asked.get("closed", []):
            if target.endswith("/"):
                query = {"list-type": "2", "prefix": target, "max-keys": "1"}
                store.call("closed", target, "ListObjectsV2", Asked("GET", "", query))
            for key in asked.get("canaries", {}).get(target, []):
                store.call("closed", target, "GetObject", Asked("GET", key, headers={"range": "bytes=0-0"}))
            self.upload(store, "closed", target)

    def list(self, store: Store, prefix: str) -> None:
        """The keys of a prefix, as many pages as are asked for; only their number is told."""
        query = {"list-type": "2", "prefix": prefix}
        count = 0
        for _ in range(self.asked["pages"]):
            seen, data = store.call("list", prefix, "ListObjectsV2", Asked("GET", "", query))
            if seen.get("status") != 200:
                return
            text = data.decode("utf-8", "replace")
            count += text.count("<Key>")
            seen["count"] = count
            token = element("NextContinuationToken", text)
            seen["more"] = bool(token)
            if not token:
                return
            query["continuation-token"] = token

    def read(self, store: Store, key: str, pin: Mapping[str, str]) -> None:
        """Whether it is there, and its beginning: the whole of a small one. `pin` says which content is meant."""
        version = {"versionId": pin["version"]} if pin.get("version") else {}
        match = {"if-match": '"%s"' % pin["etag"]} if pin.get("etag") else {}
        seen, _ = store.call("exists", key, "HeadObject", Asked("HEAD", key, version))
        some = {} if seen.get("bytes") == 0 else {"range": "bytes=0-%d" % (LARGEST - 1)}
        seen, data = store.call("read", key, "GetObject", Asked("GET", key, version, headers={**match, **some}))
        if seen.get("status") in (200, 206):
            seen["count"] = len(data)

    def upload(self, store: Store, purpose: str, target: str) -> None:
        """An upload begun and aborted; what may be written gets a part first."""
        key = self.own(target)
        _, data = store.call(purpose, target, "CreateMultipartUpload", Asked("POST", key, {"uploads": ""}))
        begun = element("UploadId", data.decode("utf-8", "replace"))
        if begun:
            upload = {"uploadId": begun}
            if purpose == "write":
                part = Asked("PUT", key, {"partNumber": "1", **upload}, BODY)
                store.call(purpose, target, "UploadPart", part)
            store.call(purpose, target, "AbortMultipartUpload", Asked("DELETE", key, upload))

    def round_trip(self, store: Store, target: str) -> None:
        """An object of our own written, read back and deleted, in its very version; none is ever replaced."""
        key = self.own(target)
        put = Asked("PUT", key, {}, BODY, {"if-none-match": "*"})
        seen, _ = store.call("write", target, "PutObject", put)
        if seen.get("status") == 200:
            version = {"versionId": seen["version_id"]} if seen.get("version_id", "null") != "null" else {}
            seen, data = store.call("write", target, "GetObject", Asked("GET", key))
            seen["same"] = data == BODY
            store.call("write", target, "DeleteObject", Asked("DELETE", key, version))

    def own(self, target: str) -> str:
        """The key that is written to: one of our own below a prefix, else the very one that is declared."""
        return target + "substrate-probe-" + self.asked["nonce"] if target.endswith("/") else target


def run(asked: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """The transcript of a request."""
    probe = DataProbe(asked, env)
    try:
        probe.go()
    except Exception as error:
        probe.seen["crash"] = place(error)
    return dict(scrub(probe.seen, probe.held))


def main(arguments: list[str]) -> int:
    """0 when a whole transcript was printed."""
    return tell(run, arguments)


if __name__ == "__main__":
    os._exit(main(sys.argv))
