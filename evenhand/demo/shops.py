"""The shops of a play: whole terminals that run the real core, and the rest at the wire from one process."""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from contract.feed import Announcement, Delivery, Grants, Question, Registration, Score, Survey, WindowState
from contract.fitting import used
from contract.messages import Answer, Cell, OrderLine
from firmware_sim.fleet import Behaviour, Device, Fleet, Ledger
from firmware_sim.identities import enrol_codes, let_in
from firmware_sim.stage import Person
from terminal_client.adapters.keys import KeyFolder
from terminal_client.adapters.network import Network
from terminal_client.app import KEYS, Terminal
from terminal_client.core import feed, feedback_use_cases, forecasts, outbox, unnamed, use_cases
from terminal_client.core.delivery_rules import Count

WAIT_S = 60.0
HABITS = ("plain", "plain", "amends", "plain", "goes offline", "plain", "repeats", "thinks again")
DROP_SHARE = 0.05
TIME_LEFT = timedelta(seconds=1)
DISCREPANCIES = ("short", "damaged", "over", "refused")
EXPECTS_PERCENT = 115
"""What a shop that gives a figure of its own expects, of what was forecast."""


class ShopError(RuntimeError):
    """A terminal did not come where the play needs it; the message says which and where it stands."""


def order_lines(wants: Mapping[str, int]) -> tuple[OrderLine, ...]:
    """Return what a shop wants as lines."""
    return tuple(OrderLine(sku=sku, quantity_units=units) for sku, units in sorted(wants.items()))


@dataclass(frozen=True)
class OwnFigure:
    """What a shop said that it is going to sell of a class in a month."""

    product_class: str
    period: date
    suggested_units: int
    own_units: int


@dataclass
class Shop:
    """One shop with a whole terminal."""

    code: str
    wants: Mapping[str, int]
    habit: str
    terminal: Terminal
    network: Network

    def wait(self, what: str, holds: Callable[[], bool], *, deadline_s: float = WAIT_S) -> None:
        """Wait for something on this terminal.

        Raises
        ------
        ShopError
            Where it does not come in time.
        """
        if not self.terminal.wait_until(holds, deadline_s=deadline_s):
            waiting = outbox.count_waiting(self.terminal.store)
            link = self.terminal.engine.link
            raise ShopError(f"shop {self.code}: no {what} within {deadline_s:.0f} s ({link}, {waiting} waiting)")

    def order(self) -> UUID:
        """Order what the shop wants, after its habit; return the order that stands."""
        shop, store = self.terminal.shop, self.terminal.store
        window = self._open_window()
        lines = order_lines(self.wants)
        if self.habit == "goes offline":
            self.terminal.stop()
            order = use_cases.place_order(shop, window, lines)
            self.terminal.start()
        elif self.habit == "amends":
            first = (lines[0].model_copy(update={"quantity_units": lines[0].quantity_units * 2}), *lines[1:])
            order = use_cases.place_order(shop, window, first)
            self._settled(order)
            self._open_window()
            self._settled(use_cases.amend_order(shop, order, lines))
        elif self.habit == "thinks again":
            wrong = use_cases.place_order(shop, window, lines[:1])
            self._settled(wrong)
            self._open_window()
            self._settled(use_cases.cancel_order(shop, wrong))
            order = use_cases.place_order(shop, self._open_window(), lines)
        else:
            order = use_cases.place_order(shop, window, lines)
        if self.habit == "repeats":
            identity = store.identity()
            if identity is not None:
                for _ in range(3):
                    self.network.publish("order.place", outbox.envelope(store, order, device=identity.device))
        self._settled(order)
        return order

    def give_figure(self) -> OwnFigure:
        """Say what the shop itself expects of the class that it sells most of, next month; have it received."""
        store, clock = self.terminal.store, self.terminal.clock
        self.wait("forecast", lambda: forecasts.read(store, clock) is not None)
        shown = forecasts.read(store, clock)
        classes = [one for one in (() if shown is None else shown.classes) if one.months]
        if not classes:
            raise ShopError(f"shop {self.code}: its forecast reaches no month to come")
        most = max(classes, key=lambda one: one.months[0].month.mean_units)
        product_class, month = most.known.product_class, most.months[0].month
        own_units = month.mean_units * EXPECTS_PERCENT // 100
        self._settled(use_cases.give_figure(self.terminal.shop, product_class, month.period, own_units))
        return OwnFigure(product_class, month.period, month.mean_units, own_units)

    def see_score(self, run: int) -> int:
        """Wait for the score of a run; return the tier on the screen."""
        self.wait(f"score #{run}", lambda: any(one.run == run for one in feed.read(self.terminal.store, Score)))
        return next(one.tier for one in feed.read(self.terminal.store, Score) if one.run == run)

    def see_grants(self, cycle: UUID) -> tuple[int, int]:
        """Wait for all parts of the grants; return units asked and granted."""
        self.wait("grants", lambda: self._all_parts(cycle))
        lines = [line for part in self._parts(cycle) for line in part.lines]
        return sum(line.requested_units for line in lines), sum(line.granted_units for line in lines)

    def confirm(self, discrepancy: str | None) -> int:
        """Confirm every delivery, the first line with a discrepancy where one is named; return how many."""
        self.wait("delivery", lambda: bool(self._deliveries()))
        confirmed = 0
        for delivery in self._deliveries():
            counts: dict[str, Count] = {}
            if discrepancy is not None and not counts:
                line = max(delivery.lines, key=lambda one: one.shipped_units)
                counts[line.sku] = _count(discrepancy, line.shipped_units)
                discrepancy = None
            done = use_cases.confirm_delivery(self.terminal.shop, delivery.delivery, counts, rest_as_listed=True)
            self._settled(done)
            confirmed += 1
        return confirmed

    def read_and_answer(self, survey: UUID, rng: random.Random) -> tuple[int, int]:
        """Open every notice, confirm what asks for it, answer every survey; return how many of each.

        ``survey`` was asked last, and of every shop.
        """
        self.wait("survey", lambda: any(one.survey == survey for one in feed.read(self.terminal.store, Survey)))
        read = answered = 0
        for notice in feed.read(self.terminal.store, Announcement):
            message = use_cases.note_display(self.terminal.shop, notice.announcement)
            if message is not None:
                self._settled(message)
                read += 1
            if notice.must_acknowledge and (
                message := use_cases.read_announcement(self.terminal.shop, notice.announcement)
            ):
                self._settled(message)
        for asked in feed.read(self.terminal.store, Survey):
            answers = [_answer(question, rng) for question in asked.questions]
            self._settled(use_cases.answer_survey(self.terminal.shop, asked.survey, answers))
            answered += 1
        return read, answered

    def come_to(self, meeting: UUID) -> str:
        """Register for a meeting; return how the shop stands with it, once the distributor says so."""

        def heard() -> bool:
            return any(one.announcement == meeting for one in feed.read(self.terminal.store, Announcement))

        def told() -> list[Registration]:
            return [one for one in feed.read(self.terminal.store, Registration) if one.announcement == meeting]

        self.wait(
            "invitation",
            lambda: any(one.announcement == meeting for one in feed.read(self.terminal.store, Announcement)),
        )
        said = use_cases.register(self.terminal.shop, meeting, coming=True)
        if said is not None:
            self._settled(said)
        self.wait("registration", lambda: bool(told()))
        return told()[-1].state

    def complain(self, cycle: UUID, employee: str) -> UUID:
        """Dispute the worst line of the grants, complain about an employee, suggest something without a name.

        Return the first one.
        """
        shop = self.terminal.shop
        lines = [line for part in self._parts(cycle) for line in part.lines if line.requested_units]
        worst = min(lines, key=lambda line: line.granted_units / line.requested_units)
        feedback_use_cases.dispute(shop, "grant", f"{cycle}/{worst.sku}")
        feedback_use_cases.keep(shop, words="别家同样的店分得更多，请核实。")
        disputed = feedback_use_cases.send(shop)
        self._settled(disputed)
        said = {"kind": "complaint", "category": "employee", "words": "电话里态度不好。"}
        feedback_use_cases.keep(shop, **said, sort="employee", name=employee)
        self._settled(feedback_use_cases.send(shop))
        feedback_use_cases.keep(shop, kind="suggestion", category="other", words="希望提前一周公布投放计划。")
        unnamed.begin(self.terminal.store)
        unnamed.send(self.terminal.store, self.terminal.unnamed_wire)
        return disputed

    def _open_window(self) -> UUID:
        """Wait for a window with time left to order in: on a busy machine the word that it closes later comes late."""
        found: list[WindowState] = []

        def seen() -> bool:
            soon = self.terminal.clock.now() + TIME_LEFT
            every = feed.read(self.terminal.store, WindowState)
            found[:] = [one for one in every if one.state == "open" and one.closes_at > soon]
            return bool(found)

        self.wait("open window", seen)
        return found[-1].window

    def _settled(self, message: UUID) -> None:
        """Wait for the server's word on a message; a refusal ends the play."""

        def state() -> str:
            entry = outbox.find(self.terminal.store, message)
            return "missing" if entry is None else entry.state

        self.wait(f"receipt for {message}", lambda: state() in {"received", "refused"})
        entry = outbox.find(self.terminal.store, message)
        if entry is not None and entry.state == "refused":
            raise ShopError(f"shop {self.code}: {entry.kind} was refused: {entry.code} {entry.params}")

    def _parts(self, cycle: UUID) -> list[Grants]:
        return [part for part in feed.read(self.terminal.store, Grants) if part.cycle == cycle]

    def _all_parts(self, cycle: UUID) -> bool:
        parts = self._parts(cycle)
        return bool(parts) and len(parts) == parts[0].parts

    def _deliveries(self) -> list[Delivery]:
        return [d for d in feed.read(self.terminal.store, Delivery) if d.state == "shipped"]


def _count(discrepancy: str, shipped: int) -> Count:
    some = max(1, shipped // 5)
    if discrepancy == "short":
        return Count("short", some, reason="fewer in the box than on the slip")
    if discrepancy == "damaged":
        return Count("damaged", some, held_units=some, reason="crushed in transport")
    if discrepancy == "over":
        return Count("over", some, held_units=some, reason="more in the box than on the slip")
    return Count("refused", shipped, held_units=shipped, reason="wrapping torn open")


def _answer(question: Question, rng: random.Random) -> Answer:
    """Return an answer drawn by lot; photos are left out, for a play has no camera."""

    def number() -> int:
        return rng.randint(question.low or 0, question.high or 10)

    match used(question):
        case "choices":
            return Answer(question=question.id, choices=(rng.choice(question.choices).id,))
        case "number":
            return Answer(question=question.id, number=number())
        case "cells":
            chosen = [rng.choice(question.choices).id if question.choices else None for _ in question.rows]
            cells = (
                Cell(row=row.id, choice=choice, number=None if choice else number())
                for row, choice in zip(question.rows, chosen, strict=True)
            )
            return Answer(question=question.id, cells=tuple(cells))
        case "photos":
            return Answer(question=question.id)
        case "text":
            return Answer(question=question.id, text="Deliveries before ten would help. 希望十点前送到。")


@dataclass
class Shops:
    """All shops of a play."""

    real: list[Shop]
    fleet: Fleet
    ledger: Ledger
    pool: ThreadPoolExecutor
    orders: set[UUID] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)
    _driver: threading.Thread | None = None

    @property
    def count(self) -> int:
        """How many terminals there are."""
        return len(self.real) + len(self.fleet.devices)

    def start(self) -> None:
        """Let every terminal connect."""
        for shop in self.real:
            shop.terminal.start()
        self.fleet.connect()
        self._driver = threading.Thread(target=self._drive, name="fleet", daemon=True)
        self._driver.start()

    def order(self, told: Callable[[int], None]) -> None:
        """Let all shops order; ``told`` hears how many are done. Raises what stopped the first that failed."""
        futures = [self.pool.submit(shop.order) for shop in self.real]
        self._watch(futures, lambda: len(self.ledger.receipts), told)
        self.orders |= {future.result() for future in futures}
        pause = threading.Event()
        heard, waited_s = len(self.ledger.receipts), 0.0
        while self.ledger.unanswered or len(self.ledger.sent) < len(self.fleet.devices):
            told(len(self.real) + len(self.ledger.receipts))
            pause.wait(0.1)
            waited_s = waited_s + 0.1 if len(self.ledger.receipts) == heard else 0.0
            heard = len(self.ledger.receipts)
            if waited_s > WAIT_S:  # so long nothing has come
                missing = len(self.fleet.devices) - len(self.ledger.receipts)
                raise ShopError(f"{missing} of {len(self.fleet.devices)} terminals at the wire got no receipt")
        refused = {code: n for code, n in self.ledger.outcomes().items() if code != "accepted"}
        if refused:
            raise ShopError(f"orders were refused: {refused}")
        told(self.count)

    def order_again(self, some: Sequence[Shop]) -> int:
        """Let some shops order once more; return how many have their receipt. A credit that was cut may refuse one."""
        futures = [self.pool.submit(shop.order) for shop in some]
        wait(futures)
        return sum(future.exception() is None for future in futures)

    def each(self, act: Callable[[Shop], object], told: Callable[[int], None]) -> list[object]:
        """Let every whole terminal do something; return what each returned."""
        futures = [self.pool.submit(act, shop) for shop in self.real]
        self._watch(futures, lambda: 0, told)
        return [future.result() for future in futures]

    def accepted_orders(self) -> set[UUID]:
        """Return the ids of all orders that a receipt was heard for, cancelled ones included."""
        placed = {
            entry.id
            for shop in self.real
            for entry in outbox.of_kinds(shop.terminal.store, "order.place")
            if entry.state == "received"
        }
        return placed | {i for i, receipt in self.ledger.receipts.items() if receipt.outcome == "accepted"}

    def close(self) -> None:
        """End all terminals."""
        self._over.set()
        self.pool.shutdown(wait=True, cancel_futures=True)
        if self._driver is not None:
            self._driver.join(timeout=10)
        self.fleet.close()
        for shop in self.real:
            shop.terminal.close()

    def _drive(self) -> None:
        self.fleet.run(self._over.is_set, deadline_s=3600)

    def _watch(self, futures: Sequence[Future[Any]], others: Callable[[], int], told: Callable[[int], None]) -> None:
        waiting = set(futures)
        while waiting:
            done, waiting = wait(waiting, timeout=0.1, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
            told(len(futures) - len(waiting) + others())


def open_shops(
    server_url: str,
    keeper: Person,
    codes: Mapping[str, str],
    wants: Mapping[str, Mapping[str, int]],
    *,
    real: int,
    folder: Path,
    seed: int,
) -> Shops:
    """Enrol one terminal a shop by its code, confirmed by ``keeper``; the first ``real`` run the whole terminal."""
    rng = random.Random(seed)  # noqa: S311 - a play, not a secret
    names = sorted(codes)
    pool = ThreadPoolExecutor(max_workers=max(real, 8), thread_name_prefix="shop")
    habits = [HABITS[number % len(HABITS)] for number in range(real)]
    whole = list(
        pool.map(
            lambda name, habit: _whole(server_url, keeper, name, codes[name], wants[name], folder, habit),
            names[:real],
            habits,
        )
    )
    ledger = Ledger()
    identities = enrol_codes(server_url, keeper, {name: codes[name] for name in names[real:]})
    devices = [
        Device(
            identities[name],
            Behaviour(
                order_lines(wants[name]),
                delay_s=rng.uniform(0.0, 3.0),
                repeats=rng.choice((0, 0, 0, 1, 2)),
                drops_after_sending=rng.random() < DROP_SHARE,
            ),
            ledger,
            random_bits=rng.getrandbits,
        )
        for name in names[real:]
    ]
    return Shops(whole, Fleet(devices), ledger, pool)


def _whole(
    server_url: str, keeper: Person, code: str, one_use: str, wants: Mapping[str, int], folder: Path, habit: str
) -> Shop:
    network = Network(server_url, KeyFolder(folder / code / KEYS))
    terminal = Terminal(folder / code, server_url, transport=network)
    let_in(terminal, keeper, one_use)
    return Shop(code, wants, habit, terminal, network)
