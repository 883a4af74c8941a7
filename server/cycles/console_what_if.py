"""What-ifs on the screen: two policies side by side on one frozen book, from the policy room and from the review."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import Form, Query, Request, Response
from sqlalchemy.orm import Session

from server.cycles import queries, result_queries, what_if
from server.cycles.console import named, problems
from server.cycles.http import known
from server.kit import console, http
from server.kit.computations import UNDER_WAY
from server.kit.console.texts import N_, texts
from server.kit.fields import Invalid
from server.retailers import queries as retailers

PLACE = "/console/policies/what-ifs"
CYCLES_SHOWN = 30
MOVERS_SHOWN = 10
FIRST_COME = "first_come"
BASELINE = N_("first come, first served")

reading = http.router(PLACE, tag="console", roles=())
asking = http.router(PLACE, tag="console", roles=("planner", "releaser"))

STATES: dict[str, tuple[str, str]] = {
    "waiting": (N_("waits for its turn"), "idle"),
    "working": (N_("is being worked out"), "wait"),
    "done": (N_("done"), "ok"),
    "failed": (N_("could not be worked out"), "stop"),
    "stopped": (N_("was stopped"), "idle"),
}
STEPS = (
    N_("reading the frozen book"),
    N_("sharing out by the first policy"),
    N_("sharing out by the second policy"),
    N_("comparing"),
)


@dataclass(frozen=True)
class Listed:
    """A what-if in a list, with the name of its cycle."""

    what_if: dict[str, Any]
    cycle: str


@reading.get("")
def list_what_ifs(request: Request, session: http.Db, cycle: UUID | None = None) -> Response:
    """Show the last what-ifs, and the form to ask for one; ``cycle`` chooses the book."""
    return show_list(request, session, cycle=cycle)


@asking.post("")
def ask(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: Annotated[UUID, Form()],
    first: Annotated[str, Form()] = "",
    second: Annotated[str, Form()] = "",
) -> Response:
    """Have two policies compared, and go to where the result comes."""
    try:
        made = what_if.ask(session, cycle, _policy(first), _policy(second), by=operator, at=clock())
    except Invalid as refused:
        session.rollback()
        errors = problems(refused, texts(request).gettext)
        return show_list(request, session, cycle=cycle, errors=errors, chosen=(first, second))
    return console.redirect(
        request, f"{PLACE}/{made}", flash=texts(request).gettext("Asked for. You may close this page; it is kept.")
    )


@reading.get("/{comparison}")
def what_if_page(request: Request, session: http.Db, comparison: UUID) -> Response:
    """Show one what-if: how far it is, or both policies side by side."""
    found = what_if.find(session, comparison)
    cycle = known(session, found.cycle)
    return console.page(
        request,
        "cycles/what_if.html",
        one=_seen(request, found),
        cycle=cycle,
        name=named(request, cycle),
        states=STATES,
        steps=STEPS,
        sides=[] if found.figures is None else list(zip(_sides(request, found), _both(found.figures), strict=True)),
        names=retailers.names(session, _movers(found)),
        **_figures(request, found),
    )


@reading.get("/{comparison}/progress")
def progress(request: Request, session: http.Db, comparison: UUID) -> Response:
    """Return how far it is; once it is done or failed, have the whole page loaded."""
    found = what_if.find(session, comparison)
    if found.state not in UNDER_WAY:
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    return console.fragment(request, "cycles/_what_if_progress.html", one=found, states=STATES, steps=STEPS)


@asking.post("/{comparison}/stop")
def stop(request: Request, session: http.Db, clock: http.Now, operator: http.Person, comparison: UUID) -> Response:
    """Stop it; where it is over by now, that is said."""
    act = partial(what_if.stop, session, comparison, by=operator, at=clock())
    return console.stopped(request, session, act, back=f"{PLACE}/{comparison}")


@reading.get("/{comparison}/explain")
def explain(
    request: Request, session: http.Db, comparison: UUID, retailer: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """Return what a retailer gets under either policy, and why, in the reader's language."""
    found = what_if.find(session, comparison)
    shop = retailers.retailer(session, retailer)
    lines = [] if shop is None else what_if.explain(session, comparison, retailer, console.language_of(request))
    answer: dict[str, Any] = {"one": _seen(request, found), "retailer": retailer, "shop": shop, "lines": lines}
    if "HX-Request" in request.headers:
        return console.fragment(request, "cycles/_what_if_explained.html", **answer)
    return console.page(request, "cycles/what_if_explain.html", **answer)


def show_list(
    request: Request,
    session: Session,
    *,
    cycle: UUID | None = None,
    errors: dict[str, str] | None = None,
    chosen: tuple[str, str] | None = None,
) -> Response:
    """Show the last what-ifs and the form."""
    latest = queries.cycles(session, limit=CYCLES_SHOWN)
    solved = result_queries.solved(session, [one.id for one in latest])
    books = [one for one in latest if one.id in solved]
    names = {one.id: named(request, one) for one in books}
    policies = queries.policies(session)
    book = next((one for one in books if one.id == cycle), books[0] if books else None)
    own = "" if book is None else f"{book.policy_name}|{book.policy_version}"
    others = [f"{one.name}|{one.version}" for one in policies]
    other = next((value for value in others if value != own), FIRST_COME)
    return console.page(
        request,
        "cycles/what_ifs.html",
        status_code=422 if errors else 200,
        books=[(str(one.id), f"{named(request, one)} · {one.week}") for one in books],
        book="" if book is None else str(book.id),
        policies=[(f"{one.name}|{one.version}", f"{one.name} v{one.version}") for one in policies],
        baseline=(FIRST_COME, texts(request).gettext(BASELINE)),
        chosen=chosen or (own, other),
        listed=[
            Listed(_seen(request, one), names.get(one.cycle) or _name(request, session, one.cycle))
            for one in _recent(session)
        ],
        states=STATES,
        errors=errors or {},
    )


def _recent(session: Session) -> list[what_if.WhatIf]:
    return what_if.recent(session)


def _name(request: Request, session: Session, cycle: UUID) -> str:
    return named(request, known(session, cycle))


def _policy(value: str) -> what_if.PolicyName:
    if value == FIRST_COME:
        return what_if.BASELINE
    name, _, version = value.rpartition("|")
    return what_if.PolicyName(name, int(version) if version.isdecimal() else 0)


def _sides(request: Request, found: what_if.WhatIf) -> tuple[str, str]:
    """Return what the two sides are called."""
    baseline = texts(request).gettext(BASELINE)
    return str(found.first), baseline if found.second == what_if.BASELINE else str(found.second)


def _seen(request: Request, found: what_if.WhatIf) -> dict[str, Any]:
    """Return a what-if with its sides called as the reader's language has them."""
    first, second = _sides(request, found)
    return {**vars(found), "first": first, "second": second}


def _movers(found: what_if.WhatIf) -> list[str]:
    """Return the codes of the retailers that move furthest, as many as are shown."""
    moved = {} if found.figures is None else found.figures["retailers"]
    return [row["retailer"] for side in ("winners", "losers") for row in moved.get(side, [])[:MOVERS_SHOWN]]


def _both(figures: dict[str, Any]) -> tuple[Any, Any]:
    return figures["a"], figures["b"]


def _figures(request: Request, found: what_if.WhatIf) -> dict[str, Any]:
    """Return what the page draws: Lorenz curves as growing parts, and fills."""
    if found.figures is None:
        return {}
    groups = found.figures["groups"]
    tiers = groups.get("tier", [])
    return {
        "curves": [
            (label, found.figures[side]["evenness"]["lorenz_granted"], found.figures[side]["evenness"]["gini"])
            for label, side in zip(_sides(request, found), ("a", "b"), strict=True)
        ],
        "tier_labels": [row["value"] for row in tiers],
        "tiers": [
            (policy, [row[side] / max(row["eligible"], 1) for row in tiers])
            for policy, side in zip(_sides(request, found), ("a", "b"), strict=True)
        ],
        "regions": groups.get("region", []),
    }
