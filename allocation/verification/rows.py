"""The rows that follow from what was checked: what ``allocation.csv`` must say, to the byte."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from allocation.verification.findings import Findings
from allocation.verification.given import Codes, Given, Ints
from allocation.verification.published import COLUMNS, GRANTED, WHOLE, Published

REASONS: Final = (
    *("filled", "capped", "ineligible", "floor", "lottery", "priority"),
    *("supply", "credit", "quota", "adjusted"),
)
ADJUSTMENT: Final = "adjustment"
"""What binds a line with a manual decision."""
_ROWS_AT_ONCE: Final = 1 << 16


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

    def texts(self) -> Iterator[bytes]:
        """Yield the bytes of the file, the header first, some rows at a time."""
        yield (",".join(COLUMNS) + "\n").encode()
        for start in range(0, len(self.given), _ROWS_AT_ONCE):
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerows(self.cells(slice(start, start + _ROWS_AT_ONCE)))
            yield text.getvalue().encode()

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


def are_those(rows: Rows, published: Published) -> bool:
    """Say whether the published bytes are those of these rows."""
    stated, at = np.frombuffer(published.content, dtype=np.uint8), 0
    for text in rows.texts():
        right = np.frombuffer(text, dtype=np.uint8)
        if not np.array_equal(stated[at : at + len(right)], right):
            return False
        at += len(right)
    return at == len(stated)


def name_wrong_cells(rows: Rows, published: Published, findings: Findings, columns: Sequence[str] = COLUMNS) -> None:
    """Name the cells that are not as they must be; the rows must be the requests, each once and in order."""
    wanted = (
        cells
        for start in range(0, len(rows.given), _ROWS_AT_ONCE)
        for cells in rows.cells(slice(start, start + _ROWS_AT_ONCE))
    )
    found = findings.found
    for (_, stated), right in zip(published.rows(), wanted, strict=True):
        if stated != list(right):
            for column, is_there, must_be in zip(COLUMNS, stated, right, strict=True):
                if column in columns and is_there != must_be:
                    findings.add(f"{right[0]}, {right[1]}", f"{column} is {is_there!r}, not {must_be!r}")
    if found == findings.found and columns == COLUMNS:
        findings.add("allocation.csv", "the cells are right, but not written as they are to be")


def name_wrong_rows(given: Given, published: Published, findings: Findings) -> bool:
    """Check that the rows are the requests, each once and in order; name those that are not."""
    found = findings.found
    published.check_form(findings)
    if findings.found > found:
        return False
    if _are_the_requests(given, published):
        return True
    rows = [(row[0], row[1]) for _, row in published.rows()]
    asked = list(map(given.names, range(len(given))))
    wanted, seen = set(asked), set()
    for row in rows:
        if row in seen:
            findings.add(", ".join(row), "stands in the result twice")
        elif row not in wanted:
            findings.add(", ".join(row), "is in the result, but was never requested")
        seen.add(row)
    for row in asked:
        if row not in seen:
            findings.add(", ".join(row), "was requested, but is not in the result")
    if seen == wanted and len(rows) == len(asked):
        first = next(i for i, row in enumerate(rows) if row != asked[i])
        findings.add(", ".join(rows[first]), "not in order: rows are sorted by retailer, then SKU")
    return False


def _are_the_requests(given: Given, published: Published) -> bool:
    lines = 0
    for line, (_, row) in enumerate(published.rows()):
        if line >= len(given) or given.names(line) != (row[0], row[1]):
            return False
        lines += 1
    return lines == len(given)


def refuse_part_numbers(published: Published, findings: Findings) -> None:
    """Name the rows whose grants are no whole numbers."""
    for _, row in published.rows():
        if len(row) == len(COLUMNS) and not WHOLE.fullmatch(row[GRANTED]):
            findings.add(f"{row[0]}, {row[1]}", f"granted is {row[GRANTED]!r}, not a whole number")
