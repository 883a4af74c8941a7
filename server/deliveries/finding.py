"""How the palette finds deliveries and claims by number."""

from sqlalchemy import Select, String, cast, literal, select

from server.deliveries.models import ClaimRow, DeliveryRow
from server.kit.console.finding import number_asked


def _look(row: type[DeliveryRow | ClaimRow], asked: str) -> Select[str, str, str] | None:
    """Return the one of the number that was asked for; none where it is no number."""
    number = number_asked(asked)
    if number is None:
        return None
    name = literal("#") + cast(row.number, String)
    return select(name.label("name"), row.retailer.label("note"), cast(row.id, String).label("key")).where(
        row.number == number
    )


def delivery(asked: str) -> Select[str, str, str] | None:
    """Look for a delivery."""
    return _look(DeliveryRow, asked)


def claim(asked: str) -> Select[str, str, str] | None:
    """Look for a claim."""
    return _look(ClaimRow, asked)
