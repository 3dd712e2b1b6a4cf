"""A project that tries every way out with a secret: its conftest, and its tests, each of which says its own name."""

from __future__ import annotations

PASSWORD = "correct-horse Bättery/staple+&<x> hunter2"
OPERATOR_KEY, ROLE_KEY, TOKEN = "operatorkey" * 4, "rolesecretkey" * 3, "sessiontoken" * 9
CONTAINER_TOKEN = "Zq8vT2mXw4Lk9Rb1Yc6N"
HIDDEN = (PASSWORD, OPERATOR_KEY, ROLE_KEY, TOKEN, CONTAINER_TOKEN)

HOUSE_OF_ROUTES = f"""
import json, subprocess
from pytest_substrate.adapters.aws.session import AwsSession, Keys, Way
from pytest_substrate.evidence.secret import Secret
from pytest_substrate.model.outcome import TargetKind
from pytest_substrate.running import run_of
from pytest_substrate.targets.control_plane import ControlPlaneTarget, Setting
from pytest_substrate.targets.port import Completed
from pytest_substrate.targets.twin.pace import LOCAL_PACE

CONTROL = "LEAK_CONTROL" in os.environ
ENDPOINT = os.environ["LEAK_ENDPOINT"]


class RealTarget(ControlPlaneTarget):
    kind = TargetKind.EMBEDDED

    def guard(self):
        return self.judge_who()

    def running_task(self, service):
        return {{"taskArn": "arn:task", "taskDefinitionArn": "arn:definition"}}

    def execute_in(self, task, service, command, *, deadline_s):
        given = {{"KAFKA_CREDENTIAL": json.dumps({{"username": "ingest", "password": {PASSWORD!r}}}),
                 "AWS_CONTAINER_AUTHORIZATION_TOKEN": {CONTAINER_TOKEN!r}}}
        done = subprocess.run(command, capture_output=True, env=given | {{"PATH": os.environ["PATH"]}})
        return Completed(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def real_target(self, declaration, options, identity, *, owner, progress):
    setting = Setting(declaration=declaration, vantage=options.vantage, run_id=identity.run_id, progress=progress,
                      source=str)
    keys = Keys(access_key_id="AKIAEXAMPLE", secret_access_key={OPERATOR_KEY!r})
    way = Way(endpoint=lambda _: ENDPOINT)
    caller = AwsSession.keyed(region="eu-west-2", way=way, keys=keys, known=setting.secrets.add)
    target = RealTarget(setting, caller=caller, pace=LOCAL_PACE)
    target.secrets.pass_on(run_of(StandIn.config).scrubber.add)
    return target


StandIn.target = real_target


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session):
    StandIn.config = session.config


@pytest.fixture
def password(request):
    if CONTROL:
        StandIn.seen = {PASSWORD!r}
    else:
        StandIn.seen = request.getfixturevalue("runtime_credentials")["ingest"].password.reveal()
    return StandIn.seen


def pytest_generate_tests(metafunc):
    if "parameter" in metafunc.fixturenames:
        metafunc.parametrize("parameter", [Secret({PASSWORD!r})])


def pytest_terminal_summary(terminalreporter):
    seen = getattr(StandIn, "seen", None)  # in the process that ran tests
    if seen is not None:
        terminalreporter.section("own")
        terminalreporter.write_line("via_summary " + seen)
"""

ROUTES = """
import base64, copy, faulthandler, gc, json, logging, os, pickle, pprint, subprocess, sys, textwrap, threading
import traceback, urllib.parse, urllib.request, warnings
import allure, pytest

pytestmark = [pytest.mark.messaging_plane, pytest.mark.filterwarnings("default")]
log = logging.getLogger("app")

def test_stdout(password):
    print("via_stdout", password); assert False

def test_stderr(password):
    print("via_stderr", password, file=sys.stderr); assert False

def test_descriptor(password):
    os.write(1, ("via_descriptor " + password + "\\n").encode()); assert False

def test_subprocess(password):
    subprocess.run([sys.executable, "-c", "import sys; print('via_subprocess', sys.stdin.read())"],
                   input=password.encode()); assert False

def test_capfd(password, capfd):
    subprocess.run(["cat"], input=("via_capfd " + password).encode())
    assert "nothing" == capfd.readouterr().out

def test_command_line(password):
    subprocess.run(["false", "via_command_line", password], check=True)

def test_log_message(password):
    log.warning(f"via_log_message {password}")

def test_log_arguments(password):
    log.debug("via_log_arguments %s %r", password, {"password": password})

def test_log_traceback(password):
    try:
        raise ValueError("via_log_traceback " + password)
    except ValueError:
        log.exception("failed")

def test_log_stack(password):
    log.info("via_log_stack %s", password, stack_info=True); assert False

def test_log_error(password):
    log.warning("via_log_error %d", password); assert False

def test_log_child(password):
    logging.getLogger("via_log_child").error("via_log_child " + password)

def test_caplog(password, caplog):
    log.warning("via_caplog %s", password)
    assert "" == caplog.text

def test_warning(password):
    warnings.warn("via_warning " + password)

def test_warning_class(password):
    warnings.warn(DeprecationWarning("via_warning_class", password))

def test_unraisable(password):
    class Broken:
        def __del__(self):
            raise ValueError("via_unraisable " + password)
    Broken(); gc.collect()

def test_thread(password):
    def fail():
        raise ValueError("via_thread " + password)
    thread = threading.Thread(target=fail); thread.start(); thread.join()

def test_message(password):
    raise ValueError("via_message " + password)

def test_arguments(password):
    class Own(Exception):
        pass
    raise Own("via_arguments", {"password": password})

def test_cause(password):
    try:
        raise KeyError("via_cause " + password)
    except KeyError as error:
        raise RuntimeError("outer") from error

def test_context(password):
    try:
        raise KeyError("via_context " + password)
    except KeyError:
        raise RuntimeError("outer")

def test_note(password):
    error = ValueError("x"); error.add_note("via_note " + password); raise error

def test_group(password):
    raise ExceptionGroup("several", [ValueError("via_group " + password), KeyError(password)])

def test_diff(password):
    assert "via_diff " + password == "via_diff something else"

def test_diff_of_dicts(password):
    assert {"via_diff_of_dicts": password} == {"via_diff_of_dicts": "other", "more": 1}

def test_diff_of_lists(password):
    assert ["via_diff_of_lists", password, 1] == ["via_diff_of_lists", 2]

def test_diff_of_long_texts(password):
    assert {"via_diff_of_long_texts": ("word " * 12 + password + " word") * 3} == {}

def test_assert_message(password):
    assert False, "via_assert_message " + password

def test_fail(password):
    pytest.fail("via_fail " + password, pytrace=False)

def test_locals(password):
    via_locals = "via_locals " + password; assert False

def test_locals_encoded(password):
    via_base64 = "via_locals_encoded " + base64.b64encode(b"ingest:" + password.encode()).decode()
    via_hex, via_url = password.encode().hex(), urllib.parse.quote(password)
    via_json = json.dumps({"body": json.dumps({"password": password})}); assert False

def test_lines(password):
    print("via_lines", base64.encodebytes(b"-" * 50 + password.encode() + b"-" * 50).decode())
    print(textwrap.indent(textwrap.fill(password, 12), "    "))
    pprint.pprint({"password": password}, width=20); assert False

def test_object(password):
    class Holder:
        def __repr__(self):
            return "via_object " + password
    holder = Holder(); assert not holder

def test_printed_traceback(password):
    try:
        raise ValueError("via_printed_traceback " + password)
    except ValueError:
        traceback.print_exc()
    assert False

def test_skip(password):
    pytest.skip("via_skip " + password)

def test_xfail(password):
    pytest.xfail("via_xfail " + password)

def test_marked_xfail(password, request):
    request.applymarker(pytest.mark.xfail(reason="via_marked_xfail " + password)); assert False

def test_strict_xfail(password, request):
    request.applymarker(pytest.mark.xfail(reason="via_strict_xfail " + password, strict=True))

def test_property(password, record_property):
    record_property("via_property", "via_property " + password)

def test_user_properties(password, request):
    request.node.user_properties.append(("via_user_properties", "via_user_properties " + password))

def test_section(password, request):
    request.node.add_report_section("call", "own", "via_section " + password); assert False

def test_attachment(password):
    allure.attach("via_attachment " + password, name="own", attachment_type=allure.attachment_type.TEXT)

def test_attached_file(password, tmp_path):
    path = tmp_path.parent / "attached.txt"; path.write_text("via_attached_file " + password)
    allure.attach.file(path, name="file"); path.unlink()

def test_title(password):
    allure.dynamic.title("via_title " + password); allure.dynamic.description("via_title " + password)

def test_labels(password):
    allure.dynamic.label("own", "via_labels " + password); allure.dynamic.tag("via_labels " + password)
    allure.dynamic.link("https://example.com/?q=via_labels " + password, name="via_labels " + password)
    allure.dynamic.description_html("<b>via_labels " + password + "</b>")
    allure.dynamic.suite("via_labels " + password)

def test_log_extra(password):
    handler = logging.StreamHandler(sys.stderr); handler.setFormatter(logging.Formatter("via_log_extra %(own)s"))
    log.addHandler(handler)
    try:
        log.warning("x", extra={"own": password}); assert False
    finally:
        log.removeHandler(handler)

def test_recwarn(password, recwarn):
    warnings.warn("via_recwarn " + password); assert [] == [str(one.message) for one in recwarn]

def test_group_note(password):
    inner = ValueError("x"); inner.add_note("via_group_note " + password)
    raise ExceptionGroup("outer", [ExceptionGroup("inner", [inner])])

def test_fault_of_a_child(password):
    code = "import faulthandler, sys; faulthandler.enable(); "
    code += "print('via_fault_of_a_child', sys.stdin.read(), flush=True); faulthandler._sigsegv()"
    subprocess.run([sys.executable, "-c", code], input=password.encode()); assert False

def test_doctest(password):
    import doctest
    def own():
        ">>> password\\n'other'"
    found = doctest.DocTestFinder().find(own, "via_doctest", globs={"password": password})
    for one in found: doctest.DocTestRunner().run(one)
    assert False

def test_step(password):
    with allure.step("via_step " + password):
        pass

def test_parameter(password):
    allure.dynamic.parameter("via_parameter", "via_parameter " + password)

def test_evidence(password, evidence):
    evidence.attach("via_evidence", {"shown": "via_evidence " + password})

def test_subtests(password, subtests):
    with subtests.test("via_subtests " + password, secret=password):
        assert password == ""

@pytest.fixture
def not_set_up(password):
    raise ValueError("via_setup " + password)

def test_setup(not_set_up):
    pass

@pytest.fixture
def not_torn_down(password):
    yield
    raise ValueError("via_teardown " + password)

def test_teardown(not_torn_down):
    pass

@pytest.fixture
def finalized(password, request):
    request.addfinalizer(lambda: print("via_finalizer", password))

def test_finalizer(finalized):
    assert False

def test_their_client(password):
    import botocore.session
    session = botocore.session.Session(); session.set_credentials("AKIAEXAMPLE", "theirs")
    client = session.create_client("secretsmanager", region_name="eu-west-2", endpoint_url=os.environ["LEAK_ENDPOINT"])
    client.get_secret_value(SecretId="via_their_client")

def test_urllib3(password):
    import urllib3
    with urllib3.PoolManager() as pool:
        pool.request("GET", os.environ["LEAK_ENDPOINT"], fields={"via_urllib3": "via_urllib3 " + password})

def test_disabled_capture(password, capsys):
    with capsys.disabled():
        print("via_disabled_capture", password)

def test_fault(password):
    print("via_fault", password); faulthandler.dump_traceback(file=sys.__stderr__); assert False
"""
"""Each route says its own name beside the secret."""

OURS = """
import copy, http.client, pickle, subprocess
import pytest

pytestmark = pytest.mark.messaging_plane

def test_secret(runtime_credentials):
    secret = runtime_credentials["ingest"].password
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>30}", "%s" % secret, copy.deepcopy(secret),
             pickle.dumps(secret), pickle.loads(pickle.dumps(secret)), runtime_credentials["ingest"]]
    print("via_secret", shown); assert secret == "other"

def test_host(runtime_host):
    done = runtime_host["ingest"].run("python3 -c %s", "import os; print('via_host', dict(os.environ))")
    assert done.stdout == ""

def test_raw_output(substrate):
    command = ["python3", "-c", "import os; print('via_raw_output', dict(os.environ))"]
    assert substrate.target.execute("ingest", command, deadline_s=20).stdout == b""

def test_headers(substrate):
    http.client.HTTPConnection.debuglevel = 1
    try:
        print("via_headers"); substrate.target.client("ecs").describe_task_definition(taskDefinition="x")
    finally:
        http.client.HTTPConnection.debuglevel = 0
    assert False

def test_keys(substrate):
    keys = substrate.target._observer._session.get_credentials().get_frozen_credentials()
    print("via_keys", keys.secret_key, keys.token); assert not keys

def test_parameter_ids(parameter, request):
    print("via_parameter_ids", request.node.nodeid); assert not parameter

def test_child_environment(substrate, runtime_credentials):
    runtime_credentials["ingest"].password.reveal()
    text = subprocess.run(["cat", "/proc/self/environ", "/proc/self/cmdline"], capture_output=True).stdout
    print("via_child_environment", text); assert False
"""
