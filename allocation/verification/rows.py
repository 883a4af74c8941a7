"""The rows that follow from what was checked: what ``allocation.csv`` must say, to the byte."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from allocation.compiled import worth_it
from allocation.verification.entitlement import chunks
from allocation.verification.given import Codes, Given, Ints
from allocation.verification.side_by_side import side_by_side
from allocation.verification.spelling import as_csv_cells

COLUMNS: Final = ("retailer", "sku", "requested", "eligible", "granted", "share", "reason", "bound_by")
REASONS: Final = (
    *("filled", "capped", "ineligible", "floor", "lottery", "priority"),
    *("supply", "credit", "quota", "adjusted"),
)
ADJUSTMENT: Final = "adjustment"
"""What binds a line with a manual decision."""
_MORE_BYTES: Final = 24
"""What a row takes besides names and whole numbers: decimals, commas and the end of the line."""


@dataclass(frozen=True, eq=False)
class Rows:
    """What each line must say.

    Parameters
    ----------
    eligible
        Units.
    granted
        Units, or their texts where nothing is rounded.
    share
        Texts; None where they are the units granted by weight.
    weight
        Of each line.
    reason
        Positions in :data:`REASONS`.
    bound, bound_names
        Positions in a list of names, −1 for an empty cell.
    """

    given: Given
    eligible: Ints
    granted: Ints | Sequence[str]
    share: Sequence[str] | None
    weight: Ints
    reason: Codes
    bound: Codes
    bound_names: Sequence[str]

    def texts(self) -> Iterator[bytes | memoryview]:
        """Yield the bytes of the file, the header first, some rows at a time."""
        yield (",".join(COLUMNS) + "\n").encode()
        if self.share is None and worth_it(len(self.given)):
            yield from self._compiled_texts()
            return
        for part in chunks(len(self.given)):
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(self.cells(part))
            yield text.getvalue().encode()

    def _compiled_texts(self) -> Iterator[memoryview]:
        from allocation.verification.printing import NUMBER_BYTES, print_rows  # noqa: PLC0415  # imports numba

        given, granted = self.given, np.asarray(self.granted)
        retailers, skus = as_csv_cells(given.retailers.names), as_csv_cells(given.skus.names)
        reasons, bounds = as_csv_cells(REASONS), as_csv_cells(["", *self.bound_names])

        def printed(part: slice) -> memoryview:
            names = [
                (np.ascontiguousarray(codes, dtype=np.int32), spelled)
                for codes, spelled in (
                    (given.retailer[part], retailers),
                    (given.sku[part], skus),
                    (self.reason[part], reasons),
                    (self.bound[part] + 1, bounds),
                )
            ]
            needed = sum(spelled.length(codes) for codes, spelled in names)
            room = np.empty(needed + len(names[0][0]) * (4 * NUMBER_BYTES + _MORE_BYTES), dtype=np.uint8)
            retailer, sku, reason, bound = ((codes, spelled.texts, spelled.ends) for codes, spelled in names)
            columns = (given.requested, self.eligible, granted, self.weight)
            numbers = [np.ascontiguousarray(column[part]) for column in columns]
            arrays: tuple[Any, ...] = (room, *retailer, *sku, *numbers, *reason, *bound)
            end = print_rows(*arrays)
            return memoryview(room[:end])  # type: ignore[arg-type]  # an array is a buffer

        return side_by_side(printed, chunks(len(given)))

    def cells(self, part: slice) -> Iterator[tuple[str, ...]]:
        """Yield the cells of some rows."""
        given, granted = self.given, self.granted[part]
        units = granted if isinstance(granted, Sequence) else list(map(str, granted.tolist()))
        if self.share is None:
            share = list(map(_cut, map(int, units), self.weight[part].tolist()))
        else:
            share = list(self.share[part])
        names = [*self.bound_names, ""]
        return zip(
            map(given.retailers.names.__getitem__, given.retailer[part].tolist()),
            map(given.skus.names.__getitem__, given.sku[part].tolist()),
            map(str, given.requested[part].tolist()),
            map(str, self.eligible[part].tolist()),
            units,
            share,
            map(REASONS.__getitem__, self.reason[part].tolist()),
            map(names.__getitem__, self.bound[part].tolist()),
            strict=True,
        )


@cache
def _cut(units: int, weight: int) -> str:
    whole, rest = divmod(units, weight)
    decimals = str(10**12 + rest * 10**12 // weight)[1:].rstrip("0")
    return f"{whole}.{decimals}" if decimals else str(whole)
