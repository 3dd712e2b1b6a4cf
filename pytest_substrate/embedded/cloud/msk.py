"""MSK: clusters that stand for the real Kafka beside us.

A cluster is CREATING until the platform has told where its brokers are (`place`), then ACTIVE, unless a fault says
otherwise. Bootstrap answer, nodes and topics come from there; who may connect comes from SCRAM secrets
(`msk_scram.py`).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from ministack.core.responses import get_account_id, get_region
from ministack.services import msk

Answer = tuple[int, dict[str, str], bytes]
Record = dict[str, Any]
UUID_TAG: Final = "substrate:cluster-uuid"
"""A tag at creation that fixes the last part of the ARN; without it the part follows from account, region and name."""
_NAMESPACE: Final = uuid.UUID("6f0c3b3e-52b4-5a70-9b0e-2b7a3d1f4c55")
_MEMBERS: Final = {
    "plaintext": "",
    "tls": "Tls",
    "scram": "SaslScram",
    "iam": "SaslIam",
    "public_tls": "PublicTls",
    "public_scram": "PublicSaslScram",
    "public_iam": "PublicSaslIam",
    "vpc_tls": "VpcConnectivityTls",
    "vpc_scram": "VpcConnectivitySaslScram",
    "vpc_iam": "VpcConnectivitySaslIam",
}


class Refused(Exception):
    """An error answer: its code, message and status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status


@dataclass(slots=True, kw_only=True)
class Coordinates:
    """Where a cluster really is, and what the platform says of it."""

    brokers: list[dict[str, Any]] = field(default_factory=list)
    admin: str = ""
    state: str | None = None
    spread_delay_s: float = 0.2

    def update(self, told: Mapping[str, Any]) -> None:
        """Take over what is told. Raises ValueError for what can't be."""
        unknown = set(told) - {"brokers", "admin", "state", "spread_delay_s"}
        brokers = told.get("brokers", self.brokers)
        if unknown or not all(isinstance(one, dict) and isinstance(one.get("id"), int) for one in brokers):
            raise ValueError(f"unknown keys {sorted(unknown)}, or a broker without an id")
        self.brokers = list(brokers)
        self.admin = str(told.get("admin", self.admin))
        self.state = told.get("state", self.state)
        self.spread_delay_s = float(told.get("spread_delay_s", self.spread_delay_s))


class Clusters:
    """The clusters and their coordinates. A cluster's record is kept in ministack's store, in the v2 API's words."""

    def __init__(self, spread_delay_s: float) -> None:
        self.spread_delay_s = spread_delay_s
        self._places: dict[str, Coordinates] = {}

    def place(self, name: str) -> Coordinates:
        """The coordinates of the cluster of that name; made where they lack."""
        return self._places.setdefault(name, Coordinates(spread_delay_s=self.spread_delay_s))

    def place_of(self, arn: str) -> Coordinates:
        """The coordinates of an existing cluster. Raises Refused."""
        return self.place(self.record(arn)["clusterName"])

    def record(self, arn: str) -> Record:
        """A cluster's record. Raises Refused."""
        held = msk._clusters.get(arn)
        if held is None:
            raise Refused("NotFoundException", f"The requested cluster {arn} was not found.", 404)
        return dict(held)

    def state(self, record: Record) -> str:
        """The state word of MSK."""
        place = self.place(record["clusterName"])
        return place.state or ("ACTIVE" if place.brokers else "CREATING")

    def create(self, asked: Record, *, version: int) -> Answer:
        """CreateCluster (version 1) and CreateClusterV2."""
        name, tags = str(asked.get("clusterName", "")), dict(asked.get("tags") or {})
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", name):
            raise Refused("BadRequestException", "clusterName is missing or malformed.")
        if any(held["clusterName"] == name for held in msk._clusters.values()):
            raise Refused("ConflictException", "A resource with this name already exists.", 409)
        where = f"{get_account_id()}/{get_region()}/{name}"
        last = tags.get(UUID_TAG) or f"{uuid.uuid5(_NAMESPACE, where)}-1"
        arn = f"arn:aws:kafka:{get_region()}:{get_account_id()}:cluster/{name}/{last}"
        kind = "SERVERLESS" if asked.get("serverless") else "PROVISIONED"
        given = asked.get("serverless") or (asked.get("provisioned") if version == 2 else asked) or {}
        msk._clusters[arn] = {
            "clusterArn": arn,
            "clusterName": name,
            "clusterType": kind,
            "creationTime": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "currentVersion": "K" + uuid.uuid5(_NAMESPACE, arn).hex[:13].upper(),
            "tags": tags,
            kind.lower(): _provisioned(given) if kind == "PROVISIONED" else dict(given),
        }
        msk._tags[arn] = tags
        told = {"clusterArn": arn, "clusterName": name, "state": self.state(msk._clusters[arn])}
        return answer({**told, "clusterType": kind} if version == 2 else told)

    def describe(self, record: Record, *, version: int) -> Record:
        """A cluster as DescribeCluster (version 1) or DescribeClusterV2 tells it."""
        told = {**record, "state": self.state(record), "tags": dict(msk._tags.get(record["clusterArn"]) or {})}
        if version == 1:
            told.update(told.pop("provisioned", {}))
            told.pop("clusterType")
            told.pop("serverless", None)
        return told

    def list(self, query: Mapping[str, Any], *, version: int) -> Answer:
        """ListClusters and ListClustersV2."""
        prefix = _first(query, "clusterNameFilter")
        kind = _first(query, "clusterTypeFilter")
        found = [
            self.describe(held, version=version)
            for held in msk._clusters.values()
            if held["clusterName"].startswith(prefix)
            and kind in {"", held["clusterType"]}
            and (version == 2 or "provisioned" in held)
        ]
        return page("clusterInfoList", found, query)

    def delete(self, arn: str) -> Answer:
        """DeleteCluster."""
        self.record(arn)
        for store in (msk._clusters, msk._scram_secrets, msk._tags):
            store.pop(arn, None)
        return answer({"clusterArn": arn, "state": "DELETING"})

    def bootstrap(self, arn: str) -> Answer:
        """GetBootstrapBrokers: a member for each kind of listener that the cluster has and its settings offer."""
        record = self.record(arn)
        if self.state(record) == "CREATING":
            raise Refused("ConflictException", "The cluster is being created; it has no brokers yet.", 409)
        brokers, offered = self.place(record["clusterName"]).brokers, _offered(record)
        told = {}
        for kind, member in _MEMBERS.items():
            addresses = [one[kind] for one in brokers if one.get(kind)]
            if addresses and kind.rpartition("_")[2] in offered:
                told[f"bootstrapBrokerString{member}"] = ",".join(addresses)
        return answer(told)

    def nodes(self, arn: str, query: Mapping[str, Any]) -> Answer:
        """ListNodes: the real brokers' ids and host names (without ports, as on AWS)."""
        record = self.record(arn)
        settings = record.get("provisioned") or {}
        group = settings.get("brokerNodeGroupInfo") or {}
        rows = []
        for number, one in enumerate(self.place(record["clusterName"]).brokers):
            hosts = dict.fromkeys(str(one[kind]).rpartition(":")[0] for kind in _MEMBERS if one.get(kind))
            broker = {
                "brokerId": float(one["id"]),
                "clientVpcIpAddress": "127.0.0.1",
                "currentBrokerSoftwareInfo": settings.get("currentBrokerSoftwareInfo") or {},
                "endpoints": list(hosts),
            }
            subnets = group.get("clientSubnets") or []
            if subnets:
                broker["clientSubnet"] = subnets[number % len(subnets)]
            rows.append(
                {
                    "nodeARN": f"{arn.replace(':cluster/', ':broker/', 1)}/{one['id']}",
                    "nodeType": "BROKER",
                    "instanceType": group.get("instanceType", ""),
                    "addedToClusterTime": record["creationTime"],
                    "brokerNodeInfo": broker,
                }
            )
        return page("nodeInfoList", rows, query)


def answer(told: Mapping[str, Any], status: int = 200) -> Answer:
    """A JSON answer."""
    return status, {"Content-Type": "application/json"}, json.dumps(told).encode()


def refusal(error: Refused) -> Answer:
    """An error answer, with the code where the SDKs read it."""
    told = {"message": str(error), "invalidParameter": None}
    headers = {"Content-Type": "application/json", "x-amzn-errortype": error.code}
    return error.status, headers, json.dumps(told).encode()


def page(key: str, rows: list[Any], query: Mapping[str, Any], *, default: int = 100) -> Answer:
    """The page of `rows` that `query` asks for."""
    try:
        start, size = int(_first(query, "nextToken") or 0), int(_first(query, "maxResults") or default)
    except ValueError:
        raise Refused("BadRequestException", "nextToken or maxResults is malformed.") from None
    told: Record = {key: rows[start : start + size]}
    if start + size < len(rows):
        told["nextToken"] = str(start + size)
    return answer(told)


def scram_enabled(record: Record) -> bool:
    """Whether the cluster lets SCRAM users in."""
    return "scram" in _offered(record)


def _offered(record: Record) -> set[str]:
    """The kinds of listener that a cluster's settings offer."""
    if "serverless" in record:
        return {"iam"}
    settings = record["provisioned"]
    sasl = (settings.get("clientAuthentication") or {}).get("sasl") or {}
    tls = (settings.get("clientAuthentication") or {}).get("tls") or {}
    open_to_all = (settings.get("clientAuthentication") or {}).get("unauthenticated") or {}
    transit = ((settings.get("encryptionInfo") or {}).get("encryptionInTransit") or {}).get("clientBroker", "TLS")
    offered = {kind for kind in ("scram", "iam") if (sasl.get(kind) or {}).get("enabled")}
    anyone = open_to_all.get("enabled", not offered and not tls.get("enabled"))
    if tls.get("enabled") or (anyone and transit != "PLAINTEXT"):
        offered.add("tls")
    if anyone and transit != "TLS":
        offered.add("plaintext")
    return offered


def _provisioned(asked: Record) -> Record:
    told = {key: asked[key] for key in _KEPT if asked.get(key) is not None}
    configuration = asked.get("configurationInfo") or {}
    software = {"kafkaVersion": asked.get("kafkaVersion", "")}
    if configuration:
        software.update(configurationArn=configuration.get("arn"), configurationRevision=configuration.get("revision"))
    return {**told, "currentBrokerSoftwareInfo": software, "customerActionStatus": "NONE"}


_KEPT: Final = (
    "brokerNodeGroupInfo",
    "clientAuthentication",
    "encryptionInfo",
    "enhancedMonitoring",
    "openMonitoring",
    "loggingInfo",
    "numberOfBrokerNodes",
    "storageMode",
)


def _first(query: Mapping[str, Any], name: str) -> str:
    value = query.get(name, "")
    return str(value[0] if isinstance(value, list) and value else value or "")
