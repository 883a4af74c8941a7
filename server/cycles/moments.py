"""What a shop was granted, for its timeline: each publication of a cycle whose result holds a line of the shop."""

from datetime import datetime

from sqlalchemy import Select, exists

from server.cycles.models import CycleRow, GrantRow, Publication
from server.kit.console.moments import Moments, moments, numbered
from server.kit.marking import N_


def _published(retailer: str) -> Select[datetime, str, str, str]:
    query = moments(Publication.published_at, "published", numbered(CycleRow.number), CycleRow.id)
    return query.join(CycleRow, CycleRow.id == Publication.cycle).where(
        exists().where(
            GrantRow.cycle == Publication.cycle, GrantRow.attempt == Publication.attempt, GrantRow.retailer == retailer
        )
    )


MOMENTS = (Moments({"published": (N_("grants published"),)}, "/console/cycles/{key}", _published),)
