"""How the palette finds orders by number."""

from sqlalchemy import Select, String, cast, literal, select

from server.kit.console.finding import number_asked
from server.orders.models import OrderRow


def look(asked: str) -> Select[str, str, str] | None:
    """Return the one of the number that was asked for; none where it is no number."""
    number = number_asked(asked)
    if number is None:
        return None
    name = literal("#") + cast(OrderRow.number, String)
    note = OrderRow.retailer
    key = cast(OrderRow.number, String)
    found = select(name.label("name"), note.label("note"), key.label("key"))
    return found.where(OrderRow.number == number)
