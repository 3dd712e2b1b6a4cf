"""A LocalStack-compatible endpoint that somebody else runs: named through localstack-client, never given real keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from pytest_substrate.adapters.aws.session import AwsSession, Keys, Way
from pytest_substrate.model.outcome import TargetKind, Vantage
from pytest_substrate.targets.control_plane import ControlPlaneTarget, Setting
from pytest_substrate.targets.port import Refusal, TargetError
from pytest_substrate.targets.twin.pace import LOCAL_PACE

_AWS_DOMAINS: Final = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws")


def localstack_endpoint(host: str | None = None) -> Callable[[str], str]:
    """The endpoint of each service as localstack-client names it.

    At `host` (`HOST:PORT`), else where LOCALSTACK_HOST or AWS_ENDPOINT_URL say. TargetError where the package is
    missing, or where the surroundings lead away from `host`.
    """
    try:
        from localstack_client.config import get_service_endpoint
    except ImportError:
        raise TargetError("localstack-client is not installed; install pytest-substrate[local]") from None

    def endpoint(service: str) -> str:
        url = get_service_endpoint(service, localstack_host=host) or get_service_endpoint("sts", localstack_host=host)
        if host is not None and url != f"http://{host}":
            raise TargetError(
                f"AWS_ENDPOINT_URL or USE_SSL lead to {url}, and the embedded platform is at http://{host}; unset them"
            )
        return str(url)

    return endpoint


class LocalstackTarget(ControlPlaneTarget):
    """An endpoint whose lack of an operation is never a finding."""

    kind = TargetKind.LOCALSTACK

    def __init__(self, setting: Setting) -> None:
        self._endpoint = localstack_endpoint()
        way = Way(endpoint=self._endpoint)
        keys = Keys(access_key_id=setting.declaration.account, secret_access_key="test")  # a 12-digit id is the account
        caller = AwsSession.keyed(region=setting.declaration.region, way=way, keys=keys, known=setting.secrets.add)
        super().__init__(setting, caller=caller, pace=LOCAL_PACE)
        self._probed: set[tuple[str, str | None]] = set()

    def client(self, service: str, region: str | None = None) -> Any:
        """See the port. Before a service's first use it is asked whether it is there at all."""
        from pytest_substrate.adapters.aws.capabilities import mark_if_not_implemented

        with self.lock:
            if not self._probed:  # the observer is assumed by the caller's own STS
                self._probed.add(("", None))
                mark_if_not_implemented(self._caller.client("sts"), "sts")
            client = super().client(service, region)
            if (service, region) not in self._probed:
                self._probed.add((service, region))
                mark_if_not_implemented(client, service)
        return client

    def guard(self) -> Sequence[Refusal]:
        """See the port."""
        url = self._endpoint("sts")
        host = urlsplit(url).hostname or ""
        if host.endswith(_AWS_DOMAINS):
            return [
                Refusal(
                    cause="endpoint-is-aws",
                    message=f"the endpoint {url} is AWS's own, and this target is for what is not AWS",
                    mend="unset AWS_ENDPOINT_URL, or choose --substrate-target aws",
                )
            ]
        if self.vantage is Vantage.EXEC:
            return [
                Refusal(
                    cause="exec-not-built",
                    message="a LocalStack-compatible endpoint has no way into a container",
                    mend="use --substrate-vantage task",
                )
            ]
        return self.judge_who()
