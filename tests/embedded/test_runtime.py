"""Containers as local processes: what is the image's, what is the host's, how they end."""

from __future__ import annotations

import ast
import os
import secrets
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from pytest_substrate.embedded.runtime import images
from pytest_substrate.embedded.runtime.container import CannotStart, Container, ContainerSpec, Line
from pytest_substrate.embedded.runtime.rootfs import private_tree, unpacked

_APP = b"import sys\nprint('app', __name__, sys.argv[1:])\n"
_SCRIPT = b"#!/usr/local/bin/python3\nimport sys\nprint('script', sys.argv[1:])\n"


class Bench:
    """Runs containers of one image and remembers what they wrote."""

    def __init__(self, folder: Path, shared: Path) -> None:
        self.folder, self.shared = folder, shared
        self.started: list[Container] = []
        self.lines: dict[str, list[str]] = {}
        self.pids: list[int] = []

    def start(self, *argv: str, environment: Mapping[str, str] | None = None, **fields: Any) -> Container:
        """Start a container."""
        identifier = secrets.token_hex(32)
        own = self.folder / identifier[:12]
        own.mkdir()
        frozen = private_tree(self.shared, own / "root", folders=("tmp",))
        lines: list[str] = self.lines.setdefault(identifier, [])

        def deliver(read: Sequence[Line]) -> None:
            lines.extend(text for _, text in read)

        spec = ContainerSpec(
            name="app",
            tree=own / "root",
            argv=argv,
            environment=environment or {},
            frozen=frozen,
            **{"working_dir": "/app", **fields},
        )
        container = Container(spec, identifier=identifier, folder=own / "run", note=self.pids.append, deliver=deliver)
        self.started.append(container)
        return container

    def run(self, *argv: str, **fields: Any) -> tuple[int | None, list[str]]:
        """Run a container to its end: its exit code and its lines."""
        container = self.start(*argv, **fields)
        assert container.ended.wait(20)
        return container.exit_code, self.lines[container.id]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image with a distribution, an application, a script, a file of its own and a virtual environment."""
    layers = [
        images.layer(images.distribution_files("iniconfig")),
        images.layer(
            {
                "/app/hello.py": _APP,
                "/usr/local/bin/hello": _SCRIPT,
                "/usr/local/bin/native": b"\x7fELF",
                "/etc/kafka/ca.pem": b"the image's\n",
                "/etc/passwd": b"root:x:0:0::/home/root:/bin/sh\napp:x:1001:1002::/home/app:/bin/sh\n",
                "/venv/pyvenv.cfg": b"include-system-site-packages = false\n",
                "/venv/bin/python3": b"",
                f"{images.SITE.replace('/usr/local', '/venv')}/only.py": b"here = 1\n",
            },
            executable=["/usr/local/bin/hello"],
        ),
    ]
    image = images.build(layers)
    return unpacked(image.digest, [(one.digest, one.blob) for one in layers], tmp_path_factory.mktemp("images"))


@pytest.fixture
def bench(tmp_path: Path, shared: Path) -> Iterator[Bench]:
    """A bench; what a test left running is ended."""
    bench = Bench(tmp_path, shared)
    yield bench
    for container in bench.started:
        container.stop(0.0)


def _python(source: str) -> tuple[str, str, str]:
    return "python3", "-c", textwrap.dedent(source)


def test_a_module_runs_from_the_working_directory(bench: Bench) -> None:
    """`python -m` finds what lies in the working directory, and passes arguments."""
    assert bench.run("python", "-m", "hello", "a", "b") == (0, ["app __main__ ['a', 'b']"])


def test_a_script_runs_by_its_path_or_name(bench: Bench) -> None:
    """A script of the image runs by path, by shebang, and by its name on PATH."""
    assert bench.run("python3", "hello.py", "a") == (0, ["app __main__ ['a']"])
    assert bench.run("/usr/local/bin/hello", "x") == (0, ["script ['x']"])
    assert bench.run("hello", "y") == (0, ["script ['y']"])


def test_nothing_of_the_host_is_imported(bench: Bench) -> None:
    """What the image has is importable; what only the host has ends the program for real."""
    assert bench.run(*_python("import iniconfig; print(iniconfig.__name__)")) == (0, ["iniconfig"])
    code, lines = bench.run(*_python("import pytest"))

    assert code == 1
    assert lines[-1] == "ModuleNotFoundError: No module named 'pytest'"


def test_the_environment_is_exact(bench: Bench) -> None:
    """A container has its own variables and the few that every container has; nothing of ours."""
    code, lines = bench.run(
        *_python("import os; print(sorted(os.environ.items()))"), environment={"A": "1", "PATH": "/usr/bin"}
    )
    held = dict(ast.literal_eval(lines[0]))

    assert code == 0
    assert held.keys() - {"LC_CTYPE"} == {"A", "HOME", "HOSTNAME", "PATH"}
    assert (held["A"], held["PATH"], held["HOME"]) == ("1", "/usr/bin", "/home/root")


def test_absolute_paths_mean_the_image(bench: Bench) -> None:
    """Files, folders and links are the image's under their own names; the host's are not to be seen."""
    code, lines = bench.run(
        *_python(
            """
            import os, pathlib
            print(open("/etc/kafka/ca.pem").read().strip(), os.getcwd(), sorted(os.listdir("/")))
            print(*(pathlib.Path(each).exists() for each in ("/etc/hostname", "/usr/bin/env", "/proc/self")))
            print(pathlib.Path("../../../etc/kafka/ca.pem").read_text().strip())
            try:
                open("/etc/shadow")
            except OSError as error:
                print(error)
            """
        )
    )

    assert code == 0
    assert lines == [
        "the image's /app ['app', 'etc', 'tmp', 'usr', 'venv']",
        "False False True",
        "the image's",
        "[Errno 2] No such file or directory: '/etc/shadow'",
    ]


def test_writing_stays_in_the_container(bench: Bench, shared: Path) -> None:
    """What a container writes, changes or removes is its own: the image and the next container do not see it."""
    code, lines = bench.run(
        *_python(
            """
            import os, tempfile
            open("/etc/kafka/ca.pem", "a").write("mine\\n")
            os.chmod("/etc/passwd", 0o600)
            os.remove("hello.py")
            open("/app/new", "w").write("n")
            print(tempfile.mkstemp()[1].startswith("/tmp/"), open("/etc/kafka/ca.pem").read().split(), os.listdir())
            """
        )
    )

    assert (code, lines) == (0, ["""True ['the', "image's", 'mine'] ['new']"""])
    assert (shared / "etc/kafka/ca.pem").read_bytes() == b"the image's\n"
    assert (shared / "etc/passwd").stat().st_mode & 0o777 == 0o444
    assert (shared / "app/hello.py").exists()
    assert bench.run("python3", "hello.py")[0] == 0


@pytest.mark.parametrize("statement", ["open('/app/x', 'w')", "open('x', 'w')", "import os; os.mkdir('/tmp/d')"])
def test_a_read_only_root_refuses_writes(bench: Bench, statement: str) -> None:
    """With a read-only root file system a write fails as it does in any container."""
    code, lines = bench.run(*_python(statement), read_only=True)

    assert code == 1
    assert lines[-1].startswith("OSError: [Errno 30] Read-only file system")


def test_a_volume_can_be_written_under_a_read_only_root(bench: Bench, tmp_path: Path) -> None:
    """A mounted volume is writable unless it was mounted read-only, and is seen under its place in the image."""
    volume = tmp_path / "volume"
    volume.mkdir()
    source = "open('/data/x', 'w').write('v'); import os; os.chdir('/data'); print(os.getcwd(), os.listdir('.'))"

    writable = bench.run(*_python(source), read_only=True, mounts=(("/data", volume, False),))
    refused = bench.run(*_python(source), mounts=(("/data", volume, True),))

    assert writable == (0, ["/data ['x']"])
    assert refused[0] == 1


def test_site_folders_are_read_only(bench: Bench) -> None:
    """Site folders are shared with the image and can't be changed, which the shared files survive."""
    code, lines = bench.run(*_python("import iniconfig; open(iniconfig.__file__, 'a').write('x')"))

    assert code == 1
    assert "Read-only file system" in lines[-1]


def test_children_are_containers_too(bench: Bench) -> None:
    """A child by `sys.executable` or by name runs in the same image; a program that the image lacks is not found."""
    code, lines = bench.run(
        *_python(
            """
            import subprocess, sys
            for words in ([sys.executable, "-c"], ["python3", "-c"], ["/usr/bin/python3", "-c"]):
                print(subprocess.check_output([*words, "import iniconfig, os; print(os.getcwd())"], text=True).strip())
            print(subprocess.check_output(["hello", "z"], text=True).strip())
            for words in (["ls"], "true"):
                try:
                    subprocess.run(words, shell=isinstance(words, str))
                except FileNotFoundError as error:
                    print(error.strerror)
            """
        )
    )

    assert code == 0
    assert lines == [
        "/app",
        "/app",
        "/app",
        "script ['z']",
        'exec: "ls": executable file not found in $PATH',
        'exec: "/bin/sh": stat /bin/sh: no such file or directory',
    ]


def test_exec_replaces_the_program_within_the_container(bench: Bench) -> None:
    """A wrapper that execs the application stays in the image."""
    source = "import os; os.execvp('python3', ['python3', '-m', 'hello', 'wrapped'])"

    assert bench.run(*_python(source)) == (0, ["app __main__ ['wrapped']"])


def test_a_virtual_environment_of_the_image_is_used(bench: Bench) -> None:
    """Its interpreter, by path or by PATH, sees its own site folder and not the base's."""
    source = "import only; print(only.here)\ntry:\n    import iniconfig\nexcept ImportError:\n    print('alone')"

    assert bench.run("/venv/bin/python3", "-c", source) == (0, ["1", "alone"])
    assert bench.run("python3", "-c", source, environment={"PATH": "/venv/bin:/usr/local/bin"}) == (0, ["1", "alone"])
    again = "import subprocess, sys; print(subprocess.check_output([sys.executable, '-c', 'import only']))"
    assert bench.run("/venv/bin/python3", "-c", again) == (0, ["b''"])


def test_the_default_trust_store_is_the_images(bench: Bench) -> None:
    """An image without certificates trusts nobody; its own file is found under its own name."""
    code, lines = bench.run(
        *_python(
            """
            import ssl
            print(ssl.get_default_verify_paths().cafile, ssl.create_default_context().cert_store_stats()["x509_ca"])
            try:
                ssl.create_default_context(cafile="/etc/kafka/ca.pem")
            except ssl.SSLError as error:
                print(error.reason)
            try:
                ssl.create_default_context(cafile="/etc/ssl/certs/ca-certificates.crt")
            except FileNotFoundError:
                print("not there")
            """
        )
    )

    assert code == 0
    assert lines == ["None 0", "NO_CERTIFICATE_OR_CRL_FOUND", "not there"]


@pytest.mark.parametrize(("user", "expected"), [("", "0 0"), ("app", "1001 1002"), ("1005:7", "1005 7")])
def test_the_declared_user_is_told(bench: Bench, user: str, expected: str) -> None:
    """A program sees the user that was declared, by name or number, though the process is ours."""
    assert bench.run(*_python("import os; print(os.getuid(), os.getgid())"), user=user) == (0, [expected])


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("nothing",), 'exec: "nothing": executable file not found in $PATH'),
        (("/bin/nothing",), 'exec: "/bin/nothing": stat /bin/nothing: no such file or directory'),
        (("native",), "a native program"),
        (("python2",), 'exec: "python2": executable file not found'),
        ((), "no command specified"),
    ],
)
def test_what_can_not_be_executed_does_not_start(bench: Bench, argv: tuple[str, ...], message: str) -> None:
    """A command that the image lacks is refused in a container runtime's words, before there is a process."""
    with pytest.raises(CannotStart) as refused:
        bench.start(*argv)

    assert message in str(refused.value)
    assert bench.pids == []


def test_an_unknown_user_does_not_start(bench: Bench) -> None:
    """A user that the image does not know is refused."""
    with pytest.raises(CannotStart, match="unable to find user nobody"):
        bench.start("python3", "-c", "1", user="nobody")


def test_exit_codes_are_a_container_runtimes(bench: Bench) -> None:
    """A code is passed on; death by a signal is 128 and its number."""
    assert bench.run(*_python("raise SystemExit(7)"))[0] == 7
    assert bench.run(*_python("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"))[0] == 139


def test_lines_are_whole_and_long_ones_are_cut(bench: Bench) -> None:
    """Every line arrives, the last one too without its end; one beyond 16 KiB in pieces; bad bytes replaced."""
    code, lines = bench.run(
        *_python("import sys; sys.stdout.buffer.write(b'a' * 40000 + b'\\nb\\r\\n\\xff\\n' + b'x\\n' * 3000 + b'end')")
    )

    assert code == 0
    assert [len(line) for line in lines[:3]] == [16384, 16384, 7232]
    assert lines[3:5] == ["b", "�"]
    assert lines[5:] == ["x"] * 3000 + ["end"]


def test_a_stop_is_polite_then_hard(bench: Bench) -> None:
    """SIGTERM first; who ignores it is killed after the grace."""
    polite = bench.start(
        *_python(
            """
            import signal, sys, time
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
            print("up", flush=True)
            time.sleep(60)
            """
        )
    )
    deaf = bench.start(
        *_python("import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)")
    )
    for container in (polite, deaf):
        _wait(lambda container=container: bench.lines[container.id] == ["up"])
    polite.stop(5.0)
    started = time.monotonic()
    deaf.stop(0.2)

    assert polite.exit_code == 3
    assert deaf.exit_code == 137
    assert time.monotonic() - started < 2.0


def test_what_a_container_started_ends_with_it(bench: Bench) -> None:
    """When the first process ends, its children end, and their output is not waited for."""
    code, lines = bench.run(
        *_python(
            """
            import subprocess, sys
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            print(child.pid)
            """
        )
    )

    assert code == 0
    _wait(lambda: not _lives(int(lines[0])))


def test_a_container_ends_with_who_started_it(tmp_path: Path, shared: Path) -> None:
    """A starter that is killed leaves no container behind."""
    program = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import test_runtime
        bench = test_runtime.Bench(Path({str(tmp_path)!r}), Path({str(shared)!r}))
        print(bench.start("python3", "-c", "import time; time.sleep(60)").pid, flush=True)
        time.sleep(60)
    """)
    starter = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    assert _lives(pid)
    starter.kill()
    starter.wait()

    if hasattr(os, "O_ASYNC") and sys.platform == "linux":
        _wait(lambda: not _lives(pid))
    else:
        os.kill(pid, signal.SIGKILL)  # elsewhere the platform's keeper does this


def test_a_command_runs_in_the_container(bench: Bench) -> None:
    """A command sees the container's environment, files and working directory, gets its input, gives both streams."""
    container = bench.start(
        *_python("open('/app/made', 'w').write('m'); print('up', flush=True); import time; time.sleep(60)"),
        environment={"CREDENTIAL": "s3cret"},
    )
    _wait(lambda: bench.lines[container.id] == ["up"])
    ran = container.execute(
        _python(
            "import os, sys; print(os.environ['CREDENTIAL'], open('made').read(), sys.stdin.read()); sys.exit('bad')"
        ),
        deadline_s=10,
        stdin=b"in",
    )
    lacking = container.execute(["ls"], deadline_s=10)

    assert (ran.exit_code, ran.stdout, ran.stderr) == (1, b"s3cret m in\n", b"bad\n")
    assert (lacking.exit_code, lacking.stderr) == (127, b'exec: "ls": executable file not found in $PATH\n')
    with pytest.raises(TimeoutError):
        container.execute(_python("import time; time.sleep(60)"), deadline_s=0.3)
    assert not [pid for pid in bench.pids[1:] if _lives(pid)]
    container.stop(1.0)
    with pytest.raises(CannotStart):
        container.execute(["python3", "-c", "1"], deadline_s=1)


def test_a_secret_is_in_no_command_line(bench: Bench) -> None:
    """Another user's `ps` shows no value of the environment."""
    container = bench.start(*_python("import time; time.sleep(60)"), environment={"CREDENTIAL": "s3cret"})

    assert "s3cret" not in " ".join(psutil.Process(container.pid).cmdline())
    assert "s3cret" not in repr(container.spec)


def test_python_options_are_honoured(bench: Bench) -> None:
    """Unbuffered output, isolation, PYTHONPATH in the image, the version, no site folders, a script that lacks."""
    shown = "import sys; print([each for each in sys.path if each.endswith('/etc')] != [])"

    assert bench.run("python3", "-c", shown, environment={"PYTHONPATH": "/etc"}) == (0, ["True"])
    assert bench.run("python3", "-I", "-c", shown, environment={"PYTHONPATH": "/etc"}) == (0, ["False"])
    assert bench.run("python3", "--version")[1][0].startswith("Python 3.")
    assert bench.run("python3", "-S", "-c", "import iniconfig")[0] == 1
    assert bench.run("python3", "missing.py") == (2, [_MISSING])
    waiting = bench.start("python3", "-uc", "print('now'); import time; time.sleep(60)")
    _wait(lambda: bench.lines[waiting.id] == ["now"])


_MISSING = "python: can't open file 'missing.py': [Errno 2] No such file or directory"


def _wait(holds: Any, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
