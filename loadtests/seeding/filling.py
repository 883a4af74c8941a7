"""The order in which everything is made, and the steps that the server itself takes."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

from loadtests.seeding import figures, goods, network, trade, voices
from loadtests.seeding.size import Size
from server.catalogue import queries as catalogue
from server.catalogue.fields import SKUS
from server.cycles import (
    queries,
    score_what_if,
    service,
    standing,
    steps,
    supply,
    what_if,
    window_planning,
)
from server.integrations import messages, webhooks
from server.integrations.posting import Allowed
from server.keeping import shop_exports
from server.kit.db import transaction
from server.kit.identity import Actor, Operator
from server.kit.imports import Upload, bring, drafts
from server.kit.runtime import Runtime
from server.orders import windows
from server.scores import making, policies
from server.scores import queries as score_queries
from server.scores import service as scores
from server.signals import making as signals_making
from server.signals import service as signals
from server.signals.looking import findings

LEAST_CYCLES, LEAST_RETAILERS = 4, 10
"""The least that has a past, a review and a window."""

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
RELEASER = Operator(2, "releaser-1", frozenset({"releaser"}))
GOODS_OF = timedelta(days=365)
SHOPS_IN_A_HUNDRED = {"over": 86, "open": 40}
SUPPLY_PERCENT = 80

Told = Callable[[str, float], None]


class NotEmptyError(RuntimeError):
    """The database holds shops already: nothing was written."""


@dataclass(frozen=True)
class _Filling:
    runtime: Runtime
    size: Size
    now: datetime
    told: Told

    def say(self, sentence: str, values: Mapping[str, Any] | None = None) -> None:
        """Run one statement in a transaction of its own."""
        with transaction(self.runtime.sessions) as session:
            _run(session, sentence, self.values | dict(values or {}))

    @property
    def values(self) -> dict[str, Any]:
        """What statements are filled with; each takes those that it names."""
        return {
            "retailers": self.size.retailers,
            "skus": self.size.skus,
            "cycles": self.size.cycles,
            "old": self.size.cycles - 3,
            "months": self.size.months,
            "complaints": self.size.complaints,
            "announcements": self.size.announcements,
            "now": self.now,
            "began": self.now - timedelta(days=28 * (self.size.cycles + 2)),
            "year_ago": (self.now - GOODS_OF).date(),
            "zone": self.runtime.settings.zone,
            "questions": voices.QUESTIONS,
        }

    def at(self, moment: datetime) -> Runtime:
        """Return the server as it was at another time."""
        return replace(self.runtime, clock=lambda: moment)


def fill(
    runtime: Runtime,
    size: Size,
    *,
    told: Told = lambda _what, _seconds: None,
    settle: Callable[[], None] = lambda: None,
) -> None:
    """Fill the database of ``runtime``, up to its clock's now; ``told`` hears of each part and its seconds.

    ``settle`` is called after each part, to gather statistics, which only the owner of the tables can: without them the
    server's own steps are planned for tables that were empty a minute ago.

    Raises
    ------
    NotEmptyError
        Where there is a shop already.
    ValueError
        For fewer than four cycles or ten shops.
    """
    if size.cycles < LEAST_CYCLES or size.retailers < LEAST_RETAILERS:
        raise ValueError(f"at least {LEAST_CYCLES} cycles and {LEAST_RETAILERS} shops are needed")
    with transaction(runtime.sessions) as session:
        if session.scalar(text("SELECT EXISTS (SELECT FROM retailers)")):
            raise NotEmptyError("the database holds shops already; seed one that is empty")
    now = runtime.clock().replace(microsecond=0)
    filling = _Filling(runtime, size, now, told)
    for what, act in (
        ("network", _network),
        ("cycles that are over", _old_cycles),
        ("demand and facts", _history),
        ("scores", _scores),
        ("a published cycle, one in review, one open", _new_cycles),
        ("goods of a year", _goods),
        ("voices", _voices),
        ("files and what-ifs", _by_people),
        ("audit", lambda one: one.say(voices.AUDIT)),
    ):
        started = time.perf_counter()
        act(filling)
        settle()
        told(what, time.perf_counter() - started)


def gather_statistics(owner_url: str) -> None:
    """Do at once what the database would do by itself in the next minutes, so that it plans by what is there."""
    with psycopg.connect(owner_url.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _network(filling: _Filling) -> None:
    for sentence in network.STATEMENTS:
        filling.say(sentence)


def _old_cycles(filling: _Filling) -> None:
    with transaction(filling.runtime.sessions) as session:
        policy = standing.default_policy(session, at=filling.values["began"])
    for sentence in trade.CYCLES:
        filling.say(sentence, {"policy": policy.name, "policy_version": policy.version})
    with transaction(filling.runtime.sessions) as session:
        for sentence in (*trade.orders("windows.state = 'published'"), *trade.BOOKS):
            _run(session, sentence, filling.values | {"percent": SHOPS_IN_A_HUNDRED["over"]})


def _history(filling: _Filling) -> None:
    for sentence in figures.HISTORY:
        filling.say(sentence)


def _scores(filling: _Filling) -> None:
    with transaction(filling.runtime.sessions) as session:
        policies.write_policy(session, "tiers = 30\n", PLANNER, reason="as many tiers as before", at=filling.now)
    number = _scored(filling)
    with transaction(filling.runtime.sessions) as session:
        scores.publish_run(session, number, RELEASER, at=filling.now)
    for sentence in figures.OBJECTIONS:
        filling.say(sentence, {"run": number})
    _scored(filling)


def _scored(filling: _Filling) -> int:
    now = filling.now
    with transaction(filling.runtime.sessions) as session:
        number = scores.ask_run(session, PLANNER, at=now, today=now.date())
        found = score_queries.run(session, number)
    assert found is not None  # noqa: S101 - it was just asked for
    making.run(filling.at(now), run=str(found.id))
    return number


def _new_cycles(filling: _Filling) -> None:
    """Let the last cycles go the server's own way: published, in review, open."""
    for ago, state in ((2, "published"), (1, "in_review"), (0, "open")):
        opens = filling.now - timedelta(days=28 * ago, hours=6)
        closes = opens + timedelta(days=2, hours=10)
        made = opens - timedelta(days=1)
        with transaction(filling.runtime.sessions) as session:
            week = opens.date()
            new = service.NewCycle(f"{week} 一期", f"Week of {week}", week, filling.runtime.settings.zone, 30)
            cycle = service.create_cycle(session, new, by=PLANNER, at=made)
            window = window_planning.plan_window(session, cycle, "*", opens, closes, by=PLANNER, at=made)
        with transaction(filling.runtime.sessions) as session:
            service.announce_cycle(session, cycle, by=PLANNER, at=made)
            windows.open_due_windows(session, opens)
        until = min(closes, filling.now)
        percent = SHOPS_IN_A_HUNDRED["open" if state == "open" else "over"]
        with transaction(filling.runtime.sessions) as session:
            for sentence in trade.orders("windows.id = :window"):
                _run(session, sentence, filling.values | {"window": window, "percent": percent})
            _supply(session, cycle, at=until)
        if state != "open":
            _shared_out(filling, cycle, closes, publish=state == "published")
            _looked_at(filling, cycle, closes)


def _shared_out(filling: _Filling, cycle: UUID, closes: datetime, *, publish: bool) -> None:
    done = closes + timedelta(hours=2)
    runtime = filling.at(done)
    with transaction(filling.runtime.sessions) as session:
        windows.close_due_windows(session, done)
        session.execute(text("UPDATE cycles SET state = 'closed' WHERE id = :cycle"), {"cycle": cycle})
    for step in (steps.run_freeze, steps.run_solve, steps.run_verify):
        step(runtime, cycle=str(cycle))
    with transaction(filling.runtime.sessions) as session:
        found = queries.cycle(session, cycle)
        if found is None or found.state != "verified":
            raise RuntimeError(f"a cycle did not come through: {found}")
        service.send_for_release(session, cycle, by=PLANNER, at=done)
        if publish:
            service.release(session, cycle, by=RELEASER, at=done)
    if publish:
        steps.run_publish(runtime, cycle=str(cycle))


def _looked_at(filling: _Filling, cycle: UUID, closes: datetime) -> None:
    """Look at a book as the server does; say that two shops share a machine, since these books hold no diversion."""
    runtime = filling.at(closes + timedelta(hours=1))
    with transaction(runtime.sessions) as session:
        book = signals_making.read(session, cycle)
        first, second = sorted(book.baskets)[:2]
        shared = replace(book, machines=dict.fromkeys((first, second), frozenset({"seed"})))
        signals.ask(session, cycle, at=runtime.clock())
        signals.store(session, cycle, findings(shared), shops=len(book.baskets), at=runtime.clock())


def _supply(session: Session, cycle: UUID, *, at: datetime) -> None:
    """Release a part of what the orders just made ask for; their lines still stand in ``seeded_lines``."""
    asked = session.execute(text("SELECT sku, sum(quantity_units) FROM seeded_lines GROUP BY sku")).all()
    rows: list[dict[str, supply.Cell]] = [
        {"sku": sku, "supply_units": int(units) * SUPPLY_PERCENT // 100} for sku, units in asked
    ]
    service.release_supply(
        session, cycle, supply.read_rows(rows, catalogue.skus(session)), reason="seed", by=PLANNER, at=at
    )


def _goods(filling: _Filling) -> None:
    with transaction(filling.runtime.sessions) as session:
        newest = session.scalar(text("SELECT id FROM cycles WHERE state = 'published' ORDER BY number DESC LIMIT 1"))
    for sentence in goods.STATEMENTS:
        filling.say(sentence, {"newest": newest})


def _voices(filling: _Filling) -> None:
    for sentence in voices.STATEMENTS:
        filling.say(sentence)


def _by_people(filling: _Filling) -> None:
    """Bring a file in, leave another to be looked at, name a webhook, ask for a shop's archive and what other policies would have changed."""
    now, planner = filling.now, Actor("operator", PLANNER.name)
    content = b"sku,name_zh,name_en,unit_zh,unit_en,pack_units,price_minor\nK9001,\xe6\x96\xb0,New,\xe6\x9d\xa1,carton,1,100\n"
    with transaction(filling.runtime.sessions) as session:
        bring(session, SKUS, Upload("skus.csv", content), "", actor=planner, at=now)
        drafts.keep(session, SKUS, Upload("skus-2.csv", content), "", planner, minor=Decimal(100), at=now)
        address = "https://erp.example/told"
        webhook, _ = webhooks.make(session, address, ["grants.published"], Allowed(), by=PLANNER, at=now)
        messages.test(session, webhook, by=PLANNER, at=now)
        webhooks.stop(session, webhook, by=PLANNER, at=now)
        shop = session.scalar(text("SELECT retailer FROM orders ORDER BY number DESC LIMIT 1"))
        shop_exports.ask(session, shop, "asked for by letter", PLANNER, at=now)
        policy = standing.default_policy(session, at=now)
        book = session.scalar(text("SELECT id FROM cycles WHERE state = 'in_review' ORDER BY number DESC LIMIT 1"))
        first = what_if.PolicyName(policy.name, policy.version)
        compared = what_if.ask(session, book, first, what_if.BASELINE, by=PLANNER, at=now)
        candidate = score_what_if.Candidate(text="tiers = 30\nmargin_points = 5\n")
        scored = score_what_if.ask(session, candidate, by=PLANNER, at=now, today=now.date())
    what_if.run(filling.runtime, comparison=str(compared))
    score_what_if.run(filling.runtime, comparison=str(scored))


def _run(session: Session, sentence: str, values: Mapping[str, Any]) -> None:
    """Run a statement with those of ``values`` that it names, each said with its type."""
    typed = _NAMED.sub(lambda found: f"CAST(:{found[1]} AS {_TYPES[type(values[found[1]])]})", sentence)
    statement = text(typed)
    session.execute(statement, {name: values[name] for name in statement.compile().params})


_NAMED = re.compile(r"(?<![:\w]):([a-z_]+)")
_TYPES = {int: "int", str: "text", datetime: "timestamptz", date: "date", UUID: "uuid"}
