"""Manual decisions: a line gets exactly what two persons decided, and the others are filled around it.

They are part of the input: each names who decided, who approved and why, and stays marked in every result.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from allocation.problem_tables import Requests, Retailers, Supply
from allocation.tables.columns import IntArray, RawTable
from allocation.tables.persons import PERSONS, read_persons

FILE: Final = "adjustments.csv"
COLUMNS: Final = ("retailer", "sku", "granted", *PERSONS)


@dataclass(frozen=True, eq=False)
class Adjustments:
    """The decisions, sorted as the lines are: position of the line, its grant in units, and who decided it and why.

    `order` is where each stood in its table, for messages.
    """

    line: IntArray
    granted: IntArray
    reason: tuple[str, ...]
    author: tuple[str, ...]
    approver: tuple[str, ...]
    order: IntArray

    def __len__(self) -> int:
        """Return the number of decisions."""
        return len(self.reason)

    def rows(self, requests: Requests, retailers: Retailers, supply: Supply) -> Iterator[list[Any]]:
        """Yield the decisions in the order of the documented columns."""
        retailer, sku = requests.retailer[self.line].tolist(), requests.sku[self.line].tolist()
        texts = zip(self.reason, self.author, self.approver, strict=True)
        for who, what, units, said in zip(retailer, sku, self.granted.tolist(), texts, strict=True):
            yield [retailers.retailer[who], supply.sku[what], units, *said]


def no_adjustments() -> Adjustments:
    """Return the table where none was given."""
    nothing = np.empty(0, dtype=np.int64)
    return Adjustments(nothing, nothing, (), (), (), nothing)


def read_adjustments(raw: RawTable, requests: Requests, retailers: Retailers, supply: Supply) -> Adjustments:
    """Check ``adjustments.csv`` against the other tables; what a line may have at most is checked with the problem.

    Raises
    ------
    InputError
        For a line that was not requested, a second row for a line, part of a pack, an empty text, or one person alone.
    """
    raw.require(COLUMNS, COLUMNS.__contains__)
    line = _lines(raw, requests, retailers, supply)
    granted = raw.numbers("granted")
    pack = supply.pack[requests.sku[line]]
    if (parts := granted % pack != 0).any():
        index = int(parts.argmax())
        raw.refuse(index, "granted", f"part of a pack of {pack[index]}; give whole packs, in units")
    texts = read_persons(raw)
    order = np.argsort(line, kind="stable")
    doubled = np.flatnonzero(np.diff(line[order]) == 0) + 1
    if doubled.size:
        raw.refuse(int(order[doubled].min()), "sku", "a second decision for the same line; keep one row")
    reason, author, approver = (tuple(texts[column][i] for i in order.tolist()) for column in PERSONS)
    return Adjustments(line[order], granted[order], reason, author, approver, order)


def _lines(raw: RawTable, requests: Requests, retailers: Retailers, supply: Supply) -> IntArray:
    """Return the position of each row's line."""
    who, what = raw.names("retailer"), raw.names("sku")
    known = {name: index for index, name in enumerate(retailers.retailer)}
    skus = {name: index for index, name in enumerate(supply.sku)}
    keys = requests.retailer.astype(np.int64) * len(skus) + requests.sku
    wanted = np.array(
        [known.get(r, -1) * len(skus) + skus[s] if s in skus else -1 for r, s in zip(who, what, strict=True)],
        dtype=np.int64,
    )
    line = np.searchsorted(keys, wanted)
    found = (wanted >= 0) & (line < len(keys))
    found[found] = keys[line[found]] == wanted[found]
    if not found.all():
        index = int(found.argmin())
        column = "sku" if who[index] in known else "retailer"
        raw.refuse(index, column, "no such line in requests.csv; correct it or add the line there")
    return line.astype(np.int64)
