"""What a collector puts before every line of a log, and what only a new line of a log begins with."""

from __future__ import annotations

import re
from typing import Final

_DAY: Final = r"(?:\d{4}[-/]\d\d[-/]\d\d|\d\d[-/]\d\d[-/]\d\d(?:\d\d)?)"
_STAMP: Final = rf"(?:\[?{_DAY}[T ]\d\d:\d\d:\d\d[\d.,]*(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?\]?)"
_SYSLOG: Final = r"(?:<\d{1,3}>)?(?:1 )?(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|" + _STAMP + r") \S{1,80} \S{1,60}?"
_COLLECTED: Final = re.compile(
    rf"^(?:{_STAMP}\s(?=\s*(?:at |\.\.\. |File \"|Caused by:|Suppressed:|Traceback \(most|\}}|from /|<))"
    rf"|\S{{1,60}}\s*\|\s?"
    rf"|{_STAMP} (?:stdout|stderr) [FP] ?|{_STAMP}\s+\S*/\S+/\S+\s"
    rf"|{_SYSLOG}(?:\[\d+\])?:(?: |$)|\[(?:stderr|stdout)\] ?"
    rf"|\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{7}}Z |(?:[\w./:-]{{1,80}} +){{1,3}}│ ?|{_STAMP} \S{{1,60}}?\[[\w.-]+\]: "
    rf"|{_STAMP} \{{{{1,2}}[^}}\n]{{1,80}}\}}{{1,2}} [A-Z]+ - (?:Job \d+: )?Subtask[^:\n]{{0,80}}: ?)"
)
"""Docker compose, CRI, `aws logs tail`, syslog and journald, a time before a frame alone, GitHub, Airflow."""
BEGINS: Final = re.compile(
    rf"^(?:{_STAMP}|\[(?!at )|\d{{2}}:\d\d:\d\d|[IWEF]\d{{4}} \d\d:\d\d"
    r"|(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL|NOTICE|START|END|REPORT|level=|time=|ts=)\b|.{0,80}User: )"
)
"""What only a new line of a log begins with."""
SIBLING: Final = re.compile(
    r"^\s+(?:(?:Warning|Normal)\s{2,}[A-Z]\w+\s|(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)\s)"
)
"""An indented line that is one of its own: an event of Kubernetes, a line of rich's under the same second."""
STAMPED: Final = re.compile(
    rf"^(?:{_STAMP}|\[|\d\d:\d\d:\d\d|(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)\b"
    r"|[^\n]{0,80}\b(?:WARN|ERROR|FATAL)\b)"
)


def bare(line: str) -> str:
    """The line without what a collector put before it."""
    found = _COLLECTED.match(line)
    return line if found is None else line[found.end() :]
