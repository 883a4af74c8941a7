"""Screens of deliveries: what left and came, the dispatch lists, the inbox of exceptions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.catalogue import queries as catalogue
from server.cycles import queries as cycles
from server.deliveries import claiming, queries, rules, service, summaries
from server.deliveries.claiming import SENDERS
from server.deliveries.http import SENDING
from server.kit import audit_trail, console, http
from server.kit.console.cards import Card
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, language_of, texts
from server.kit.identity import Operator
from server.photos import console as photos_console
from server.photos import queries as photos
from server.retailers import queries as retailers

DIFFERENCES = {
    "short": N_("short"),
    "over": N_("over"),
    "damaged": N_("damaged"),
    "wrong_item": N_("wrong item"),
    "wrong_pack": N_("wrong pack"),
    "refused": N_("refused"),
}
DELIVERY_STATES = {"held": N_("held"), "shipped": N_("on the way"), "confirmed": N_("confirmed")}
CLAIM_STATES = {
    "open": N_("undecided"),
    "upheld": N_("upheld"),
    "declined": N_("declined"),
    "settled": N_("settled"),
}
REMEDIES = {
    "replacement": N_("goods with the next dispatch"),
    "credit": N_("credit note"),
    "nothing": N_("said later by hand"),
}
LATE_SHOWN = 20
IN_E_FILE = 10
LATE_AFTER_DAYS = 3

Words = Annotated[str, Form(max_length=2000)]

deliveries = http.router("/console/deliveries", tag="console", roles=(), shops="reads")
claims = http.router("/console/claims", tag="console", roles=(), shops="all")

DELIVERY_COLUMNS = (
    Column("number", N_("Number"), "number"),
    Column("retailer", N_("Code of the shop"), "identifier"),
    Column("shop", N_("Shop"), sortable=False),
    Column("route", N_("Route")),
    Column("state", N_("State")),
    Column("lines", N_("Lines"), "number"),
    Column("units", N_("Units"), "units"),
    Column("claims", N_("Claims"), "number"),
    Column("owner", N_("Owner"), "actor"),
    Column("shipped_at", N_("Shipped"), "instant"),
    Column("confirmed_at", N_("Confirmed"), "instant"),
)
CLAIM_COLUMNS = (
    Column("number", N_("Claim"), "number"),
    Column("opened_at", N_("Opened"), "instant"),
    Column("state", N_("State")),
    Column("retailer", N_("Code of the shop"), "identifier"),
    Column("shop", N_("Shop"), sortable=False),
    Column("sku", N_("SKU"), "identifier"),
    Column("difference", N_("What is wrong")),
    Column("difference_units", N_("Units"), "units"),
    Column("owner", N_("Owner"), "actor"),
)


@deliveries.get("")
def list_deliveries(request: Request, session: http.Db, clock: http.Now) -> Response:
    """List the deliveries and the cycles that can be dispatched; with ``format`` they come as a file."""
    published = cycles.published_cycles(session, limit=20)
    zh = language_of(request) == "zh"
    filters = (
        Filter(
            "cycle",
            N_("Cycle"),
            [(str(one.id), one.name_zh if zh else one.name_en) for one in published],
            translate=False,
        ),
        Filter("state", N_("State"), (*DELIVERY_STATES.items(), ("late", N_("late, not confirmed")))),
    )
    view = TableView.of(request, DELIVERY_COLUMNS, filters=filters, sort="-number")
    asked = summaries.Asked(
        words=view.search,
        state=view.filters.get("state", ""),
        before=clock() - timedelta(days=LATE_AFTER_DAYS),
        cycle=UUID(view.filters["cycle"]) if "cycle" in view.filters else None,
        order=view.sort_text,
    )
    if view.format:
        rows = _named(summaries.deliveries(session, asked), retailers.names(session))
        return console.download(request, DELIVERY_COLUMNS, rows, name="deliveries")
    found = list(summaries.deliveries(session, replace(asked, limit=view.per_page, offset=view.offset)))
    shops = retailers.names(session, {one.retailer for one in found})
    dispatched = queries.dispatched(session, [one.id for one in published])
    return console.page(
        request,
        "deliveries/list.html",
        view=view,
        columns=DELIVERY_COLUMNS,
        filters=filters,
        rows=list(_named(found, shops)),
        total=summaries.count_deliveries(session, asked),
        totals=queries.totals(session, asked.cycle),
        waiting=[one for one in published if one.id not in dispatched],
        listed=[one for one in published if one.id in dispatched],
        states=DELIVERY_STATES,
    )


@deliveries.post("/dispatch", dependencies=SENDING)
def dispatch_cycle(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, cycle: Annotated[UUID, Form()]
) -> Response:
    """Make the shipment notices of a published cycle."""
    done = service.dispatch_cycle(session, cycle, operator, at=clock())
    said = texts(request).gettext("Deliveries on the way: %(shipped)s. Held: %(held)s.")
    return console.redirect(
        request,
        f"/console/deliveries?cycle={cycle}",
        flash=said % {"shipped": done.shipped, "held": done.held},
        tone="wait" if done.held else "ok",
    )


@deliveries.get("/{delivery}")
def show_delivery(request: Request, session: http.Db, delivery: UUID) -> Response:
    """Show one delivery: what was granted, shipped, confirmed and claimed."""
    found = queries.delivery(session, delivery)
    if found is None:
        raise Rejected("not_found", what=texts(request).gettext("delivery"), name=str(delivery))
    others = {line.confirmed.other_sku for line in found.lines if line.confirmed and line.confirmed.other_sku}
    history = audit_trail.newest(session, audit_trail.Asked(subject=f"delivery:{found.number}"), limit=100)
    return console.page(
        request,
        "deliveries/delivery.html",
        delivery=found,
        cycle=cycles.cycle(session, found.cycle),
        shop=retailers.retailer(session, found.retailer),
        skus=catalogue.skus(session, {line.sku for line in found.lines} | others, withdrawn=True),
        history=history,
        differences=DIFFERENCES,
        senders=SENDERS,
    )


@deliveries.post("/{delivery}/release", dependencies=SENDING)
def release_delivery(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, delivery: UUID
) -> Response:
    """Let held goods go."""
    service.release_delivery(session, delivery, operator, at=clock())
    said = texts(request).gettext("The goods are on the way; the terminal is told.")
    return console.redirect(request, f"/console/deliveries/{delivery}", flash=said)


@claims.get("")
def list_claims(request: Request, session: http.Db, clock: http.Now) -> Response:
    """Show the inbox of exceptions, open ones first and the oldest at the head; with ``format`` as a file."""
    filters = (
        Filter("state", N_("State"), tuple(CLAIM_STATES.items())),
        Filter("owner", N_("Owner"), [(name, name) for name in summaries.owners(session)], translate=False),
    )
    view = TableView.of(request, CLAIM_COLUMNS, filters=filters)
    asked = summaries.Asked(
        words=view.search,
        state=view.filters.get("state", ""),
        owner=view.filters.get("owner", ""),
        order=view.sort_text,
    )
    if view.format:
        rows = _named(summaries.claims(session, asked), retailers.names(session))
        return console.download(request, CLAIM_COLUMNS, rows, name="claims")
    found = list(summaries.claims(session, replace(asked, limit=view.per_page, offset=view.offset)))
    shops = retailers.names(session, {one.retailer for one in found})
    late = queries.late(session, clock() - timedelta(days=LATE_AFTER_DAYS), limit=LATE_SHOWN + 1)
    return console.page(
        request,
        "deliveries/claims.html",
        late=late[:LATE_SHOWN],
        more_late=len(late) > LATE_SHOWN,
        late_days=LATE_AFTER_DAYS,
        late_shops=retailers.retailers(session, {one.retailer for one in late}),
        view=view,
        columns=CLAIM_COLUMNS,
        filters=filters,
        rows=list(_named(found, shops)),
        total=summaries.count_claims(session, asked),
        totals=queries.counts(session),
        states=CLAIM_STATES,
        differences=DIFFERENCES,
    )


@claims.get("/{claim}")
def show_claim(request: Request, session: http.Db, clock: http.Now, claim: UUID) -> Response:
    """Show one claim with what is needed to decide it."""
    found = queries.claim(session, claim)
    if found is None:
        raise Rejected("not_found", what=texts(request).gettext("claim"), name=str(claim))
    delivery = queries.delivery(session, found.delivery)
    shop = retailers.retailer(session, found.retailer)
    skus = catalogue.skus(session, {found.sku, found.other_sku or found.sku}, withdrawn=True)
    owed = rules.owed_units(found.difference, found.difference_units)
    history = audit_trail.newest(session, audit_trail.Asked(subject=f"claim:{found.number}"), limit=100)
    return console.page(
        request,
        "deliveries/claim.html",
        claim=found,
        line=next(line for line in delivery.lines if line.sku == found.sku) if delivery else None,
        shop=shop,
        skus=skus,
        effects={
            remedy: rules.effect(remedy, owed, skus[found.sku].price_minor, found.held_units)
            for remedy in rules.remedies(found.difference, found.difference_units)
        },
        remedies=REMEDIES,
        remedy=next(iter(queries.remedies(session, claim=claim)), None),
        people=claiming.deciders(session, at=clock()),
        history=history,
        differences=DIFFERENCES,
        senders=SENDERS,
        photos=photos.photos_of(session, "claim", claim),
    )


@claims.get("/{claim}/photos/{ordinal}")
def show_photo(session: http.Db, claim: UUID, ordinal: int) -> Response:
    """Show a photo that came with a claim."""
    return photos_console.shown(session, "claim", claim, ordinal)


@claims.post("/{claim}/decide", dependencies=SENDING)
def decide_claim(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    claim: UUID,
    verdict: Annotated[claiming.Verdict, Form()],
    reason: Words = "",
    remedy: Annotated[rules.Remedy, Form()] = "nothing",
) -> Response:
    """Decide a claim with a reason, and how an upheld one is made good."""
    claiming.decide_claim(session, claim, verdict, reason, operator, remedy=remedy, at=clock())
    return _told(request, claim, texts(request).gettext("The claim is decided; the terminal is told."))


@claims.post("/{claim}/settle", dependencies=SENDING)
def settle_claim(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, claim: UUID, note: Words = ""
) -> Response:
    """Note how an upheld claim was made good."""
    claiming.settle_claim(session, claim, note, operator, at=clock())
    return _told(request, claim, texts(request).gettext("The claim is settled; the terminal is told."))


@claims.post("/{claim}/assign", dependencies=SENDING)
def assign_claim(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, claim: UUID, owner: Words = ""
) -> Response:
    """Give a claim to another person."""
    claiming.assign_claim(session, claim, owner, operator, at=clock())
    said = texts(request).gettext("The claim is with %(name)s now.") % {"name": owner}
    return _told(request, claim, said)


def in_e_file(session: Session, retailer: str, _now: datetime) -> Mapping[str, Any] | None:
    """Return the latest deliveries of a shop for its e-file."""
    latest = queries.deliveries(session, retailer=retailer, limit=IN_E_FILE)
    return {"deliveries": latest} if latest else None


def claims_in_e_file(session: Session, retailer: str, _now: datetime) -> Mapping[str, Any] | None:
    """Return the latest claims of a shop for its e-file."""
    latest = queries.claims(session, retailer=retailer, newest_first=True, limit=IN_E_FILE)
    return {"claims": latest, "differences": DIFFERENCES} if latest else None


def home_cards(session: Session, operator: Operator, now: datetime) -> list[Card]:
    """Return the open exceptions with their age, and what is held or waits to be dispatched."""
    if not operator.may(*SENDERS, "releaser", "administrator", "manager", "regional", "auditor"):
        return []
    totals = queries.counts(session)
    published = cycles.published_cycles(session, limit=20)
    dispatched = queries.dispatched(session, [one.id for one in published])
    waiting = [one for one in published if one.id not in dispatched]
    if not totals.deliveries and not waiting:
        return []
    old = totals.oldest_open_at is not None and (now - totals.oldest_open_at).days >= LATE_AFTER_DAYS
    needs = bool(totals.open_claims or totals.held or waiting)
    return [
        Card(
            title=N_("Deliveries and exceptions"),
            template="deliveries/cards/exceptions.html",
            context={
                "totals": totals,
                "ages": queries.open_by_age(session, now),
                "waiting": waiting,
                "oldest": queries.claims(session, state="open", limit=3),
                "differences": DIFFERENCES,
            },
            order=50,
            href="/console/claims",
            tone="stop" if old else "wait" if needs else "ok",
        )
    ]


def _told(request: Request, claim: UUID, said: str) -> Response:
    return console.redirect(request, f"/console/claims/{claim}", flash=said)


def _named(
    found: Iterable[summaries.Summary | summaries.ClaimSummary], shops: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Yield the rows with the shops' names."""
    for one in found:
        yield vars(one) | {"shop": shops[one.retailer]}
