"""What can be done with the windows in which retailers order. Nothing here commits.

Locks: closing and postponing take the window's row for update, and so wait for every order that was decided before.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.feed import Text, WindowState
from server.kit import audit, events, live, outbox
from server.kit.identity import SYSTEM
from server.orders import queries
from server.orders.events import WindowClosed
from server.orders.models import WindowRow
from server.retailers import queries as retailers


@dataclass(frozen=True)
class NewWindow:
    """A window to be announced. Instants are aware; ``route`` is ``*`` for every retailer."""

    id: UUID
    cycle: UUID
    name_zh: str
    name_en: str
    route: str
    opens_at: datetime
    closes_at: datetime
    grace_s: int
    zone: str
    commitment: str
    policy: str
    policy_sha256: str | None = None
    score_version: str | None = None
    scarce: frozenset[str] = frozenset()
    unsupplied: frozenset[str] = frozenset()


def announce_window(session: Session, new: NewWindow, *, at: datetime) -> None:
    """Publish a window to its retailers before it opens, the draw's commitment with it."""
    session.add(
        WindowRow(
            id=new.id,
            cycle=new.cycle,
            name_zh=new.name_zh,
            name_en=new.name_en,
            route=new.route,
            opens_at=new.opens_at,
            closes_at=new.closes_at,
            grace_s=new.grace_s,
            zone=new.zone,
            state="announced",
            commitment=new.commitment,
            policy=new.policy,
            policy_sha256=new.policy_sha256,
            score_version=new.score_version,
            scarce=sorted(new.scarce),
            unsupplied=sorted(new.unsupplied),
            seen_at=at,
        )
    )
    session.flush()
    tell_windows(session, [new.id], at=at)


def open_due_windows(session: Session, now: datetime) -> list[UUID]:
    """Open the announced windows whose time has come; return them."""
    opened = session.scalars(
        update(WindowRow)
        .where(WindowRow.state == "announced", WindowRow.opens_at <= now)
        .values(state="open", seen_at=now)
        .returning(WindowRow.id)
    ).all()
    tell_windows(session, opened, at=now)
    return list(opened)


def close_due_windows(session: Session, now: datetime) -> list[UUID]:
    """Close the open windows whose deadline has passed, note the time in the others; return the closed ones.

    The noted time never goes back, and decides with the clock: a clock that is set back reopens nothing.
    """
    session.execute(update(WindowRow).where(WindowRow.state == "open", WindowRow.seen_at < now).values(seen_at=now))
    deadline = WindowRow.closes_at + func.make_interval(0, 0, 0, 0, 0, 0, WindowRow.grace_s)
    due = session.scalars(
        select(WindowRow).where(WindowRow.state == "open", deadline <= now).order_by(WindowRow.id).with_for_update()
    ).all()
    for row in due:
        row.state = "closed"
        events.publish(session, WindowClosed(row.id, row.cycle, now), lock=f"cycle:{row.cycle}")
        audit.record(session, actor=SYSTEM, action="window.closed", subject=f"cycle:{row.cycle}", at=now)
    session.flush()
    tell_windows(session, [row.id for row in due], at=now)
    return [row.id for row in due]


def postpone_window(session: Session, window: UUID, closes_at: datetime, *, at: datetime) -> None:
    """Let a window that is not over close later than published, and tell its retailers.

    Raises
    ------
    Rejected
        ``unknown_window``; ``window_closed``, where nothing is taken in it any more.
    ValueError
        Where ``closes_at`` is not later than the published close: nobody loses time that was promised.
    """
    row = session.scalars(
        select(WindowRow).where(WindowRow.id == window).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise Rejected("unknown_window")
    rule = queries.window_view(row).rule()
    if row.state not in {"announced", "open"} or max(at, row.seen_at) >= rule.deadline:
        raise Rejected("window_closed", closed_at=row.closes_at.isoformat())
    if closes_at <= row.closes_at:
        raise ValueError("a window is postponed, never cut short")
    row.closes_at = closes_at
    session.flush()
    tell_windows(session, [row.id], at=at)


def move_windows(session: Session, cycle: UUID, state: queries.WindowStateName, *, at: datetime) -> None:
    """Put all windows of a cycle into a later state (frozen, published, called off) and tell the retailers."""
    moved = session.scalars(
        update(WindowRow).where(WindowRow.cycle == cycle).values(state=state).returning(WindowRow.id)
    ).all()
    tell_windows(session, moved, at=at)


def mark_policy(session: Session, cycle: UUID, policy: str, policy_sha256: str, *, at: datetime) -> None:
    """Publish another policy with the windows of a cycle, and tell its retailers."""
    changed = session.scalars(
        update(WindowRow)
        .where(WindowRow.cycle == cycle)
        .values(policy=policy, policy_sha256=policy_sha256)
        .returning(WindowRow.id)
    ).all()
    tell_windows(session, changed, at=at)


def mark_supply(
    session: Session, cycle: UUID, *, scarce: Collection[str], unsupplied: Collection[str], at: datetime
) -> None:
    """Say anew what is scarce and what is missing in the windows of a cycle; retailers are told where it changed."""
    marks = {"scarce": sorted(scarce), "unsupplied": sorted(unsupplied)}
    changed = session.scalars(
        update(WindowRow)
        .where(
            WindowRow.cycle == cycle,
            or_(WindowRow.scarce != marks["scarce"], WindowRow.unsupplied != marks["unsupplied"]),
        )
        .values(**marks)
        .returning(WindowRow.id)
    ).all()
    tell_windows(session, changed, at=at)


def tell_windows(session: Session, ids: Sequence[UUID], *, at: datetime) -> None:
    """Send each window's state to the feeds of its retailers."""
    items: list[outbox.Item] = []
    for row in session.scalars(select(WindowRow).where(WindowRow.id.in_(ids)).order_by(WindowRow.id)):
        message = _window_message(row)
        items += [
            outbox.Item(code, f"window:{row.id}", "window", message)
            for code in retailers.codes_on_route(session, row.route)
        ]
    outbox.append(session, items, at=at)
    live.tell(session, "window")


def _window_message(row: WindowRow) -> WindowState:
    return WindowState(
        window=row.id,
        cycle=row.cycle,
        name=Text(zh=row.name_zh, en=row.name_en),
        opens_at=row.opens_at,
        closes_at=row.closes_at,
        grace_s=row.grace_s,
        zone=row.zone,
        state=row.state,
        commitment=row.commitment,
        policy=row.policy,
        policy_sha256=row.policy_sha256,
        score_version=row.score_version,
        scarce=tuple(row.scarce),
        unsupplied=tuple(row.unsupplied),
    )
