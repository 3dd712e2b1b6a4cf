"""What a plugin or a conftest may do to rungs, each under a name, with the reason by which the run names it."""

from __future__ import annotations

HOOKS: dict[str, tuple[str, str | None]] = {
    "skip in setup": (
        """
def pytest_runtest_setup(item):
    if 'MSG-110' in item.name: pytest.skip('x')
""",
        "skipped",
    ),
    "skip in call": (
        """
def pytest_pyfunc_call(pyfuncitem):
    if 'MSG-110' in pyfuncitem.name: pytest.skip('x')
""",
        "skipped",
    ),
    "no call": (
        """
def pytest_pyfunc_call(pyfuncitem):
    return True
""",
        "changed",
    ),
    "swallowed": (
        """
@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    try: return (yield)
    except BaseException: return None
""",
        "changed",
    ),
    "swallowed in the function": (
        """
@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem):
    try: return (yield)
    except BaseException: return True
""",
        "changed",
    ),
    "outcome of the report": (
        """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.outcome, report.longrepr = 'passed', None
    return report
""",
        "changed",
    ),
    "outcome as it comes": (
        """
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report):
    report.outcome = 'passed'
""",
        "changed",
    ),
    "properties": (
        """
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    report = yield
    report.user_properties = []
    report.outcome = 'passed'
    return report
""",
        None,
    ),
    "no protocol": (
        """
def pytest_runtest_protocol(item):
    return True if 'MSG-110' in item.name else None
""",
        None,
    ),
    "twice": (
        """
from _pytest.runner import runtestprotocol
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    if 'MSG-110' in item.name: runtestprotocol(item, nextitem=item)
""",
        "duplicated",
    ),
    "until it is green": (
        """
from _pytest.runner import runtestprotocol
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    if 'MSG-110' in item.name:
        reports = runtestprotocol(item, nextitem=item, log=False)
        if any(report.failed for report in reports): return True
""",
        None,
    ),
    "no loop": (
        """
@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session):
    return True
""",
        None,
    ),
    "fewer items": (
        """
def pytest_collection_modifyitems(items):
    items[:] = items[:3]
""",
        None,
    ),
    "no items": (
        """
def pytest_collection_modifyitems(items):
    items.clear()
""",
        None,
    ),
    "ignored": (
        """
collect_ignore = ['substrate.toml']
""",
        None,
    ),
    "ignored by a hook": (
        """
def pytest_ignore_collect(collection_path):
    return collection_path.suffix == '.toml' or None
""",
        None,
    ),
    "another judge of rungs": (
        """
def pytest_itemcollected(item):
    if 'MSG-110' in item.name: item.runtest = lambda: None
""",
        None,
    ),
    "fixtures": (
        """
@pytest.fixture(autouse=True)
def rung(request):
    pytest.skip('x')
""",
        None,
    ),
    "stop": (
        """
def pytest_runtest_setup(item):
    if 'MSG-110' in item.name: item.session.shouldstop = 'enough'
""",
        None,
    ),
}
"""None where the rungs are just missing, or the violation is told as if nothing were."""
