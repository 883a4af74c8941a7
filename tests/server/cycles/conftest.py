"""A small town whose cycle runs on the real database, its queue worked off by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from factories import make_device, make_retailer, make_sku, place
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from contract.feed import Receipt
from server import background, solver, worker
from server.catalogue import queries as catalogue
from server.cycles import queries, service, supply, window_planning
from server.kit import events
from server.kit.db import transaction
from server.kit.identity import Operator, Sender
from server.kit.runtime import Runtime
from server.orders import queries as orders

PLANNER = Operator(1, "anna", frozenset({"planner"}))
RELEASER = Operator(2, "bo", frozenset({"releaser"}))
BOTH = Operator(3, "chen", frozenset({"planner", "releaser"}))
SUPPLY: list[dict[str, Any]] = [
    {"sku": "K1", "supply_units": 130, "reserve_units": 5},
    {"sku": "K2", "supply_units": 1_000},
    {"sku": "WINE", "supply_units": 60},
]


@dataclass
class Town:
    """What a test does in the town; every act is a transaction of its own."""

    runtime: Runtime
    clock: Any
    devices: dict[str, Sender]

    @property
    def sessions(self) -> sessionmaker[Session]:
        return self.runtime.sessions

    def draft(self, *, rows: list[dict[str, Any]] | None = None, route: str = "*") -> UUID:
        """Make a cycle with a window from a minute to an hour from now, and its supply."""
        now = self.clock.now
        with transaction(self.sessions) as session:
            cycle = service.create_cycle(
                session,
                service.NewCycle("第49周", "Week 49", date(2026, 12, 2), "Asia/Shanghai", 30),
                by=PLANNER,
                at=now,
            )
            window_planning.plan_window(
                session, cycle, route, now + timedelta(minutes=1), now + timedelta(hours=1), by=PLANNER, at=now
            )
        if rows != []:
            self.supply(cycle, SUPPLY if rows is None else rows)
        return cycle

    def supply(self, cycle: UUID, rows: list[dict[str, Any]], *, correct: bool = False) -> int:
        with transaction(self.sessions) as session:
            lines = supply.read_rows(rows, catalogue.skus(session, withdrawn=True))
            act = service.correct_supply if correct else service.release_supply
            return act(session, cycle, lines, reason="the week's arrivals", by=PLANNER, at=self.clock.now)

    def announce(self, cycle: UUID) -> None:
        with transaction(self.sessions) as session:
            service.announce_cycle(session, cycle, by=PLANNER, at=self.clock.now)
        self.work()

    def open(self, cycle: UUID) -> UUID:
        """Let the window open, with what a night asks for done; return it."""
        self.clock.advance(minutes=2)
        worker.tick(self.runtime)
        self.work()
        with transaction(self.sessions) as session:
            return orders.windows(session, cycle=cycle)[0].id

    def order(self, retailer: str, window: UUID, **quantities: int) -> Receipt:
        with transaction(self.sessions) as session:
            return place(session, self.devices[retailer], window, at=self.clock.now, **quantities)

    def close(self) -> None:
        """Let the window close; what follows waits in the queue."""
        self.clock.advance(hours=2)
        worker.tick(self.runtime)

    def work(self, *, steps: int = 50) -> list[str]:
        """Do what waits in the queue, and what that queues; return the names of the jobs."""
        done = []
        for _ in range(steps):
            with transaction(self.sessions) as session:
                job = session.execute(
                    text("SELECT id, task_name, args FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id LIMIT 1")
                ).one_or_none()
            if job is None:
                return done
            task = {events.TASK: worker.react, **background.TASKS, **solver.TASKS}[job.task_name]
            task(self.runtime, **job.args)
            done.append(job.task_name)
            with transaction(self.sessions) as session:
                session.execute(text("DELETE FROM procrastinate_jobs WHERE id = :id"), {"id": job.id})
        return done

    def forget_queue(self) -> None:
        """Lose what waits, as if all processes had died for good."""
        with transaction(self.sessions) as session:
            session.execute(text("DELETE FROM procrastinate_jobs"))

    def act(self, act: Callable[..., Any], cycle: UUID, by: Operator, **more: Any) -> Any:
        with transaction(self.sessions) as session:
            return act(session, cycle, by=by, at=self.clock.now, **more)

    def cycle(self, cycle: UUID) -> queries.Cycle:
        with transaction(self.sessions) as session:
            found = queries.cycle(session, cycle)
            assert found is not None
            return found

    def ordered(self, cycle: UUID) -> UUID:
        """Announce, open, and let the shops order: more of K1 and of the wine than there is."""
        self.announce(cycle)
        window = self.open(cycle)
        for retailer, quantities in ORDERS.items():
            assert self.order(retailer, window, **quantities).outcome == "accepted"
        return window

    def verified(self, **draft: Any) -> UUID:
        """A cycle that was shared out and checked."""
        cycle = self.draft(**draft)
        self.ordered(cycle)
        self.close()
        self.work()
        assert self.cycle(cycle).state == "verified", self.cycle(cycle).trouble
        return cycle

    def published(self, **draft: Any) -> UUID:
        """A cycle that was released and published."""
        cycle = self.verified(**draft)
        self.act(service.send_for_release, cycle, PLANNER)
        self.act(service.release, cycle, RELEASER)
        self.work()
        assert self.cycle(cycle).state == "published", self.cycle(cycle).trouble
        return cycle


ORDERS: dict[str, dict[str, int]] = {
    "R1": {"K1": 40, "K2": 12, "WINE": 18},
    "R2": {"K1": 40, "WINE": 48},
    "R3": {"K1": 60, "K2": 3},
    "R4": {"K1": 80},
}


@pytest.fixture
def town(runtime: Runtime, clock: Any) -> Town:
    """Four shops in two regions with orders for more than there is; a fifth that never orders."""
    return settled(runtime, clock)


def settled(runtime: Runtime, clock: Any) -> Town:
    """Let the shops of the town settle in an empty database."""
    with transaction(runtime.sessions) as session:
        make_sku(session, "K1", pack_units=10)
        make_sku(session, "K2")
        make_sku(session, "WINE", pack_units=6, licence_class="wine")
        for code, region, route, tier, weight, classes in (
            ("R1", "hills", "north", 1, 10, ("wine",)),
            ("R2", "hills", "north", 2, 20, ("wine",)),
            ("R3", "shore", "south", 2, 20, ()),
            ("R4", "shore", "south", 3, 40, ()),
            ("R5", "shore", "south", 3, 40, ()),
        ):
            make_retailer(session, code, region=region, route=route, tier=tier, weight=weight, classes=classes)
        devices = {code: make_device(session, code) for code in ("R1", "R2", "R3", "R4", "R5")}
    return Town(runtime, clock, devices)
