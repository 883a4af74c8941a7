"""Screens of visits: what is due, one visit with its promises, the card of the first page, the part of the e-file."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Refusal, Rejected
from contract.texts import refusal_text
from server.kit import console, http
from server.kit.console.cards import Card
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, language_of, texts
from server.kit.identity import Operator
from server.photos import console as photos_console
from server.photos import queries as photos
from server.retailers import queries as retailers
from server.visits import queries, ruling, service
from server.visits.http import PLANNERS, READERS, RULERS, VISITING
from server.visits.rule_fields import WHOS
from server.visits.rules import Due, Outcome, Rule
from server.visits.service import VISITORS

HOME = "/console/visits"
EXPORT_MOST = 100_000
IN_E_FILE = 8
ON_CARD = 5

visits = http.router(HOME, tag="console", roles=READERS, shops="all")

OUTCOMES: Mapping[Outcome, tuple[str, str]] = {
    "done": (N_("visited"), "ok"),
    "shut": (N_("found it shut"), "wait"),
    "reached": (N_("reached by telephone"), "ok"),
    "not_reached": (N_("not reached"), "wait"),
    "try_again": (N_("to be called again"), "wait"),
}
PLACES_SAID: Mapping[str, str] = {
    "given": N_("the device gave it"),
    "refused": N_("the device was not allowed to say it"),
    "unavailable": N_("the device could not tell"),
    "not_asked": N_("the person did not give it"),
    "erased": N_("erased after its term"),
}
ANSWERS: Mapping[str, tuple[str, str]] = {
    "yes": (N_("yes"), "ok"),
    "no": (N_("no"), "stop"),
    "not_asked": (N_("not looked at"), "idle"),
}
COLUMNS = (
    Column("due_on", N_("Due"), "date"),
    Column("retailer", N_("Retailer"), "identifier"),
    Column("name", N_("Name")),
    Column("region", N_("Region"), sortable=False),
    Column("rule", N_("Rule")),
    Column("who", N_("Who"), sortable=False),
    Column("why", N_("Why"), sortable=False),
    Column("late_days", N_("Days late"), "number"),
)
LATE = Filter("late", N_("Lateness"), (("late", N_("late")), ("today", N_("due today")), ("ahead", N_("still time"))))
_SENTENCES = {
    ("interval", "visit"): N_("%(who)s visits each shop within every %(days)s days: %(shops)s."),
    ("interval", "call"): N_("%(who)s calls each shop within every %(days)s days: %(shops)s."),
    ("claim", "visit"): N_("%(who)s visits a shop within %(days)s days after its claim: %(shops)s."),
    ("claim", "call"): N_("%(who)s calls a shop within %(days)s days after its claim: %(shops)s."),
    ("sample", "visit"): N_("%(who)s visits %(count)s shops each month, drawn by lot: %(shops)s."),
    ("sample", "call"): N_("%(who)s calls %(count)s shops each month, drawn by lot: %(shops)s."),
}


@visits.get("")
def list_due(
    request: Request, session: http.Db, clock: http.Now, config: http.Config, operator: http.Person
) -> Response:
    """List what is due within two weeks, the latest first; with ``format`` as a file."""
    today = clock().astimezone(config.tz).date()
    rule_set = ruling.in_force(session)
    filters = (
        Filter("rule", N_("Rule"), [(rule.key, rule.name) for rule in rule_set.rules], translate=False),
        Filter("who", N_("Who"), tuple(WHOS.items())),
        LATE,
    )
    view = TableView.of(request, COLUMNS, filters=filters, sort="due_on")
    every = queries.due(session, today=today, until=today + queries.AHEAD, zone=config.tz, rule_set=rule_set)
    names = retailers.names(session) if view.search or view.sort == "name" else {}
    chosen = _ordered([one for one in every if _wanted(one, view, today, names)], view, names, today)
    shown = chosen[:EXPORT_MOST] if view.format else chosen[view.offset : view.offset + view.per_page]
    shops = retailers.retailers(session, {one.retailer for one in shown})
    gettext = texts(request).gettext
    rows = [_row(one, shops.get(one.retailer), today, gettext) for one in shown]
    if view.format:
        return console.download(request, COLUMNS, rows, name="visits-due")
    return console.page(
        request,
        "visits/due.html",
        view=view,
        columns=COLUMNS,
        filters=filters,
        rows=rows,
        total=len(chosen),
        rules=rule_set.rules,
        late=sum(one.due_on < today for one in every),
        due_today=sum(one.due_on == today for one in every),
        ahead=sum(one.due_on > today for one in every),
        visiting=operator.may(*VISITORS),
        planning=operator.may(*PLANNERS),
        ruling=operator.may(*RULERS) and not operator.bounded,
    )


@visits.get("/kept/{visit}")
def show_visit(request: Request, session: http.Db, visit: UUID) -> Response:
    """Show one visit or call as it was kept, and what became of what was promised."""
    return _page(request, session, visit)


@visits.get("/kept/{visit}/photos/{ordinal}")
def show_photo(session: http.Db, visit: UUID, ordinal: int) -> Response:
    """Show a photo that was taken at a visit, to who sees the visit."""
    if queries.visit(session, visit) is None:
        raise Rejected("not_found", what="visit", name=str(visit))
    return photos_console.shown(session, "visit", visit, ordinal)


@visits.post("/kept/{visit}/promises/{promise}", dependencies=VISITING)
def settle(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    visit: UUID,
    promise: UUID,
    words: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Say what became of a promise."""
    try:
        service.settle_promise(session, promise, words, operator, at=clock())
    except Refusal as refusal:
        if refusal.code == "not_found":
            raise
        session.rollback()
        return _page(request, session, visit, refusal_text(refusal.code, refusal.params, language_of(request)))
    said = texts(request).gettext("It is written down what became of it.")
    return console.redirect(request, f"{HOME}/kept/{visit}", flash=said)


def in_words(rule: Rule, gettext: Callable[[str], str]) -> str:
    """Return a rule as a sentence."""
    tiers = [gettext("tier %(tier)s") % {"tier": tier} for tier in rule.tiers]
    shops = ", ".join([*tiers, *rule.markets, *rule.regions]) or gettext("all shops")
    return gettext(_SENTENCES[rule.when, rule.sort]) % {
        "who": gettext(WHOS[rule.who]),
        "days": rule.days,
        "count": rule.shops,
        "shops": shops,
    }


def why(one: Due, gettext: Callable[[str], str]) -> str:
    """Return in words why a contact is due."""
    if one.rule.when == "sample":
        said = gettext("the lot of the month fell on it")
    elif one.rule.when == "claim":
        said = gettext("claim #%(number)s of %(day)s") % {"number": one.number, "day": one.after}
    elif one.after is None:
        said = gettext("no contact since the rule began")
    else:
        said = gettext("the last was on %(day)s") % {"day": one.after}
    return said if one.try_on is None else f"{said}; {gettext('try again on %(day)s') % {'day': one.try_on}}"


def in_e_file(session: Session, retailer: str, _now: datetime) -> Mapping[str, Any] | None:
    """Return the last visits and calls of a shop, and promises that are open, for its e-file."""
    found, total = queries.visits(session, retailer=retailer, limit=IN_E_FILE)
    if not found:
        return None
    promised = [one for one in queries.promises_of(session, [one.id for one in found]) if one.done_at is None]
    return {"visits": found, "total": total, "promised": promised, "outcomes": OUTCOMES}


def home_cards(session: Session, operator: Operator, now: datetime) -> list[Card]:
    """Return what a person promised and is due, and what he has to do today; nothing where there is nothing."""
    if not operator.may(*VISITORS):
        return []
    today = now.date()
    own = queries.own_today(session, operator.name, today)
    if not own:
        return []
    promised = [one for one in own if one.sort == "promise"]
    stops = [one for one in own if one.sort == "stop"]
    return [
        Card(
            title=N_("My visits"),
            template="visits/cards/today.html",
            context={"promised": promised[:ON_CARD], "promises": len(promised), "stops": len(stops), "today": today},
            order=57,
            href=f"{HOME}/round",
            tone="stop" if any(one.due_on < today for one in promised) else "wait",
        )
    ]


def _page(request: Request, session: Session, visit: UUID, said: str = "") -> Response:
    found = queries.visit(session, visit)
    if found is None:
        raise Rejected("not_found", what="visit", name=str(visit))
    shop = retailers.retailer(session, found.retailer)
    rule = ruling.in_force(session).named(found.rule) if found.rule else None
    return console.page(
        request,
        "visits/visit.html",
        status_code=422 if said else 200,
        visit=found,
        shop=shop,
        rule=rule,
        promises=queries.promises_of(session, [visit]),
        photos=photos.photos_of(session, "visit", visit),
        outcomes=OUTCOMES,
        answers=ANSWERS,
        places=PLACES_SAID,
        visitors=VISITORS,
        said=said,
    )


def _wanted(one: Due, view: TableView, today: date, names: Mapping[str, str]) -> bool:
    asked = view.filters
    how = "late" if one.due_on < today else "today" if one.due_on == today else "ahead"
    text = view.search.casefold()
    return (
        asked.get("rule", one.rule.key) == one.rule.key
        and asked.get("who", one.rule.who) == one.rule.who
        and asked.get("late", how) == how
        and (not text or text in one.retailer.casefold() or text in names.get(one.retailer, "").casefold())
    )


def _ordered(found: list[Due], view: TableView, names: Mapping[str, str], today: date) -> Sequence[Due]:
    keys: dict[str, Callable[[Due], Any]] = {
        "due_on": lambda one: one.due_on,
        "retailer": lambda one: one.retailer.encode(),
        "name": lambda one: names.get(one.retailer, ""),
        "rule": lambda one: one.rule.name,
        "late_days": lambda one: max(0, (today - one.due_on).days),
    }
    return sorted(found, key=keys[view.sort], reverse=view.descending)


def _row(one: Due, shop: retailers.Retailer | None, today: date, gettext: Callable[[str], str]) -> dict[str, Any]:
    return {
        "due_on": one.due_on,
        "retailer": one.retailer,
        "name": shop.name if shop else "",
        "region": shop.region if shop else "",
        "rule": one.rule.name,
        "who": gettext(WHOS[one.rule.who]),
        "why": why(one, gettext),
        "late_days": max(0, (today - one.due_on).days),
        "sort": one.rule.sort,
        "key": one.rule.key,
    }
