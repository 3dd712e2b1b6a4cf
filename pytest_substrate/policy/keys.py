"""Which condition keys AWS lists, and which of them a request always has.

Source: the Availability of each key in "AWS global condition context keys" (IAM User Guide), and for services' keys the
Service Authorization Reference (`condition_keys.txt`). It decides nothing about values.
"""

from __future__ import annotations

import functools
import re
from importlib import resources
from typing import Final

from pytest_substrate.policy.context import Missing

ALWAYS: Final = frozenset(
    (
        *("aws:currenttime", "aws:epochtime", "aws:securetransport", "aws:useragent", "aws:requestedregion"),
        *("aws:viaawsservice", "aws:userid", "aws:principalaccount", "aws:principaltype", "aws:principalarn"),
        *("aws:principalisawsservice", "s3:tlsversion", "s3:authtype", "s3:signatureversion", "s3:signatureage"),
    )
)
"""Keys that every (signed) request has; S3's are of every request to it."""

NEARLY_ALWAYS: Final = frozenset(("aws:sourceip", "aws:resourceaccount", "s3:resourceaccount", "kms:calleraccount"))
"""Keys that every request has save for a documented exception (a VPC endpoint; actions without a resource)."""

_TEMPLATE: Final = re.compile(r"\$\{[^}]*\}")


@functools.cache
def _listed() -> tuple[frozenset[str], tuple[re.Pattern[str], ...]]:
    text = resources.files(__package__).joinpath("condition_keys.txt").read_text(encoding="utf-8")
    keys = [line.lower() for line in text.splitlines() if line and not line.startswith("#")]
    forms = [key for key in keys if "${" in key]
    return frozenset(key for key in keys if "${" not in key), tuple(map(_form, forms))


def _form(key: str) -> re.Pattern[str]:
    return re.compile(".+".join(re.escape(part) for part in _TEMPLATE.split(key)), re.DOTALL)


def is_listed(key: str) -> bool:
    """Whether AWS lists a condition key of that name."""
    names, forms = _listed()
    name = key.lower()
    return name in names or any(form.fullmatch(name) for form in forms)


def why_missing(key: str) -> Missing:
    """What a key is in a request that nothing is known of: absent where requests may lack it, otherwise unknown."""
    name = key.lower()
    if name in ALWAYS:
        return Missing.UNKNOWN_VALUE
    if name in NEARLY_ALWAYS or not is_listed(name):
        return Missing.UNKNOWN
    return Missing.ABSENT
