"""MSG-030 and MSG-040: how the service's task definition is wired to the secret and to the cluster. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pytest_substrate.model.aws import kafka
from pytest_substrate.model.aws.address import host_of, port_of
from pytest_substrate.model.aws.ecs import Container, ServiceState, TaskDefinition
from pytest_substrate.model.aws.secrets import SecretState
from pytest_substrate.model.diagnosis import Diagnosis, inconclusive, passed, violated
from pytest_substrate.model.facts import number_of
from pytest_substrate.model.observation import Missing, Unobserved
from pytest_substrate.model.outcome import Layer
from pytest_substrate.model.transcript import Transcript
from pytest_substrate.model.unseen import unseen
from pytest_substrate.planes.messaging.diagnose.injection import problems

Service = ServiceState | Missing | Unobserved
Definition = TaskDefinition | Missing | Unobserved


def container_of(service: Service, definition: Definition, *, container: str) -> Container | Diagnosis:
    """The declared container in what the service starts its tasks from, else why it can't be looked at."""
    if isinstance(service, Unobserved):
        return unseen(service, "the service")
    if isinstance(service, Missing):
        return violated("service-missing", f"ECS has no active service {service.what}", services=[service.what])
    if isinstance(definition, Unobserved):
        return unseen(definition, f"the task definition of {service.name}")
    found = None if isinstance(definition, Missing) else definition.container(container)
    if found is None:
        return violated(
            "container-missing",
            f"the task definition of {service.name} has no container {container}",
            container=container,
            task_definition_arn=service.task_definition_arn,
        )
    return found


def diagnose_injection(
    service: Service,
    definition: Definition,
    secret: SecretState | Missing | Unobserved,
    *,
    container: str,
    name: str,
    expected: Mapping[str, str | None],
) -> Diagnosis:
    """Whether the container gets the declared secret's current version in each declared variable, and nothing else.

    `expected` holds the variables, each with the JSON key that it takes, None for the whole secret. What the entry
    itself proves wrong is said even where the secret could not be looked at.
    """
    found = container_of(service, definition, container=container)
    if isinstance(found, Diagnosis):
        return found
    arn = definition.arn if isinstance(definition, TaskDefinition) else None
    wrong = problems(found, secret, name=name, expected=expected)
    if wrong:
        problem = wrong[0]
        return violated(
            problem.cause,
            problem.message,
            container=container,
            variable=problem.variable,
            variables=[other.variable for other in wrong],
            task_definition_arn=arn,
        ).with_facts(problem.facts)
    if isinstance(secret, Unobserved):
        return unseen(secret, f"the secret {name}")
    if isinstance(secret, Missing):
        return inconclusive("secret-missing", f"there is no secret {name} that could be injected", secret_name=name)
    return passed(
        f"the container {container} gets the secret {name}, without a pinned version",
        container=container,
        variables=tuple(expected),
        secret_arn=secret.arn,
        task_definition_arn=arn,
    )


def wired_of(
    container: Container, transcript: Transcript | Unobserved | None, *, variable: str
) -> tuple[str, ...] | Diagnosis:
    """The addresses in the declared variable: as the task definition says, else as the probe saw them in the runtime.

    A variable that a secret, a parameter, a file or the image sets isn't in the task definition to be read.
    """
    times = container.variables.count(variable) + sum(entry.variable == variable for entry in container.injections)
    if times > 1:
        return violated("duplicate-variable", f"{variable} is set {times} times", variable=variable)
    wiring = next((wiring for wiring in container.wirings if wiring.variable == variable), None)
    if wiring is None:
        return _wired_in_runtime(transcript, container=container.name, variable=variable, named=times > 0)
    if wiring.malformed:
        return violated(
            "malformed-endpoint" if wiring.endpoints else "bootstrap-not-wired",
            f"{variable} holds {number_of(wiring.malformed, 'item')} not of the form HOST:PORT",
            variable=variable,
            endpoints=wiring.endpoints,
            malformed=wiring.malformed,
        )
    return wiring.endpoints


def _wired_in_runtime(
    transcript: Transcript | Unobserved | None, *, container: str, variable: str, named: bool
) -> tuple[str, ...] | Diagnosis:
    if isinstance(transcript, Transcript) and transcript.bootstrap_failure is None and transcript.bootstrap:
        return tuple(broker.address.lower() for broker in transcript.bootstrap)
    if isinstance(transcript, Transcript) and not named:
        return violated(
            "bootstrap-not-wired",
            f"{variable} is not set in the container {container}",
            container=container,
            variable=variable,
        )
    return inconclusive(
        "wiring-not-visible",
        f"{variable} is not a plain value of the task definition, and no probe told what it holds",
        container=container,
        variable=variable,
    )


def is_visible(container: Container, *, variable: str) -> bool:
    """Whether the task definition alone tells what the variable holds, or that it is set more than once."""
    return variable in container.variables


def diagnose_wiring(
    service: Service,
    definition: Definition,
    bootstrap: kafka.Bootstrap | Missing | Unobserved,
    nodes: kafka.Nodes | Missing | Unobserved,
    transcript: Transcript | Unobserved | None,
    *,
    container: str,
    variable: str,
    authentication: str,
    connectivity: str,
) -> Diagnosis:
    """Whether each wired address is a broker of the cluster, at a port of the declared authentication's listener.

    A broker is what the bootstrap list names, or a host of ListNodes at one of that list's ports; the list need not
    name all. `transcript` serves where the task definition doesn't show the variable, and may be None.
    """
    found = container_of(service, definition, container=container)
    wired = found if isinstance(found, Diagnosis) else wired_of(found, transcript, variable=variable)
    if isinstance(wired, Diagnosis):
        return wired
    if isinstance(bootstrap, Unobserved):
        return unseen(bootstrap, "the cluster's bootstrap list")
    listed = frozenset() if isinstance(bootstrap, Missing) else bootstrap.endpoints(authentication, connectivity)
    if isinstance(bootstrap, Missing) or not listed:
        return violated(
            "no-bootstrap-list",
            f"the cluster names no broker for {authentication} over {connectivity}",
            layer=Layer.SUBSTRATE,
            authentication=authentication,
            connectivity=connectivity,
        )
    hosts = _hosts(nodes, connectivity=connectivity, listed=listed)
    strange = _strangers(wired, listed=listed, hosts=hosts)
    at = f"for {authentication} over {connectivity}"
    if not strange:
        told = f"every wired endpoint is a broker of the cluster ({number_of(len(wired), 'endpoint')})"
        judged = passed(told, endpoints=wired)
    elif isinstance(nodes, Unobserved):
        # a broker that the bootstrap list leaves out is no stranger, and only ListNodes would tell
        judged = unseen(nodes, f"whether {', '.join(strange)} is a broker")
    elif not hosts and all(_neighbours(endpoint, listed) for endpoint in strange):
        judged = inconclusive(
            "broker-not-listed", f"{', '.join(strange)} may be a broker {at}, but AWS lists it nowhere"
        )
    else:
        elsewhere = _at_other_listeners(strange, bootstrap=bootstrap, listed=listed, hosts=hosts)
        judged = violated(
            "wrong-port" if elsewhere == strange else "foreign-endpoint",
            f"{', '.join(strange)} is no broker of the cluster at a port {at}",
        )
    return judged.with_facts(
        {"variable": variable, "endpoints": strange, "expected_endpoints": sorted(listed), "total": len(wired)}
    )


def _hosts(nodes: kafka.Nodes | Missing | Unobserved, *, connectivity: str, listed: frozenset[str]) -> tuple[str, ...]:
    """The brokers' names for a connectivity. ListNodes gives those inside the VPC.

    Public ones put `-public` behind the first label, which is believed only where the bootstrap list shows it; across
    VPCs the names can't be told from these.
    """
    if not isinstance(nodes, kafka.Nodes) or connectivity == kafka.MULTI_VPC:
        return ()
    if connectivity == kafka.VPC:
        return nodes.hosts
    public = tuple(host.replace(".", "-public.", 1) for host in nodes.hosts)
    return public if {host_of(endpoint) for endpoint in listed} <= set(public) else ()


def _neighbours(endpoint: str, listed: frozenset[str]) -> bool:
    """Whether it differs from a listed address in the host's first label and the port alone."""
    domains = {host_of(other).partition(".")[2] for other in listed}
    return host_of(endpoint).partition(".")[2] in domains - {""}


def _strangers(wired: Sequence[str], *, listed: frozenset[str], hosts: Sequence[str]) -> list[str]:
    known = {f"{host}:{port_of(endpoint)}" for host in hosts for endpoint in listed}
    return [endpoint for endpoint in dict.fromkeys(wired) if endpoint not in listed | known]


def _at_other_listeners(
    strange: Sequence[str], *, bootstrap: kafka.Bootstrap, listed: frozenset[str], hosts: Sequence[str]
) -> list[str]:
    """Those that are brokers of this cluster at another port.

    A host tells a broker where each has a name of its own, as on AWS; where several share one (on a single machine),
    the port must be one that the cluster's other listeners have.
    """
    every = bootstrap.every_endpoint()
    brokers = {host_of(endpoint) for endpoint in every} | set(hosts)
    distinct = len({host_of(endpoint) for endpoint in listed}) == len(listed)
    return [
        endpoint
        for endpoint in strange
        if endpoint in every or (distinct and len(listed) > 1 and host_of(endpoint) in brokers)
    ]
