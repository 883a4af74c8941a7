"""Visits and calls, for the timeline of a shop."""

from datetime import datetime

from sqlalchemy import Select

from server.kit.console.moments import Moments, moments, numbered
from server.kit.marking import N_
from server.visits.models import VisitRow


def _kept(retailer: str) -> Select[datetime, str, str, str]:
    query = moments(VisitRow.at, VisitRow.outcome, numbered(VisitRow.number), VisitRow.id)
    return query.where(VisitRow.retailer == retailer)


MOMENTS = (
    Moments(
        {
            "done": (N_("the shop was visited"),),
            "shut": (N_("a visit found the shop shut"),),
            "reached": (N_("the shop was called and reached"),),
            "not_reached": (N_("the shop was called and not reached"),),
            "try_again": (N_("the shop was called and asked for another time"),),
        },
        "/console/visits/kept/{key}",
        _kept,
    ),
)
