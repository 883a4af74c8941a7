"""Programs' interface of licences."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import BaseModel

from contract.licences import Stand
from server.kit import http, paging, records
from server.kit.console import texts
from server.kit.fields import Invalid
from server.licences import queries, service
from server.licences.fields import LICENCES

reading = http.router("/api/v1/licences", tag="licences", roles=(), shops="all")
keeping = http.router("/api/v1/licences", tag="licences", roles=("administrator",), shops="all")

State = Literal["valid", "suspended", "cancelled"]


class LicenceBody(BaseModel):
    """A licence's document; first and last day are included. Its state changes by files alone."""

    retailer: str
    licence_class: str
    number: str
    valid_from: date
    valid_until: date


class LicenceAnswer(LicenceBody):
    """A licence, and how it stands today."""

    state: State
    state_reason: str | None
    stands: Stand
    version: str


class LicencePage(BaseModel):
    """A page of licences, and how many there are."""

    total: int
    next: paging.Next
    licences: list[LicenceAnswer]


class Saved(BaseModel):
    """What a step did."""

    outcome: records.Outcome


@reading.get("")
def list_licences(
    session: http.Db,
    page: paging.Paged,
    clock: http.Now,
    config: http.Config,
    q: Annotated[str, Query(max_length=128)] = "",
    licence_class: str | None = None,
    stands: Stand | None = None,
) -> LicencePage:
    """Return licences, the first to run out first."""
    on = clock().astimezone(config.tz).date()
    found, total = queries.search(
        session,
        on=on,
        text=q,
        licence_class=licence_class,
        stands=stands,
        after=page.key(date, str, str, str),
        limit=page.one_more,
    )
    rows, cursor = page.cut(found, lambda one: (one.valid_until, one.retailer, one.licence_class, one.number))
    return LicencePage(total=total, next=cursor, licences=[_answer(one, on) for one in rows])


@keeping.put("")
def save_licence(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, body: LicenceBody
) -> Saved:
    """Take over a licence's document, or correct it; how the licence stands stays as it is."""
    try:
        return Saved(outcome=service.take_over(session, body.model_dump(), operator.actor, at=clock()))
    except Invalid as refusal:
        raise refusal.told(texts(request).gettext) from None


def _answer(licence: queries.Licence, on: date) -> LicenceAnswer:
    record: dict[str, Any] = vars(licence)
    return LicenceAnswer(**record, stands=licence.stand(on), version=records.version(LICENCES, record))
