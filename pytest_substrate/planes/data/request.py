"""What a data probe is asked for a workload: a pure function of the declaration and of what the observer saw before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_substrate.model.aws.storage import BucketState, ObjectsSeen
from pytest_substrate.model.data_transcript import DataRequest, GrantAsked
from pytest_substrate.model.observation import Missing, Unobserved

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration, Grant


def grants_of(declaration: Declaration, workload: str) -> tuple[str, ...]:
    """The grants of a workload, in declared order."""
    return tuple(name for name, grant in declaration.grant.items() if grant.workload == workload)


def data_request(
    declaration: Declaration,
    workload: str,
    *,
    nonce: str,
    canaries: Mapping[str, ObjectsSeen],
    buckets: Mapping[str, BucketState | Missing | Unobserved],
    s3_endpoint: str | None = None,
    sts_endpoint: str | None = None,
) -> DataRequest:
    """One request for all grants of a workload; what is known of each by the grant's name."""
    return DataRequest(
        nonce=nonce,
        region=declaration.region,
        grants=tuple(
            _asked(name, declaration.grant[name], canaries[name], buckets[name])
            for name in grants_of(declaration, workload)
        ),
        s3_endpoint=s3_endpoint,
        sts_endpoint=sts_endpoint,
    )


def _asked(name: str, grant: Grant, canaries: ObjectsSeen, bucket: BucketState | Missing | Unobserved) -> GrantAsked:
    return GrantAsked(
        name=name,
        bucket=grant.bucket,
        read=grant.read,
        write=() if keeps(grant, bucket) else grant.write,
        closed=grant.closed,
        canaries={target: tuple(key for key in canaries.found if _lies(key, target)) for target in grant.closed},
        roundtrip=grant.write_proof == "roundtrip",
        payer=isinstance(bucket, BucketState) and bucket.requester_pays is True,
        way=_way(grant),
        pinned={key: pin.model_dump(exclude_none=True) for key, pin in grant.pinned.items()},
    )


def _way(grant: Grant) -> dict[str, bool]:
    """What is declared of the hosts; what isn't is left to the container's own variables."""
    way = {"path_style": True} if grant.addressing == "path" else {}
    if grant.endpoint is None:
        return way
    return {**way, "fips": "fips" in grant.endpoint, "dualstack": "dualstack" in grant.endpoint}


def keeps(grant: Grant, bucket: BucketState | Missing | Unobserved) -> bool:
    """Whether the bucket would keep what a round trip writes, or may, as that can't be seen: then it is not tried."""
    if grant.write_proof != "roundtrip" or isinstance(bucket, Missing):
        return False
    return not isinstance(bucket, BucketState) or not isinstance(bucket.lock, Missing)


def _lies(key: str, target: str) -> bool:
    return key == target or (target.endswith("/") and key.startswith(target))
