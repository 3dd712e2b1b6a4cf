"""On which resources AWS authorizes calls of ECR, ECS, MSK and CloudWatch Logs, by the Service Authorization Reference.

ministack compares these calls with an ARN that no scoped policy names; what a policy says is only true with the right
one. A call that names several resources is authorized on each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Body = Mapping[str, Any]
_CLUSTER_ARN = re.compile(r"arn:aws[a-z-]*:kafka:[^:/]+:\d{12}:cluster/[^/]+/[^/]+")
_TASK_ACTIONS: Final = {"DescribeTasks", "StopTask", "ExecuteCommand", "UpdateTaskProtection", "GetTaskProtection"}
_SERVICE_ACTIONS: Final = {
    "CreateService",
    "UpdateService",
    "DeleteService",
    "DescribeServices",
    "ListServiceDeployments",
}
_DEFINITION_ACTIONS: Final = {"RunTask", "StartTask", "DeleteTaskDefinitions"}
_CLUSTER_ACTIONS: Final = {
    "CreateCluster",
    "DeleteCluster",
    "UpdateCluster",
    "UpdateClusterSettings",
    "PutClusterCapacityProviders",
    "DescribeClusters",
}
_LIST_ACTIONS: Final = {"ListTasks": "container-instance", "ListServices": "service"}
_ARN_MEMBERS: Final = {
    "DescribeServiceDeployments": "serviceDeploymentArns",
    "DescribeServiceRevisions": "serviceRevisionArns",
    "TagResource": "resourceArn",
    "UntagResource": "resourceArn",
    "ListTagsForResource": "resourceArn",
}
_STREAM_ACTIONS: Final = {"CreateLogStream", "DeleteLogStream", "GetLogEvents", "PutLogEvents"}
_GROUP_ALONE: Final = {"TagResource", "UntagResource", "ListTagsForResource"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a call goes, for the ARNs that it implies."""

    region: str
    account: str

    def arn(self, service: str, rest: str) -> str:
        """An ARN of this place."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"


def ecs_resources(  # noqa: PLR0911  one return for each kind of resource
    action: str, body: Body, place: Place, revision_of: Callable[[str], str] = lambda family: f"{family}:1"
) -> tuple[str, ...]:
    """The resources of an ECS call; `revision_of` turns a family into its newest `family:revision`."""
    cluster = _tail(str(body.get("cluster") or "default"))

    def named(kind: str, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(
            name if name.startswith("arn:") else place.arn("ecs", f"{kind}/{cluster}/{name}") for name in names
        )

    if action in _SERVICE_ACTIONS:
        return named("service", body.get("services") or [body.get("service") or body.get("serviceName") or "*"])
    if action in _TASK_ACTIONS:
        return named("task", body.get("tasks") or [body.get("task") or "*"])
    if action in _DEFINITION_ACTIONS:
        names = body.get("taskDefinitions") or [body.get("taskDefinition") or "*"]
        return tuple(_definition(str(name), place, revision_of) for name in names)
    if action == "RegisterTaskDefinition":
        family, _, newest = revision_of(str(body.get("family", "*"))).rpartition(":")
        return (place.arn("ecs", f"task-definition/{family}:{int(newest) + 1}"),)
    if action in _CLUSTER_ACTIONS:
        names = body.get("clusters") or [body.get("clusterName") or body.get("cluster") or "default"]
        return tuple(place.arn("ecs", f"cluster/{_tail(name)}") for name in names)
    if action in _LIST_ACTIONS:
        return (place.arn("ecs", f"{_LIST_ACTIONS[action]}/{cluster}/*"),)
    listed = body.get(_ARN_MEMBERS.get(action, "")) or "*"
    return tuple(listed) if isinstance(listed, list) else (str(listed),)


def ecs_keys(body: Body, place: Place) -> dict[str, str]:
    """The condition keys of an ECS call that least-privilege policies use."""
    return {"ecs:cluster": place.arn("ecs", f"cluster/{_tail(str(body['cluster']))}")} if body.get("cluster") else {}


def kafka_resources(path: str) -> tuple[str, ...]:
    """The resources of an MSK call, from its decoded path: the cluster, or every one."""
    found = _CLUSTER_ARN.search(path)
    return (found[0],) if found else ("*",)


def kafka_topic_checks(path: str) -> tuple[tuple[str, str], ...]:
    """What a call of the topic API needs beside its own action: (action, resource) of the data plane."""
    found = re.fullmatch(rf".*?({_CLUSTER_ARN.pattern})/topics(?:/([^/]+)(/partitions)?)?/?", path)
    if found is None:
        return ()
    cluster, topic, _ = found.groups()
    topics = cluster.replace(":cluster/", ":topic/", 1) + f"/{topic or '*'}"
    checks = [("kafka-cluster:Connect", cluster), ("kafka-cluster:DescribeTopic", topics)]
    return (*checks, ("kafka-cluster:DescribeTopicDynamicConfiguration", topics)) if topic else tuple(checks)


def ecr_resources(action: str, body: Body, place: Place) -> tuple[str, ...]:
    """The resources of an ECR call: its repository or each of those that it names; the login has none."""
    if action == "GetAuthorizationToken":
        return ("*",)
    names = body.get("repositoryNames") or [body.get("repositoryName") or "*"]
    return tuple(place.arn("ecr", f"repository/{name}") for name in names)


def logs_resources(action: str, body: Body, place: Place) -> tuple[str, ...]:
    """The resources of a CloudWatch Logs call: a group's calls are authorized on `log-group:NAME:log-stream:`."""
    if action in _GROUP_ALONE:
        return (str(body.get("resourceArn") or "*"),)
    named = str(body.get("logGroupName") or body.get("logGroupIdentifier") or "")
    group = named.split(":log-group:", 1)[-1].removesuffix(":*")
    if action == "DescribeLogGroups":
        group = ""
    elif not group:
        return ("*",)
    stream = str(body.get("logStreamName", "")) if action in _STREAM_ACTIONS else ""
    return (place.arn("logs", f"log-group:{group}:log-stream:{stream}"),)


def _tail(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def _definition(name: str, place: Place, revision_of: Callable[[str], str]) -> str:
    if name.startswith("arn:"):
        return name
    return place.arn("ecs", f"task-definition/{name if ':' in name else revision_of(name)}")
