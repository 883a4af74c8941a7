"""What cycles do when others tell them something."""

from datetime import datetime

from sqlalchemy.orm import Session

from server.cycles import demand, moves, rules
from server.cycles.events import GrantsPublished
from server.forecasts import rules as months
from server.forecasts import service as forecasts
from server.kit.identity import SYSTEM
from server.orders import queries as orders
from server.orders.events import WindowClosed


def on_window_closed(session: Session, event: WindowClosed, at: datetime) -> None:
    """Close the cycle when its last window has closed, and have its book frozen. Told twice, it does nothing."""
    row = moves.locked(session, event.cycle)
    if row.state != "announced":
        return
    if rules.all_closed([window.state for window in orders.windows(session, cycle=event.cycle)]):
        moves.move(session, row, "close", at=at, actor=SYSTEM, detail={"closed_at": event.at.isoformat()})
        moves.resume(session, row)


def on_grants_published(session: Session, event: GrantsPublished, at: datetime) -> None:
    """Tell the demand history what was requested and granted in the cycle's month. Told twice, it changes nothing."""
    week = demand.week_of(session, event.cycle)
    if week is not None:
        forecasts.hold_history(session)  # first: of two of a month, the later one adds up what the earlier one left
        month = months.month_of(week)
        forecasts.note_requests(session, month, demand.sums(session, month, months.later(month, 1)), "cycles", at=at)
