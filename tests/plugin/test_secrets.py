"""A secret that a fixture gave stays out of everything that pytest and its reporters put out."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.plugin.conftest import Project

SECRET = "hunter2-Ünd/more+&<x>"

GIVING = f"""
import json

class SecretsManager:
    def get_secret_value(self, SecretId):
        return {{"ARN": "arn:aws:secretsmanager:eu-west-2:111122223333:secret:" + SecretId, "VersionId": "v1",
                "SecretString": json.dumps({{"username": "ingest", "password": {SECRET!r}}})}}

Target.client = lambda self, service: SecretsManager()
"""

ROUTES = """
import base64, json, logging, sys, urllib.parse, warnings
import pytest

pytestmark = pytest.mark.messaging_plane

@pytest.fixture
def password(runtime_credentials):
    return runtime_credentials["ingest"].password.reveal()

def test_print(password):
    print("stdout", password)
    print("stderr", password, file=sys.stderr)
    assert False

def test_message(password):
    raise ValueError("password is " + password)

def test_diff(password):
    assert password == "something else"

def test_locals(password):
    encoded = base64.b64encode(("ingest:" + password).encode()).decode()
    quoted = urllib.parse.quote(password)
    as_json = json.dumps({"password": password})
    as_hex = password.encode().hex()
    assert not encoded

def test_logging(password):
    logging.getLogger("app").warning("password %s", password)
    logging.getLogger("botocore").debug("body %s", json.dumps({"password": password}))
    assert False

def test_warning(password):
    warnings.warn("password " + password)

def test_skip(password):
    pytest.skip("because of " + password)

def test_xfail(password):
    pytest.xfail("because of " + password)

def test_property(password, record_property):
    record_property("password", password)

def test_chain(password):
    try:
        raise KeyError(password)
    except KeyError as error:
        raise RuntimeError("outer " + password) from error

def test_note(password):
    error = ValueError("x")
    error.add_note("note " + password)
    raise error

@pytest.fixture
def broken(password):
    yield
    raise ValueError("teardown " + password)

def test_teardown(broken):
    pass

def test_shown(runtime_credentials):
    credential = runtime_credentials["ingest"]
    print(credential, credential.password, f"{credential.password}", vars(type(credential)))
    assert credential.username == "other"

def test_subtests(password, subtests):
    with subtests.test("sub", secret=password):
        assert password == ""

def test_attach(password, evidence):
    evidence.attach("x", {"shown": password})

def test_parts(password):
    assert [password, 1] == [{"deep": password}]
"""


def hunted(text: str) -> list[str]:
    """The forms of the secret that are in a text."""
    import html
    import json
    import urllib.parse

    forms = {
        "raw": SECRET,
        "json": json.dumps(SECRET)[1:-1],
        "html": html.escape(SECRET),
        "url": urllib.parse.quote(SECRET),
        "hex": SECRET.encode().hex(),
        "base64": base64.b64encode(b"ingest:" + SECRET.encode()).decode()[12:-4],
    }
    forms |= {f"part {begin}": SECRET[begin : begin + 7] for begin in range(len(SECRET) - 6)}
    return [name for name, form in forms.items() if form in text]


@pytest.mark.parametrize(
    "arguments",
    [(), ("-l", "--tb=long", "-vv"), ("-rA", "--tb=short"), ("-o", "log_cli=true", "--log-level=DEBUG")],
    ids=str,
)
def test_no_route_out(project: Project, spread: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    """Terminal, JUnit, Allure, evidence and a log file: none holds the secret in any form, and each holds a mask."""
    project.conftest(GIVING)
    project.pytester.makepyfile(test_own=ROUTES)
    result = project.run(
        "--substrate-require=messaging_plane",
        "test_own.py",
        "--junitxml=out/junit.xml",
        "--alluredir=out/allure",
        "--log-file=out/log.txt",
        "--log-file-level=DEBUG",
        *arguments,
        *spread,
    )
    assert 1 == result.ret
    assert "READY" == project.predicate["verdict"]
    outputs = {"stdout": str(result.stdout), "stderr": str(result.stderr)}
    outputs |= {
        str(path.relative_to(project.path)): path.read_text(errors="replace")
        for folder in ("out", "reports")
        for path in (project.path / folder).rglob("*")
        if path.is_file()
    }
    found = {name: forms for name, text in outputs.items() if (forms := hunted(text))}
    assert {} == found
    assert "***" in outputs["stdout"]
    assert "***" in outputs["out/junit.xml"]
    assert any("***" in text for name, text in outputs.items() if name.startswith("out/allure"))
    assert "***" in str(project.predicate["attachments"])


def test_a_plain_run_is_scrubbed_too(project: Project, spread: tuple[str, ...]) -> None:
    """Who uses the fixture without a demanded plane gets the same care."""
    project.conftest(GIVING)
    project.pytester.makepyfile(test_own=ROUTES)
    result = project.run("test_own.py", "-l", *spread)
    assert 1 == result.ret
    assert [] == hunted(str(result.stdout) + str(result.stderr))


LEAKING = """
import pathlib, pytest

pytestmark = pytest.mark.messaging_plane

def test_leak(runtime_credentials):
    folder = pathlib.Path("reports")
    folder.mkdir(exist_ok=True)
    (folder / "mine.txt").write_text("user=ingest password=" + runtime_credentials["ingest"].password.reveal())
    (folder / "clean.txt").write_text("nothing")
"""


@pytest.mark.parametrize("arguments", [(), ("--substrate-adhoc",)], ids=["gate", "adhoc"])
def test_the_final_sweep(project: Project, spread: tuple[str, ...], arguments: tuple[str, ...]) -> None:
    """A file that a test wrote a secret into is withheld, the run ends with 11 and says why; other files stay."""
    project.conftest(GIVING)
    project.pytester.makepyfile(test_own=LEAKING)
    result = project.run("--substrate-require=messaging_plane", "test_own.py", *arguments, *spread)
    assert 11 == result.ret, str(result.stdout)
    assert not (project.path / "reports" / "mine.txt").exists()
    assert (project.path / "reports" / "clean.txt").exists()
    assert " ! secret-in-output: reports/mine.txt held a secret, and was removed" in result.stdout.lines
    if not arguments:
        assert "exit code 11: a secret was found in an output" in result.stdout.lines
        assert "NOT READY" == project.predicate["verdict"]


def test_the_sweep_leaves_the_project_alone(project: Project) -> None:
    """Where evidence lies in the rootdir itself, the project's files are no outputs."""
    project.conftest(GIVING)
    project.pytester.makepyfile(test_own=LEAKING)
    (project.path / "source.txt").write_text(SECRET)
    result = project.run(
        "--substrate-require=messaging_plane", "test_own.py", "--substrate-evidence=e.json", "--junitxml=j.xml"
    )
    assert 0 == result.ret, str(result.stdout)
    assert (project.path / "source.txt").exists()


def test_the_sweep_of_a_plain_run(project: Project, spread: tuple[str, ...]) -> None:
    """A run without a verdict is swept too, also with workers, whose secrets the controller never knows."""
    project.conftest(GIVING)
    project.pytester.makepyfile(test_own=LEAKING)
    result = project.run("test_own.py", *spread)
    assert 11 == result.ret, str(result.stdout)
    assert not (project.path / "reports" / "mine.txt").exists()
    assert (project.path / "reports" / "clean.txt").exists()
    assert 1 == str(result.stdout).count("secret-in-output: reports/mine.txt held a secret, and was removed")


def test_the_sweep_of_a_large_file(project: Project) -> None:
    """A secret is found wherever it lies in a file, also where two looks at it meet."""
    project.conftest(GIVING)
    wide = LEAKING.replace('"user=ingest password="', '"x" * ((8 << 20) - 5)').replace("mine.txt", "large.txt")
    project.pytester.makepyfile(test_own=wide)
    assert 11 == project.run("test_own.py", "-p", "no:xdist").ret
    assert not (project.path / "reports" / "large.txt").exists()


def test_an_output_that_cannot_be_removed(project: Project) -> None:
    """A file in a folder that nothing may be taken from is emptied; the run ends with 11 all the same."""
    project.conftest(
        GIVING + "\nimport pathlib\ndef stuck(self, missing_ok=False): raise PermissionError(1, 'stuck')\n"
        "pathlib.Path.unlink = stuck\n"
    )
    project.pytester.makepyfile(test_own=LEAKING)
    result = project.run_apart("test_own.py", "-p", "no:xdist")  # it patches what this process has, too
    assert 11 == result.ret
    assert "" == (project.path / "reports" / "mine.txt").read_text()
    assert "reports/mine.txt held a secret, and was emptied" in str(result.stdout)


def test_the_sweep_leaves_older_files_alone(project: Project) -> None:
    """A file that lay in the output folder before the run began is none of its outputs."""
    project.conftest(GIVING)
    project.pytester.makepyfile(test_own=LEAKING)
    older = project.path / "reports" / "kept.json"
    older.parent.mkdir(exist_ok=True)
    older.write_text(SECRET)
    os.utime(older, (1, 1))
    result = project.run("--substrate-require=messaging_plane", "test_own.py")
    assert 11 == result.ret, str(result.stdout)
    assert older.exists()
