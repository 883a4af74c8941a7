"""How the palette finds cycles by number."""

from sqlalchemy import Select, String, cast, literal, select

from server.cycles.models import CycleRow
from server.kit.console.finding import number_asked


def look(asked: str) -> Select[str, str, str] | None:
    """Return the one of the number that was asked for; none where it is no number."""
    number = number_asked(asked)
    if number is None:
        return None
    name = literal("#") + cast(CycleRow.number, String)
    note = CycleRow.name_zh + literal(" / ") + CycleRow.name_en
    key = cast(CycleRow.id, String)
    found = select(name.label("name"), note.label("note"), key.label("key"))
    return found.where(CycleRow.number == number)
