"""A result in memory as the checker sees it: columns compared as they are held, texts only where they must be."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from allocation.result import Result
from allocation.verification.entitlement import chunks
from allocation.verification.findings import Findings
from allocation.verification.given import Codes, Ints
from allocation.verification.rows import REASONS, Rows

_UNKNOWN: Final = -2


@dataclass(frozen=True, eq=False)
class HeldResult:
    """A result that was not written, see :class:`~allocation.verification.published.Published`."""

    result: Result

    @property
    def certificate(self) -> Mapping[str, Any]:
        """What the certificate says."""
        return self.result.certificate

    def granted(self) -> Ints | None:
        """Return the units granted; None for exact fractions."""
        granted = self.result.granted
        return granted if granted.dtype == np.int64 else None

    def says(self, rows: Rows) -> bool:
        """Compare column by column, and the hash in the certificate with that of the rows as they must be written."""
        result, given = self.result, rows.given
        if not (
            np.array_equal(result.requested, given.requested)
            and np.array_equal(result.eligible, rows.eligible)
            and _are(result.retailer, given.retailer, given.retailers.names)
            and _are(result.sku, given.sku, given.skus.names)
            and _are(result.reason, rows.reason, REASONS)
            and _are(result.bound_by, rows.bound, [*rows.bound_names, ""])
            and self._grants_and_shares_are_those_of(rows)
        ):
            return False
        digest = hashlib.sha256()
        for text in rows.texts():
            digest.update(text)
        return bool(digest.hexdigest() == self.certificate.get("result_sha256"))

    def _grants_and_shares_are_those_of(self, rows: Rows) -> bool:
        share, granted = self.result.share, self.result.granted
        numerators, denominators = (getattr(share, name, None) for name in ("numerators", "denominators"))
        if rows.share is None and numerators is not None:
            return all(
                np.array_equal(*pair)
                for pair in ((granted, rows.granted), (numerators, rows.granted), (denominators, rows.weight))
            )
        return all(
            [row[4:6] for row in self._cells(part)] == [list(cells[4:6]) for cells in rows.cells(part)]
            for part in chunks(len(granted))
        )

    def sha256(self) -> str:
        """Return the hash of what would be written."""
        digest = hashlib.sha256()
        for text in self.result.csv_chunks():
            digest.update(text)
        return digest.hexdigest()

    def cells(self) -> Iterator[list[str]]:
        """Yield the cells of the rows."""
        for part in chunks(len(self.result)):
            yield from self._cells(part)

    def _cells(self, part: slice) -> list[list[str]]:
        return [list(cells) for cells in zip(*self.result.columns_of(part).values(), strict=True)]

    def check_form(self, findings: Findings) -> None:
        """Name nothing: columns of one length are rows."""


def _are(column: Any, codes: Codes, names: Any) -> bool:
    """Say whether a column of texts is that of these positions in a list of names; −1 is the last name."""
    held, texts = getattr(column, "codes", None), getattr(column, "texts", None)
    if held is None or texts is None:
        return bool(column.tolist() == [names[code] for code in codes.tolist()])
    if len(held) != len(codes):
        return False
    if texts is names:
        return np.array_equal(held, codes)
    position = {name: i for i, name in enumerate(names)}
    same = np.array([position.get(text, _UNKNOWN) for text in texts] or [_UNKNOWN], dtype=np.int64)
    last = len(names) - 1
    return all(
        np.array_equal(same[held[part]], np.where(codes[part] < 0, last, codes[part])) for part in chunks(len(codes))
    )
