"""Screens of one run: how all shops stand before and after, what the guards changed, its files, its publication."""

from typing import Annotated, Any

from fastapi import Depends, Form, Query, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Refusal, Rejected
from contract.texts import refusal_text
from server.kit import console, http
from server.kit.console import Column, Filter, TableView, step_chart
from server.kit.console.texts import N_, language_of, texts
from server.retailers import queries as retailers
from server.scores import appeal_queries, explaining, listing, policies, policy_words, queries, service
from server.scores.appeal_rules import APPEAL_DAYS, APPEAL_DAYS_LEAST, APPEAL_DAYS_MOST
from server.scores.console import COLUMNS, HOME, STANDING, STATES, STATUSES, asked_of
from server.scores.http import files_response

PLANNER = [Depends(http.needs("planner"))]
RELEASER = [Depends(http.needs("releaser"))]

runs = http.router(f"{HOME}/run", tag="console", roles=())

GUARDS = {"small_floor": N_("floor for the small"), "largest_share": N_("ceiling for the largest")}
MOVES = Filter(
    "move",
    N_("Tier"),
    (
        ("up", N_("better than before")),
        ("down", N_("worse than before")),
        ("same", N_("as before")),
        ("new", N_("new")),
    ),
)
OF_RUN = (*COLUMNS, Column("parts", N_("Parts"), sortable=False, read=lambda _row: None))


@runs.get("/{number}")
@http.of_shops
def show_run(request: Request, session: http.Db, number: int) -> Response:
    """Show a run: its components, what the guards changed line by line, who moved; with ``format`` all as a file."""
    return _page(request, session, number)


@runs.get("/{number}/files")
def run_files(session: http.Db, number: int) -> Response:
    """Give a run away as files that ``evenhand verify-score`` checks."""
    return files_response(session, number)


@runs.get("/{number}/parts")
@http.of_shops
def show_parts(
    request: Request, session: http.Db, number: int, code: Annotated[str, Query(max_length=100)]
) -> Response:
    """Show what a shop's score in a run adds up from, on demand."""
    found = _known(request, session, number)
    score = queries.score(session, found, code)
    if score is None:
        raise Rejected("not_found", what=texts(request).gettext("retailer"), name=code)
    language = language_of(request)
    shop = retailers.retailer(session, code)
    answer: dict[str, Any] = {
        "run": found,
        "score": score,
        "shop": shop,
        "why": explaining.why(found.certificate or {}, score, language),
        "parts": explaining.parts(score, language),
    }
    if "HX-Request" in request.headers:
        return console.fragment(request, "scores/_parts.html", **answer)
    return console.page(request, "scores/run_parts.html", **answer)


@runs.post("/{number}/publish", dependencies=RELEASER)
def publish_run(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    number: int,
    appeal_days: Annotated[int, Form(ge=0, le=10_000)] = APPEAL_DAYS,
) -> Response:
    """Put a draft in force as the second person, and say for how long appeals are taken."""
    try:
        service.publish_run(session, number, operator, at=clock(), appeal_days=appeal_days, zone=config.tz)
    except Refusal as refused:
        session.rollback()
        return _page(request, session, number, refusal_text(refused.code, refused.params, language_of(request)))
    said = texts(request).gettext("The scores are in force: the next freeze takes tiers and weights from them.")
    return console.redirect(request, f"{HOME}/run/{number}", flash=said)


@runs.post("/{number}/correct", dependencies=PLANNER)
def correct_run(request: Request, session: http.Db, clock: http.Now, operator: http.Person, number: int) -> Response:
    """Have the scores in force computed anew from the figures that upheld appeals have corrected."""
    try:
        made = service.ask_correction(session, number, operator, at=clock())
    except Refusal as refused:
        session.rollback()
        return _page(request, session, number, refusal_text(refused.code, refused.params, language_of(request)))
    said = texts(request).gettext("Asked for. A second person looks at it and publishes it.")
    return console.redirect(request, f"{HOME}/run/{made}", flash=said)


def _known(request: Request, session: Session, number: int) -> queries.Run:
    found = queries.run(session, number)
    if found is None:
        raise Rejected("not_found", what=texts(request).gettext("score run"), name=str(number))
    return found


def _page(request: Request, session: Session, number: int, said: str = "") -> Response:
    found = _known(request, session, number)
    view = TableView.of(request, OF_RUN, filters=(STANDING, MOVES), sort="-points")
    moved = listing.moves(session, found)
    asked = asked_of(view, moved)
    if view.format:
        return console.download(request, COLUMNS, listing.every_shop(session, found, asked), name=f"scores-{number}")
    rows, total = listing.shops(session, found, asked)
    language = language_of(request)
    certificate = found.certificate or {}
    changes = (found.guards or {}).get("changes", [])
    return console.page(
        request,
        "scores/run.html",
        status_code=422 if said else 200,
        run=found,
        view=view,
        columns=OF_RUN,
        filters=(STANDING, MOVES),
        rows=rows,
        total=total,
        components=[
            (explaining.component(name, language), part["percent"])
            for name, part in sorted(certificate.get("components", {}).items(), key=lambda item: -item[1]["percent"])
        ],
        absent=[explaining.component(name, language) for name in certificate.get("absent", ())],
        changes=[change | {"said": change["why"][language]} for change in changes],
        guards=GUARDS,
        states=STATES,
        statuses=STATUSES,
        steps=step_chart.steps,
        appeals=appeal_queries.totals(session, run=number),
        correctable=_correctable(session, found),
        appeal_days=(APPEAL_DAYS, APPEAL_DAYS_LEAST, APPEAL_DAYS_MOST),
        said=said,
        **_moves(found, moved),
        **_policy(request, session, found),
    )


def _correctable(session: Session, found: queries.Run) -> bool:
    """Return whether a run is in force and appeals have corrected figures that it was computed from."""
    stands = queries.in_force(session)
    in_force = stands is not None and stands.number == found.number
    return in_force and appeal_queries.corrected_since(session, found.number, found.asked_at)


def _moves(found: queries.Run, moved: listing.Moves) -> dict[str, Any]:
    """Return who moved in numbers, and how many shops stand in each tier, before and after."""
    tiers = (found.certificate or {}).get("policy", {}).get("tiers", 0)
    before, after = moved.before, moved.after
    numbers = range(1, tiers + 1)
    return {
        "moves": moved.ways,
        "tier_labels": [str(tier) for tier in numbers],
        "tiers_after": [after[tier] for tier in numbers],
        "tiers_before": [before[tier] for tier in numbers] if before.keys() - {None} else [],
    }


def _policy(request: Request, session: Session, found: queries.Run) -> dict[str, Any]:
    """Return what its policy changes against that of the scores before it, key by key."""
    before = None if found.previous is None else queries.run(session, found.previous)
    newer = None if found.policy_version is None else queries.policy(session, found.policy_version)
    author = None if newer is None else newer.author
    if before is None:
        return {"policy_changes": [], "policy_author": author}
    if before.policy_version == found.policy_version:
        return {"policy_changes": [], "policy_author": None}
    changes = policy_words.changes(
        policies.read(session, before.policy_version), policies.read(session, found.policy_version)
    )
    return {
        "policy_changes": policy_words.told(changes, texts(request).gettext, language_of(request)),
        "policy_author": author,
    }
