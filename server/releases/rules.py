"""Pure decisions about releases: how long what was signed holds, when it is renewed, when people are warned."""

from datetime import datetime, timedelta
from typing import Literal

from contract.releases import order

Role = Literal["root", "targets", "snapshot", "timestamp"]
ROLES: tuple[Role, ...] = ("root", "targets", "snapshot", "timestamp")
#: Signed by people; the others by the server.
PEOPLES: tuple[Role, ...] = ("root", "targets")
HOLDS: dict[Role, timedelta] = {
    "root": timedelta(days=365),
    "targets": timedelta(days=180),
    "snapshot": timedelta(days=7),
    "timestamp": timedelta(days=1),
}
#: People are warned so long before what they signed expires.
WARNED_BEFORE = timedelta(days=30)
#: The server signs its own roles anew when less than this part of their time is left.
RENEWED_AT = 0.5

Standing = Literal["holds", "ends_soon", "expired"]


def standing(role: Role, expires: datetime, now: datetime) -> Standing:
    """Return how what was signed for a role stands.

    Of the server's own roles one *ends soon* where renewal is overdue: then no worker runs, or its key is gone.
    """
    if now >= expires:
        return "expired"
    margin = WARNED_BEFORE if role in PEOPLES else HOLDS[role] * RENEWED_AT / 2
    return "ends_soon" if expires - now <= margin else "holds"


def due(role: Role, expires: datetime, now: datetime) -> bool:
    """Return whether the server signs one of its own roles anew now."""
    return expires - now <= HOLDS[role] * RENEWED_AT


def lowers(version: str, others: list[str]) -> bool:
    """Return whether a version is not above all that were published before it."""
    return any(order(version) <= order(other) for other in others)


def until(role: Role, at: datetime) -> datetime:
    """Return until when what is signed now for a role holds; the framework knows whole seconds."""
    return (at + HOLDS[role]).replace(microsecond=0)
