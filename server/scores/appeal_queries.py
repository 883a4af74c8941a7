"""Reads of appeals, of their answers and of what they corrected."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    String,
    Uuid,
    any_,
    exists,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session

from server.kit.identity import Operator
from server.scores.appeal_rules import OPEN, AppealState, Verdict
from server.scores.models import AppealAnswerRow, AppealRow, CorrectionRow, ScoreRun

BY_OPERATOR = "operator:"


@dataclass(frozen=True)
class Appeal:
    """One appeal; an empty ``component`` is the whole score."""

    id: UUID
    number: int
    retailer: str
    run: int
    component: str
    words: str
    figure: int | None
    by: str
    at: datetime
    answer_until: date
    state: AppealState
    owner: str | None
    settled_at: datetime | None

    @property
    def open(self) -> bool:
        """Whether no answer counts yet."""
        return self.state in OPEN

    @property
    def by_telephone(self) -> bool:
        """Whether an operator entered it for the shop."""
        return self.by.startswith(BY_OPERATOR)


@dataclass(frozen=True)
class Answer:
    """One answer; one that upholds counts once it has an approver."""

    id: UUID
    appeal: UUID
    verdict: Verdict
    answer_zh: str
    answer_en: str
    figures: tuple[dict[str, Any], ...]
    remedy: dict[str, Any] | None
    author: str
    at: datetime
    approver: str | None
    approved_at: datetime | None
    returned_by: str | None
    returned_at: datetime | None
    returned_why: str | None

    @property
    def counts(self) -> bool:
        """Whether it is the appeal's answer."""
        return self.verdict == "dismissed" or self.approver is not None

    @property
    def waits(self) -> bool:
        """Whether a second person is still to look at it."""
        return not self.counts and self.returned_by is None


@dataclass(frozen=True)
class Correction:
    """One figure that an upheld appeal corrected."""

    appeal: UUID
    facts: str
    product_class: str
    period: date
    before: dict[str, Any]
    after: dict[str, Any]
    reason: str
    author: str
    approver: str
    at: datetime


@dataclass(frozen=True)
class Credit:
    """What the answer that upheld an appeal credits a retailer with, in thousandths of a pack of a SKU."""

    answer: UUID
    appeal: int
    retailer: str
    sku: str
    carry_thousandths: int


@dataclass(frozen=True)
class Totals:
    """How many appeals there are; ``until`` is the first last day for an answer among the open ones."""

    appeals: int
    open: int
    proposed: int
    until: date | None


def appeal(session: Session, appeal_id: UUID) -> Appeal | None:
    """Return one appeal, or none."""
    row = session.get(AppealRow, appeal_id, populate_existing=True)
    return None if row is None else appeal_of(row)


def appeals(
    session: Session,
    *,
    retailer: str | None = None,
    run: int | None = None,
    states: Collection[AppealState] | None = None,
    limit: int | None = None,
) -> list[Appeal]:
    """Return appeals: open ones first, the last day for an answer before later ones, then the others, newest first."""
    query = _named(retailer, run, states).order_by(AppealRow.number.desc()).limit(limit)
    found = [appeal_of(row) for row in session.scalars(query)]
    return sorted(found, key=lambda one: (not one.open, one.answer_until.toordinal() if one.open else 0, _place(one)))


def waiting_for(session: Session, operator: Operator, *, limit: int) -> list[Appeal]:
    """Return the appeals that wait for a person, the earliest deadline first.

    Those that the person looks at; for planners those that nobody has; for releasers those that wait for a second one.
    """
    theirs: list[ColumnElement[bool]] = [(AppealRow.state == "looked_at") & (AppealRow.owner == operator.name)]
    if operator.may("planner"):
        theirs.append(AppealRow.state == "received")
    if operator.may("releaser"):
        own = exists().where(
            AppealAnswerRow.appeal == AppealRow.id,
            AppealAnswerRow.returned_by.is_(None),
            AppealAnswerRow.author == operator.name,
        )
        theirs.append((AppealRow.state == "proposed") & ~own)
    query = select(AppealRow).where(or_(*theirs)).order_by(AppealRow.answer_until, AppealRow.number)
    return [appeal_of(row) for row in session.scalars(query.limit(limit))]


def newest(
    session: Session,
    *,
    retailer: str | None,
    run: int | None,
    state: AppealState | None,
    before: int | None,
    limit: int,
) -> list[Appeal]:
    """Return appeals, the newest number first, below the number ``before`` where it is named."""
    query = _named(retailer, run, None if state is None else (state,)).order_by(AppealRow.number.desc()).limit(limit)
    if before is not None:
        query = query.where(AppealRow.number < before)
    return [appeal_of(row) for row in session.scalars(query)]


def _named(retailer: str | None, run: int | None, states: Collection[AppealState] | None) -> Select[AppealRow]:
    query = select(AppealRow)
    if retailer is not None:
        query = query.where(AppealRow.retailer == retailer)
    if run is not None:
        query = query.where(AppealRow.run == run)
    return query if states is None else query.where(AppealRow.state.in_(states))


def _place(one: Appeal) -> int:
    return one.number if one.open else -one.number


def answers(session: Session, appeal_id: UUID) -> list[Answer]:
    """Return every answer that an appeal was given, the newest first."""
    rows = session.scalars(
        select(AppealAnswerRow)
        .where(AppealAnswerRow.appeal == appeal_id)
        .order_by(AppealAnswerRow.at.desc(), AppealAnswerRow.id.desc())
        .execution_options(populate_existing=True)
    )
    return [answer_of(row) for row in rows]


def corrections(session: Session, appeal_ids: Collection[UUID]) -> dict[UUID, list[Correction]]:
    """Return what some appeals corrected, in order."""
    found: dict[UUID, list[Correction]] = defaultdict(list)
    rows = session.scalars(
        select(CorrectionRow)
        .where(CorrectionRow.appeal == any_(literal(list(appeal_ids), ARRAY(Uuid))))
        .order_by(CorrectionRow.facts, CorrectionRow.period, CorrectionRow.product_class.collate("C"))
    )
    for row in rows:
        found[row.appeal].append(_correction(row))
    return found


def credits_of(session: Session, retailers: Collection[str]) -> list[Credit]:
    """Return the credits that were approved for some retailers, the oldest first."""
    rows = session.execute(
        select(AppealAnswerRow.id, AppealRow.number, AppealRow.retailer, AppealAnswerRow.remedy)
        .join(AppealRow, AppealRow.id == AppealAnswerRow.appeal)
        .where(
            AppealAnswerRow.remedy["sort"].astext == "carry",
            AppealAnswerRow.approved_at.is_not(None),
            AppealAnswerRow.retailer == any_(literal(list(retailers), ARRAY(String))),
        )
        .order_by(AppealAnswerRow.approved_at, AppealRow.number)
    )
    return [
        Credit(answer, number, retailer, remedy["sku"], remedy["carry_thousandths"])
        for answer, number, retailer, remedy in rows
        if remedy is not None
    ]


def corrected_since(session: Session, run: int, at: datetime) -> bool:
    """Return whether an appeal against a run has corrected a figure since ``at``."""
    query = (
        select(CorrectionRow.id)
        .join(AppealRow, AppealRow.id == CorrectionRow.appeal)
        .where(AppealRow.run == run, CorrectionRow.at >= at)
        .limit(1)
    )
    return session.scalar(query) is not None


def corrected_in(session: Session, corrected_at: datetime) -> int | None:
    """Return the first published run that was computed from figures corrected at an instant; none so far."""
    return session.scalar(
        select(ScoreRun.number)
        .where(ScoreRun.state == "published", ScoreRun.asked_at > corrected_at)
        .order_by(ScoreRun.published_at, ScoreRun.number)
        .limit(1)
    )


def totals(session: Session, *, run: int | None = None) -> Totals:
    """Return how many appeals there are, of one run where it is named."""
    is_open = AppealRow.state.in_(OPEN)
    query = select(
        func.count(),
        func.count().filter(is_open),
        func.count().filter(AppealRow.state == "proposed"),
        func.min(AppealRow.answer_until).filter(is_open),
    )
    if run is not None:
        query = query.where(AppealRow.run == run)
    return Totals(*session.execute(query).one())


def appeal_of(row: AppealRow) -> Appeal:
    """Return a row as others see it."""
    return Appeal(
        row.id,
        row.number,
        row.retailer,
        row.run,
        row.component,
        row.words,
        row.figure,
        row.by,
        row.at,
        row.answer_until,
        cast("AppealState", row.state),
        row.owner,
        row.settled_at,
    )


def answer_of(row: AppealAnswerRow) -> Answer:
    """Return a row as others see it."""
    return Answer(
        row.id,
        row.appeal,
        cast("Verdict", row.verdict),
        row.answer_zh,
        row.answer_en,
        tuple(row.figures),
        row.remedy,
        row.author,
        row.at,
        row.approver,
        row.approved_at,
        row.returned_by,
        row.returned_at,
        row.returned_why,
    )


def _correction(row: CorrectionRow) -> Correction:
    return Correction(
        row.appeal,
        row.facts,
        row.product_class,
        row.period,
        row.before,
        row.after,
        row.reason,
        row.author,
        row.approver,
        row.at,
    )
