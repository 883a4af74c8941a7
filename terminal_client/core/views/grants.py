"""What was granted and why, with everything that is needed to check it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from contract.device_api import CatalogueItem
from contract.feed import BookEntry, Grant, Grants, Text
from terminal_client.core import book_check, feed, orders
from terminal_client.core.book_check import Draw, Terms
from terminal_client.core.server_clock import ServerClock
from terminal_client.core.store import Store
from terminal_client.core.views import catalogue, windows

Bound = Literal["supply", "credit", "units", "quota", "other", ""]


@dataclass(frozen=True)
class GrantRow:
    """One granted line. ``bound`` is the sort of constraint that stopped it.

    ``grant.before_units`` is what was granted at first, where a correction changed it.
    """

    grant: Grant
    item: CatalogueItem
    bound: Bound

    @property
    def filled_percent(self) -> int:
        """How much of the request was granted, in whole percent, for a bar."""
        asked = self.grant.requested_units
        return self.grant.granted_units * 100 // asked if asked else 0


@dataclass(frozen=True)
class GrantsView:
    """A published cycle. While parts are missing, ``missing_parts`` says how many.

    ``credit_minor`` is the credit that held when it was shared out, none where none is kept, or none
    was told.

    ``corrected_at`` is when it was changed after its first publication, because of ``correction``.
    """

    cycle: UUID
    name: Text
    released_at: datetime
    policy: str
    seed: str
    input_sha256: str
    result_sha256: str
    corrected_at: datetime | None
    correction: str
    missing_parts: int
    rows: list[GrantRow]
    granted_units: int
    requested_units: int
    draw: Draw | None
    terms: Terms
    commitment_seen_at_ms: int | None
    credit_minor: int | None
    currency: str

    @property
    def holds(self) -> bool:
        """Whether nothing of draw and rules that can be checked so far is wrong."""
        return self.terms.holds and (self.draw is None or self.draw.holds)

    @property
    def changed(self) -> int:
        """How many lines stand otherwise than they were published at first."""
        return sum(row.grant.before_units is not None for row in self.rows)


def read_all(store: Store, clock: ServerClock) -> list[GrantsView]:
    """Return every published cycle, newest first; corrected lines stand before others, short before filled ones."""
    parts: dict[UUID, list[Grants]] = {}
    for part in feed.read(store, Grants):
        parts.setdefault(part.cycle, []).append(part)
    views = [_view(store, clock, cycle, found) for cycle, found in parts.items()]
    return sorted(views, key=lambda view: view.released_at, reverse=True)


def read(store: Store, clock: ServerClock, cycle: UUID) -> GrantsView | None:
    """Return one cycle, or none."""
    return next((view for view in read_all(store, clock) if view.cycle == cycle), None)


def _view(store: Store, clock: ServerClock, cycle: UUID, parts: list[Grants]) -> GrantsView:
    known = catalogue.read(store)
    first = max(parts, key=lambda part: part.version)
    lines = [line for part in sorted(parts, key=lambda part: part.part) for line in part.lines]
    rows = [GrantRow(line, known.item(line.sku), _bound(line.bound_by)) for line in lines]
    seen = feed.seen_commitment(store, str(cycle))
    return GrantsView(
        cycle=cycle,
        name=first.name,
        released_at=first.released_at,
        policy=first.policy,
        seed=first.seed,
        input_sha256=first.input_sha256,
        result_sha256=first.result_sha256,
        corrected_at=first.corrected_at,
        correction=first.correction or "",
        missing_parts=first.parts - len(parts),
        rows=sorted(
            rows,
            key=lambda row: (
                row.grant.before_units is None,
                row.grant.granted_units >= row.grant.requested_units,
                row.grant.sku,
            ),
        ),
        granted_units=sum(line.granted_units for line in lines),
        requested_units=sum(line.requested_units for line in lines),
        draw=_draw(store, clock, cycle, first.seed),
        terms=book_check.check_terms(first, feed.seen_terms(store, str(cycle)), feed.seen_weights(store, str(cycle))),
        commitment_seen_at_ms=seen[1] if seen else None,
        credit_minor=first.credit_minor,
        currency=known.currency,
    )


def _draw(store: Store, clock: ServerClock, cycle: UUID, seed: str) -> Draw | None:
    entry = next((entry for entry in feed.read(store, BookEntry) if entry.cycle == cycle), None)
    if entry is None:
        return None
    here = {view.window for view in windows.read_all(store, clock) if view.cycle == cycle}
    mine = orders.summed(orders.in_windows(store, here))
    seen = feed.seen_commitment(store, str(cycle))
    return book_check.check(entry, mine, first_commitment=seen[0] if seen else None, seed=seed)


def _bound(bound_by: str) -> Bound:
    sort = bound_by.partition(":")[0]
    match sort:
        case "supply" | "credit" | "units" | "quota" | "":
            return sort
        case _:
            return "other"
