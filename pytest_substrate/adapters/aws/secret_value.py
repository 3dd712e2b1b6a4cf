"""Reads a secret's value for a person who names it on a command line; no check ever does."""

from __future__ import annotations

from typing import Any

from pytest_substrate.adapters.aws.quiet import quietly
from pytest_substrate.model.errors import BadInput


@quietly
def read_secret_value(arn: str, *, where: str) -> str:
    """The current SecretString, as whoever the surroundings' credentials are; BadInput for whatever goes wrong.

    The endpoint, profile and credentials are the surroundings' own, as for the aws command.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    make: Any = boto3.client
    bounds = Config(connect_timeout=5, read_timeout=15, retries={"total_max_attempts": 2})
    try:
        client = make("secretsmanager", region_name=arn.split(":")[3], config=bounds)
        answer = client.get_secret_value(SecretId=arn)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        raise BadInput(where, f"Secrets Manager answered {code}", "check the ARN and who the caller is") from None
    except (BotoCoreError, ResponseParserError) as error:
        raise BadInput(
            where, f"Secrets Manager was not reached ({type(error).__name__})", "check the network"
        ) from None
    value = answer.get("SecretString")
    if not isinstance(value, str):
        raise BadInput(where, "the secret is binary", "store the JSON that MSK demands")
    return value
