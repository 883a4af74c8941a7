"""Screens of feedback: the inbox by deadline, one piece with what it is about, the telephone."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Refusal, Rejected
from contract.messages import FeedbackAbout, FeedbackCategory, FeedbackKind, SendFeedback
from contract.texts import refusal_text
from server.deliveries import queries as deliveries
from server.feedback import queries, rules, service, subjects
from server.feedback.http import ACTORS
from server.kit import audit_trail, console, http
from server.kit.console.cards import Card
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, language_of, texts
from server.kit.fields import Invalid
from server.kit.identity import Operator
from server.operators import queries as operators
from server.orders import queries as orders
from server.photos import console as photos_console
from server.photos import queries as photos
from server.retailers import queries as retailers

HOME = "/console/feedback"
ACTING = [Depends(http.needs(*ACTORS))]
OFFERED = 5
"""So many of the last orders and deliveries are offered as what a call is about."""

inbox = http.router(HOME, tag="console", roles=(), shops="all")

Words = Annotated[str, Form(max_length=4000)]

KINDS: dict[str, str] = {
    "complaint": N_("complaint"),
    "suggestion": N_("suggestion"),
    "question": N_("question"),
}
CATEGORIES: dict[str, str] = {
    "goods": N_("goods"),
    "delivery": N_("the delivery"),
    "grant": N_("allocation"),
    "price": N_("price"),
    "terminal": N_("terminal"),
    "employee": N_("an employee"),
    "other": N_("something else"),
}
STATES: dict[str, tuple[str, str]] = {
    "received": (N_("received"), "note"),
    "looked_at": (N_("being looked at"), "wait"),
    "answered": (N_("answered"), "ok"),
    "closed": (N_("closed"), "idle"),
}
SUBJECTS: dict[str, str] = {"order": N_("order"), "delivery": N_("delivery"), "cycle": N_("cycle"), "SKU": N_("SKU")}

COLUMNS = (
    Column("number", N_("Number"), "number"),
    Column("at", N_("Received"), "instant"),
    Column("answer_until", N_("Answer until"), "date"),
    Column("state", N_("State")),
    Column("kind", N_("Kind")),
    Column("category", N_("Category")),
    Column("retailer", N_("Retailer"), "identifier"),
    Column("shop", N_("Shop")),
    Column("region", N_("Region")),
    Column("way", N_("Came by")),
    Column("owner", N_("Owner")),
    Column("satisfaction", N_("Mark"), "number"),
)
IN_STATE = Filter(
    "state",
    N_("State"),
    (("open", N_("waiting for an answer")), ("late", N_("late")), *((name, one[0]) for name, one in STATES.items())),
)
OF_KIND = Filter("kind", N_("Kind"), tuple(KINDS.items()))


@inbox.get("")
def list_feedback(
    request: Request, session: http.Db, operator: http.Person, clock: http.Now, config: http.Config
) -> Response:
    """Show the inbox: open ones first, the earliest deadline at the head; with ``format`` as a file."""
    employees = rules.seen_by("employee", operator.roles)
    every = queries.every(session, employees=employees)
    today = clock().astimezone(config.tz).date()
    owners = sorted({one.owner for one in every if one.owner})
    filters = (
        IN_STATE,
        OF_KIND,
        Filter("category", N_("Category"), [one for one in CATEGORIES.items() if employees or one[0] != "employee"]),
        Filter("owner", N_("Owner"), [(name, name) for name in owners], translate=False),
    )
    view = TableView.of(request, COLUMNS, filters=filters)
    rows = _rows(request, session, every, view, today)
    if view.format:
        return console.download(request, COLUMNS, rows, name="feedback")
    return console.page(
        request,
        "feedback/inbox.html",
        actors=ACTORS,
        view=view,
        columns=COLUMNS,
        filters=filters,
        rows=rows[view.offset : view.offset + view.per_page],
        total=len(rows),
        totals=queries.totals(session, today, employees=employees),
        states=STATES,
        kinds=KINDS,
        categories=CATEGORIES,
    )


@inbox.get("/new", dependencies=ACTING)
def new_feedback(request: Request, session: http.Db, retailer: str = "") -> Response:
    """Show the form for what a shop says on the telephone."""
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
    about: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Keep what a shop says on the telephone."""
    sort, _, name = about.partition(":")
    named = FeedbackAbout.model_construct(sort=cast("Any", sort), name=name) if sort in subjects.WHATS else None
    said = SendFeedback.model_construct(kind=kind, category=category, words=words, about=named)
    try:
        made = service.enter_feedback(session, retailer, said, operator, at=clock())
    except Refusal as refused:
        session.rollback()
        return _new(request, session, retailer, _sentence(request, refused))
    said_so = texts(request).gettext("It is kept, and the shop is told.")
    if not rules.seen_by(category, operator.roles):
        return console.redirect(request, HOME, flash=said_so)
    return _back(request, made, said_so)


@inbox.get("/{feedback}")
def show_feedback(request: Request, session: http.Db, operator: http.Person, feedback: UUID) -> Response:
    """Show one with what is needed to answer it."""
    return _page(request, session, operator, feedback)


@inbox.post("/{feedback}/assign", dependencies=ACTING)
def assign(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, feedback: UUID, owner: Words = ""
) -> Response:
    """Give it to a person, oneself where nobody is named."""
    name = owner or operator.name
    said = texts(request).gettext("It is with %(name)s now.") % {"name": name}
    return _done(
        request,
        session,
        operator,
        feedback,
        said,
        lambda: service.assign(session, feedback, name, operator, at=clock()),
    )


@inbox.get("/{feedback}/photos/{ordinal}")
def show_photo(request: Request, session: http.Db, operator: http.Person, feedback: UUID, ordinal: int) -> Response:
    """Show a photo that came with it, to who sees it."""
    found = queries.feedback(session, feedback)
    if found is None or not rules.seen_by(found.category, operator.roles):
        raise Rejected("not_found", what=texts(request).gettext("feedback"), name=str(feedback))
    return photos_console.shown(session, "feedback", feedback, ordinal)


@inbox.post("/{feedback}/answer", dependencies=ACTING)
def answer(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    feedback: UUID,
    answer_zh: Words = "",
    answer_en: Words = "",
    close: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Answer it, and close it with that where ticked."""
    given = {"answer_zh": answer_zh, "answer_en": answer_en}
    return _done(
        request,
        session,
        operator,
        feedback,
        texts(request).gettext("It is answered; the shop is told."),
        lambda: service.answer(session, feedback, operator, **given, close=close == "yes", at=clock()),
    )


@inbox.post("/{feedback}/note", dependencies=ACTING)
def note(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, feedback: UUID, words: Words = ""
) -> Response:
    """Write a note that stays inside."""
    said = texts(request).gettext("The note is kept. The shop does not see it.")
    return _done(
        request, session, operator, feedback, said, lambda: service.note(session, feedback, words, operator, at=clock())
    )


@inbox.post("/{feedback}/close", dependencies=ACTING)
def close(request: Request, session: http.Db, clock: http.Now, operator: http.Person, feedback: UUID) -> Response:
    """Close what was answered."""
    said = texts(request).gettext("It is closed; the shop is asked how well it was done.")
    return _done(
        request, session, operator, feedback, said, lambda: service.close(session, feedback, operator, at=clock())
    )


def home_cards(session: Session, operator: Operator, now: datetime) -> list[Card]:
    """Return what waits for an answer, by deadline, and what is late."""
    if not operator.may(*ACTORS, "regional"):
        return []
    employees = rules.seen_by("employee", operator.roles)
    totals = queries.totals(session, now.date(), employees=employees)
    if not totals.open:
        return []
    first = [one for one in queries.every(session, employees=employees, limit=3) if one.open]
    return [
        Card(
            title=N_("Complaints and suggestions"),
            template="feedback/cards/open.html",
            context={"totals": totals, "first": first, "today": now.date(), "categories": CATEGORIES},
            order=56,
            href=HOME,
            tone="stop" if totals.late else "wait",
        )
    ]


def in_e_file(session: Session, retailer: str, now: datetime) -> Mapping[str, Any] | None:
    """Return what a shop said last, for its e-file, which everybody reads: nothing about employees."""
    found = queries.every(session, retailer=retailer, limit=10)
    if not found:
        return None
    return {"found": found, "today": now.date(), "states": STATES, "kinds": KINDS, "categories": CATEGORIES}


def _page(request: Request, session: Session, operator: Operator, feedback: UUID, said: str = "") -> Response:
    found = queries.feedback(session, feedback)
    if found is None or not rules.seen_by(found.category, operator.roles):
        raise Rejected("not_found", what=texts(request).gettext("feedback"), name=str(feedback))
    running = http.runtime_of(request)
    now = running.clock()
    history = audit_trail.newest(session, audit_trail.Asked(subject=f"feedback:{found.number}"), limit=100)
    people = [one for one in operators.operators(session, at=now) if one.disabled_at is None]
    about = None if found.about is None else subjects.subject(session, found.retailer, found.about)
    return console.page(
        request,
        "feedback/one.html",
        actors=ACTORS,
        status_code=422 if said else 200,
        said=said,
        typed=getattr(request.state, "typed", {}) if said else {},
        found=found,
        shop=retailers.retailer(session, found.retailer),
        about=about,
        about_name=None if about is None else getattr(about.name, language_of(request)),
        entries=queries.entries(session, feedback),
        people=[one.name for one in people if rules.seen_by(found.category, one.roles)],
        history=history,
        today=now.astimezone(running.settings.tz).date(),
        states=STATES,
        kinds=KINDS,
        categories=CATEGORIES,
        subjects=SUBJECTS,
        most=service.ANSWER_MOST,
        photos=photos.photos_of(session, "feedback", feedback),
    )


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
        most=service.SAID_MOST,
    )


def _rows(
    request: Request, session: Session, every: list[queries.Feedback], view: TableView, today: date
) -> list[dict[str, Any]]:
    shops = {code: (name, region) for code, name, region, _ in session.execute(retailers.shops_query())}
    gettext = texts(request).gettext
    words = view.search.casefold()
    rows = []
    for one in every:
        shop, region = shops[one.retailer]
        told = f"#{one.number} {one.retailer} {shop} {one.words} {one.owner or ''}".casefold() if words else ""
        if words not in told or not _fits(one, today, view.filters):
            continue
        way = gettext("telephone") if one.by_telephone else gettext("terminal")
        rows.append(vars(one) | {"shop": shop, "region": region, "way": way, "late": _late(one, today)})
    if view.sort:
        rows.sort(key=lambda row: (row[view.sort] is not None, row[view.sort]), reverse=view.descending)
    return rows


def _late(one: queries.Feedback, today: date) -> bool:
    return one.open and one.answer_until < today


def _fits(one: queries.Feedback, today: date, wanted: Mapping[str, str]) -> bool:
    state = wanted.get("state")
    late = _late(one, today)
    return (
        (state is None or state == one.state or (state == "open" and one.open) or (state == "late" and late))
        and wanted.get("kind") in {None, one.kind}
        and wanted.get("category") in {None, one.category}
        and wanted.get("owner") in {None, one.owner}
    )


def _done(
    request: Request, session: Session, operator: Operator, feedback: UUID, said: str, act: Callable[[], None]
) -> Response:
    """Do it, and say so; or show the page with why nothing was done."""
    try:
        act()
    except Refusal as refused:
        if refused.code == "not_found" and refused.params.get("name") == str(feedback):
            raise
        session.rollback()
        return _page(request, session, operator, feedback, _sentence(request, refused))
    return _back(request, feedback, said)


def _back(request: Request, feedback: UUID, said: str) -> Response:
    return console.redirect(request, f"{HOME}/{feedback}", flash=said)


def _sentence(request: Request, refused: Refusal) -> str:
    told = refused.told(texts(request).gettext) if isinstance(refused, Invalid) else refused
    return refusal_text(told.code, told.params, language_of(request))
