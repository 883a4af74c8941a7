"""Screens of signals: the list, one finding with its evidence and what was said of it, the card of the first page."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import Form, Path, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Refusal, Rejected
from contract.texts import refusal_text
from server.cycles import queries as cycles
from server.kit import audit_trail, console, http
from server.kit.console import charts
from server.kit.console.cards import Card
from server.kit.console.step_chart import steps
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, language_of, texts
from server.kit.identity import Operator
from server.operators import queries as operators
from server.retailers import queries as retailers
from server.signals import queries, rules, service
from server.signals.http import READERS, REVIEWING
from server.signals.service import REVIEWERS

KINDS: dict[rules.Kind, str] = {
    "surge": N_("far more than usual"),
    "twins": N_("nearly the same baskets"),
    "steering": N_("small shops copy a large one"),
    "address": N_("one address"),
    "device": N_("one machine"),
}
STATES: dict[rules.State, tuple[str, str]] = {
    "new": (N_("new signal"), "wait"),
    "looked_at": (N_("being looked into"), "note"),
    "explained": (N_("explained"), "ok"),
    "watched": (N_("kept watch on"), "accent"),
    "passed_on": (N_("passed on"), "idle"),
}
METHODS: dict[rules.Kind, str] = {
    "surge": N_(
        "Compared with the shop's own last 12 cycles, after what moved all shops is taken out. The bound is what all"
        " but one in a thousand of the earlier cycles of all shops stayed below. Less than twice the usual never"
        " counts, nor does what the shop asked for a year before."
    ),
    "twins": N_(
        "Lines with the same SKU and the same units, each weighed by how few shops ask for it like this. At least four"
        " fifths are the same, and more than any two shops would share by chance in one book of a thousand."
    ),
    "steering": N_(
        "At least three shops, each at most half as large, ordered within 15 minutes after a large one, in its"
        " proportions; what is popular with everybody is taken out. By chance this happens in less than one book of a"
        " thousand."
    ),
    "address": N_("The shops have the same address in their files; case, blanks and punctuation do not count."),
    "device": N_("The orders of this cycle came from one computer, which was set up as the terminal of several shops."),
}
VERDICTS: tuple[tuple[rules.Verdict, str], ...] = (
    ("looked_at", N_("being looked into: not decided yet")),
    ("explained", N_("explained: there is a good reason; it is not found again for 90 days")),
    ("watched", N_("kept watch on: found again, it comes back as a new signal")),
    ("passed_on", N_("passed on: to the inspectors or to another authority")),
)
EXPORT_MOST = 100_000
SHOPS_SHOWN = 3
IN_E_FILE = 5

Number = Annotated[int, Path(ge=1, lt=2**63)]
Words = Annotated[str, Form(max_length=4 * service.WORDS_MOST)]

signals = http.router("/console/signals", tag="console", roles=READERS, shops="all")

COLUMNS = (
    Column("number", N_("Number"), "number"),
    Column("kind", N_("What stands out"), sortable=False),
    Column("shops", N_("Retailers"), sortable=False),
    Column("state", N_("State"), sortable=False),
    Column("owner", N_("Owner"), sortable=False),
    Column("found_at", N_("Found"), "instant"),
    Column("said_at", N_("Last said"), "instant"),
)
OF_KIND = Filter("kind", N_("What stands out"), tuple(KINDS.items()))
IN_STATE = Filter(
    "state",
    N_("State"),
    (("open", N_("waiting for a person")), *((state, words) for state, (words, _) in STATES.items())),
)


@signals.get("")
def list_findings(request: Request, session: http.Db) -> Response:
    """List the findings, the newest first; with ``format`` they come as a file."""
    people = Filter("owner", N_("Owner"), [(name, name) for name in queries.owners(session)], translate=False)
    filters = (IN_STATE, OF_KIND, people)
    view = TableView.of(request, COLUMNS, filters=filters, sort="-number")
    found, total = queries.findings(
        session,
        kind=view.filters.get("kind", ""),
        state=view.filters.get("state", ""),
        owner=view.filters.get("owner", ""),
        retailer=view.search,
        sort=view.sort,
        descending=view.descending,
        limit=EXPORT_MOST if view.format else view.per_page,
        offset=0 if view.format else view.offset,
    )
    gettext = texts(request).gettext
    rows = [
        {
            "number": one.number,
            "kind": gettext(KINDS[one.kind]),
            "shops": ", ".join(shop.retailer for shop in one.shops),
            "codes": [shop.retailer for shop in one.shops[:SHOPS_SHOWN]],
            "more": max(0, len(one.shops) - SHOPS_SHOWN),
            "state": gettext(STATES[one.state][0]),
            "tone": STATES[one.state][1],
            "owner": one.owner,
            "found_at": one.found_at,
            "said_at": one.said_at,
        }
        for one in found
    ]
    if view.format:
        return console.download(request, COLUMNS, rows, name="signals")
    return console.page(
        request,
        "signals/list.html",
        view=view,
        columns=COLUMNS,
        filters=filters,
        rows=rows,
        total=total,
        tally=_by_kind(queries.tally(session)),
        looked=queries.last_look(session),
        kinds=KINDS,
        methods=METHODS,
    )


@signals.get("/{number}")
def show_finding(request: Request, session: http.Db, operator: http.Person, number: Number) -> Response:
    """Show one finding: what stands out, in words, numbers and a picture, and what was said of it."""
    return _page(request, session, operator, number)


@signals.post("/{number}/say", dependencies=REVIEWING)
def say(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    number: Number,
    verdict: Annotated[rules.Verdict, Form()],
    words: Words = "",
    owner: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """Say what a finding is."""
    try:
        service.say(session, number, verdict, words, operator, owner=owner, at=clock())
    except Refusal as refusal:
        if refusal.code == "not_found" and refusal.params.get("what") == "finding":
            raise
        said = refusal_text(refusal.code, refusal.params, language_of(request))
        return _page(request, session, operator, number, said=said, typed={"verdict": verdict, "words": words})
    kept = texts(request).gettext("It is written down. Nothing else was changed by it.")
    return console.redirect(request, f"/console/signals/{number}", flash=kept)


def _page(
    request: Request,
    session: Session,
    operator: Operator,
    number: int,
    *,
    said: str = "",
    typed: Mapping[str, str] | None = None,
) -> Response:
    found = queries.finding(session, number)
    if found is None:
        raise Rejected("not_found", what="finding", name=str(number))
    history, _ = audit_trail.search(session, audit_trail.Asked(subject=f"signal:{number}"), limit=100)
    zone = http.runtime_of(request).settings.tz
    reviewing = operator.may(*REVIEWERS) and bool(rules.NEXT[found.state])
    return console.page(
        request,
        "signals/finding.html",
        status_code=422 if said else 200,
        finding=found,
        cycle=cycles.cycle(session, found.cycle),
        shops=retailers.retailers(session, [one.retailer for one in found.shops]),
        past=[
            {**one, "day": datetime.fromisoformat(one["closed_at"]).astimezone(zone).date()}
            for one in found.evidence.get("history", ())
        ],
        bars=charts.bars,
        steps=steps,
        notes=queries.notes(session, found.id),
        earlier=queries.earlier(session, found),
        kinds=KINDS,
        states=STATES,
        methods=METHODS,
        history=history,
        verdicts=[(verdict, words) for verdict, words in VERDICTS if verdict in rules.NEXT[found.state]],
        people=operators.names_with(session, REVIEWERS) if reviewing else [],
        reviewing=reviewing,
        most=service.WORDS_MOST,
        said=said,
        typed=typed or {},
    )


def in_e_file(session: Session, retailer: str, _now: datetime) -> Mapping[str, Any] | None:
    """Return the latest findings about a shop for its e-file."""
    found, _ = queries.findings(session, retailer=retailer, limit=IN_E_FILE)
    return {"findings": found, "kinds": KINDS, "states": STATES} if found else None


def home_cards(session: Session, operator: Operator, _now: datetime) -> list[Card]:
    """Return what waits for a person, for those who say what it was; nothing where there is nothing."""
    if not operator.may(*REVIEWERS):
        return []
    waiting = _by_kind(queries.tally(session))
    if not waiting:
        return []
    return [
        Card(
            title=N_("Signals to look at"),
            template="signals/cards/waiting.html",
            context={"waiting": [(kind, KINDS[kind], waiting[kind]) for kind in KINDS if kind in waiting]},
            order=65,
            href="/console/signals?state=open",
            tone="wait",
        )
    ]


def _by_kind(tally: Mapping[tuple[rules.Kind, rules.State], int]) -> dict[rules.Kind, int]:
    """Return how many wait for a person, by kind."""
    waiting: dict[rules.Kind, int] = {}
    for (kind, state), count in tally.items():
        if state in rules.OPEN:
            waiting[kind] = waiting.get(kind, 0) + count
    return waiting
