"""Where the data probe reaches a bucket, against botocore's own endpoint rules and its own signer."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_substrate.probe.data.place import Place, query_of
from pytest_substrate.probe.data.store import Asked, Store
from pytest_substrate.probe.wire import Broken

KEYS = {"access_key": "AKIDEXAMPLE", "secret_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "token": "t0k+n/=="}
POINT = "arn:aws:s3:{region}:111122223333:accesspoint/team-data"
WAYS = [dict(zip(("fips", "dualstack"), pair, strict=True)) for pair in itertools.product((False, True), repeat=2)]


def sdk_url(bucket: str, region: str, key: str, *, path_style: bool, fips: bool, dualstack: bool) -> str:
    """Where botocore would send a GetObject."""
    session = botocore.session.Session()
    session.set_credentials("a", "b")
    config = Config(
        use_fips_endpoint=fips,
        use_dualstack_endpoint=dualstack,
        s3={
            "addressing_style": "path" if path_style else "virtual",
            "us_east_1_regional_endpoint": "regional",  # as every SDK but the old ones
        },
    )
    client: Any = session.create_client("s3", region_name=region, config=config)
    sent: list[str] = []

    def stop(request: Any, **_: object) -> None:
        sent.append(request.url)
        raise KeyboardInterrupt

    client.meta.events.register("before-send.s3", stop)
    with pytest.raises(KeyboardInterrupt):
        client.get_object(Bucket=bucket, Key=key)
    return sent[0]


PARTITIONS = {"eu-west-2": "aws", "us-east-1": "aws", "us-gov-west-1": "aws-us-gov", "cn-north-1": "aws-cn"}
CASES = [
    (bucket.format(region=region).replace("arn:aws:", f"arn:{partition}:"), region, way)
    for bucket in ("acme-spine", "acme.spine.data", POINT)
    for region, partition in PARTITIONS.items()
    for way in WAYS
    if not (way["fips"] and partition == "aws-cn")  # there are no such endpoints
]


@pytest.mark.parametrize(("bucket", "region", "way"), CASES)
def test_as_botocore_does(bucket: str, region: str, way: dict[str, bool]) -> None:
    """Virtual host, dual-stack, FIPS and access points: the same host and path, wherever there is one."""
    place = Place(bucket, region, way, None)
    ours = urlsplit(f"{place.url.geturl()}{place.path('in put/ü~(1)+.json')}")
    theirs = urlsplit(sdk_url(bucket, region, "in put/ü~(1)+.json", path_style=False, **way))
    assert (theirs.scheme, theirs.netloc, theirs.path) == (ours.scheme, ours.netloc, ours.path)


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_path_style(way: dict[str, bool]) -> None:
    """The bucket's name in the path."""
    place = Place("acme-spine", "eu-west-2", {"path_style": True, **way}, None)
    assert (
        sdk_url("acme-spine", "eu-west-2", "a/b", path_style=True, **way) == f"{place.url.geturl()}{place.path('a/b')}"
    )


def test_a_local_endpoint_is_asked_by_path() -> None:
    """Whatever is declared."""
    place = Place("acme-spine", "eu-west-2", {"fips": True}, "http://127.0.0.1:4566")
    assert ("127.0.0.1:4566", "/acme-spine/a", "/acme-spine") == (place.url.netloc, place.path("a"), place.path(""))


@pytest.mark.parametrize(
    "bucket", ["", "A", "s3://acme", "arn:aws:s3:::acme-spine", "a/b", "arn:aws:s3::1:accesspoint/x", "bucket\n", "a b"]
)
def test_what_is_no_bucket(bucket: str) -> None:
    """Nothing is asked of a host that a name could choose."""
    with pytest.raises(Broken, match="bucket-unsupported"):
        Place(bucket, "eu-west-2", {}, None)


KEY = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1, max_size=40).filter(
    lambda key: not key.startswith("/")
)


@settings(max_examples=200)
@given(
    key=KEY,
    query=st.dictionaries(st.sampled_from(["prefix", "uploads", "uploadId", "versionId"]), st.text(max_size=12)),
    body=st.binary(max_size=20),
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD"]),
)
def test_signed_as_botocore_signs(key: str, query: dict[str, str], body: bytes, method: str) -> None:
    """The very signature of its S3 signer, for any key, query and body."""
    place = Place("acme-spine", "eu-west-2", {}, None)
    store = Store(place, lambda _: KEYS, lambda: 0.0, None, {"x-amz-request-payer": "requester"})
    asked = Asked(method, key, query, body, {"range": "bytes=0-1"})
    ours = store.signed(asked, False)
    url = f"{place.url.geturl()}{place.path(key)}" + (f"?{query_of(query)}" if query else "")
    headers = {"x-amz-request-payer": "requester", "range": "bytes=0-1", "X-Amz-Content-SHA256": ""}
    request = AWSRequest(method=method, url=url, data=body, headers={**headers})
    request.headers.replace_header("X-Amz-Content-SHA256", ours["x-amz-content-sha256"])
    request.context["client_config"] = Config(s3={"payload_signing_enabled": True})
    signer = _At(Credentials(KEYS["access_key"], KEYS["secret_key"], KEYS["token"]), ours["x-amz-date"])
    signer.add_auth(request)
    assert (
        request.headers["Authorization"].rpartition("Signature=")[2]
        == ours["authorization"].rpartition("Signature=")[2]
    )


class _At(S3SigV4Auth):
    """Botocore's signer at a time of ours."""

    def __init__(self, credentials: Credentials, stamp: str) -> None:
        super().__init__(credentials, "s3", "eu-west-2")
        self.stamp = stamp

    def _modify_request_before_signing(self, request: Any) -> None:
        request.context["timestamp"] = self.stamp
        super()._modify_request_before_signing(request)  # type: ignore[misc]  # no stub knows what the signer overrides
