"""ECS's calls on services: deployments and revisions are told as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ministack.services import ecs

from pytest_substrate.embedded.cloud.ecs_calls import Answer, Data, answer_json, error, page, unrunnable
from pytest_substrate.embedded.cloud.ecs_services import Services, brief, describe


class ServiceCalls:
    """Installed once; holds ministack's own functions that it goes on to use."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.original = dict(ecs._ACTION_MAP)
        ecs._ACTION_MAP.update(
            {
                "CreateService": self.create_service,
                "UpdateService": self.update_service,
                "DescribeServices": self.describe_services,
                "ListServiceDeployments": self.list_deployments,
                "DescribeServiceDeployments": self.describe_deployments,
                "DescribeServiceRevisions": self.describe_revisions,
            }
        )

    def create_service(self, data: Data) -> Answer:
        """CreateService, with AWS's refusals."""
        refused = unrunnable(data)
        if refused:
            return refused
        answer: Answer = self.original["CreateService"](data)
        return self._with_deployments(answer, "service")

    def update_service(self, data: Data) -> Answer:
        """UpdateService; a new deployment does not wait for what the old one's crashes earned."""
        named = ecs._resolve_service_ref(data.get("service", ""))
        if named and (data.get("forceNewDeployment") or data.get("taskDefinition")):
            self.services.resume(f"{ecs._resolve_cluster_name(data.get('cluster', 'default'))}/{named[0]}")
        answer: Answer = self.original["UpdateService"](data)
        return self._with_deployments(answer, "service")

    def describe_services(self, data: Data) -> Answer:
        """DescribeServices, with the current deployment and revisions."""
        answer: Answer = self.original["DescribeServices"](data)
        return self._with_deployments(answer, "services")

    def _with_deployments(self, answer: Answer, key: str) -> Answer:
        if answer[0] >= 400:
            return answer
        told = json.loads(answer[2])
        for row in told[key] if isinstance(told[key], list) else [told[key]]:
            cluster = ecs._cluster_name_from_arn(row["clusterArn"])
            held = self.services.observe(ecs._services[f"{cluster}/{row['serviceName']}"])
            if held:
                live = [one for one in held if one.live in _live(row)] or held[:1]
                row["currentServiceDeployment"] = held[0].arn
                row["currentServiceRevisions"] = [
                    {
                        "arn": one.revision["serviceRevisionArn"],
                        "requestedTaskCount": int(one.live.get("desiredCount", 0)),
                        "runningTaskCount": int(one.live.get("runningCount", 0)),
                        "pendingTaskCount": int(one.live.get("pendingCount", 0)),
                    }
                    for one in live
                ]
        return answer_json(told)

    def list_deployments(self, data: Data) -> Answer:
        """ListServiceDeployments."""
        cluster = ecs._resolve_cluster_name(data.get("cluster", "default"))
        named = ecs._resolve_service_ref(data.get("service", ""))
        service = ecs._services.get(f"{cluster}/{named[0]}") if named else None
        if service is None:
            return error("ServiceNotFoundException", "Service not found.")
        wanted, times = data.get("status"), data.get("createdAt") or {}
        found = [
            brief(service, one)
            for one in self.services.observe(service)
            if (not wanted or one.status in wanted)
            and float(times.get("after", 0)) <= one.created <= float(times.get("before", "inf"))
        ]
        return page("serviceDeployments", found, data)

    def describe_deployments(self, data: Data) -> Answer:
        """DescribeServiceDeployments."""
        held = {one.arn: describe(service, one) for service, one in self.services.all()}
        return _found("serviceDeployments", held, data.get("serviceDeploymentArns", []))

    def describe_revisions(self, data: Data) -> Answer:
        """DescribeServiceRevisions."""
        held = {one.revision["serviceRevisionArn"]: one.revision for _, one in self.services.all()}
        return _found("serviceRevisions", held, data.get("serviceRevisionArns", []))


def _live(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """ministack's live records of the deployments that a described service shows."""
    cluster = ecs._cluster_name_from_arn(row["clusterArn"])
    return list(ecs._services[f"{cluster}/{row['serviceName']}"].get("deployments", []))


def _found(key: str, held: Mapping[str, Any], names: list[str]) -> Answer:
    failures = [{"arn": name, "reason": "MISSING"} for name in names if name not in held]
    return answer_json({key: [held[name] for name in names if name in held], "failures": failures})
