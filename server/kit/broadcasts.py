"""Broadcasts: a group of terminals is told once that there is something new, and each of them fetches it.

One row a group, one retained message on the broker. Guarantees: the number grows with each telling, in the
transaction that appended what is new; the relay publishes the newest number at least once after its commit, and all
of them again when it has connected anew, so that a broker that lost its state has them again. A group is told how
many are to come, so that their requests are spread.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from contract.topics import News, valid_group
from server.kit.db import EVERYTHING, Base, transaction
from server.kit.outbox import CHANNEL

SPREAD_A_TERMINAL_MS: Final = 5
"""200 terminals a second come to fetch: a small machine answers them beside its other work."""
SPREAD_MOST_MS: Final = 60_000


class BroadcastRow(Base):
    """How often a group was told that there is something new; ``published_at`` is empty until the broker was."""

    __tablename__ = "broadcasts"

    name: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger)
    spread_ms: Mapped[int]
    at: Mapped[datetime]
    published_at: Mapped[datetime | None]


def spread_ms(terminals: int) -> int:
    """Return within how many milliseconds so many terminals are to come."""
    return min(SPREAD_MOST_MS, terminals * SPREAD_A_TERMINAL_MS)


def tell(session: Session, groups: Collection[str], *, terminals: int, at: datetime) -> None:
    """Tell groups that there is something new for some of them; ``terminals`` are going to fetch it.

    Raises
    ------
    ValueError
        What is no name of a group.
    """
    wrong = [group for group in groups if not valid_group(group)]
    if wrong:
        raise ValueError(f"{wrong[0]!r} is no group")
    if not groups:
        return
    spread = spread_ms(terminals)
    rows = [{"name": group, "number": 1, "spread_ms": spread, "at": at} for group in sorted(groups)]
    told = insert(BroadcastRow).values(rows)
    session.execute(
        told.on_conflict_do_update(
            index_elements=["name"],
            set_={
                "number": BroadcastRow.number + 1,
                "spread_ms": told.excluded.spread_ms,
                "at": told.excluded.at,
                "published_at": None,
            },
        )
    )
    session.execute(select(func.pg_notify(CHANNEL, "")))


def numbers(session: Session, groups: Collection[str]) -> Mapping[str, int]:
    """Return the number of each group's newest broadcast, 0 where it was never told anything."""
    found = dict.fromkeys(groups, 0)
    query = select(BroadcastRow.name, BroadcastRow.number).where(BroadcastRow.name.in_(found))
    return found | {row.name: row.number for row in session.execute(query)}


def relay_once(
    sessions: sessionmaker[Session], *, publish: Callable[[str, News], None], now: datetime, again: bool = False
) -> int:
    """Publish what the broker was not told yet, with ``again`` every group's newest; return how many."""
    with transaction(sessions, EVERYTHING) as session:
        query = select(BroadcastRow).order_by(BroadcastRow.name).with_for_update(skip_locked=True)
        waiting = session.scalars(query if again else query.where(BroadcastRow.published_at.is_(None))).all()
        for row in waiting:
            publish(row.name, News(number=row.number, spread_ms=row.spread_ms))
        if waiting:
            session.execute(update(BroadcastRow), [{"name": row.name, "published_at": now} for row in waiting])
        return len(waiting)
