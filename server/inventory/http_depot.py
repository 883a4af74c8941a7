"""The programs' interface of the distributor's own stock."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from contract.messages import Sku, Units
from server.inventory import depot, depot_queries
from server.inventory.http import Reason
from server.kit import http, paging
from server.kit.identity import Role

READERS: tuple[Role, ...] = ("planner", "dispatcher", "releaser", "administrator", "auditor")
KEEPERS: tuple[Role, ...] = ("planner", "dispatcher")
SECONDS: tuple[Role, ...] = ("planner", "dispatcher", "releaser")
KEEPING = [Depends(http.needs(*KEEPERS))]
SECONDING = [Depends(http.needs(*SECONDS))]
Most = Annotated[int, Query(ge=1, le=10_000)]

depots = http.router("/api/v1/depot", tag="inventory", roles=READERS)


class MoveGoods(BaseModel):
    """Goods that came in, or were cleared. ``id`` names the act: sent again, it changes nothing."""

    id: UUID
    sku: Sku
    units: Annotated[int, Field(ge=1, lt=2**31)]
    reason: Reason


class CountGoods(BaseModel):
    """What was counted of a SKU. ``id`` names the act: sent again, it changes nothing."""

    id: UUID
    sku: Sku
    counted_units: Units
    reason: Reason


class WriteOff(MoveGoods):
    """Spoilt goods; ``blocked``: of those that were set aside."""

    blocked: bool = False


class Said(BaseModel):
    """What became of a difference: booked, waiting for a second person, or there was none."""

    outcome: Literal["booked", "waiting", "none"]


@depots.get("")
def show_stock(session: http.Db) -> list[depot_queries.DepotLine]:
    """Return the own stock by SKU, with what is reserved of it; quantities in units."""
    return depot_queries.lines(session)


@depots.get("/movements")
def show_movements(session: http.Db, page: paging.Paged, sku: str | None = None) -> list[depot_queries.DepotMovement]:
    """Return the entries of the ledger, the newest first."""
    found = depot_queries.movements(session, sku=sku, before=page.key(int), limit=page.one_more)
    return page.rows(found, lambda movement: (movement.id,))


@depots.get("/acts")
def show_acts(session: http.Db, page: paging.Paged) -> list[depot_queries.DepotAct]:
    """Return counts and write-offs, the newest first."""
    found = depot_queries.acts(session, before=page.key(int), limit=page.one_more)
    return page.rows(found, lambda act: (act.number,))


@depots.post("/receipts", status_code=204, dependencies=KEEPING)
def receive_goods(body: MoveGoods, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Enter goods that came in."""
    depot.receive_goods(session, body.sku, body.units, body.reason, operator, act=body.id, at=clock())


@depots.post("/clearings", status_code=204, dependencies=KEEPING)
def clear_goods(body: MoveGoods, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Put goods that came back among those to be issued again."""
    depot.clear_goods(session, body.sku, body.units, body.reason, operator, act=body.id, at=clock())


@depots.post("/counts", dependencies=KEEPING)
def count_goods(body: CountGoods, session: http.Db, operator: http.Person, clock: http.Now) -> Said:
    """Say what was counted; a large difference waits for a second person."""
    booked = depot.count_goods(session, body.sku, body.counted_units, body.reason, operator, act=body.id, at=clock())
    return Said(outcome="none" if booked is None else "booked" if booked else "waiting")


@depots.post("/spoilage", dependencies=KEEPING)
def write_off(body: WriteOff, session: http.Db, operator: http.Person, clock: http.Now) -> Said:
    """Take spoilt goods out; a large write-off waits for a second person."""
    booked = depot.write_off(
        session, body.sku, body.units, body.reason, operator, blocked=body.blocked, act=body.id, at=clock()
    )
    return Said(outcome="booked" if booked else "waiting")


@depots.post("/acts/{act}/confirm", status_code=204, dependencies=SECONDING)
def confirm_act(act: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Book a difference that waits, as the second person."""
    depot.confirm_act(session, act, operator, at=clock())


@depots.post("/acts/{act}/withdraw", status_code=204, dependencies=SECONDING)
def withdraw_act(act: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Drop a difference that waits."""
    depot.withdraw_act(session, act, operator, at=clock())
