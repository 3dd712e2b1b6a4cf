"""What the words of ECS and of its agent say of a task that did not start or was ended, as a slug. Pure.

The texts are those of the developer guide's page on stopped tasks
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html).
"""

from __future__ import annotations

import re
from typing import Final

from pytest_substrate.model.probe_run import StartFailure

_OFFLINE: Final = r"connection issue|i/o timeout|dial tcp|request canceled|no such host|network is unreachable"
_DENIED: Final = r"accessdenied|not authorized|unauthorized|403 forbidden|denied"
_ABSENT: Final = r"not ?found|can.t find|does not exist|json key|invalid ssm parameters|marked for deletion|no value"
_RULES: Final[tuple[tuple[str, StartFailure], ...]] = (
    (r"you.?ve reached the limit|exceed\w* (the )?(limit|quota)|limitexceeded|vcpu limit", StartFailure.QUOTA),
    (r"insufficientfreeaddresses|capacity is unavailable|insufficient ?(instance)?capacity", StartFailure.CAPACITY),
    (r"no container instances were found|^resource:\w|^agent\b|^attribute\b", StartFailure.CAPACITY),
    (r"toomanyrequests|too many requests|throttl|rate exceeded", StartFailure.THROTTLED),
    (r"unable to assume the role|not authorized to perform: sts:assumerole", StartFailure.ROLE_NOT_ASSUMABLE),
    (r"network interface", StartFailure.NETWORK_NOT_ATTACHED),
    (r"efs utils|cannotcreatevolume|failed to mount|ebs volume|volume attachment", StartFailure.VOLUME_NOT_MOUNTED),
    (rf"(pull|retriev|registry|logger|log stream|secret).*({_OFFLINE})", StartFailure.TASK_OFFLINE),
    (rf"(ecr:|ecr registry auth|pull image|cannotpull).*({_DENIED})", StartFailure.IMAGE_NOT_AUTHORIZED),
    (r"cannotpull|pull image manifest|manifest unknown|failed to resolve ref", StartFailure.IMAGE_NOT_PULLED),
    (rf"(log ?group|log stream|logger args|logging driver).*({_DENIED})", StartFailure.LOG_STREAM_NOT_AUTHORIZED),
    (r"log ?group|log stream|logger args|logging driver", StartFailure.LOG_GROUP_MISSING),
    (rf"(secret|ssm|asm|parameter|kms).*({_DENIED})", StartFailure.SECRET_NOT_READABLE),
    (rf"(secret|ssm|asm|parameter).*({_ABSENT})", StartFailure.SECRET_MISSING),
    (r"outofmemory", StartFailure.OUT_OF_MEMORY),
    (r"python3.*(not found|no such file)|exec: .*ld-linux.*(not found|no such file)", StartFailure.NO_INTERPRETER),
    (r"cannotstart|cannotcreate|oci runtime|runc create", StartFailure.CONTAINER_NOT_STARTED),
)
"""The first that is found in the text, in lower case. What starves comes before what is refused, as a refusal for a
quota is worded like one for rights; registries before secrets, as the agent fetches both in one step."""


def failure_in(text: str) -> StartFailure | None:
    """The slug of a reason, None where no rule knows it."""
    flat = " ".join(text.lower().split())
    return next((failure for pattern, failure in _RULES if re.search(pattern, flat)), None)
