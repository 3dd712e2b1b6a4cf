"""The CI job behind a target: where its tokens come from, and who hears of them before they go anywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.adapters.aws import ci_session
from pytest_substrate.adapters.aws.session import Keys
from pytest_substrate.model.ci import Assumed, CiToken, NotAssumed
from pytest_substrate.model.declaration.document import Release
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.targets import ci
from pytest_substrate.targets.ci import OTHER_AUDIENCE, CiJob, JobWay

TOKEN, OTHER = "token-of-the-job", "token-for-another-audience"
ASSUMED = Assumed(arn="arn:session", provider=None, subject=None, audience=None, expires=None)
KEYS = Keys(access_key_id="ASIA", secret_access_key="secret-of-the-session", session_token="token-of-the-session")


class Session:
    """An AWS session that only says whose it is."""

    def __init__(self, keys: Keys | None = None) -> None:
        self.keys = keys

    def as_keys(self, keys: Keys) -> Session:
        """Of these keys."""
        return Session(keys)

    def client(self, service: str, region: str | None) -> Any:
        """A client that is a name."""
        return service, region, self.keys


def release(**changes: Any) -> Release:
    """A declared release."""
    declared = {
        "provider": "token.actions.githubusercontent.com",
        "audience": "sts.amazonaws.com",
        "role": "publish",
        "token": {"env": "TOKEN"},
        "admit": ["repo:acme/ingest:ref:refs/heads/main"],
    }
    return Release.model_validate({**declared, **changes})


def job(known: list[str], *, environment: dict[str, str] | None = None, **changes: Any) -> CiJob:
    """A job with a token in its environment."""
    held = {"TOKEN": TOKEN, "OTHER": OTHER} if environment is None else environment
    anyone: Any = Session()
    return CiJob(release(**changes), way=JobWay(environment=lambda: held), anyone=anyone, known=known.append)


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """STS gives a session for every token; the tokens that it was shown."""
    shown: list[str] = []

    def assume(_: Any, *, token: str, **__: Any) -> Any:
        shown.append(token)
        return ASSUMED, KEYS

    monkeypatch.setattr(ci_session, "assume", assume)
    monkeypatch.setattr(ci, "verified", lambda token, **_: CiToken(claims_json="{}", key_id=None))
    return shown


@pytest.mark.parametrize(
    ("problem", "code"),
    [
        ("expired", "ExpiredTokenException"),
        ("signature", "InvalidIdentityToken"),
        ("other-issuer", "InvalidIdentityToken"),
        ("unknown-key", "InvalidIdentityToken"),
        ("issuer-unreachable", None),
    ],
)
def test_sts_is_not_shown_a_token_that_is_not_its_issuers(
    sts: list[str], monkeypatch: pytest.MonkeyPatch, problem: str, code: str | None
) -> None:
    """Signature, issuer and times are checked first, for every session that is asked for."""
    monkeypatch.setattr(ci, "verified", lambda *_, **__: CiToken(claims_json="{}", key_id=None, problem=problem))
    for found in (job([]).assume("arn:role", name="run"), job([]).push_and_pull("arn:role", name="run")):
        if code is None:
            assert isinstance(found, Unobserved)
        else:
            assert isinstance(found, NotAssumed)
            assert code == found.code
    assert [] == sts


def test_a_token_is_known_before_anybody_is_shown_it(sts: list[str]) -> None:
    """So is what STS gives for it: all of it is masked from then on."""
    known: list[str] = []
    assert ASSUMED == job(known).assume("arn:role", name="run")
    assert [TOKEN] == sts
    assert [TOKEN, "secret-of-the-session", "token-of-the-session"] == known


def test_the_session_is_made_once_and_used_alone(sts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call of a push goes out with the session's keys."""
    seen: list[Any] = []

    def push(client: Any, **asked: Any) -> tuple[Any, ...]:
        seen.append((client("ecr", None), asked))
        return ()

    monkeypatch.setattr(ci_session, "push_and_pull", push)
    one = job([])
    one.push_and_pull("arn:role", name="run", repository="a")
    one.push_and_pull("arn:role", name="run", repository="b")
    assert [TOKEN] == sts
    assert [("ecr", None, KEYS)] * 2 == [client for client, _ in seen]
    assert [{"repository": "a"}, {"repository": "b"}] == [asked for _, asked in seen]


def test_a_session_for_another_audience_is_let_go(sts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is ever called with it."""
    one = job([], wrong_audience_token={"env": "OTHER"})
    assert ASSUMED == one.assume_with_other("arn:role", name="run")
    monkeypatch.setattr(ci_session, "assume", lambda *_, **__: NotAssumed(code="AccessDenied", message="no"))
    assert isinstance(one.forbidden("arn:role", name="run"), NotAssumed)
    assert [OTHER] == sts


def test_without_a_token_nothing_is_asked(sts: list[str]) -> None:
    """There is no fallback to anybody's keys."""
    one = job([], environment={"AWS_ACCESS_KEY_ID": "AKIA"})
    assert isinstance(one.token(), Missing)
    assert isinstance(one.assume("arn:role", name="run"), Missing)
    assert isinstance(one.push_and_pull("arn:role", name="run"), Missing)
    assert isinstance(one.other_token(), Missing)
    assert [] == sts


def test_github_is_asked_for_both_audiences(monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider that can be asked needs no second place; the token that it is asked with is known first."""
    known: list[str] = []
    asked: list[str] = []

    def fetch(_place: Any, _environment: Any, *, audience: str) -> str:
        asked.append(audience)
        return f"for {audience}"

    monkeypatch.setattr(ci, "fetch_token", fetch)
    monkeypatch.setattr(ci, "verified", lambda token, **_: CiToken(claims_json=json.dumps({"t": token}), key_id=None))
    one = job(known, environment={"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token"}, token="github")
    first, second = one.token(), one.other_token()
    assert isinstance(first, CiToken)
    assert isinstance(second, CiToken)
    assert ["sts.amazonaws.com", OTHER_AUDIENCE] == asked
    assert "request-token" == known[0]


def test_a_token_in_a_file(tmp_path: Path, sts: list[str]) -> None:
    """Without the newline that writers leave."""
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="ascii")
    job([], token={"file": str(tmp_path / "token")}).assume("arn:role", name="run")
    assert [TOKEN] == sts
