"""What KMS says of a key."""

from __future__ import annotations

from typing import Any

from pytest_substrate.adapters.aws.answer import answered, ask
from pytest_substrate.model.aws.secrets import KeyState


@answered
def read_key(client: Any, key_id: str) -> KeyState:
    """The key behind an id, an ARN, an alias or an alias's ARN: DescribeKey resolves all four."""
    metadata = ask(client, "kms:DescribeKey", what=key_id, KeyId=key_id).part("KeyMetadata")
    return KeyState(
        arn=metadata.text("Arn"),
        manager=metadata.text("KeyManager"),
        state=metadata.text("KeyState"),
        spec=metadata.text("KeySpec"),
        usage=metadata.text("KeyUsage"),
    )
