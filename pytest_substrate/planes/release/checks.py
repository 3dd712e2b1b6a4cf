"""The release plane (A): CI becomes the role that publishes, may do that and no more, and leaves what it recorded."""

from __future__ import annotations

from typing import Final

from pytest_substrate.model import subjects
from pytest_substrate.model.check import Cause, Check
from pytest_substrate.model.outcome import Layer, Plane
from pytest_substrate.model.unseen import UNSEEN_CAUSES

_ROLE_POLICIES: Final = (
    "iam:GetRole",
    "iam:ListRolePolicies",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:GetPolicy",
    "iam:GetPolicyVersion",
)

_CONTROLS: Final = (
    "organizations:DescribeOrganization",
    "organizations:ListParents",
    "organizations:ListPoliciesForTarget",
    "organizations:DescribePolicy",
)
"""AWS answers these in the management account and where it delegated them; a refusal is a fact and no red."""

_UNREADABLE: Final = Cause(slug="policy-unreadable", meaning="IAM holds a policy that can't be read")
_NO_SESSION: Final = Cause(slug="no-session", meaning="STS gave no session to try it with")
_NO_ARTIFACT: Final = Cause(slug="no-artifact", meaning="the declaration has no artifact to try it with")
_RECORD_CAUSES: Final = (
    Cause(slug="record-missing", meaning="the release record isn't where it is declared"),
    Cause(slug="record-malformed", meaning="the record is no JSON, or lacks commit, build, digest or platform"),
    Cause(slug="record-differs", meaning="the record is for another repository than the declared one"),
    Cause(slug="digest-missing", meaning="the recorded digest isn't in the registry"),
    Cause(slug="digest-archived", meaning="the recorded digest is archived, and can't be pulled"),
    Cause(slug="unreadable", meaning="the file of the record can't be read"),
)

CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="REL-010",
        plane=Plane.RELEASE,
        statement="the CI subject is the declared principal: no static keys, no endpoint override, no profile fallback",
        layer=Layer.IDENTITY,
        subjects=subjects.ci_roles,
        why="A release that worked with somebody's keys proves nothing about the role that CI will use.",
        how="The session of the CI subject is built from its token alone; environment, profiles and endpoint variables "
        "are searched for what would take its place, before any call.",
        red_when="static keys, a profile, an endpoint or a container's credentials would answer instead of the token.",
        causes=(
            Cause(slug="static-keys", meaning="long-lived keys lie in the environment or in a profile"),
            Cause(slug="endpoint-override", meaning="a variable or a profile sends AWS calls elsewhere"),
            Cause(slug="profile-fallback", meaning="a profile or a role of the machine would answer for the token"),
            Cause(slug="token-missing", meaning="the declared place holds no token"),
            Cause(
                slug="token-not-the-jobs",
                meaning="what lies in the declared place is no token of the declared issuer, by issuer or signature",
            ),
            Cause(slug="unreadable", meaning="the file of the token can't be read"),
            *UNSEEN_CAUSES,
        ),
        next="env | cut -d= -f1 | grep '^AWS_'",
    ),
    Check(
        id="REL-020",
        plane=Plane.RELEASE,
        statement="the OIDC provider is registered for the issuer and audience",
        layer=Layer.IDENTITY,
        subjects=subjects.ci_roles,
        why="Without the provider STS knows no issuer, and refuses every token with the same words as a wrong one.",
        how="GetOpenIDConnectProvider for the declared issuer in the declared account: its URL and its list of "
        "client ids.",
        red_when="no provider has the issuer's URL, or the audience isn't in its list.",
        permissions=("iam:ListOpenIDConnectProviders", "iam:GetOpenIDConnectProvider"),
        causes=(
            Cause(slug="provider-missing", meaning="the account has no OIDC provider for the declared issuer"),
            Cause(slug="audience-missing", meaning="the provider doesn't list the declared audience"),
            *UNSEEN_CAUSES,
        ),
        next="aws iam list-open-id-connect-providers",
    ),
    Check(
        id="REL-030",
        plane=Plane.RELEASE,
        statement="the trust policy admits each declared subject, and refuses the forbidden ones and the attack corpus",
        layer=Layer.IDENTITY,
        subjects=subjects.ci_roles,
        why="A trust policy that is too narrow blocks the release; one that is too wide lets any fork publish.",
        how="The role's trust policy is evaluated for every admitted and refused subject, and for a corpus of "
        "attacks made from them: fork, pull request, other branch, repository and owner, environment, wrong "
        "audience, another issuer, a reusable workflow, missing claims. What a subject doesn't tell of its token (ids, "
        "the actor) is tried in all ways that the policy tells apart.",
        red_when="a declared subject is refused, a forbidden or attacking one is admitted, or the policy can't be "
        "decided.",
        permissions=("iam:GetRole",),
        causes=(
            Cause(slug="subject-refused", meaning="a subject that must be admitted is not"),
            Cause(slug="subject-admitted", meaning="a subject that must be refused is admitted"),
            Cause(slug="attack-admitted", meaning="a token of the attack corpus is admitted"),
            Cause(slug="role-missing", meaning="the role doesn't exist"),
            Cause(slug="trust-undecided", meaning="the policy holds something whose effect can't be told"),
            _UNREADABLE,
            *UNSEEN_CAUSES,
        ),
        next="aws iam get-role --role-name {role} --query Role.AssumeRolePolicyDocument",
    ),
    Check(
        id="REL-040",
        plane=Plane.RELEASE,
        statement="STS accepts the real token and gives the declared role",
        layer=Layer.IDENTITY,
        subjects=subjects.ci_roles,
        why="Only STS knows what STS accepts. This is the call that failed on the day of the incident.",
        how="AssumeRoleWithWebIdentity with the token from the declared place; provider, subject and audience are "
        "recorded as STS returns them, and GetCallerIdentity says who the session is.",
        red_when="STS refuses the token, or the session is another role's.",
        needs=("REL-010",),
        causes=(
            Cause(slug="token-refused", meaning="STS refuses the token for this role"),
            Cause(slug="token-expired", meaning="the token had expired when it was sent"),
            Cause(slug="other-role", meaning="the session that STS gave is another role's"),
            Cause(slug="token-missing", meaning="the declared place holds no token any more"),
            Cause(slug="unreadable", meaning="the file of the token can't be read"),
            *UNSEEN_CAUSES,
        ),
        next="aws iam get-role --role-name {role} --query Role.AssumeRolePolicyDocument",
    ),
    Check(
        id="REL-050",
        plane=Plane.RELEASE,
        statement="STS refuses the same issuer's token for another audience",
        layer=Layer.IDENTITY,
        subjects=subjects.ci_roles,
        why="A token that was made for somebody else's service must not open this account.",
        how="A second token of the same issuer, for another audience, is sent in the same call; only a refusal that "
        "speaks of the audience or of the trust is a proof.",
        red_when="STS gives a session. An expired token or an error of the issuer decides nothing.",
        needs=("REL-040",),
        causes=(
            Cause(slug="audience-admitted", meaning="STS gave a session for a token of another audience"),
            Cause(slug="no-second-token", meaning="no token for another audience could be had"),
            Cause(slug="refused-otherwise", meaning="the refusal had another reason than the audience"),
        ),
        next="aws iam get-role --role-name {role} --query Role.AssumeRolePolicyDocument",
    ),
    Check(
        id="REL-060",
        plane=Plane.RELEASE,
        statement="the role is no administrator: no wildcard action or resource beyond the declared, boundary kept",
        layer=Layer.POLICY,
        subjects=subjects.ci_roles,
        why="A publishing role that may do everything turns one leaked token into the whole account.",
        how="Every inline and attached policy of the role, its boundary and, where AWS tells them to the observer, the "
        "service control policies above the account are read and evaluated; the fact `service_controls` says whether "
        "those were read.",
        red_when="the role may do nearly everything or may give itself everything, a statement allows all actions of a "
        "service, or more than to list or describe on more than named resources, or the declared boundary isn't the "
        "role's.",
        permissions=(*_ROLE_POLICIES, *_CONTROLS),
        causes=(
            Cause(slug="wildcard-action", meaning="a statement allows every action, or every action of a service"),
            Cause(
                slug="wildcard-resource",
                meaning="a statement allows changes, or reads of what may be secret, on more than named resources",
            ),
            Cause(slug="boundary-missing", meaning="a boundary is declared, and the role has none"),
            Cause(slug="boundary-differs", meaning="the role has another boundary than the declared one"),
            Cause(slug="administrator", meaning="the role may give itself everything, by a documented way"),
            Cause(slug="undecided", meaning="whether it is an administrator depends on what can't be told"),
            Cause(slug="role-missing", meaning="the role doesn't exist"),
            _UNREADABLE,
            *UNSEEN_CAUSES,
        ),
        next="aws iam list-attached-role-policies --role-name {role}",
    ),
    Check(
        id="REL-070",
        plane=Plane.RELEASE,
        statement="the session can read and write the registry, each needed action really called, leaving nothing",
        layer=Layer.AUTHORIZATION,
        subjects=subjects.ci_roles,
        why="Least-privilege registry permissions fail one action at a time, in the middle of a push.",
        how="With the CI session: authorization token, layer check, upload begun and completed with a wrong digest, "
        "the manifest and tag that are already there put again. Nothing of it stays.",
        red_when="one of the calls is denied.",
        needs=("REL-040",),
        causes=(
            Cause(slug="action-denied", meaning="the session may not make a call that a push or a pull needs"),
            Cause(slug="repository-missing", meaning="the repository doesn't exist in this account and region"),
            Cause(slug="left-behind", meaning="the repository holds something afterwards that it did not hold before"),
            Cause(slug="registry-not-reached", meaning="the registry did not answer"),
            Cause(slug="answered-otherwise", meaning="a call came back with an answer that proves nothing"),
            _NO_SESSION,
            *_RECORD_CAUSES,
            _NO_ARTIFACT,
            *UNSEEN_CAUSES,
        ),
        next="aws iam list-role-policies --role-name {role}",
    ),
    Check(
        id="REL-080",
        plane=Plane.RELEASE,
        statement="the session is refused what it must not do",
        layer=Layer.POLICY,
        subjects=subjects.ci_roles,
        why="What a role may not do is known only from a refusal.",
        how="With the CI session: calls whose success would change nothing, on what a publishing role has no "
        "business with (delete, another repository, another region, IAM). What could do harm if it succeeded is asked "
        "of the policies of role and repository instead (repository policy and mutability, its own permissions and "
        "trust), within boundary and service control policies.",
        red_when="one of the calls is let through, or the policies allow one that isn't made.",
        needs=("REL-040",),
        permissions=(*_ROLE_POLICIES, *_CONTROLS, "ecr:GetRepositoryPolicy"),
        causes=(
            Cause(slug="action-allowed", meaning="a call succeeded that must be refused"),
            Cause(slug="refused-otherwise", meaning="a call failed, but not for want of a permission"),
            Cause(slug="undecided", meaning="whether the policies allow what isn't called can't be told"),
            Cause(slug="role-missing", meaning="the role doesn't exist"),
            _UNREADABLE,
            _NO_SESSION,
            _NO_ARTIFACT,
            *UNSEEN_CAUSES,
        ),
        next="aws iam list-attached-role-policies --role-name {role}",
    ),
    Check(
        id="REL-090",
        plane=Plane.RELEASE,
        statement="released tags are immutable, exclusion filters counted",
        layer=Layer.ARTIFACT,
        subjects=subjects.artifacts,
        why="A tag that can move makes every statement about a release a statement about one moment.",
        how="DescribeRepositories: the mutability of tags and its exclusion filters, against the tags that are "
        "released.",
        red_when="tags are mutable, or a filter exempts a released tag.",
        permissions=("ecr:DescribeRepositories", "ecr:DescribeImages", "ecr:BatchGetImage"),
        causes=(
            Cause(slug="tags-mutable", meaning="tags of the repository can be moved"),
            Cause(slug="tag-exempt", meaning="an exclusion filter exempts a released tag"),
            Cause(slug="no-tag", meaning="a filter exempts tags, and the released image has none to hold against it"),
            Cause(slug="not-asked", meaning="no release record names the image whose tags are exempted"),
            Cause(slug="repository-missing", meaning="the repository doesn't exist in this account and region"),
            *UNSEEN_CAUSES,
        ),
        next="aws ecr describe-repositories --repository-names {repository} --region {region}",
    ),
    Check(
        id="REL-100",
        plane=Plane.RELEASE,
        statement="the release record names commit, build and digest, and that digest is in the registry",
        layer=Layer.ARTIFACT,
        subjects=subjects.artifacts,
        why="What runs can be compared with what was released only if the release wrote down what it released.",
        how="The declared record is read; DescribeImages is asked for its digest.",
        red_when="the record is missing, malformed or names no commit, build or digest, or the registry lacks the "
        "digest.",
        permissions=("ecr:DescribeImages", "ecr:BatchGetImage"),
        causes=(
            *_RECORD_CAUSES,
            *UNSEEN_CAUSES,
        ),
        next="aws ecr describe-images --repository-name {repository} --region {region}",
    ),
    Check(
        id="REL-110",
        plane=Plane.RELEASE,
        statement="the image's labels and the provenance attestation agree with the release record",
        layer=Layer.ARTIFACT,
        subjects=subjects.artifacts,
        why="An image that says it was built from another commit is another image, whatever the record says.",
        how="Each image of the digest is read from the registry: the label org.opencontainers.image.revision, and its "
        "SLSA provenance, from the attestation manifests of an index (BuildKit) and from the referrers of digest and "
        "image (bare, in an envelope, or in a Sigstore bundle), and from a declared bundle's file. Digest, commit, "
        "build (where it is a URL), builder and workflow (where the record names them) are compared with the record. "
        "Where a key or a root is declared, the signature is verified, and what its certificate says is compared too; "
        "else the fact `signature` says that it isn't.",
        red_when="a label or an attestation names another commit, build or digest, one of them is missing, or a "
        "signature isn't what is declared.",
        needs=("REL-100",),
        permissions=("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:ListImageReferrers"),
        causes=(
            Cause(slug="label-missing", meaning="an image has no label that names its commit"),
            Cause(slug="label-differs", meaning="a label names another commit than the record, or another source"),
            Cause(slug="attestation-missing", meaning="an image has no provenance attestation"),
            Cause(slug="attestation-malformed", meaning="an attestation is no in-toto statement with SLSA provenance"),
            Cause(slug="attestation-incomplete", meaning="the provenance names no builder, or no source commit"),
            Cause(
                slug="attestation-differs",
                meaning="the provenance is of another digest, commit, build, builder or workflow",
            ),
            Cause(slug="signature-missing", meaning="a key or a root is declared, and the provenance came bare"),
            Cause(
                slug="signature-wrong",
                meaning="the signature isn't by the declared key, or by a certificate under the declared root",
            ),
            Cause(
                slug="signer-differs",
                meaning="the certificate is for another issuer, workflow, commit or build than declared and recorded",
            ),
            Cause(slug="signature-undecided", meaning="nothing says when the certificate signed"),
            Cause(slug="trust-unreadable", meaning="the declared key or root can't be read"),
            Cause(slug="image-corrupt", meaning="a manifest, configuration or attestation isn't what its digest says"),
            Cause(slug="digest-missing", meaning="the recorded digest isn't in the registry"),
            Cause(slug="not-asked", meaning="no release record names a digest"),
            *UNSEEN_CAUSES,
        ),
        next="aws ecr list-image-referrers --repository-name {repository} --subject-id imageDigest={image_digest} "
        "--region {region}",
    ),
)
"""The release plane's ladder: the CI role's rungs, then each artifact's."""
