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
from sqlalchemy.orm import Session, sessionmaker

from contract.ids import uuid7
from loadtests.seeding import bulk, figures, goods, network, trade, voices
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
from server.fleet import groups as fleet_groups
from server.fleet import history as fleet_history
from server.fleet import watching as fleet_watching
from server.integrations import messages, webhooks
from server.integrations.posting import Allowed
from server.keeping import shop_exports
from server.kit.db import make_engine, make_sessions, transaction
from server.kit.identity import Actor, Operator
from server.kit.imports import Upload, bring, drafts
from server.kit.runtime import Runtime
from server.orders import windows
from server.rollouts import rules as rollout_rules
from server.rollouts import service as rollouts
from server.rollouts.audience import Target
from server.scores import making, policies
from server.scores import queries as score_queries
from server.scores import service as scores
from server.signals import making as signals_making
from server.signals import service as signals
from server.signals.looking import findings
from server.steering import rules as steering_rules
from server.steering import service as steering
from server.visits import making as visits_making
from server.visits import planning, plans, ruling
from server.visits import service as visits
from server.visits.shapes import KeptVisit

LEAST_CYCLES, LEAST_RETAILERS = 4, 10
"""The least that has a past, a review and a window."""

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
RELEASER = Operator(2, "releaser-1", frozenset({"releaser"}))
DAY_QUARTERS = 8
"""Quarters of an hour of which the fleet's health is known."""
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
    owner: sessionmaker[Session]

    def say(self, sentence: str, values: Mapping[str, Any] | None = None) -> None:
        """Run one statement in a transaction of its own; what fills a large table is checked together."""
        into = _INTO.search(sentence)
        if into is not None and into[1] in bulk.TABLES:
            with transaction(self.owner) as session, bulk.lifted(session, [into[1]]):
                _run(session, sentence, self.values | dict(values or {}))
            return
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


def fill(runtime: Runtime, size: Size, *, owner_url: str, told: Told = lambda _what, _seconds: None) -> None:
    """Fill the database of ``runtime``, up to its clock's now; ``told`` hears of each part and its seconds.

    The owner of the tables writes what is large (:mod:`loadtests.seeding.bulk`) and gathers statistics after each part:
    without them the server's own steps are planned for tables that were empty a minute ago.

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
    owner = make_engine(owner_url, pool=1)
    filling = _Filling(runtime, size, now, make_sessions(owner))
    for what, act in (
        ("network", _network),
        ("cycles that are over", _old_cycles),
        ("demand and facts", _history),
        ("scores", _scores),
        ("a published cycle, one in review, one open", _new_cycles),
        ("goods of a year", _goods),
        ("voices", _voices),
        ("visits", _visits),
        ("steering", _steering),
        ("files and what-ifs", _by_people),
        ("fleet", _fleet),
        ("audit", lambda one: one.say(voices.AUDIT)),
    ):
        started = time.perf_counter()
        act(filling)
        _gather_statistics(owner_url)
        told(what, time.perf_counter() - started)
    owner.dispose()


def _gather_statistics(owner_url: str) -> None:
    """Do at once what the database would do by itself in the next minutes, so that it plans by what is there."""
    with psycopg.connect(owner_url.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _network(filling: _Filling) -> None:
    for sentence in network.STATEMENTS:
        filling.say(sentence)


def _fleet(filling: _Filling) -> None:
    """Let a day of health be known, alerts be open, and groups be made."""
    with transaction(filling.runtime.sessions) as session:
        for quarters in range(DAY_QUARTERS, -1, -1):
            at = filling.now - fleet_history.EVERY * quarters
            fleet_history.keep_partitions(session, "device_points", at)
            fleet_history.take_points(session, at, at=filling.now)
        fleet_watching.look(session, filling.now - timedelta(hours=1))
        fleet_watching.look(session, filling.now)
        old = fleet_groups.Wanted("below 0.9", "query", "version below 0.9.0")
        fleet_groups.write_group(session, old, PLANNER, at=filling.now)


_OF_A_CYCLE = ("orders", "order_lines", "book_retailers", "book_lines", "grants")


def _old_cycles(filling: _Filling) -> None:
    with transaction(filling.runtime.sessions) as session:
        policy = standing.default_policy(session, at=filling.values["began"])
    for sentence in trade.CYCLES:
        filling.say(sentence, {"policy": policy.name, "policy_version": policy.version})
    with transaction(filling.owner) as session, bulk.lifted(session, _OF_A_CYCLE):
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


def _visits(filling: _Filling) -> None:
    """Write the usual rules, make a plan of a week, keep a visit with a promise and a call."""
    now, zone = filling.now, filling.runtime.settings.tz
    today = now.astimezone(zone).date()
    with transaction(filling.runtime.sessions) as session:
        words = {one["key"]: (one["key"], ("Is the licence on the wall?",)) for one in ruling.USUAL}
        ruling.begin_with_usual(session, words, "the usual rules", PLANNER, at=now, today=today)
        managers = tuple(planning.Manager(name) for name in ("mia", "max"))
        terms = planning.Terms(today, 7, managers, 20, 480, 25, weekends=True)
        plan = plans.ask(session, terms, PLANNER, at=now)
    visits_making.run(filling.runtime, plan=str(plan))
    with transaction(filling.runtime.sessions) as session:
        shop = session.scalar(text("SELECT retailer FROM orders ORDER BY number DESC LIMIT 1"))
        promise = {"words": "a new sign", "due_on": today}
        said = {"retailer": shop, "at": now, "promises": [promise]}
        for sort, outcome in (("visit", "done"), ("call", "reached")):
            kept = KeptVisit.model_validate({"id": uuid7(), "sort": sort, "outcome": outcome, **said})
            visits.keep_visit(session, kept, PLANNER, at=now, zone=zone)


def _steering(filling: _Filling) -> None:
    """Set some terminals, ask one for a diagnosis, and roll a synchronisation out to all of them."""
    now = filling.now
    with transaction(filling.runtime.sessions) as session:
        terminals = list(session.scalars(text("SELECT id FROM devices WHERE revoked_at IS NULL ORDER BY id LIMIT 100")))
        steering.set_desired(session, terminals, {"size": steering_rules.Wanted("large")}, PLANNER, at=now)
        steering.issue(session, terminals[:1], "diagnose", PLANNER, at=now, minutes=60)
        plan = rollout_rules.Plan((rollout_rules.Ring("canary", 1), rollout_rules.Ring("all", 100)), 600, 10, 5)
        rollouts.propose(
            session,
            "everyone exchanges",
            "sync",
            {},
            Target(),
            plan,
            PLANNER,
            at=now,
            device_minutes=60,
            deadline_hours=24,
        )
        rollouts.keep_time(session, now)


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


_INTO = re.compile(r"INSERT INTO (\w+)")
_NAMED = re.compile(r"(?<![:\w]):([a-z_]+)")
_TYPES = {int: "int", str: "text", datetime: "timestamptz", date: "date", UUID: "uuid"}
