"""What the observer of `dev_min` may do: what the checks need, what a fixture needs beside, and no more."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_substrate.embedded.platform import names
from pytest_substrate.embedded.platform.roles import allow, statement
from pytest_substrate.model.outcome import Plane

if TYPE_CHECKING:
    from pytest_substrate.embedded.platform.roles import Policy

_IN_WHEEL: Final = "dev_min.toml"
_IN_CHECKOUT: Final = "fixtures/dev_min/substrate.toml"


def declaration_file() -> Path:
    """The declaration of `dev_min`: package data of a wheel, which is built from the checkout's fixture."""
    shipped = Path(str(files(__package__) / _IN_WHEEL))
    return shipped if shipped.is_file() else Path(__file__).resolve().parents[3] / _IN_CHECKOUT


def observer_policy() -> Policy:
    """The policy of the observer role."""
    from pytest_substrate.model.declaration import parse_declaration
    from pytest_substrate.model.declaration.workloads import Rerun
    from pytest_substrate.planes import permissions

    file = declaration_file()
    declaration = parse_declaration(file.read_text(encoding="utf-8"), name=file.name)
    jobs = {name: job.model_copy(update={"rerun": Rerun()}) for name, job in declaration.job.items()}
    declaration = declaration.model_copy(update={"job": jobs})  # for declarations like it that have jobs run again
    roles = [names.role_arn(names.EXECUTION_ROLE)]
    policy = permissions.observer_policy(
        [Plane.RELEASE, Plane.MESSAGING, Plane.PACKAGING, Plane.DATA], declaration, execution_roles=roles
    )
    return allow([*policy["Statement"], *_fixture_statements()])


def _fixture_statements() -> list[dict[str, Any]]:
    """For `runtime_credentials`: whoever uses that fixture grants its observer this; no check ever reads a value."""
    place = f"{names.REGION}:{names.ACCOUNT}"
    return [
        statement(["secretsmanager:GetSecretValue"], [f"arn:aws:secretsmanager:{place}:secret:{names.SECRET}-*"]),
        statement(["kms:Decrypt"], [f"arn:aws:kms:{place}:key/*"]),
    ]
