"""The session for a token, and the calls that are made with it: each kept as what it came to."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import CredentialRetrievalError
from botocore.stub import ANY, Stubber

from pytest_substrate.adapters.aws import ci_session
from pytest_substrate.adapters.aws.ecr import read_referrers
from pytest_substrate.adapters.aws.session import Keys
from pytest_substrate.model.ci import Assumed, NotAssumed
from pytest_substrate.model.observation import Missing, Unobserved

Stubs = Callable[[str], tuple[Any, Stubber]]
ACCOUNT, REPOSITORY, ROLE = "111122223333", "acme/ingest", "arn:aws:iam::111122223333:role/publish"
PLACE = {"registryId": ACCOUNT, "repositoryName": REPOSITORY}
DIGEST, LAYER = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"
MANIFEST = json.dumps({"layers": [{"digest": LAYER}]})


def assume(client: Any) -> Any:
    """Ask STS with a token."""
    session: Any = SimpleNamespace(client=lambda _: client)
    return ci_session.assume(session, role_arn=ROLE, name="run", token="a.b.c")


def test_a_session(stub: Stubs) -> None:
    """Provider, subject and audience are kept as STS tells them; the keys go to the caller alone."""
    client, stubber = stub("sts")
    answer = {
        "Credentials": {
            "AccessKeyId": "ASIAEXAMPLEEXAMPLE",
            "SecretAccessKey": "secret-of-the-session",
            "SessionToken": "token-of-the-session",
            "Expiration": datetime(2026, 3, 1, tzinfo=UTC),
        },
        "AssumedRoleUser": {"Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/publish/run", "AssumedRoleId": "AROA:run"},
        "Provider": "arn:provider",
        "SubjectFromWebIdentityToken": "repo:acme/ingest",
        "Audience": "sts.amazonaws.com",
    }
    asked = {"RoleArn": ROLE, "RoleSessionName": "run", "WebIdentityToken": "a.b.c"}
    stubber.add_response("assume_role_with_web_identity", answer, asked)
    assumed, keys = assume(client)
    assert isinstance(assumed, Assumed)
    assert isinstance(keys, Keys)
    assert ("repo:acme/ingest", "sts.amazonaws.com") == (assumed.subject, assumed.audience)
    assert "secret-of-the-session" not in repr((assumed, keys))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDenied", NotAssumed),
        ("ExpiredTokenException", NotAssumed),
        ("InvalidIdentityToken", NotAssumed),
        ("Throttling", Unobserved),
    ],
)
def test_a_refusal(stub: Stubs, code: str, kind: type) -> None:
    """STS that refuses has judged; STS that is busy has not."""
    client, stubber = stub("sts")
    stubber.add_client_error("assume_role_with_web_identity", code, "its words", 400)
    assert isinstance(assume(client), kind)


def push(client: Any, tag: str | None = "1.0.0") -> dict[str, tuple[str, bool, bool]]:
    """Answer, denied and reached, by action."""
    calls = ci_session.push_and_pull(
        lambda _service, _region: client, account=ACCOUNT, repository=REPOSITORY, digest=DIGEST, tag=tag
    )
    return {call.action: (call.answer, call.denied, call.reached) for call in calls}


def test_a_push_that_leaves_nothing(stub: Stubs) -> None:
    """The upload ends with a digest that isn't its own, and what is put again is there already."""
    client, stubber = stub("ecr")
    stubber.add_response("get_authorization_token", {"authorizationData": []}, {})
    stubber.add_response("batch_check_layer_availability", {}, {**PLACE, "layerDigests": [ci_session.NO_DIGEST]})
    stubber.add_response("initiate_layer_upload", {"uploadId": "u"}, PLACE)
    part = {"uploadId": "u", "partFirstByte": 0, "partLastByte": 8, "layerPartBlob": b"substrate"}
    stubber.add_response("upload_layer_part", {}, {**PLACE, **part})
    stubber.add_client_error(
        "complete_layer_upload",
        "InvalidLayerException",
        expected_params={**PLACE, "uploadId": "u", "layerDigests": [ci_session.NO_DIGEST]},
    )
    image = {"imageManifest": MANIFEST, "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json"}
    stubber.add_response("batch_get_image", {"images": [image]}, {**PLACE, "imageIds": ANY, "acceptedMediaTypes": ANY})
    stubber.add_client_error(
        "put_image",
        "ImageAlreadyExistsException",
        expected_params={**PLACE, **image, "imageTag": "1.0.0"},
    )
    stubber.add_response("get_download_url_for_layer", {"downloadUrl": "https://x"}, {**PLACE, "layerDigest": LAYER})
    found = push(client)
    assert {("done", False, True)} == set(found.values())
    assert 8 == len(found)


def test_an_index_is_pulled_through_its_first_image(stub: Stubs) -> None:
    """A pull asks for a layer, and an index has none of its own."""
    client, stubber = stub("ecr")
    for name in ("get_authorization_token", "batch_check_layer_availability", "initiate_layer_upload"):
        stubber.add_client_error(name, "AccessDeniedException", "not authorized", 400)
    for document in ({"manifests": [{"digest": DIGEST}]}, {"layers": [], "config": {"digest": LAYER}}):
        stubber.add_response("batch_get_image", {"images": [{"imageManifest": json.dumps(document)}]})
        if "manifests" in document:
            stubber.add_client_error("put_image", "ImageAlreadyExistsException")
    stubber.add_response("get_download_url_for_layer", {"downloadUrl": "https://x"}, {**PLACE, "layerDigest": LAYER})
    assert ("done", False, True) == push(client)["ecr:GetDownloadUrlForLayer"]


def test_a_push_that_is_denied_goes_on(stub: Stubs) -> None:
    """What depends on a denied call isn't tried; all else is, so that the whole list of missing rights is told."""
    client, stubber = stub("ecr")
    for call in ("get_authorization_token", "batch_check_layer_availability", "initiate_layer_upload"):
        stubber.add_client_error(call, "AccessDeniedException", "not authorized", 400)
    stubber.add_client_error("batch_get_image", "AccessDeniedException", "not authorized", 400)
    found = push(client)
    assert {("AccessDeniedException", True, True)} == set(found.values())
    assert 4 == len(found)


def test_a_tag_that_moved_proves_nothing(stub: Stubs) -> None:
    """Another error than the expected one is kept as it is."""
    client, stubber = stub("ecr")
    stubber.add_response("get_authorization_token", {"authorizationData": []})
    stubber.add_response("batch_check_layer_availability", {})
    stubber.add_client_error("initiate_layer_upload", "ServerException", "busy", 500)
    image = {"imageManifest": "no JSON"}
    stubber.add_response("batch_get_image", {"images": [image]})
    stubber.add_client_error("put_image", "ImageTagAlreadyExistsException", "moved", 400)
    found = push(client)
    assert ("ImageTagAlreadyExistsException", False, True) == found["ecr:PutImage"]
    assert ("ServerException", False, True) == found["ecr:InitiateLayerUpload"]


def test_what_is_forbidden_is_tried_where_a_success_changes_nothing(stub: Stubs) -> None:
    """An image that isn't there, a repository that isn't there, another region, and a look at users."""
    ecr, registry = stub("ecr")
    iam, users = stub("iam")
    regions: list[str | None] = []
    denied = ("AccessDeniedException", "not authorized", 400)
    absent = {**PLACE, "imageIds": [{"imageDigest": ci_session.NO_DIGEST}]}
    registry.add_client_error("batch_delete_image", *denied, expected_params=absent)
    elsewhere = {**PLACE, "repositoryName": f"{REPOSITORY}-substrate-other"}
    registry.add_client_error("initiate_layer_upload", *denied, expected_params=elsewhere)
    registry.add_client_error("initiate_layer_upload", *denied, expected_params=PLACE)
    users.add_client_error("list_users", "AccessDenied", "not authorized", 403)

    def client(service: str, region: str | None) -> Any:
        regions.append(region)
        return {"ecr": ecr, "iam": iam}[service]

    calls = ci_session.forbidden(client, account=ACCOUNT, repository=REPOSITORY, other_region="us-east-1")
    assert [True] * 4 == [call.denied for call in calls]
    assert [None, None, "us-east-1", None] == regions


def test_referrers(stub: Stubs) -> None:
    """What may be an attestation; signatures of other kinds are left alone."""
    client, stubber = stub("ecr")
    kinds = ("application/vnd.in-toto+json", "application/vnd.dev.cosign.artifact.sig.v1+json", None)
    listed = [{"digest": f"d{at}", "mediaType": "m", "size": 1, "artifactType": kind} for at, kind in enumerate(kinds)]
    listed[2].pop("artifactType")
    stubber.add_response("list_image_referrers", {"referrers": listed}, {**PLACE, "subjectId": {"imageDigest": DIGEST}})
    assert ("d0", "d2") == read_referrers(client, ACCOUNT, REPOSITORY, DIGEST)


@pytest.mark.parametrize(
    "found",
    [
        NotAssumed(code="AccessDenied", message="Not authorized"),
        Missing(what="the variable TOKEN"),
        Unobserved(reason="timeout"),
    ],
)
def test_without_a_session_nothing_is_renewed(found: Any) -> None:
    """And whoever asked learns why."""
    with pytest.raises(CredentialRetrievalError, match=r"Not authorized|the variable TOKEN|timeout"):
        ci_session.renewed(found)
