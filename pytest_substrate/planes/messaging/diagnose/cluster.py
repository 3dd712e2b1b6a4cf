"""MSG-005: the cluster itself. Pure."""

from __future__ import annotations

from pytest_substrate.model.aws import kafka
from pytest_substrate.model.diagnosis import Diagnosis, passed, violated
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.unseen import unseen


def diagnose_cluster(
    cluster: kafka.Cluster | Missing | Unobserved, *, arn: str, authentication: str, connectivity: str
) -> Diagnosis:
    """Whether the cluster is ACTIVE and offers the declared authentication over the declared connectivity.

    A cluster that is being updated or healed may well serve; the statement is that it is ACTIVE, so it is red.
    """
    if isinstance(cluster, Unobserved):
        return unseen(cluster, "the cluster")
    if isinstance(cluster, Missing):
        return violated("cluster-missing", "MSK has no cluster of the declared ARN", cluster_arn=arn)
    if cluster.state != kafka.ACTIVE:
        return violated(
            "cluster-not-active",
            f"the cluster {cluster.name} is {cluster.state}, not ACTIVE",
            cluster_arn=cluster.arn,
            state=cluster.state,
        )
    if connectivity == kafka.PUBLIC_ACCESS and not cluster.public:
        return violated(
            "connectivity-not-offered",
            f"the cluster {cluster.name} has no public access, and the declaration says public",
            cluster_arn=cluster.arn,
            state=cluster.state,
            connectivity=connectivity,
        )
    offered = cluster.multi_vpc if connectivity == kafka.MULTI_VPC else cluster.authentications
    if not cluster.offers(authentication, connectivity):
        return violated(
            "authentication-not-offered",
            f"the cluster {cluster.name} does not offer {authentication} over {connectivity}",
            cluster_arn=cluster.arn,
            state=cluster.state,
            authentication=authentication,
            authentications=offered,
            connectivity=connectivity,
        )
    return passed(
        f"the cluster {cluster.name} is ACTIVE and offers {authentication} over {connectivity}",
        cluster_arn=cluster.arn,
        state=cluster.state,
        authentications=offered,
        connectivity=connectivity,
    )
