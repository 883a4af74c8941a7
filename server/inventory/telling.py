"""Telling the demand history what shops sold and when they were out of stock, by month and class, once a month is over.

Messages may come late: each night the last two months are reckoned again, and what differs is a new version there. A
shop is told of for a month in which it told of a sale; of others nobody knows whether they sold or did not say.
"""

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from server.catalogue import queries as catalogue
from server.forecasts import rules as months
from server.forecasts import service as forecasts
from server.inventory import queries, rules
from server.inventory.models import StockTelling
from server.kit import jobs
from server.kit.db import transaction
from server.kit.runtime import Runtime

TASK: Final = "inventory.tell"
HOUR: Final = 1
"""From this hour on by the distributor's clock it is told; forecasts are computed later in the night."""

MONTHS_TOLD: Final = 2
CARRIED_MONTHS: Final = 2
"""So many months after the last unit a SKU still counts as one that the shop carries."""

SHOPS_AT_ONCE: Final = 200


def keep_time(session: Session, now: datetime) -> bool:
    """Have the history told once a night; ``now`` is the time in the distributor's zone."""
    if now.hour < HOUR:
        return False
    asked = insert(StockTelling).values(day=now.date(), asked_at=now).on_conflict_do_nothing()
    if session.execute(asked.returning(StockTelling.day)).one_or_none() is None:
        return False
    jobs.defer(session, TASK, {"day": now.date().isoformat()}, queue=jobs.SOLVING, lock="inventory")
    return True


def run(runtime: Runtime, *, day: str) -> None:
    """Tell of the months that were over on ``day``, some shops at a time; again it tells the same."""
    today, cells = date.fromisoformat(day), 0
    for back in range(1, MONTHS_TOLD + 1):
        month = months.later(months.month_of(today), -back)
        with transaction(runtime.sessions) as session:
            shops = queries.selling(session, *_span(month, runtime.settings.tz))
        for start in range(0, len(shops), SHOPS_AT_ONCE):
            with transaction(runtime.sessions) as session:
                sold = sold_in(session, shops[start : start + SHOPS_AT_ONCE], month, runtime.settings.tz)
                cells += forecasts.note_sales(session, month, sold, at=runtime.clock())
    with transaction(runtime.sessions) as session:
        row = session.get(StockTelling, today)
        assert row is not None  # noqa: S101 - the job was asked for with it
        row.done_at, row.cells = runtime.clock(), cells


def sold_in(
    session: Session, shops: list[str], month: date, zone: ZoneInfo
) -> dict[tuple[str, str], tuple[int, int | None]]:
    """Return what some shops sold in a month that is over, and the days without stock, by shop and class.

    A class was out of stock as its SKUs were on average, those that the shop carried; halves count up.
    """
    last = months.later(month, 1) - timedelta(days=1)
    classes = {code: sku.category for code, sku in catalogue.skus(session, withdrawn=True).items()}
    parts: dict[tuple[str, str], list[rules.Month]] = defaultdict(list)
    for (shop, sku), moves in queries.moves(session, shops, last, zone.key).items():
        part = rules.month(moves, months.later(month, -CARRIED_MONTHS), month, last)
        if part.sold_units or part.out_days is not None:
            parts[shop, classes[sku]].append(part)
    return {key: _together(part) for key, part in parts.items()}


def _together(parts: list[rules.Month]) -> tuple[int, int | None]:
    out = [part.out_days for part in parts if part.out_days is not None]
    days = (2 * sum(out) + len(out)) // (2 * len(out)) if out else None
    return max(sum(part.sold_units for part in parts), 0), days


def _span(month: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    return datetime.combine(month, time(), zone), datetime.combine(months.later(month, 1), time(), zone)
