"""The check that goes with every plane: nothing runs beside what is declared."""

from __future__ import annotations

from typing import Final

from pytest_substrate.model import subjects
from pytest_substrate.model.check import Cause, Check
from pytest_substrate.model.outcome import Layer, Plane
from pytest_substrate.model.unseen import UNSEEN_CAUSES

CHECKS: Final[tuple[Check, ...]] = (
    Check(
        id="SUB-010",
        plane=Plane.SUBSTRATE,
        statement="every service that runs in the ECS cluster is declared or ignored",
        layer=Layer.DECLARATION,
        subjects=subjects.ecs_clusters,
        why="A gate proves what it is told about. A service that nobody declared is a service that nobody proved, "
        "and it is the one that breaks.",
        how="ListServices of the cluster that a declared service or job runs in, page by page, and DescribeServices "
        "for their state; each active service is looked for in [service] and in [[ignored]].",
        red_when="an active service is neither declared nor ignored, an ignored one doesn't exist any more, or the "
        "cluster is missing, inactive or can't be read.",
        permissions=("ecs:DescribeClusters", "ecs:ListServices", "ecs:DescribeServices"),
        causes=(
            Cause(slug="undeclared-service", meaning="a service runs there that is neither declared nor ignored"),
            Cause(
                slug="ignored-service-missing", meaning="a service is ignored that doesn't run there; drop the entry"
            ),
            Cause(slug="ecs-cluster-missing", meaning="the ECS cluster doesn't exist, or isn't active"),
            *UNSEEN_CAUSES,
        ),
        next="aws ecs list-services --cluster {ecs_cluster} --region {region}",
    ),
)
"""The rungs of every demanded plane, recorded once a run."""
