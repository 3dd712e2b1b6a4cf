"""GitHub's customised subjects, hyphened names, and providers that are known by their subjects alone."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_substrate.policy.admitting import admits_some
from pytest_substrate.policy.attacks import attacks
from pytest_substrate.policy.claim_pairs import pairs_of
from pytest_substrate.policy.subjects import claims_of_subject
from pytest_substrate.policy.trust import Admission, Issuer
from pytest_substrate.policy.weaknesses import weaknesses
from tests.unit.policy.trusts import AUDIENCE, CLAIMS, GITHUB, arn, bound, like, policy, statement

OWNER, REPOSITORY, PULLS, ANYBODY = "owner-wide", "repository-wide", "pull-request-admitted", "subject-unbound"
WORKFLOW = "job_workflow_ref:octo-org/ci/.github/workflows/deploy.yml@refs/heads/main"


def codes(condition: Any, url: str = GITHUB) -> list[str]:
    """The weaknesses of a statement with this condition."""
    document = policy(statement(condition, url=url))
    return [one.code for one in weaknesses(document, issuer=Issuer(url=url, arn=arn(url)), claims=CLAIMS)]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (bound(sub="repository_owner:octo-org"), [OWNER, PULLS]),
        (like("repository_owner:octo-org:*"), [OWNER, PULLS]),
        (like("repository_owner:octo*"), [ANYBODY, OWNER, PULLS]),
        (like("repository_owner_id:123456:*"), [OWNER, PULLS]),
        (bound(sub="repository_owner:octo-org:ref:refs/heads/main"), [OWNER]),
        (bound(sub="repository_id:456789"), [REPOSITORY, PULLS]),
        (bound(sub="repository_id:456789:ref:refs/heads/main"), []),
        (bound(sub="repository_id:456789:environment:prod"), []),
        (like("repository_id:456789:environment:*"), [REPOSITORY]),
        (like("repository:octo-org/app:*"), [REPOSITORY, PULLS]),
        (like("repository:octo-org/*"), [OWNER, PULLS]),
        (bound(sub=WORKFLOW), [ANYBODY, PULLS]),
        (bound(sub=WORKFLOW, repository_owner_id="123456"), [OWNER, PULLS]),
        (bound(sub=WORKFLOW, repository_id="456789"), [REPOSITORY, PULLS]),
        (bound(sub=f"repo:octo-org/app:{WORKFLOW}"), [REPOSITORY, PULLS]),
        (bound(sub=f"repo:octo-org/app:ref:refs/heads/main:{WORKFLOW}"), []),
        (like(f"repo:octo-org/*:{WORKFLOW}"), [OWNER, PULLS]),
        (like("repo:octo-org/app:environment:prod:*"), []),
        (bound(sub="environment:prod"), [ANYBODY]),
        (bound(sub="actor:octocat"), [ANYBODY, PULLS]),
        (like("repo:octo-org/app:*:actor:octocat"), [REPOSITORY, PULLS]),
    ],
)
def test_a_customised_subject(condition: Any, expected: list[str]) -> None:
    """What it names keeps others out, and what it doesn't name does not."""
    assert expected == codes(condition)


@pytest.mark.parametrize(
    ("subject", "pairs"),
    [
        ("repo:o/r:ref:refs/heads/main", None),
        ("repo:o/r:environment:a:b", None),
        ("repo:o/r:pull_request", None),
        ("something else", None),
        ("*", None),
        (
            "repo:o/r:environment:prod:ref:refs/heads/x",
            (("repo", "o/r"), ("environment", "prod"), ("ref", "refs/heads/x")),
        ),
        ("repository_owner:o:*", (("repository_owner", "o:*"),)),
    ],
)
def test_which_subjects_are_customised(subject: str, pairs: Any) -> None:
    """The usual form is none."""
    assert pairs == pairs_of(subject)


LOOSE = {"other-ref", "similar-suffix", "letter-case"}


def admitted(condition: Any, subject: str) -> set[str]:
    """The kinds of attack on a declared subject that a policy admits; the subject itself must come in."""
    document = policy(statement(condition))
    own = claims_of_subject(subject, GITHUB, AUDIENCE)
    assert Admission.ADMITTED is admits_some(document, own, provider_arn=arn()).decision
    return {
        one.name.partition(" of ")[0]
        for one in attacks([subject], issuer=GITHUB, audience=AUDIENCE)
        if admits_some(document, one.claims, provider_arn=arn()).decision is not Admission.REFUSED
    }


@pytest.mark.parametrize(
    ("condition", "subject", "kinds"),
    [
        (bound(sub="repository_id:456789:ref:refs/heads/main"), "repository_id:456789:ref:refs/heads/main", set()),
        (like("repository_id:456789:*"), "repository_id:456789:ref:refs/heads/main", LOOSE),
        (bound(sub=WORKFLOW), WORKFLOW, {"same-claims"}),
        (bound(sub=WORKFLOW, repository_owner_id="123456"), WORKFLOW, set()),
        (
            like("repository_owner:octo*"),
            "repository_owner:octo-org",
            {"similar-owner"},
        ),
    ],
)
def test_attacks_on_a_customised_subject(condition: Any, subject: str, kinds: set[str]) -> None:
    """Another branch, a similar owner, and whoever chooses the same claims."""
    assert kinds == admitted(condition, subject)


HYPHENS = "repo:acme-2024/app-2025:ref:refs/heads/main"


@pytest.mark.parametrize(
    "keys", [{"repository": "acme-2024/app-2025"}, {"repository": "acme/app"}, {"repository_id": "2025"}]
)
def test_names_with_numbers_are_names_or_ids(keys: dict[str, str]) -> None:
    """The subject doesn't tell, so what would come in either way comes in."""
    document = policy(statement(bound(sub=HYPHENS, **keys)))
    own = claims_of_subject(HYPHENS, GITHUB, AUDIENCE)
    assert Admission.ADMITTED is admits_some(document, own, provider_arn=arn()).decision
    other = policy(statement(bound(sub=HYPHENS, repository="acme/other")))
    assert Admission.REFUSED is admits_some(other, own, provider_arn=arn()).decision


@pytest.mark.parametrize(
    ("url", "subject", "expected"),
    [
        ("git.acme.example", "project_path:acme/*", [OWNER]),
        ("git.acme.example", "project_path:acme/app:*", [REPOSITORY]),
        ("ci.acme.example/oidc", "repo:acme/*", [OWNER, PULLS]),
        ("keys.acme.example/cluster", "system:serviceaccount:*:deploy", [ANYBODY]),
        ("keys.acme.example/cluster", "system:serviceaccount:apps:*", [OWNER]),
        ("tfe.acme.example", "organization:acme:project:*", [OWNER]),
        ("app.eu.terraform.io", "organization:acme:*", [OWNER]),
        ("token.actions.acme.ghe.com", "repo:acme/app:*", [REPOSITORY, PULLS]),
        ("app.terraform.io", "organization:acme:project:p:workspace:*:run_phase:apply", [OWNER]),
        ("app.terraform.io", "organization:acme:project:*:workspace:w:run_phase:apply", [OWNER]),
        ("idp.acme.example", "service-account", []),
    ],
)
def test_providers_that_only_their_subjects_tell(url: str, subject: str, expected: list[str]) -> None:
    """A host of one's own has a name of one's own."""
    assert expected == codes(like(subject), url)


def test_keys_of_an_enterprise_are_undecided() -> None:
    """AWS lists none for GitHub's data residency."""
    url = "token.actions.acme.ghe.com"
    document = policy(statement(bound(repository="octo-org/app"), url=url))
    claims = {**json.loads(json.dumps(CLAIMS)), "iss": f"https://{url}"}
    assert Admission.UNDECIDED is admits_some(document, claims, provider_arn=arn(url)).decision


def test_another_project_with_a_workspace_of_the_same_name() -> None:
    """A thing of several parts is another one by each of them."""
    url, subject = "app.terraform.io", "organization:acme:project:p:workspace:w:run_phase:apply"
    loose = policy(statement(like("organization:acme:project:*:workspace:w:run_phase:apply"), url=url))
    names = {
        one.name.partition(" of ")[0]
        for one in attacks([subject], issuer=url, audience=AUDIENCE)
        if admits_some(loose, one.claims, provider_arn=arn(url)).decision is Admission.ADMITTED
    }
    assert {"other-workspace"} <= names
