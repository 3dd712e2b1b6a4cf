"""What each error of the SDK means for an observation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import botocore.exceptions as sdk
import pytest
from botocore.parsers import ResponseParserError

from pytest_substrate.adapters.aws.errors import unanswered
from pytest_substrate.adapters.aws.kafka import read_cluster, read_topic
from pytest_substrate.adapters.aws.secretsmanager import read_secret
from pytest_substrate.model.facts import checked_facts
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.unseen import UNSEEN_CAUSES, unseen

ARN = "arn:aws:kafka:eu-west-2:111122223333:cluster/spine/4a1f8e52-6c0d-4b7e-9a35-2d9f6f0c7b11-2"
OPERATION = "kafka:DescribeClusterV2"


def refusal(code: str, status: int = 400, message: str = "no", operation: str = "DescribeClusterV2") -> sdk.ClientError:
    """An error as a service answers it."""
    response: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return sdk.ClientError(response, operation)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (refusal("AccessDeniedException", 400), "access-denied"),
        (refusal("AccessDenied", 403), "access-denied"),
        (refusal("ForbiddenException", 403), "access-denied"),
        (refusal("SomethingNew", 403), "access-denied"),
        (refusal("UnauthorizedException", 401), "access-denied"),
        (refusal("ThrottlingException", 400), "throttled"),
        (refusal("TooManyRequestsException", 429), "throttled"),
        (refusal("Unheard", 429), "throttled"),
        (refusal("ExpiredToken", 403), "expired"),
        (refusal("ExpiredTokenException", 400), "expired"),
        (refusal("InvalidClientTokenId", 403), "bad-credentials"),
        (refusal("SignatureDoesNotMatch", 403), "bad-credentials"),
        (refusal("UnrecognizedClientException", 400), "bad-credentials"),
        (refusal("500", 500, "<!doctype html>"), "not-implemented"),
        (refusal("InternalFailure", 501), "not-implemented"),
        (refusal("UnknownOperationException", 404), "not-implemented"),
        (refusal("InternalServerErrorException", 500), "service-error"),
        (refusal("ServiceUnavailable", 503), "service-error"),
        (refusal("502", 502), "service-error"),
        (refusal("BadRequestException", 400), "refused"),
        (refusal("", 400), "refused"),
        (sdk.ReadTimeoutError(endpoint_url="https://x"), "timeout"),
        (sdk.ConnectTimeoutError(endpoint_url="https://x"), "timeout"),
        (sdk.EndpointConnectionError(endpoint_url="https://x"), "unreachable"),
        (sdk.ConnectionClosedError(endpoint_url="https://x"), "unreachable"),
        (sdk.ProxyConnectionError(proxy_url="http://p"), "unreachable"),
        (sdk.HTTPClientError(error="?"), "unreachable"),
        (sdk.NoRegionError(), "unreachable"),
        (sdk.SSLError(endpoint_url="https://x", error=OSError()), "untrusted"),
        (sdk.NoCredentialsError(), "no-credentials"),
        (sdk.PartialCredentialsError(provider="env", cred_var="x"), "no-credentials"),
        (sdk.CredentialRetrievalError(provider="sso", error_msg="?"), "no-credentials"),
        (sdk.UnauthorizedSSOTokenError(), "expired"),
        (sdk.UnknownServiceError(service_name="kafka", known_service_names=[]), "not-implemented"),
        (ResponseParserError("not xml"), "malformed"),
        (sdk.InvalidConfigError(error_msg="?"), "sdk-error"),
    ],
)
def test_reason(error: Exception, reason: str) -> None:
    """Each error is not observed for a reason that every check knows as a cause, and its diagnosis is no green."""
    found = unanswered(error, OPERATION, what=ARN)
    assert isinstance(found, Unobserved)
    assert (reason, OPERATION) == (found.reason, found.operation)
    assert reason in {cause.slug for cause in UNSEEN_CAUSES}
    assert not unseen(found, "the cluster").outcome.green


def test_absence_is_proven_by_the_operations_own_codes_alone() -> None:
    """A code that proves an absence for one operation proves none for another."""
    assert Missing(what=ARN, code="NotFoundException", operation=OPERATION) == unanswered(
        refusal("NotFoundException", 404), OPERATION, what=ARN
    )
    other = unanswered(refusal("NotFoundException", 404), "kafka:GetBootstrapBrokers", what=ARN)
    assert isinstance(other, Unobserved)
    assert other.reason == "refused"


def test_a_refused_role_is_no_refusal_of_the_call() -> None:
    """While the observer's own role is assumed, the refused call is that one."""
    found = unanswered(refusal("AccessDenied", 403, operation="AssumeRole"), OPERATION, what=ARN)
    assert isinstance(found, Unobserved)
    assert ("access-denied", "sts:AssumeRole") == (found.reason, found.operation)


def test_a_signature_error_keeps_no_message() -> None:
    """Its message repeats the signed request, whose headers hold the session token."""
    text = "The Canonical String should have been 'x-amz-security-token:FwoGZXIvYXdzE'"
    found = unanswered(refusal("SignatureDoesNotMatch", 403, text), OPERATION, what=ARN)
    assert isinstance(found, Unobserved)
    assert found.detail is None


def test_messages_are_one_short_line() -> None:
    """What a service says is cut to a line that a fact admits."""
    found = unanswered(refusal("BadRequestException", 400, "a\nb\x1b[31m" + "c" * 999), OPERATION, what=ARN)
    assert isinstance(found, Unobserved)
    checked_facts({"detail": found.detail})
    assert str(found.detail).startswith("a b")


def test_a_strange_code_is_made_fit() -> None:
    """An emulator's code may be any text."""
    found = unanswered(refusal("no route: <GET /v2>", 404), OPERATION, what=ARN)
    assert isinstance(found, Unobserved)
    checked_facts({"error_code": found.code})


def test_our_own_bug_is_raised() -> None:
    """A request that botocore's model forbids is no observation."""
    with pytest.raises(sdk.ParamValidationError):
        unanswered(sdk.ParamValidationError(report="?"), OPERATION, what=ARN)
    with pytest.raises(ZeroDivisionError):
        unanswered(ZeroDivisionError(), OPERATION, what=ARN)


def test_nobody_listening(make_client: Callable[..., Any]) -> None:
    """A closed port is unreachable, and the reader says so instead of raising."""
    found = read_cluster(make_client("kafka", endpoint_url="http://127.0.0.1:9"), ARN)
    assert isinstance(found, Unobserved)
    assert "unreachable" == found.reason


def test_an_older_botocore_is_not_implemented() -> None:
    """An installed botocore without the operation leaves the thing unseen."""
    found = read_topic(object(), ARN, "events.raw")
    assert isinstance(found, Unobserved)
    assert ("not-implemented", "kafka:DescribeTopic") == (found.reason, found.operation)


class OddClient:
    """Answers with what is given, as an emulator may that doesn't keep to the service's model."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.describe_secret = self.list_secret_version_ids = self.describe_cluster_v2 = lambda **_: answer


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"ARN": 1},
        {"ARN": "arn:aws:secretsmanager:eu-west-2:111122223333:secret:a-AbCdEf", "VersionIdsToStages": []},
        {"ARN": "x", "Name": "a", "Versions": ["x"]},
        {"ARN": "x", "Name": "a", "LastChangedDate": "yesterday"},
        {"ARN": "x", "Name": "a", "Versions": [{"VersionId": "1", "VersionStages": [1]}]},
        {"ARN": "x", "Name": "a", "NextToken": 7},
    ],
)
def test_malformed_answers(answer: dict[str, Any]) -> None:
    """An answer without its fields, or with others than the model says, is malformed and no exception."""
    found = read_secret(OddClient(answer), "a")
    assert isinstance(found, Unobserved)
    assert found.reason == "malformed"


def test_pages_that_never_end() -> None:
    """A token that comes again ends the reading."""
    found = read_secret(OddClient({"ARN": "x", "Name": "a", "Versions": [], "NextToken": "again"}), "a")
    assert isinstance(found, Unobserved)
    assert "does not end" in str(found.detail)
