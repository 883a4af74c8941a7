"""Names, packs and prices by SKU; a SKU that the catalogue does not hold shows its own code."""

from dataclasses import dataclass

from contract.device_api import CatalogueItem, Reference
from contract.feed import Text
from terminal_client.core import feed
from terminal_client.core.store import Store

#: States of a window in which what it calls scarce is scarce.
SHARING = frozenset({"announced", "open", "closed", "frozen"})


@dataclass(frozen=True)
class Catalogue:
    """The reference, ready to be looked up; ``scarce`` is what the windows of now say."""

    reference: Reference | None
    items: dict[str, CatalogueItem]
    scarce: frozenset[str]

    def item(self, sku: str) -> CatalogueItem:
        """Return the item of a SKU, or one that carries nothing but the SKU."""
        name = Text(zh=sku, en=sku)
        unit = Text(zh="件", en="units")
        known = self.items.get(sku)
        return known or CatalogueItem(sku=sku, name=name, unit=unit, pack_units=1, price_minor=0)

    @property
    def currency(self) -> str:
        """Return the currency's code, empty before the reference came."""
        return self.reference.currency if self.reference else ""


def read(store: Store) -> Catalogue:
    """Return the catalogue as it is kept."""
    reference = store.reference()
    items = {item.sku: item for item in reference.catalogue} if reference else {}
    windows = (w for w in feed.windows(store) if w.state in SHARING)
    return Catalogue(reference, items, frozenset(sku for window in windows for sku in window.scarce))
