"""What a declaration reads as, and that no value of it is ever told."""

from __future__ import annotations

import copy
import hashlib
import json
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pytest_substrate.gate.required import check_set
from pytest_substrate.model import subjects
from pytest_substrate.model.declaration import Declaration, DeclarationErrors, parse_declaration
from pytest_substrate.model.declaration.mends import toml

FIXTURES = Path(__file__).parents[4] / "fixtures"
FULL = (FIXTURES / "declarations/full.toml").read_text(encoding="utf-8")
SECRET = "hunter2-Zx9/Qw+7=="


def full() -> Declaration:
    """The full declaration."""
    return parse_declaration(FULL, name="full.toml", check_set=check_set)


def test_reads_everything_that_the_full_declaration_says() -> None:
    """Names, forms and values arrive where the rest of the house looks for them."""
    declaration = full()
    ingest = declaration.service["ingest"]
    assert ingest.messaging is not None
    assert ingest.messaging.credential is not None
    assert ("dev", "111122223333", "eu-west-2") == (declaration.environment, declaration.account, declaration.region)
    assert ("main", "ingest", 2) == (ingest.ecs_cluster, ingest.ecs_service, ingest.min_running)
    assert ("AmazonMSK_ingest", "KAFKA_CREDENTIAL", "ingest") == (
        ingest.messaging.credential.secret,
        ingest.messaging.credential.env,
        ingest.messaging.credential.principal,
    )
    assert {"events.raw": ("describe", "write")} == ingest.messaging.topics
    assert ("spine", "scram") == (declaration.cluster["spine"].name, declaration.cluster["spine"].auth)
    assert declaration.release is not None
    assert ("github", None, "OTHER_TOKEN") == (
        declaration.release.token.provider,
        declaration.release.token.env,
        declaration.release.wrong_audience_token and declaration.release.wrong_audience_token.env,
    )
    assert datetime(2026, 12, 31, tzinfo=UTC) == declaration.waiver[0].expires
    assert ["PKG-060", "PKG-070", "PKG-080"] == [entry.check for entry in declaration.not_applicable]
    assert "main/legacy-import" == declaration.ignored[0].ecs


def test_the_embedded_platforms_declaration_is_valid() -> None:
    """The declaration that the first command uses reads without a problem."""
    text = (FIXTURES / "dev_min/substrate.toml").read_text(encoding="utf-8")
    assert "111122223333" == parse_declaration(text, name="substrate.toml", check_set=check_set).account


def test_is_frozen() -> None:
    """Nobody changes a declaration after it is read."""
    with pytest.raises(ValidationError):
        full().account = "1"


def test_subjects_are_the_designs_permanent_names() -> None:
    """Waivers, evidence and ledger key on these names."""
    declaration = full()
    assert ("cluster/spine", "cluster/shared") == subjects.clusters(declaration)
    assert ("service/ingest", "service/audit", "service/bridge") == subjects.messaging_services(declaration)
    assert ("service/ingest", "service/audit") == subjects.secret_services(declaration)
    assert ("service/ingest", "service/audit") == subjects.group_services(declaration)
    assert (
        "service/ingest/topic/events.raw",
        "service/audit/topic/events.raw",
        "service/bridge/topic/events.shared",
    ) == subjects.topics(declaration)
    assert ("job/oracle",) == subjects.jobs(declaration)
    assert ("artifact/ingest", "artifact/oracle") == subjects.artifacts(declaration)
    assert ("grant/oracle-in",) == subjects.grants(declaration)
    assert ("role/ci-publish",) == subjects.ci_roles(declaration)
    assert ("ecs-cluster/main", "ecs-cluster/edge") == subjects.ecs_clusters(declaration)


def test_a_subject_tells_its_name_its_topic_and_what_holds_it() -> None:
    """Only a topic has a holder other than itself."""
    topic = "service/ingest/topic/events.raw"
    assert ("ingest", "events.raw", "service/ingest") == (
        subjects.name_of(topic),
        subjects.topic_of(topic),
        subjects.holder(topic),
    )
    assert (None, "job/oracle") == (subjects.topic_of("job/oracle"), subjects.holder("job/oracle"))


def test_the_digest_is_that_of_the_files_canonical_bytes() -> None:
    """A checkout with other line ends is the same declaration; another byte is another."""
    unix = "a = 1\nb = 2\n"
    expected = "sha256:" + hashlib.sha256(unix.encode()).hexdigest()
    assert expected == Declaration.digest(unix) == Declaration.digest("\ufeffa = 1\r\nb = 2\r\n")
    assert expected != Declaration.digest(unix + "\n")


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place in a document where a value could be another one."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from leaves(item, (*path, key))


DOCUMENT = tomllib.loads(FULL)
PLACES = list(leaves(DOCUMENT))


def written(document: dict[str, Any]) -> str:
    """A document as TOML, a line a key; dates stand for themselves."""
    return "".join(f"{json.dumps(key)} = {toml(plain(value))}\n" for key, value in document.items())


def plain(value: Any) -> Any:
    """Dates as the text that `toml` writes without quotes."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def changed(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """The full document with one place changed."""
    document: Any = copy.deepcopy(DOCUMENT)
    place = document
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    result: dict[str, Any] = document
    return result


def told(text: str) -> str:
    """Everything that the error of a declaration could show, empty where the declaration is accepted."""
    try:
        parse_declaration(text, name="substrate.toml", check_set=check_set)
    except DeclarationErrors as error:
        return f"{error}{error!r}{error.args}{error.problems}{error.__cause__}{error.__context__}"
    return ""


OTHER = st.sampled_from(
    [SECRET, 7, True, 1.5, [], {}, [SECRET], [[SECRET]], {"password": SECRET}, {"a": {"b": SECRET}}]
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(PLACES), OTHER)
def test_any_value_in_any_place_is_accepted_or_told_and_never_shown(path: tuple[str | int, ...], value: Any) -> None:
    """Whatever stands wherever, the only error is the list of problems, and the value is in none of them."""
    text = written(changed(path, value))
    said = told(text)
    assert "hunter2" not in said


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(PLACES), min_size=1, max_size=4), OTHER)
def test_any_places_can_be_missing(paths: list[tuple[str | int, ...]], value: Any) -> None:
    """Removing keys and putting nonsense beside them raises nothing but the list of problems."""
    document: Any = copy.deepcopy(DOCUMENT)
    for path in paths:
        place = document
        try:
            for part in path[:-1]:
                place = place[part]
            del place[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue
    document["nonsense"] = value
    with pytest.raises(DeclarationErrors) as raised:
        parse_declaration(written(document), name="substrate.toml", check_set=check_set)
    assert "nonsense" in {problem.key for problem in raised.value.problems}
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        f'password = "{SECRET}"',
        f'schema = 1\n[service.ingest]\npassword = "{SECRET}"',
        f'[service.ingest.messaging]\ncredential = {{ username = "u", password = "{SECRET}" }}',
        f'[service.ingest.messaging]\ncredential = "{SECRET}"',
        f'[service.ingest.messaging.credential]\nenv = "{SECRET}"\nsecret = "{SECRET} "',
        f'[release]\ntoken = "{SECRET}"\naudience = "{SECRET} "\nrole = "{SECRET}"',
        f'[[waiver]]\ncheck = "{SECRET}"\nsubject = "{SECRET}"\nexpires = "{SECRET}"',
        f'account = "{SECRET}"\nregion = "{SECRET}"\nenvironment = "{SECRET}"',
        f'[target]\nproxy = "http://u:{SECRET}@proxy"',
        f'a = "{SECRET}',
        f"a = {SECRET}",
    ],
)
def test_a_secret_in_the_wrong_place_is_never_told(text: str) -> None:
    """A person who pastes a secret finds the line and the key in the log, and not the secret."""
    said = told(text)
    assert said
    assert "hunter2" not in said
