"""Where a bucket or an access point is reached, as AWS SDKs decide it: host, path, and the region to sign for.

Held against botocore's own endpoint rules by `tests/unit/probe/test_data_place.py`.
"""

from __future__ import annotations

import re
from typing import Any, Mapping
from urllib.parse import quote, urlsplit

from ..wire import Broken

ACCESS_POINT = re.compile(r"arn:(aws[a-z-]*):s3:([a-z0-9-]+):(\d{12}):accesspoint[:/]([a-z0-9-]{3,50})\Z")
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\Z")


class Place:
    """One bucket or access point. `url` is scheme and host, `base` what stands before a key in the path."""

    def __init__(self, bucket: str, region: str, way: Mapping[str, Any], endpoint: str | None) -> None:
        """`way` has `fips`, `dualstack` and `path_style`; `endpoint` stands for all hosts, by path (local targets)."""
        point = ACCESS_POINT.match(bucket)
        if not point and not BUCKET.match(bucket):
            raise Broken("bucket-unsupported")
        self.region = point.group(2) if point else region
        self.base = "" if point else "/" + bucket
        suffix = ".amazonaws.com" + ".cn" * self.region.startswith("cn-")
        host = "s3-accesspoint" if point else "s3"
        host += "-fips" * bool(way.get("fips")) + ".dualstack" * bool(way.get("dualstack"))
        host += "." + self.region + suffix
        if point:
            host = "%s-%s.%s" % (point.group(4), point.group(3), host)
        elif not way.get("path_style") and "." not in bucket:  # a certificate covers one label
            host = bucket + "." + host
            self.base = ""
        self.url = urlsplit(endpoint or "https://" + host)
        if endpoint:
            self.base = "/" + quote(bucket, "")

    def path(self, key: str) -> str:
        """The path of an object, of the bucket itself for an empty key; encoded once, as S3 signs it."""
        return self.base + "/" + quote(key, "/~") if key else self.base or "/"


def query_of(parts: Mapping[str, str]) -> str:
    """A query in the form that is signed."""
    return "&".join("%s=%s" % (quote(name, "-_.~"), quote(value, "-_.~")) for name, value in sorted(parts.items()))
