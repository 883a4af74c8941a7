"""Columns of text or numbers, as files and callers hand them over, into checked arrays.

Every fault is an :class:`~allocation.errors.InputError` that names table, row, column and value.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from allocation.errors import InputError
from allocation.limits import QUANTITY_END
from allocation.names import name_fault, whole_number

IntArray = npt.NDArray[np.int64]
Cell = str | int | None
Column = Sequence[Cell] | npt.NDArray[Any]


@dataclass(frozen=True)
class RawTable:
    """A table as it was handed over: columns by name, all of one length.

    Parameters
    ----------
    name
        The file or table for messages, such as ``requests.csv``.
    columns
        Texts as in a file, or integers; an empty text or None is an absent cell.
    rows
        The row of each record in its file, the header being 1; None where records follow without gaps.
    """

    name: str
    columns: Mapping[str, Column]
    rows: Sequence[int] | None = None

    def __post_init__(self) -> None:
        """Refuse columns of different lengths."""
        lengths = {len(column) for column in self.columns.values()}
        if len(lengths) > 1:
            raise InputError(self.name, f"columns of different lengths: {sorted(lengths)}")

    def __len__(self) -> int:
        return next((len(column) for column in self.columns.values()), 0)

    def row(self, index: int) -> int:
        """Return the row number of a record, the header being 1."""
        return index + 2 if self.rows is None else self.rows[index]

    def refuse(self, index: int, column: str, what: str) -> NoReturn:
        """Raise the error for one cell."""
        cell = self.columns[column][index] if column in self.columns else None
        raise InputError(self.name, what, row=self.row(index), column=column, value=None if cell is None else str(cell))

    def require(self, needed: Iterable[str], allowed: Callable[[str], bool]) -> None:
        """Refuse missing and unknown columns."""
        for column in needed:
            if column not in self.columns:
                found = ", ".join(self.columns) or "none"
                raise InputError(self.name, f"column {column} is missing; found: {found}", row=1, column=column)
        for column in self.columns:
            if not allowed(column):
                raise InputError(
                    self.name, "unknown column; take it out or correct its name", row=1, column=column, value=column
                )

    def texts(self, column: str) -> list[str]:
        """Return a column of texts, an absent cell being empty; anything but text is refused."""
        cells = self.columns[column]
        if isinstance(cells, np.ndarray):
            cells = cells.tolist()
        if set(map(type, cells)) - {str}:
            for index, cell in enumerate(cells):
                if cell is not None and not isinstance(cell, str):
                    self.refuse(index, column, "not text; names are text, also where they look like numbers")
            return ["" if cell is None else str(cell) for cell in cells]
        return list(cells)

    def names(self, column: str) -> list[str]:
        """Return a column of names of retailers or SKUs, each checked."""
        texts = self.texts(column)
        faults = {name: fault for name in set(texts) if (fault := name_fault(name))}
        if faults:
            index = next(i for i, name in enumerate(texts) if name in faults)
            self.refuse(index, column, faults[texts[index]])
        return texts

    def numbers(
        self,
        column: str,
        *,
        absent: int | None = None,
        low: int = 0,
        high: int = QUANTITY_END - 1,
        outside: str = "negative; give a whole number of 0 or more",
        read: Callable[[str], int | str] = whole_number,
    ) -> IntArray:
        """Return a column of whole numbers.

        Parameters
        ----------
        absent
            The number for an absent cell or column; None where it must be present.
        low, high
            The numbers allowed, both included.
        outside
            What is said about a number outside of them.
        read
            Reads a text; returns what is wrong where it is no such number.
        """
        if column not in self.columns and absent is not None:
            return np.full(len(self), absent, dtype=np.int64)
        cells = self.columns[column]

        def judged(cell: Any) -> int | str:
            if cell is None or cell == "":
                return "a number is needed here; the cell is empty" if absent is None else absent
            if not isinstance(cell, str | int) or isinstance(cell, bool):
                return "not a whole number; give whole units"
            number = read(cell) if isinstance(cell, str) else cell
            if isinstance(number, str) or low <= number <= high:
                return number
            return "too large; numbers are below 2^62 = 4611686018427387904" if number >= QUANTITY_END else outside

        if isinstance(cells, np.ndarray) and cells.dtype.kind in "iu":
            wrong = (cells < low) | (cells > high)
            if wrong.any():
                index = int(wrong.argmax())
                self.refuse(index, column, str(judged(int(cells[index]))))
            return cells.astype(np.int64)
        listed: Sequence[Any] = cells.tolist() if isinstance(cells, np.ndarray) else cells
        for kind in set(map(type, listed)) - {str, int, type(None)}:  # 1, 1.0 and True are one in a set
            index = next(i for i, cell in enumerate(listed) if type(cell) is kind)
            self.refuse(index, column, str(judged(listed[index])))
        numbers = {cell: judged(cell) for cell in set(listed)}
        faulty = {cell for cell, number in numbers.items() if isinstance(number, str)}
        if faulty:
            index = next(i for i, cell in enumerate(listed) if cell in faulty)
            self.refuse(index, column, str(numbers[listed[index]]))
        return np.fromiter(map(numbers.__getitem__, listed), dtype=np.int64, count=len(listed))
