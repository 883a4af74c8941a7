"""The screen of causes: how many complaints by month, category and region, and what comes again and again."""

from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response

from server.feedback import trends
from server.feedback.console import HOME
from server.feedback.words import CATEGORIES
from server.kit import console, http
from server.kit.console import charts
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, texts

causes = http.router(f"{HOME}/trends", tag="console", roles=(), shops="all")

SORTS: dict[str, str] = {
    "retailer": N_("Shop"),
    "route": N_("Route"),
    "employee": N_("Employee"),
    "sku": N_("SKU"),
}
COLUMNS = (
    Column("name", N_("The same"), "identifier", sortable=False),
    Column("sort", N_("What"), sortable=False),
    Column("category", N_("Category"), sortable=False),
    Column("count", N_("Complaints"), "number", sortable=False),
    Column("late", N_("late"), "number", sortable=False),
    Column("reopened", N_("Reopened"), "number", sortable=False),
    Column("mark", N_("Mark"), "number", sortable=False),
    Column("last_at", N_("Last"), "instant", sortable=False),
)


@causes.get("")
def show_trends(
    request: Request, session: http.Db, operator: http.Person, clock: http.Now, config: http.Config
) -> Response:
    """Show how many came within a year and what came again; with ``format`` what came again, as a file."""
    now = clock().astimezone(config.tz)
    gettext = texts(request).gettext
    regions, _ = request.app.state.bound_choices(session)
    filters = (
        Filter("category", N_("Category"), tuple(CATEGORIES.items())),
        Filter("region", N_("Region"), [(name, name) for name in regions], translate=False),
    )
    view = TableView.of(request, COLUMNS, filters=filters)
    asked = {"category": view.filters.get("category", ""), "region": view.filters.get("region", "")}
    again = trends.repeats(session, operator, now, **asked, limit=None if view.format else trends.SHOWN)
    if view.format:
        return console.download(request, COLUMNS, [vars(one) for one in again], name="causes")
    found = trends.counts(session, operator, now, **asked)

    def bars(title: str, first: str, told: dict[str, int]) -> Any:
        return charts.bars(
            list(told),
            list(told.values()),
            title=title,
            description=gettext("complaints, suggestions and questions within a year"),
            table=title,
            columns=(first, gettext("Complaints")),
        )

    months = {month.strftime("%Y-%m"): count for month, count in found.months.items()}
    categories = {gettext(CATEGORIES[name]): count for name, count in found.categories.items()}
    return console.page(
        request,
        "feedback/trends.html",
        view=view,
        columns=COLUMNS,
        filters=filters,
        rows=[vars(one) | {"href": _href(one)} for one in again],
        total=len(again),
        whole=sum(found.months.values()),
        by_month=bars(gettext("By month"), gettext("Month"), months),
        by_category=bars(gettext("By category"), gettext("Category"), categories),
        by_region=bars(gettext("By region"), gettext("Region"), dict(found.regions)),
        sorts=SORTS,
        categories=CATEGORIES,
    )


def _href(one: trends.Repeat) -> str:
    """Return the inbox's address with what is counted."""
    return f"{HOME}?{urlencode({'category': one.category, 'q': one.name})}"
