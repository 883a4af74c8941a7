"""Small networks to score: histories in a line or two."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from allocation.scoring import History

MONDAY = date(2027, 1, 4)


def week(number: int) -> str:
    """Return the first day of a week."""
    return (MONDAY + timedelta(7 * number)).isoformat()


def weekly(series: Mapping[str, Sequence[Any]], column: str = "sold") -> dict[str, list[Any]]:
    """Return a table of one column: for each retailer its weeks in order, None for a week without a row."""
    rows = [(name, week(n), cell) for name, cells in series.items() for n, cell in enumerate(cells) if cell is not None]
    return {"retailer": [r[0] for r in rows], "period": [r[1] for r in rows], column: [r[2] for r in rows]}


def parts(series: Mapping[str, Sequence[tuple[int, int] | None]], whole: str, part: str) -> dict[str, list[Any]]:
    """Return a table of a whole and its part, week by week."""
    rows = [(name, week(n), *cell) for name, cells in series.items() for n, cell in enumerate(cells) if cell]
    columns: tuple[list[Any], ...] = tuple(map(list, zip(*rows, strict=True))) or ([], [], [], [])
    return dict(zip(("retailer", "period", whole, part), columns, strict=True))


def network(
    names: Sequence[str], columns: Mapping[str, Sequence[Any]] | None = None, **tables: Mapping[str, list[Any]]
) -> History:
    """Return a history of retailers, with further columns about them, and tables of figures."""
    return History.from_columns({"retailer": list(names), **(columns or {})}, tables)


def sold(series: Mapping[str, Sequence[Any]], **columns: Sequence[Any]) -> History:
    """Return a history of what retailers sold week by week."""
    return network(list(series), columns, history=weekly(series))
