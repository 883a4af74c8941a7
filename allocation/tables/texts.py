"""Columns of texts that hold no object a cell: a text is made when it is asked for, or a stretch of them to be written.

They behave as far as needed like arrays of texts: length, one cell, a slice, iteration, :meth:`tolist`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, overload

import numpy as np
import numpy.typing as npt

from allocation.tables.decimals import plain_digits

Cell = TypeVar("Cell", covariant=True)  # noqa: PLC0105  # `Cell_co` says less


class TextColumn(Protocol):
    """What an array of texts, :class:`Coded` and :class:`Quotients` have in common."""

    def __len__(self) -> int: ...

    def __getitem__(self, cells: Any, /) -> Any: ...

    def tolist(self) -> list[str]:
        """Return the texts."""
        ...


@dataclass(frozen=True, eq=False)
class Coded(Generic[Cell]):
    """Texts (or other cells of a table) as positions among the different ones.

    Parameters
    ----------
    codes
        Positions in `texts`, one a cell; −1 is its last.
    texts
        The different texts.
    """

    codes: npt.NDArray[np.integer[Any]]
    texts: Sequence[Cell]

    @classmethod
    def of(cls, cells: Iterable[Cell]) -> "Coded[Cell]":
        """Return texts numbered in the order in which they come first."""
        position: dict[Cell, int] = {}
        codes = [position.setdefault(cell, len(position)) for cell in cells]
        return cls(np.array(codes, dtype=np.int32), tuple(position))

    def __len__(self) -> int:
        return len(self.codes)

    @overload
    def __getitem__(self, cells: int) -> Cell: ...
    @overload
    def __getitem__(self, cells: slice) -> "Coded[Cell]": ...
    def __getitem__(self, cells: int | slice) -> "Cell | Coded[Cell]":
        if isinstance(cells, slice):
            return Coded(self.codes[cells], self.texts)
        return self.texts[int(self.codes[cells])]

    def __iter__(self) -> Iterator[Cell]:
        return map(self.texts.__getitem__, self.codes.tolist())

    def tolist(self) -> list[Cell]:
        """Return the texts."""
        return list(self)

    def where(self, text: object) -> npt.NDArray[np.bool_]:
        """Say which cells hold a text; none where it is not among the different ones."""
        try:
            code = list(self.texts).index(text)  # type: ignore[arg-type]  # anything may be looked for
        except ValueError:
            return np.zeros(len(self), dtype=np.bool_)
        cells: npt.NDArray[np.bool_] = self.codes == code
        return cells | (self.codes == -1) if code == len(self.texts) - 1 else cells


@dataclass(frozen=True, eq=False)
class Quotients:
    """Quotients in plain digits: exact rationals, cut after 12 decimals.

    Parameters
    ----------
    numerators
        Integers or fractions, 0 or more.
    denominators
        Positive integers.
    """

    numerators: npt.NDArray[Any]
    denominators: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numerators)

    @overload
    def __getitem__(self, cells: int) -> str: ...
    @overload
    def __getitem__(self, cells: slice) -> "Quotients": ...
    def __getitem__(self, cells: int | slice) -> "str | Quotients":
        if isinstance(cells, slice):
            return Quotients(self.numerators[cells], self.denominators[cells])
        return self[cells : cells + 1].tolist()[0]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tolist())

    def tolist(self) -> list[str]:
        """Return the texts, forming each different one once."""
        texts: dict[tuple[Any, int], str] = {}
        printed = []
        for pair in zip(self.numerators.tolist(), self.denominators.tolist(), strict=True):
            text = texts.get(pair)
            if text is None:
                number, divisor = pair
                text = texts[pair] = plain_digits(number.numerator, number.denominator * divisor)
            printed.append(text)
        return printed
