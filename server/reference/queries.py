"""The reference document of one retailer."""

import hashlib
import json
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from contract.device_api import CatalogueItem, Reference
from contract.errors import Rejected
from contract.feed import Text
from server.catalogue import queries as catalogue
from server.cycles import queries as cycles
from server.licences import queries as licences
from server.retailers import queries as retailers


def reference(session: Session, code: str, *, at: datetime, zone: ZoneInfo, currency: str) -> Reference:
    """Return what the terminal of ``code`` must know at ``at``.

    Raises
    ------
    Rejected
        ``not_found``.
    """
    shop = retailers.retailer(session, code)
    if shop is None:
        raise Rejected("not_found", what="retailer", name=code)
    today = at.astimezone(zone).date()
    held = licences.classes_held(session, code, today)
    scarce = cycles.scarce_skus(session)
    limits = retailers.limits(session, code)
    items = tuple(
        CatalogueItem(
            sku=sku,
            name=Text(zh=item.name_zh, en=item.name_en),
            unit=Text(zh=item.unit_zh, en=item.unit_en),
            pack_units=item.pack_units,
            price_minor=item.price_minor,
            scarce=sku in scarce,
            minimum_units=item.minimum_units,
            limit_units=limits.get(sku, item.limit_units),
            barcodes=item.barcodes,
            licence_class=item.licence_class,
            licensed=item.licence_class is None or item.licence_class in held,
        )
        for sku, item in catalogue.skus(session).items()
    )
    document = Reference(
        version="",
        retailer=shop.code,
        name=shop.name,
        route=shop.route,
        region=shop.region,
        tier=shop.tier,
        standing=shop.standing,
        licensed_until=licences.licensed_until(session, code, today, zone),
        currency=currency,
        credit_minor=shop.credit_minor,
        catalogue=items,
    )
    return document.model_copy(update={"version": _version(document)})


def _version(document: Reference) -> str:
    text = json.dumps(document.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
