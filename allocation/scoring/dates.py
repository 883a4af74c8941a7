"""Days in tables: ISO dates and nothing else."""

import re
from datetime import date
from typing import Final

import numpy as np

from allocation.tables.columns import IntArray, RawTable

ABSENT_DAY: Final = 0
"""Stands for an empty cell; the first day of the calendar has the number 1."""

_ISO: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def read_dates(raw: RawTable, column: str, *, needed: bool = True) -> IntArray:
    """Return a column of days as their numbers in the calendar (:meth:`datetime.date.toordinal`).

    Raises
    ------
    InputError
        For a cell that is no day of the form 2027-02-28, or empty where it is `needed`.
    """
    if column not in raw.columns:
        return np.full(len(raw), ABSENT_DAY, dtype=np.int64)
    cells = raw.texts(column)
    days = [day_of(text) if text or needed else ABSENT_DAY for text in cells.texts]
    if None in days:
        faulty = np.array([day is None for day in days])[cells.codes]
        index = int(faulty.argmax()) if faulty.any() else -1
        if index >= 0:
            empty = not cells[index]
            raw.refuse(
                index,
                column,
                "a date is needed here; the cell is empty" if empty else "no date; write it as 2027-02-28",
            )
    numbers: IntArray = np.array([day or ABSENT_DAY for day in days], dtype=np.int64)[cells.codes]
    return numbers


def day_of(text: str) -> int | None:
    """Return the number of a day written as 2027-02-28; None where it is none."""
    if not _ISO.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text).toordinal()
    except ValueError:
        return None
