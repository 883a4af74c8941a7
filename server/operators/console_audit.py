"""The audit's screen: who did what, alerts first, found by actor, act and subject, taken away as a file."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from server.kit import audit_checking, audit_trail, console, http
from server.kit.console.tables import Column, Filter, TableView
from server.kit.marking import N_

audit = http.router("/console/audit", tag="console", roles=audit_trail.READERS)

ACTORS = (
    ("operator:", N_("people")),
    ("device:", N_("terminals")),
    ("token:", N_("programs")),
    ("system:", N_("the system")),
)
COLUMNS = (
    Column("at", N_("When"), "instant"),
    Column("alert", N_("Alert"), sortable=False, read=lambda entry: "!" if entry.alert else ""),
    Column("actor", N_("Who"), "actor", sortable=False),
    Column("action", N_("Act"), sortable=False),
    Column("subject", N_("Subject"), "identifier", sortable=False),
    Column("detail", N_("Details"), sortable=False, read=lambda entry: audit_trail.shown_detail(entry.detail)),
    Column("remote", N_("From where"), "identifier", sortable=False),
)


def _begin(day: str | None, zone: ZoneInfo, *, later: timedelta = timedelta()) -> datetime | None:
    """Return when a day begins, or one ``later``; none where none is named, or time does not reach so far."""
    try:
        return None if day is None else datetime.combine(date.fromisoformat(day) + later, time(), zone)
    except OverflowError:
        return None


@audit.get("")
def show_audit(request: Request, session: http.Db, config: http.Config) -> Response:
    """Show the entries that were asked for; with ``format`` they come as a file. Days are the distributor's."""
    acts, words = audit_trail.actions(session), console.acts_of(request)
    filters = (
        Filter("actor", N_("Who"), ACTORS),
        Filter("action", N_("Act"), [(act, words.get(act, act)) for act in acts]),
        Filter("alert", N_("Alert"), (("yes", N_("alerts only")),)),
        Filter("first", N_("From day"), day=True),
        Filter("last", N_("to day"), day=True),
    )
    view = TableView.of(request, COLUMNS, filters=filters, sort="-at")
    asked = audit_trail.Asked(
        words=view.search,
        actor=view.filters.get("actor", ""),
        action=view.filters.get("action", ""),
        alerts=view.filters.get("alert") == "yes",
        since=_begin(view.filters.get("first"), config.tz),
        before=_begin(view.filters.get("last"), config.tz, later=timedelta(days=1)),
        oldest_first=not view.descending,
    )
    if view.format:
        return console.download(request, COLUMNS, audit_trail.every(session, asked), name="audit")
    entries, total = audit_trail.search(session, asked, limit=view.per_page, offset=view.offset)
    alerts, alert_count = audit_trail.search(session, audit_trail.Asked(alerts=True), limit=5)
    console.name_trail(request, session, [*entries, *alerts])
    return console.page(
        request,
        "operators/audit.html",
        view=view,
        columns=COLUMNS,
        filters=filters,
        entries=entries,
        total=total,
        alerts=alerts,
        alert_count=alert_count,
        check=audit_checking.newest_done(session),
    )
