"""``/api/v1/cycles``: everything that a person can do with a cycle, for programs. Screens use the same services."""

from dataclasses import dataclass
from typing import Annotated, Literal
from uuid import UUID

from fastapi import File, Form, Header, Query, Request, Response, UploadFile
from fastapi.responses import StreamingResponse

from contract.errors import Rejected
from contract.texts import Language
from server.catalogue import queries as catalogue
from server.cycles import (
    correcting,
    explaining,
    exporting,
    figures,
    queries,
    result_queries,
    service,
    shapes,
    supply,
    supply_queries,
    window_planning,
)
from server.kit import admission, http, paging

reading = http.router("/api/v1/cycles", tag="cycles", roles=())
planning = http.router("/api/v1/cycles", tag="cycles", roles=("planner",))
releasing = http.router("/api/v1/cycles", tag="cycles", roles=("releaser",))


Attempt = Annotated[int | None, Query(ge=1, le=2**31 - 1)]
AttemptSeen = Annotated[int | None, Header(alias="If-Match", description="the attempt that was looked at")]
SupplySeen = Annotated[int | None, Header(alias="If-Match", description="the version of the supply that was seen")]


@reading.get("")
@http.of_shops
def list_cycles(session: http.Db, page: paging.Paged) -> list[shapes.CycleLine]:
    """Return cycles, the newest first."""
    found = queries.cycles(session, before=page.key(int), limit=page.one_more)
    return [shapes.line_of(cycle) for cycle in page.rows(found, lambda cycle: (cycle.number,))]


@planning.post("", status_code=201)
def create_cycle(
    new: shapes.NewCycle, session: http.Db, operator: http.Person, clock: http.Now, settings: http.Config
) -> shapes.Made:
    """Make a draft."""
    made = service.create_cycle(
        session,
        service.NewCycle(
            name_zh=new.name_zh,
            name_en=new.name_en,
            week=new.week,
            zone=new.zone or settings.zone,
            grace_s=settings.grace_s if new.grace_s is None else new.grace_s,
            policy=new.policy,
            policy_version=new.policy_version,
        ),
        by=operator,
        at=clock(),
    )
    return shapes.Made(id=made)


@reading.get("/{cycle}")
@http.of_shops
def cycle_status(cycle: UUID, session: http.Db, clock: http.Now) -> shapes.CycleStatus:
    """Return where a cycle stands: its state, windows, what has come in, its steps, the result in figures."""
    found = known(session, cycle)
    room, run = figures.room(session, cycle), result_queries.run(session, cycle)
    now = clock()
    left = None if room.closes_at is None else max(0.0, (room.closes_at - now).total_seconds())
    policy = queries.policy(session, found.policy_name, found.policy_version)
    return shapes.CycleStatus(
        **shapes.line_of(found).model_dump(),
        zone=found.zone,
        grace_s=found.grace_s,
        policy=found.policy,
        policy_sha256=None if policy is None else policy.text_sha256,
        supply_version=found.supply_version,
        commitment=found.commitment,
        book_root=found.book_root,
        announced_scores=found.announced_scores,
        score_version=found.score_version,
        forecast_version=found.forecast_version,
        weights_sha256=found.weights_sha256,
        created_by=found.created_by,
        sent_by=found.sent_by,
        released_by=found.released_by,
        released_at=found.released_at,
        trouble=shapes.trouble_of(found),
        windows=shapes.windows_of(
            queries.planned_windows(session, cycle), {view.id: view.state for view in room.windows}
        ),
        progress=shapes.ProgressStatus(
            orders=room.progress.orders,
            lines=room.progress.lines,
            units=room.progress.units,
            retailers_due=room.progress.retailers_due,
            retailers_in=room.progress.retailers_in,
            seconds_left=left,
            regions=[
                shapes.RegionStatus(region=r.region, retailers_due=r.retailers_due, retailers_in=r.retailers_in)
                for r in room.regions
            ],
        ),
        steps=[
            shapes.StepStatus(state=step.state, at=step.at, actor=step.actor, detail=step.detail)
            for step in queries.steps(session, cycle)
        ],
        run=shapes.run_of(run),
        figures=shapes.figures_of(figures.review(session, cycle, run)),
    )


@planning.post("/{cycle}/policy", status_code=204)
def choose_policy(
    cycle: UUID, choice: shapes.PolicyChoice, session: http.Db, operator: http.Person, clock: http.Now
) -> None:
    """Choose the policy of a draft."""
    service.choose_policy(session, cycle, choice.name, choice.version, by=operator, at=clock())


@planning.post("/{cycle}/windows", status_code=201)
def plan_window(
    cycle: UUID, window: shapes.NewWindow, session: http.Db, operator: http.Person, clock: http.Now
) -> shapes.Made:
    """Plan a window by its instants, in place of the route's planned one."""
    planned = window_planning.plan_window(
        session, cycle, window.route, window.opens_at, window.closes_at, by=operator, at=clock()
    )
    return shapes.Made(id=planned)


@planning.post("/{cycle}/windows/scheduled", status_code=201)
def plan_scheduled_windows(
    cycle: UUID, session: http.Db, operator: http.Person, clock: http.Now
) -> list[shapes.WindowStatus]:
    """Plan the windows of the cycle's week from the weekly schedules, and show each with its UTC offset."""
    window_planning.plan_scheduled_windows(session, cycle, by=operator, at=clock())
    return shapes.windows_of(queries.planned_windows(session, cycle), {})


@planning.delete("/{cycle}/windows/{window}", status_code=204)
def drop_window(cycle: UUID, window: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Take a planned window out of a draft."""
    window_planning.drop_planned_window(session, cycle, window, by=operator, at=clock())


@planning.post("/{cycle}/windows/{window}/postpone", status_code=204)
def postpone_window(
    cycle: UUID,
    window: UUID,
    wanted: shapes.LaterClose,
    session: http.Db,
    operator: http.Person,
    clock: http.Now,
) -> None:
    """Let a published window close later, for a reason; its retailers are told."""
    window_planning.postpone_window(
        session, cycle, window, wanted.closes_at, reason=wanted.reason, by=operator, at=clock()
    )


@planning.post("/{cycle}/announce", status_code=204)
def announce(cycle: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Draw the secret, publish its commitment, the policy and the windows."""
    service.announce_cycle(session, cycle, by=operator, at=clock())


@reading.get("/{cycle}/supply")
@http.of_shops
def supply_status(cycle: UUID, session: http.Db) -> list[shapes.SupplyStatus]:
    """Return the supply in the version that counts, and which SKUs are scarce."""
    known(session, cycle)
    scarce = supply_queries.scarce_skus(session, cycle)
    return [
        shapes.SupplyStatus(
            sku=line.sku,
            supply_units=line.supply_units,
            pack_units=line.pack_units,
            reserve_units=line.reserve_units,
            minimum_units=line.minimum_units,
            offered_units=line.offered_units,
            scarce=line.sku in scarce,
        )
        for line in supply_queries.supply(session, cycle).values()
    ]


@planning.post("/{cycle}/supply", status_code=201)
def release_supply(
    cycle: UUID,
    new: shapes.NewSupply,
    session: http.Db,
    operator: http.Person,
    clock: http.Now,
    if_match: SupplySeen = None,
) -> dict[Literal["version"], int]:
    """Release supply as a new version; with ``If-Match`` only where that version still counts."""
    lines = supply.read_rows(
        [row.model_dump(exclude_none=True) for row in new.lines], catalogue.skus(session, withdrawn=True)
    )
    act = service.correct_supply if new.keep_others else service.release_supply
    return {"version": act(session, cycle, lines, reason=new.reason, by=operator, at=clock(), seen=if_match)}


@planning.post("/{cycle}/supply.csv", status_code=201)
def release_supply_file(
    cycle: UUID,
    file: Annotated[UploadFile, File()],
    reason: Annotated[str, Form()],
    session: http.Db,
    operator: http.Person,
    clock: http.Now,
    keep_others: Annotated[bool, Form()] = False,  # noqa: FBT002 - a form's field
    if_match: SupplySeen = None,
) -> dict[Literal["version"], int]:
    """Release supply from a CSV file as a new version; nothing is stored where a row does not fit."""
    lines = supply.read_file(file.filename or "supply.csv", file.file.read(), catalogue.skus(session, withdrawn=True))
    act = service.correct_supply if keep_others else service.release_supply
    return {"version": act(session, cycle, lines, reason=reason, by=operator, at=clock(), seen=if_match)}


@planning.post("/{cycle}/retry", status_code=204)
def retry(cycle: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Do the step that stopped again."""
    service.retry(session, cycle, by=operator, at=clock())


@planning.post("/{cycle}/send-for-release", status_code=204)
def send_for_release(
    cycle: UUID, session: http.Db, operator: http.Person, clock: http.Now, if_match: AttemptSeen = None
) -> None:
    """Send the verified result to a second person; with ``If-Match`` only that attempt's."""
    service.send_for_release(session, cycle, by=operator, at=clock(), seen=if_match)


@releasing.post("/{cycle}/send-back", status_code=204)
def send_back(cycle: UUID, why: shapes.Reason, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Give the result back to the planner."""
    service.send_back(session, cycle, reason=why.reason, by=operator, at=clock())


@releasing.post("/{cycle}/release", status_code=204)
def release(
    cycle: UUID,
    session: http.Db,
    operator: http.Person,
    clock: http.Now,
    order: shapes.ReleaseOrder | None = None,
    if_match: AttemptSeen = None,
) -> None:
    """Release the result as the second person; it is published at once unless told otherwise.

    With ``If-Match`` only that attempt's result is released.
    """
    publish = (order or shapes.ReleaseOrder()).publish
    service.release(session, cycle, by=operator, at=clock(), publish=publish, seen=if_match)


@releasing.post("/{cycle}/publish", status_code=204)
def publish(cycle: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Publish a released result."""
    service.publish(session, cycle, by=operator, at=clock())


@planning.post("/{cycle}/call-off", status_code=204)
def call_off(cycle: UUID, why: shapes.Reason, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """End a cycle without a result."""
    service.call_off(session, cycle, reason=why.reason, by=operator, at=clock())


@reading.get("/{cycle}/grants")
@http.of_shops
def grants(
    cycle: UUID, session: http.Db, page: paging.Paged, retailer: str | None = None, attempt: Attempt = None
) -> list[shapes.GrantLine]:
    """Return the grants that are out, before the first publication those of the last attempt; or of the one named.

    By retailer and SKU, and of one retailer where it is named. All pages are of the attempt of the first one, also
    where another is published meanwhile; ``published`` says whether the attempt went out.
    """
    begun, *after = page.key(int, str, str) or (attempt,)
    shown = shown_attempt(session, cycle, begun)
    found = result_queries.page_of_grants(
        session, cycle, retailer, attempt=shown.attempt, after=after, limit=page.one_more
    )
    given = page.rows(found, lambda grant: (shown.attempt, grant.retailer, grant.sku))
    return [shapes.grant_line(grant, shown.attempt, published=shown.published) for grant in given]


@reading.get("/{cycle}/explain")
@http.of_shops
def explain(
    cycle: UUID,
    session: http.Db,
    retailer: str,
    sku: str | None = None,
    lang: Language = "en",
    attempt: Attempt = None,
) -> list[shapes.Explanation]:
    """Return why a retailer got what it got, of one SKU where it is named; of the attempt that the grants tell of."""
    shown = shown_attempt(session, cycle, attempt)
    words = explaining.explain(session, cycle, retailer, sku, lang, attempt=shown.attempt)
    return [
        shapes.Explanation(retailer=retailer, sku=name, text=text, attempt=shown.attempt, published=shown.published)
        for name, text in words.items()
    ]


@reading.get("/{cycle}/export.zip", response_class=Response, responses={200: {"content": {"application/zip": {}}}})
def export_zip(request: Request, cycle: UUID, session: http.Db, attempt: Attempt = None) -> Response:
    """Return ``problem/`` and ``result/`` of an attempt as ``evenhand verify`` reads them.

    Of the one whose grants are out where none is named, before the first publication of the last one.
    """
    return zipped(request, session, cycle, attempt)


def zipped(request: Request, session: http.Db, cycle: UUID, attempt: int | None) -> Response:
    """Return the folder of an attempt, the one that stands where none is named, as a ZIP archive.

    It goes out while it is written; the request keeps its place among those that are worked on to the end.
    """
    found = known(session, cycle)
    named = f"cycle-{found.number}.zip" if attempt is None else f"cycle-{found.number}-attempt-{attempt}.zip"
    pieces = exporting.archive(session, cycle, found.standing_attempt if attempt is None else attempt)
    request.scope[admission.KEPT] = True
    return StreamingResponse(
        pieces,
        media_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{named}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )


@dataclass(frozen=True)
class Shown:
    """The attempt of a cycle that is shown, and whether it went out."""

    cycle: queries.Cycle
    attempt: int
    published: bool


def shown_attempt(session: http.Db, cycle: UUID, attempt: int | None) -> Shown:
    """Return the attempt that is named, else the one that stands; ``not_found`` where there is none of that number."""
    found = known(session, cycle)
    shown = found.standing_attempt if attempt is None else attempt
    if attempt is not None and result_queries.run(session, cycle, attempt) is None:
        raise Rejected("not_found", what="result", name=f"{found.number}, {attempt}")
    out = found.published_attempt
    was_out = out is not None and (
        shown == out or shown in {one.attempt for one in correcting.publications(session, cycle)}
    )
    return Shown(found, shown, was_out)


def known(session: http.Db, cycle: UUID) -> queries.Cycle:
    """Return a cycle, or refuse with ``not_found``."""
    found = queries.cycle(session, cycle)
    if found is None:
        raise Rejected("not_found", what="cycle", name=str(cycle))
    return found
