"""Columns as pyarrow hands them over, batch after batch, into the columns of a table."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from allocation.tables.columns import Column
from allocation.tables.texts import Coded

_SURE_DIGITS = 18
"""A number of so many digits is below every limit of 64 bits."""


class Gathered:
    """One column on its way in: numbers as they are while all are plain, else the different cells and their positions.

    Parameters
    ----------
    numeric
        Whether texts of digits are to be taken as numbers.
    """

    def __init__(self, *, numeric: bool) -> None:
        self.numeric = numeric
        self.numbers: list[np.ndarray[Any, Any]] = []
        self.coded: list[Any] = []

    def add(self, cells: Any) -> None:
        """Take one batch of texts or integers."""
        if pa.types.is_integer(cells.type) and not cells.null_count:
            self._add_numbers(cells.to_numpy())
        elif self.numeric and pa.types.is_string(cells.type) and (digits := _numbers_of(cells)) is not None:
            self._add_numbers(digits)
        else:
            self._add_coded(cells)

    def _add_numbers(self, numbers: "np.ndarray[Any, Any]") -> None:
        if self.coded:
            self._add_coded(pa.array(numbers))
        else:
            self.numbers.append(numbers)

    def _add_coded(self, cells: Any) -> None:
        earlier, self.numbers = self.numbers, []
        for batch in [*map(pa.array, earlier), cells]:
            is_coded = pa.types.is_dictionary(batch.type)
            self.coded.append(batch if is_coded else batch.dictionary_encode(null_encoding="encode"))

    def column(self) -> Column:
        """Return the whole column."""
        if not self.coded:
            return np.concatenate(self.numbers) if self.numbers else []
        return _coded(self.coded)


def _coded(batches: list[Any]) -> Coded[Any]:
    """Bring batches, each with its own different cells, to one numbering."""
    position: dict[Any, int] = {}
    codes = np.empty(sum(map(len, batches)), dtype=np.int32)
    start, known, at = 0, None, np.empty(0, dtype=np.int32)
    while batches:
        batch = batches.pop(0)
        if known is None or not batch.dictionary.equals(known):
            known = batch.dictionary
            texts = known.to_pylist()
            fresh = [text for text in texts if text not in position]
            position.update(zip(fresh, range(len(position), len(position) + len(fresh)), strict=True))
            at = np.fromiter(map(position.__getitem__, texts), dtype=np.int32, count=len(texts))
        here = codes[start : start + len(batch)]
        indices = batch.indices
        if indices.null_count:
            absent = position.setdefault(None, len(position))
            np.take(np.append(at, np.int32(absent)), indices.fill_null(len(at)).to_numpy(), out=here)
        else:
            np.take(at, indices.to_numpy(), out=here)
        start += len(batch)
    return Coded(codes, tuple(position))


def _numbers_of(cells: Any) -> "np.ndarray[Any, Any] | None":
    """Return texts as numbers where each is one or more digits without a zero in front, else None."""
    if cells.null_count or not len(cells):
        return None
    _, offsets, content = cells.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[cells.offset : cells.offset + len(cells) + 1]
    length = np.diff(ends)
    if int(length.min()) < 1 or int(length.max()) > _SURE_DIGITS:
        return None
    texts = np.frombuffer(content, dtype=np.uint8)[: ends[-1]]
    if bool((texts[ends[0] :] - np.uint8(ord("0")) > np.uint8(9)).any()):
        return None
    if bool(((texts[ends[:-1]] == ord("0")) & (length > 1)).any()):
        return None
    return np.asarray(pc.cast(cells, pa.int64()).to_numpy())
