"""IAM, completed: another version of a managed policy can be made the default, which ministack's table leaves out."""

from __future__ import annotations

from typing import Any

from ministack.services import iam


def install() -> None:
    """Add the call."""
    iam._IAM_HANDLERS["SetDefaultPolicyVersion"] = _set_default


def _set_default(asked: Any) -> Any:
    arn, version = iam._p(asked, "PolicyArn"), iam._p(asked, "VersionId")
    policy = iam._policies.get(arn)
    if policy is None or version not in policy["Versions"]:
        return iam._error(404, "NoSuchEntity", f"Policy {arn} version {version} does not exist.", ns="iam")
    for one in policy["Versions"].values():
        one["IsDefaultVersion"] = one["VersionId"] == version
    policy["DefaultVersionId"] = version
    return iam._xml(200, "SetDefaultPolicyVersionResponse", "", ns="iam")
