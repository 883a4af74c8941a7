"""The frozen book as a Merkle tree: its root, and each retailer's place under it as it goes to the terminals."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from allocation import seeding
from contract.book import leaf_of
from contract.feed import BookEntry
from server.cycles import copying
from server.cycles.models import BookLine, CycleRow
from server.kit import outbox

_COLUMNS = {"retailer": copying.NAME, "sku": copying.NAME, "units": copying.WHOLE}


@dataclass(frozen=True)
class Tree:
    """The book's retailers in byte order of their codes, what each asked for, and the tree over them.

    Attributes
    ----------
    retailers
        Codes, one a leaf.
    lines
        SKU and units of each retailer's lines, in byte order of the SKU.
    rows
        Hashes in hexadecimal digits: the leaves', then each row above, the root last.
    """

    retailers: list[str]
    lines: list[list[tuple[str, int]]]
    rows: list[list[str]]

    @property
    def root(self) -> str:
        """The root in hexadecimal digits."""
        return self.rows[-1][0]

    def path(self, place: int) -> list[tuple[str, str]]:
        """Return the siblings from a leaf up to the root, each with its side."""
        found = []
        for row in self.rows[:-1]:
            if place ^ 1 < len(row):
                found.append(("left" if place & 1 else "right", row[place ^ 1]))
            place //= 2
        return found


def tree(session: Session, row: CycleRow) -> Tree:
    """Return the tree over the frozen lines of a cycle."""
    query = (
        select(BookLine.retailer, BookLine.sku, BookLine.requested_units)
        .where(BookLine.cycle == row.id)
        .order_by(BookLine.retailer.collate("C"), BookLine.sku.collate("C"))
    )
    found = copying.read_columns(session, query, _COLUMNS)
    retailer, sku = (copying.coded(found[name]) for name in ("retailer", "sku"))
    pairs = list(zip(sku, found["units"].to_pylist(), strict=True))
    bounds = [0, *(np.flatnonzero(np.diff(retailer.codes)) + 1).tolist(), len(pairs)] if pairs else []
    lines = [pairs[start:end] for start, end in pairwise(bounds)]
    codes = [retailer[start] for start in bounds[:-1]]
    leaves = [leaf_of(code, own) for code, own in zip(codes, lines, strict=True)]
    return Tree(codes, lines, [[node.hex() for node in nodes] for nodes in seeding.merkle_rows(leaves)])


def tell(session: Session, row: CycleRow, found: Tree, *, at: datetime, secret: str | None = None) -> None:
    """Send each retailer its place in the book, with the secret once it is revealed."""
    assert row.book_root is not None  # noqa: S101 - frozen
    assert row.commitment is not None  # noqa: S101 - a constraint holds it
    same = {
        "cycle": row.id,
        "root": row.book_root,
        "commitment": row.commitment,
        "secret": secret,
        "weights_sha256": row.weights_sha256,
        "score_version": row.score_version,
    }

    def items() -> Iterator[outbox.Item]:
        for place, (retailer, own) in enumerate(zip(found.retailers, found.lines, strict=True)):
            lines = [{"sku": sku, "quantity_units": units} for sku, units in own]
            entry = BookEntry.model_validate(same | {"retailer": retailer, "lines": lines, "path": found.path(place)})
            yield outbox.Item(retailer, f"book:{row.id}", "book", entry)

    outbox.append(session, items(), at=at)
