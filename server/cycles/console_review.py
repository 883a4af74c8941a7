"""The review: what a second person looks at before anything is released."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.cycles import (
    adjusting,
    correcting,
    explaining,
    figures,
    publishing,
    queries,
    result_queries,
    rules,
)
from server.cycles.console import MOVING, PLACE, STATES, named, stepper, trouble
from server.cycles.http import Attempt, known, shown_attempt
from server.kit import console, http
from server.kit.console.tables import Column, TableView
from server.kit.console.texts import N_, texts
from server.retailers import queries as retailers
from server.scores import queries as scores

reading = http.router(PLACE, tag="console", roles=())

COLUMNS = (
    Column("sku", N_("SKU"), "identifier"),
    Column("name", N_("Name"), sortable=False, read=lambda row: row.name_en),
    Column("requested_units", N_("Requested"), "units"),
    Column("offered_units", N_("Offered"), "units"),
    Column("granted_units", N_("Granted"), "units"),
    Column("fill", N_("Fill"), "percent"),
    Column("lines", N_("Lines"), "number"),
    Column("short_lines", N_("Short lines"), "number"),
    Column("level", N_("Level"), sortable=False, read=lambda row: None if row.level is None else f"{row.level:.4g}"),
)
CHECKS: dict[str, str] = {
    "feasible": N_("exact sums, whole packs, nothing beyond the supply"),
    "stops": N_("every short line was rightly stopped"),
    "thresholds": N_("the published thresholds reproduce every quantity"),
    "hashes": N_("hashes, seed and commitment agree"),
}


@reading.get("/{cycle}/review")
def review(request: Request, session: http.Db, cycle: UUID, attempt: Attempt = None) -> Response:
    """Show the result of an attempt (the last): figures, evenness, lines, the checker's verdict."""
    return show_review(request, session, cycle, attempt=attempt)


def show_review(
    request: Request,
    session: Session,
    cycle: UUID,
    *,
    errors: dict[str, str] | None = None,
    values: dict[str, str] | None = None,
    attempt: int | None = None,
) -> Response:
    """Show the review; with ``errors`` and what was typed where a manual decision did not fit.

    An attempt that is not the cycle's last can only be read.
    """
    found = known(session, cycle)
    run = result_queries.run(session, cycle, attempt)
    if attempt is not None and run is None:
        raise Rejected("not_found", what="result", name=f"{found.number}, {attempt}")
    out = correcting.publications(session, cycle)
    earlier = run is not None and run.attempt != found.attempt
    view = TableView.of(request, COLUMNS, sort="-short_lines")
    result = figures.review(session, cycle, run)
    rows = [] if result is None else _skus(result, view)
    decisions = result_queries.adjustments(session, cycle)
    if view.format:
        return console.download(request, COLUMNS, rows, name=f"review-{found.number}")
    return console.page(
        request,
        "cycles/review.html",
        status_code=422 if errors else 200,
        errors=errors or {},
        values=values or {},
        adjustments=decisions,
        adjusting_seen=adjusting.as_seen(found.attempt, len(decisions)),
        may_adjust=found.state in rules.REDONE and not earlier,
        publications=out,
        earlier=earlier,
        shown_as=next((one for one in out if run is not None and one.attempt == run.attempt), None),
        changed=correcting.summed(session, cycle, out[-1].attempt, run.attempt)
        if found.correcting and run is not None and run.solved_at is not None and not earlier
        else None,
        cycle=found,
        name=named(request, found),
        states=STATES,
        moving=found.state in MOVING and found.trouble is None,
        stepper=stepper(found, queries.steps(session, cycle), figures.opens_at(session, cycle)),
        trouble=trouble(found, texts(request).gettext),
        review=result,
        run=run,
        checks=CHECKS,
        view=view,
        columns=COLUMNS,
        rows=rows[view.offset : view.offset + view.per_page],
        total=len(rows),
        scored=None if found.score_version is None else scores.published_as(session, found.score_version),
    )


@reading.get("/{cycle}/review/details")
def show_details(request: Request, session: http.Db, cycle: UUID, attempt: Attempt = None) -> Response:
    """Show what bound the lines, who was left furthest behind, and the draw; within the review, or by itself."""
    found = known(session, cycle)
    run = result_queries.run(session, cycle, attempt)
    if run is None:
        raise Rejected("not_found", what="result", name=str(found.number))
    answer: dict[str, Any] = {
        "cycle": found,
        "name": named(request, found),
        "run": run,
        "details": figures.details(session, cycle, run),
        "secret": result_queries.revealed_secret(session, cycle),
    }
    if "HX-Request" in request.headers:
        return console.fragment(request, "cycles/_review_details.html", **answer)
    return console.page(request, "cycles/review_details.html", **answer)


@reading.get("/{cycle}/explain")
@http.of_shops
def explain(
    request: Request,
    session: http.Db,
    cycle: UUID,
    retailer: Annotated[str, Query(max_length=64)] = "",
    attempt: Attempt = None,
) -> Response:
    """Return why a retailer got what it got, line by line, in the reader's language.

    In the attempt that is named, else in the one whose grants are out, before the first publication in the last one.
    """
    shown = shown_attempt(session, cycle, attempt)
    language, number = console.language_of(request), shown.attempt
    shop = retailers.retailer(session, retailer)
    grants = [] if shop is None else result_queries.drafted_grants(session, cycle, retailer, attempt=number)
    skus = [grant.sku for grant in grants]
    words = explaining.explain_lines(session, cycle, retailer, skus, language, attempt=number) if skus else {}
    frozen = {} if not grants else publishing.lines_of(session, cycle, retailer, number)
    answer: dict[str, Any] = {"retailer": retailer, "shop": shop, "grants": grants, "words": words, "frozen": frozen}
    answer["shown"] = shown
    if "HX-Request" in request.headers:
        return console.fragment(request, "cycles/_explained.html", **answer)
    return console.page(request, "cycles/explain.html", cycle=shown.cycle, name=named(request, shown.cycle), **answer)


def _skus(result: figures.Review, view: TableView) -> list[figures.SkuFigures]:
    text = view.search.casefold()
    found = [
        sku for sku in result.skus if any(text in words.casefold() for words in (sku.sku, sku.name_zh, sku.name_en))
    ]
    return sorted(found, key=lambda sku: getattr(sku, view.sort), reverse=view.descending)
