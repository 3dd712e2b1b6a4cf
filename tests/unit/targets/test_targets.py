"""The targets: who is let in, what is asked as whom, and what each vantage can and can't do."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.adapters.aws.secretsmanager import read_secret
from pytest_substrate.evidence.redaction import Net
from pytest_substrate.model.declaration import Declaration, parse_declaration
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import TargetKind, Vantage
from pytest_substrate.model.transcript import ProbeRequest, Transcript
from pytest_substrate.targets import make_target
from pytest_substrate.targets.port import Completed, Target, TargetError
from pytest_substrate.targets.runtime_host import runtime_host

DECLARATION = Path(__file__).parents[3] / "fixtures" / "dev_min" / "substrate.toml"
REQUEST = ProbeRequest(nonce="0123456789abcdef0123456789abcdef", expected_env="SUBSTRATE_EXPECTED")
SAID: list[str] = []
ONE, TWO, BUSY = "topic-write-denied", "api-version-pinned", "rotated-without-redeploy"
PROGRAM = """
import hashlib, json, os, sys
asked = json.loads(sys.argv[1])
told = {"schema": "substrate.transcript/1", "nonce": asked["nonce"], "python": "3", "started_at": "2030-01-01T00:00Z"}
if "expected_env" in asked: told["crash"] = {"type": "expected", "at": ""}
text = json.dumps(told, separators=(",", ":"))
print("substrate-transcript", asked["nonce"], "1/1", hashlib.sha256(text.encode()).hexdigest(), text)
"""


@pytest.fixture
def declaration() -> Declaration:
    """That of `dev_min`."""
    return parse_declaration(DECLARATION.read_text(encoding="utf-8"), name="substrate.toml")


@pytest.fixture
def make(declaration: Declaration, tmp_path: Path) -> Callable[..., Any]:
    """Makes a target whose program only says that it ran."""

    def make_one(kind: TargetKind, vantage: Vantage = Vantage.TASK, *, owner: bool = True) -> Any:
        return make_target(
            kind,
            declaration,
            vantage=vantage,
            folder=tmp_path / "run",
            owner=owner,
            progress=SAID.append,
            source=lambda: PROGRAM,
        )

    return make_one


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials and no settings of whoever runs the tests."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "LOCALSTACK_", "SUBSTRATE_")) or name.lower().endswith(("_proxy", "_ca_bundle")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def answering() -> Iterator[Callable[[int, str], str]]:
    """Starts a server that answers everything alike; its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(status: int, body: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                data = body.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads it."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def causes(target: Target) -> list[str]:
    """Why the guard refuses a target."""
    return [refusal.cause for refusal in target.guard()]


def test_aws_without_credentials_is_refused(make: Callable[..., Any]) -> None:
    """One reason, with the mend, and no call."""
    assert ["no-credentials"] == causes(make(TargetKind.AWS))


def test_aws_with_bent_surroundings_is_refused_before_any_call(
    make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials are not even looked for, so nothing can have left."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "example")
    monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", _no_call)
    assert ["endpoint-override"] == causes(make(TargetKind.AWS))


def test_a_broken_sign_in_is_refused_in_its_own_words(make: Callable[..., Any], tmp_path: Path) -> None:
    """What botocore can't use of a profile is told, not raised."""
    (tmp_path / ".aws").mkdir()
    text = "[default]\nrole_arn = arn:aws:iam::111122223333:role/x\nsource_profile = nowhere\nregion = eu-west-2\n"
    (tmp_path / ".aws" / "config").write_text(text, encoding="utf-8")
    [refusal] = make(TargetKind.AWS).guard()
    assert "credentials-broken" == refusal.cause
    assert "nowhere" in refusal.message


def test_exec_on_aws_is_one_clear_refusal(make: Callable[..., Any]) -> None:
    """ECS Exec is not built yet, and says so."""
    assert ["exec-not-built"] == causes(make(TargetKind.AWS, Vantage.EXEC))
    with pytest.raises(TargetError, match="embedded"):
        make(TargetKind.AWS, Vantage.EXEC).execute("ingest", ["true"], deadline_s=1)


def test_here_on_aws_no_probe_is_even_run(make: Callable[..., Any]) -> None:
    """Nothing that this process sees can make a rung of the runtime green."""
    run = make(TargetKind.AWS, Vantage.HERE).probe("ingest", REQUEST)
    assert isinstance(run.transcript, Unobserved)
    assert ("not-the-runtime", Vantage.HERE) == (run.transcript.reason, run.vantage)


def test_here_elsewhere_the_program_runs_in_this_environment(make: Callable[..., Any], answering: Any) -> None:
    """As a child of this process, without the reference that only a twin brings."""
    os.environ["LOCALSTACK_HOST"] = answering(501, "{}")
    run = make(TargetKind.LOCALSTACK, Vantage.HERE).probe("ingest", REQUEST)
    assert isinstance(run.transcript, Transcript), run
    assert (None, Vantage.HERE, 0) == (run.transcript.crash, run.vantage, run.exit_code)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (501, '{"__type": "InternalFailure", "message": "API for service not yet implemented or pro feature"}'),
        (500, "<!DOCTYPE html><title>500 Internal Server Error</title>"),
    ],
)
def test_what_an_endpoint_lacks_is_never_a_finding(
    make: Callable[..., Any], answering: Any, monkeypatch: pytest.MonkeyPatch, status: int, body: str
) -> None:
    """Its 501, or the page of an emulator, is `not-implemented` for every call of the service."""
    monkeypatch.setenv("LOCALSTACK_HOST", answering(status, body))
    target = make(TargetKind.LOCALSTACK)
    told = read_secret(target.client("secretsmanager"), "AmazonMSK_ingest")
    assert isinstance(told, Unobserved)
    assert "not-implemented" == told.reason
    run = target.probe("ingest", REQUEST)
    assert "not-implemented" == run.start_failure


def test_a_service_that_is_only_half_there_is_left_alone(
    declaration: Declaration, tmp_path: Path, answering: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the cheap call is answered, later answers are the service's own."""
    monkeypatch.setenv("LOCALSTACK_HOST", answering(200, "{}"))
    target = make_target(
        TargetKind.LOCALSTACK,
        declaration.model_copy(update={"observer": None}),
        vantage=Vantage.TASK,
        folder=tmp_path / "run",
        owner=True,
        progress=SAID.append,
    )
    client = target.client("secretsmanager")
    assert 200 == client.list_secrets()["ResponseMetadata"]["HTTPStatusCode"]


def test_an_endpoint_of_aws_is_no_localstack(make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The made-up keys of this target are for what is not AWS."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://sts.eu-west-2.amazonaws.com")
    assert ["endpoint-is-aws"] == causes(make(TargetKind.LOCALSTACK))


def test_an_endpoint_that_does_not_answer_is_refused(make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """By the guard, before any plane."""
    monkeypatch.setenv("LOCALSTACK_HOST", "127.0.0.1:1")
    assert ["identity-unknown"] == causes(make(TargetKind.LOCALSTACK))


def test_processes_of_a_run_share_its_id(make: Callable[..., Any]) -> None:
    """By which its twins are told from those of another run; a new owner is a new run."""
    owner = make(TargetKind.AWS)
    assert owner.run_id == make(TargetKind.AWS, owner=False).run_id
    assert owner.run_id != make(TargetKind.AWS).run_id


def test_a_target_says_what_it_is(make: Callable[..., Any]) -> None:
    """Kind, account, region and environment; the observer as STS names it, else none."""
    told = make(TargetKind.AWS).describe()
    expected = {
        "kind": "aws",
        "account": "111122223333",
        "region": "eu-west-2",
        "environment": "dev",
        "vantage": "task",
    }
    assert expected == {key: told[key] for key in expected}
    assert None is told["observer"]


def test_making_a_target_of_aws_needs_no_emulator() -> None:
    """Neither the embedded platform nor what it is made of is imported."""
    program = (
        "import sys, pathlib, tempfile\n"
        "from pytest_substrate.model.declaration import parse_declaration\n"
        "from pytest_substrate.model.outcome import TargetKind, Vantage\n"
        "from pytest_substrate.targets import make_target\n"
        f"text = pathlib.Path({str(DECLARATION)!r}).read_text()\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    make_target(TargetKind.AWS, parse_declaration(text, name='x'), vantage=Vantage.TASK,"
        " folder=pathlib.Path(folder), owner=True, progress=print)\n"
        "bad = [name for name in sys.modules if name.split('.')[0] in ('ministack', 'localstack_client', 'kafka')"
        " or name.startswith('pytest_substrate.embedded')]\n"
        "sys.exit(str(bad) if bad else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (0, "") == (done.returncode, done.stderr)


def test_importing_targets_is_light() -> None:
    """The package, its port and the guard bring no SDK: a run that demands nothing pays nothing."""
    program = (
        "import sys, pytest_substrate.targets, pytest_substrate.targets.port, pytest_substrate.targets.guard\n"
        "heavy = {'botocore', 'boto3', 'pydantic', 'kafka', 'testinfra'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (0, "") == (done.returncode, done.stderr)


class Attached:
    """A kept platform as far as an attachment goes: its file, and its control endpoint with faults in a list."""

    def __init__(self, folder: Path) -> None:
        self.applied: list[str] = []
        self.asked: list[str] = []
        attached = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                attached.asked.append(self.path)
                match self.path.strip("/").split("/"):
                    case ["faults", "undo"]:
                        attached.applied.clear()
                    case ["faults", name, "apply"] if name == BUSY:
                        return self._answer(400, {"error": "it can't be applied now"})
                    case ["faults", name, "apply"]:
                        attached.applied.append(name)
                return self._answer(200, {"applied": attached.applied})

            def _answer(self, status: int, body: object) -> None:
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, format: str, *args: object) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        folder.mkdir()
        self.file = folder / "attach.json"
        self.content = {
            "schema": "substrate.embedded/1",
            "endpoint": "http://127.0.0.1:1",
            "cloud_token": "c",
            "control": f"http://127.0.0.1:{self.server.server_port}",
            "control_token": "t",
            "environment": "dev",
            "account": "111122223333",
            "region": "eu-west-2",
            "credentials": {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "example"},
            "administrator": {"access_key_id": "AKIAOTHER", "secret_access_key": "example"},
            "ca_file": str(folder / "ca.pem"),
            "kafka": {"spine": {"brokers": ["localhost:1"], "admin": "127.0.0.1:2"}},
            "folder": str(folder),
            "pid": os.getpid(),
        }
        self.file.write_text(json.dumps(self.content), encoding="utf-8")


@pytest.fixture
def attached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Attached]:
    """A platform that is kept, and named to this run."""
    made = Attached(tmp_path / "kept")
    monkeypatch.setenv("SUBSTRATE_EMBEDDED", str(made.file))
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def embedded(declaration: Declaration, tmp_path: Path) -> Callable[..., Any]:
    """Makes the embedded target of a run of its own."""
    numbers = iter(range(100))

    def make_one(*faults: str) -> Any:
        return make_target(
            TargetKind.EMBEDDED,
            declaration,
            vantage=Vantage.TASK,
            folder=tmp_path / f"run{next(numbers)}",
            owner=True,
            progress=SAID.append,
            faults=faults,
        )

    return make_one


def test_faults_are_applied_in_order_and_undone_at_the_end(attached: Attached, embedded: Callable[..., Any]) -> None:
    """A kept platform is given back as it was."""
    target = embedded(ONE, TWO)
    assert [ONE, TWO] == attached.applied
    target.close()
    assert [] == attached.applied


def test_a_fault_that_can_t_be_applied_leaves_none_behind(attached: Attached, embedded: Callable[..., Any]) -> None:
    """Those before it are undone, and the platform is free again."""
    with pytest.raises(BadInput, match="can't be applied now"):
        embedded(ONE, BUSY)
    assert [] == attached.applied
    embedded(ONE).close()


def test_a_fault_that_there_is_not_is_told_before_anything_is_started(
    attached: Attached, embedded: Callable[..., Any]
) -> None:
    """No platform is asked or started for a misspelt name."""
    with pytest.raises(BadInput, match="no fault of that name"):
        embedded("no-such-fault")
    assert [] == attached.asked


def test_runs_share_a_kept_platform_and_one_with_faults_has_it_alone(
    attached: Attached, embedded: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain runs go side by side; a run with faults waits for them, and they for it."""
    monkeypatch.setattr("pytest_substrate.targets.embedded._LOCK_S", 0.3)
    first, second = embedded(), embedded()
    with pytest.raises(TargetError, match="other runs"):
        embedded(ONE)
    first.close()
    second.close()
    broken = embedded(ONE)
    with pytest.raises(TargetError, match="run with faults"):
        embedded()
    broken.close()
    embedded().close()


def test_faults_that_a_killed_run_left_are_undone_by_the_next(attached: Attached, embedded: Callable[..., Any]) -> None:
    """Its lock died with it; the next run finds the platform broken, mends it, and goes on side by side with others."""
    attached.applied.append("left")
    target = embedded()
    assert [] == attached.applied
    embedded().close()
    target.close()


def test_a_worker_joins_the_platform_of_its_owner(
    attached: Attached, make: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through the run's folder, whatever the worker's environment says; its end undoes nothing of the owner's."""
    owner = make(TargetKind.EMBEDDED)
    monkeypatch.delenv("SUBSTRATE_EMBEDDED")
    worker = make(TargetKind.EMBEDDED, owner=False)
    assert owner.attachment.path == worker.attachment.path
    asked = list(attached.asked)
    worker.close()
    assert asked == attached.asked
    owner.close()


@pytest.mark.parametrize("what", ["environment", "account", "region"])
def test_a_declaration_of_another_place_is_refused(attached: Attached, embedded: Callable[..., Any], what: str) -> None:
    """Before anything is asked of the cloud."""
    attached.file.write_text(json.dumps(attached.content | {what: "other"}), encoding="utf-8")
    target = embedded()
    assert [f"{what}-differs"] == causes(target)
    target.close()


@pytest.mark.usefixtures("attached")
def test_an_environment_that_leads_away_from_the_platform_is_told(
    embedded: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """localstack-client follows AWS_ENDPOINT_URL; the platform's own endpoint is meant."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:2")
    with pytest.raises(TargetError, match="AWS_ENDPOINT_URL"):
        embedded()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")  # as `substrate up` prints it
    embedded().close()


@pytest.mark.parametrize("text", ["", "{}", '{"schema": "substrate.embedded/0"}', "[]"])
def test_what_is_no_attach_file_is_told(
    embedded: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """By the variable that names it, with the mend."""
    (tmp_path / "attach.json").write_text(text, encoding="utf-8")
    monkeypatch.setenv("SUBSTRATE_EMBEDDED", str(tmp_path / "attach.json"))
    with pytest.raises(BadInput, match="SUBSTRATE_EMBEDDED"):
        embedded()


class Shell:
    """A target whose containers are this machine, in an environment of its own."""

    secrets = Net()

    def execute(self, service: str, command: list[str], *, deadline_s: float) -> Completed:
        """Run it here."""
        done = subprocess.run(command, capture_output=True, timeout=deadline_s, check=False, env={"SERVICE": service})
        return Completed(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def test_a_runtime_host_runs_commands_where_the_target_says() -> None:
    """Arguments are quoted, exit code and streams are the command's own, bytes are kept."""
    target: Any = Shell()
    host = runtime_host(target, "ingest")
    assert "ingest\n" == host.check_output("echo $SERVICE") + "\n"
    done = host.run("printf %s; printf err >&2; exit 3", "a b; $(x)")
    assert (3, "a b; $(x)", "err") == (done.rc, done.stdout, done.stderr)
    assert b"\xff" == host.run(r"printf '\377'").stdout_bytes
    assert host.file("/").is_directory
    assert "substrate://ingest" == host.backend.get_pytest_id()


class NoShell(Shell):
    """A container without a shell."""

    def execute(self, service: str, command: list[str], *, deadline_s: float) -> Completed:
        """In the words of a container runtime."""
        if command[0] == "/bin/sh":
            stderr = b'exec: "/bin/sh": stat /bin/sh: no such file or directory\n'
            return Completed(exit_code=127, stdout=b"", stderr=stderr)
        return super().execute(service, command, deadline_s=deadline_s)


@pytest.mark.parametrize("words", ["a b", "it's", "$HOME", '"', "x;y|z", "a\\b", ""])
def test_without_a_shell_plain_words_are_run_all_the_same(words: str) -> None:
    """Quoted arguments reach the command as they would through a shell."""
    target: Any = NoShell()
    host = runtime_host(target, "ingest")
    assert words == host.run("printf %s %s", "%s", words).stdout
    assert "x y" == host.run('printf "x y"').stdout


@pytest.mark.parametrize("command", ["echo $HOME", "true; true", "echo a > b", "A=1 true", 'echo "$(id)"', "echo 'x"])
def test_without_a_shell_nothing_that_needs_one_is_guessed_at(command: str) -> None:
    """It ends with 127 and says what is missing."""
    target: Any = NoShell()
    done = runtime_host(target, "ingest").run(command)
    assert 127 == done.rc
    assert "/bin/sh" in done.stderr


class PythonAlone(Shell):
    """A container that has Python and nothing else, and a folder as its file system."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def execute(self, service: str, command: list[str], *, deadline_s: float) -> Completed:
        """In the words of a container runtime."""
        self.asked.append(command)
        if command[0] != "python3":
            stderr = f'exec: "{command[0]}": executable file not found in $PATH\n'.encode()
            return Completed(exit_code=127, stdout=b"", stderr=stderr)
        return super().execute(service, [sys.executable, *command[1:]], deadline_s=deadline_s)


def test_testinfra_s_own_questions_are_answered_by_the_container_s_python(tmp_path: Path) -> None:
    """Files, environment and system, without a shell and without a program; other commands end with 127."""
    target: Any = PythonAlone()
    host = runtime_host(target, "ingest")
    path = tmp_path / "it's a file"
    path.write_text("told")
    path.chmod(0o640)
    (tmp_path / "link").symlink_to(path)
    file = host.file(str(path))
    assert (True, True, False) == (file.exists, file.is_file, file.is_directory)
    assert (0o640, 4, "told") == (file.mode, file.size, file.content_string)
    assert hashlib.sha256(b"told").hexdigest() == file.sha256sum
    assert ["it's a file", "link"] == sorted(host.file(str(tmp_path)).listdir())
    assert str(path) == host.file(str(tmp_path / "link")).linked_to
    assert not host.file(str(tmp_path / "none")).exists
    assert "ingest" == host.environment()["SERVICE"]
    assert "linux" == host.system_info.type
    assert (True, False) == (host.exists("python3"), host.exists("vim"))
    assert os.getuid() == int(host.check_output("id -u"))
    for command in ("ls -la", "vim", "sh -c true", "cat a | wc", "sha256sum /etc/passwd | cut -c 1"):
        assert 127 == host.run(command).rc


def test_a_program_that_the_image_has_is_the_one_that_is_run() -> None:
    """Python stands in for what is missing, and for nothing else."""
    target: Any = NoShell()
    target.asked = []
    run = target.execute

    def noted(service: str, command: list[str], *, deadline_s: float) -> Completed:
        target.asked.append(command[0])
        done: Completed = run(service, command, deadline_s=deadline_s)
        return done

    target.execute = noted
    assert "linux" == runtime_host(target, "ingest").system_info.type
    assert "python3" not in target.asked


def test_a_runtime_host_does_not_become_another_user() -> None:
    """What sudo would show is nothing of the runtime."""
    target: Any = Shell()
    host = runtime_host(target, "ingest")
    with host.sudo(), pytest.raises(ValueError, match="sudo"):
        host.run("true")


def _no_call(*_: object) -> None:
    raise AssertionError("a call was made")
