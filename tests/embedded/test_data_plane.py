"""The data plane on the embedded platform: green as it is, and red in exactly one place for each fault."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.embedded.client import ATTACH_VARIABLE, read_attachment
from pytest_substrate.embedded.faults import Fault, faults
from pytest_substrate.model.command import blanks
from pytest_substrate.model.outcome import Layer, Outcome, Plane
from pytest_substrate.model.record import Record, first_red
from pytest_substrate.planes.catalogue import checks_of
from pytest_substrate.planes.data.checks import CHECKS
from tests.embedded.runs import ROOT, Run, run_plane

DATA = [fault for fault in faults().values() if fault.check.startswith("DAT-")]
SEEN_TO_MEND = {"read-permission-missing", "bucket-gone", "last-run-failed", "refusal-told-tersely", "job-role-gone"}
"""The faults that are each followed by a green run; all others together, by the one after the last of them."""
UNDECIDED = {"canary-gone", "permissions-that-nobody-dates"}
"""The faults that nobody could prove to be one, and that are red all the same."""
READY = ("READY", 0)
BLANKS = {word.upper() for check in CHECKS for text in (check.next, *check.nexts.values()) for word in blanks(text)}
SOURCES = {
    "list-permission-missing": ("s3:ListBucket", "identity", "implicit"),
    "list-of-another-prefix": ("s3:ListBucket", "identity", "implicit"),
    "list-denied-by-the-bucket": ("s3:ListBucket", "resource", "explicit"),
    "read-permission-missing": ("s3:GetObject", "identity", "implicit"),
    "read-denied-by-the-bucket": ("s3:GetObject", "resource", "explicit"),
    "read-from-one-endpoint-alone": ("s3:GetObject", "resource", "explicit"),
    "read-outside-the-boundary": ("s3:GetObject", "boundary", "implicit"),
    "decrypt-permission-missing": ("kms:Decrypt", "identity", "implicit"),
    "key-policy-denies-decrypt": ("kms:Decrypt", "resource", "explicit"),
    "write-permission-missing": ("s3:PutObject", "identity", "implicit"),
    "encrypt-permission-missing": ("kms:GenerateDataKey", "identity", "implicit"),
    "abort-permission-missing": ("s3:AbortMultipartUpload", "identity", "implicit"),
    "write-denied-by-the-bucket": ("s3:PutObject", "resource", "explicit"),
    "optional-input-refused": ("s3:GetObject", "identity", "implicit"),
}
"""What each refusal must be attributed to: the permission, and the kind of policy and its effect."""


def verdict(run: Run) -> tuple[object, int]:
    """The verdict of the evidence, and the exit code."""
    return run.predicate.get("verdict"), run.exit_code


def run_data(folder: Path, *arguments: str, env: Mapping[str, str]) -> Run:
    """`pytest -m data_plane`."""
    return run_plane(folder, *arguments, env=env, plane="data_plane")


@pytest.fixture
def attached(kept_platform: Path) -> Mapping[str, str]:
    """The environment of a run on the kept platform."""
    return {**os.environ, ATTACH_VARIABLE: str(kept_platform)}


@pytest.mark.parametrize("fault", DATA, ids=[fault.name for fault in DATA])
def test_a_fault_turns_its_own_check_red_first(fault: Fault, attached: Mapping[str, str], tmp_path: Path) -> None:
    """The first red has the fault's check, layer and cause; all before it is green; undone, the run is green again.

    Every violated rung leads to a command without a blank, and every refusal is attributed.
    """
    broken = run_data(tmp_path, "--substrate-fault", fault.name, env=attached)
    red = first_red(broken.records)
    assert red is not None, broken.output
    assert (fault.check, fault.layer, fault.cause) == (red.check, red.layer, red.cause), broken.output
    assert not [record for record in broken.records[: broken.records.index(red)] if not record.outcome.green]
    assert ("NOT READY", 10 if fault.name in UNDECIDED else 1) == verdict(broken)
    if fault.name in SOURCES:
        assert SOURCES[fault.name] == tuple(red.facts.get(name) for name in ("action", "source", "effect"))
    for record in broken.records:
        if record.outcome is Outcome.VIOLATION:
            assert record.next
            assert not BLANKS & set(re.findall(r"\b[A-Z][A-Z_]+\b", record.next)), record.next
    if fault.name in SEEN_TO_MEND:
        mended = run_data(tmp_path, env=attached)
        assert READY == verdict(mended), mended.output


def test_all_faults_are_undone(attached: Mapping[str, str], tmp_path: Path) -> None:
    """After every fault was applied and undone, the platform is as it was, and the probes left nothing in it."""
    mended = run_data(tmp_path, env=attached)
    assert READY == verdict(mended), mended.output
    assert [] == left_behind(Path(attached[ATTACH_VARIABLE]))


def left_behind(attach: Path) -> list[str]:
    """Uploads, objects and task definitions of probes, as the platform's administrator sees them."""
    import botocore.session

    content = read_attachment(attach).content
    session: Any = botocore.session.Session()
    keys = content["administrator"]
    session.set_credentials(keys["access_key_id"], keys["secret_access_key"])
    session.set_config_variable("region", content["region"])
    s3, ecs = (session.create_client(name, endpoint_url=content["endpoint"]) for name in ("s3", "ecs"))
    uploads = [one["Key"] for one in s3.list_multipart_uploads(Bucket="acme-spine").get("Uploads", [])]
    listed = s3.list_objects_v2(Bucket="acme-spine").get("Contents", [])
    objects = [one["Key"] for one in listed if "substrate" in one["Key"]]
    twins = ecs.list_task_definitions(familyPrefix="substrate-probe-job-oracle")["taskDefinitionArns"]
    return [*uploads, *objects, *twins]


def test_every_check_has_a_fault() -> None:
    """Each rung of the plane was seen to turn red first, and there are enough of them."""
    assert {check.id for check in checks_of(Plane.DATA)} == {fault.check for fault in DATA}
    assert 20 <= len(DATA)


def test_the_mend_is_the_one_statement_that_is_missing(attached: Mapping[str, str], tmp_path: Path) -> None:
    """For incident D: one action, on one declared object, and no wildcard."""
    broken = run_data(tmp_path, "--substrate-fault", "read-permission-missing", env=attached)
    red = first_red(broken.records)
    assert red is not None
    assert red.next is not None
    assert '"Action":"s3:GetObject","Resource":"arn:aws:s3:::acme-spine/inputs/manifest.json"' in red.next
    assert "*" not in red.next
    assert Layer.POLICY is red.layer


def test_a_declared_rerun_is_the_proof(attached: Mapping[str, str], tmp_path: Path) -> None:
    """Where nobody dates the permissions, a run that the check starts after it has seen them proves them."""
    text = (ROOT / "fixtures/dev_min/substrate.toml").read_text(encoding="utf-8")
    own = tmp_path / "substrate.toml"
    own.write_text(text.replace("[grant.oracle-in]", "[job.oracle.rerun]\ndeadline_s = 60\n[grant.oracle-in]"))
    fault = ("--substrate-fault", "permissions-that-nobody-dates")
    run = run_data(tmp_path, "--substrate", str(own), "--substrate-target", "embedded", *fault, env=attached)
    assert run.records, run.output
    last = next(record for record in run.records if record.check == "DAT-070")
    assert Outcome.PASS is last.outcome, run.output
    assert READY == verdict(run), run.output
    assert (60, "/ecs/oracle") == (last.facts["deadline_s"], last.facts["log_group"])
    assert str(last.facts["log_stream"]).endswith(str(last.facts["task_arn"]).rpartition("/")[2])
    assert "count" in last.facts


def test_one_task_serves_all_rungs_under_xdist(attached: Mapping[str, str], tmp_path: Path) -> None:
    """Under xdist every check has its one record, all are green, and all saw one task."""
    run = run_data(tmp_path, "-n", "2", env=attached)
    assert READY == verdict(run), run.output
    assert 11 == len({(record.check, record.subject) for record in run.records})
    assert 1 == len({task_of(record) for record in run.records if record.check == "DAT-020"})


def task_of(record: Record) -> object:
    """The task that a record's facts name."""
    return record.facts["task_arn"]
