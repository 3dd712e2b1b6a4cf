"""Every way out that we know of, tried with a secret: what leaves holds a mask where an unknown text shows itself.

One project tries all routes at once: in a plain run, in one with workers, and in a control run whose password nobody
registered. The control proves that each route leads out; the others, that the secret doesn't.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock

from pytest_substrate.evidence.envelope import unpack
from tests.plugin.conftest import CONFTEST, DECLARATION, Project
from tests.plugin.routes import HIDDEN, HOUSE_OF_ROUTES, OURS, PASSWORD, ROLE_KEY, ROUTES, TOKEN

NAMES = (*re.findall(r"def test_(\w+)", ROUTES), "summary")
OUR_NAMES = tuple(re.findall(r"def test_(\w+)", OURS))
ONLY_PLAIN = {"summary", "disabled_capture"}
"""With workers, the one is the controller's, which ran no test, and the other goes to a stream that nobody reads."""
ONLY_GATE = {"evidence"}


class Endpoint(BaseHTTPRequestHandler):
    """STS, Secrets Manager and ECS, as far as they are asked here."""

    def do_POST(self) -> None:
        """Answer by what is asked."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = self.headers.get("X-Amz-Target", "")
        text = "{}"
        if b"Action=AssumeRole" in body:
            until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
            text = (
                "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId>"
                f"<SecretAccessKey>{ROLE_KEY}</SecretAccessKey><SessionToken>{TOKEN}</SessionToken>"
                f"<Expiration>{until}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
            )
        elif b"Action=GetCallerIdentity" in body:
            role = "user/operator" if b"AKIA" in self.headers["Authorization"].encode() else "x"
            arn = f"arn:aws:iam::111122223333:{role}"
            if role == "x":
                arn = "arn:aws:sts::111122223333:assumed-role/substrate-observer/substrate-1"
            text = (
                f"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn><UserId>x</UserId>"
                "<Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
            )
        elif "GetSecretValue" in asked:
            value = json.dumps({"username": "ingest", "password": PASSWORD})
            named = json.loads(body)["SecretId"]
            arn = f"arn:aws:secretsmanager:eu-west-2:111122223333:secret:{named}"
            text = json.dumps({"ARN": arn, "VersionId": "v" * 32, "SecretString": value})
        elif "DescribeTaskDefinition" in asked:
            text = json.dumps({"taskDefinition": {"containerDefinitions": []}})
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self) -> None:
        """The same."""
        self.do_POST()

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


@contextmanager
def served() -> Iterator[str]:
    """Where everything of AWS is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a run left: its exit code, and each output by name."""

    exit_code: int
    outputs: Mapping[str, str]

    def around(self, name: str) -> Iterator[tuple[str, str]]:
        """What stands behind a route's name, wherever it stands."""
        for output, text in self.outputs.items():
            for found in re.finditer(rf"\bvia_{name}\b", text):
                yield output, text[found.start() : found.start() + 400]


def once(factory: pytest.TempPathFactory, name: str, *arguments: str, control: bool = False) -> Left:
    """What a run left that is made once, whichever worker of the tests' own run needs it first."""
    base = factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"routes-{name}"
    with FileLock(f"{folder}.lock"):
        kept = Path(f"{folder}.json")
        if not kept.exists():
            folder.mkdir()
            with served() as endpoint:
                left = run_routes(folder, endpoint, *arguments, control=control)
            kept.write_text(json.dumps([left.exit_code, dict(left.outputs)]), encoding="utf-8")
        exit_code, outputs = json.loads(kept.read_text(encoding="utf-8"))
    return Left(exit_code=exit_code, outputs=outputs)


def run_routes(folder: Path, endpoint: str, *arguments: str, control: bool = False) -> Left:
    """Run the project in a process of its own, as chatty as pytest can be."""
    (folder / "substrate.toml").write_text(DECLARATION.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "conftest.py").write_text(CONFTEST.format(red={}) + HOUSE_OF_ROUTES, encoding="utf-8")
    (folder / "test_routes.py").write_text(ROUTES, encoding="utf-8")
    if not control:
        (folder / "test_ours.py").write_text(OURS, encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_", "SUBSTRATE_"))}
    environment = kept | {"LEAK_ENDPOINT": endpoint, "COLUMNS": "120"} | ({"LEAK_CONTROL": "1"} if control else {})
    gate = [] if control else ["--substrate-require=messaging_plane", "--substrate-target=embedded"]
    chatty = ["-vv", "-rA", "--tb=long", "--showlocals", "--junitxml=out/junit.xml", "-o", "junit_logging=all"]
    logs = ["-o", "log_cli=true", "--log-cli-level=DEBUG", "--log-level=DEBUG", "--log-file=out/log.txt"]
    files = ["--log-file-level=DEBUG", "--alluredir=out/allure", "--basetemp=base", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *gate, "test_routes.py", *([] if control else ["test_ours.py"])]
    done = subprocess.run(
        [*command, *chatty, *logs, *files, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
        timeout=120,
    )
    outputs = {"stdout": done.stdout.decode(errors="replace"), "stderr": done.stderr.decode(errors="replace")}
    for name in ("out", "reports", "base"):
        files_left = (path for path in (folder / name).rglob("*") if path.is_file())
        outputs |= {str(path.relative_to(folder)): path.read_text(errors="replace") for path in files_left}
    if (folder / "reports" / "evidence.json").exists():
        statement = unpack((folder / "reports" / "evidence.json").read_text(encoding="utf-8"))
        outputs["statement"] = json.dumps(statement, ensure_ascii=False)
    return Left(exit_code=done.returncode, outputs=outputs)


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Left:
    """The run in which nobody knows that the password is one."""
    return once(tmp_path_factory, "control", "-p", "no:xdist", control=True)


@pytest.fixture(scope="module", params=["plain", "xdist"])
def left(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Left:
    """What a gate run left."""
    arguments = ("-p", "no:xdist") if request.param == "plain" else ("-n", "2")
    return once(tmp_path_factory, request.param, *arguments)


def hunted(text: str) -> list[str]:
    """The forms of the secrets that are in a text, whole or in parts, also where it breaks them over lines."""
    found = []
    texts = (text, re.sub(r"['\"]?(?:\\n|\s|&#10;)+(?:E\s+)?b?['\"]?", "", text))
    for secret in HIDDEN:
        forms = {
            secret,
            json.dumps(secret)[1:-1],
            html.escape(secret),
            urllib.parse.quote(secret),
            urllib.parse.quote_plus(secret),
            secret.encode().hex(),
            *(secret[begin : begin + 9] for begin in range(len(secret) - 8)),
            *(base64.b64encode(b"-" * pad + secret.encode()).decode()[4:-4] for pad in range(3)),
        }
        found += [form for form in forms for each in texts if form in each or form.replace(" ", "") in each]
    return sorted(set(found))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ONLY_GATE])
def test_the_route_leads_out(control: Left, name: str) -> None:
    """Where nobody knows of the secret, it is out: the route is one."""
    assert [(output, text) for output, text in control.around(name) if hunted(text)]


@pytest.mark.parametrize("name", [*NAMES, *OUR_NAMES])
def test_no_secret_takes_the_route(left: Left, name: str) -> None:
    """What the route put out holds no part of a secret, in no output."""
    assert [] == [(output, text) for output, text in left.around(name) if hunted(text)]


@pytest.mark.parametrize("name", NAMES)
def test_the_route_was_taken(left: Left, name: str) -> None:
    """A mask came out there."""
    came = any("***" in text for _, text in left.around(name))
    assert came or (name in ONLY_PLAIN and "[gw" in left.outputs["stdout"])


def test_nothing_at_all_is_out(left: Left) -> None:
    """Terminal, JUnit, Allure, evidence, log file, temporary files: no secret of the run, in no form."""
    assert {"stdout", "out/junit.xml", "out/log.txt", "statement"} <= set(left.outputs)
    assert any(name.startswith("out/allure") for name in left.outputs)
    assert {} == {name: found for name, text in left.outputs.items() if (found := hunted(text))}


def test_the_run_is_what_it_was(left: Left) -> None:
    """Users' tests failed, and the verdict is the rungs' own."""
    assert 1 == left.exit_code
    assert "READY" == json.loads(left.outputs["statement"])["predicate"]["verdict"]


def test_the_sdk_is_unheard(left: Left) -> None:
    """Of our own calls, that is: a user's client is heard, and masked."""
    assert "via_their_client" in left.outputs["stdout"]
    assert "AssumeRole" not in left.outputs["stdout"]
    assert "AssumeRole" not in left.outputs["out/log.txt"]


ALONE = f"""
import pytest
from pytest_substrate.evidence.secret import Secret
from pytest_substrate.running import run_of

@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session):
    run_of(session.config).scrubber.add({PASSWORD!r})
"""
"""A conftest that knows the password before anything is collected."""


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        ("raise ValueError('via_alone ' + {0!r})", ()),
        ("import pytest; pytest.skip('via_alone ' + {0!r}, allow_module_level=True)", ("-rs",)),
        ("import pytest; pytest.fail('via_alone ' + {0!r}, pytrace=False)", ()),
        ("import pytest\ndef test_it(): pytest.exit('via_alone ' + {0!r})", ()),
        (
            "import pytest\n@pytest.fixture(params=[{0!r}], ids=['via_alone'])\ndef it(): pass\ndef test_it(it): pass",
            ("--setup-show",),
        ),
        ("assert {{'via_alone': {0!r}}} == {{}}", ()),
        ("def test_it():\n    via_alone = {0!r}\n    assert 0", ("--full-trace", "-l")),
        ("def test_it():\n    raise ValueError('via_alone ' + {0!r})", ("--tb=native",)),
        ("def test_it():\n    raise ValueError('via_alone ' + {0!r})", ("--tb=line",)),
    ],
    ids=[
        "collection",
        "module-skip",
        "module-fail",
        "exit",
        "setup-show",
        "module-assert",
        "full-trace",
        "native",
        "line",
    ],
)
def test_routes_of_their_own(project: Project, body: str, arguments: tuple[str, ...]) -> None:
    """Errors and skips of a collection, an exit, other styles of traceback."""
    project.conftest(ALONE)
    project.pytester.makepyfile(test_own=body.format(PASSWORD))
    text = str(project.run("test_own.py", "-p", "no:xdist", *arguments).stdout)
    assert "via_alone" in text
    assert [] == hunted(text)


@pytest.mark.parametrize("arguments", [("-s",), ("--capture=tee-sys",), ("-p", "no:capture")], ids=str)
def test_what_can_not_be_scrubbed_is_refused(project: Project, arguments: tuple[str, ...]) -> None:
    """A run with a verdict doesn't start where pytest lets tests print past it."""
    result = project.messaging(*arguments, "-p", "no:xdist")
    assert 4 == result.ret
    assert 0 == project.called("start")


@pytest.mark.parametrize("arguments", [(), ("--substrate-require=messaging_plane",)], ids=["plain", "gate"])
@pytest.mark.parametrize(
    "body",
    [
        "def test_it(record_testsuite_property): record_testsuite_property('own', {0!r})",
        "def test_it(record_xml_attribute): record_xml_attribute('classname', {0!r})",
    ],
    ids=["suite-property", "xml-attribute"],
)
def test_what_junit_takes_past_the_reports(project: Project, body: str, arguments: tuple[str, ...]) -> None:
    """Its properties of the whole suite, and attributes: nobody can mask them, so the file is withheld."""
    project.conftest(ALONE)
    project.pytester.makepyfile(test_own=body.format(PASSWORD))
    result = project.run("test_own.py", "-p", "no:xdist", "--junitxml=junit.xml", *arguments)
    assert 11 == result.ret
    assert not (project.path / "junit.xml").exists()
    assert "secret-in-output: junit.xml held a secret, and was removed" in str(result.stdout)
