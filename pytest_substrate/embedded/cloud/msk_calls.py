"""MSK's calls, by method and path, as botocore's `kafka` model has them; configurations and tags stay ministack's."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

from ministack.core.router import extract_access_key_id
from ministack.services import msk

from pytest_substrate.embedded.cloud import authority, resources
from pytest_substrate.embedded.cloud.msk import Answer, Clusters, Refused, answer, refusal
from pytest_substrate.embedded.cloud.msk_scram import ScramSecrets
from pytest_substrate.embedded.cloud.msk_topics import Topics

_ARN = r"arn:aws[a-z-]*:kafka:[^:/]+:\d{12}:cluster/[^/]+/[^/]+"
_ALL = re.compile(r"/(v1|api/v2)/clusters/?")
_ONE = re.compile(rf"/(v1|api/v2)/clusters/({_ARN})(/[a-z-]+)?(?:/([^/]+))?(/partitions)?/?")


class MskCalls:
    """Installed once, as ministack's handler for the service."""

    def __init__(self, clusters: Clusters, scram: ScramSecrets, topics: Topics) -> None:
        self.clusters, self.scram, self.topics = clusters, scram, topics
        self.original = msk.handle_request
        msk.handle_request = self.handle_request

    async def handle_request(self, method: str, path: str, headers: Any, body: bytes, query: Any) -> Answer:
        """One call; what asks the brokers waits in a thread."""
        try:
            _check_topics(path, extract_access_key_id(headers, query) or "")
            answered = await asyncio.to_thread(self._dispatch, method, path, body, query)
        except Refused as error:
            return refusal(error)
        if answered is None:
            told: Answer = await self.original(method, path, headers, body, query)
            return told
        return answered

    def _dispatch(  # noqa: PLR0911  one return for each kind of path
        self, method: str, path: str, body: bytes, query: Mapping[str, Any]
    ) -> Answer | None:
        every, one = _ALL.fullmatch(path), _ONE.fullmatch(path)
        if every:
            version = 2 if every[1] == "api/v2" else 1
            if method == "POST":
                return self.clusters.create(_json(body), version=version)
            return self.clusters.list(query, version=version)
        if one is None:
            return None
        arn, part = one[2], (one[3] or "").strip("/")
        if part == "topics":
            return self._topic_call(method, arn, one[4], bool(one[5]), query)
        if part or method not in {"GET", "DELETE"}:
            return self._part_call(method, arn, part, body, query)
        if method == "DELETE":
            return self.clusters.delete(arn)
        version = 2 if one[1] == "api/v2" else 1
        return answer({"clusterInfo": self.clusters.describe(self.clusters.record(arn), version=version)})

    def _part_call(self, method: str, arn: str, part: str, body: bytes, query: Mapping[str, Any]) -> Answer | None:
        told: Answer | None = None
        if part == "bootstrap-brokers":
            told = self.clusters.bootstrap(arn)
        elif part == "nodes":
            told = self.clusters.nodes(arn, query)
        elif part == "scram-secrets" and method == "GET":
            told = answer({"secretArnList": self.scram.associated(arn)})
        elif part == "scram-secrets":
            act = self.scram.associate if method == "POST" else self.scram.disassociate
            told = act(arn, list(_json(body).get("secretArnList") or []))
        return told

    def _topic_call(
        self, method: str, arn: str, name: str | None, partitions: bool, query: Mapping[str, Any]
    ) -> Answer:
        if method != "GET":
            raise Refused("BadRequestException", "Topics are made with Kafka's own administration here.")
        if name is None:
            return self.topics.list(arn, query)
        return self.topics.partitions(arn, name, query) if partitions else self.topics.describe(arn, name)


def _check_topics(path: str, key: str) -> None:
    """The topic API also asks for the data plane's permissions. Raises Refused."""
    for action, resource in resources.kafka_topic_checks(path):
        refused = authority.may(key, action, resource)
        if refused:
            raise Refused("ForbiddenException", refused, 403)


def _json(body: bytes) -> dict[str, Any]:
    try:
        held = json.loads(body or b"{}")
    except ValueError:
        held = None
    if not isinstance(held, dict):
        raise Refused("BadRequestException", "The body is no JSON object.")
    return held
