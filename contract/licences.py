"""How a licence stands on a day: one rule for the console, the terminal and files."""

from datetime import date
from typing import Literal

#: So many days before its end a licence is said to run out.
EXPIRING_DAYS = 60

Stand = Literal["valid", "expiring", "expired", "coming", "suspended", "cancelled"]


def stand(state: str, valid_from: date, valid_until: date, on: date) -> Stand:
    """Return how a licence stands on a day; first and last day are included."""
    if state != "valid":
        return "suspended" if state == "suspended" else "cancelled"
    if on < valid_from:
        return "coming"
    if on > valid_until:
        return "expired"
    return "expiring" if (valid_until - on).days < EXPIRING_DAYS else "valid"
