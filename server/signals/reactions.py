"""What signals do when something happened below."""

from datetime import datetime

from sqlalchemy.orm import Session

from server.orders import queries as orders
from server.orders.events import WindowClosed
from server.signals import service

OVER = frozenset({"closed", "frozen", "published", "called_off"})


def on_window_closed(session: Session, event: WindowClosed, at: datetime) -> None:
    """Have a cycle's book looked at once its last window has closed. Told twice, it does nothing."""
    if all(window.state in OVER for window in orders.windows(session, cycle=event.cycle)):
        service.ask(session, event.cycle, at=at)
