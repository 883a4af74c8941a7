"""The rules of visits on a screen: what holds, in sentences; a rule in a form; the versions; the month's lot."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from fastapi import Form, Query, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.kit import console, forms, http
from server.kit.console.texts import N_, texts
from server.kit.fields import Invalid
from server.kit.identity import Operator
from server.visits import queries, rule_fields, rules, ruling
from server.visits.console import HOME, in_words
from server.visits.http import READERS, RULERS

PLACE = f"{HOME}/rules"

reading = http.router(PLACE, tag="console", roles=READERS, shops="reads")
ruling_room = http.router(PLACE, tag="console", roles=RULERS)

USUAL_WORDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "class-a": (
        N_("Class A each week"),
        (
            N_("Is the licence on the wall?"),
            N_("Are the prices as agreed?"),
            N_("Is there stock of what sells best?"),
            N_("Does the terminal work?"),
        ),
    ),
    "after-a-claim": (
        N_("The director’s call after a claim"),
        (N_("Was the claim settled as promised?"), N_("Is the shop content with it?")),
    ),
    "month-sample": (
        N_("The general manager’s sample of the month"),
        (
            N_("Did the customer manager come as planned?"),
            N_("Was what he promised kept?"),
            N_("What should we do better?"),
        ),
    ),
}
Key = Annotated[str, Query(max_length=60)]
Typed = Annotated[str, Form(max_length=4000)]


@reading.get("")
def show_rules(
    request: Request, session: http.Db, clock: http.Now, config: http.Config, operator: http.Person
) -> Response:
    """Show the rules in force in sentences, whom the month's lot falls on by which seed, and earlier versions."""
    today = clock().astimezone(config.tz).date()
    in_force = ruling.in_force(session)
    gettext = texts(request).gettext
    month = today.replace(day=1)
    drawn = [rule for rule in in_force.rules if rule.when == "sample"]
    shops = queries.drawn_from(session, month, config.tz) if drawn and not operator.bounded else []
    return console.page(
        request,
        "visits/rules.html",
        in_force=in_force,
        sentences={rule.key: in_words(rule, gettext) for rule in in_force.rules},
        versions=ruling.versions(session),
        samples=[(rule, rules.seed(rule, month), rules.sample(rule, shops, month)) for rule in drawn],
        bounded=operator.bounded,
        month=month,
        ruling=operator.may(*RULERS) and not operator.bounded,
    )


@ruling_room.get("/edit")
def edit_rule(request: Request, session: http.Db, key: Key = "") -> Response:
    """Show the form of a rule, of a new one without a key."""
    in_force = ruling.in_force(session)
    rule = _named(in_force, key)
    minor = forms.minor_units(request.app.state.console.currency)
    if rule is None:
        return _form(request, in_force.version, key, forms.empty_form(rule_fields.FIELDS, minor=minor))
    record = rule_fields.record_of(rule)
    return _form(request, in_force.version, key, forms.fill_form(rule_fields.FIELDS, record, minor=minor))


@ruling_room.post("/edit")
def write_rule(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    seen: Annotated[int, Form(ge=0)],
    key: Typed = "",
    reason: Typed = "",
) -> Response:
    """Write a rule: a new version of all of them."""
    gettext = texts(request).gettext
    typed = {**dict.fromkeys((field.name for field in rule_fields.FIELDS), ""), **request.state.typed}
    record, errors = forms.read_form(
        rule_fields.FIELDS,
        typed,
        minor=forms.minor_units(request.app.state.console.currency),
        gettext=gettext,
        rule=rule_fields.fits_together,
    )
    now = clock()
    try:
        if not errors:
            today = now.astimezone(config.tz).date()
            ruling.write_rule(session, key or None, record, reason, operator, at=now, today=today, seen=seen)
    except Invalid as refused:
        session.rollback()
        errors = {name: unfit.sentence(gettext) for name, unfit in refused.problems.items()}
    if errors:
        return _form(request, seen, key, typed, errors)
    return console.redirect(request, PLACE, flash=gettext("The rule counts from now on."))


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
    return _done(
        request,
        session,
        lambda: ruling.remove_rule(session, key, reason, operator, at=clock(), seen=seen),
        gettext("The rule is gone; what was kept by it stays."),
        f"{PLACE}/edit?key={key}",
    )


@ruling_room.post("/usual")
def begin_with_usual(
    request: Request, session: http.Db, clock: http.Now, config: http.Config, operator: http.Person
) -> Response:
    """Begin with the usual rules, in the words of the person's language."""
    gettext, now = texts(request).gettext, clock()
    words = {key: (gettext(name), [gettext(one) for one in asked]) for key, (name, asked) in USUAL_WORDS.items()}
    today = now.astimezone(config.tz).date()
    ruling.begin_with_usual(session, words, gettext("the usual rules"), operator, at=now, today=today)
    return console.redirect(
        request, PLACE, flash=gettext("The usual rules count from now on. Change what is not so here.")
    )


def _done(request: Request, session: Session, act: Callable[[], Any], said: str, back: str) -> Response:
    try:
        act()
    except Invalid as refused:
        session.rollback()
        sentence = next(iter(refused.problems.values())).sentence(texts(request).gettext)
        return console.redirect(request, back, flash=sentence, tone="stop")
    return console.redirect(request, PLACE, flash=said)


def _named(in_force: ruling.RuleSet, key: str) -> rules.Rule | None:
    rule = in_force.named(key) if key else None
    if key and rule is None:
        raise Rejected("not_found", what="visit rule", name=key)
    return rule


def _form(
    request: Request, seen: int, key: str, values: Mapping[str, Any], errors: Mapping[str, str] | None = None
) -> Response:
    return console.page(
        request,
        "visits/rule.html",
        status_code=422 if errors else 200,
        fields=rule_fields.FIELDS,
        key=key,
        seen=seen,
        values=values,
        reason=values.get("reason", ""),
        errors=errors or {},
    )


def may_rule(operator: Operator) -> bool:
    """Return whether a person may write rules: they are of the whole network."""
    return operator.may(*RULERS) and not operator.bounded
