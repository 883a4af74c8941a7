"""What-ifs of score policies on the screen: who moves tier, who wins and who loses, beside the policy in force."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import Form, Query, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Conflict
from contract.texts import refusal_text
from server.cycles import score_figures, score_what_if
from server.cycles.console import named, problems
from server.cycles.console_what_if import STATES
from server.cycles.http import known
from server.kit import console, http
from server.kit.computations import UNDER_WAY
from server.kit.console import Column, Filter, TableView, charts, step_chart
from server.kit.console.texts import N_, language_of, texts
from server.kit.fields import Invalid
from server.retailers import queries as retailers
from server.scores import console_policies, policy_form, policy_words
from server.scores import queries as scores

PLACE = "/console/scores/what-ifs"

reading = http.router(PLACE, tag="console", roles=())
asking = http.router(PLACE, tag="console", roles=("planner", "releaser"))

STEPS = (
    N_("reading the history"),
    N_("scoring by the policy in force"),
    N_("scoring by the other policy"),
    N_("sharing out by the weights in force"),
    N_("sharing out by the other weights"),
    N_("comparing"),
)
COLUMNS = (
    Column("retailer", N_("Retailer"), "identifier"),
    Column("name", N_("Name")),
    Column("region", N_("Region")),
    Column("first_tier", N_("Tier in force"), "number"),
    Column("second_tier", N_("Tier then"), "number"),
    Column("tiers_up", N_("Tiers up"), "number"),
    Column("first_weight", N_("Weight in force"), "number"),
    Column("second_weight", N_("Weight then"), "number"),
)
ON_BOOK = (
    Column("requested_units", N_("Requested"), "units"),
    Column("first_units", N_("Granted in force"), "units"),
    Column("second_units", N_("Granted then"), "units"),
    Column("units_change", N_("Difference"), "units"),
)
TIERS = Filter("tier", N_("Tier"), (("up", N_("better")), ("down", N_("worse")), ("same", N_("the same"))))
UNITS = Filter("units", N_("Granted"), (("up", N_("more")), ("down", N_("less")), ("same", N_("the same"))))
GUARDS = {"small_floor": N_("floor for the small"), "largest_share": N_("ceiling for the largest")}


class _Named(NamedTuple):
    """A shop under both policies, with its name and region."""

    row: score_figures.Row
    name: str
    region: str

    def __getattr__(self, key: str) -> Any:
        return getattr(self.row, key)


@reading.get("")
def list_what_ifs(request: Request, session: http.Db, version: int | None = None) -> Response:
    """Show the last what-ifs, and the form to ask for one; ``version`` chooses the policy."""
    return _list(request, session, version)


@asking.post("")
def ask(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    version: Annotated[int, Form(ge=0)],
) -> Response:
    """Ask what a kept version would change, and go to where the answer comes."""
    now = clock()
    candidate = score_what_if.Candidate(version=version)
    try:
        made = score_what_if.ask(session, candidate, by=operator, at=now, today=now.astimezone(config.tz).date())
    except Invalid as refused:
        session.rollback()
        return _list(request, session, version, problems(refused, texts(request).gettext))
    except Conflict as refused:
        session.rollback()
        return _list(request, session, version, {"version": _no_history(request, refused)})
    return _asked(request, made)


@asking.post("/typed")
def ask_typed(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    typed: Annotated[policy_form.PolicyForm, Form()],
) -> Response:
    """Ask what the policy that is being written would change; it is not kept as a version."""
    now = clock()
    try:
        _, text = policy_form.read(typed)
        candidate = score_what_if.Candidate(text=text)
        made = score_what_if.ask(session, candidate, by=operator, at=now, today=now.astimezone(config.tz).date())
    except Invalid as refused:
        session.rollback()
        return console_policies.form_page(request, session, typed, console_policies.said(request, refused))
    except Conflict as refused:
        session.rollback()
        return console_policies.form_page(request, session, typed, {"policy": _no_history(request, refused)})
    return _asked(request, made)


@reading.get("/{comparison}")
def what_if_page(request: Request, session: http.Db, comparison: UUID) -> Response:
    """Show how far it is, or what comes of it; with ``format`` every shop under both as a file."""
    found = score_what_if.find(session, comparison)
    if found.figures is None:
        return console.page(request, "cycles/score_what_if.html", **_frame(request, session, found))
    columns = (*COLUMNS, *ON_BOOK) if found.cycle else COLUMNS
    filters = (TIERS, UNITS) if found.cycle else (TIERS,)
    view = TableView.of(request, columns, filters=filters, sort="-units_change" if found.cycle else "-tiers_up")
    rows, total = _rows(session, found, view)
    if view.format:
        return console.download(request, columns, rows, name="score-what-if")
    return console.page(
        request,
        "cycles/score_what_if.html",
        view=view,
        columns=columns,
        filters=filters,
        rows=rows,
        total=total,
        guards=GUARDS,
        language=language_of(request),
        changes=_changes(request, found),
        steps_chart=step_chart.steps,
        charts=charts,
        **_frame(request, session, found),
        **_drawn(request, found),
    )


@reading.get("/{comparison}/progress")
def progress(request: Request, session: http.Db, comparison: UUID) -> Response:
    """Return how far it is; once it is done or failed, have the whole page loaded."""
    found = score_what_if.find(session, comparison)
    if found.state not in UNDER_WAY:
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    return console.fragment(
        request, "cycles/_score_what_if_progress.html", one=found, states=STATES, steps=_steps(found)
    )


@asking.post("/{comparison}/stop")
def stop(request: Request, session: http.Db, clock: http.Now, operator: http.Person, comparison: UUID) -> Response:
    """Stop it; where it is over by now, that is said."""
    act = partial(score_what_if.stop, session, comparison, by=operator, at=clock())
    return console.stopped(request, session, act, back=f"{PLACE}/{comparison}")


@reading.get("/{comparison}/explain")
def explain(
    request: Request, session: http.Db, comparison: UUID, retailer: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """Return why a shop's score is as it is under either policy, and what it would be granted."""
    found = score_what_if.find(session, comparison)
    answer: dict[str, Any] = {
        "one": found,
        "code": retailer,
        "shop": retailers.retailer(session, retailer),
        "said": score_what_if.explain(session, comparison, retailer, language_of(request)),
        "labels": _labels(request, found),
    }
    if "HX-Request" in request.headers:
        return console.fragment(request, "cycles/_score_what_if_explained.html", **answer)
    return console.page(request, "cycles/score_what_if_explain.html", **answer)


def _list(request: Request, session: Session, version: int | None, errors: dict[str, str] | None = None) -> Response:
    versions, in_force = scores.policies(session), scores.in_force(session)
    gettext = texts(request).gettext
    options = [(one.version, f"{_version(request, one.version)} · {one.reason}") for one in versions]
    counts = None if in_force is None else in_force.policy_version or 0
    others = [one.version for one in versions if one.version != counts]
    return console.page(
        request,
        "cycles/score_what_ifs.html",
        status_code=422 if errors else 200,
        options=[*options, (0, gettext("the default one"))],
        chosen=version if version is not None else others[0] if others else 0,
        in_force=gettext("the default one") if not counts else _version(request, counts),
        listed=[(one, _labels(request, one)) for one in score_what_if.recent(session)],
        states=STATES,
        errors=errors or {},
    )


def _asked(request: Request, made: UUID) -> Response:
    said = texts(request).gettext("Asked for. You may close this page; it is kept.")
    return console.redirect(request, f"{PLACE}/{made}", flash=said)


def _no_history(request: Request, refused: Conflict) -> str:
    if refused.params.get("state") == "no history":
        return texts(request).gettext("There is no history of sales yet; bring it in as a file first.")
    return refusal_text(refused.code, refused.params, language_of(request))


def _steps(found: score_what_if.ScoreWhatIf) -> Sequence[str]:
    return STEPS if found.cycle else STEPS[:3]


def _frame(request: Request, session: Session, found: score_what_if.ScoreWhatIf) -> dict[str, Any]:
    """Return what every state of the page shows."""
    return {
        "one": found,
        "labels": _labels(request, found),
        "cycle_name": named(request, known(session, found.cycle)) if found.cycle else None,
        "states": STATES,
        "steps": _steps(found),
    }


def _labels(request: Request, found: score_what_if.ScoreWhatIf) -> tuple[str, str]:
    """Return what the two policies are called."""
    second = found.second_version
    typed = texts(request).gettext("a text that was tried")
    return _version(request, found.first_version), typed if second is None else _version(request, second)


def _version(request: Request, version: int) -> str:
    gettext = texts(request).gettext
    return gettext("version %(number)s") % {"number": version} if version else gettext("the default one")


def _rows(session: Session, found: score_what_if.ScoreWhatIf, view: TableView) -> tuple[list[_Named], int]:
    """Return the shops of a page, or of the whole file, and how many there are; only they are asked for by name."""
    rows = [row for row in score_what_if.rows(session, found.id) if _fits(row, view)]
    named: dict[str, tuple[str, str]] = {}
    if view.search or view.format or view.sort in {"name", "region"}:
        shops = session.execute(retailers.shops_query(text=view.search))
        named = {code: (name, region) for code, name, region, _ in shops}
        rows = [row for row in rows if row.retailer in named]
    place = {"name": 0, "region": 1}.get(view.sort)

    def value(row: score_figures.Row) -> Any:
        return getattr(row, view.sort) if place is None else named[row.retailer][place]

    rows.sort(key=lambda row: (value(row) is not None, value(row)), reverse=view.descending)
    shown = rows if view.format else rows[view.offset : view.offset + view.per_page]
    if not named:
        found_shops = retailers.retailers(session, {row.retailer for row in shown})
        named = {code: (shop.name, shop.region) for code, shop in found_shops.items()}
    return [_Named(row, *named[row.retailer]) for row in shown], len(rows)


def _fits(row: score_figures.Row, view: TableView) -> bool:
    ways = {"tier": row.tiers_up, "units": row.units_change}
    for key, wanted in view.filters.items():
        change = ways[key]
        if change is None or wanted != ("up" if change > 0 else "down" if change < 0 else "same"):
            return False
    return True


def _changes(request: Request, found: score_what_if.ScoreWhatIf) -> list[dict[str, Any]]:
    one, other = (policy_form.read_text(text) for text in (found.first_text, found.second_text))
    return policy_words.told(policy_words.changes(one, other), texts(request).gettext, language_of(request))


def _drawn(request: Request, found: score_what_if.ScoreWhatIf) -> dict[str, Any]:
    """Return what the page draws: tiers and their fill under both, Lorenz curves."""
    assert found.figures is not None  # noqa: S101 - asked for where it is done
    first, second = _labels(request, found)
    sides = [(second, found.figures["scores"]["second"]), (first, found.figures["scores"]["first"])]
    tiers = max(len(side["tiers"]) for _, side in sides)
    drawn: dict[str, Any] = {
        "sides": list(reversed(sides)),
        "tier_labels": [str(tier) for tier in range(1, tiers + 1)],
        "tier_counts": [(label, side["tiers"]) for label, side in sides],
    }
    book = found.figures["book"]
    if book is None:
        return drawn
    fills = []
    for label, name in ((second, "second"), (first, "first")):
        by_tier = {int(row["value"]): row["granted"] / max(row["eligible"], 1) for row in book["tiers"][name]}
        fills.append((label, [by_tier.get(tier) for tier in range(1, tiers + 1)]))
    return drawn | {
        "fills": fills,
        "curves": [
            (label, book[side]["evenness"]["lorenz_granted"], book[side]["evenness"]["gini"])
            for label, side in ((second, "b"), (first, "a"))
        ],
        "book_sides": [(first, book["a"]), (second, book["b"])],
    }
