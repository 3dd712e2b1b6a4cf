"""The program that runs where the runtime runs: the standard library alone, Python 3.8 syntax (3.7 runs it too).

`run` (in `program`) is what both `substrate probe` and the program that travels call; `bundle.probe_source()` is
that program, built of these very modules. They decide nothing: they see, and the diagnoses judge.
"""
