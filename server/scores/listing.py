"""A run's shops in lists: what a screen searches, sorts and takes away as a file."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session

from server.kit.db import streamed
from server.retailers import queries as retailers
from server.scores import rules
from server.scores.models import ScoreRow
from server.scores.queries import Run


@dataclass(frozen=True)
class Asked:
    """What is asked of a run's shops; an empty text asks for everything. ``order`` begins with ``-`` to descend.

    ``pairs`` asks for those that stood and stand in one of these pairs of tiers (:meth:`Moves.pairs`).
    """

    words: str = ""
    status: str = ""
    order: str = "-points"
    limit: int | None = None
    offset: int = 0
    pairs: Sequence[tuple[int, int]] | None = None


@dataclass(frozen=True)
class Listed:
    """A shop of a run on one line; points are the score as people read it."""

    retailer: str
    name: str
    region: str
    score_milli: int
    previous_tier: int | None
    tier: int
    weight: int
    status: str

    @property
    def points(self) -> float:
        """The score in points."""
        return self.score_milli / 1000


@dataclass(frozen=True)
class Moves:
    """How many shops of a run stood in each tier before and earn each tier now, without decisions."""

    counted: Mapping[tuple[int | None, int], int]

    @property
    def before(self) -> Counter[int | None]:
        """By the tier before; none: they had none."""
        return self._by(lambda pair: pair[0])

    @property
    def after(self) -> Counter[int]:
        """By the tier earned."""
        return self._by(lambda pair: pair[1])

    @property
    def ways(self) -> Counter[str]:
        """By which way they moved."""
        return self._by(lambda pair: rules.move(*pair))

    def pairs(self, way: str) -> list[tuple[int, int]]:
        """Return the tiers before and now of those that moved one way; 0 for no tier before."""
        return [(before or 0, now) for before, now in self.counted if rules.move(before, now) == way]

    def _by(self, key: Any) -> Counter[Any]:
        counted: Counter[Any] = Counter()
        for pair, count in self.counted.items():
            counted[key(pair)] += count
        return counted


def moves(session: Session, found: Run) -> Moves:
    """Return how the shops of a run moved."""
    pair = (ScoreRow.previous_tier, ScoreRow.earned_tier)
    rows = session.execute(select(*pair, func.count()).where(ScoreRow.run == found.id).group_by(*pair))
    return Moves({(before, now): count for before, now, count in rows})


def shops(session: Session, found: Run, asked: Asked) -> tuple[list[Listed], int]:
    """Return the shops of a run that are asked for, and how many there are.

    Texts stand in byte order, a missing figure before all others; what is equal by the best score first.
    """
    query = _query(found, asked)
    counted = query.order_by(None).with_only_columns(func.count(), maintain_column_froms=True)
    total = session.scalar(counted) or 0
    rows = session.execute(query.offset(asked.offset).limit(asked.limit))
    return [Listed(*row) for row in rows], total


def every_shop(session: Session, found: Run, asked: Asked) -> Iterator[Listed]:
    """Yield all shops of a run that are asked for, in the same order; it holds a thousand at a time."""
    for row in streamed(session, _query(found, asked)):
        yield Listed(*row)


def _query(found: Run, asked: Asked) -> Select[Any]:
    shop = retailers.shops_query(text=asked.words).subquery()
    orders = {
        "retailer": ScoreRow.retailer.collate("C"),
        "name": shop.c.name.collate("C"),
        "region": shop.c.region.collate("C"),
        "points": ScoreRow.score_milli,
        "previous_tier": ScoreRow.previous_tier,
        "tier": ScoreRow.tier,
        "weight": ScoreRow.weight,
        "status": ScoreRow.status.collate("C"),
    }
    query = (
        select(
            ScoreRow.retailer,
            shop.c.name,
            shop.c.region,
            ScoreRow.score_milli,
            ScoreRow.previous_tier,
            ScoreRow.tier,
            ScoreRow.weight,
            ScoreRow.status,
        )
        .join(shop, shop.c.code == ScoreRow.retailer)
        .where(ScoreRow.run == found.id)
    )
    if asked.status:
        query = query.where(ScoreRow.status == asked.status)
    if asked.pairs is not None:
        pair = tuple_(func.coalesce(ScoreRow.previous_tier, 0), ScoreRow.earned_tier)
        query = query.where(pair.in_(asked.pairs))
    chosen = orders[asked.order.removeprefix("-")]
    first = chosen.desc().nulls_last() if asked.order.startswith("-") else chosen.asc().nulls_first()
    return query.order_by(first, ScoreRow.score_milli.desc(), ScoreRow.retailer.collate("C"))
