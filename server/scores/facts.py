"""Facts of retailers' months, from which scores are made: each later one is a new version beside the earlier.

Versions have numbers that only grow. Who writes one holds the numbers together with the others who do; a run that
asks for the newest holds them alone, so that no version with a smaller number can come later.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import Final

from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from server.scores.models import FactRow, FactVersion, TakenSku

DELIVERIES: Final = "deliveries"
_NUMBERS: Final = func.hashtextextended("score_facts:numbers", 0)


def note_delivery(
    session: Session, retailer: str, told: str, *, accepted: bool, skus: Collection[str], by: str, at: datetime
) -> None:
    """Count a confirmed delivery in its month, which begins by UTC; the one that ``told`` names is counted once.

    Parameters
    ----------
    told
        Which delivery it is. Whoever tells of one holds it, so that no other tells of it meanwhile.
    accepted
        Whether nothing of it was refused.
    skus
        The SKUs of which it brought something for sale.
    by
        Who confirmed it.
    """
    hold_numbers(session)
    if session.scalar(select(FactVersion.number).where(FactVersion.told == told)) is not None:
        return
    key = {"facts": DELIVERIES, "retailer": retailer, "period": at.astimezone(UTC).date().replace(day=1)}
    one = {"whole": 1, "part": int(accepted)}
    whole, part = session.execute(
        upsert(FactRow)
        .values(**key, **one, source=DELIVERIES, changed_at=at)
        .on_conflict_do_update(
            index_elements=list(key),
            set_={"whole": FactRow.whole + one["whole"], "part": FactRow.part + one["part"], "changed_at": at},
        )
        .returning(FactRow.whole, FactRow.part)
    ).one()
    number = session.execute(
        insert(FactVersion)
        .values(**key, whole=whole, part=part, source=DELIVERIES, by=by, told=told, at=at)
        .returning(FactVersion.number)
    ).scalar_one()
    if skus:
        taken = [{"retailer": retailer, "period": key["period"], "sku": sku, "number": number} for sku in sorted(skus)]
        session.execute(upsert(TakenSku).on_conflict_do_nothing(), taken)


def stands(session: Session, facts: str, retailer: str, period: date) -> tuple[int, int] | None:
    """Return the whole and the part that are known of a month by now; none where nothing is."""
    row = session.get(FactRow, (facts, retailer, period), populate_existing=True)
    return None if row is None else (row.whole, row.part)


def correct(
    session: Session,
    facts: str,
    retailer: str,
    period: date,
    figures: tuple[int, int],
    *,
    source: str,
    by: str,
    at: datetime,
) -> None:
    """Put a corrected whole and part in place of what was known of a month; the earlier ones are kept."""
    hold_numbers(session)
    key = {"facts": facts, "retailer": retailer, "period": period}
    now = {"whole": figures[0], "part": figures[1], "source": source}
    session.execute(
        upsert(FactRow)
        .values(**key, **now, changed_at=at)
        .on_conflict_do_update(index_elements=list(key), set_=now | {"changed_at": at})
    )
    session.execute(insert(FactVersion).values(**key, **now, by=by, at=at))


def newest(session: Session) -> int:
    """Return the number of the newest version, once nobody is writing an earlier one; 0 where there is none."""
    session.execute(select(func.pg_advisory_xact_lock(_NUMBERS)))
    return session.scalar(select(func.max(FactVersion.number))) or 0


def hold_numbers(session: Session) -> None:
    """Keep the numbers from being asked for until the transaction ends; others may write too."""
    session.execute(select(func.pg_advisory_xact_lock_shared(_NUMBERS)))
