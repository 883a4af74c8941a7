"""What the JSON interface of cycles takes and gives, and how our own views become that."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from server.cycles import figures, queries, result_queries, rules, standing
from server.cycles.errors import trouble_text
from server.orders.queries import WindowStateName


class Body(BaseModel):
    """Base of what is sent here: unknown fields are refused, so that a slip of the pen is not lost."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NewCycle(Body):
    """A cycle to be made; zone, grace and policy are the installation's defaults where absent."""

    name_zh: str
    name_en: str
    week: date = Field(description="any day of the cycle's week")
    zone: str | None = None
    grace_s: int | None = None
    policy: str = standing.DEFAULT_POLICY
    policy_version: int | None = None


class NewWindow(Body):
    """A window by its instants; ``*`` is every route."""

    route: str = "*"
    opens_at: AwareDatetime
    closes_at: AwareDatetime


class LaterClose(Body):
    """A later close of a published window, and why."""

    closes_at: AwareDatetime
    reason: str


class PolicyChoice(Body):
    """A version of a policy."""

    name: str
    version: int


class ScheduleBody(Body):
    """A route's weekly window in the wall time of ``zone``; weekdays are ISO, Monday 1."""

    opens_weekday: int
    opens_time: time
    closes_weekday: int
    closes_time: time
    zone: str | None = None


class ScheduleStatus(BaseModel):
    """A weekly window, and how it falls in the weeks to come."""

    route: str
    opens_weekday: int
    opens_time: time
    closes_weekday: int
    closes_time: time
    zone: str
    coming: list["SpanStatus"]


class SpanStatus(BaseModel):
    """A window of one week; the local times carry their UTC offset, ``notes`` say where clocks change."""

    week: date
    opens_at: datetime
    closes_at: datetime
    opens_local: str
    closes_local: str
    notes: list[str]


class NewPolicy(Body):
    """A version of a policy: TOML as ``policy.toml``, without a seed."""

    name: str
    text: str
    reason: str


class PolicyStatus(BaseModel):
    """One version of a policy."""

    name: str
    version: int
    text: str
    text_sha256: str
    author: str
    reason: str
    created_at: datetime


class SupplyRow(Body):
    """What there is of one SKU, in units or in packs. ``minimum_units``: a grant is nothing or at least this."""

    sku: str
    supply_units: int | None = None
    supply_packs: int | None = None
    reserve_units: int | None = None
    minimum_units: int | None = None
    scarce: bool | None = None


class NewSupply(Body):
    """Supply with the reason for it; ``keep_others`` changes only the SKUs that are named."""

    reason: str
    lines: list[SupplyRow]
    keep_others: bool = False


class Reason(Body):
    """Why."""

    reason: str


class ReleaseOrder(Body):
    """Whether to publish at once."""

    publish: bool = True


class Made(BaseModel):
    """What was made."""

    id: UUID


class WindowStatus(BaseModel):
    """One window, planned or announced."""

    id: UUID
    route: str
    opens_at: datetime
    closes_at: datetime
    zone: str
    opens_local: str
    closes_local: str
    state: str
    notes: list[str]


class RegionStatus(BaseModel):
    """Who has ordered in one region."""

    region: str
    retailers_due: int
    retailers_in: int


class ProgressStatus(BaseModel):
    """What has come in. ``seconds_left`` counts to the last published close."""

    orders: int
    lines: int
    units: int
    retailers_due: int
    retailers_in: int
    seconds_left: float | None
    regions: list[RegionStatus]


class TroubleStatus(BaseModel):
    """What stopped the last step, and what to do."""

    step: str
    code: str
    params: dict[str, str | int]
    at: datetime
    text: str


class StepStatus(BaseModel):
    """When the cycle came to a state, and who brought it there."""

    state: str
    at: datetime
    actor: str
    detail: dict[str, Any]


class RunStatus(BaseModel):
    """The last attempt: hashes, and what the checker said."""

    attempt: int
    supply_version: int
    input_sha256: str
    seed: str | None
    result_sha256: str | None
    solving_ms: int | None
    verified: bool | None
    verdict: dict[str, Any] | None


class GroupStatus(BaseModel):
    """What a tier or region asked for and got."""

    label: str
    retailers: int
    requested_units: int
    granted_units: int


class FiguresStatus(BaseModel):
    """The result in figures; ``supply_units`` is what was offered of the SKUs that were asked for."""

    lines: int
    retailers: int
    requested_units: int
    supply_units: int
    granted_units: int
    short_skus: int
    retailers_at_zero: int
    largest_1_percent_share: float
    gini: float
    tiers: list[GroupStatus]
    regions: list[GroupStatus]
    reasons: dict[str, int]


class CycleLine(BaseModel):
    """A cycle in a list."""

    id: UUID
    number: int
    name_zh: str
    name_en: str
    week: date
    state: queries.ShownState
    published_at: datetime | None


class CycleStatus(CycleLine):
    """All that can be seen of a cycle."""

    zone: str
    grace_s: int
    policy: str
    policy_sha256: str | None
    supply_version: int
    commitment: str | None
    book_root: str | None
    announced_scores: str | None
    score_version: str | None
    forecast_version: str | None
    weights_sha256: str | None
    created_by: str
    sent_by: str | None
    released_by: str | None
    released_at: datetime | None
    trouble: TroubleStatus | None
    windows: list[WindowStatus]
    progress: ProgressStatus
    steps: list[StepStatus]
    run: RunStatus | None
    figures: FiguresStatus | None


class GrantLine(BaseModel):
    """One line of the result of an attempt, in units; ``published`` says whether that attempt went out."""

    attempt: int
    published: bool
    retailer: str
    sku: str
    requested_units: int
    eligible_units: int
    granted_units: int
    share: str
    reason: str
    bound_by: str


class SupplyStatus(BaseModel):
    """What there is of one SKU in the version that counts."""

    sku: str
    supply_units: int
    pack_units: int
    reserve_units: int
    minimum_units: int
    offered_units: int
    scarce: bool


class Explanation(BaseModel):
    """Why a retailer got what it got of a SKU in an attempt; ``published`` says whether that attempt went out."""

    attempt: int
    published: bool
    retailer: str
    sku: str
    text: str


def grant_line(grant: result_queries.Grant, attempt: int, *, published: bool) -> GrantLine:
    """Return a line of an attempt's result."""
    return GrantLine(attempt=attempt, published=published, **vars(grant))


def line_of(cycle: queries.Cycle) -> CycleLine:
    """Return a cycle for a list."""
    return CycleLine.model_validate(cycle, from_attributes=True)


def trouble_of(cycle: queries.Cycle) -> TroubleStatus | None:
    """Return what stopped the cycle, if anything did."""
    if cycle.trouble is None:
        return None
    return TroubleStatus(**cycle.trouble, text=trouble_text(cycle.trouble["code"], cycle.trouble["params"]))


def windows_of(planned: list[queries.Planned], states: dict[UUID, WindowStateName]) -> list[WindowStatus]:
    """Return windows with their local times; ``states`` of those that are announced."""
    return [
        WindowStatus(
            id=window.id,
            route=window.route,
            opens_at=window.opens_at,
            closes_at=window.closes_at,
            zone=window.zone,
            opens_local=rules.wall_time(window.opens_at, window.zone),
            closes_local=rules.wall_time(window.closes_at, window.zone),
            state=states.get(window.id, "planned"),
            notes=list(window.notes),
        )
        for window in planned
    ]


def run_of(run: result_queries.Run | None) -> RunStatus | None:
    """Return an attempt."""
    if run is None:
        return None
    return RunStatus(
        attempt=run.attempt,
        supply_version=run.supply_version,
        input_sha256=run.input_sha256,
        seed=run.seed,
        result_sha256=run.result_sha256,
        solving_ms=run.solving_ms,
        verified=None if run.verdict is None else bool(run.verdict["holds"]),
        verdict=run.verdict,
    )


def figures_of(review: figures.Review | None) -> FiguresStatus | None:
    """Return the figures of a result."""
    if review is None:
        return None

    def group(found: figures.Group) -> GroupStatus:
        return GroupStatus.model_validate(found, from_attributes=True)

    return FiguresStatus(
        lines=review.lines,
        retailers=review.retailers,
        requested_units=review.requested_units,
        supply_units=review.offered_units,
        granted_units=review.granted_units,
        short_skus=review.short_skus,
        retailers_at_zero=review.retailers_at_zero,
        largest_1_percent_share=review.largest_share,
        gini=review.gini,
        tiers=[group(tier) for tier in review.tiers],
        regions=[group(region) for region in review.regions],
        reasons=review.reasons,
    )


def schedule_of(schedule: rules.Schedule, first_week: date, weeks: int) -> ScheduleStatus:
    """Return a schedule with its windows of ``weeks`` weeks from ``first_week``."""
    spans = [
        (week, rules.span_of_week(schedule, week))
        for week in (rules.monday(first_week) + timedelta(weeks=number) for number in range(weeks))
    ]
    return ScheduleStatus(
        route=schedule.route,
        opens_weekday=schedule.opens_weekday,
        opens_time=schedule.opens_time,
        closes_weekday=schedule.closes_weekday,
        closes_time=schedule.closes_time,
        zone=schedule.zone,
        coming=[
            SpanStatus(
                week=week,
                opens_at=span.opens_at,
                closes_at=span.closes_at,
                opens_local=rules.wall_time(span.opens_at, schedule.zone),
                closes_local=rules.wall_time(span.closes_at, schedule.zone),
                notes=list(span.notes),
            )
            for week, span in spans
        ],
    )
