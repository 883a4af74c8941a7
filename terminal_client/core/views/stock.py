"""Stock on hand as the server believes it to be."""

from dataclasses import dataclass

from contract.device_api import CatalogueItem
from contract.feed import Stock
from terminal_client.core import feed
from terminal_client.core.store import Store
from terminal_client.core.views import catalogue


@dataclass(frozen=True)
class StockRow:
    """One item's stock."""

    stock: Stock
    item: CatalogueItem
    scarce: bool


def read_all(store: Store) -> list[StockRow]:
    """Return the stock of every item that was ever in it, scarce ones first."""
    known = catalogue.read(store)
    rows = [StockRow(stock, known.item(stock.sku), stock.sku in known.scarce) for stock in feed.read(store, Stock)]
    return sorted(rows, key=lambda row: (not row.scarce, row.stock.sku))
