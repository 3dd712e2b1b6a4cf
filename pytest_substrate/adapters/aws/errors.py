"""What an SDK's error means for an observation: proven absent, or not observed and why.

Reasons: `access-denied`, `throttled`, `timeout`, `unreachable`, `untrusted` (TLS to the service failed),
`not-implemented` (an emulator or the installed botocore lacks the operation), `expired`, `no-credentials`,
`bad-credentials`, `refused` (the service rejects the request), `service-error`, `malformed`, `sdk-error`.
Messages are kept for refusals of rights and requests only: a signature error repeats the signed request, its session
token included.
"""

from __future__ import annotations

from typing import Final

import botocore.exceptions as sdk
from botocore.parsers import ResponseParserError

from pytest_substrate.model.aws.operations import OPERATIONS
from pytest_substrate.model.facts import line
from pytest_substrate.model.observation import Missing, Unobserved

_DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "Forbidden",
        "ForbiddenException",
        "NotAuthorized",
        "UnauthorizedException",
        "UnauthorizedOperation",
    }
)
_THROTTLED: Final = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_BAD_CREDENTIALS: Final = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_NOT_IMPLEMENTED: Final = frozenset(
    {
        "500",  # an emulator's HTML page: JSON services have the status for a code
        "501",
        "InvalidAction",
        "NotImplemented",
        "NotImplementedException",
        "UnknownOperation",
        "UnknownOperationException",
    }
)
_WITH_MESSAGE: Final = frozenset({"access-denied", "refused", "service-error"})

_EXCEPTIONS: Final[tuple[tuple[tuple[type[Exception], ...], str], ...]] = (
    ((sdk.ReadTimeoutError, sdk.ConnectTimeoutError), "timeout"),
    ((sdk.SSLError,), "untrusted"),
    ((sdk.NoCredentialsError, sdk.PartialCredentialsError, sdk.ProfileNotFound), "no-credentials"),
    ((sdk.UnauthorizedSSOTokenError, sdk.SSOTokenLoadError, sdk.TokenRetrievalError), "expired"),
    ((sdk.CredentialRetrievalError, sdk.NoAuthTokenError, sdk.MetadataRetrievalError), "no-credentials"),
    ((sdk.DataNotFoundError,), "not-implemented"),
    ((sdk.ConnectionError, sdk.HTTPClientError, sdk.BaseEndpointResolverError), "unreachable"),
    ((ResponseParserError, sdk.ChecksumError, sdk.IncompleteReadError), "malformed"),
    ((sdk.BotoCoreError,), "sdk-error"),
)
"""The first line that fits; `ConnectTimeoutError` and `SSLError` are also connection errors, so they come before."""


def unanswered(error: Exception, operation: str, *, what: str) -> Missing | Unobserved:
    """What an error of `operation` means; `what` names what was asked for. Raises what is our own bug."""
    if isinstance(error, sdk.ParamValidationError):
        raise error
    if isinstance(error, sdk.ClientError):
        return _refusal(error, operation, what=what)
    for types, reason in _EXCEPTIONS:
        if isinstance(error, types):
            return Unobserved(reason=reason, code=type(error).__name__, operation=operation)
    raise error


def _refusal(error: sdk.ClientError, operation: str, *, what: str) -> Missing | Unobserved:
    response = error.response
    code = str(response.get("Error", {}).get("Code", ""))[:128]
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    asked = operation
    if error.operation_name.startswith("AssumeRole"):
        asked = f"sts:{error.operation_name}"  # the observer's own credentials were being renewed
    elif code in OPERATIONS[operation].missing:
        return Missing(what=what, code=code, operation=operation)
    reason = _reason(code, status)
    message = line(response.get("Error", {}).get("Message", "")) if reason in _WITH_MESSAGE else None
    return Unobserved(reason=reason, code=_code(code), operation=asked, detail=message or None)


def _reason(code: str, status: int) -> str:
    for codes, reason in (
        (_DENIED, "access-denied"),
        (_THROTTLED, "throttled"),
        (_EXPIRED, "expired"),
        (_BAD_CREDENTIALS, "bad-credentials"),
        (_NOT_IMPLEMENTED, "not-implemented"),
    ):
        if code in codes:
            return reason
    by_status = {401: "bad-credentials", 403: "access-denied", 429: "throttled", 501: "not-implemented"}
    if status in by_status:
        return by_status[status]
    return "service-error" if status >= 500 else "refused"


def _code(code: str) -> str | None:
    """The code as a fact may carry it: an emulator's can be any text."""
    kept = "".join(c for c in code if c.isalnum() or c in "_:.")
    return kept or None
