"""The freeze: the order book becomes fixed rows, a hash and a root, in one transaction. Nothing here commits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pyarrow as pa
from sqlalchemy import ARRAY, String, any_, literal, select
from sqlalchemy.orm import Session

from allocation import seeding
from contract.book import leaf_bytes
from contract.feed import BookEntry
from contract.messages import OrderLine
from server.catalogue import queries as catalogue
from server.cycles import attempts, copying, moves, queries, rules
from server.cycles.models import BookLine, BookRetailer, BookSku, Carry, CycleRow, CycleSecret
from server.kit import audit, outbox
from server.kit.identity import SYSTEM
from server.licences import queries as licences
from server.orders import queries as orders
from server.orders import windows as order_windows
from server.retailers import queries as retailers


@dataclass(frozen=True)
class Leaf:
    """One retailer's place in the frozen book."""

    retailer: str
    lines: tuple[OrderLine, ...]
    path: tuple[seeding.Step, ...]


def freeze(session: Session, cycle: UUID, *, at: datetime) -> bool:
    """Freeze the book of a cycle whose windows are all closed; return whether it did, False where it is frozen.

    Each line gets its retailer's weight, what is carried over, its cap, and the licence gate once more. Every
    retailer with an order is sent the root and its place under it.

    Raises
    ------
    StepStopped
        ``supply_missing`` or ``input_refused``; nothing is stored then.
    """
    row = moves.locked(session, cycle)
    if row.state != "closed":
        return False
    rules.check_windows_closed(window.state for window in orders.windows(session, cycle=cycle))
    book = list(orders.book(session, cycle))
    asked: dict[str, int] = {}
    for line in book:
        asked[line.sku] = asked.get(line.sku, 0) + line.requested_units
    attempts.refuse_missing(asked, queries.supply(session, cycle, row.supply_version))
    _write_book(session, row, book, at)
    leaves, root = tree(session, cycle)
    row.book_root = root
    run = attempts.start(session, row, attempt=1)
    order_windows.move_windows(session, cycle, "frozen", at=at)
    tell_book(session, row, leaves, at=at)
    detail: dict[str, Any] = {
        "root": root,
        "input_sha256": run.input_sha256,
        "retailers": len(leaves),
        "lines": len(book),
    }
    moves.move(session, row, "freeze", at=at, actor=SYSTEM, detail=detail)
    audit.record(session, actor=SYSTEM, action="cycle.frozen", subject=f"cycle:{cycle}", at=at, detail=detail)
    moves.resume(session, row)
    return True


def tree(session: Session, cycle: UUID) -> tuple[list[Leaf], str]:
    """Return every retailer's place in the frozen book, in byte order of their codes, and the root (hex)."""
    lines: dict[str, list[OrderLine]] = {}
    rows = session.execute(
        select(BookLine.retailer, BookLine.sku, BookLine.requested_units)
        .where(BookLine.cycle == cycle)
        .order_by(BookLine.retailer.collate("C"), BookLine.sku.collate("C"))
    )
    for retailer, sku, units in rows:
        lines.setdefault(retailer, []).append(OrderLine(sku=sku, quantity_units=units))
    leaves = [leaf_bytes(retailer, own) for retailer, own in lines.items()]
    paths = seeding.merkle_proofs(leaves)
    placed = [
        Leaf(retailer, tuple(own), tuple(path)) for (retailer, own), path in zip(lines.items(), paths, strict=True)
    ]
    return placed, seeding.merkle_root(leaves).hex()


def tell_book(session: Session, row: CycleRow, leaves: list[Leaf], *, at: datetime, secret: str | None = None) -> None:
    """Send each retailer its place in the book, with the secret once it is revealed."""
    assert row.book_root is not None  # noqa: S101 - frozen
    assert row.commitment is not None  # noqa: S101 - a constraint holds it
    items = [
        outbox.Item(
            leaf.retailer,
            f"book:{row.id}",
            "book",
            BookEntry(
                cycle=row.id,
                root=row.book_root,
                lines=leaf.lines,
                retailer=leaf.retailer,
                path=tuple(("left" if step.is_left else "right", step.sibling.hex()) for step in leaf.path),
                commitment=row.commitment,
                secret=secret,
            ),
        )
        for leaf in leaves
    ]
    outbox.append(session, items, at=at)


def secret_of(session: Session, cycle: UUID) -> bytes:
    """Return the draw's secret. Called by the solving and publishing steps alone."""
    return bytes.fromhex(session.scalars(select(CycleSecret.secret).where(CycleSecret.cycle == cycle)).one())


def _write_book(session: Session, row: CycleRow, book: list[orders.BookLine], at: datetime) -> None:
    codes = sorted({line.retailer for line in book})
    shops = retailers.retailers(session, codes)
    skus = catalogue.skus(session, sorted({line.sku for line in book}), withdrawn=True)
    own_limits = retailers.limits_of(session, codes)
    held = licences.classes_held_by(session, codes, at.astimezone(ZoneInfo(row.zone)).date())
    carries = {
        (found.retailer, found.sku): found.carry_thousandths
        for found in session.scalars(select(Carry).where(Carry.retailer == any_(literal(codes, ARRAY(String)))))
    }
    copying.insert_rows(
        session,
        BookRetailer,
        [
            (row.id, shop.code, shop.region, shop.route, shop.tier, shop.market_type, shop.weight, shop.credit_minor)
            for shop in (shops[code] for code in codes)
        ],
    )
    copying.insert_rows(session, BookSku, [(row.id, sku.sku, sku.price_minor) for sku in skus.values()])
    frozen: list[tuple[int | None, int, int, str | None]] = []
    for line in book:
        shop, sku = shops[line.retailer], skus[line.sku]
        limit = own_limits.get((line.retailer, line.sku), sku.limit_units)
        why = rules.ineligible_why(
            standing=shop.standing,
            standing_reason=shop.standing_reason,
            withdrawn=sku.state == "withdrawn",
            licence_class=sku.licence_class,
            classes_held=held.get(line.retailer, frozenset()),
        )
        cap = 0 if why is not None else limit
        carry = carries.get((line.retailer, line.sku), 0)
        frozen.append((cap, shop.weight, carry, why))
    caps, weights, brought, whys = zip(*frozen, strict=True) if frozen else ((), (), (), ())
    columns = {
        "retailer": pa.array([line.retailer for line in book], pa.string()),
        "sku": pa.array([line.sku for line in book], pa.string()),
        "requested_units": pa.array([line.requested_units for line in book], pa.int64()),
        "cap_units": pa.array(caps, pa.int64()),
        "weight": pa.array(weights, pa.int64()),
        "carry_thousandths": pa.array(brought, pa.int64()),
        "ineligible_why": pa.array(whys, pa.string()),
    }
    copying.insert_columns(session, BookLine, pa.table(columns), cycle=row.id, floor_units=0)
