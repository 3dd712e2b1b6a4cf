"""Start everything at once: the brokers, which take the longest, and the cloud with its account meanwhile."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_substrate.embedded.cloud.cloud import Cloud
from pytest_substrate.embedded.kafka.cluster import KafkaCluster
from pytest_substrate.embedded.kafka.prepare import prepare
from pytest_substrate.embedded.kafka.spec import ClusterSpec
from pytest_substrate.embedded.kafka.tls import Authority
from pytest_substrate.embedded.network.relay import Network
from pytest_substrate.embedded.platform import data, dev_min, infrastructure, names, pipeline, release, roles
from pytest_substrate.embedded.platform.platform import Platform

if TYPE_CHECKING:
    from pytest_substrate.embedded.cloud.cloud import Credentials

_STEADY_DELAY_S: Final = 0.4
"""How long a task runs until it counts for its deployment: every start of a platform waits for it."""


def start_platform(
    folder: Path, *, policy: Callable[[], roles.Policy], progress: Callable[[str], None]
) -> tuple[Platform, Credentials]:
    """A platform with `dev_min` on it, whose observer role has what `policy` makes; and the operator's keys.

    Raises BadInput for what its user can mend (no Java, no jars).
    """
    pool = ThreadPoolExecutor(4, thread_name_prefix="start")
    clouding = pool.submit(
        Cloud.start, folder, account=names.ACCOUNT, region=names.REGION, steady_delay_s=_STEADY_DELAY_S
    )
    now = dt.datetime.now(dt.UTC)
    runtime = prepare(folder, progress=progress)
    authority = Authority.create(folder / "ca", now=now)
    certificate = authority.issue(now=now)
    network = Network()

    def start_cluster(name: str, brokers: int = 1) -> KafkaCluster:
        spec = ClusterSpec(name=name, brokers=brokers)
        return KafkaCluster.start(
            folder, spec=spec, runtime=runtime, network=network, authority=authority, certificate=certificate
        )

    starting = pool.submit(start_cluster, names.CLUSTER, 2)
    progress("starting two brokers of Apache Kafka, and the cloud")
    observer = policy()  # while the others start
    cloud = clouding.result()
    platform = Platform(folder=folder, cloud=cloud, authority=authority, starting=starting, start_cluster=start_cluster)
    image_digest, secret_arn = dev_min.build_account(platform, policy=observer)
    running = pool.submit(data.build_data, platform, image_digest)
    releasing = pool.submit(release.build_release, platform, image_digest)
    pipeline.release(platform, image_digest)
    keys = roles.make_operator(platform)
    platform.starting.result()
    progress("starting the service")
    dev_min.build_workload(platform, image_digest=image_digest, secret_arn=secret_arn)
    infrastructure.leave_plan(platform)
    running.result()
    releasing.result()
    pool.shutdown()
    return platform, keys
