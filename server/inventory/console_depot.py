"""Screens of the distributor's own stock: what is there, reserved and free, its ledger, differences that wait."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.ids import uuid7
from server.catalogue import queries as catalogue
from server.cycles import queries as cycles
from server.cycles import rules as cycle_rules
from server.inventory import depot, depot_queries, proposing
from server.inventory.http_depot import KEEPERS, KEEPING, READERS, SECONDING, SECONDS
from server.kit import console, http
from server.kit.console.cards import Card
from server.kit.console.tables import Column, TableView
from server.kit.console.texts import N_, language_of, texts
from server.kit.identity import Operator

KINDS = {
    "receipt": N_("goods in"),
    "issue": N_("issued"),
    "found": N_("more than was known"),
    "return": N_("came back"),
    "cleared": N_("cleared for issue"),
    "count": N_("count"),
    "spoilage": N_("written off"),
}
MOVEMENTS_SHOWN = 100
ACTS_SHOWN = 50
CYCLES_LOOKED_AT = 50

Ways = Literal["receipt", "cleared", "count", "spoilage", "spoilage_blocked"]
Words = Annotated[str, Form(max_length=2000)]

stock = http.router("/console/depot", tag="console", roles=READERS)

COLUMNS = (
    Column("sku", N_("SKU"), "identifier"),
    Column("name", N_("Name")),
    Column("on_hand_units", N_("On hand"), "units"),
    Column("reserved_units", N_("Reserved"), "units"),
    Column("free_units", N_("Free to promise"), "units"),
    Column("short_units", N_("Promised and not there"), "units"),
    Column("blocked_units", N_("Set aside"), "units"),
    Column("as_of", N_("Last moved"), "instant"),
)


@stock.get("")
def show_stock(request: Request, session: http.Db, sku: str = "") -> Response:
    """Show the own stock and its ledger, of one SKU where it is named; with ``format`` as a file."""
    lines = depot_queries.lines(session)
    skus = catalogue.skus(session, withdrawn=True)
    zh = language_of(request) == "zh"
    view = TableView.of(request, COLUMNS, sort="sku")
    words = view.search.casefold()
    rows: list[dict[str, Any]] = [
        {column.key: getattr(line, column.key) for column in COLUMNS if column.key != "name"}
        | {"name": skus[line.sku].name_zh if zh else skus[line.sku].name_en}
        for line in lines
    ]
    found = [row for row in rows if words in row["sku"].casefold() or words in row["name"].casefold()]
    found.sort(key=lambda row: (row[view.sort] is not None, row[view.sort]), reverse=view.descending)
    if view.format:
        return console.download(request, COLUMNS, found, name="depot")
    acts = depot_queries.acts(session, limit=ACTS_SHOWN)
    takes = [
        one
        for one in cycles.cycles(session, limit=CYCLES_LOOKED_AT)
        if cycle_rules.takes_supply(one.state) and not one.published
    ]
    return console.page(
        request,
        "inventory/depot.html",
        view=view,
        columns=COLUMNS,
        rows=found[view.offset : view.offset + view.per_page],
        total=len(found),
        short=sum(1 for line in lines if line.short_units),
        skus=skus,
        sku=sku,
        movements=depot_queries.movements(session, sku=sku or None, limit=MOVEMENTS_SHOWN),
        kinds=KINDS,
        acts=acts,
        waiting=[one for one in acts if one.state == "waiting"],
        takes_supply=takes,
        keepers=KEEPERS,
        seconds=SECONDS,
        act=uuid7(),
        orderable=[(item.sku, f"{item.sku} {item.name_zh if zh else item.name_en}") for item in skus.values()],
    )


@stock.post("/enter", dependencies=KEEPING)
def enter(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    act: Annotated[UUID, Form()],
    kind: Annotated[Ways, Form()],
    sku: Words,
    units: Annotated[int, Form(ge=0, lt=2**31)],
    reason: Words = "",
) -> Response:
    """Enter goods in, a count, a write-off or what was cleared; a large difference waits for a second person."""
    booked = _enter(session, kind, sku, units, reason, operator, act, clock())
    gettext = texts(request).gettext
    said = (
        gettext("The count agrees; nothing was entered.")
        if booked is None
        else gettext("It is entered.")
        if booked
        else gettext("The difference is large: it waits for a second person.")
    )
    return console.redirect(request, "/console/depot", flash=said, tone="wait" if booked is False else "ok")


@stock.post("/acts/{act}/confirm", dependencies=SECONDING)
def confirm_act(request: Request, session: http.Db, clock: http.Now, operator: http.Person, act: UUID) -> Response:
    """Book a difference as the second person."""
    depot.confirm_act(session, act, operator, at=clock())
    return console.redirect(request, "/console/depot", flash=texts(request).gettext("It is entered."))


@stock.post("/acts/{act}/withdraw", dependencies=SECONDING)
def withdraw_act(request: Request, session: http.Db, clock: http.Now, operator: http.Person, act: UUID) -> Response:
    """Drop a difference that waits."""
    depot.withdraw_act(session, act, operator, at=clock())
    said = texts(request).gettext("It is dropped; nothing was entered.")
    return console.redirect(request, "/console/depot", flash=said)


@stock.post("/propose", dependencies=[Depends(http.needs("planner"))])
def propose_supply(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: Annotated[UUID, Form()],
) -> Response:
    """Release what is free as a version of a cycle's supply, to be corrected there."""
    gettext = texts(request).gettext
    reason = gettext("On hand less reservations")
    version = proposing.propose_supply(session, cycle, reason, operator, at=clock())
    said = gettext("Version %(version)s of the supply counts now.") % {"version": version}
    return console.redirect(request, f"/console/cycles/{cycle}/supply", flash=said)


def home_cards(session: Session, operator: Operator, _now: datetime) -> list[Card]:
    """Return the differences that wait for a second person; nothing where there are none."""
    if not operator.may(*SECONDS) or operator.bounded:
        return []
    waiting = depot_queries.acts(session, state="waiting", limit=ACTS_SHOWN)
    if not waiting:
        return []
    others = [one for one in waiting if one.said_by != operator.name]
    return [
        Card(
            title=N_("Differences in the own stock"),
            template="inventory/cards/depot.html",
            context={"waiting": waiting, "others": len(others)},
            order=55,
            href="/console/depot",
            tone="wait" if others else "note",
        )
    ]


def _enter(
    session: Session, kind: Ways, sku: str, units: int, reason: str, operator: Operator, act: UUID, at: datetime
) -> bool | None:
    if units == 0 and kind != "count":
        raise Rejected("units_wrong", sku=sku, units=units)
    if kind in {"receipt", "cleared"}:
        move = depot.receive_goods if kind == "receipt" else depot.clear_goods
        move(session, sku, units, reason, operator, act=act, at=at)
        return True
    if kind == "count":
        return depot.count_goods(session, sku, units, reason, operator, act=act, at=at)
    blocked = kind == "spoilage_blocked"
    return depot.write_off(session, sku, units, reason, operator, blocked=blocked, act=act, at=at)
