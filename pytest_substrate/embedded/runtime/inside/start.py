"""A container's process: `python -I -S start.py FOLDER ARGV…`, with exactly the container's environment.

It makes the host's interpreter the image's: `sys.path` holds the standard library and the image's own site folders,
absolute paths mean the image, `sys.executable` leads back here. Then it does what ARGV asks of `python`.
"""

from __future__ import annotations

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from pytest_substrate.embedded.runtime.inside import paths, program
else:
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import paths
    import program

    del sys.path[0], sys.modules["paths"], sys.modules["program"]

_SITE_FOLDERS = (f"/usr/local/lib/python{program.VERSION}", f"/usr/lib/python{program.VERSION}")


def main(folder: str, argv: Sequence[str]) -> int:
    """Become the container of `folder` and do what `argv` says; the exit code, where the program does not end itself.

    127, as a shell's, where `argv` names nothing that can be run.
    """
    with open(os.path.join(folder, "inside.bin"), "rb") as stream:
        settings = marshal.load(stream)  # noqa: S302  written by the container's starter
    for name in settings["loader"]:
        os.environ.pop(name, None)
    root = settings["root"]
    try:
        search = os.environ.get("PATH", program.DEFAULT_PATH)
        words, environment = program.python_arguments(argv, root, search, paths.folder_in(root, settings["mounts"]))
    except program.NotRunnable as error:
        sys.stderr.write(f"{error}\n")
        return 127
    stdlib = list(sys.path)
    options = _Options(words)
    if options.version:
        print(f"Python {sys.version.split()[0]}")
        return 0
    sys.argv, sys.executable, sys.excepthook = options.argv, settings["python"], _report
    if not options.no_site:
        _add_site(root, environment)
    if not options.isolated:
        sys.path[:0] = [root + os.path.normpath(each) for each in os.environ.get("PYTHONPATH", "").split(":") if each]
    if options.unbuffered:
        for output in (sys.stdout, sys.stderr):
            output.reconfigure(line_buffering=True, write_through=True)  # type: ignore[union-attr]  # never replaced yet
    paths.install(settings, stdlib)
    _run(options)
    return 0


def _add_site(root: str, environment: str | None) -> None:
    """The image's own site folders, for this interpreter's version alone."""
    folders = [f"{each}/site-packages" for each in _SITE_FOLDERS] + ["/usr/lib/python3/dist-packages"]
    if environment is not None:
        with open(f"{root}{environment}/pyvenv.cfg", encoding="utf-8") as stream:
            shared = "include-system-site-packages = true" in stream.read()
        own = f"{environment}/lib/python{program.VERSION}/site-packages"
        folders = [own, *folders] if shared else [own]
    import site

    for place in (root + each for each in folders):
        if os.path.isdir(place):
            if any(name.endswith(".pth") for name in os.listdir(place)):
                site.addsitedir(place)
            else:
                sys.path.append(place)
    site.setquit()
    site.setcopyright()
    site.sethelper()


class _Options:
    """What `python`'s own command line says, as far as it matters here."""

    def __init__(self, words: Sequence[str]) -> None:
        self.isolated = self.no_site = self.unbuffered = self.version = False
        self.kind, self.text = "stdin", ""
        rest = list(words)
        while rest and rest[0].startswith("-") and rest[0] != "-" and self.kind == "stdin":
            word = rest.pop(0)
            if word in {"-V", "--version"}:
                self.version = True
            elif not word.startswith("--"):
                self._letters(word[1:], rest)
        if self.kind == "stdin" and rest and rest[0] != "-":
            self.kind, self.text = "script", rest.pop(0)
            self.argv = [self.text, *rest]
        elif self.kind == "stdin":
            self.argv = rest or [""]
        else:
            self.argv = [f"-{self.kind}", *rest]

    def _letters(self, letters: str, rest: list[str]) -> None:
        for place, letter in enumerate(letters):
            tail = letters[place + 1 :]
            if letter in "cm":
                self.kind, self.text = letter, tail or (rest.pop(0) if rest else "")
                return
            if letter in "WX":
                if not tail and rest:
                    rest.pop(0)
                return
            self.isolated = self.isolated or letter in "IE"
            self.no_site = self.no_site or letter == "S"
            self.unbuffered = self.unbuffered or letter == "u"


def _run(options: _Options) -> None:
    from types import ModuleType

    module = ModuleType("__main__")
    names = vars(module)
    names["__builtins__"] = __builtins__
    sys.modules["__main__"] = module
    if options.kind == "script":
        name = os.path.realpath(str(paths.place(options.text)))
        if not os.path.isfile(name):
            sys.stderr.write(f"python: can't open file '{options.text}': [Errno 2] No such file or directory\n")
            raise SystemExit(2)
        sys.path.insert(0, os.path.dirname(name))
        names["__file__"] = name
        with open(name, "rb") as stream:
            code = compile(stream.read(), name, "exec", dont_inherit=True)
        exec(code, names)  # noqa: S102  the image's program is the point
        return
    if not options.isolated:
        sys.path.insert(0, paths.real_folder())
    if options.kind == "m":
        import runpy

        getattr(runpy, "_run_module_as_main")(options.text)  # noqa: B009  what `python -m` calls; no stub knows it
    else:
        source, name = (options.text, "<string>") if options.kind == "c" else (sys.stdin.read(), "<stdin>")
        exec(compile(source, name, "exec", dont_inherit=True), names)  # noqa: S102  as above


def _report(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A traceback begins with the program, not with us."""
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    sys.__excepthook__(kind, error.with_traceback(trace), trace)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
