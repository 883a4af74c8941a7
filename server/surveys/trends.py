"""The surveys of a series, one after the other: a mark or a price over time, in all, by region, by customer manager.

Four statements, however many rounds. Weights are those of each round's strata; a region or a manager's shops are a
domain of them. Of an anonymous survey only the whole is known.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.feed import Question, Row
from server.retailers import queries as retailers
from server.surveys import estimating, results
from server.surveys.estimating import SMALL_CELL, Estimate, Sums, Weight
from server.surveys.models import AnswerRow, AnswerSetRow, BallotRow, StratumRow
from server.surveys.queries import Survey, surveys_of

ROUNDS_SHOWN = 24
ALL = ""
Held = Mapping[tuple[str, str], Mapping[int, Counter[int]]]
"""By region and class: by stratum, how often each value was given."""


@dataclass(frozen=True)
class Asked:
    """A question, or a row of one, that was asked in rounds of a series and is answered by a figure."""

    question: Question
    row: Row | None

    @property
    def key(self) -> str:
        """What names it in an address."""
        return self.question.id if self.row is None else f"{self.question.id}:{self.row.id}"


@dataclass(frozen=True)
class Point:
    """A figure of one round: how many shops gave one, their estimated mean, their weighted median."""

    answered: int
    estimate: Estimate | None
    median: float | None


@dataclass(frozen=True)
class Trend:
    """One question over the rounds, the oldest first; each list has a point or none a round."""

    rounds: tuple[Survey, ...]
    whole: tuple[Point | None, ...]
    regions: Mapping[str, tuple[Point | None, ...]]
    managers: Mapping[str, tuple[Point | None, ...]]


@dataclass(frozen=True)
class Manager:
    """A customer manager by his bounds: regions and classes of shops, each empty where it bounds nothing."""

    name: str
    regions: frozenset[str]
    classes: frozenset[str]

    def has(self, place: tuple[str, str]) -> bool:
        """Return whether shops of a region and class are his."""
        region, kind = place
        return (not self.regions or region in self.regions) and (not self.classes or kind in self.classes)


def rounds(session: Session, series: str) -> list[Survey]:
    """Return the newest surveys of a series that were asked, the oldest of them first."""
    found = surveys_of(session, series, limit=ROUNDS_SHOWN)
    return sorted((one for one in found if one.opened_at is not None), key=lambda one: (one.opens_at, one.number))


def asked_in(shown: Sequence[Survey]) -> list[Asked]:
    """Return what can be followed over the rounds, as the newest has it."""
    return [
        Asked(question, row)
        for question in (shown[-1].questions if shown else ())
        if question.kind in {"scale", "number", "money"}
        for row in question.rows or (None,)
    ]


def trend(
    session: Session, shown: Sequence[Survey], asked: Asked, managers: Sequence[Manager], *, bounded: bool = False
) -> Trend:
    """Return how the figure moved. Who sees a part of the shops gets theirs, and no estimate of the rest."""
    named = [one for one in shown if not one.anonymous]
    secret = [one.id for one in shown if one.anonymous and not bounded]
    weights = _weights(session, shown, [one.id for one in named], secret, whole=not bounded)
    held = _named(session, named, asked) | _secret(session, secret, asked)
    places = sorted({place for one in held.values() for place in one if place[0] != ALL})

    def points(fits: Callable[[tuple[str, str]], bool]) -> tuple[Point | None, ...]:
        return tuple(_point(weights.get(one.id, {}), held.get(one.id, {}), fits, secret=one.anonymous) for one in shown)

    regions = sorted({region for region, _ in places}, key=str.encode)
    return Trend(
        tuple(shown),
        points(lambda _: True),
        {name: points(partial(_within, name)) for name in regions},
        {one.name: points(one.has) for one in managers if any(one.has(place) for place in places)},
    )


def _within(region: str, place: tuple[str, str]) -> bool:
    return place[0] == region


def _point(
    weights: Mapping[int, Weight], held: Held, fits: Callable[[tuple[str, str]], bool], *, secret: bool
) -> Point | None:
    given: dict[int, Counter[int]] = {}
    for where, strata in held.items():
        if fits(where):
            for place, counts in strata.items():
                given.setdefault(place, Counter()).update(counts)
    sums = {place: _sums(counts) for place, counts in given.items()}
    answered = sum(one.count for one in sums.values())
    if not answered or (secret and answered < SMALL_CELL):
        return None
    values = [(place, value, count) for place, counts in given.items() for value, count in counts.items()]
    return Point(answered, estimating.mean(weights, sums), estimating.quantile(weights, values, 0.5))


def _sums(counts: Counter[int]) -> Sums:
    return Sums(
        counts.total(),
        sum(value * count for value, count in counts.items()),
        sum(float(value) * value * count for value, count in counts.items()),
    )


def _weights(
    session: Session, shown: Sequence[Survey], named: Sequence[UUID], secret: Sequence[UUID], *, whole: bool
) -> dict[UUID, dict[int, Weight]]:
    answered: dict[UUID, Counter[int]] = {one.id: Counter() for one in shown}
    sets = select(AnswerSetRow.survey_id, AnswerSetRow.stratum, func.count()).where(AnswerSetRow.survey_id.in_(named))
    ballots = select(BallotRow.survey_id, BallotRow.stratum, func.count(BallotRow.ballot.distinct()))
    for survey, place, count in session.execute(
        sets.group_by(AnswerSetRow.survey_id, AnswerSetRow.stratum).union_all(
            ballots.where(BallotRow.survey_id.in_(secret)).group_by(BallotRow.survey_id, BallotRow.stratum)
        )
    ):
        answered[survey][place] += count
    parts: dict[UUID, list[results.Part]] = {}
    for row in session.scalars(select(StratumRow).where(StratumRow.survey_id.in_([*named, *secret]))):
        count = answered[row.survey_id][row.place]
        one = results.Part(row.place, row.name, row.shops, row.asked, count, row.full_at, row.pooled_into)
        parts.setdefault(row.survey_id, []).append(one)
    return {survey: results.weights(strata, whole=whole) for survey, strata in parts.items()}


def _named(session: Session, asked_of: Sequence[Survey], asked: Asked) -> dict[UUID, Held]:
    shops = retailers.places_query().subquery()
    columns = (AnswerRow.survey_id, shops.c.region, shops.c.market_type, AnswerRow.stratum)
    query = (
        select(*columns, func.array_agg(AnswerRow.number))
        .join(shops, shops.c.code == AnswerRow.retailer)
        .where(
            AnswerRow.survey_id.in_([one.id for one in asked_of]),
            AnswerRow.question == asked.question.id,
            AnswerRow.item == ("" if asked.row is None else asked.row.id),
            AnswerRow.number.is_not(None),
            *([results.not_rejected()] if any(one.sort == "market" for one in asked_of) else ()),
        )
        .group_by(*columns)
    )
    found: dict[UUID, dict[tuple[str, str], dict[int, Counter[int]]]] = {}
    for survey, region, kind, place, numbers in session.execute(query):
        found.setdefault(survey, {}).setdefault((region, kind), {})[place] = Counter(numbers)
    return dict(found)


def _secret(session: Session, ids: Sequence[UUID], asked: Asked) -> dict[UUID, Held]:
    columns = (BallotRow.survey_id, BallotRow.stratum, BallotRow.number)
    query = (
        select(*columns, func.count())
        .where(
            BallotRow.survey_id.in_(ids),
            BallotRow.question == asked.question.id,
            BallotRow.item == ("" if asked.row is None else asked.row.id),
            BallotRow.number.is_not(None),
        )
        .group_by(*columns)
    )
    found: dict[UUID, dict[tuple[str, str], dict[int, Counter[int]]]] = {}
    for survey, place, value, count in session.execute(query):
        found.setdefault(survey, {}).setdefault((ALL, ALL), {}).setdefault(place, Counter())[value or 0] += count
    return dict(found)
