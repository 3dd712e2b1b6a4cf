"""A user's own checks take part in the denominator, the verdict and the evidence like ours."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_substrate.evidence.verify import verify_evidence
from tests.plugin.conftest import DECLARATION, REQUIRED

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "own-checks.md"
EXAMPLE = PAGE.read_text(encoding="utf-8").partition("```python\n# conftest.py\n")[2].partition("```")[0]
SHOWN = PAGE.read_text(encoding="utf-8").partition("```\n ✗ ")[2].partition("```")[0]
NODE = "substrate.toml::messaging_plane::ACME-010[service-ingest]"

CHECK = """
from pytest_substrate.own import OwnCheck, inconclusive, passed, violated

def judge(subject, substrate):
    log("judge")
    {body}

def pytest_substrate_checks():
    words = dict(id="ACME-010", plane="messaging_plane", statement="it holds", layer="policy",
                 subjects=["service/ingest"], judge=judge, next="look {{secret}}", docs="wiki/acme-010")
    return [OwnCheck(**(words | dict({more})))]
"""


def own(body: str, more: str = "") -> str:
    """A conftest that registers one check whose judge has this body."""
    return CHECK.format(body=body, more=more)


def reasons(project: Project) -> set[str]:
    """Why the run is red beside its records."""
    return {problem["reason"] for problem in project.predicate["problems"]}


def test_the_documented_example(project: Project, spread: tuple[str, ...]) -> None:
    """What the page shows runs as it stands: red as it is shown, then green."""
    project.conftest(EXAMPLE)
    result = project.messaging(*spread)
    assert 1 == result.ret, str(result.stdout)
    assert f"  required {REQUIRED + 1}  passed {REQUIRED}  violated 1  inconclusive 0" in str(result.stdout)
    assert f" ✗ {SHOWN}" in str(result.stdout)
    (project.path / "schemas").mkdir()
    (project.path / "schemas" / "events.raw.json").write_text("{}")
    result = project.messaging(*spread)
    assert 0 == result.ret, str(result.stdout)
    assert f"READY   required {REQUIRED + 1}  passed {REQUIRED + 1}" in project.verdict(result)


def test_the_evidence(project: Project, spread: tuple[str, ...]) -> None:
    """It names the check and holds its record behind ours; the verifier takes it, and no check left out of it."""
    project.conftest(own("return passed('fine')"))
    assert 0 == project.messaging(*spread).ret
    predicate = project.predicate
    assert [
        {
            "check": "ACME-010",
            "plane": "messaging_plane",
            "statement": "it holds",
            "layer": "policy",
            "subjects": ["service/ingest"],
        }
    ] == predicate["own_checks"]
    last = predicate["records"][-1]
    assert ("ACME-010", "PASS", "here", "policy") == tuple(last[k] for k in ("check", "outcome", "vantage", "layer"))
    found = verify_evidence(
        project.evidence_path.read_bytes(),
        declaration=DECLARATION.read_bytes(),
        now=datetime.now(UTC),
        allow_unsigned=True,
    )
    assert {"stand-in", "observer"} == {refusal.reason for refusal in found}  # the house of these tests
    ledger = project.evidence_path.with_name("ledger.jsonl").read_text()
    assert "ACME-010" not in ledger  # nothing to tell: it is green


def test_a_violation(project: Project, spread: tuple[str, ...]) -> None:
    """Exit code 1; layer, cause and next command as the judge or the registration says, in every output."""
    project.conftest(own("return violated('too-old', 'it is old', layer='artifact', count=3)"))
    result = project.messaging("--junitxml=j.xml", "--alluredir=allure", *spread)
    assert 1 == result.ret, str(result.stdout)
    assert "NOT READY   first red ACME-010 (artifact)" in project.verdict(result)
    result.stdout.fnmatch_lines(
        [" ✗ ACME-010 it holds", "     it is old", "*artifact*look AmazonMSK_ingest", "     why    wiki/acme-010"]
    )
    record = project.predicate["records"][-1]
    assert ("too-old", {"count": 3}, "look AmazonMSK_ingest") == (record["cause"], record["facts"], record["next"])
    junit = (project.path / "j.xml").read_text()
    assert 'name="ACME-010[service-ingest]"' in junit
    assert "too-old" in junit
    stories = [json.loads(path.read_text()) for path in (project.path / "allure").glob("*-result.json")]
    assert 1 == sum({"name": "story", "value": "ACME-010"} in story["labels"] for story in stories)
    assert "ACME-010" in project.evidence_path.with_name("ledger.jsonl").read_text()


@pytest.mark.parametrize(
    ("body", "reason", "said"),
    [
        ("pass", "broken", "returned NoneType, and no diagnosis"),
        ("return True", "broken", "returned bool, and no diagnosis"),
        ("raise ValueError('oh')", "broken", "ValueError: oh"),
        ("assert 1 == 2", "broken", "assert 1 == 2"),
        ("pytest.fail('oh')", "broken", "oh"),
        ("pytest.skip('oh')", "skipped", "ACME-010 service/ingest was skipped"),
        ("pytest.xfail('oh')", "xfailed", "ACME-010 service/ingest is marked as an expected failure"),
        ("raise SystemExit(0)", "broken", "SystemExit"),
        ("return passed('m', nonsense=1)", "broken", "nonsense is not in the list of facts"),
    ],
    ids=lambda value: value if " " in value else "",
)
def test_any_other_end(project: Project, spread: tuple[str, ...], body: str, reason: str, said: str) -> None:
    """A judge that ends without a diagnosis leaves no record: red, named, exit code 10."""
    project.conftest(own(body))
    result = project.messaging(*spread)
    assert 10 == result.ret, str(result.stdout)
    assert reason in reasons(project)
    assert said in str(result.stdout)
    assert "missing 1" in project.verdict(result)
    assert REQUIRED + 1 == project.predicate["check_set"]["required"]


@pytest.mark.parametrize(
    ("arguments", "more", "reason"),
    [
        (("-k", "not ACME"), "", "deselected"),
        (("--deselect", NODE), "", "deselected"),
        ((), "pytestmark=1", None),
        ((), "\n@pytest.mark.skip\n", "skipped"),
    ],
    ids=["-k", "--deselect", "unknown field", "mark"],
)
def test_taken_away(
    project: Project, spread: tuple[str, ...], arguments: tuple[str, ...], more: str, reason: str | None
) -> None:
    """Deselected or skipped by a mark, it is as red as one of ours."""
    text = own("return passed('fine')", more if reason is None else "")
    project.conftest(text.replace("\ndef judge(", f"{more}def judge(") if reason == "skipped" else text)
    result = project.messaging(*arguments, *spread)
    if reason is None:
        assert result.ret not in (0, 1)
        assert not project.evidence_path.exists()
        return
    assert 10 == result.ret, str(result.stdout)
    assert {reason} == reasons(project)


def test_a_need_that_is_red(project: Project, spread: tuple[str, ...]) -> None:
    """Behind a red rung of ours it is not reached, and its judge isn't called."""
    project.red(MSG_160=("VIOLATION", None))
    project.conftest(own("return passed('fine')", "needs=['MSG-160']"))
    assert 1 == project.messaging(*spread).ret
    assert "NOT_REACHED" == project.predicate["records"][-1]["outcome"]
    assert 0 == project.called("judge")


def test_it_takes_part_where_its_plane_is_demanded(project: Project) -> None:
    """A check of another plane is left out, and a run that demands nothing asks for none."""
    project.conftest(own("return violated('x', 'x')", "plane='drift_sweep'"))
    assert 0 == project.messaging().ret
    assert [] == project.predicate["own_checks"]
    project.pytester.makepyfile(test_own="def test_own(): pass\n")
    project.conftest("def pytest_substrate_checks(): raise ValueError\n")
    assert 0 == project.run("test_own.py").ret


def test_a_part_of_its_plane(project: Project) -> None:
    """Its node id demands the whole plane."""
    project.conftest(own("return passed('fine')"))
    result = project.run(NODE)
    assert 10 == result.ret
    assert f"missing {REQUIRED}" in project.verdict(result)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("id='MSG-999'", ["MSG-999", "the family MSG is the plugin's own"]),
        ("id='DRF-999'", ["DRF-999", "the family DRF"]),
        ("id='acme'", ["acme", "not of the form ACME-010"]),
        ("id=None", ["not of the form ACME-010"]),
        ("plane='messaging'", ["ACME-010", "'messaging' is no plane", "messaging_plane"]),
        ("plane='substrate'", ["'substrate' is no plane"]),
        ("layer='lair'", ["'lair' is no layer", "one of declaration"]),
        ("subjects=[]", ["no subjects", "prove nothing"]),
        ("subjects='service/ingest'", ["subjects", "a list"]),
        ("subjects=['service/other']", ["holds no 'service/other'", "service/ingest"]),
        ("subjects=['service/ingest'] * 2", ["subjects", "different"]),
        ("statement=' '", ["statement"]),
        ("next='two\\nlines'", ["next"]),
        ("docs=''", ["docs"]),
        ("judge=None", ["judge can't be called"]),
        ("needs=['ACME-010']", ["needs 'ACME-010'"]),
        ("needs=['DAT-010']", ["needs 'DAT-010'"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_can_not_be_registered(project: Project, more: str, words: list[str]) -> None:
    """One line that names the check, what is wrong with it and the mend; nothing is started, nothing left."""
    project.conftest(own("return passed('fine')", more))
    result = project.messaging("-p", "no:xdist")
    assert 4 == result.ret
    [line] = [line for line in result.stderr.lines if line.startswith("ERROR: ")]
    assert all(word in line for word in ["substrate: pytest_substrate_checks", *words]), line
    assert [] == project.calls
    assert not project.evidence_path.exists()


@pytest.mark.parametrize(
    ("returned", "words"),
    [("'text'", "a str was returned"), ("[1]", "a int was registered"), ("7", "a int was returned")],
)
def test_what_is_no_registration(project: Project, returned: str, words: str) -> None:
    """The same for what a hook returns that is no list of checks."""
    project.conftest(f"def pytest_substrate_checks(): return {returned}\n")
    result = project.messaging("-p", "no:xdist")
    assert 4 == result.ret
    assert words in str(result.stderr)


def test_an_id_twice(project: Project) -> None:
    """Two checks of one id, whoever registered them."""
    project.conftest(own("return passed('fine')"))
    project.plugin("more", own("return passed('fine')").replace("log(", "print(") + "\nimport pytest\n")
    result = project.messaging("-p", "more", "-p", "no:xdist")
    assert 4 == result.ret
    assert "pytest_substrate_checks: ACME-010: it was registered twice" in str(result.stderr)


def test_from_a_plugin(project: Project, spread: tuple[str, ...]) -> None:
    """A plugin registers as a conftest does, and may look at the declaration."""
    text = own("return passed('fine')", "subjects=[f'service/{name}' for name in declaration.service]")
    text = text.replace("log(", "print(").replace("pytest_substrate_checks()", "pytest_substrate_checks(declaration)")
    project.plugin("more", text)
    result = project.messaging("-p", "more", *spread)
    assert 0 == result.ret, str(result.stdout)
    assert f"required {REQUIRED + 1}" in project.verdict(result)


def test_registered_too_late(project: Project, spread: tuple[str, ...]) -> None:
    """A conftest that is met while pytest collects can't add to what was planned: red, and told where to put it."""
    deep = project.path / "own" / "deep"
    deep.mkdir(parents=True)
    (deep / "conftest.py").write_text("def pytest_substrate_checks(): return []\n")
    (deep / "test_own.py").write_text("def test_own(): pass\n")
    result = project.run("--substrate-require=messaging_plane", "own", *spread)
    assert 10 == result.ret, str(result.stdout)
    assert {"registered-late"} == reasons(project)
    assert " ! registered-late: own/deep/conftest.py registers checks after the run was planned" in re.sub(
        r"\s+", " ", str(result.stdout)
    )


def test_on_the_controller_alone(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks that only some processes register end the run: nobody would make the records."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # this process may itself be a worker
    project.conftest(
        own("return passed('fine')").replace(
            "    words =", "    if 'PYTEST_XDIST_WORKER' in os.environ: return []\n    words ="
        )
    )
    result = project.messaging("-n", "2")
    assert 0 != result.ret
    assert not project.evidence_path.exists() or "NOT READY" == project.predicate["verdict"]
    assert "other checks than the controller" in str(result.stdout) + str(result.stderr)
