"""What speaks of a refusal that is none of a policy: bad or expired credentials, other clouds, talk about denials."""

from __future__ import annotations

import re
from typing import Final

_CREDENTIALS: Final = (
    *("request has expired", "is expired", "has expired", "have expired", "are expired", "policy expired"),
    *("requestexpired", "expiredtoken", "signature expired", "signature not yet current", "tooskewed", "too skewed"),
    *("invalidaccesskeyid", "access key id you provided", "invalidtoken", "invalidclienttokenid", "unrecognizedclient"),
    *("signaturedoesnotmatch", "signature we calculated", "incompletesignature", "authfailure"),
    *("token included in the request is invalid", "missingauthenticationtoken", "query-string authentication"),
    *("noauthwithaws", "no aws credentials", "load aws credentials", "unable to locate credentials"),
    *("x-amz-expires", "headers present in the request which were not signed", "requires a valid date"),
)
"""S3 says AccessDenied of an expired URL and of an unsigned header too."""
_ELSEWHERE: Final = (
    *("gserviceaccount", "googleapis", "google cloud", "storage.objects.", "aliyuncs", "aliyun", "myqcloud"),
    *("myhuaweicloud", "windows.net", "digitaloceanspaces", "cloudflarestorage", "wasabisys", "backblazeb2"),
    *("oraclecloud", "yandexcloud", "linodeobjects", "scw.cloud", "cloud-object-storage", "ovh.net"),
    *("acs:ram:", "acs:oss:", "qcs::"),
    *("mysql", "org.springframework", "org.elasticsearch", "authorizationfailed", "apache.kafka.common"),
)
_OTHERS: Final = (*_CREDENTIALS, *_ELSEWHERE)
_METER: Final = re.compile(r"=[\"']?\w+[\"']?(?:,[^}\n]{0,200})?\}\s+\d[\d.]*\s*$")
"""A sample of a metric, whose label is a code."""
_COUNTED: Final = re.compile(
    r"^[\"'\])]*\s*[:=,]?\s*(?:[\"']?(?:count|total|value)[\"']?\s*[=:]\s*)?[\"']?\d+[\"']?(?:\s*[,}\])]|\s*$)"
)
"""A number behind a code: how often it happened."""
_TALK: Final = re.compile(
    r"(?:\bif you (?:see|get)|\bfix(?:e[ds])?\b|\bresolved?\b|\bno (?:more )?|\b0 |\bretry(?:ing)? on|\binstead of|"
    r"\bcheck for|\bhandl(?:e|ing)\b|\bwhen you|\bgrep\b|\bexpect(?:ed|s)?\b|\btreat(?:s|ing)?\b|\bcatch(?:es)?\b|"
    r"\bexcept\b|\braises?\b|\bthrows?\b|\breturns?\b|\bsuch as\b|\be\.g\.|\blike\b|\bsimulat\w+|\bassert\w*|"
    r"\bignor(?:e|ing)\b)\W*$",
    re.IGNORECASE,
)
"""What somebody says before a code of which he only talks."""
_QUERY: Final = re.compile(r"\b(?:filter|where|and|or|when|if|unless)\s+[\w.$@]+\s*=\s*['\"]?\Z", re.IGNORECASE)


def is_no_denial(said: str) -> bool:
    """Whether what is said around a code tells of credentials, of time or of another cloud."""
    lowered = said.lower()
    return any(word in lowered for word in _OTHERS)


def is_counted(before: str, code: str, after: str) -> bool:
    """Whether a code is a label or a key of a number."""
    line = after.partition("\n")[0]
    return _COUNTED.match(line) is not None or _METER.search(f"{before[-60:]}{code}{line}") is not None


def is_talk(before: str) -> bool:
    """Whether the words before a code are of somebody who talks about it."""
    return _TALK.search(before[-60:]) is not None


def is_query(before: str) -> bool:
    """Whether a code is what a field is compared with."""
    return _QUERY.search(before[-80:]) is not None
