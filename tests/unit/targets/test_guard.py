"""The target guard: every way to bend a run against AWS is refused by name, and what is declared is not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_substrate.adapters.aws.surroundings import observe_surroundings
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.targets.guard import Expected, Surroundings, Who, judge_identity, judge_surroundings
from pytest_substrate.targets.port import Refusal

ROLE = "arn:aws:iam::111122223333:role/team/substrate-observer"
EXPECTED = Expected(environment="dev", account="111122223333", region="eu-west-2")
OBSERVED = Expected(environment="dev", account="111122223333", region="eu-west-2", observer=ROLE)
HOSTS = ("sts.eu-west-2.amazonaws.com", "ecs.eu-west-2.amazonaws.com")
CALLER = Who(arn="arn:aws:sts::111122223333:assumed-role/ci/run", account="111122223333")
SESSION = Who(arn="arn:aws:sts::111122223333:assumed-role/substrate-observer/substrate-1", account="111122223333")


def refusals(home: Path, environ: Mapping[str, str], expected: Expected = EXPECTED) -> tuple[Refusal, ...]:
    """What the guard says of an environment and a home."""
    return judge_surroundings(observe_surroundings(environ, home), expected, HOSTS)


def causes(home: Path, environ: Mapping[str, str], expected: Expected = EXPECTED) -> list[str]:
    """Their slugs."""
    return [refusal.cause for refusal in refusals(home, environ, expected)]


def config(home: Path, text: str, name: str = "config") -> None:
    """Write a file of profiles."""
    (home / ".aws").mkdir(exist_ok=True)
    (home / ".aws" / name).write_text(text, encoding="utf-8")


def test_plain_surroundings_are_let_in(tmp_path: Path) -> None:
    """Credentials, a profile and the declared region bend nothing."""
    config(tmp_path, "[profile ci]\nregion = eu-west-2\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\n")
    environ = {"AWS_PROFILE": "ci", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_REGION": "eu-west-2", "AWS_ENDPOINT_URL": ""}
    assert [] == causes(tmp_path, environ)


@pytest.mark.parametrize(
    ("variable", "value", "cause"),
    [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566", "endpoint-override"),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:4566", "endpoint-override"),
        ("AWS_DATA_PATH", "models", "foreign-models"),
        ("HTTPS_PROXY", "http://proxy:3128", "undeclared-proxy"),
        ("https_proxy", "http://proxy:3128", "undeclared-proxy"),
        ("HTTP_PROXY", "http://proxy:3128", "undeclared-proxy"),
        ("ALL_PROXY", "socks5://proxy:1080", "undeclared-proxy"),
        ("AWS_CA_BUNDLE", "/evil.pem", "undeclared-ca-bundle"),
        ("REQUESTS_CA_BUNDLE", "/evil.pem", "undeclared-ca-bundle"),
        ("AWS_REGION", "us-east-1", "region-differs"),
        ("AWS_DEFAULT_REGION", "us-east-1", "region-differs"),
        ("SUBSTRATE_ENVIRONMENT", "prod", "environment-differs"),
        ("AWS_PROFILE", "nowhere", "profile-broken"),
    ],
)
def test_a_variable_that_bends_is_refused_by_name(tmp_path: Path, variable: str, value: str, cause: str) -> None:
    """Each is one refusal that names the variable and how to mend it."""
    [refusal] = refusals(tmp_path, {variable: value})
    assert cause == refusal.cause
    assert (variable if cause != "profile-broken" else value) in refusal.message
    assert refusal.mend


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("[default]\nendpoint_url = http://127.0.0.1:4566\n", "endpoint-override"),
        (
            "[default]\nservices = local\n[services local]\nsts =\n  endpoint_url = http://127.0.0.1\n",
            "endpoint-override",
        ),
        ("[default]\nca_bundle = /evil.pem\n", "undeclared-ca-bundle"),
        ("[default]\nregion = us-east-1\n", "region-differs"),
        ("[default]\nsource_profile = b\n[profile b]\nendpoint_url = http://127.0.0.1\n", "endpoint-override"),
        ("not a file of profiles", "profile-broken"),
    ],
)
def test_a_profile_that_bends_is_refused_by_its_place(tmp_path: Path, text: str, cause: str) -> None:
    """The profile in use and those that it builds on, each with its file."""
    config(tmp_path, text)
    [refusal] = refusals(tmp_path, {})
    assert cause == refusal.cause
    assert str(tmp_path) in refusal.message


def test_another_profile_than_the_one_in_use_is_nobodys_matter(tmp_path: Path) -> None:
    """Only what botocore would read counts; quoted profile names are read as botocore reads them."""
    config(tmp_path, '[default]\nendpoint_url = http://x\n[profile "my ci"]\nregion = eu-west-2\n')
    assert [] == causes(tmp_path, {"AWS_PROFILE": "my ci"})


def test_a_profile_may_bend_from_the_credentials_file_too(tmp_path: Path) -> None:
    """Botocore merges both files, so both are looked at."""
    config(tmp_path, "[default]\naws_access_key_id = AKIA\nca_bundle = /evil.pem\n", name="credentials")
    assert ["undeclared-ca-bundle"] == causes(tmp_path, {})


def test_models_in_the_home_are_refused(tmp_path: Path) -> None:
    """A forged rule set in the user's models folder could redirect any service."""
    folder = tmp_path / ".aws" / "models" / "sts" / "2011-06-15"
    folder.mkdir(parents=True)
    assert [] == causes(tmp_path, {})
    (folder / "endpoint-rule-set-1.json").write_text("{}", encoding="utf-8")
    assert ["foreign-models"] == causes(tmp_path, {})


def test_a_declared_proxy_and_bundle_are_let_in(tmp_path: Path) -> None:
    """The same proxy however it is written; its password shows in no refusal of another."""
    declared = Expected(
        environment="dev", account="1", region="eu-west-2", proxy="http://proxy:3128", ca_bundle="/corporate.pem"
    )
    environ = {"HTTPS_PROXY": "http://user:hunter2@PROXY:3128/", "AWS_CA_BUNDLE": "/corporate.pem"}
    assert [] == causes(tmp_path, environ, declared)
    [refusal] = refusals(tmp_path, {"HTTPS_PROXY": "http://user:hunter2@other:3128/"}, declared)
    assert "hunter2" not in refusal.message
    assert "http://other:3128" in refusal.message


@pytest.mark.parametrize("exempt", ["amazonaws.com", ".amazonaws.com", "*", "x, .eu-west-2.amazonaws.com"])
def test_a_proxy_that_is_not_used_for_aws_is_let_in(tmp_path: Path, exempt: str) -> None:
    """NO_PROXY is considered, for every host that will be asked."""
    assert [] == causes(tmp_path, {"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": exempt})


@pytest.mark.parametrize("exempt", ["", "sts.eu-west-2.amazonaws.com", "aws.com", "127.0.0.1"])
def test_a_proxy_that_is_used_for_one_host_of_aws_is_refused(tmp_path: Path, exempt: str) -> None:
    """An exemption of some hosts, or of a name that only looks alike, exempts nothing."""
    assert ["undeclared-proxy"] == causes(tmp_path, {"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": exempt})


@given(
    st.dictionaries(
        st.sampled_from(["AWS_ENDPOINT_URL_ECS", "AWS_DATA_PATH", "ALL_PROXY", "AWS_CA_BUNDLE"]), st.just("x")
    )
)
def test_no_bending_variable_hides_another(environ: dict[str, str]) -> None:
    """Whatever the combination, each has a refusal of its own."""
    assert len(environ) == len(causes(Path("no-home"), environ))


def test_the_declared_account_is_let_in() -> None:
    """The caller, or the observer that it became."""
    assert () == judge_identity(CALLER, None, EXPECTED)
    assert () == judge_identity(CALLER, SESSION, OBSERVED)


DENIED = Unobserved(reason="access-denied", code="AccessDenied", operation="sts:AssumeRole")
ELSEWHERE = Who(arn="arn:aws:sts::999999999999:assumed-role/substrate-observer/x", account="999999999999")


@pytest.mark.parametrize(
    ("caller", "observer", "expected", "cause"),
    [
        (None, None, EXPECTED, "no-credentials"),
        (DENIED, None, EXPECTED, "identity-unknown"),
        (ELSEWHERE, None, EXPECTED, "account-differs"),
        (CALLER, ELSEWHERE, OBSERVED, "account-differs"),
        (CALLER, DENIED, OBSERVED, "observer-not-assumed"),
        (CALLER, None, OBSERVED, "observer-not-assumed"),
        (CALLER, CALLER, OBSERVED, "observer-differs"),
    ],
)
def test_whoever_is_not_the_declared_one_is_refused(
    caller: Who | Unobserved | None, observer: Who | Unobserved | None, expected: Expected, cause: str
) -> None:
    """No credentials, no answer, another account, a role that was not assumed: never the caller in its stead."""
    assert [cause] == [refusal.cause for refusal in judge_identity(caller, observer, expected)]


def test_surroundings_hold_no_secret() -> None:
    """What is observed of a proxy is its address alone."""
    found = observe_surroundings({"HTTPS_PROXY": "http://user:hunter2@proxy:1"}, Path("no-home"))
    assert "hunter2" not in repr(found)
    assert Surroundings() != found
