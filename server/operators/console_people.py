"""The administrator's screen of people: add, give roles, shut out, let in by a link."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Form, Path, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Conflict, Refusal, Rejected
from server.kit import audit_trail, console, http
from server.kit.clock import Clock
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, texts
from server.kit.identity import Actor, Operator, Role
from server.kit.settings import Settings
from server.operators import queries, second_factor, service
from server.operators.console import ROLE_NAMES, words
from server.operators.sessions import link_address

READERS: tuple[Role, ...] = ("administrator", "auditor")
KEEPERS: tuple[Role, ...] = ("administrator",)
KEEPING = [Depends(http.needs(*KEEPERS))]
people = http.router("/console/operators", tag="console", roles=READERS)

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Bounds = Annotated[list[str], Form(default_factory=list, max_length=1000)]
Roles = Annotated[list[str], Form(default_factory=list, max_length=10)]


def state_of(person: queries.OperatorView) -> str:
    """Return whether a person may sign in: ``active`` or ``disabled``."""
    return "disabled" if person.disabled_at is not None else "active"


COLUMNS = (
    Column("name", N_("Name")),
    Column("roles", N_("Roles"), sortable=False, read=lambda person: ", ".join(sorted(person.roles))),
    Column("bounds", N_("Shops"), sortable=False, read=lambda person: ", ".join((*person.regions, *person.classes))),
    Column("state", N_("State"), read=state_of),
    Column("second_factor", N_("Second factor"), read=lambda person: "yes" if person.second_factor else "no"),
    Column("sessions", N_("Signed in"), "number"),
    Column("last_sign_in_at", N_("Last sign-in"), "instant"),
)
FILTERS = (
    Filter("role", N_("Role"), tuple(ROLE_NAMES.items())),
    Filter("state", N_("State"), (("active", N_("active")), ("disabled", N_("disabled")))),
)


@people.get("")
def list_people(request: Request, session: http.Db, clock: http.Now) -> Response:
    """List the people, and offer to add one."""
    return _people(request, session, clock)


@people.post("", dependencies=KEEPING)
def add_person(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    roles: Roles,
    regions: Bounds,
    classes: Bounds,
    name: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Add a person, and show the one-use link of their first sign-in."""
    by, at = _actor(operator), clock()
    try:
        with session.begin_nested():  # a person whose bounds are refused would be there without any
            added = service.add_operator(session, name, roles, by=by, at=at)
            if regions or classes:
                service.set_bounds(session, added.name, regions=regions, classes=classes, by=by, at=at)
    except (Rejected, Conflict) as refusal:
        return _people(request, session, clock, typed=(name, roles), refusal=refusal)
    return _link(request, session, clock, config, operator, added.name)


@people.get("/{number}")
def show_person(request: Request, session: http.Db, clock: http.Now, number: Number) -> Response:
    """Show one person: roles, sessions, what was done to the account."""
    return _person(request, session, clock, _known(session, clock, number))


@people.post("/{number}/roles", dependencies=KEEPING)
def set_roles(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, number: Number, roles: Roles
) -> Response:
    """Give a person these roles and no others."""
    gettext = texts(request).gettext

    def act(name: str) -> str:
        service.set_roles(session, name, roles, by=_actor(operator), at=clock())
        return gettext("The roles are set; they hold from now on.")

    return _change(request, session, clock, number, act)


@people.post("/{number}/bounds", dependencies=KEEPING)
def set_bounds(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    number: Number,
    regions: Bounds,
    classes: Bounds,
) -> Response:
    """Bound a person to the shops of these regions and classes; of all where none is ticked."""
    gettext = texts(request).gettext

    def act(name: str) -> str:
        service.set_bounds(session, name, regions=regions, classes=classes, by=_actor(operator), at=clock())
        return gettext("The bounds are set; they hold from now on.")

    return _change(request, session, clock, number, act)


@people.post("/{number}/superior", dependencies=KEEPING)
def set_superior(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    number: Number,
    superior: Annotated[str, Form(max_length=1000)] = "",
) -> Response:
    """Say who a person's superior is."""
    gettext = texts(request).gettext

    def act(name: str) -> str:
        service.set_superior(session, name, superior or None, by=_actor(operator), at=clock())
        return gettext("The superior is set; complaints about %(name)s go there.") % {"name": name}

    return _change(request, session, clock, number, act)


@people.post("/{number}/link", dependencies=KEEPING)
def make_link(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    number: Number,
) -> Response:
    """Show a one-use sign-in link, once."""
    person = _known(session, clock, number)
    return _link(request, session, clock, config, operator, person.name)


@people.post("/{number}/second-factor/remove", dependencies=KEEPING)
def remove_second_factor(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, number: Number
) -> Response:
    """Take away the second factor of a person who lost app and recovery codes; their sessions end."""
    gettext = texts(request).gettext

    def act(name: str) -> str:
        second_factor.remove(session, number, by=_actor(operator), at=clock())
        service.end_sessions(session, name, by=_actor(operator), at=clock())
        return gettext("The second factor of %(name)s is removed; all sessions are ended.") % {"name": name}

    return _change(request, session, clock, number, act)


@people.post("/{number}/end-sessions", dependencies=KEEPING)
def end_sessions(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, number: Number
) -> Response:
    """Sign a person out everywhere."""
    found = texts(request)

    def act(name: str) -> str:
        ended = service.end_sessions(session, name, by=_actor(operator), at=clock())
        said = found.ngettext("%(count)s session is ended.", "%(count)s sessions are ended.", ended)
        return said % {"count": ended}

    return _change(request, session, clock, number, act)


@people.post("/{number}/disable", dependencies=KEEPING)
def disable(request: Request, session: http.Db, clock: http.Now, operator: http.Person, number: Number) -> Response:
    """Shut a person out."""
    gettext = texts(request).gettext

    def act(name: str) -> str:
        service.disable_operator(session, name, by=_actor(operator), at=clock())
        return gettext("%(name)s is shut out; all sessions are ended.") % {"name": name}

    return _change(request, session, clock, number, act)


@people.post("/{number}/enable", dependencies=KEEPING)
def enable(request: Request, session: http.Db, clock: http.Now, operator: http.Person, number: Number) -> Response:
    """Let a disabled person in again."""
    gettext = texts(request).gettext

    def act(name: str) -> str:
        service.enable_operator(session, name, by=_actor(operator), at=clock())
        return gettext("%(name)s may sign in again.") % {"name": name}

    return _change(request, session, clock, number, act)


def _change(request: Request, session: Session, clock: Clock, number: int, act: Callable[[str], str]) -> Response:
    """Do ``act`` to a person and go back to their page with what it says, or show there why not."""
    person = _known(session, clock, number)
    try:
        said = act(person.name)
    except (Rejected, Conflict) as refusal:
        session.rollback()
        return _person(request, session, clock, person, refusal)
    return console.redirect(request, f"/console/operators/{number}", flash=said)


def _known(session: Session, clock: Clock, number: int) -> queries.OperatorView:
    person = queries.operator_numbered(session, number, at=clock())
    if person is None:
        raise Rejected("not_found", what="operator", name=number)
    return person


def _people(
    request: Request,
    session: Session,
    clock: Clock,
    *,
    typed: tuple[str, list[str]] = ("", []),
    refusal: Refusal | None = None,
) -> Response:
    view = TableView.of(request, COLUMNS, filters=FILTERS, sort="name")
    found = [one for one in queries.operators(session, at=clock()) if _fits(one, view)]
    found.sort(key=lambda one: _order(one, view.sort), reverse=view.descending)
    if view.format:
        return console.download(request, COLUMNS, found, name="operators")
    return console.page(
        request,
        "operators/people.html",
        choices=request.app.state.bound_choices(session),
        keepers=KEEPERS,
        status_code=200 if refusal is None else http.status_of(refusal),
        view=view,
        columns=COLUMNS,
        filters=FILTERS,
        people=found[view.offset : view.offset + view.per_page],
        total=len(found),
        role_names=ROLE_NAMES,
        typed_name=typed[0],
        typed_roles=typed[1],
        problem=None if refusal is None else words(request, refusal),
    )


def _person(
    request: Request,
    session: Session,
    clock: Clock,
    person: queries.OperatorView,
    refusal: Refusal | None = None,
) -> Response:
    history = audit_trail.newest(session, audit_trail.Asked(subject=f"operator:{person.name}"), limit=30)
    return console.page(
        request,
        "operators/person.html",
        choices=request.app.state.bound_choices(session),
        keepers=KEEPERS,
        status_code=200 if refusal is None else http.status_of(refusal),
        person=person,
        above=_others(session, clock, person),
        browsers=queries.browsers(session, person.id, token="", at=clock()),
        history=history,
        role_names=ROLE_NAMES,
        problem=None if refusal is None else words(request, refusal),
    )


def _others(session: Session, clock: Clock, person: queries.OperatorView) -> list[str]:
    everybody = queries.operators(session, at=clock())
    return [one.name for one in everybody if one.id != person.id and one.disabled_at is None]


def _link(
    request: Request, session: Session, clock: Clock, config: Settings, operator: Operator, name: str
) -> Response:
    token = service.make_link(session, name, ttl_s=config.sign_in_link_ttl_s, by=_actor(operator), at=clock())
    base = (config.public_url or str(request.base_url)).rstrip("/")
    return console.page(
        request,
        "operators/new_link.html",
        name=name,
        address=link_address(base, token),
        expires_at=clock() + timedelta(seconds=config.sign_in_link_ttl_s),
    )


def _fits(person: queries.OperatorView, view: TableView) -> bool:
    return (
        view.search.casefold() in person.name.casefold()
        and view.filters.get("role", "") in {"", *person.roles}
        and view.filters.get("state", "") in {"", state_of(person)}
    )


def _order(person: queries.OperatorView, key: str) -> tuple[bool, object]:
    """Return what a column sorts by; what is missing comes first."""
    value = {
        "name": person.name.casefold(),
        "state": state_of(person),
        "second_factor": person.second_factor,
        "sessions": person.sessions,
        "last_sign_in_at": person.last_sign_in_at,
    }[key]
    return value is not None, value


def _actor(operator: Operator) -> Actor:
    return Actor("operator", operator.name)
