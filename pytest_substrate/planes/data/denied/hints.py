"""The words without which nothing is a denial: what is cheap to look for, and saves looking closer."""

from __future__ import annotations

import re
from typing import Final

HINT: Final = re.compile(
    r"uthoriz|enied|DENIED|orbidden|403|nsufficient|iphertext|[Dd]isabled|ermission|unable to assume|any privilege"
)
"""What stands in every text that a form or a sentence is found in, unless it is broken over lines."""
WANTED: Final = re.compile(rf"{HINT.pattern}|User:|arn:aws|not%20")
"""What stands in a line of every such text."""
