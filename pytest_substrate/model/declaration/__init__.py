"""The declaration: what must hold. Read from `substrate.toml` without I/O, frozen, and complete or refused."""

from __future__ import annotations

from pytest_substrate.model.declaration.document import (
    Cluster,
    Declaration,
    Ignored,
    NotApplicable,
    Observer,
    Probe,
    Release,
    TargetTable,
    Token,
    TokenPlace,
    Waiver,
)
from pytest_substrate.model.declaration.problems import DeclarationErrors, Problem
from pytest_substrate.model.declaration.reading import CheckSet, parse_declaration
from pytest_substrate.model.declaration.workloads import (
    Artifact,
    Attestation,
    Client,
    ClientSettings,
    Contract,
    Credential,
    Grant,
    Job,
    Messaging,
    Network,
    Operation,
    Service,
)

__all__ = [
    "Artifact",
    "Attestation",
    "CheckSet",
    "Client",
    "ClientSettings",
    "Cluster",
    "Contract",
    "Credential",
    "Declaration",
    "DeclarationErrors",
    "Grant",
    "Ignored",
    "Job",
    "Messaging",
    "Network",
    "NotApplicable",
    "Observer",
    "Operation",
    "Probe",
    "Problem",
    "Release",
    "Service",
    "TargetTable",
    "Token",
    "TokenPlace",
    "Waiver",
    "parse_declaration",
]
