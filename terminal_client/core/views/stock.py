"""What stands in the shop: every item's figure, one item's history, a day's summary, days of expiry."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from contract.device_api import CatalogueItem
from terminal_client.core import outbox, stock, stock_rules
from terminal_client.core.finding import found
from terminal_client.core.server_clock import milliseconds
from terminal_client.core.stock import Batch, Move, Standing
from terminal_client.core.store import Store
from terminal_client.core.views import catalogue

#: Entries of an item's history that are shown.
MOST_MOVES = 60


@dataclass(frozen=True)
class StockRow:
    """One item's stock."""

    standing: Standing
    item: CatalogueItem
    scarce: bool


@dataclass
class DayRow:
    """One item's day."""

    item: CatalogueItem
    sold_units: int = 0
    received_units: int = 0
    adjusted_units: int = 0
    expired_units: int = 0
    counted_units: int | None = None


@dataclass(frozen=True)
class Day:
    """What was entered on this terminal on one day. In ``rows``, ``counted_units`` is what was counted last."""

    day: date
    moves: list[tuple[Move, CatalogueItem]]
    rows: list[DayRow]

    @property
    def sold_units(self) -> int:
        """Units sold less those brought back."""
        return sum(row.sold_units for row in self.rows)

    @property
    def received_units(self) -> int:
        """Units that deliveries brought."""
        return sum(row.received_units for row in self.rows)

    @property
    def under_way(self) -> int:
        """How many entries the server has not received yet."""
        return len({move.entry.id for move, _ in self.moves if move.entry.state in ("saved", "sent")})


@dataclass(frozen=True)
class BatchRow:
    """A batch that was scanned here. ``lasts``: ``over``, ``soon`` or ``good``."""

    batch: Batch
    item: CatalogueItem
    lasts: str
    on_hand_units: int


def read_all(store: Store, query: str = "", *, every_item: bool = False) -> list[StockRow]:
    """Return the stock of every item that was ever in it, scarce ones first.

    With ``every_item`` those of the catalogue that nothing is known of follow.
    """
    known = catalogue.read(store)
    there = stock.read_all(store)
    rows = [StockRow(one, known.item(one.sku), one.sku in known.scarce) for one in there.values()]
    if every_item:
        rows += [
            StockRow(Standing(sku, 0), item, sku in known.scarce)
            for sku, item in known.items.items()
            if sku not in there
        ]
    rows = [row for row in rows if found(row.item, query)]
    return sorted(rows, key=lambda row: (row.item.sku not in there, not row.scarce, row.item.sku))


def find(store: Store, sku: str) -> StockRow | None:
    """Return one item's stock, also where none is known; none where the item itself is not."""
    return next((row for row in read_all(store, every_item=True) if row.item.sku == sku), None)


def history(store: Store, sku: str) -> list[Move]:
    """Return what was entered on this terminal about an item, newest first, refusals too."""
    return stock.moves(outbox.naming(store, sku, MOST_MOVES), sku)


def sold_since(store: Store, at_ms: int) -> list[tuple[Move, CatalogueItem]]:
    """Return the sales and returns that were entered since a moment, newest first."""
    known = catalogue.read(store)
    said = stock.moves(outbox.since(store, ("stock.move",), at_ms))
    return [(move, known.item(move.sku)) for move in reversed(said) if move.act in ("sale", "refund")]


def day(store: Store, on: date, zone: tzinfo) -> Day:
    """Return what was entered on this terminal on a day in a zone; refused entries are none."""
    known = catalogue.read(store)
    first_ms, end_ms = (milliseconds(datetime.combine(each, time.min, zone)) for each in (on, on + timedelta(days=1)))
    # By when it happened; the clock may have been set right between the happening and the saving.
    said = stock.moves(outbox.since(store, stock.KINDS, first_ms - 1000 * 60 * 60))
    mine = [move for move in said if first_ms <= move.at_ms < end_ms and move.entry.state != "refused"]
    rows: dict[str, DayRow] = {}
    for move in mine:
        row = rows.setdefault(move.sku, DayRow(known.item(move.sku)))
        match move.act:
            case "sale":
                row.sold_units += move.units
            case "refund":
                row.sold_units -= move.units
            case "receipt":
                row.received_units += move.units
            case "adjustment":
                row.adjusted_units += move.units
            case "expiry":
                row.expired_units += move.units
            case "count":
                row.counted_units = move.units
    return Day(on, [(move, known.item(move.sku)) for move in mine], [rows[sku] for sku in sorted(rows)])


def batches(store: Store, today: date) -> list[BatchRow]:
    """Return the batches whose day is known, the first to expire first; those of items that are out are left out."""
    known, there = catalogue.read(store), stock.read_all(store)
    rows = []
    for batch in stock.batches(store):
        units = there[batch.sku].on_hand_units if batch.sku in there else 0
        if units > 0:
            rows.append(BatchRow(batch, known.item(batch.sku), stock_rules.lasts(batch.expires, today), units))
    return rows
