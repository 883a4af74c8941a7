"""The screen of the figures behind scores: what is known of each component and month, how fresh, of how many shops."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from fastapi import Request, Response
from sqlalchemy.orm import Session

from allocation.scoring.policy import COMPONENTS
from server.forecasts import queries as forecasts
from server.forecasts.rules import between, later, month_of
from server.kit import console, http
from server.kit.console.texts import N_, language_of
from server.kit.imports.http import ROLES as IMPORTERS
from server.retailers import queries as retailers
from server.scores import explaining, fact_queries, policies, queries
from server.scores.fact_queries import Covered

MONTHS_SHOWN: Final = 12
HISTORY: Final = "history"

facts = http.router("/console/scores/facts", tag="console", roles=(), shops="reads")

TABLES: Final[Mapping[str, str]] = {
    "demand": HISTORY,
    "trend": HISTORY,
    "assortment": "assortment",
    "payment": "payments",
    "acceptance": "deliveries",
    "compliance": "inspections",
    "service": "service",
}
"""Component -> the table that its figures stand in."""

ORIGINS: Final[Mapping[str, str]] = {
    HISTORY: N_("files, or sales that terminals tell of"),
    "assortment": N_("files; else what the shop accepted of confirmed deliveries"),
    "payments": N_("files"),
    "deliveries": N_("deliveries as the shops confirm them"),
    "inspections": N_("files"),
    "service": N_("files"),
}
NAMES: Final[Mapping[str, str]] = {
    HISTORY: N_("Sales"),
    "assortment": N_("Assortment"),
    "payments": N_("Payments"),
    "deliveries": N_("Deliveries"),
    "inspections": N_("Inspections"),
    "service": N_("Service"),
}
NO_SOURCE: Final = N_("What a shop had to sell is not kept: there is no source.")


@dataclass(frozen=True)
class Known:
    """What is known of a component within the window of the policy."""

    name: str
    percent: int
    table: str | None
    origin: str
    months: int
    newest: date | None
    together: Covered | None

    @property
    def list_name(self) -> str | None:
        """The list by which files bring its figures, if any do."""
        return None if self.table == "deliveries" else self.table


@facts.get("")
def show_facts(
    request: Request, session: http.Db, clock: http.Now, config: http.Config, operator: http.Person
) -> Response:
    """Show of each component what is known, and of each month of how many shops."""
    newest = queries.policy(session)
    policy = policies.read(session, None if newest is None else newest.version)
    as_of = month_of(clock().astimezone(config.tz).date())
    since = first_month(as_of, policy.window_days)
    covered = _covered(session, since, as_of)
    language = language_of(request)
    return console.page(
        request,
        "scores/facts.html",
        as_of=as_of,
        last=later(as_of, -1),
        since=since,
        known=[
            _known(explaining.component(name, language), policy.weights.get(name, 0), TABLES.get(name), covered)
            for name in COMPONENTS
        ],
        months=[later(as_of, -back) for back in range(1, between(since, as_of) + 1)][:MONTHS_SHOWN],
        tables=NAMES,
        covered=covered,
        shops=retailers.count(session),
        importer=bool(operator.roles & set(IMPORTERS)),
    )


def first_month(as_of: date, window_days: int) -> date:
    """Return the first month of which a run as of a day reads figures: its first day is one of so many before it."""
    first = as_of - timedelta(days=window_days)
    return first if first.day == 1 else later(month_of(first), 1)


def _covered(session: Session, since: date, before: date) -> dict[tuple[str, date | None], Covered]:
    sales = forecasts.coverage(session, since, before)
    return fact_queries.coverage(session, since, before) | {
        (HISTORY, month): Covered(*told) for month, told in sales.items()
    }


def _known(name: str, percent: int, table: str | None, covered: Mapping[tuple[str, date | None], Covered]) -> Known:
    months = [month for facts, month in covered if facts == table and month is not None]
    together = None if table is None else covered.get((table, None))
    return Known(
        name,
        percent,
        table,
        NO_SOURCE if table is None else ORIGINS[table],
        len(months),
        max(months, default=None),
        together,
    )
