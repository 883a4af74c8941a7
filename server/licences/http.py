"""Programs' interface of licences."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Query, Request
from pydantic import BaseModel

from contract.licences import Stand
from server.kit import http, records
from server.kit.console import texts
from server.kit.fields import Invalid
from server.licences import queries, service
from server.licences.fields import LICENCES

reading = http.router("/api/v1/licences", tag="licences", roles=(), shops="all")
keeping = http.router("/api/v1/licences", tag="licences", roles=("administrator",), shops="all")

PAGE_MOST = 1_000
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
    licences: list[LicenceAnswer]


class Saved(BaseModel):
    """What a step did."""

    outcome: records.Outcome


@reading.get("")
def list_licences(
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    q: Annotated[str, Query(max_length=128)] = "",
    licence_class: str | None = None,
    stands: Stand | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=PAGE_MOST)] = 100,
) -> LicencePage:
    """Return licences, the first to run out first."""
    on = clock().astimezone(config.tz).date()
    found, total = queries.search(
        session, on=on, text=q, licence_class=licence_class, stands=stands, offset=offset, limit=limit
    )
    return LicencePage(total=total, licences=[_answer(one, on) for one in found])


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
