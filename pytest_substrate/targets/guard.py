"""The target guard: whether a target may be used at all, decided before any plane. Pure.

It judges what was found in the surroundings (`Surroundings`, read by `adapters/aws/surroundings.py`) and who STS says
that we are, against the declaration. It does not decide whether the platform is well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pytest_substrate.model.observation import Unobserved
from pytest_substrate.targets.port import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy that the surroundings name: where it stands, and its address without user and password."""

    where: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A CA bundle that the surroundings name."""

    where: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What of the environment and the profiles could bend a request, without any secret.

    `where` always names a variable, or a profile's key and its file.
    """

    endpoints: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    proxies: tuple[Proxy, ...] = ()
    no_proxy: str = ""
    bundles: tuple[Bundle, ...] = ()
    regions: tuple[tuple[str, str], ...] = ()
    """Where a region is named, and which."""
    environment: tuple[str, str] | None = None
    """Where the environment is named, and which."""
    broken: str | None = None
    """Why the profile can't be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """An identity as STS names it."""

    arn: str
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the declaration says of the target."""

    environment: str
    account: str
    region: str
    observer: str | None = None
    proxy: str | None = None
    ca_bundle: str | None = None


ENVIRONMENT_VARIABLE: Final = "SUBSTRATE_ENVIRONMENT"
"""By which whoever starts a run says what environment they mean; compared where it is set."""


def judge_surroundings(found: Surroundings, expected: Expected, hosts: Sequence[str]) -> tuple[Refusal, ...]:
    """What of the surroundings forbids a run against AWS. `hosts` are those that will be asked, for NO_PROXY."""
    refusals = [
        Refusal(cause="profile-broken", message=why, mend="mend or choose the profile") for why in _some(found.broken)
    ]
    refusals += [
        Refusal(
            cause="endpoint-override",
            message=f"{where} names an endpoint, and a run against AWS asks AWS alone",
            mend="remove it, or choose --substrate-target localstack",
        )
        for where in found.endpoints
    ]
    refusals += [
        Refusal(
            cause="foreign-models",
            message=f"{where} holds botocore models, which can redirect any call",
            mend="remove them for this run",
        )
        for where in found.models
    ]
    return (*refusals, *_proxies(found, expected, hosts), *_bundles(found, expected), *_names(found, expected))


def judge_identity(
    caller: Who | Unobserved | None, observer: Who | Unobserved | None, expected: Expected
) -> tuple[Refusal, ...]:
    """Who we are: `caller` before, `observer` after the declared role was assumed (the caller where none is declared).

    None means that there are no credentials at all.
    """
    if caller is None:
        mend = "give credentials (environment, profile, SSO, container or machine role)"
        return (Refusal(cause="no-credentials", message="no AWS credentials were found", mend=mend),)
    who, step = (caller, "sts:GetCallerIdentity")
    if not isinstance(caller, Unobserved) and expected.observer is not None:
        if observer is None or isinstance(observer, Unobserved):
            return (_not_assumed(caller, observer, expected.observer),)
        who = observer
    if isinstance(who, Unobserved):
        message = f"{step} did not tell who the caller is: {_why(who)}"
        return (Refusal(cause="identity-unknown", message=message, mend="renew the credentials, or mend the network"),)
    if who.account != expected.account:
        return (
            Refusal(
                cause="account-differs",
                message=f"{who.arn} is in account {who.account}, and the declaration is for {expected.account}",
                mend="use credentials of the declared account",
            ),
        )
    if expected.observer is not None and _role(who.arn) != _role(expected.observer):
        return (
            Refusal(
                cause="observer-differs",
                message=f"STS names {who.arn}, and the declared observer is {expected.observer}",
                mend="find out who answered for STS",
            ),
        )
    return ()


def _not_assumed(caller: Who, observer: Who | Unobserved | None, role: str) -> Refusal:
    return Refusal(
        cause="observer-not-assumed",
        message=f"{caller.arn} could not become the observer {role}: {_why(observer)}",
        mend="let the role trust this caller, or remove [observer]; there is no way back to the caller",
    )


def _proxies(found: Surroundings, expected: Expected, hosts: Sequence[str]) -> list[Refusal]:
    exempt = [name.strip().lstrip(".").lower() for name in found.no_proxy.split(",") if name.strip()]
    if hosts and all(any(name in ("*", host) or host.endswith(f".{name}") for name in exempt) for host in hosts):
        return []
    declared = expected.proxy and address_of_proxy(expected.proxy)
    return [
        Refusal(
            cause="undeclared-proxy",
            message=f"{proxy.where} names the proxy {proxy.address}, and the declaration "
            + (f"names {declared}" if declared else "names none"),
            mend="declare it in [target] proxy, remove it, or exempt AWS in NO_PROXY",
        )
        for proxy in found.proxies
        if proxy.address != declared
    ]


def _bundles(found: Surroundings, expected: Expected) -> list[Refusal]:
    return [
        Refusal(
            cause="undeclared-ca-bundle",
            message=f"{bundle.where} names the CA bundle {bundle.path}, and the declaration "
            + (f"names {expected.ca_bundle}" if expected.ca_bundle else "names none"),
            mend="declare it in [target] ca_bundle, or remove it",
        )
        for bundle in found.bundles
        if bundle.path != expected.ca_bundle
    ]


def _names(found: Surroundings, expected: Expected) -> list[Refusal]:
    refusals = [
        Refusal(
            cause="region-differs",
            message=f"{where} says {region}, and the declaration is for {expected.region}",
            mend="use the declaration of that region, or set the variable to the declared one",
        )
        for where, region in found.regions
        if region != expected.region
    ]
    if found.environment is not None and found.environment[1] != expected.environment:
        where, environment = found.environment
        refusals.append(
            Refusal(
                cause="environment-differs",
                message=f"{where} says {environment}, and the declaration is for {expected.environment}",
                mend="use the declaration of that environment",
            )
        )
    return refusals


def address_of_proxy(url: str) -> str:
    """A proxy's scheme, host and port, without user, password and path, in one form."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        port = parts.port
    except ValueError:
        port = None
    return (
        f"{parts.scheme.lower()}://{(parts.hostname or '').lower()}:{port or (443 if parts.scheme == 'https' else 80)}"
    )


def _role(arn: str) -> tuple[str, str]:
    """Account and role name of a role's ARN or of a session of it; a path is not part of a session's ARN."""
    account, _, rest = arn.partition("::")[2].partition(":")
    parts = rest.split("/")
    return (account, parts[1] if parts[0] == "assumed-role" and len(parts) > 1 else parts[-1])


def _why(unknown: Who | Unobserved | None) -> str:
    if not isinstance(unknown, Unobserved):
        return "it was not asked"
    return " ".join(part for part in (unknown.reason, unknown.code and f"({unknown.code})", unknown.detail) if part)


def _some(text: str | None) -> tuple[str, ...]:
    return () if text is None else (text,)
