"""What cycles do when others tell them something."""

from datetime import datetime

from sqlalchemy.orm import Session

from server.cycles import moves, rules
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
