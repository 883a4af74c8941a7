"""The result: one row a line, and the certificate that lets a stranger check it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation import compiled
from allocation.hashing.line_bytes import csv_bytes, result_csv, stretches
from allocation.tables.decimals import plain_digits
from allocation.tables.texts import Coded, Quotients, TextColumn

COLUMNS: Final = ("retailer", "sku", "requested", "eligible", "granted", "share", "reason", "bound_by")
REASONS: Final = (
    *("filled", "capped", "supply", "credit", "quota", "lottery", "floor", "ineligible", "priority"),
    "adjusted",
)

REASON_TEXTS: Final = {
    "filled": ("filled", "全部满足"),
    "capped": ("capped", "达到上限"),
    "supply": ("supply ran out", "货源不足"),
    "credit": ("credit used up", "额度用完"),
    "quota": ("quota used up", "配额用完"),
    "lottery": ("lost the draw among equals", "同等条件抽签未中"),
    "floor": ("stands at its floor", "停在保底数量"),
    "ineligible": ("not eligible", "不符合条件"),
    "priority": ("went to an earlier tier", "先供前面的档位"),
    "adjusted": ("decided by hand", "人工决定"),
}
"""Reasons in a few words, English and Chinese."""

EXCLUSIVE: Final = "exclusive:"
"""Before the label of a bundle in ``bound_by``."""

_DIVISOR_END: Final = 10**12
"""Shares of larger divisors are not written by the compiled way."""


@dataclass(frozen=True)
class Row:
    """One line of the result; quantities in units, as printed."""

    retailer: str
    sku: str
    requested: str
    eligible: str
    granted: str
    share: str
    reason: str
    bound_by: str


@dataclass(frozen=True, eq=False)
class Result:
    """An allocation, sorted by retailer, then SKU, in byte order.

    Parameters
    ----------
    retailer, sku, reason, bound_by
        Texts, one a line, made when asked for; `bound_by` is empty for a line neither short nor decided by hand.
    requested, eligible
        Units.
    granted
        Units: integers, or exact fractions under ``rounding = "none"``.
    share
        Granted by weight, in plain digits, cut after 12 decimals.
    certificate
        What ``certificate.json`` says.
    report
        What ``report.json`` says.
    """

    retailer: TextColumn
    sku: TextColumn
    requested: npt.NDArray[np.int64]
    eligible: npt.NDArray[np.int64]
    granted: npt.NDArray[Any]
    share: TextColumn
    reason: TextColumn
    bound_by: TextColumn
    certificate: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.sku)

    def columns_of(self, lines: slice) -> dict[str, list[str]]:
        """All columns of some lines, as printed."""
        return {
            "retailer": self.retailer[lines].tolist(),
            "sku": self.sku[lines].tolist(),
            "requested": list(map(str, self.requested[lines].tolist())),
            "eligible": list(map(str, self.eligible[lines].tolist())),
            "granted": _printed(self.granted[lines]),
            "share": self.share[lines].tolist(),
            "reason": self.reason[lines].tolist(),
            "bound_by": self.bound_by[lines].tolist(),
        }

    @cached_property
    def columns(self) -> dict[str, list[str]]:
        """All columns as printed: an object a cell, for results of a moderate size."""
        return self.columns_of(slice(None))

    def rows(self) -> Iterator[Row]:
        """Yield the lines as they are printed."""
        for lines in stretches(len(self)):
            yield from map(Row, *self.columns_of(lines).values())

    def rows_of(self, retailer: str) -> Iterator[Row]:
        """Yield the lines of a retailer as they are printed; none where there is no such retailer."""
        for line in np.flatnonzero(_holds(self.retailer, retailer)).tolist():
            yield from map(Row, *self.columns_of(slice(line, line + 1)).values())

    def row(self, retailer: str, sku: str) -> Row:
        """Return one line; KeyError where there is none."""
        for row in self.rows_of(retailer):
            if row.sku == sku:
                return row
        raise KeyError((retailer, sku))

    def sku_figures(self, sku: str) -> Mapping[str, Any]:
        """Return the report's figures of one SKU; KeyError where there is none."""
        return self._figures[sku]

    @cached_property
    def _figures(self) -> dict[str, Mapping[str, Any]]:
        return {figures["sku"]: figures for figures in self.report["skus"]}

    @cached_property
    def had_before_minimums(self) -> frozenset[tuple[str, str]]:
        """Lines whose quantity changed when minimums were applied."""
        before = self.certificate.get("minimums", {}).get("before", [])
        return frozenset((retailer, sku) for retailer, sku, _ in before)

    @cached_property
    def decisions(self) -> Mapping[tuple[str, str], tuple[str, str, str]]:
        """The lines decided by hand: why, by whom, and who approved."""
        stated = self.certificate.get("adjustments", [])
        return {(retailer, sku): (why, author, approver) for retailer, sku, _, why, author, approver in stated}

    @property
    def csv_bytes(self) -> bytes:
        """The bytes of ``allocation.csv``: UTF-8, minimal quoting, lines ended by a line feed."""
        return b"".join(self.csv_chunks())

    def csv_chunks(self, told: Callable[[int], None] = lambda _lines: None) -> Iterator[bytes]:
        """Yield the bytes of ``allocation.csv`` piece by piece; `told` hears how many lines have been taken."""
        yield csv_bytes([COLUMNS])
        written = self._compiled() or (
            csv_bytes(zip(*self.columns_of(some).values(), strict=True)) for some in stretches(len(self))
        )
        for lines, chunk in zip(stretches(len(self)), written, strict=True):
            yield chunk
            told(lines.stop)

    def _compiled(self) -> Iterator[bytes] | None:
        lines = self._for_kernels() if compiled.worth_it(len(self)) else None
        return result_csv(*lines) if lines else None

    def _for_kernels(self) -> "tuple[list[Coded[str]], list[npt.NDArray[np.int64]], npt.NDArray[np.int64]] | None":
        """Return codes, units and weights, where all that is written follows from them."""
        columns, share = (self.retailer, self.sku, self.reason, self.bound_by), self.share
        texts = [column for column in columns if isinstance(column, Coded)]
        if not isinstance(share, Quotients) or self.granted.dtype != np.int64 or len(texts) < len(columns):
            return None
        if share.denominators.max(initial=1) > _DIVISOR_END:
            return None
        return texts, [self.requested, self.eligible, self.granted], share.denominators


def _printed(granted: npt.NDArray[Any]) -> list[str]:
    """Print grants: whole units, or decimals cut after 12 places."""
    if granted.dtype == np.int64:
        return list(map(str, granted.tolist()))
    return [plain_digits(units.numerator, units.denominator) for units in granted]


def _holds(column: TextColumn, text: str) -> npt.NDArray[np.bool_]:
    return column.where(text) if isinstance(column, Coded) else np.array(column.tolist(), dtype=object) == text
