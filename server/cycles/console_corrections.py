"""What was published of a cycle: every publication, and what each correction changed for whom."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.orm import Session

from server.cycles import correcting, queries, result_queries
from server.cycles.console import MOVING, PLACE, STATES, named
from server.cycles.http import known
from server.kit import console, http
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, texts
from server.retailers import queries as retailers

reading = http.router(PLACE, tag="console", roles=())

COLUMNS = (
    Column("retailer", N_("Retailer"), "identifier"),
    Column("name", N_("Name"), sortable=False),
    Column("region", N_("Region")),
    Column("sku", N_("SKU"), "identifier"),
    Column("before_units", N_("Before"), "units"),
    Column("after_units", N_("Now"), "units"),
    Column("difference", N_("Difference"), "units"),
    Column("reason", N_("Why"), sortable=False),
)

Pair = tuple[int, int]
"""Two attempts that are compared."""


@reading.get("/{cycle}/publications")
def publications(request: Request, session: http.Db, cycle: UUID) -> Response:
    """Show every publication and the lines that a correction changed; with ``format`` these come as a file."""
    found = known(session, cycle)
    out = correcting.publications(session, cycle)
    pairs = _pairs(request, session, found, out)
    compared = Filter("compare", N_("Compare"), [(value, label) for value, label, _ in pairs], translate=False)
    view = TableView.of(request, COLUMNS, filters=(compared,), sort="difference")
    pair = next((pair for value, _, pair in pairs if value == view.filters.get("compare")), None)
    if pair is None and pairs:
        pair = pairs[0][2]
    rows = [] if pair is None else _rows(session, cycle, pair, view)
    if view.format:
        return console.download(request, COLUMNS, rows, name=f"corrections-{found.number}")
    return console.page(
        request,
        "cycles/publications.html",
        cycle=found,
        name=named(request, found),
        states=STATES,
        moving=found.correcting and found.state in MOVING and found.trouble is None,
        publications=out,
        view=view,
        columns=COLUMNS,
        filters=(compared,) if len(pairs) > 1 else (),
        rows=rows,
        total=0 if pair is None else correcting.count(session, cycle, *pair, search=view.search),
        sums=None if pair is None else correcting.summed(session, cycle, *pair),
    )


def _pairs(
    request: Request, session: Session, cycle: queries.Cycle, out: Sequence[correcting.Published]
) -> list[tuple[str, str, Pair]]:
    """Return what can be compared, the newest first: the correction in work, and each publication with the one before.

    Each has the value that stands in the address, and its words.
    """
    gettext = texts(request).gettext
    found: list[tuple[str, str, Pair]] = []
    for before, after in pairwise(out):
        words = gettext("publication %(number)s with the one before") % {"number": after.number}
        found.append((str(after.number), words, (before.attempt, after.attempt)))
    run = result_queries.run(session, cycle.id, cycle.attempt) if cycle.correcting else None
    if run is not None and run.solved_at is not None and out:
        found.append(("draft", gettext("the correction under way with what is out"), (out[-1].attempt, run.attempt)))
    return found[::-1]


def _rows(session: Session, cycle: UUID, pair: Pair, view: TableView) -> list[dict[str, object]]:
    lines = correcting.changes(
        session,
        cycle,
        *pair,
        search=view.search,
        sort=cast("correcting.Order", view.sort),
        descending=view.descending,
        offset=0 if view.format else view.offset,
        limit=None if view.format else view.per_page,
    )
    shops = retailers.retailers(session, {line.retailer for line in lines})
    return [
        {
            "retailer": line.retailer,
            "name": shops[line.retailer].name if line.retailer in shops else "",
            "region": line.region,
            "sku": line.sku,
            "before_units": line.before_units,
            "after_units": line.after_units,
            "difference": line.difference,
            "reason": line.reason,
        }
        for line in lines
    ]
