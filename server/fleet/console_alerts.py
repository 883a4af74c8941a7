"""Alerts on screens: the list, one alert with what is done about it, the rules in sentences and in a form."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import Depends, Form, Path, Query, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.texts import refusal_text
from server.devices.console import ROLES
from server.devices.http import KEEPERS
from server.fleet import alerts, ruling
from server.fleet.alarm_rules import Rule
from server.kit import audit_trail, console, forms, http
from server.kit.console.cards import Card
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, language_of, texts
from server.kit.fields import Invalid
from server.kit.identity import Operator, Role
from server.retailers import queries as retailers

PLACE: Final = "/console/devices/alerts"
RULES: Final = f"{PLACE}/rules"
CARERS: Final[tuple[Role, ...]] = (*KEEPERS, "regional")
CARING = [Depends(http.needs(*CARERS))]

reading = http.router(PLACE, tag="console", roles=ROLES, shops="all")
ruling_room = http.router(RULES, tag="console", roles=KEEPERS)

Number = Annotated[int, Path(ge=1, lt=2**63)]
Words = Annotated[str, Form(max_length=4 * alerts.WORDS_MOST)]
Typed = Annotated[str, Form(max_length=4000)]
Key = Annotated[str, Query(max_length=60)]

STATES: Final[Mapping[str, tuple[str, str]]] = {
    "open": (N_("open alert"), "stop"),
    "seen": (N_("taken on"), "wait"),
    "silenced": (N_("silenced"), "idle"),
    "ended": (N_("over by now"), "ok"),
}
SHOWN = Filter(
    "shown",
    N_("Shown"),
    (
        ("open", N_("open, not silenced")),
        ("unseen", N_("open, taken on by nobody")),
        ("silenced", N_("silenced")),
        ("ended", N_("over by now")),
        ("all", N_("all of them")),
    ),
)
SEVERITY = Filter("severity", N_("How bad it is"), tuple(ruling.SEVERITIES.items()))
COLUMNS = (
    Column("number", N_("Number"), "number", sortable=False),
    Column("what", N_("Alert"), sortable=False),
    Column("severity", N_("How bad it is"), sortable=False),
    Column("device", N_("Terminal"), sortable=False),
    Column("shop", N_("Shop"), sortable=False),
    Column("opened_at", N_("Since"), "instant", sortable=False),
    Column("state", N_("State"), sortable=False),
    Column("acknowledged_by", N_("Taken on by"), sortable=False),
)
TONES: Final = {"critical": "stop", "warning": "wait"}
HOURS: Final = (("4", N_("4 hours")), ("24", N_("a day")), ("168", N_("a week")), ("720", N_("30 days")))


@reading.get("")
def list_alerts(request: Request, session: http.Db, clock: http.Now, operator: http.Person) -> Response:
    """List the alerts, the newest first; with ``format`` they come as a file."""
    now, gettext = clock(), texts(request).gettext
    in_force = ruling.in_force(session)
    of_rule = Filter("rule", N_("Rule"), [(rule.key, gettext(rule.name)) for rule in in_force.rules], translate=False)
    filters = (SHOWN, SEVERITY, of_rule)
    view = TableView.of(request, COLUMNS, filters=filters)
    found, total = alerts.alerts(
        session,
        at=now,
        shown=view.filters.get("shown", "open"),
        severity=view.filters.get("severity", ""),
        rule=view.filters.get("rule", ""),
        device=view.search,
        offset=0 if view.format else view.offset,
        limit=None if view.format else view.per_page,
    )
    shops = retailers.names(session, {one.retailer for one in found if one.retailer})
    rows = [_row(one, shops, now, gettext) for one in found]
    if view.format:
        return console.download(request, COLUMNS, rows, name="alerts")
    return console.page(
        request,
        "fleet/alerts.html",
        view=view,
        columns=COLUMNS,
        filters=filters,
        rows=rows,
        total=total,
        tally=alerts.tally(session, at=now),
        severities=ruling.SEVERITIES,
        caring=operator.may(*CARERS),
    )


@reading.get("/rules")
def show_rules(request: Request, session: http.Db, operator: http.Person) -> Response:
    """Show the rules in force in sentences, and the versions."""
    in_force, gettext = ruling.in_force(session), texts(request).gettext
    return console.page(
        request,
        "fleet/alert_rules.html",
        in_force=in_force,
        sentences={rule.key: sentence(rule, gettext) for rule in in_force.rules},
        severities=ruling.SEVERITIES,
        tones=TONES,
        versions=ruling.versions(session),
        ruling=operator.may(*KEEPERS) and not operator.bounded,
    )


@reading.get("/{number}")
def show_alert(request: Request, session: http.Db, clock: http.Now, operator: http.Person, number: Number) -> Response:
    """Show one alert and what was said and done about it."""
    return _page(request, session, clock(), operator, number)


@reading.post("/{number}/take", dependencies=CARING)
def take_on(request: Request, session: http.Db, clock: http.Now, operator: http.Person, number: Number) -> Response:
    """Note that one looks after an alert; where somebody else was first, or it is over, say so."""
    gettext = texts(request).gettext
    taken = alerts.acknowledge(session, [number], operator, at=clock())
    alert = _known(session, number)
    if taken:
        said = gettext("The alert is yours.")
    elif alert.acknowledged_by:
        said = gettext("%(name)s looks after it already.") % {"name": alert.acknowledged_by}
    else:
        said = gettext("It is over already.")
    return console.redirect(request, f"{PLACE}/{number}", flash=said)


@reading.post("/{number}/say", dependencies=CARING)
def say(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    number: Number,
    words: Words = "",
    act: Typed = "note",
    hours: Annotated[int, Form(ge=1, le=24 * 90)] = 24,
) -> Response:
    """Write a note; with ``act`` also silence the alert for ``hours``, or end one about a clone."""
    now = clock()
    acts: Mapping[str, Callable[[], None]] = {
        "note": lambda: alerts.say(session, number, words, operator, at=now),
        "silence": lambda: alerts.silence(session, number, now + timedelta(hours=hours), words, operator, at=now),
        "end": lambda: alerts.end_clone(session, number, words, operator, at=now),
    }
    try:
        acts.get(act, acts["note"])()
    except Invalid as refused:
        session.rollback()
        errors = {name: unfit.sentence(texts(request).gettext) for name, unfit in refused.problems.items()}
        return _page(request, session, now, operator, number, errors=errors, words=words)
    return console.redirect(request, f"{PLACE}/{number}", flash=texts(request).gettext("It is written down."))


@ruling_room.get("/edit")
def edit_rule(request: Request, session: http.Db, key: Key = "") -> Response:
    """Show the form of a rule, of a new one without a key."""
    in_force = ruling.in_force(session)
    rule = in_force.named(key) if key else None
    minor = forms.minor_units(request.app.state.console.currency)
    if key and rule is None:
        raise Rejected("not_found", what="rule of alerts", name=key)
    if rule is None:
        return _form(request, in_force.version, key, forms.empty_form(ruling.FIELDS, minor=minor))
    record = {field.name: getattr(rule, field.name) for field in ruling.FIELDS}
    record["name"] = texts(request).gettext(rule.name)
    return _form(request, in_force.version, key, forms.fill_form(ruling.FIELDS, record, minor=minor))


@ruling_room.post("/edit")
def write_rule(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    seen: Annotated[int, Form(ge=0)],
    key: Typed = "",
    reason: Typed = "",
) -> Response:
    """Write a rule: a new version of all of them."""
    gettext = texts(request).gettext
    typed = {**dict.fromkeys((field.name for field in ruling.FIELDS), ""), **request.state.typed}
    minor = forms.minor_units(request.app.state.console.currency)
    record, errors = forms.read_form(ruling.FIELDS, typed, minor=minor, gettext=gettext)
    standing = ruling.in_force(session).named(key) if key else None
    if standing is not None and record.get("name") == gettext(standing.name):
        record["name"] = standing.name  # what is shown in the reader's language is kept in the one it was written in
    try:
        if not errors:
            ruling.write_rule(session, key, record, reason, operator, at=clock(), seen=seen)
    except Invalid as refused:
        session.rollback()
        errors = {name: unfit.sentence(gettext) for name, unfit in refused.problems.items()}
    except Conflict as conflict:
        session.rollback()
        errors = {"name": refusal_text(conflict.code, conflict.params, language_of(request))}
    if errors:
        return _form(request, seen, key, typed, errors)
    return console.redirect(request, RULES, flash=gettext("The rule counts from now on."))


@ruling_room.post("/remove")
def remove_rule(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    seen: Annotated[int, Form(ge=0)],
    key: Typed,
    reason: Typed = "",
) -> Response:
    """Take a rule away."""
    gettext = texts(request).gettext
    try:
        ruling.remove_rule(session, key, reason, operator, at=clock(), seen=seen)
    except Invalid as refused:
        session.rollback()
        said = next(iter(refused.problems.values())).sentence(gettext)
        return console.redirect(request, f"{RULES}/edit?key={key}", flash=said, tone="stop")
    return console.redirect(request, RULES, flash=gettext("The rule is gone; its alerts end."))


def sentence(rule: Rule, gettext: Callable[[str], str]) -> str:
    """Return a rule in words."""
    if rule.figure == "version":
        said = gettext("Its version is older than {least}.").format(least=rule.least)
    else:
        below = ruling.is_below(rule.figure)
        begins = gettext("Below {value} {figure}") if below else gettext("Above {value} {figure}")
        ends = gettext("over at {clear} or more") if below else gettext("over at {clear} or less")
        said = gettext("{begins}; {ends}.").format(
            begins=begins.format(value=rule.value, figure=gettext(ruling.FIGURES[rule.figure]))
            + _lasting(rule.minutes, gettext),
            ends=ends.format(clear=rule.clear) + _lasting(rule.clear_minutes, gettext),
        )
    whose = gettext("Group {group}.").format(group=rule.group) if rule.group else gettext("All terminals.")
    return gettext("{first} {second}").format(first=said, second=whose)


def _lasting(minutes: int, gettext: Callable[[str], str]) -> str:
    return gettext(", for {minutes} min").format(minutes=minutes) if minutes else ""


def home_cards(session: Session, operator: Operator, now: datetime) -> list[Card]:
    """Return what is wrong with terminals, for those who look after it; nothing where nothing is."""
    if not operator.may(*CARERS):
        return []
    tally = alerts.tally(session, at=now)
    if not tally:
        return []
    return [
        Card(
            title=N_("Alerts about terminals"),
            template="fleet/cards/alerts.html",
            context={"tally": tally, "severities": ruling.SEVERITIES},
            order=39,
            href=PLACE,
            tone="stop" if tally.get("critical") else "wait",
        )
    ]


def name_of(one: alerts.Alert, gettext: Callable[[str], str]) -> str:
    """Return what an alert is called."""
    return gettext(CLONE_NAME) if one.rule == alerts.CLONE else gettext(one.detail.get("name", one.rule))


def _row(one: alerts.Alert, shops: Mapping[str, str], now: datetime, gettext: Callable[[str], str]) -> dict[str, Any]:
    state, tone = STATES[one.state(now)]
    return {
        "number": one.number,
        "what": name_of(one, gettext),
        "severity": gettext(ruling.SEVERITIES[one.severity]),
        "severity_tone": TONES[one.severity],
        "device": one.device,
        "terminals": one.left if one.closed_at is None else one.most,
        "shop": shops.get(one.retailer or ""),
        "opened_at": one.opened_at,
        "state": gettext(state),
        "tone": tone,
        "acknowledged_by": one.acknowledged_by,
    }


def _known(session: Session, number: int) -> alerts.Alert:
    one = alerts.alert(session, number)
    if one is None:
        raise Rejected("not_found", what="alert", name=str(number))
    return one


def _page(
    request: Request,
    session: Session,
    now: datetime,
    operator: Operator,
    number: int,
    *,
    errors: Mapping[str, str] | None = None,
    words: str = "",
) -> Response:
    one = _known(session, number)
    gettext = texts(request).gettext
    rule = ruling.in_force(session).named(one.rule)
    state, tone = STATES[one.state(now)]
    history, _ = audit_trail.search(session, audit_trail.Asked(subject=f"fleet_alert:{number}"), limit=50)
    return console.page(
        request,
        "fleet/alert.html",
        status_code=422 if errors else 200,
        alert=one,
        name=name_of(one, gettext),
        state=gettext(state),
        tone=tone,
        severity=gettext(ruling.SEVERITIES[one.severity]),
        severity_tone=TONES[one.severity],
        figure=ruling.FIGURES.get(one.detail.get("figure", ""), ""),
        sentence=sentence(rule, gettext) if rule else "",
        shop=retailers.names(session, [one.retailer]).get(one.retailer) if one.retailer else None,
        notes=alerts.notes(session, number),
        history=history,
        clone=one.rule == alerts.CLONE,
        caring=operator.may(*CARERS) and one.closed_at is None,
        hours=[(value, gettext(said)) for value, said in HOURS],
        errors=errors or {},
        words=words,
    )


def _form(
    request: Request, seen: int, key: str, values: Mapping[str, Any], errors: Mapping[str, str] | None = None
) -> Response:
    return console.page(
        request,
        "fleet/alert_rule.html",
        status_code=422 if errors else 200,
        fields=ruling.FIELDS,
        key=key,
        seen=seen,
        values=values,
        reason=values.get("reason", ""),
        errors=errors or {},
    )


CLONE_NAME: Final = N_("Two machines use one identity")
