"""How the palette finds cycles by number, and what the audit calls them."""

from collections.abc import Collection

from sqlalchemy import Select, String, cast, literal, select
from sqlalchemy.orm import Session

from contract.texts import Language
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


def names(session: Session, identifiers: Collection[str], language: Language) -> dict[str, str]:
    """Return the names of the cycles among some identifiers."""
    called = CycleRow.name_zh if language == "zh" else CycleRow.name_en
    rows = session.execute(select(CycleRow.id, called).where(CycleRow.id.in_(identifiers)))
    return {str(row[0]): f"“{row[1]}”" for row in rows}
