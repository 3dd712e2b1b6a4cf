"""The real AWS: nothing between the declaration and AWS's own hosts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from pytest_substrate.adapters.aws.hosts import real_hosts
from pytest_substrate.adapters.aws.session import AwsSession, Way
from pytest_substrate.adapters.aws.surroundings import observe_surroundings
from pytest_substrate.model.observation import Unobserved
from pytest_substrate.model.outcome import TargetKind, Vantage
from pytest_substrate.targets.control_plane import ControlPlaneTarget, Setting
from pytest_substrate.targets.guard import address_of_proxy, judge_identity, judge_surroundings
from pytest_substrate.targets.port import Refusal
from pytest_substrate.targets.twin.pace import AWS_PACE

_ASKED: Final = ("sts", "ecs", "kafka", "secretsmanager", "kms", "logs", "cloudtrail")
"""The endpoint prefixes that a run asks, for NO_PROXY."""


class AwsTarget(ControlPlaneTarget):
    """AWS, through the declared proxy and CA bundle alone."""

    kind = TargetKind.AWS

    def __init__(self, setting: Setting) -> None:
        target = setting.declaration.target
        way = Way(proxy=_proxy_url(target.proxy, os.environ), ca_bundle=target.ca_bundle)
        if way.proxy is not None and (password := urlsplit(way.proxy).password):
            setting.secrets.add(password)
            setting.secrets.add(unquote(password))
        known = setting.secrets.add
        caller = AwsSession.ambient(region=setting.declaration.region, way=way, known=known)
        super().__init__(setting, caller=caller, pace=AWS_PACE)

    def guard(self) -> Sequence[Refusal]:
        """See the port. Surroundings are judged before the first call leaves."""
        expected = self.expected()
        hosts = [min(real_hosts(prefix, expected.region), key=len) for prefix in _ASKED]
        refusals = [*judge_surroundings(observe_surroundings(os.environ, Path.home()), expected, hosts)]
        if expected.ca_bundle and not Path(expected.ca_bundle).is_file():
            refusals.append(
                Refusal(
                    cause="ca-bundle-missing",
                    message=f"the declared CA bundle {expected.ca_bundle} is no file here",
                    mend="put it there, or mend [target] ca_bundle",
                )
            )
        if self.vantage is Vantage.EXEC:
            refusals.append(
                Refusal(
                    cause="exec-not-built",
                    message="ECS Exec is not built yet, so there is no vantage exec on AWS",
                    mend="use --substrate-vantage task",
                )
            )
        return refusals or self._judge_credentials()

    def _judge_credentials(self) -> Sequence[Refusal]:
        found = self._caller.has_credentials()
        if isinstance(found, Unobserved):
            message = f"the credentials can't be used: {found.code}: {found.detail}"
            mend = "mend the profile, or sign in again"
            return [Refusal(cause="credentials-broken", message=message, mend=mend)]
        if not found:
            return judge_identity(None, None, self.expected())
        return self.judge_who()


def _proxy_url(declared: str | None, environ: Mapping[str, str]) -> str | None:
    """The declared proxy; as the environment writes it where that is the same one, as it may add a password."""
    if declared is None:
        return None
    named = [
        environ[name] for upper in ("HTTPS_PROXY", "ALL_PROXY") for name in (upper.lower(), upper) if environ.get(name)
    ]
    return next((url for url in named if address_of_proxy(url) == address_of_proxy(declared)), declared)
