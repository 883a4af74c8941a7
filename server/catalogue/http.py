"""Programs' interface of the catalogue."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Header, Query, Request
from pydantic import BaseModel, StrictInt

from contract.errors import Rejected
from server.catalogue import queries, service
from server.catalogue.fields import SKUS
from server.kit import http, paging, records
from server.kit.console import texts
from server.kit.fields import Invalid

reading = http.router("/api/v1/skus", tag="catalogue", roles=(), shops="reads")
keeping = http.router("/api/v1/skus", tag="catalogue", roles=("planner", "administrator"))


class SkuBody(BaseModel):
    """A SKU without its code, which stands in the address."""

    name_zh: str
    name_en: str
    unit_zh: str = "件"
    unit_en: str = "piece"
    category: str = ""
    pack_units: StrictInt = 1
    price_minor: StrictInt
    minimum_units: StrictInt = 0
    limit_units: StrictInt | None = None
    licence_class: str | None = None
    barcodes: tuple[str, ...] = ()
    case_barcodes: tuple[str, ...] = ()
    state: queries.State = "offered"


class SkuAnswer(SkuBody):
    """A SKU as it stands."""

    sku: str
    version: str


class SkuPage(BaseModel):
    """A page of SKUs, and how many there are."""

    total: int
    next: paging.Next
    skus: list[SkuAnswer]


class Saved(BaseModel):
    """What a step did."""

    outcome: records.Outcome


@reading.get("")
def list_skus(
    session: http.Db,
    page: paging.Paged,
    q: Annotated[str, Query(max_length=128)] = "",
    category: str | None = None,
    state: queries.State | None = None,
) -> SkuPage:
    """Return SKUs in the order of their codes."""
    found, total = queries.search(
        session, text=q, category=category, state=state, after=page.key(str), limit=page.one_more
    )
    rows, cursor = page.cut(found, lambda sku: (sku.sku,))
    return SkuPage(total=total, next=cursor, skus=[_answer(sku) for sku in rows])


@reading.get("/{sku:path}")
def one_sku(session: http.Db, sku: str) -> SkuAnswer:
    """Return one SKU."""
    found = queries.sku(session, sku)
    if found is None:
        raise Rejected("not_found", what="SKU", name=sku)
    return _answer(found)


@keeping.put("/{sku:path}")
def save_sku(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    sku: str,
    body: SkuBody,
    if_match: Annotated[str | None, Header(description="the version that was seen")] = None,
) -> Saved:
    """Put a SKU into the catalogue, or all of its fields anew."""
    record = body.model_dump() | {"sku": sku}
    seen = if_match.strip('"') if if_match else None
    return _saved(
        request,
        lambda: service.save_sku(session, record, operator.actor, at=clock(), seen=seen),
    )


def _saved(request: Request, save: Callable[[], records.Outcome]) -> Saved:
    try:
        return Saved(outcome=save())
    except Invalid as refusal:
        raise refusal.told(texts(request).gettext) from None


def _answer(sku: queries.Sku) -> SkuAnswer:
    record: dict[str, Any] = vars(sku)
    return SkuAnswer(**record, version=records.version(SKUS, record))
