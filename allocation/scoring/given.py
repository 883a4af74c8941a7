"""What was scored, as the files of a folder: whoever reads them has the same history, by the same hash."""

from collections.abc import Sequence
from datetime import date
from typing import Final

from allocation.scoring.dates import ABSENT_DAY
from allocation.scoring.decisions import COLUMNS as DECISION_COLUMNS
from allocation.scoring.decisions import FILE as DECISIONS_FILE
from allocation.scoring.decisions import Decision
from allocation.scoring.history import ABSENT, RETAILERS, TABLES, THOUSANDTHS, History
from allocation.scoring.scores import csv_bytes

_DECIMALS: Final = ("demand", "in_stock")


def given_files(history: History, decisions: Sequence[Decision] = ()) -> dict[str, bytes]:
    """Return the bytes of ``retailers.csv``, of each table of figures, and of ``decisions.csv`` where there are any.

    :func:`allocation.scoring.folders.read_given` makes the same history and the same decisions of them.
    """
    files = {"retailers.csv": _retailers_csv(history)}
    files |= {f"{name}.csv": figures_csv(history, name) for name in TABLES if name in history.figures}
    if decisions:
        rows = (made.as_dict().values() for made in decisions)
        files[DECISIONS_FILE] = csv_bytes(
            DECISION_COLUMNS, (["" if cell is None else cell for cell in row] for row in rows)
        )
    return files


def figures_csv(history: History, name: str) -> bytes:
    """Return the bytes of a table of figures: rows by retailer and period, demand and in_stock with their decimals."""
    table = history.figures[name]
    shown = [column for column in TABLES[name] if column in table.columns]
    names = [history.retailer[index] for index in table.retailer.tolist()]
    days = [date.fromordinal(day).isoformat() for day in table.day.tolist()]
    cells = [map(_decimal if column in _DECIMALS else _whole, table.columns[column].tolist()) for column in shown]
    return csv_bytes(("retailer", "period", *shown), zip(names, days, *cells, strict=True))


def _retailers_csv(history: History) -> bytes:
    days = ([_day(day) for day in column.tolist()] for column in (history.opened, history.closed))
    tiers = [tier or "" for tier in history.previous_tier.tolist()]
    columns = (history.retailer, history.market_type, history.format, *days, tiers)
    return csv_bytes(RETAILERS, zip(*columns, strict=True))


def _day(day: int) -> str:
    return "" if day == ABSENT_DAY else date.fromordinal(day).isoformat()


def _whole(number: int) -> str:
    return "" if number == ABSENT else str(number)


def _decimal(thousandths: int) -> str:
    if thousandths == ABSENT:
        return ""
    whole, rest = divmod(thousandths, THOUSANDTHS)
    return f"{whole}.{rest:03d}".rstrip("0").rstrip(".") if rest else str(whole)
