"""The programs' interface of deliveries and claims."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel, StringConstraints

from contract.errors import Rejected
from server.deliveries import claiming, queries, rules, service, telling
from server.deliveries.claiming import SENDERS
from server.kit import http, paging

deliveries = http.router("/api/v1/deliveries", tag="deliveries", roles=(), shops="reads")
claims = http.router("/api/v1/claims", tag="deliveries", roles=(), shops="all")

SENDING = [Depends(http.needs(*SENDERS))]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=telling.REASON_MOST)]


class DispatchCycle(BaseModel):
    """Which published cycle's goods leave."""

    cycle: UUID


class DecideClaim(BaseModel):
    """What is decided, and why; how an upheld claim is made good."""

    verdict: claiming.Verdict
    reason: Words
    remedy: rules.Remedy = "nothing"


class SettleClaim(BaseModel):
    """How the claim was made good."""

    note: Words


class AssignClaim(BaseModel):
    """Whose the claim is from now on."""

    owner: Annotated[str, StringConstraints(min_length=1, max_length=200)]


@deliveries.post("/dispatch", dependencies=SENDING)
def dispatch_cycle(body: DispatchCycle, session: http.Db, operator: http.Person, clock: http.Now) -> service.Dispatched:
    """Make the shipment notices of a published cycle; done again, it makes only what is missing."""
    return service.dispatch_cycle(session, body.cycle, operator, at=clock())


@deliveries.get("")
def list_deliveries(
    session: http.Db,
    page: paging.Paged,
    cycle: UUID | None = None,
    retailer: str | None = None,
    state: queries.DeliveryState | None = None,
) -> list[queries.Delivery]:
    """Return deliveries with lines and claims, the newest first."""
    found = queries.deliveries(
        session, cycle=cycle, retailer=retailer, state=state, before=page.key(int), limit=page.one_more
    )
    return page.rows(found, lambda delivery: (delivery.number,))


@deliveries.get("/totals")
def totals(session: http.Db, cycle: UUID | None = None) -> queries.Totals:
    """Return how far the deliveries are, of one cycle or of all; quantities in units."""
    return queries.totals(session, cycle)


@deliveries.get("/{delivery}")
def show_delivery(delivery: UUID, session: http.Db) -> queries.Delivery:
    """Return one delivery."""
    found = queries.delivery(session, delivery)
    if found is None:
        raise Rejected("not_found", what="delivery", name=str(delivery))
    return found


@deliveries.post("/{delivery}/release", status_code=204, dependencies=SENDING)
def release_delivery(delivery: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Let held goods go; refused while the reason stands."""
    service.release_delivery(session, delivery, operator, at=clock())


@claims.get("")
def list_claims(
    session: http.Db,
    page: paging.Paged,
    state: queries.ClaimState | None = None,
    retailer: str | None = None,
    cycle: UUID | None = None,
) -> list[queries.Claim]:
    """Return claims, the oldest first."""
    found = queries.claims(
        session, state=state, retailer=retailer, cycle=cycle, after=page.key(datetime, int), limit=page.one_more
    )
    return page.rows(found, lambda claim: (claim.opened_at, claim.number))


@claims.get("/remedies")
def list_remedies(
    session: http.Db, page: paging.Paged, kind: Literal["replacement", "credit"] | None = None
) -> list[queries.Remedy]:
    """Return replacements and credit notes of upheld claims, the newest first; amounts in minor units."""
    found = queries.remedies(session, kind=kind, before=page.key(int), limit=page.one_more)
    return page.rows(found, lambda remedy: (remedy.number,))


@claims.get("/{claim}")
def show_claim(claim: UUID, session: http.Db) -> queries.Claim:
    """Return one claim."""
    found = queries.claim(session, claim)
    if found is None:
        raise Rejected("not_found", what="claim", name=str(claim))
    return found


@claims.post("/{claim}/decide", status_code=204, dependencies=SENDING)
def decide_claim(claim: UUID, body: DecideClaim, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Decide an open claim; the terminal is told."""
    claiming.decide_claim(session, claim, body.verdict, body.reason, operator, remedy=body.remedy, at=clock())


@claims.post("/{claim}/settle", status_code=204, dependencies=SENDING)
def settle_claim(claim: UUID, body: SettleClaim, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Note that an upheld claim was made good; the terminal is told."""
    claiming.settle_claim(session, claim, body.note, operator, at=clock())


@claims.post("/{claim}/assign", status_code=204, dependencies=SENDING)
def assign_claim(claim: UUID, body: AssignClaim, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Give an open claim to another person."""
    claiming.assign_claim(session, claim, body.owner, operator, at=clock())
