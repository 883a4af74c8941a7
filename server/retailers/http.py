"""Programs' interface of retailers."""

from typing import Annotated, Any, Literal

from fastapi import Header, Query, Request, Response
from pydantic import BaseModel, StrictInt
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.kit import http, paging, records
from server.kit.console import texts
from server.kit.fields import Invalid
from server.retailers import queries, service
from server.retailers.fields import RETAILERS

reading = http.router("/api/v1/retailers", tag="retailers", roles=(), shops="reads")
keeping = http.router("/api/v1/retailers", tag="retailers", roles=("planner", "administrator"))


class RetailerBody(BaseModel):
    """A retailer without its code, which stands in the address."""

    name: str
    address: str = ""
    city: str = ""
    latitude: float | None = None
    longitude: float | None = None
    region: str = ""
    route: str = ""
    market_type: str = ""
    tier: StrictInt = 1
    weight: StrictInt = 1
    credit_minor: StrictInt | None = None
    standing: queries.Standing = "good"
    standing_reason: str | None = None


class RetailerAnswer(RetailerBody):
    """A retailer as it stands."""

    code: str
    version: str


class RetailerPage(BaseModel):
    """A page of retailers, and how many there are."""

    total: int
    next: paging.Next
    retailers: list[RetailerAnswer]


class Standing(BaseModel):
    """Suspend a retailer, or restore it; suspending needs a reason."""

    standing: Literal["good", "suspended"]
    reason: str = ""


class Limit(BaseModel):
    """The most units of a SKU that the retailer may order in a cycle; null lets the SKU's own limit count again."""

    sku: str
    limit_units: StrictInt | None


class Saved(BaseModel):
    """What a step did."""

    outcome: records.Outcome


@reading.get("")
def list_retailers(
    session: http.Db,
    page: paging.Paged,
    q: Annotated[str, Query(max_length=128)] = "",
    region: str | None = None,
    route: str | None = None,
    standing: queries.Standing | None = None,
) -> RetailerPage:
    """Return retailers in the order of their codes."""
    found, total = queries.search(
        session,
        text=q,
        region=region,
        route=route,
        standing=standing,
        after=page.key(str),
        limit=page.one_more,
    )
    rows, cursor = page.cut(found, lambda one: (one.code,))
    return RetailerPage(total=total, next=cursor, retailers=[_answer(one) for one in rows])


@reading.get("/{code:path}/limits")
def own_limits(session: http.Db, code: str, response: Response) -> dict[str, int]:
    """Return a retailer's own limits in units, by SKU; ``ETag`` is what ``If-Match`` says was seen."""
    _found(session, code)
    return _limits(session, code, response)


@reading.get("/{code:path}")
def one_retailer(session: http.Db, code: str) -> RetailerAnswer:
    """Return one retailer."""
    return _answer(_found(session, code))


@keeping.put("/{code:path}/standing")
@http.of_shops
def set_standing(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, code: str, body: Standing
) -> RetailerAnswer:
    """Suspend a retailer with a reason, or restore it."""
    actor = operator.actor
    try:
        if body.standing == "good":
            service.restore_retailer(session, code, actor, at=clock())
        else:
            service.suspend_retailer(session, code, body.reason, actor, at=clock())
    except Invalid as refusal:
        raise refusal.told(texts(request).gettext) from None
    return _answer(_found(session, code))


@keeping.put("/{code:path}/limits")
@http.of_shops
def set_limit(
    request: Request,
    response: Response,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    code: str,
    body: Limit,
    if_match: Annotated[str | None, Header(description="the ETag of the limits that were seen")] = None,
) -> dict[str, int]:
    """Set or remove a retailer's own limit of a SKU; return all of its limits."""
    actor = operator.actor
    seen = if_match.strip('"') if if_match else None
    try:
        if body.limit_units is None:
            service.remove_limit(session, code, body.sku, actor, at=clock(), seen=seen)
        else:
            service.set_limit(session, code, body.sku, body.limit_units, actor, at=clock(), seen=seen)
    except Invalid as refusal:
        raise refusal.told(texts(request).gettext) from None
    return _limits(session, code, response)


@keeping.put("/{code:path}")
def save_retailer(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    code: str,
    body: RetailerBody,
    if_match: Annotated[str | None, Header(description="the version that was seen")] = None,
) -> Saved:
    """Take a retailer in, or write all of its fields anew."""
    record = body.model_dump() | {"code": code}
    seen = if_match.strip('"') if if_match else None
    actor = operator.actor
    try:
        return Saved(outcome=service.save_retailer(session, record, actor, at=clock(), seen=seen))
    except Invalid as refusal:
        raise refusal.told(texts(request).gettext) from None


def _limits(session: Session, code: str, response: Response) -> dict[str, int]:
    found = queries.limits(session, code)
    response.headers["ETag"] = f'"{queries.limits_version(found)}"'
    return found


def _found(session: Any, code: str) -> queries.Retailer:
    found = queries.retailer(session, code)
    if found is None:
        raise Rejected("not_found", what="retailer", name=code)
    return found


def _answer(retailer: queries.Retailer) -> RetailerAnswer:
    record: dict[str, Any] = vars(retailer)
    return RetailerAnswer(**record, version=records.version(RETAILERS, record))
