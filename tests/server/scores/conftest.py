"""A town whose shops have a year of sales, and whose scores are made and published by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from factories import make_retailer, make_sku
from sqlalchemy import text
from sqlalchemy.orm import Session

from server.forecasts import rules as months
from server.forecasts.fields import HISTORY
from server.kit import records
from server.kit.db import transaction
from server.kit.identity import Actor, Operator
from server.kit.imports import Report, Upload, bring
from server.kit.records import Kind
from server.kit.runtime import Runtime
from server.scores import decisions, facts, making, queries, service

PLANNER = Operator(1, "anna", frozenset({"planner"}))
RELEASER = Operator(2, "bo", frozenset({"releaser"}))
ANN = Actor("operator", "ann")
FIRST = date(2025, 11, 1)
SHOPS = {"R1": 400, "R2": 300, "R3": 200, "R4": 100}


def month(shop: str, ahead: int, sold: int | None, **changed: Any) -> dict[str, Any]:
    """A month's record of a shop."""
    known = {"sold_units": sold, "requested_units": None, "granted_units": None, "out_days": 0, "source": "file"}
    return {"retailer": shop, "product_class": "goods", "period": months.later(FIRST, ahead)} | known | changed


@dataclass
class Room:
    """What a test does with scores; every act is a transaction of its own."""

    runtime: Runtime
    clock: Any

    def bring(self, *cells: dict[str, Any]) -> None:
        with transaction(self.runtime.sessions) as session:
            records.hold(session, HISTORY)
            records.write(session, HISTORY, cells, at=self.clock())
            HISTORY.written(session, [records.Written(None, cell) for cell in cells], self.clock())

    def facts(self, kind: Kind, *rows: str) -> Report:
        """Bring a file of facts in, its headings being the fields of ``kind`` but the source."""
        headings = ",".join(field.name for field in kind.fields[:-1])
        upload = Upload(f"{kind.name}.csv", "\n".join([headings, *rows]).encode())
        with transaction(self.runtime.sessions) as session:
            return bring(session, kind, upload, "", actor=ANN, at=self.clock())

    def deliver(self, shop: str, told: str, *, accepted: bool = True, skus: Sequence[str] = ()) -> None:
        with transaction(self.runtime.sessions) as session:
            facts.note_delivery(session, shop, told, accepted=accepted, skus=skus, by="device:till-1", at=self.clock())

    def ask(self, by: Operator = PLANNER) -> int:
        now = self.clock()
        with transaction(self.runtime.sessions) as session:
            return service.ask_run(session, by, at=now, today=now.date())

    def work(self, number: int) -> queries.Run:
        making.run(self.runtime, run=str(self.run(number).id))
        return self.run(number)

    def draft(self) -> queries.Run:
        found = self.work(self.ask())
        assert found.state == "draft", found.trouble
        return found

    def publish(self, number: int, by: Operator = RELEASER) -> queries.Run:
        with transaction(self.runtime.sessions) as session:
            return service.publish_run(session, number, by, at=self.clock())

    def decide(self, shop: str, kind: Any, tier: int | None, since: date, until: date) -> UUID:
        with transaction(self.runtime.sessions) as session:
            made = decisions.propose_decision(
                session, shop, kind, tier, since, until, PLANNER, reason="sold to minors", at=self.clock()
            )
            decisions.approve_decision(session, made, RELEASER, at=self.clock(), today=self.clock().date())
            return made

    def run(self, number: int) -> queries.Run:
        with transaction(self.runtime.sessions) as session:
            found = queries.run(session, number)
            assert found is not None
            return found

    def scores(self, found: queries.Run) -> dict[str, queries.Score]:
        with transaction(self.runtime.sessions) as session:
            return {score.retailer: score for score in queries.scores(session, found)}

    def standings(self, found: queries.Run, shops: Sequence[str], day: date) -> dict[str, Any]:
        with transaction(self.runtime.sessions) as session:
            return queries.standings(session, found, shops, day)

    def queued(self) -> list[str]:
        with transaction(self.runtime.sessions) as session:
            return list(session.execute(text("SELECT task_name FROM procrastinate_jobs")).scalars())


@pytest.fixture
def room(runtime: Runtime, clock: Any) -> Room:
    """Four shops with twelve months of sales up to the end of October 2026."""
    made = Room(runtime, clock)
    with transaction(runtime.sessions) as session:
        _shops(session)
    made.bring(*(month(shop, ahead, sold) for shop, sold in SHOPS.items() for ahead in range(12)))
    return made


def _shops(session: Session) -> None:
    make_sku(session)
    for shop in SHOPS:
        make_retailer(session, shop, tier=15, weight=7)
