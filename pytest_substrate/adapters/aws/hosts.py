"""The real hosts of AWS: which one a request of a service may go to, checked on the request as it is sent.

The list comes from botocore's built-in endpoint data alone, and not from the rule set that resolved the request: a
forged rule set in a models folder was shown to redirect STS while the client still named the real host.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from pytest_substrate.targets.port import TargetError

_PROVIDERS: Final = {"sts": "sts", "sso": "portal.sso", "sso-oidc": "oidc", "signin": "signin"}
"""Services that botocore's credential providers call by themselves: the id in the event's name, and the host's first
part. They may be asked in another region than the declared one (a sign-in portal lives in one region)."""


class ForeignHost(TargetError):
    """A request was about to leave for a host that is not AWS's own for that service and region; it was not sent."""


@lru_cache(maxsize=1)
def builtin_loader() -> Any:
    """The botocore loader of every session of ours: it reads nothing but the data that botocore ships, once."""
    from botocore.loaders import Loader

    return Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)


@lru_cache(maxsize=1)
def _resolver() -> Any:
    from botocore.regions import EndpointResolver

    return EndpointResolver(builtin_loader().load_data("endpoints"))


@lru_cache(maxsize=256)
def real_hosts(prefix: str, region: str) -> frozenset[str]:
    """Where AWS serves an endpoint prefix (`sts`, `api.ecr`) in a region: the standard, FIPS and dual-stack hosts."""
    from botocore.exceptions import BotoCoreError

    hosts = {"s3.amazonaws.com"} if (prefix, region) == ("s3", "us-east-1") else set()
    for fips in (False, True):
        for dual in (False, True):
            try:
                found = _resolver().construct_endpoint(
                    prefix, region, use_fips_endpoint=fips, use_dualstack_endpoint=dual
                )
            except BotoCoreError:  # the variant does not exist here
                continue
            if found:
                hosts.add(str(found["hostname"]).lower())
    return frozenset(hosts)


def is_real(url: str, prefix: str, region: str) -> bool:
    """Whether the URL is https, on its port, at a real host of the service in the region.

    Of S3 also with a bucket's or an access point's name before it, of its control with an account's number.
    """
    host = _https_host(url)
    hosts = real_hosts(prefix, region)
    if prefix == "s3-control":
        return host in hosts or (re.match(r"\d{12}\.", host) is not None and host[13:] in hosts)
    if prefix != "s3":
        return host in hosts
    points = [name.replace("s3", "s3-accesspoint", 1) for name in hosts]
    return host in hosts or any(host.endswith(f".{name}") for name in (*hosts, *points))


def is_real_for_provider(url: str, service: str, region: str) -> bool:
    """As `is_real`, for what credential providers call: any region of the declared region's partition."""
    partition = _resolver().get_partition_for_region(region)
    suffixes = {
        _resolver().get_partition_dns_suffix(partition),
        _resolver().get_partition_dns_suffix(partition, ["dualstack"]),
    }
    host = _https_host(url)
    name = rf"{re.escape(_PROVIDERS[service])}(-fips)?(\.[a-z0-9-]+)?"
    return any(suffix and re.fullmatch(rf"{name}\.{re.escape(suffix)}", host) for suffix in suffixes)


def client_check(prefix: str, region: str) -> Callable[..., None]:
    """A `before-send` handler for one client: raises ForeignHost instead of letting a request leave."""

    def check(request: Any, **_: Any) -> None:
        if not is_real(request.url, prefix, region):
            raise _foreign(request.url, prefix, region)

    return check


def provider_check(region: str) -> Callable[..., None]:
    """A `before-send` handler for a session: the requests that its credential providers make on their own."""

    def check(request: Any, event_name: str, **_: Any) -> None:
        service = event_name.split(".")[1]
        if service in _PROVIDERS and not is_real_for_provider(request.url, service, region):
            raise _foreign(request.url, service, region)

    return check


def _https_host(url: str) -> str:
    """The host in lower case; empty where the URL isn't plain https on its own port."""
    parts = urlsplit(url)
    try:
        plain = parts.scheme == "https" and parts.port in (None, 443) and "@" not in parts.netloc
    except ValueError:
        return ""
    return (parts.hostname or "").lower() if plain else ""


def _foreign(url: str, service: str, region: str) -> ForeignHost:
    parts = urlsplit(url)
    return ForeignHost(
        f"{service} in {region}: a request was about to go to {parts.scheme}://{parts.hostname}, which is not AWS's "
        "own host for it, and was not sent; remove what redirects it (an endpoint setting, botocore models, a plugin)"
    )
