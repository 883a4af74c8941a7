"""The result: one row a line, and the certificate that lets a stranger check it."""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.decimals import plain_digits

COLUMNS: Final = ("retailer", "sku", "requested", "eligible", "granted", "share", "reason", "bound_by")
REASONS: Final = ("filled", "capped", "supply", "credit", "quota", "lottery", "floor", "ineligible", "priority")

Texts = npt.NDArray[np.object_]


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
        Texts, one a line; `bound_by` is empty for a line that is not short.
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

    retailer: Texts
    sku: Texts
    requested: npt.NDArray[np.int64]
    eligible: npt.NDArray[np.int64]
    granted: npt.NDArray[Any]
    share: Texts
    reason: Texts
    bound_by: Texts
    certificate: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.sku)

    @cached_property
    def granted_text(self) -> list[str]:
        """The grants as printed: whole units, or decimals cut after 12 places."""
        if self.granted.dtype == np.int64:
            return list(map(str, self.granted.tolist()))
        return [plain_digits(units.numerator, units.denominator) for units in self.granted]

    @cached_property
    def columns(self) -> dict[str, list[str]]:
        """All columns as printed."""
        return {
            "retailer": self.retailer.tolist(),
            "sku": self.sku.tolist(),
            "requested": list(map(str, self.requested.tolist())),
            "eligible": list(map(str, self.eligible.tolist())),
            "granted": self.granted_text,
            "share": self.share.tolist(),
            "reason": self.reason.tolist(),
            "bound_by": self.bound_by.tolist(),
        }

    def rows(self) -> Iterator[Row]:
        """Yield the lines as they are printed."""
        return map(Row, *self.columns.values())

    def row(self, retailer: str, sku: str) -> Row:
        """Return one line; KeyError where there is none."""
        return self._by_name[retailer, sku]

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], Row]:
        return {(row.retailer, row.sku): row for row in self.rows()}

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
    def csv_bytes(self) -> bytes:
        """The bytes of ``allocation.csv``: UTF-8, minimal quoting, lines ended by a line feed."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(zip(*self.columns.values(), strict=True))
        return text.getvalue().encode()
