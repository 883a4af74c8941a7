"""Proposing what is free of the own stock as a cycle's supply. Nothing here commits.

A module of its own, since cycles need the allocation core, which processes that only book do not load.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from server.catalogue import queries as catalogue
from server.cycles import queries as cycle_queries
from server.cycles import service as cycles
from server.cycles.supply import Line
from server.inventory import depot_queries as queries
from server.kit.identity import Operator


def propose_supply(session: Session, cycle: UUID, reason: str, operator: Operator, *, at: datetime) -> int:
    """Release what is on hand and not reserved as the supply of a cycle; return its version, to be corrected there.

    Raises
    ------
    Rejected, Conflict
        As :func:`server.cycles.service.release_supply`; ``wrong_state`` where grants are out, which a correction by
        hand is for; ``nothing_free`` where nothing is free.
    """
    found = cycle_queries.cycle(session, cycle)
    if found is None:
        raise Rejected("not_found", what="cycle", name=str(cycle))
    if found.published:
        raise Conflict("wrong_state", state=found.state, needed="closed")
    skus = catalogue.skus(session)
    lines = [
        Line(line.sku, line.free_units, skus[line.sku].pack_units, 0, 0, scarce=False)
        for line in queries.lines(session)
        if line.sku in skus and line.free_units
    ]
    if not lines:
        raise Rejected("nothing_free")
    return cycles.release_supply(session, cycle, lines, reason=reason, by=operator, at=at)
