"""What a container was given as a secret is known before its output leaves the target."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pytest_substrate.model.declaration import parse_declaration
from pytest_substrate.model.outcome import TargetKind, Vantage
from pytest_substrate.targets.control_plane import ControlPlaneTarget, Setting
from pytest_substrate.targets.injected import secret_names
from pytest_substrate.targets.port import Completed, Refusal, TargetError
from pytest_substrate.targets.runtime_host import runtime_host
from pytest_substrate.targets.twin.pace import LOCAL_PACE

DECLARATION = Path(__file__).parents[3] / "fixtures" / "dev_min" / "substrate.toml"
PASSWORD, API_KEY, TOKEN = 'hunter2"-Ünd/more+&<x>', "key-of-an-api", "token-of-the-endpoint"
SECRET = json.dumps({"username": "ingest", "password": PASSWORD})
DEFINITION = {
    "containerDefinitions": [
        {"name": "app", "secrets": [{"name": "API_KEY", "valueFrom": "arn"}]},
        {"name": "sidecar", "secrets": [{"name": "OTHER", "valueFrom": "arn"}]},
    ]
}


class Ecs:
    """Knows one task definition, or nothing."""

    answer: Any = {"taskDefinition": DEFINITION}  # noqa: RUF012  never changed

    def describe_task_definition(self, **_: Any) -> Any:
        """As ECS."""
        return self.answer


class Container(ControlPlaneTarget):
    """A target with one running container: processes of this machine, with an environment of their own."""

    kind = TargetKind.EMBEDDED

    def __init__(self, programs: Sequence[str] = ("python3", "cat", "printenv", "sh")) -> None:
        declaration = parse_declaration(DECLARATION.read_text(encoding="utf-8"), name="substrate.toml")
        caller: Any = type("Caller", (), {"as_role": lambda self, *_, **__: self})()
        setting = Setting(
            declaration=declaration, vantage=Vantage.EXEC, run_id="1", progress=lambda _: None, source=lambda: ""
        )
        super().__init__(setting, caller=caller, pace=LOCAL_PACE)
        self.ran: list[str] = []
        self.ecs = Ecs()
        self._programs = programs

    def client(self, service: str, region: str | None = None) -> Any:
        """ECS."""
        return self.ecs

    def guard(self) -> Sequence[Refusal]:
        """Let in."""
        return ()

    def running_task(self, service: str) -> Mapping[str, Any]:
        """The same one always."""
        return {"taskArn": "arn:task", "taskDefinitionArn": "arn:definition"}

    def execute_in(
        self, task: Mapping[str, Any], service: str, command: Sequence[str], *, deadline_s: float
    ) -> Completed:
        """Run it, where the image has the program."""
        self.ran.append(command[0])
        name = command[0].rpartition("/")[2]
        if name not in self._programs:
            return Completed(exit_code=127, stdout=b"", stderr=b'exec: "/bin/sh": not found')
        given = {"KAFKA_CREDENTIAL": SECRET, "API_KEY": API_KEY, "AWS_CONTAINER_AUTHORIZATION_TOKEN": TOKEN}
        program = sys.executable if name == "python3" else command[0]
        done = subprocess.run(
            [program, *command[1:]],
            capture_output=True,
            timeout=deadline_s,
            check=False,
            env=given | {"PLAIN": "plain value"},
        )
        return Completed(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


SHOW = "import os, sys; print(dict(os.environ)); print(os.environ['KAFKA_CREDENTIAL'], file=sys.stderr)"


@pytest.mark.parametrize("programs", [("python3", "sh"), ("cat", "python3"), ("cat", "printenv", "sh")], ids=str)
def test_an_environment_that_a_test_prints_is_masked(programs: tuple[str, ...]) -> None:
    """The whole secret and its password, in both streams; the rest of the output is the command's own."""
    host = runtime_host(Container(programs), "ingest")
    done = host.run("python3 -c %s", SHOW) if "python3" in programs else host.run("cat /proc/self/environ")
    shown = done.stdout + done.stderr
    assert "plain value" in shown
    assert not [secret for secret in (PASSWORD, API_KEY, TOKEN, SECRET, "hunter2") if secret in shown]
    assert "***" in done.stdout


@pytest.mark.parametrize(
    "program",
    [
        "import os, json; print(json.loads(os.environ['KAFKA_CREDENTIAL'])['password'])",
        "import os, base64; print(base64.encodebytes(b'x' * 70 + os.environb[b'KAFKA_CREDENTIAL']).decode())",
        "import os; print(os.environb[b'API_KEY'].hex())",
        "import os, urllib.parse; print(urllib.parse.quote(os.environ['KAFKA_CREDENTIAL']))",
        "import os, json; print(json.dumps(dict(os.environ)))",
        "import os, pprint; pprint.pprint(dict(os.environ), width=20)",
    ],
)
def test_no_form_of_it_gets_out(program: str) -> None:
    """Nor one of its parts."""
    target = Container()
    raw = target.execute("ingest", ["python3", "-c", program], deadline_s=10).stdout
    assert target.secrets.holds(raw)
    assert not target.secrets.holds(runtime_host(target, "ingest").run("python3 -c %s", program).stdout_bytes)


def test_they_are_asked_once_a_task() -> None:
    """Two commands, one question."""
    target = Container()
    for _ in range(2):
        target.execute("ingest", ["printenv"], deadline_s=10)
    assert ["python3", "printenv", "printenv"] == target.ran


def test_who_listens_hears_of_each() -> None:
    """So a run masks them wherever they come from."""
    target, heard = Container(), list[str]()
    target.secrets.pass_on(heard.append)
    target.execute("ingest", ["true"], deadline_s=10)
    assert {SECRET, PASSWORD, API_KEY, TOKEN} == set(heard)


def test_what_can_not_be_masked_is_not_run() -> None:
    """An image that can't tell its environment, or an observer that may not read the task definition."""
    target = Container(programs=("printenv",))
    with pytest.raises(TargetError, match="neither python3 nor cat"):
        target.execute("ingest", ["printenv"], deadline_s=10)
    assert "printenv" not in target.ran
    target = Container()
    target.ecs.answer = None
    with pytest.raises(TargetError, match=r"malformed.*ecs:DescribeTaskDefinition"):
        target.execute("ingest", ["printenv"], deadline_s=10)
    assert [] == target.ran


def test_which_variables_hold_secrets() -> None:
    """Those that ECS fills in this container, the declared one, and those of the SDK; not a sidecar's."""
    service = Container().declaration.service["ingest"]
    names = secret_names(DEFINITION, service)
    assert {"API_KEY", "KAFKA_CREDENTIAL", "AWS_CONTAINER_AUTHORIZATION_TOKEN"} <= set(names)
    assert "OTHER" not in names
    assert "KAFKA_BOOTSTRAP_SERVERS" not in names
    assert "KAFKA_CREDENTIAL" in secret_names({}, service)


def test_a_proxy_that_has_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment's proxy adds to the declared one is masked too."""
    from pytest_substrate.targets.aws import AwsTarget

    text = DECLARATION.read_text(encoding="utf-8") + '\n[target]\nproxy = "http://proxy.internal:3128"\n'
    monkeypatch.setenv("HTTPS_PROXY", "http://user:pass%2Dword@proxy.internal:3128")
    setting = Setting(
        declaration=parse_declaration(text, name="substrate.toml"),
        vantage=Vantage.TASK,
        run_id="1",
        progress=lambda _: None,
        source=lambda: "",
    )
    target = AwsTarget(setting)
    assert "user:***@ ***" == target.secrets.scrub("user:pass%2Dword@ pass-word")
    assert target.secrets.holds(base64.b64encode(b"user:pass-word"))
