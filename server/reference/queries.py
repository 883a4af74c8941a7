"""The reference document of one retailer.

Its version is the hash of what it is made from, not of what it says: whether a terminal knows it already is
answered without writing thousands of items. The items that all retailers share are made once for each state
of the catalogue.
"""

import hashlib
from dataclasses import astuple, dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from contract.device_api import CaseBarcode, CatalogueItem, Licence, Reference
from contract.errors import Rejected
from contract.feed import Text
from server.catalogue import queries as catalogue
from server.licences import queries as licences
from server.retailers import queries as retailers


@dataclass(frozen=True)
class Basis:
    """All that a retailer's document is made from."""

    shop: retailers.Retailer
    held: frozenset[str]
    limits: tuple[tuple[str, int], ...]
    catalogue: str
    licensed_until: datetime | None
    licences: tuple[licences.Licence, ...]
    currency: str

    @property
    def version(self) -> str:
        """The document's version: equal bases have equal ones."""
        parts = [
            repr(astuple(self.shop)),
            repr(sorted(self.held)),
            repr(self.limits),
            self.catalogue,
            repr(self.licensed_until),
            repr(self.licences),
            self.currency,
        ]
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def basis(session: Session, code: str, *, at: datetime, zone: ZoneInfo, currency: str) -> Basis:
    """Return what the document of ``code`` is made from at ``at``.

    Raises
    ------
    Rejected
        ``not_found``.
    """
    shop = retailers.retailer(session, code)
    if shop is None:
        raise Rejected("not_found", what="retailer", name=code)
    today = at.astimezone(zone).date()
    return Basis(
        shop=shop.on(today),
        held=licences.classes_held(session, code, today),
        limits=tuple(sorted(retailers.limits(session, code).items())),
        catalogue=catalogue.stamp(session),
        licensed_until=licences.licensed_until(session, code, today, zone),
        licences=tuple(licences.licences_of(session, code)),
        currency=currency,
    )


def document(session: Session, made_from: Basis) -> Reference:
    """Return the document."""
    shop, limits = made_from.shop, dict(made_from.limits)
    shared = _shared_items(session, made_from.catalogue)
    return Reference(
        version=made_from.version,
        retailer=shop.code,
        name=shop.name,
        route=shop.route,
        region=shop.region,
        tier=shop.tier,
        standing=shop.standing,
        standing_reason=shop.standing_reason,
        licensed_until=made_from.licensed_until,
        licences=tuple(map(_licence, made_from.licences)),
        currency=made_from.currency,
        credit_minor=shop.credit_minor,
        catalogue=tuple(_own(item, limits, made_from.held) for item in shared),
    )


def _licence(held: licences.Licence) -> Licence:
    return Licence(
        licence_class=held.licence_class,
        number=held.number,
        valid_from=held.valid_from,
        valid_until=held.valid_until,
        state=held.state,
        reason=held.state_reason,
    )


def _own(item: CatalogueItem, limits: dict[str, int], held: frozenset[str]) -> CatalogueItem:
    """Return an item as this retailer may order it."""
    licensed = item.licence_class is None or item.licence_class in held
    if licensed and item.sku not in limits:
        return item
    return item.model_copy(update={"limit_units": limits.get(item.sku, item.limit_units), "licensed": licensed})


def _case(written: str) -> CaseBarcode:
    barcode, _, units = written.partition("=")
    return CaseBarcode(barcode=barcode, units=int(units))


_kept: tuple[str, tuple[CatalogueItem, ...]] = ("", ())


def _shared_items(session: Session, stamp: str) -> tuple[CatalogueItem, ...]:
    """Return the items as a licensed retailer without limits of its own sees them; the newest state is kept."""
    global _kept  # noqa: PLW0603 - a cache of one, replaced whole
    if _kept[0] == stamp:
        return _kept[1]
    items = tuple(
        CatalogueItem(
            sku=sku,
            name=Text(zh=item.name_zh, en=item.name_en),
            unit=Text(zh=item.unit_zh, en=item.unit_en),
            pack_units=item.pack_units,
            price_minor=item.price_minor,
            minimum_units=item.minimum_units,
            limit_units=item.limit_units,
            barcodes=item.barcodes,
            case_barcodes=tuple(map(_case, item.case_barcodes)),
            licence_class=item.licence_class,
            product_class=item.category,
        )
        for sku, item in catalogue.skus(session).items()
    )
    _kept = (stamp, items)
    return items
