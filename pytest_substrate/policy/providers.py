"""OIDC and OAuth providers: what STS makes condition keys of, and how their subjects are built. Data, no decisions.

Sources: "Available keys for AWS OIDC federation" (IAM User Guide) for the keys; each provider's own description of its
token for the subjects. A claim that AWS doesn't list for a provider is no condition key, whatever the token says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

SCHEME: Final = "https://"
GITHUB: Final = "token.actions.githubusercontent.com"

_ARN: Final = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):oidc-provider/(?P<url>\S+)")
_SAML: Final = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:saml-provider/\S+")
_HOST: Final = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+(/\S*)?")

BUILT_IN: Final = ("accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com")
"""Providers that a trust policy names by their host: nobody registers them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a subject is put together: an owner, what it owns, and in which context that runs."""

    form: re.Pattern[str]
    """Groups `owner`, `thing` and `rest`; also fits a pattern that leaves the end out."""
    text: str
    """A format string of the three."""
    noun: str
    """What an owner has."""
    rest: str
    """An ordinary context."""
    others: tuple[str, ...]
    """Other contexts, `{0}` for a name that nobody chose."""
    kinds: tuple[str, ...]
    """What each of them is, as a slug."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A kind of provider."""

    name: str
    keys: Mapping[str, str]
    """Beside those of every provider: condition key (after the colon, in lower case) to claim."""
    shape: Shape | None = None
    subject: str = "sub"
    """The key that says who."""
    audience: str = "aud"
    """The key that says for whom the token was made."""
    is_certain: bool = True
    """Whether AWS says which keys it has; otherwise those in `keys` may be there or not."""
    strangers: frozenset[str] = frozenset()
    """Keys whose value a stranger's token can't have, beside the subject."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Keys that name a part of the subject: `owner`, `thing`, or `both` as `owner/thing`."""
    things: frozenset[str] = frozenset()
    """Those that name what the owner has: a repository, a project, a pipeline."""


COMMON: Final = {"sub": "sub", "amr": "amr", "email": "email"}
"""Keys of every OIDC provider, beside `aud` and `oaud`."""


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


_GITHUB_KEYS: Final = _same(
    *("actor", "actor_id", "enterprise_id", "environment", "job_workflow_ref", "ref"),
    *("repository", "repository_id", "repository_owner_id", "workflow"),
)
_GITHUB_SHAPE: Final = Shape(
    form=re.compile(r"repo:(?P<owner>[^/:]*)(?:/(?P<thing>[^/:]*))?(?::(?P<rest>.*))?", re.DOTALL),
    text="repo:{owner}/{thing}:{rest}",
    noun="repository",
    rest="ref:refs/heads/main",
    others=("pull_request", "ref:refs/heads/{0}", "ref:refs/tags/{0}", "environment:{0}"),
    kinds=("pull_request", "other-branch", "tag", "environment"),
)
_GITHUB_STRANGERS: Final = frozenset(("enterprise_id", "repository", "repository_id", "repository_owner_id"))

_GITHUB: Final = Provider(
    name="GitHub",
    keys=_GITHUB_KEYS,
    shape=_GITHUB_SHAPE,
    strangers=_GITHUB_STRANGERS,
    names={"repository": "both"},
    things=frozenset(("repository", "repository_id")),
)
_GITHUB_OTHER: Final = replace(_GITHUB, name="GitHub Enterprise", is_certain=False)
_GITLAB_SHAPE: Final = Shape(
    form=re.compile(r"project_path:(?P<owner>[^:]*?)(?:/(?P<thing>[^:/]*))?(?::(?P<rest>.*))?", re.DOTALL),
    text="project_path:{owner}/{thing}:{rest}",
    noun="project",
    rest="ref_type:branch:ref:main",
    others=("ref_type:branch:ref:{0}", "ref_type:tag:ref:{0}"),
    kinds=("other-branch", "tag"),
)
_GITLAB_KEYS: Final = _same(
    *("namespace_id", "pipeline_source", "project_id", "ref_protected", "runner_environment"),
    *("user_access_level", "user_email", "user_id", "user_login"),
)
_GITLAB: Final = Provider(
    name="GitLab",
    keys=_GITLAB_KEYS,
    shape=_GITLAB_SHAPE,
    strangers=frozenset(("namespace_id", "project_id")),
    things=frozenset(("project_id",)),
)
_BUILDKITE_KEYS: Final = _same(
    *("build_branch", "cluster_id", "cluster_name", "organization_id", "organization_slug"),
    *("pipeline_id", "pipeline_slug"),
)
_BUILDKITE: Final = Provider(
    name="Buildkite",
    keys=_BUILDKITE_KEYS,
    shape=Shape(
        form=re.compile(r"organization:(?P<owner>[^:]*)(?::pipeline:(?P<thing>[^:]*))?(?::(?P<rest>.*))?", re.DOTALL),
        text="organization:{owner}:pipeline:{thing}:{rest}",
        noun="pipeline",
        rest="ref:refs/heads/main:commit:0123456789abcdef0123456789abcdef01234567:step:release",
        others=(
            "ref:refs/heads/{0}:commit:0123456789abcdef0123456789abcdef01234567:step:{0}",
            "ref:refs/tags/{0}:commit:0123456789abcdef0123456789abcdef01234567:step:{0}",
        ),
        kinds=("other-branch", "tag"),
    ),
    strangers=frozenset(_BUILDKITE_KEYS) - {"build_branch"},
    names={"organization_slug": "owner", "pipeline_slug": "thing"},
    things=frozenset(("pipeline_id", "pipeline_slug")),
)
_CIRCLECI: Final = Provider(
    name="CircleCI",
    keys={
        "oidc.circleci.com/project-id": "oidc.circleci.com/project-id",
        "project-id": "oidc.circleci.com/project-id",
    },
    shape=Shape(
        form=re.compile(r"org/(?P<owner>[^/]*)(?:/project/(?P<thing>[^/]*))?(?:/(?P<rest>.*))?", re.DOTALL),
        text="org/{owner}/project/{thing}/{rest}",
        noun="project",
        rest="user/00000000-0000-4000-8000-0000000000aa",
        others=("user/{0}", "user/{0}/vcs-origin/{0}/vcs-ref/refs/heads/{0}"),
        kinds=("other-user", "other-branch"),
    ),
    strangers=frozenset(("oidc.circleci.com/project-id", "project-id")),
    names={"oidc.circleci.com/project-id": "thing", "project-id": "thing"},
    things=frozenset(("oidc.circleci.com/project-id", "project-id")),
)
_TERRAFORM: Final = Provider(
    name="HCP Terraform",
    keys={},
    shape=Shape(
        form=re.compile(
            r"organization:(?P<owner>[^:]*)(?::(?P<thing>project:[^:]*(?::workspace:[^:]*)?))?(?::(?P<rest>.*))?",
            re.DOTALL,
        ),
        text="organization:{owner}:{thing}:{rest}",
        noun="workspace",
        rest="run_phase:apply",
        others=("run_phase:{0}", "run_phase:plan"),
        kinds=("other-phase", "plan-phase"),
    ),
)
_KUBERNETES: Final = Provider(
    name="Kubernetes",
    keys={},
    shape=Shape(
        form=re.compile(r"system:serviceaccount:(?P<owner>[^:]*)(?::(?P<thing>[^:]*))?(?P<rest>)", re.DOTALL),
        text="system:serviceaccount:{owner}:{thing}",
        noun="service account",
        rest="",
        others=(),
        kinds=(),
    ),
)
_GOOGLE: Final = Provider(
    name="Google",
    keys={"google/organization_number": "google/organization_number"},
    strangers=frozenset(("email", "google/organization_number")),
)
_FACEBOOK: Final = Provider(name="Facebook", keys=_same("app_id", "id"), subject="id", audience="app_id")
_AMAZON: Final = Provider(
    name="Login with Amazon", keys=_same("app_id", "user_id"), subject="user_id", audience="app_id"
)
_ORACLE: Final = Provider(name="Oracle Cloud", keys=_same("rpst_id"), strangers=frozenset(("rpst_id",)))
_GENERIC: Final = Provider(name="an OIDC provider", keys={}, strangers=frozenset(("email",)))

_BY_URL: Final = {
    GITHUB: _GITHUB,
    "gitlab.com": _GITLAB,
    "agent.buildkite.com": _BUILDKITE,
    "app.terraform.io": _TERRAFORM,
    "app.eu.terraform.io": _TERRAFORM,
    "accounts.google.com": _GOOGLE,
    "graph.facebook.com": _FACEBOOK,
    "www.amazon.com": _AMAZON,
}


_BY_FORM: Final = (
    (re.compile(rf"{re.escape(GITHUB)}/.+|token\.actions\.[^./]+\.ghe\.com(/.+)?|.+/_services/token"), _GITHUB_OTHER),
    (re.compile(r"oidc\.circleci\.com/org/.+"), _CIRCLECI),
    (re.compile(r"[^/]+\.identity\.oraclecloud\.com(/.*)?"), _ORACLE),
    (re.compile(r"oidc[.-]eks\..+"), _KUBERNETES),
    (re.compile(r"gitlab\..+"), replace(_GITLAB, name="GitLab, self-managed", is_certain=False)),
)


def provider_of(url: str) -> Provider:
    """The kind of provider that a URL (without scheme) is of."""
    name = url.lower()
    if found := _BY_URL.get(name):
        return found
    return next((provider for form, provider in _BY_FORM if form.fullmatch(name)), _GENERIC)


_BEGINNINGS: Final = (
    ("repo:", _GITHUB_SHAPE),
    ("project_path:", _GITLAB_SHAPE),
    ("system:serviceaccount:", _KUBERNETES.shape),
    ("organization:", _TERRAFORM.shape),
)
"""How subjects of self-managed GitHub, GitLab, Kubernetes and Terraform begin, whatever their host is called."""


def shaped_as(provider: Provider, subjects: Iterable[str]) -> Provider:
    """The provider; one of whom nothing is known by its URL with the shape that the subjects in a policy have."""
    if provider is not _GENERIC:
        return provider
    shapes = (shape for begin, shape in _BEGINNINGS if any(one.startswith(begin) for one in subjects))
    return replace(provider, shape=next(shapes, None))


def url_of(arn: str) -> str | None:
    """The URL (without scheme) that an OIDC provider's ARN ends in, or a built-in provider's host; else None."""
    if arn in BUILT_IN:
        return arn
    found = _ARN.fullmatch(arn)
    return found["url"] if found else None


def is_federated(text: str) -> bool:
    """Whether IAM stores it as a federated principal: a provider's ARN, or a domain name."""
    return any(form.fullmatch(text) for form in (_ARN, _SAML, _HOST)) and not set("*?") & set(text)
