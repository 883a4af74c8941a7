"""Screens of feedback: the inbox by deadline, what waits for a person, the telephone; cards of other pages."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, cast

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Refusal
from contract.messages import FeedbackAbout, FeedbackCategory, FeedbackKind, SendFeedback
from contract.texts import refusal_text
from server.deliveries import queries as deliveries
from server.feedback import queries, rules, service, subjects, waiting
from server.feedback.words import CATEGORIES, KINDS, STATES, WAYS
from server.kit import console, http
from server.kit.console.cards import Card
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, language_of, texts
from server.kit.fields import Invalid
from server.kit.identity import Operator
from server.orders import queries as orders
from server.retailers import queries as retailers
from server.visits import queries as visits

HOME = "/console/feedback"
ACTING = [Depends(http.needs(*rules.ACTORS))]
OFFERED = 5
"""So many of the last orders and deliveries are offered as what a call is about."""

inbox = http.router(HOME, tag="console", roles=(), shops="all")

Words = Annotated[str, Form(max_length=4000)]

COLUMNS = (
    Column("number", N_("Number"), "number"),
    Column("at", N_("Received"), "instant"),
    Column("due_at", N_("Answer until"), "instant"),
    Column("state", N_("State")),
    Column("kind", N_("Kind")),
    Column("category", N_("Category")),
    Column("retailer", N_("Code of the shop"), "identifier"),
    Column("shop", N_("Shop")),
    Column("region", N_("Region")),
    Column("way", N_("Came by")),
    Column("owner", N_("Owner")),
    Column("escalated", N_("Steps up"), "number"),
    Column("reopens", N_("Reopened"), "number"),
    Column("satisfaction", N_("Mark"), "number"),
)
IN_STATE = Filter(
    "state",
    N_("State"),
    (
        ("open", N_("waiting for an answer")),
        ("late", N_("late")),
        ("paused", N_("clock stands")),
        *((name, one[0]) for name, one in STATES.items()),
    ),
)
OF_KIND = Filter("kind", N_("Kind"), tuple(KINDS.items()))
BY_WAY = Filter("way", N_("Came by"), tuple(WAYS.items()))


@inbox.get("")
def list_feedback(request: Request, session: http.Db, operator: http.Person, clock: http.Now) -> Response:
    """Show the inbox: open ones first, the earliest deadline at the head; with ``format`` as a file."""
    now = clock()
    regions, _ = request.app.state.bound_choices(session)
    keeper = operator.may("administrator")
    filters = (
        IN_STATE,
        OF_KIND,
        Filter("category", N_("Category"), [one for one in CATEGORIES.items() if one[0] != "employee" or keeper]),
        Filter("region", N_("Region"), [(name, name) for name in regions], translate=False),
        Filter("owner", N_("Owner"), [(name, name) for name in queries.owners(session, operator)], translate=False),
        BY_WAY,
    )
    view = TableView.of(request, COLUMNS, filters=filters)
    asked = queries.Asked(
        words=view.search, order=view.sort_text, limit=view.per_page, offset=view.offset, **dict(view.filters)
    )
    if view.format:
        found = (_row(one, now) for one in queries.every(session, asked, operator, now))
        return console.download(request, COLUMNS, found, name="feedback")
    rows, total = queries.listed(session, asked, operator, now)
    return console.page(
        request,
        "feedback/inbox.html",
        actors=rules.ACTORS,
        view=view,
        columns=COLUMNS,
        filters=filters,
        rows=[_row(one, now) for one in rows],
        total=total,
        totals=queries.totals(session, operator, now),
        states=STATES,
        kinds=KINDS,
        categories=CATEGORIES,
        ways=WAYS,
    )


@inbox.get("/mine")
def list_mine(request: Request, session: http.Db, operator: http.Person, clock: http.Now) -> Response:
    """Show what waits for the person who asks: complaints, and appeals against scores, in one list by deadline."""
    now = clock()
    return console.page(
        request,
        "feedback/mine.html",
        found=waiting.of(session, operator, now),
        most=waiting.MOST,
        categories=CATEGORIES,
        now=now,
    )


@inbox.get("/new", dependencies=ACTING)
def new_feedback(request: Request, session: http.Db, retailer: str = "") -> Response:
    """Show the form for what a shop says to an employee."""
    return _new(request, session, retailer)


@inbox.post("/new", dependencies=ACTING)
def enter_feedback(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    retailer: Annotated[str, Form(max_length=100)],
    kind: Annotated[FeedbackKind, Form()],
    category: Annotated[FeedbackCategory, Form()],
    words: Words = "",
    about: Annotated[str, Form(max_length=140)] = "",
    employee: Annotated[str, Form(max_length=128)] = "",
    way: Annotated[str, Form(pattern="^(telephone|visit|counter)$")] = "telephone",
) -> Response:
    """Keep what a shop says to an employee."""
    sort, _, name = ("employee", ":", employee.strip()) if employee.strip() else about.partition(":")
    named = FeedbackAbout.model_construct(sort=cast("Any", sort), name=name) if sort in subjects.WHATS else None
    said = SendFeedback.model_construct(kind=kind, category=category, words=words, about=named)
    try:
        made = service.enter_feedback(session, retailer, said, operator, way=cast("rules.Way", way), at=clock())
    except Refusal as refused:
        session.rollback()
        return _new(request, session, retailer, sentence(request, refused))
    said_so = texts(request).gettext("It is kept, and the shop is told.")
    kept = queries.feedback(session, made)
    seen = kept is not None and rules.sees(operator, kept.category, kept.concerns, kept.owner)
    return console.redirect(request, f"{HOME}/{made}" if seen else HOME, flash=said_so)


def home_cards(session: Session, operator: Operator, now: datetime) -> list[Card]:
    """Return what waits for an answer, by deadline, what is late, and what of it waits for this person."""
    if not operator.may(*rules.ACTORS, "releaser"):
        return []
    totals = queries.totals(session, operator, now)
    mine = waiting.of(session, operator, now)
    if not mine and not (totals.open and operator.may(*rules.ACTORS)):
        return []
    context = {
        "totals": totals,
        "mine": mine[:3],
        "first": [] if mine else queries.first(session, operator, limit=3),
        "waiting": len(mine),
        "now": now,
        "categories": CATEGORIES,
    }
    late = totals.late or any(one.late for one in mine)
    return [
        Card(
            title=N_("Complaints and suggestions"),
            template="feedback/cards/open.html",
            context=context,
            order=56,
            href=f"{HOME}/mine" if mine else HOME,
            tone="stop" if late else "wait",
        )
    ]


def in_e_file(session: Session, retailer: str, now: datetime) -> Mapping[str, Any] | None:
    """Return what a shop said last, for its e-file, which everybody reads: nothing about employees."""
    found = queries.of_shop(session, retailer, limit=10)
    if not found:
        return None
    return {"found": found, "now": now, "states": STATES, "kinds": KINDS, "categories": CATEGORIES}


def _new(request: Request, session: Session, retailer: str, said: str = "") -> Response:
    shop = retailers.retailer(session, retailer) if retailer else None
    gettext = texts(request).gettext
    offered: list[tuple[str, str]] = [("", gettext("nothing in particular"))]
    if shop is not None:
        for sort, named, found in (
            ("order", gettext("order #%(number)s"), orders.orders(session, retailer=shop.code, limit=OFFERED)),
            (
                "delivery",
                gettext("delivery #%(number)s"),
                deliveries.deliveries(session, retailer=shop.code, limit=OFFERED),
            ),
        ):
            offered += [(f"{sort}:{one.id}", named % {"number": one.number}) for one in found]
        seen, _ = visits.visits(session, retailer=shop.code, limit=OFFERED)
        offered += [(f"visit:{one.id}", gettext("visit #%(number)s") % {"number": one.number}) for one in seen]
        for cycle, name, sku, granted in subjects.granted(session, shop.code, language_of(request)):
            line = gettext("grant of %(sku)s in %(cycle)s: %(units)s")
            offered.append((f"grant:{cycle}/{sku}", line % {"sku": sku, "cycle": name, "units": granted}))
    return console.page(
        request,
        "feedback/new.html",
        status_code=422 if said else 200,
        said=said,
        typed=getattr(request.state, "typed", {}) if said else {},
        shop=shop,
        asked=retailer,
        offered=offered,
        kinds=KINDS,
        categories=CATEGORIES,
        ways=WAYS,
        most=service.SAID_MOST,
    )


def _row(one: queries.Listed, now: datetime) -> dict[str, Any]:
    return vars(one.found) | {"shop": one.shop, "region": one.region, "late": one.found.late(now)}


def sentence(request: Request, refused: Refusal) -> str:
    """Return a refusal in words."""
    told = refused.told(texts(request).gettext) if isinstance(refused, Invalid) else refused
    return refusal_text(told.code, told.params, language_of(request))
