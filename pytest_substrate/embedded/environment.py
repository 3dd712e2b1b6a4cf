"""A kept platform as environment variables, for what a person debugs with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pytest_substrate.adapters.aws.quiet import quietly

if TYPE_CHECKING:
    from pytest_substrate.embedded.client import Attachment


def environment(attachment: Attachment) -> dict[str, str]:
    """The variables for aws-cli, kcat and a debugger; only SUBSTRATE_EMBEDDED attaches a pytest run.

    The AWS keys are the account's administrator, the Kafka user is the service's own: this is a proving ground. A
    pytest run takes neither; it is given the operator, who may only become the observer.
    """
    held = attachment.content
    ((name, kafka),) = held["kafka"].items()
    keys = held["administrator"]
    user = _service_credential(held["endpoint"], held["region"], keys)
    return {
        "SUBSTRATE_EMBEDDED": str(attachment.path),
        "AWS_ENDPOINT_URL": held["endpoint"],
        "AWS_DEFAULT_REGION": held["region"],
        "AWS_ACCESS_KEY_ID": keys["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": keys["secret_access_key"],
        "KAFKA_BOOTSTRAP_SERVERS": ",".join(kafka["brokers"]),
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
        "KAFKA_CREDENTIAL": user,
        "KAFKA_CA_FILE": held["ca_file"],
        "KAFKA_ADMIN_SERVER": kafka["admin"],
        "KAFKA_CLUSTER": name,
    }


@quietly
def _service_credential(endpoint: str, region: str, keys: Mapping[str, str]) -> str:
    """The JSON of the service's secret, as its tasks get it; `substrate probe --credential env:KAFKA_CREDENTIAL`."""
    import boto3

    from pytest_substrate.embedded.platform import names

    client = boto3.client(
        "secretsmanager",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=keys["access_key_id"],
        aws_secret_access_key=keys["secret_access_key"],
    )
    return str(client.get_secret_value(SecretId=names.SECRET)["SecretString"])
