"""Screens of reminding: who would be reminded with which words, who was, and who has ordered since."""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from contract.feed import Text
from contract.texts import Language, translations
from server.kit import console, http
from server.kit.console.formats import LOCALES
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, texts
from server.kit.fields import Invalid
from server.orders import queries, reminding
from server.orders.console import known_window, windows
from server.retailers import queries as retailers

SHOWN = 20

reminders = http.router("/console/windows", tag="console", roles=("planner", "administrator"))

TITLE = N_("You have not ordered yet")
BODY = N_(
    "%(name)s closes on %(closes)s. We have no order of your shop so far. If you want nothing this time, ignore this."
)
COLUMNS = (
    Column("retailer", N_("Code of the shop"), "identifier"),
    Column("shop", N_("Shop")),
    Column("times", N_("Times"), "number"),
    Column("last_at", N_("Last reminded"), "instant"),
    Column("last_by", N_("By")),
    Column("ordered_at", N_("Ordered"), "instant"),
)
FILTERS = (Filter("ordered", N_("Ordered"), (("yes", N_("since then")), ("no", N_("not yet")))),)


@reminders.get("/{window_id}/remind")
def preview(request: Request, session: http.Db, clock: http.Now, window_id: UUID) -> Response:
    """Show whom a reminder would go to, and its words, before anything is sent."""
    window = known_window(request, session, window_id)
    return _form(request, session, window, clock, _proposed(window), {}, again=False)


@reminders.post("/{window_id}/remind")
def remind(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    window_id: UUID,
    known: Annotated[int, Form(ge=0, le=1_000_000)],
    title_zh: Annotated[str, Form(max_length=2_000)] = "",
    title_en: Annotated[str, Form(max_length=2_000)] = "",
    body_zh: Annotated[str, Form(max_length=8_000)] = "",
    body_en: Annotated[str, Form(max_length=8_000)] = "",
    again: Annotated[str, Form(max_length=3)] = "",
) -> Response:
    """Send the reminder."""
    window = known_window(request, session, window_id)
    words = reminding.Words(Text(zh=title_zh, en=title_en), Text(zh=body_zh, en=body_en))
    gettext = texts(request).ngettext
    try:
        sent = reminding.remind(session, window_id, words, again=again == "yes", known=known, by=operator, at=clock())
    except Invalid as refused:
        session.rollback()
        typed = {"title_zh": title_zh, "title_en": title_en, "body_zh": body_zh, "body_en": body_en}
        errors = {where: unfit.sentence(texts(request).gettext) for where, unfit in refused.problems.items()}
        return _form(request, session, window, clock, typed, errors, again=again == "yes")
    said = gettext("%(count)s shop is reminded.", "%(count)s shops are reminded.", sent) % {"count": sent}
    return console.redirect(request, f"/console/windows/{window_id}/reminders", flash=said)


@windows.get("/{window_id}/reminders")
def list_reminded(request: Request, session: http.Db, window_id: UUID) -> Response:
    """List who was reminded, and who ordered since."""
    window = known_window(request, session, window_id)
    view = TableView.of(request, COLUMNS, filters=FILTERS, sort="retailer")
    every = reminding.reminded(session, window_id)
    shops = retailers.retailers(session, {one.retailer for one in every})
    rows = [
        {**vars(one), "shop": shops[one.retailer].name if one.retailer in shops else ""}
        for one in every
        if view.filters.get("ordered") in {None, "no" if one.ordered_at is None else "yes"}
    ]
    text = view.search.casefold()
    rows = [row for row in rows if text in row["retailer"].casefold() or text in row["shop"].casefold()]
    rows.sort(key=lambda row: (row[view.sort] is not None, row[view.sort]), reverse=view.descending)
    if view.format:
        return console.download(request, COLUMNS, rows, name="reminded")
    return console.page(
        request,
        "orders/reminders.html",
        window=window,
        view=view,
        columns=COLUMNS,
        filters=FILTERS,
        rows=rows[view.offset : view.offset + view.per_page],
        total=len(rows),
        sent=reminding.reminders(session, window_id),
    )


def _form(
    request: Request,
    session: Session,
    window: queries.WindowView,
    clock: http.Now,
    values: Mapping[str, str],
    errors: Mapping[str, str],
    *,
    again: bool,
) -> Response:
    now = clock()
    new, before = reminding.split(session, window, now)
    return console.page(
        request,
        "orders/remind.html",
        status_code=422 if errors else 200,
        window=window,
        new=new,
        shown=new[:SHOWN],
        before=len(before),
        unreachable=sum(shop.terminal != "online" for shop in new),
        known=len(reminding.reminders(session, window.id)),
        is_open=window.state == "open" and now < window.rule().deadline,
        values=values,
        errors=errors,
        again=again,
    )


def _proposed(window: queries.WindowView) -> dict[str, str]:
    """Return the words that are proposed, in both languages, with the close in the window's zone."""
    said: dict[str, str] = {}
    language: Language
    for language in ("zh", "en"):
        gettext = translations("server", language).gettext
        local = window.closes_at.astimezone(ZoneInfo(window.zone))
        day = "M月d日 EEE HH:mm" if language == "zh" else "EEE d MMM HH:mm"
        offset = local.strftime("%z")
        closes = f"{format_datetime(local, format=day, locale=LOCALES[language])} UTC{offset[:3]}:{offset[3:5]}"
        name = window.name_zh if language == "zh" else window.name_en
        said[f"title_{language}"] = gettext(TITLE)
        said[f"body_{language}"] = gettext(BODY) % {"name": name, "closes": closes}
    return said
