"""Explicit table of access: who may what, in words, and which routes that is.

The routes themselves decide, by their guards. This table says the same in words for the page *Who may see what*, and a
test holds the two together: a route that no row names, or whose guard says something else than its row, fails.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fastapi import FastAPI

from server.kit import http
from server.kit.console import N_
from server.kit.identity import ROLES, Operator, Role


@dataclass(frozen=True)
class Duty:
    """What can be done in a room, and by whom; no roles: by everyone who is signed in.

    ``routes`` are ``read`` or ``write`` and the beginning of an address; of several rows that fit a route the longest
    counts. ``of_shops``: also by people who are bounded to some shops, for these shops.
    """

    room: str
    words: str
    roles: tuple[Role, ...]
    routes: tuple[str, ...]
    of_shops: bool = False


LOOKING_AT_ORDERS: tuple[Role, ...] = (
    "planner",
    "releaser",
    "administrator",
    "manager",
    "dispatcher",
    "regional",
    "auditor",
)
KEEPING: tuple[Role, ...] = ("planner", "administrator")
VOICES: tuple[Role, ...] = ("planner", "administrator", "manager")
CARING: tuple[Role, ...] = (*VOICES, "regional", "dispatcher")
GOODS: tuple[Role, ...] = ("planner", "dispatcher")
INSPECTING: tuple[Role, ...] = ("inspector",)
LICENSING: tuple[Role, ...] = ("inspector", "regional", "administrator")
NOTING: tuple[Role, ...] = ("planner", "administrator", "manager", "inspector", "regional")
CLOSING: tuple[Role, ...] = ("planner", "administrator", "inspector")
SIGNALS: tuple[Role, ...] = ("inspector", "manager", "regional", "administrator")
SIGNALS_SEEN: tuple[Role, ...] = (*SIGNALS, "auditor")
VISITING: tuple[Role, ...] = ("manager", "regional", "planner", "administrator")
VISITS_SEEN: tuple[Role, ...] = (*VISITING, "auditor")
FLEET: tuple[Role, ...] = ("administrator", "planner", "fleet")
STEERING: tuple[Role, ...] = ("fleet", "administrator")
STEERED_SEEN: tuple[Role, ...] = (*STEERING, "planner", "auditor")
TWO: tuple[Role, ...] = ("planner", "releaser")

DUTIES: tuple[Duty, ...] = (
    Duty(
        N_("Today"),
        N_("See today, and keep the own account"),
        (),
        (
            "read /console/",
            "read /console/events",
            "read /console/today",
            "read /console/find",
            "read /console/account",
            "write /console/account",
            "write /console/sign-out",
        ),
        of_shops=True,
    ),
    Duty(
        N_("Window room"),
        N_("See windows and orders as they come"),
        LOOKING_AT_ORDERS,
        ("read /console/windows", "read /console/orders"),
        of_shops=True,
    ),
    Duty(
        N_("Window room"),
        N_("Remind the shops without an order"),
        KEEPING,
        ("read /console/windows/{window_id}/remind", "write /console/windows/{window_id}/remind"),
    ),
    Duty(
        N_("Window room"),
        N_("Read orders by the interface"),
        (),
        ("read /api/v1/orders",),
        of_shops=True,
    ),
    Duty(
        N_("Cycles"),
        N_("See cycles, their supply, the own shops' grants and why"),
        (),
        (
            "read /console/cycles",
            "read /console/standing",
            "read /console/policies",
            "read /api/v1/cycles",
            "read /api/v1/schedules",
            "read /api/v1/policies",
        ),
        of_shops=True,
    ),
    Duty(
        N_("Cycles"),
        N_("See the review of a whole allocation and take it away as files"),
        (),
        (
            "read /console/cycles/{cycle}/review",
            "read /console/cycles/{cycle}/export.zip",
            "read /console/cycles/{cycle}/publications",
            "read /api/v1/cycles/{cycle}/publications",
            "read /api/v1/cycles/{cycle}/export.zip",
            "read /console/policies/what-ifs",
            "read /api/v1/cycles/{cycle}/what-ifs",
            "read /api/v1/what-ifs",
        ),
    ),
    Duty(
        N_("Cycles"),
        N_("Open windows, release supply, write policies, prepare an allocation"),
        ("planner",),
        (
            "read /console/cycles/new",
            "read /console/cycles/{cycle}/supply/to-fill.csv",
            "read /console/policies/new",
            "write /console/cycles",
            "write /console/policies",
            "write /console/standing",
            "write /api/v1/cycles",
            "write /api/v1/policies",
            "write /api/v1/schedules",
        ),
    ),
    Duty(
        N_("Cycles"),
        N_("Release, publish or send back what somebody else prepared"),
        ("releaser",),
        tuple(
            f"write {place}/cycles/{{cycle}}/{act}"
            for place in ("/console", "/api/v1")
            for act in (
                "release",
                "publish",
                "send-back",
                "adjustments/{adjustment}/approve",
                "adjustments/{adjustment}/decline",
                "policy-changes/{change}/approve",
                "policy-changes/{change}/decline",
            )
        ),
    ),
    Duty(
        N_("Cycles"),
        N_("Ask what if another policy held"),
        TWO,
        ("write /console/policies/what-ifs", "write /api/v1/cycles/{cycle}/what-ifs"),
    ),
    Duty(
        N_("Forecasts"),
        N_("See forecasts"),
        (),
        ("read /console/forecasts", "read /api/v1/forecasts"),
        of_shops=True,
    ),
    Duty(
        N_("Forecasts"),
        N_("Have all forecasts computed anew"),
        ("planner",),
        ("write /console/forecasts", "write /api/v1/forecasts"),
    ),
    Duty(
        N_("Forecasts"),
        N_("Agree on a figure with a shop"),
        ("planner", "manager"),
        ("write /console/forecasts/shop/figure", "write /api/v1/forecasts/retailers"),
        of_shops=True,
    ),
    Duty(
        N_("Forecasts"),
        N_("Be the second person behind an agreed figure"),
        ("planner", "releaser", "manager", "regional"),
        ("write /console/forecasts/shop/confirm",),
        of_shops=True,
    ),
    Duty(
        N_("Scores"),
        N_("See scores, decisions and appeals"),
        (),
        ("read /console/scores", "read /console/appeals", "read /api/v1/scores"),
        of_shops=True,
    ),
    Duty(
        N_("Scores"),
        N_("Take a score run away as files, see what-ifs of score policies"),
        (),
        (
            "read /console/scores/run/{number}/files",
            "read /api/v1/scores/runs/{number}/files",
            "read /console/scores/what-ifs",
            "read /api/v1/scores/what-ifs",
        ),
    ),
    Duty(
        N_("Scores"),
        N_("Compute scores, write score policies, prepare decisions and answers"),
        ("planner",),
        (
            "read /console/appeals/new",
            "read /console/scores/policies/new",
            "write /console/scores",
            "write /console/appeals",
            "write /api/v1/scores",
        ),
    ),
    Duty(
        N_("Scores"),
        N_("Publish scores, approve decisions and answers that somebody else prepared"),
        ("releaser",),
        (
            "write /console/scores/run/{number}/publish",
            "write /console/scores/shop/approve",
            "write /console/scores/shop/end/approve",
            "write /console/appeals/{appeal}/approve",
            "write /api/v1/scores/runs/{number}/publish",
            "write /api/v1/scores/decisions/{decision}/approve",
            "write /api/v1/scores/decisions/ends/{end}/approve",
            "write /api/v1/scores/appeals/{appeal}/approve",
        ),
    ),
    Duty(
        N_("Scores"),
        N_("Withdraw a decision, return an answer, ask what if another score policy held"),
        TWO,
        (
            "write /console/scores/what-ifs",
            "write /console/scores/shop/withdraw",
            "write /console/scores/shop/end/withdraw",
            "write /console/appeals/{appeal}/return",
            "write /api/v1/scores/what-ifs",
            "write /api/v1/scores/decisions/{decision}/withdraw",
            "write /api/v1/scores/decisions/ends/{end}/withdraw",
            "write /api/v1/scores/appeals/{appeal}/return",
        ),
    ),
    Duty(
        N_("Deliveries"),
        N_("See deliveries, claims and stock"),
        (),
        (
            "read /console/deliveries",
            "read /console/claims",
            "read /console/stock",
            "read /api/v1/deliveries",
            "read /api/v1/claims",
            "read /api/v1/stock",
        ),
        of_shops=True,
    ),
    Duty(
        N_("Deliveries"),
        N_("Send goods out, release what is held"),
        GOODS,
        ("write /console/deliveries", "write /api/v1/deliveries"),
    ),
    Duty(
        N_("Deliveries"),
        N_("Decide and settle claims, correct a shop's stock"),
        GOODS,
        ("write /console/claims", "write /console/stock", "write /api/v1/claims", "write /api/v1/stock"),
        of_shops=True,
    ),
    Duty(
        N_("Deliveries"),
        N_("See the distributor's own stock"),
        ("planner", "dispatcher", "releaser", "administrator", "auditor"),
        ("read /console/depot", "read /api/v1/depot"),
    ),
    Duty(
        N_("Deliveries"),
        N_("Enter receipts, counts and write-offs of the own stock"),
        GOODS,
        (
            "write /console/depot/enter",
            "write /api/v1/depot/receipts",
            "write /api/v1/depot/clearings",
            "write /api/v1/depot/counts",
            "write /api/v1/depot/spoilage",
        ),
    ),
    Duty(
        N_("Deliveries"),
        N_("Confirm or drop a large difference of the own stock, as the second person"),
        (*GOODS, "releaser"),
        ("write /console/depot/acts", "write /api/v1/depot/acts"),
    ),
    Duty(
        N_("Deliveries"),
        N_("Make what is free of the own stock a cycle's supply"),
        ("planner",),
        ("write /console/depot/propose",),
    ),
    Duty(
        N_("Announcements and surveys"),
        N_("See announcements with their reach, surveys with results"),
        (),
        (
            "read /console/announcements",
            "read /console/surveys",
            "read /api/v1/announcements",
            "read /api/v1/surveys",
        ),
        of_shops=True,
    ),
    Duty(
        N_("Announcements and surveys"),
        N_("Write and publish announcements and surveys"),
        ("planner",),
        (
            "read /console/announcements/new",
            "read /console/announcements/{announcement}/correct",
            "read /console/announcements/{announcement}/edit",
            "read /console/announcements/{announcement}/minutes",
            "read /console/announcements/{announcement}/withdraw",
            "read /console/audiences/count",
            "read /console/surveys/new",
            "read /console/surveys/{survey}/edit",
            "write /console/announcements",
            "write /console/surveys",
            "write /api/v1/announcements",
            "write /api/v1/surveys",
        ),
    ),
    Duty(
        N_("Announcements and surveys"),
        N_("Take attendance at meetings, register a shop for one by telephone"),
        ("planner", "manager", "regional"),
        (
            "write /console/announcements/{announcement}/attendance",
            "write /console/announcements/{announcement}/guests",
            "write /api/v1/announcements/{announcement}/attendance",
            "write /api/v1/announcements/{announcement}/registrations",
        ),
        of_shops=True,
    ),
    Duty(
        N_("Complaints"),
        N_("See complaints and suggestions; about employees: the owner and administrators, never whom they are about"),
        (),
        ("read /console/feedback", "read /api/v1/feedback"),
        of_shops=True,
    ),
    Duty(
        N_("Complaints"),
        N_("Enter, answer and close them"),
        CARING,
        ("read /console/feedback/new", "write /console/feedback", "write /api/v1/feedback"),
        of_shops=True,
    ),
    Duty(
        N_("Complaints"),
        N_("Confirm, as the second person, how an upheld dispute about a grant is made good"),
        ("releaser",),
        (
            "write /console/feedback/{feedback}/remedy/confirm",
            "write /api/v1/feedback/{feedback}/remedy/confirm",
        ),
        of_shops=True,
    ),
    Duty(
        N_("Complaints"),
        N_("Hand back how an upheld dispute about a grant is to be made good"),
        (*CARING, "releaser"),
        (
            "write /console/feedback/{feedback}/remedy/return",
            "write /api/v1/feedback/{feedback}/remedy/return",
        ),
        of_shops=True,
    ),
    Duty(
        N_("Complaints"),
        N_("Read and answer what was said without a name"),
        KEEPING,
        ("read /console/feedback/unnamed", "write /console/feedback/unnamed"),
    ),
    Duty(
        N_("Complaints"),
        N_("See until when they are answered, and who is next"),
        ("administrator", "auditor"),
        ("read /console/feedback/terms",),
    ),
    Duty(
        N_("Complaints"),
        N_("Set until when they are answered, and who is next"),
        ("administrator",),
        ("write /console/feedback/terms", "read /api/v1/feedback/terms", "write /api/v1/feedback/terms"),
    ),
    Duty(N_("Complaints"), N_("Delete a photo for good"), ("administrator",), ("write /console/photos",)),
    Duty(
        N_("Retailers"),
        N_("See shops with their e-file, and licences"),
        (),
        ("read /console/retailers", "read /console/licences", "read /api/v1/retailers", "read /api/v1/licences"),
        of_shops=True,
    ),
    Duty(
        N_("Retailers"),
        N_("Suspend a shop and lift it, set its limits"),
        KEEPING,
        (
            "read /console/retailers/suspend",
            "write /console/retailers/suspend",
            "write /console/retailers/restore",
            "write /console/retailers/limit",
            "write /api/v1/retailers/{code:path}/standing",
            "write /api/v1/retailers/{code:path}/limits",
        ),
        of_shops=True,
    ),
    Duty(
        N_("Retailers"),
        N_("Note something on a shop and correct notes"),
        NOTING,
        ("write /console/retailers/note",),
        of_shops=True,
    ),
    Duty(
        N_("Retailers"),
        N_("Set a shop's closing day and take it back"),
        CLOSING,
        ("read /console/retailers/closing", "write /console/retailers/closing"),
        of_shops=True,
    ),
    Duty(
        N_("Retailers"),
        N_("Enter shops, bring files in"),
        KEEPING,
        (
            "read /console/retailers/new",
            "read /console/retailers/edit",
            "write /console/retailers",
            "write /api/v1/retailers",
            "read /console/imports",
            "write /console/imports",
            "read /api/v1/imports",
            "write /api/v1/imports",
        ),
    ),
    Duty(
        N_("Signals"),
        N_("See what stands out in the order books, with its evidence"),
        SIGNALS_SEEN,
        ("read /console/signals", "read /api/v1/signals"),
        of_shops=True,
    ),
    Duty(
        N_("Signals"),
        N_("Say what a signal is; it changes nothing else"),
        SIGNALS,
        ("write /console/signals", "write /api/v1/signals"),
        of_shops=True,
    ),
    Duty(
        N_("Visits"),
        N_("See what is due, plans, what was kept and the own figures"),
        VISITS_SEEN,
        ("read /console/visits", "read /api/v1/visits"),
        of_shops=True,
    ),
    Duty(
        N_("Visits"),
        N_("Keep visits, calls and promises, and move own stops"),
        VISITING,
        (
            "read /console/visits/round",
            "read /console/visits/round-worker.js",
            "write /console/visits/kept",
            "write /console/visits/plans/{plan}/move",
            "write /api/v1/visits",
        ),
        of_shops=True,
    ),
    Duty(
        N_("Visits"),
        N_("Have plans made, and plan anew"),
        ("planner", "regional"),
        ("write /console/visits/plans",),
        of_shops=True,
    ),
    Duty(
        N_("Visits"),
        N_("Write the rules of visits"),
        KEEPING,
        ("read /console/visits/rules/edit", "write /console/visits/rules"),
    ),
    Duty(
        N_("Retailers"),
        N_("See which archives of shops were made, and why"),
        ("administrator", "auditor"),
        ("read /console/retailers/archives",),
        of_shops=True,
    ),
    Duty(
        N_("Retailers"),
        N_("Take everything held on a shop out as an archive"),
        ("administrator",),
        ("write /console/retailers/archives",),
        of_shops=True,
    ),
    Duty(
        N_("Licences"),
        N_("Take over the documents of licences that exist"),
        ("administrator",),
        (
            "read /console/licences/new",
            "read /console/licences/edit",
            "write /console/licences",
            "write /api/v1/licences",
        ),
        of_shops=True,
    ),
    Duty(
        N_("Licences"),
        N_("Enter applications, renewals, suspensions and cancellations, and inspect"),
        INSPECTING,
        (
            "read /console/licences/files/new",
            "write /console/licences/files/new",
            "write /console/licences/files/{number}/inspect",
        ),
        of_shops=True,
    ),
    Duty(
        N_("Licences"),
        N_("Decide licence files as the second person"),
        LICENSING,
        ("write /console/licences/files",),
        of_shops=True,
    ),
    Duty(N_("Catalogue"), N_("See the catalogue"), (), ("read /console/catalogue", "read /api/v1/skus"), of_shops=True),
    Duty(
        N_("Catalogue"),
        N_("Keep the catalogue"),
        KEEPING,
        (
            "read /console/catalogue/new",
            "read /console/catalogue/edit",
            "write /console/catalogue",
            "write /api/v1/skus",
        ),
    ),
    Duty(
        N_("Terminals"),
        N_("See terminals"),
        (*FLEET, "regional", "manager", "auditor"),
        ("read /console/devices", "read /api/v1/fleet"),
        of_shops=True,
    ),
    Duty(
        N_("Terminals"),
        N_("Enrol and revoke terminals"),
        FLEET,
        (
            "read /console/devices/enrol",
            "read /console/devices/waiting",
            "read /api/v1/devices/enrolments",
            "write /console/devices",
            "write /api/v1/devices",
        ),
        of_shops=True,
    ),
    Duty(
        N_("Terminals"),
        N_("See what terminals are set to and asked to do"),
        STEERED_SEEN,
        ("read /console/steering", "read /api/v1/steering"),
        of_shops=True,
    ),
    Duty(
        N_("Terminals"),
        N_("Set terminals, and ask them to do something"),
        STEERING,
        ("write /console/steering", "write /api/v1/steering"),
        of_shops=True,
    ),
    Duty(N_("Terminals"), N_("See rollouts"), STEERED_SEEN, ("read /console/rollouts", "read /api/v1/rollouts")),
    Duty(
        N_("Terminals"),
        N_("Roll out, release, pause, resume and stop"),
        STEERING,
        (
            "read /console/rollouts/new",
            "read /console/rollouts/audience",
            "write /console/rollouts",
            "write /api/v1/rollouts",
        ),
    ),
    Duty(
        N_("Terminals"),
        N_("See releases of the terminals' software"),
        (*FLEET, "auditor"),
        ("read /console/releases",),
    ),
    Duty(
        N_("Terminals"),
        N_("Make groups of terminals and rules of alerts"),
        FLEET,
        (
            "read /console/devices/groups/edit",
            "write /console/devices/groups",
            "read /console/devices/alerts/rules/edit",
            "write /console/devices/alerts/rules",
            "write /api/v1/fleet/groups",
        ),
    ),
    Duty(
        N_("Terminals"),
        N_("Look after alerts about terminals"),
        (*FLEET, "regional"),
        ("write /console/devices/alerts", "write /api/v1/fleet/alerts"),
        of_shops=True,
    ),
    Duty(N_("People"), N_("See who may what"), (), ("read /console/access",), of_shops=True),
    Duty(N_("People"), N_("See people and their roles"), ("administrator", "auditor"), ("read /console/operators",)),
    Duty(
        N_("People"),
        N_("Invite people, give roles, bound, shut out"),
        ("administrator",),
        ("write /console/operators",),
    ),
    Duty(
        N_("Programs"),
        N_("See tokens of programs, and webhooks"),
        ("administrator", "auditor"),
        ("read /console/tokens", "read /console/webhooks"),
    ),
    Duty(
        N_("Programs"),
        N_("Make tokens and webhooks, revoke and stop them"),
        ("administrator",),
        ("write /console/tokens", "write /console/webhooks"),
    ),
    Duty(
        N_("Audit"),
        N_("Read the audit and take it away"),
        ("administrator", "releaser", "auditor"),
        ("read /console/audit", "write /console/audit/chain/checks"),
    ),
    Duty(
        N_("Audit"),
        N_("See what is kept of persons, for how long, and what was erased"),
        ("administrator", "auditor"),
        ("read /console/retention",),
    ),
)


def duty_of(method: str, path: str) -> Duty | None:
    """Return the row of a route, none where no row names it."""
    kind = "read" if method in http.READS else "write"
    fitting = [(len(one), duty) for duty in DUTIES for one in duty.routes if _fits(one, kind, path)]
    return max(fitting, key=lambda found: found[0])[1] if fitting else None


def _fits(route: str, kind: str, path: str) -> bool:
    wanted, _, beginning = route.partition(" ")
    return wanted == kind and (path == beginning or path.startswith(beginning + "/"))


@dataclass(frozen=True)
class Access:
    """A row of the page: what can be done, who may by the routes' guards, and whether for shops of some bounds."""

    duty: Duty
    roles: frozenset[Role]
    routes: tuple[str, ...]


def access(app: FastAPI) -> list[Access]:
    """Return who may what in ``app``, by its routes' guards, in the order of the table."""
    found: dict[int, tuple[set[Role], list[str]]] = {}
    for method, path, guards, _ in routes_of_people(app):
        duty = duty_of(method, path)
        if duty is not None:
            roles, routes = found.setdefault(DUTIES.index(duty), (set(), []))
            roles.update(roles_through(guards))
            routes.append(f"{method} {path}")
    return [Access(DUTIES[at], frozenset(roles), tuple(routes)) for at, (roles, routes) in sorted(found.items())]


def routes_of_people(app: FastAPI) -> Iterator[tuple[str, str, list[http.Guard], bool]]:
    """Yield method, path, guards and the mark :func:`server.kit.http.of_shops` of every route that needs a person."""
    for route in http.of_people(app):
        guards = [one for one in http.guards(route.dependant) if isinstance(one, http.Guard)]
        for method in sorted(route.methods - {"HEAD"}):
            yield method, route.path, guards, getattr(route.endpoint, "of_shops", False)


def roles_through(guards: Iterable[http.Guard]) -> set[Role]:
    """Return the roles of which each alone gets through all the guards."""
    needed = [guard.roles for guard in guards if guard.roles]
    return {role for role in ROLES if all(Operator(0, role, frozenset({role})).may(*one) for one in needed)}
