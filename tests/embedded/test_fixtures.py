"""A user's own tests beside the shipped checks: what the public fixtures give, on the embedded platform.

This is how a project writes such tests; nothing here knows that the target is a local one.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_substrate.given import EcsTaskIdentity, Evidence, MskBootstrap, RuntimeCredential, Substrate


def test_the_declared_topic_has_partitions(
    msk_bootstrap: Mapping[str, MskBootstrap],
    runtime_credentials: Mapping[str, RuntimeCredential],
    evidence: Evidence,
) -> None:
    """A client with the runtime's credential, made here, sees the topic that the service publishes to."""
    kafka = pytest.importorskip("kafka", reason="kafka-python is an extra")
    bootstrap, credential = msk_bootstrap["spine"], runtime_credentials["ingest"]
    consumer = kafka.KafkaConsumer(
        bootstrap_servers=list(bootstrap.servers),
        security_protocol=bootstrap.security_protocol,
        sasl_mechanism=bootstrap.sasl_mechanism,
        sasl_plain_username=credential.username,
        sasl_plain_password=credential.password.reveal(),
        ssl_context=ssl.create_default_context(cafile=bootstrap.ca_file),
    )
    try:
        partitions = consumer.partitions_for_topic("events.raw")
    finally:
        consumer.close()
    assert partitions
    evidence.attach("events.raw", {"partitions": sorted(partitions)})


def test_the_task_is_who_it_should_be(ecs_task_identity: Mapping[str, EcsTaskIdentity], substrate: Substrate) -> None:
    """A fresh task of the service runs under the declared role, in the declared account."""
    identity = ecs_task_identity["ingest"]
    assert substrate.declaration.account == identity.account
    assert identity.role_arn.endswith(f"role/{substrate.declaration.service['ingest'].task_role}")
    assert identity.caller_arn.startswith(f"arn:aws:sts::{identity.account}:assumed-role/ingest-task/")
    assert identity.image_digest.startswith("sha256:")


def test_the_running_container_has_its_settings(runtime_host: Mapping[str, Any]) -> None:
    """A command in the running container sees the environment that the service has, and the image's own packages."""
    host = runtime_host["ingest"]
    told = host.run("python3 -c %s", "import os, kafka; print(os.environ['KAFKA_BOOTSTRAP_SERVERS'])")
    assert 0 == told.rc, told.stderr
    assert told.stdout.strip()


def test_the_running_container_holds_what_it_should(runtime_host: Mapping[str, Any]) -> None:
    """testinfra's own modules, though the image has no shell and no `test`, `stat` or `env`."""
    host = runtime_host["ingest"]
    certificate = host.file("/etc/kafka/ca.pem")
    assert certificate.exists
    assert certificate.is_file
    assert 0o444 == certificate.mode  # the platform keeps of a mode whether a file may be executed
    assert 64 == len(certificate.sha256sum)
    assert certificate.size == len(certificate.content)
    assert certificate.content_string.startswith("-----BEGIN CERTIFICATE-----")
    assert not host.file("/etc/shadow").exists
    assert "/etc/kafka/ca.pem" == host.environment()["KAFKA_CA_FILE"]
    assert "LC_CTYPE" not in host.environment()
    assert "linux" == host.system_info.type
    assert not host.exists("bash")
    assert 127 == host.run("ps aux | grep x").rc


@pytest.mark.parametrize("fixture", ["msk_bootstrap", "runtime_credentials", "ecs_task_identity", "runtime_host"])
def test_a_name_that_is_not_declared(request: pytest.FixtureRequest, fixture: str) -> None:
    """One clear error names the fixture, the name and what is declared; the mapping is read-only."""
    named = request.getfixturevalue(fixture)
    with pytest.raises(KeyError) as error:
        named["nope"]
    assert f"{fixture}['nope']: no such" in str(error.value)
    assert f"declared: {', '.join(named)}" in str(error.value)
    assert "nope" not in named
    with pytest.raises(TypeError):
        named["nope"] = 1


def test_the_ci_role_may_look_at_its_image_and_at_nothing_else(oidc_session: Any, substrate: Substrate) -> None:
    """The session is the role's, by the job's own token; it reads its repository, and may not list the users."""
    import botocore.exceptions

    release = substrate.declaration.release
    assert release is not None
    assert f":assumed-role/{release.role}/" in oidc_session.client("sts").get_caller_identity()["Arn"]
    assert oidc_session.client("ecr").get_authorization_token()["authorizationData"]
    with pytest.raises(botocore.exceptions.ClientError, match="AccessDenied"):
        oidc_session.client("iam").list_users()


@pytest.mark.parametrize(
    "named",
    [
        {"aws_access_key_id": "AKIASUBSTRATEEXAMPLE", "aws_secret_access_key": "none"},
        {"endpoint_url": "https://sts.invalid"},
        {"verify": False},
        {"use_ssl": False},
    ],
)
def test_nothing_takes_the_place_of_the_ci_role(oidc_session: Any, named: dict[str, Any]) -> None:
    """Keys, endpoints, and TLS without verification are refused where they are asked for."""
    for make in (oidc_session.client, oidc_session.resource):
        with pytest.raises(ValueError, match="oidc_session takes no"):
            make("s3", **named)
