"""The session that STS gives for the CI job's token, and what it really may do in the registry.

Every call here is made with that session alone. The calls that could write are such that a success leaves nothing: a
layer is completed with a digest that isn't its own, and the manifest and tag that are there already are put again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import CredentialRetrievalError

from pytest_substrate.adapters.aws.answer import Answer, NoAnswer, ask
from pytest_substrate.adapters.aws.session import AwsSession, Keys
from pytest_substrate.model.aws.instant import text_of
from pytest_substrate.model.aws.registry import INDEX_TYPES, MANIFEST_TYPES
from pytest_substrate.model.ci import Assumed, Call, NotAssumed
from pytest_substrate.model.facts import line
from pytest_substrate.model.observation import Missing, Unobserved

DONE: Final = "done"
_ASSUME: Final = "sts:AssumeRoleWithWebIdentity"
_BLOB: Final = b"substrate"
NO_DIGEST: Final = f"sha256:{hashlib.sha256(b'pytest-substrate: no layer').hexdigest()}"
"""The digest of nothing that any registry holds."""
_REFUSED: Final = ("access-denied", "refused", "expired", "bad-credentials")
"""STS answered, and gave nothing."""
_ANSWERED: Final = ("refused", "service-error")


def assume(
    session: AwsSession, *, role_arn: str, name: str, token: str
) -> tuple[Assumed, Keys] | NotAssumed | Unobserved:
    """The session for a token; `session` needs no identity, as the token is one."""
    try:
        answer = ask(
            session.client("sts"),
            _ASSUME,
            what=role_arn,
            RoleArn=role_arn,
            RoleSessionName=name,
            WebIdentityToken=token,
        )
        given = answer.part("Credentials")
        keys = Keys(
            access_key_id=given.text("AccessKeyId"),
            secret_access_key=given.text("SecretAccessKey"),
            session_token=given.text("SessionToken"),
        )
        return _assumed(answer), keys
    except NoAnswer as none:
        seen = none.observation
        if isinstance(seen, Unobserved) and seen.reason in _REFUSED:
            return NotAssumed(code=seen.code or "unknown", message=seen.detail or "")
        return seen if isinstance(seen, Unobserved) else Unobserved(reason="malformed", operation=_ASSUME)


def renewed(found: tuple[Assumed, Keys] | NotAssumed | Missing | Unobserved) -> dict[str, Any]:
    """A session as botocore takes it from whoever renews it; CredentialRetrievalError where STS gave none."""
    if isinstance(found, tuple):
        assumed, keys = found
        return {
            "access_key": keys.access_key_id,
            "secret_key": keys.secret_access_key,
            "token": keys.session_token,
            "expiry_time": text_of(assumed.expires),
        }
    if isinstance(found, NotAssumed):
        why = f"STS refused it: {line(found.message or found.code, 200)}"
    else:
        why = f"there is no {found.what}" if isinstance(found, Missing) else found.detail or found.reason
    raise CredentialRetrievalError(provider="the CI job's token", error_msg=line(why, 240))


def _assumed(answer: Answer) -> Assumed:
    return Assumed(
        arn=answer.part("AssumedRoleUser").text("Arn"),
        provider=answer.text_or_none("Provider"),
        subject=answer.text_or_none("SubjectFromWebIdentityToken"),
        audience=answer.text_or_none("Audience"),
        expires=answer.part("Credentials").time("Expiration"),
    )


class _Caller:
    """Makes calls one by one and keeps what each came to."""

    def __init__(self, client: Callable[[str, str | None], Any], calls: list[Call]) -> None:
        self._client = client
        self.calls = calls

    def call(
        self,
        operation: str,
        resource: str,
        request: Mapping[str, Any],
        *,
        region: str | None = None,
        expected: tuple[str, ...] = (),
    ) -> Answer | None:
        """One call; `expected` are error codes that only come after the permission was granted."""
        client = self._client(operation.partition(":")[0], region)
        try:
            answer = ask(client, operation, what=resource, **request)
        except NoAnswer as none:
            seen = none.observation
            code = seen.code or (seen.reason if isinstance(seen, Unobserved) else "missing")
            denied = isinstance(seen, Unobserved) and seen.reason == "access-denied"
            reached = denied or isinstance(seen, Missing) or seen.reason in _ANSWERED
            detail = seen.detail if isinstance(seen, Unobserved) else None
            self.calls.append(
                Call(
                    action=operation,
                    resource=resource,
                    answer=DONE if code in expected else code,
                    denied=denied,
                    detail=None if detail is None else line(detail),
                    reached=reached,
                )
            )
            return None
        self.calls.append(Call(action=operation, resource=resource, answer=DONE, denied=False))
        return answer


def push_and_pull(
    client: Callable[[str, str | None], Any], *, account: str, repository: str, digest: str, tag: str | None
) -> tuple[Call, ...]:
    """Each action that a push and a pull need, really called.

    `client` gives the CI session's, by service and region.
    """
    calls: list[Call] = []
    caller = _Caller(client, calls)
    place: Mapping[str, Any] = {"registryId": account, "repositoryName": repository}
    caller.call("ecr:GetAuthorizationToken", "*", {})
    caller.call("ecr:BatchCheckLayerAvailability", repository, {**place, "layerDigests": [NO_DIGEST]})
    begun = caller.call("ecr:InitiateLayerUpload", repository, place)
    upload = begun.text_or_none("uploadId") if begun is not None else None
    if upload is not None:
        part = {"uploadId": upload, "partFirstByte": 0, "partLastByte": len(_BLOB) - 1, "layerPartBlob": _BLOB}
        caller.call("ecr:UploadLayerPart", repository, {**place, **part})
        caller.call(
            "ecr:CompleteLayerUpload",
            repository,
            {**place, "uploadId": upload, "layerDigests": [NO_DIGEST]},
            expected=("InvalidLayerException",),
        )
    manifest, media_type = _manifest(caller, place, repository, digest)
    if manifest is not None:
        tagged = {} if tag is None else {"imageTag": tag}
        caller.call(
            "ecr:PutImage",
            repository,
            {**place, "imageManifest": manifest, "imageManifestMediaType": media_type, **tagged},
            expected=("ImageAlreadyExistsException",),
        )
        blob = _blob(caller, place, repository, manifest)
        if blob is not None:
            caller.call("ecr:GetDownloadUrlForLayer", repository, {**place, "layerDigest": blob})
    return tuple(calls)


def _blob(caller: _Caller, place: Mapping[str, Any], repository: str, manifest: str) -> str | None:
    """A blob of the image, or of the first one of an index, as a pull would ask for it."""
    digests = _digests(manifest, "layers", "config")
    if digests:
        return digests[0]
    for child in _digests(manifest, "manifests")[:1]:
        found, _ = _manifest(caller, place, repository, child)
        return next(iter(_digests(found or "", "layers", "config")), None)
    return None


def _manifest(caller: _Caller, place: Mapping[str, Any], repository: str, digest: str) -> tuple[str | None, str]:
    answer = caller.call(
        "ecr:BatchGetImage",
        repository,
        {
            **place,
            "imageIds": [{"imageDigest": digest}],
            "acceptedMediaTypes": [*INDEX_TYPES, *MANIFEST_TYPES],
        },
    )
    image = next(iter(answer.parts("images")), None) if answer is not None else None
    if image is None:
        return None, ""
    return image.text("imageManifest"), image.text_or_none("imageManifestMediaType") or MANIFEST_TYPES[0]


def _digests(manifest: str, *keys: str) -> tuple[str, ...]:
    """The digests that a manifest names under these keys."""
    try:
        document = json.loads(manifest)
    except (ValueError, RecursionError):
        return ()
    listed = [document.get(key) for key in keys] if isinstance(document, dict) else []
    parts = [part for one in listed for part in (one if isinstance(one, list) else [one])]
    return tuple(part["digest"] for part in parts if isinstance(part, dict) and isinstance(part.get("digest"), str))


def forbidden(
    client: Callable[[str, str | None], Any], *, account: str, repository: str, other_region: str
) -> tuple[Call, ...]:
    """What a publishing role has no business with; a success of any of these calls changes nothing."""
    calls: list[Call] = []
    caller = _Caller(client, calls)
    place: Mapping[str, Any] = {"registryId": account, "repositoryName": repository}
    other = {"registryId": account, "repositoryName": f"{repository}-substrate-other"}
    caller.call("ecr:BatchDeleteImage", repository, {**place, "imageIds": [{"imageDigest": NO_DIGEST}]})
    caller.call("ecr:InitiateLayerUpload", other["repositoryName"], other)
    caller.call("ecr:InitiateLayerUpload", f"{repository} in {other_region}", place, region=other_region)
    caller.call("iam:ListUsers", "*", {"MaxItems": 1})
    return tuple(calls)
