"""MSK's topic API, answered from the real brokers."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from pytest_substrate.embedded.cloud.msk import Answer, Clusters, Refused, answer, page
from pytest_substrate.embedded.cloud.msk_admin import Administrations


class Topics:
    """The topics of all clusters. Its calls block while the brokers are asked."""

    def __init__(self, clusters: Clusters, administrations: Administrations) -> None:
        self.clusters = clusters
        self.administrations = administrations

    def list(self, arn: str, query: Mapping[str, Any]) -> Answer:
        """ListTopics; Kafka's own topics are not listed."""
        wanted = (query.get("topicNameFilter") or [""])[0]
        found = [topic for topic in self._topics(arn) if not topic.is_internal and topic.name.startswith(wanted)]
        rows = [
            {**_named(arn, topic), **_sizes(topic), "outOfSyncReplicaCount": _out_of_sync(topic)} for topic in found
        ]
        return page("topics", rows, query)

    def describe(self, arn: str, name: str) -> Answer:
        """DescribeTopic; its settings as base64 of lines `name=value`."""
        topic = self._topic(arn, name)
        settings = self._ask(lambda: self.administrations.settings(self._address(arn), name))
        text = "".join(f"{key}={value}\n" for key, value in sorted(settings.items()))
        configs = base64.b64encode(text.encode()).decode("ascii")
        return answer({**_named(arn, topic), **_sizes(topic), "configs": configs, "status": "ACTIVE"})

    def partitions(self, arn: str, name: str, query: Mapping[str, Any]) -> Answer:
        """DescribeTopicPartitions."""
        rows = [
            {"partition": one.number, "leader": one.leader, "replicas": list(one.replicas), "isr": list(one.in_sync)}
            for one in self._topic(arn, name).partitions
        ]
        return page("partitions", rows, query)

    def _topic(self, arn: str, name: str) -> Any:
        for topic in self._topics(arn, name):
            if topic.name == name:
                return topic
        raise Refused("NotFoundException", f"The topic {name} was not found.", 404)

    def _topics(self, arn: str, *names: str) -> Any:
        address = self._address(arn)
        return self._ask(lambda: self.administrations.topics(address, *names))

    def _address(self, arn: str) -> str:
        address = self.clusters.place_of(arn).admin
        if not address:
            raise Refused("BadRequestException", "The cluster has no brokers yet.")
        return address

    @staticmethod
    def _ask(question: Any) -> Any:
        try:
            return question()
        except Exception as error:  # whatever the brokers did, the caller sees a server error
            raise Refused("InternalServerErrorException", f"the brokers: {type(error).__name__}", 500) from error


def _named(arn: str, topic: Any) -> dict[str, Any]:
    return {"topicArn": f"{arn.replace(':cluster/', ':topic/', 1)}/{topic.name}", "topicName": topic.name}


def _sizes(topic: Any) -> dict[str, Any]:
    replicas = [len(one.replicas) for one in topic.partitions]
    return {"replicationFactor": max(replicas, default=0), "partitionCount": len(replicas)}


def _out_of_sync(topic: Any) -> int:
    return sum(len(set(one.replicas) - set(one.in_sync)) for one in topic.partitions)
