"""Tables of visits."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from server.kit import computations
from server.kit.db import Base


class RuleSetRow(Base):
    """The rules as one version; the newest counts. ``rules`` are as :mod:`server.visits.rules` writes them."""

    __tablename__ = "visit_rule_sets"
    __append_only__ = True

    version: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    rules: Mapped[list[Any]]
    reason: Mapped[str]
    author: Mapped[str]
    at: Mapped[datetime]


class PlanRow(computations.Computation, Base):
    """A plan of some days for some managers, computed on demand. ``revision`` counts what people changed afterwards.

    ``terms`` and ``figures`` are as :mod:`server.visits.planning` writes them; figures are there once it is made.
    """

    __tablename__ = "visit_plans"
    __table_args__ = (
        *computations.checks("made"),
        CheckConstraint("days BETWEEN 1 AND 31", name="days"),
        CheckConstraint("steps_done BETWEEN 0 AND steps", name="steps"),
        CheckConstraint("(state = 'made') = (figures IS NOT NULL)", name="figures"),
    )

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    rules_version: Mapped[int] = mapped_column(ForeignKey("visit_rule_sets.version"))
    first_day: Mapped[date]
    days: Mapped[int]
    terms: Mapped[dict[str, Any]]
    steps_done: Mapped[int]
    steps: Mapped[int]
    figures: Mapped[dict[str, Any] | None]
    revision: Mapped[int]


class StopRow(Base):
    """A shop in a plan: who goes there on which day, as the how manieth; without a day it found no room.

    ``travel_m`` is the great circle from the stop before, none for the first of a day and where a place is not known.
    """

    __tablename__ = "visit_stops"
    __table_args__ = (
        UniqueConstraint("plan", "retailer"),
        UniqueConstraint("plan", "manager", "day", "place", deferrable=True, initially="DEFERRED"),
        CheckConstraint("(day IS NULL) = (place IS NULL) AND (day IS NULL) = (manager IS NULL)", name="placed"),
        CheckConstraint("place > 0", name="place"),
        Index("ix_visit_stops_manager_day", "manager", "day"),
        Index("ix_visit_stops_retailer", "retailer"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    plan: Mapped[UUID] = mapped_column(ForeignKey("visit_plans.id"))
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    rule: Mapped[str]
    due_on: Mapped[date]
    manager: Mapped[str | None]
    day: Mapped[date | None]
    place: Mapped[int | None]
    travel_m: Mapped[int | None]
    done_at: Mapped[datetime | None]


class StopMoveRow(Base):
    """That a stop was moved by a person or a replanning: from where to where, and why; nobody changes it."""

    __tablename__ = "visit_stop_moves"
    __append_only__ = True
    __table_args__ = (Index("ix_visit_stop_moves_plan", "plan", "revision"),)
    __party__ = "retailer"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    plan: Mapped[UUID] = mapped_column(ForeignKey("visit_plans.id"))
    revision: Mapped[int]
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    from_manager: Mapped[str | None]
    from_day: Mapped[date | None]
    to_manager: Mapped[str | None]
    to_day: Mapped[date | None]
    why: Mapped[str]
    author: Mapped[str]
    at: Mapped[datetime]


class VisitRow(Base):
    """What was kept of one visit or call, under the id of the draft that it was.

    ``at`` is when it was by the device's clock where that can be believed, else when it came; ``day`` is that in the
    distributor's zone. ``place_said`` says why there is no place. After its term the words and the place are taken out.
    """

    __tablename__ = "visits"
    __table_args__ = (
        CheckConstraint("sort IN ('visit', 'call')", name="sort"),
        CheckConstraint("outcome IN ('done', 'shut', 'reached', 'not_reached', 'try_again')", name="outcome"),
        CheckConstraint("(outcome IN ('done', 'shut')) = (sort = 'visit')", name="outcome_of_sort"),
        CheckConstraint("(outcome = 'try_again') = (try_again_on IS NOT NULL)", name="try_again"),
        CheckConstraint("time_from IN ('device', 'server')", name="time_from"),
        CheckConstraint("place_said IN ('given', 'refused', 'unavailable', 'not_asked', 'erased')", name="place_said"),
        CheckConstraint(
            "(place_said = 'given') = (latitude IS NOT NULL) AND (latitude IS NULL) = (longitude IS NULL)"
            " AND (latitude IS NULL) = (accuracy_m IS NULL)",
            name="place",
        ),
        CheckConstraint("latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180", name="degrees"),
        Index("ix_visits_retailer_day", "retailer", "day"),
        Index("ix_visits_employee_day", "employee", "day"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    sort: Mapped[str]
    rule: Mapped[str | None]
    stop: Mapped[UUID | None] = mapped_column(ForeignKey("visit_stops.id"), index=True)
    employee: Mapped[str]
    at: Mapped[datetime]
    time_from: Mapped[str]
    day: Mapped[date]
    received_at: Mapped[datetime]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    accuracy_m: Mapped[int | None]
    place_said: Mapped[str]
    answers: Mapped[list[Any]]
    counts: Mapped[list[Any]]
    words: Mapped[str]
    outcome: Mapped[str]
    try_again_on: Mapped[date | None]
    body_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))


class PromiseRow(Base):
    """What was promised at a visit or a call, until when, and what became of it."""

    __tablename__ = "visit_promises"
    __table_args__ = (
        CheckConstraint("words != ''", name="words"),
        CheckConstraint(
            "(done_at IS NULL) = (done_by IS NULL) AND (done_at IS NULL) = (done_words IS NULL)", name="done"
        ),
        UniqueConstraint("visit", "ordinal"),
        Index("ix_visit_promises_due", "due_on", postgresql_where="done_at IS NULL"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    visit: Mapped[UUID] = mapped_column(ForeignKey("visits.id"))
    ordinal: Mapped[int]
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), index=True)
    words: Mapped[str]
    due_on: Mapped[date]
    owner: Mapped[str]
    done_at: Mapped[datetime | None]
    done_by: Mapped[str | None]
    done_words: Mapped[str | None]
