"""What the public fixtures give: typed values of declared things, each observed when it is first asked for.

    def test_publisher(runtime_credentials: Mapping[str, RuntimeCredential], msk_bootstrap: Mapping[str, MskBootstrap]):
        password = runtime_credentials["ingest"].password.reveal()

They read through the run's target and its shared observations, under the observer's identity, like the checks do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, TypeVar

import pytest

from pytest_substrate.adapters.aws.runtime_credential import RuntimeCredential, read_runtime_credential
from pytest_substrate.evidence.secret import Secret
from pytest_substrate.model.errors import BadInput
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.transcript import Transcript
from pytest_substrate.running import run_of
from pytest_substrate.targets.port import TargetError

if TYPE_CHECKING:
    from pytest_substrate.model.declaration import Declaration
    from pytest_substrate.running.state import Run
    from pytest_substrate.targets.port import Target

__all__ = [
    "EcsTaskIdentity",
    "Evidence",
    "MskBootstrap",
    "Named",
    "NotDeclared",
    "NotObserved",
    "RuntimeCredential",
    "Secret",
    "Substrate",
]

T = TypeVar("T")
Fact: TypeAlias = str | int | float | bool | Sequence[str] | Sequence[int] | None

_PROTOCOLS: Final[Mapping[str, tuple[str, str | None]]] = {
    "scram": ("SASL_SSL", "SCRAM-SHA-512"),
    "iam": ("SASL_SSL", "AWS_MSK_IAM"),
    "mtls": ("SSL", None),
}
"""Protocol and mechanism of each authentication that MSK has."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_LONGEST: Final = 300


class NotDeclared(KeyError):
    """A name that the declaration doesn't hold."""

    def __str__(self) -> str:
        return str(self.args[0])


class NotObserved(Exception):
    """A declared thing that could not be seen: what was asked, and what came back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Substrate:
    """The declaration of the run and the target that it is checked on."""

    declaration: Declaration
    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class MskBootstrap:
    """How clients reach a cluster, for the authentication and connectivity that the declaration says."""

    servers: tuple[str, ...]
    """`host:port` of each."""
    security_protocol: str
    sasl_mechanism: str | None
    """None for mutual TLS."""
    cluster_arn: str
    ca_file: str | None = None
    """Whom a client here trusts: on the embedded platform its own authority; None where the system's store serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EcsTaskIdentity:
    """Who a fresh task of a service is, as seen from inside it."""

    role_arn: str
    """The task role, by the container's credential endpoint."""
    caller_arn: str
    """The session, as STS names it inside the task."""
    account: str
    task_arn: str
    task_definition_arn: str
    """The service's live task definition."""
    image_digest: str


class Named(Mapping[str, T]):
    """Declared things by their names, read-only; each is observed on first access and kept."""

    def __init__(self, fixture: str, kind: str, names: Sequence[str], read: Callable[[str], T]) -> None:
        self._fixture = fixture
        self._kind = kind
        self._names = tuple(names)
        self._read = read
        self._seen: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        """The named thing; NotDeclared (a KeyError) for another name, NotObserved where it can't be seen."""
        if name not in self._names:
            declared = ", ".join(self._names) or "none"
            raise NotDeclared(f"{self._fixture}[{name!r}]: no such {self._kind} is declared; declared: {declared}")
        if name not in self._seen:
            self._seen[name] = self._read(name)
        return self._seen[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __repr__(self) -> str:
        return f"<{self._fixture}: {', '.join(self._names)}>"


class Evidence:
    """What a user's test adds to the evidence of the run."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def attach(self, name: str, facts: Mapping[str, Fact]) -> None:
        """Add facts under a name to the test that runs now. In a run without a demanded plane they go nowhere.

        Names are `[a-z0-9_.-]`, values plain texts of one line, numbers, flags, and sequences of them; anything else is
        a TypeError or ValueError, a Secret above all.
        """
        from pytest_substrate.running.reports import ATTACHMENT

        checked = {_named(key): _plain(key, value) for key, value in facts.items()}
        text = json.dumps({"name": _named(name), "facts": checked})
        if self._run.plan is None:
            return
        if self._run.item is None:
            raise RuntimeError("evidence.attach is for a running test")
        self._run.item.user_properties.append((ATTACHMENT, text))


def ready(request: pytest.FixtureRequest) -> Run:
    """The run of a fixture with its target started; what a user can mend is one line, without a traceback."""
    run = run_of(request.config)
    try:
        _ = run.context
    except (BadInput, TargetError) as error:
        problems = getattr(error, "problems", None) or (error,)
        pytest.fail("\n".join(f"substrate: {' '.join(str(one).split())}" for one in problems), pytrace=False)
    return run


def evidence(request: pytest.FixtureRequest) -> Evidence:
    """`evidence`: it needs no target."""
    return Evidence(run_of(request.config))


def substrate(run: Run) -> Substrate:
    """`substrate`."""
    return Substrate(declaration=run.source.declaration, target=run.context.target)


def bootstraps(run: Run) -> Named[MskBootstrap]:
    """`msk_bootstrap`."""

    def read(name: str) -> MskBootstrap:
        from pytest_substrate.planes.messaging.observe import observe_bootstrap

        cluster = run.source.declaration.cluster[name]
        seen = _seen(f"msk_bootstrap[{name!r}]", observe_bootstrap(run.context, name))
        servers = tuple(sorted(seen.endpoints(cluster.auth, cluster.connectivity)))
        if not servers:
            raise NotObserved(
                f"msk_bootstrap[{name!r}]: the cluster offers no addresses for {cluster.auth} over "
                f"{cluster.connectivity}; see MSG-005"
            )
        protocol, mechanism = _PROTOCOLS[cluster.auth]
        return MskBootstrap(
            servers=servers,
            security_protocol=protocol,
            sasl_mechanism=mechanism,
            cluster_arn=cluster.arn,
            ca_file=run.context.target.ca_file,
        )

    return Named("msk_bootstrap", "cluster", tuple(run.source.declaration.cluster), read)


def credentials(run: Run) -> Named[RuntimeCredential]:
    """`runtime_credentials`, for the services that declare a credential."""
    secrets = {
        name: service.messaging.credential.secret
        for name, service in run.source.declaration.service.items()
        if service.messaging is not None and service.messaging.credential is not None
    }

    def read(name: str) -> RuntimeCredential:
        client = run.context.target.client("secretsmanager")
        seen = read_runtime_credential(client, secrets[name], known=run.scrubber.add)
        return _seen(f"runtime_credentials[{name!r}]", seen)

    return Named("runtime_credentials", "service with a credential", tuple(secrets), read)


def identities(run: Run) -> Named[EcsTaskIdentity]:
    """`ecs_task_identity`, for the services with messaging: their probe tells who they are."""
    services = run.source.declaration.service
    names = tuple(name for name, service in services.items() if service.messaging is not None)

    def read(name: str) -> EcsTaskIdentity:
        from pytest_substrate.planes.messaging.observe import observe_probe

        asked = f"ecs_task_identity[{name!r}]"
        probe = _seen(asked, observe_probe(run.context, name))
        if not isinstance(probe.transcript, Transcript):
            told = probe.transcript if isinstance(probe.transcript, Unobserved) else None
            why = probe.start_failure or (told and (told.detail or told.reason))
            raise NotObserved(f"{asked}: a fresh task could not be looked into ({why}); see MSG-055")
        seen = probe.transcript.identity
        facts = (seen.role_arn, seen.caller_arn) if seen is not None else (None, None)
        role_arn, caller_arn = facts
        if role_arn is None or caller_arn is None:
            raise NotObserved(f"{asked}: the task could not tell its role or its caller; see MSG-060")
        return EcsTaskIdentity(
            role_arn=role_arn,
            caller_arn=caller_arn,
            account=caller_arn.split(":")[4],
            task_arn=str(probe.task_arn),
            task_definition_arn=str(probe.task_definition_arn),
            image_digest=str(probe.image_digest),
        )

    return Named("ecs_task_identity", "service with messaging", names, read)


def ci_session(run: Run) -> Any:
    """`oidc_session`; NotObserved where anything but the token would answer, or where STS gives no session for it."""
    from pytest_substrate.model.outcome import Outcome
    from pytest_substrate.planes.release import observe
    from pytest_substrate.planes.release.diagnose.job import diagnose_session, diagnose_surroundings

    context, declared = run.context, run.source.declaration
    if declared.release is None:
        raise NotDeclared("oidc_session: the declaration has no [release], which names the CI role and its token")
    token = observe.observe_token(context)
    around = diagnose_surroundings(observe.observe_surroundings(context), token)
    if around.outcome is not Outcome.PASS:
        raise NotObserved(f"oidc_session: {around.message}; see REL-010")
    given = observe.observe_session(context)
    judged = diagnose_session(given, token, role=declared.release.role, account=declared.account)
    if judged.outcome is not Outcome.PASS:
        raise NotObserved(f"oidc_session: {judged.message}; see REL-040")
    return context.target.ci.boto3_session(observe.role_arn(context), name=observe.session_name(context))


def hosts(run: Run) -> Named[Any]:
    """`runtime_host`: pytest-testinfra hosts whose commands run inside the running container of a service."""

    def read(name: str) -> Any:
        try:
            from pytest_substrate.targets.runtime_host import runtime_host
        except ImportError as error:
            raise NotObserved(
                f"runtime_host[{name!r}]: {error.name} is not installed; pip install 'pytest-substrate[testinfra]'"
            ) from None
        return runtime_host(run.context.target, name)

    return Named("runtime_host", "service", tuple(run.source.declaration.service), read)


def _seen(asked: str, seen: T | Missing | Unobserved) -> T:
    if isinstance(seen, Missing):
        _not_observed(asked, f"{seen.what} does not exist", seen.operation, seen.code)
    if isinstance(seen, Unobserved):
        _not_observed(asked, seen.detail or seen.reason, seen.operation, seen.code or seen.reason)
    return seen


def _not_observed(asked: str, what: str, operation: str | None, code: str | None) -> NoReturn:
    told = f" ({operation} answered {code})" if operation and code else ""
    raise NotObserved(f"{asked}: {what}{told}")


def _named(name: object) -> str:
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise ValueError(f"a name in the evidence is of a-z, 0-9, _, . and -, at most 64 of them, not {name!r}")
    return name


def _plain(name: str, value: object) -> object:
    if isinstance(value, Secret):
        raise TypeError(f"the fact {name} is a Secret, which no evidence holds")
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        if len(value) > _LONGEST or not value.isprintable():
            raise ValueError(f"the fact {name} is not one printable line of at most {_LONGEST} characters")
        return value
    if isinstance(value, (list, tuple)) and all(isinstance(item, (str, int, float)) for item in value):
        return [_plain(name, item) for item in value]
    raise TypeError(
        f"the fact {name} is a {type(value).__name__}; a text, a number, a flag or a list of them is wanted"
    )
