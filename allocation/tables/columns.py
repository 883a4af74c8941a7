"""Columns of text or numbers, as files and callers hand them over, into checked arrays.

Every fault is an :class:`~allocation.errors.InputError` that names table, row, column and value.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NoReturn, TypeVar

import numpy as np
import numpy.typing as npt

from allocation.errors import InputError
from allocation.limits import QUANTITY_END
from allocation.names import all_plain, name_fault, whole_number
from allocation.tables.texts import Coded

IntArray = npt.NDArray[np.int64]
Positions = npt.NDArray[np.int32]
"""Positions in a table; widen them before calculating with them."""

Cell = str | int | None
Column = Sequence[Cell] | npt.NDArray[Any] | Coded[Cell]


Array = TypeVar("Array", bound=npt.NDArray[Any])

_NOT_TEXT: Final = "not text; names are text, also where they look like numbers"


@dataclass(frozen=True)
class RawTable:
    """A table as it was handed over: columns by name, all of one length.

    Parameters
    ----------
    name
        The file or table for messages, such as ``requests.csv``.
    columns
        Texts as in a file, or integers, one by one or coded; an empty text or None is an absent cell.
    rows
        The row of each record in its file, the header being 1; None where records follow without gaps.
    """

    name: str
    columns: Mapping[str, Column]
    rows: IntArray | None = None

    def __post_init__(self) -> None:
        """Refuse columns of different lengths."""
        lengths = {len(column) for column in self.columns.values()}
        if len(lengths) > 1:
            raise InputError(self.name, f"columns of different lengths: {sorted(lengths)}")

    def __len__(self) -> int:
        return next((len(column) for column in self.columns.values()), 0)

    def row(self, index: int) -> int:
        """Return the row number of a record, the header being 1."""
        return index + 2 if self.rows is None else int(self.rows[index])

    def refuse(self, index: int, column: str, what: str) -> NoReturn:
        """Raise the error for one cell."""
        cell = self.columns[column][index] if column in self.columns else None
        raise InputError(self.name, what, row=self.row(index), column=column, value=None if cell is None else str(cell))

    def require(self, needed: Iterable[str], allowed: Callable[[str], bool]) -> None:
        """Refuse missing and unknown columns."""
        for column in needed:
            if column not in self.columns:
                found = ", ".join(self.columns) or "none"
                raise InputError(self.name, f"it is missing; found are: {found}", row=1, column=column)
        for column in self.columns:
            if not allowed(column):
                raise InputError(
                    self.name, "unknown column; take it out or correct its name", row=1, column=column, value=column
                )

    def texts(self, column: str) -> Coded[str]:
        """Return a column of texts, an absent cell being empty; anything but text is refused."""
        cells = self.columns[column]
        if not isinstance(cells, Coded):
            listed: Sequence[Any] = cells.tolist() if isinstance(cells, np.ndarray) else cells
            if set(map(type, listed)) - {str, type(None)}:
                self._refuse_first(column, (cell is None or isinstance(cell, str) for cell in listed), _NOT_TEXT)
            cells = Coded.of(listed)
        elif set(map(type, cells.texts)) - {str, type(None)}:
            self._refuse_first(column, (cell is None or isinstance(cell, str) for cell in cells), _NOT_TEXT)
        if None in cells.texts:
            return Coded(cells.codes, tuple("" if cell is None else str(cell) for cell in cells.texts))
        return cells  # type: ignore[return-value]  # all are texts, as was just seen

    def names(self, column: str) -> Coded[str]:
        """Return a column of names of retailers or SKUs, each checked."""
        names = self.texts(column)
        if all_plain(names.texts):
            return names
        faults = [name_fault(name) for name in names.texts]
        if any(faults):
            faulty = np.array([fault is not None for fault in faults])[names.codes]
            index = int(faulty.argmax())
            self.refuse(index, column, str(faults[names.codes[index]]))
        return names

    def _refuse_first(self, column: str, good: Iterable[bool], what: str) -> None:
        for index, is_good in enumerate(good):
            if not is_good:
                self.refuse(index, column, what)

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
            return constant(absent, len(self))
        cells = self.columns[column]
        judged = partial(_judged, absent=absent, low=low, high=high, outside=outside, read=read)
        if isinstance(cells, np.ndarray) and cells.dtype.kind in "iu":
            wrong = (cells < low) | (cells > high)
            if wrong.any():
                index = int(wrong.argmax())
                self.refuse(index, column, str(judged(int(cells[index]))))
            return np.asarray(cells, dtype=np.int64)
        if not isinstance(cells, Coded):
            listed: Sequence[Any] = cells.tolist() if isinstance(cells, np.ndarray) else cells
            for kind in set(map(type, listed)) - {str, int, type(None)}:  # 1, 1.0 and True are one in a set
                index = next(i for i, cell in enumerate(listed) if type(cell) is kind)
                self.refuse(index, column, str(judged(listed[index])))
            cells = Coded.of(listed)
        numbers = list(map(judged, cells.texts))
        if any(isinstance(number, str) for number in numbers):
            faulty = np.array([isinstance(number, str) for number in numbers])[cells.codes]
            index = int(faulty.argmax())
            self.refuse(index, column, str(numbers[cells.codes[index]]))
        if len(numbers) == 1:
            return constant(int(numbers[0]), len(self))
        column_of_numbers: IntArray = np.array(numbers, dtype=np.int64)[cells.codes]
        return column_of_numbers


def _judged(
    cell: Any, *, absent: int | None, low: int, high: int, outside: str, read: Callable[[str], int | str]
) -> int | str:
    """Return the number of a cell, or what is wrong with it."""
    if cell is None or cell == "":
        return "a number is needed here; the cell is empty" if absent is None else absent
    if not isinstance(cell, str | int) or isinstance(cell, bool):
        return "not a whole number; give whole units"
    number = read(cell) if isinstance(cell, str) else cell
    if isinstance(number, str) or low <= number <= high:
        return number
    return "too large; numbers are below 2^62 = 4611686018427387904" if number >= QUANTITY_END else outside


def constant(value: int, length: int) -> IntArray:
    """Return a read-only column of one number that takes the memory of one."""
    return np.broadcast_to(np.int64(value), length)


def is_constant(column: npt.NDArray[Any]) -> bool:
    """Say whether a column was made by :func:`constant`, or is as short as that."""
    return column.strides == (0,) or len(column) == 0


def is_all(value: int, column: npt.NDArray[Any]) -> bool:
    """Say whether a column is a :func:`constant` of this value, without looking through it otherwise."""
    return is_constant(column) and not (column[:1] != value).any()


def taken(column: Array, order: IntArray | None) -> Array:
    """Return a column in another order; as it is where `order` is None, or where all of it is one number."""
    return column if order is None or is_constant(column) else column[order]  # type: ignore[return-value]  # the same kind of array
