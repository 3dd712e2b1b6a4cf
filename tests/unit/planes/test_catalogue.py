"""The catalogue: every id of the design, complete from the start, and everything that a person is told about it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from pytest_substrate.gate.declared import read_declaration
from pytest_substrate.gate.ladder import Ladder
from pytest_substrate.gate.required import ON_REQUEST, check_set
from pytest_substrate.model.check import Check
from pytest_substrate.model.diagnosis import passed, violated
from pytest_substrate.model.outcome import DEMANDABLE, Layer, Outcome, Plane, Vantage
from pytest_substrate.planes.catalogue import BUILT, ROOMS, catalogue, checks_of, judge_of
from pytest_substrate.planes.documentation import subjects_of

ROOT = Path(__file__).parents[3]

DESIGN = {
    Plane.SUBSTRATE: "SUB-010 declaration",
    Plane.RELEASE: """
        REL-010 identity  REL-020 identity  REL-030 identity  REL-040 identity  REL-050 identity  REL-060 policy
        REL-070 authorization  REL-080 policy  REL-090 artifact  REL-100 artifact  REL-110 artifact
    """,
    Plane.MESSAGING: """
        MSG-005 substrate  MSG-010 credential  MSG-020 credential  MSG-030 wiring  MSG-040 wiring  MSG-050 rotation
        MSG-055 runtime  MSG-060 identity  MSG-070 credential  MSG-110 network  MSG-120 network  MSG-130 tls
        MSG-140 compatibility  MSG-150 identity  MSG-160 credential  MSG-170 network  MSG-180 wiring
        MSG-190 authorization  MSG-195 authorization  MSG-200 substrate  MSG-210 substrate  MSG-220 compatibility
        MSG-230 compatibility  MSG-240 credential
    """,
    Plane.PACKAGING: """
        PKG-010 artifact  PKG-020 artifact  PKG-030 artifact  PKG-040 runtime  PKG-050 runtime  PKG-060 packaging
        PKG-070 packaging  PKG-080 packaging  PKG-090 packaging  PKG-100 packaging  PKG-120 wiring
    """,
    Plane.DATA: """
        DAT-010 wiring  DAT-020 identity  DAT-030 policy  DAT-040 policy  DAT-050 policy  DAT-060 policy
        DAT-070 runtime  DAT-080 policy
    """,
    Plane.DRIFT: """
        DRF-010 wiring  DRF-020 artifact  DRF-030 policy  DRF-040 identity  DRF-050 network  DRF-060 substrate
        DRF-070 credential  DRF-080 substrate  DRF-090 wiring  DRF-100 policy  DRF-110 policy  DRF-120 artifact
    """,
}
"""Every id with its usual layer, as the design has them (for the sweep, where it names none, as it was decided)."""

CHECKS = list(catalogue().values())
EVERY = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
FULL = read_declaration((ROOT / "fixtures/declarations/full.toml").read_bytes(), name="full.toml")


@pytest.mark.parametrize("plane", list(DESIGN))
def test_each_plane_has_exactly_the_designs_ids_in_order(plane: Plane) -> None:
    """Ids are permanent: none is missing, none is new, and each has the design's layer."""
    words = DESIGN[plane].split()
    expected = list(zip(words[::2], words[1::2], strict=True))
    assert expected == [(check.id, check.layer.value) for check in checks_of(plane)]


def test_the_catalogue_is_all_of_it() -> None:
    """67 checks, plane by plane, the substrate's first."""
    assert 67 == len(catalogue()) == sum(len(checks_of(plane)) for plane in ROOMS)
    assert (Plane.SUBSTRATE, *DEMANDABLE) == tuple(ROOMS) == tuple(dict.fromkeys(check.plane for check in CHECKS))


@EVERY
def test_needs_are_rungs_of_the_same_plane_further_down(check: Check) -> None:
    """A ladder is climbed from below, and no plane waits for another's."""
    order = list(catalogue())
    for need in check.needs:
        assert order.index(need) < order.index(check.id)
        assert check.plane is catalogue()[need].plane
    assert len(set(check.needs)) == len(check.needs)


@EVERY
def test_a_person_is_told_everything(check: Check) -> None:
    """Statement, why, how, when red, what next: in words that fit beside each other."""
    for words in (check.statement, check.why, check.how, check.red_when, check.next):
        assert words == " ".join(words.split())
        assert len(words) >= 4
    assert not check.statement.endswith(".")
    assert "\n" not in check.next
    assert subjects_of(check), "the function that finds the subjects says in its docstring what they are"
    assert isinstance(check.layer, Layer)


@EVERY
def test_causes_are_slugs_that_differ(check: Check) -> None:
    """A cause is a stable word for one way to be red; each check knows at least one."""
    slugs = [cause.slug for cause in check.causes]
    assert slugs
    assert len(set(slugs)) == len(slugs)
    for cause in check.causes:
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", cause.slug)
        assert cause.meaning == " ".join(cause.meaning.split())


@EVERY
def test_permissions_have_the_form_of_iam_actions(check: Check) -> None:
    """What an operator grants can be written into a policy as it stands, without a wildcard."""
    for action in check.permissions:
        assert re.fullmatch(r"[a-z0-9-]+:[A-Z][A-Za-z0-9]+", action), action
    assert len(set(check.permissions)) == len(check.permissions)


@EVERY
def test_the_page_has_the_checks_anchor(check: Check) -> None:
    """The address that a red run prints leads to the check."""
    file, _, anchor = check.docs.partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in [heading.lower() for heading in headings]


@EVERY
def test_applies_to_something_in_the_full_declaration(check: Check) -> None:
    """Every check has a subject to be about."""
    assert list(check.subjects(FULL))


def test_every_need_of_a_real_ladder_is_found_and_every_command_is_whole() -> None:
    """For each pair of the full declaration, what it needs is judged first and its command can be filled."""
    ladder = Ladder(
        FULL,
        lambda check, _: violated(catalogue()[check].causes[0].slug, "red"),
        FULL.waiver[0].expires,
        Vantage.TASK,
    )
    gone = {(entry.check, entry.subject) for entry in FULL.not_applicable}
    for pair in check_set(FULL):
        if (pair.check, pair.subject) in gone:
            continue
        record = ladder.record(pair)
        if record.outcome is Outcome.VIOLATION:
            assert record.next
            assert shlex.split(record.next)
            assert "{" not in record.next


def test_a_green_ladder_is_green_throughout() -> None:
    """Nothing in the catalogue's needs keeps a wholly sound environment from READY."""
    ladder = Ladder(FULL, lambda _, __: passed("fine"), FULL.waiver[0].expires, Vantage.TASK)
    gone = {(entry.check, entry.subject) for entry in FULL.not_applicable}
    records = [ladder.record(p) for p in check_set(FULL) if (p.check, p.subject) not in gone]
    assert {Outcome.PASS} == {record.outcome for record in records}


def test_what_the_probe_sees_does_not_stand_on_what_aws_says() -> None:
    """The runtime's rungs need MSG-055 and the rungs on the way to the broker, not MSG-010 … MSG-050."""
    outside = {"MSG-005", "MSG-010", "MSG-020", "MSG-030", "MSG-040", "MSG-050"}
    for check in checks_of(Plane.MESSAGING):
        if check.id >= "MSG-055":
            assert not outside & set(check.needs)
            assert check.runtime
        if check.id > "MSG-055":  # the task definition alone can prove another role, where no task is sent at all
            assert check.needs or check.id == "MSG-060"


@pytest.mark.parametrize("plane", sorted(set(ROOMS) - BUILT))
def test_a_plane_that_is_not_built_has_no_judge(plane: Plane) -> None:
    """Asking for it is an error, and nothing that could be green."""
    with pytest.raises(LookupError):
        judge_of(plane)


@pytest.mark.parametrize("plane", sorted(BUILT))
def test_a_plane_that_is_built_has_a_judge(plane: Plane) -> None:
    """It is found where the house keeps it."""
    assert callable(judge_of(plane))


def test_what_is_asked_on_request_is_in_the_catalogue() -> None:
    """A check that waits to be asked for has a permanent id like any other."""
    assert set(catalogue()) >= ON_REQUEST
