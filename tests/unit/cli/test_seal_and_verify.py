"""`substrate seal` and `substrate verify`: their options, their one line a problem, their exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from pytest_substrate.cli.main import main
from pytest_substrate.model.diagnosis import violated
from pytest_substrate.model.outcome import TargetKind
from tests.unit.evidence.making import DEV_MIN, IMAGE, WAIVER, Made, key, private_pem, public_pem, signed


class Place:
    """A folder with keys, a declaration and evidence that a run left a minute ago."""

    def __init__(self, folder: Path, **made: Any) -> None:
        self.folder = folder
        self.made = Made(finished=datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1), **made)
        self.evidence = folder / "evidence.json"
        self.evidence.write_bytes(self.made.text())
        for name, data in (("ci.key", private_pem()), ("ci.pub", public_pem()), ("substrate.toml", DEV_MIN)):
            (folder / name).write_bytes(data)
        (folder / "other.pub").write_bytes(public_pem("other"))

    def seal(self, *options: str) -> int:
        """Run `substrate seal`."""
        key_options = () if "--key" in options else ("--key", str(self.folder / "ci.key"))
        return main(["seal", str(self.evidence), *key_options, *options])

    def verify(self, *options: str) -> int:
        """Run `substrate verify`, by default with the pinned key and the protected declaration."""
        given = () if "--key" in options else ("--key", str(self.folder / "ci.pub"))
        declared = ("--declaration", str(self.folder / "substrate.toml"))
        return main(["verify", str(self.evidence), *given, *declared, *options])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """READY on AWS."""
    return Place(tmp_path)


def test_seal_and_verify(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole way: sealed in place, once, and taken for what was demanded."""
    assert 0 == place.seal()
    once = place.evidence.read_bytes()
    assert 0 == place.seal()
    assert once == place.evidence.read_bytes()
    assert f"{place.evidence}: signed by {key().keyid} (1 in all)\n" * 2 == capsys.readouterr().out
    assert 0 == place.verify("--require", "messaging_plane", "--max-age", "30m", "--digest", f"sha256:{IMAGE}")
    assert (
        f"{place.evidence}: verified: READY; planes messaging_plane; the declaration; signed by 1 pinned key; "
        "no older than 30m\n"
    ) == capsys.readouterr().out


def test_seal_elsewhere(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """`--out` leaves the run's own file as it is; JSON says what was written."""
    before, out = place.evidence.read_bytes(), place.folder / "sealed.json"
    assert 0 == place.seal("--out", str(out), "--format", "json")
    assert before == place.evidence.read_bytes()
    assert {"schema": "substrate.seal/1", "evidence": str(out), "keyid": key().keyid, "signatures": 1} == json.loads(
        capsys.readouterr().out
    )
    assert signed(before) == out.read_bytes()


@pytest.mark.parametrize("where", ["env", "file"])
def test_a_passphrase_is_never_an_argument(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """It comes from a variable or a file that is named, and is shown nowhere."""
    own = ed25519.Ed25519PrivateKey.generate()
    locked = place.folder / "locked.key"
    locked.write_bytes(own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter22")))
    monkeypatch.setenv("SEAL_PASSPHRASE", "hunter22")
    (place.folder / "word").write_text("hunter22\n")
    source = "env:SEAL_PASSPHRASE" if where == "env" else f"file:{place.folder / 'word'}"
    assert 0 == place.seal("--key", str(locked), "--passphrase", source)
    assert 2 == place.seal("--key", str(locked), "--passphrase", "hunter22")
    assert 2 == place.seal("--key", str(locked), "--passphrase", "env:NOT_THERE")
    out, err = capsys.readouterr()
    assert "hunter22" not in out + err
    assert "substrate seal: --passphrase: is not a place; write env:NAME or file:PATH\n" in err
    assert "substrate seal: --passphrase: nothing is there; write env:NAME or file:PATH of something" in err


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is not evidence to sign"), (b"{}", "is not evidence to sign"), (None, "can't be read")],
)
def test_seal_signs_nothing_else(
    place: Place, capsys: pytest.CaptureFixture[str], content: bytes | None, message: str
) -> None:
    """What isn't whole evidence is exit 2 with one line, and stays as it is."""
    place.evidence.unlink()
    if content is not None:
        place.evidence.write_bytes(content)
    assert 2 == place.seal()
    out, err = capsys.readouterr()
    assert "" == out
    assert 1 == err.count("\n")
    assert f"substrate seal: {place.evidence}: {message}" in err
    assert content is None or content == place.evidence.read_bytes()


def test_seal_needs_a_usable_key(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """No file, the public half, something that is no KMS ARN, a passphrase for one."""
    for options in (
        ("--key", str(place.folder / "none.key")),
        ("--key", str(place.folder / "ci.pub")),
        ("--key", "kms:alias/seal"),
        ("--key", "kms:arn:aws:kms:eu-west-2:111122223333:key/1", "--passphrase", "env:X"),
    ):
        assert 2 == place.seal(*options)
        assert 1 == capsys.readouterr().err.count("\n")
    assert place.made.text() == place.evidence.read_bytes()


def test_each_refusal_is_a_line(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 1, and every reason, each on its own line."""
    assert 0 == place.seal()
    capsys.readouterr()
    assert 1 == place.verify("--environment", "prod", "--require", "data_plane", "--max-age", "30s")
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert ["stale", "environment", "plane-missing"] == [line.split(": ")[1] for line in lines]
    assert all(line.startswith(f"{place.evidence}: ") for line in lines)
    assert "" == err


@pytest.mark.parametrize(
    ("options", "reason"),
    [((), "unsigned"), (("--key", "other.pub"), "wrong-key")],
)
def test_unsigned_and_wrong_key(
    place: Place,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    reason: str,
) -> None:
    """As the run left it, and signed by somebody else."""
    monkeypatch.chdir(place.folder)
    if options:
        assert 0 == place.seal()
        capsys.readouterr()
    assert 1 == place.verify(*options)
    assert reason == capsys.readouterr().out.split(": ")[1]


def test_json(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """The same in JSON, alone on stdout, with the same exit codes."""
    assert 1 == place.verify("--format", "json")
    said = json.loads(capsys.readouterr().out)
    assert {"substrate.verify/1": False} == {said["schema"]: said["verified"]}
    assert ["unsigned"] == [refusal["reason"] for refusal in said["refusals"]]
    assert 0 == place.verify("--allow-unsigned", "--format", "json")
    assert {"verified": True, "refusals": []}.items() <= json.loads(capsys.readouterr().out).items()


def test_no_evidence_is_a_refusal(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that died left none: nothing is proven, so verify is red."""
    place.evidence.unlink()
    assert 1 == place.verify()
    assert f"{place.evidence}: no-evidence: the file can't be read: No such file or directory\n" == (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("kind", [TargetKind.EMBEDDED, TargetKind.LOCALSTACK])
def test_embedded(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: TargetKind) -> None:
    """Only where it is asked for."""
    place = Place(tmp_path, kind=kind)
    assert 0 == place.seal()
    assert 1 == place.verify()
    assert 0 == place.verify("--allow-embedded")
    assert f"embedded: it was made on the target {kind.value}, which is not AWS" in capsys.readouterr().out


def test_a_red_run_stays_red_when_sealed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The seal vouches for the file, and verify reads it."""
    place = Place(tmp_path, outcomes={"MSG-150": violated("wrong-mechanism", "SCRAM is not offered")})
    assert 0 == place.seal()
    assert 1 == place.verify()
    assert "not-ready: the substrate is not ready: first red MSG-150 service/ingest" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [
        ("--max-age", "soon"),
        ("--max-age", "30"),
        ("--max-age", "-5m"),
        ("--digest", "latest"),
        ("--key", "none.pub"),
        ("--key", "ci.key"),
        ("--declaration", "none.toml"),
        ("--declaration", "ci.pub"),
        ("--require", "message_plane"),
    ],
)
def test_arguments_that_cannot_be_used(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    """Exit 2, one line, nothing on stdout: not a refusal, as nothing was judged."""
    monkeypatch.chdir(place.folder)
    assert 0 == place.seal()
    capsys.readouterr()
    try:
        code = place.verify(*options)
    except SystemExit as raised:  # argparse's own
        code = int(str(raised.code))
    out, err = capsys.readouterr()
    assert (2, "", 1) == (code, out, err.count("\n")), err


def test_a_key_is_needed(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Without one, nothing can be told from a forgery: said before anything is judged."""
    assert 2 == main(["verify", str(place.evidence)])
    assert "substrate verify: --key: is missing; name the public key" in capsys.readouterr().err
    assert 0 == main(["verify", str(place.evidence), "--allow-unsigned"])
    assert "the planes that it names itself; no declaration: it agrees with itself; UNSIGNED; of any age" in (
        capsys.readouterr().out
    )


def test_waivers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused by name; with the option, and standing in the protected declaration, let through without another word."""
    refused = {"MSG-150": violated("wrong-mechanism", "SCRAM is not offered")}
    declaration = DEV_MIN + WAIVER.replace(b"2026-07-01", b"2999-01-01")
    place = Place(tmp_path, declaration=declaration, outcomes=refused)
    (tmp_path / "substrate.toml").write_bytes(declaration)
    assert 0 == place.seal()
    capsys.readouterr()
    assert 1 == place.verify()
    line = f"{place.evidence}: waived: MSG-150 service/ingest is waived; --allow-waivers would let it stand\n"
    assert (line, "") == capsys.readouterr()
    assert 0 == place.verify("--allow-waivers")
    assert "" == capsys.readouterr().err


@pytest.mark.parametrize("age", ["120s", "2m", "1h", "1d"])
def test_ages(place: Place, age: str) -> None:
    """Seconds, minutes, hours, days; the oldest observation here is two minutes old, and a bit."""
    assert 0 == place.seal()
    assert int(age in ("120s", "2m")) == place.verify("--max-age", age)


def test_verify_needs_no_sdk(place: Place) -> None:
    """Neither the SDKs nor pytest are loaded by it, and it works where they can't be."""
    assert 0 == place.seal()
    program = (
        "import sys\n"
        "for name in ('boto3', 'botocore', 'kafka', 'pytest', 'ministack'): sys.modules[name] = None\n"
        "from pytest_substrate.cli.main import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", program, "verify", str(place.evidence), "--key", str(place.folder / "ci.pub")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (0, "") == (done.returncode, done.stderr)


WRITER = """
import sys
from pathlib import Path
from pytest_substrate.evidence import envelope
text = Path(sys.argv[1]).read_text()
print("ready", flush=True)
while True:
    envelope.write_whole(Path(sys.argv[2]), text)
    Path(sys.argv[2]).unlink()
"""


def test_a_killed_writer_leaves_no_file_that_half_verifies(place: Place) -> None:
    """SIGKILL at any moment of the writing: there is the whole file, or none under that name, and no third thing."""
    assert 0 == place.seal()
    sealed, target = place.evidence.read_bytes(), place.folder / "killed.json"
    seen = set()
    for number in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(place.evidence), str(target)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        assert "ready\n" == writer.stdout.readline()
        time.sleep(0.01 + 0.007 * number)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait(timeout=30)
        writer.stdout.close()
        seen.add(target.exists())
        assert not target.exists() or sealed == target.read_bytes()
        for draft in place.folder.glob(".killed.json.*.draft"):  # what is left of a write has another name
            assert sealed.startswith(draft.read_bytes())
    assert seen


SLOW = """
import os, sys
from pathlib import Path
from pytest_substrate.evidence import envelope
real = os.fdopen
class Slow:
    def __init__(self, file): self.file = file
    def __enter__(self): return self
    def __exit__(self, *exc): self.file.close()
    def fileno(self): return self.file.fileno()
    def flush(self): self.file.flush()
    def write(self, text):
        self.file.write(text[: len(text) // 2]); self.file.flush()
        os.kill(os.getpid(), 9)
envelope.os.fdopen = lambda *args, **more: Slow(real(*args, **more))
envelope.write_whole(Path(sys.argv[2]), Path(sys.argv[1]).read_text())
"""


def test_killed_in_the_middle_of_writing(place: Place) -> None:
    """Half of it was written when SIGKILL came: nothing stands under the name, and verify is red."""
    target = place.folder / "killed.json"
    assert 0 == place.seal()
    done = subprocess.run(
        [sys.executable, "-c", SLOW, str(place.evidence), str(target)], check=False, timeout=60, capture_output=True
    )
    assert -signal.SIGKILL == done.returncode
    assert not target.exists()
    [draft] = place.folder.glob(".killed.json.*.draft")
    assert 0 < draft.stat().st_size < place.evidence.stat().st_size
    for path in (target, draft):
        assert 1 == main(["verify", str(path), "--key", str(place.folder / "ci.pub")])
