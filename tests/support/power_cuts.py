"""A shop's days on a terminal whose writes are recorded, and what must be found wherever the power is cut.

The oracle is the store itself: each time that a transaction has returned, what all tables hold is kept. After a cut
the real store code must find exactly what the last returned transaction left, or the one that was under way.
"""

import copy
import hashlib
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import apsw

from contract.feed import (
    Announcement,
    Choice,
    Delivery,
    Forecast,
    ForecastClass,
    ForecastMonth,
    Question,
    ShippedLine,
    Survey,
    Text,
)
from contract.messages import Answer
from firmware_sim.flash import Image, Recorder, images
from terminal_client.core import drafts, outbox, use_cases
from terminal_client.core.delivery_rules import AS_LISTED, Count
from terminal_client.core.store import Store

#: Where files cost no flash: a cut is made of what was recorded, not of what this machine's disk did.
MEMORY = Path("/dev/shm")  # noqa: S108 - private folders are made in it
EACH_GOES_ON = 40
NEXT_YEAR = date(2028, 1, 1)

Dump = dict[str, list[tuple[Any, ...]]]


class CutError(AssertionError):
    """A cut lost, doubled or broke something; the message says which cut and what."""


@dataclass(frozen=True)
class Returned:
    """A transaction that has returned: after how many operations, what the store held, what the server had."""

    at: int
    dump: Dump
    server: Any


@dataclass
class Recording:
    """What was written, which transactions returned in between, and which messages were said to be saved when."""

    recorder: Recorder
    returned: list[Returned] = field(default_factory=list)
    said: list[tuple[int, UUID]] = field(default_factory=list)


@dataclass(frozen=True)
class Tally:
    """How many images were looked at, by what became of the unsynced, and from how many the shop's day went on."""

    by_way: dict[str, int]
    gone_on: int

    @property
    def images(self) -> int:
        """Return how many different images there were."""
        return sum(self.by_way.values())


def dump(store: Store) -> Dump:
    """Return what all tables hold."""
    names = [name for (name,) in store.rows("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    return {name: sorted(store.rows(f"SELECT * FROM {name}"), key=repr) for name in names}  # noqa: S608 - the schema's names


def record(
    make: Any, folder: Path, *, weeks: int, after_open: Callable[[Store], None] = lambda _store: None
) -> Recording:
    """Let a shop work for some weeks over a recorded store; ``after_open`` may spoil each store that is opened."""
    recorder = Recorder(f"recorder-{folder.name}-{id(folder)}")
    kept = Recording(recorder)
    server = make.server(make.clock())

    class Taped(Store):
        @contextmanager
        def transaction(self) -> Iterator[None]:
            outermost = not self._depth
            with super().transaction():
                yield
            if outermost:
                known = copy.copy(server)
                known.inbox, known.entries = dict(server.inbox), dict(server.entries)
                kept.returned.append(Returned(len(recorder.tape), dump(self), known))

    def open_store(where: Path) -> Store:
        store = Taped(where, vfs=recorder.name)
        after_open(store)
        return store

    world = make.world(folder, seed=7, open_store=open_store, server=server)
    world.said = lambda message: kept.said.append((len(recorder.tape), message))
    try:
        shop = _Shop(world, make)
        for week in range(weeks):
            shop.work(week)
    finally:
        world.engine.stop()
        world.store.close()
    return kept


class _Shop:
    """What a shopkeeper does in a week, some of it offline, some of it refused."""

    def __init__(self, world: Any, make: Any) -> None:
        self.world, self.make = world, make
        world.server.reference = make.reference(make.item(), make.item("BLUE", pack_units=1), make.item("RED"))
        world.server.decide = lambda _kind, envelope: (
            ("unknown_sku", {"sku": "RED"}) if "'RED'" in str(envelope.data) else (None, {})
        )

    def work(self, week: int) -> None:
        world = self.world
        window = self.make.window(world, closes_in=timedelta(days=2))
        things = self._news(week)
        if week % 2:
            world.wires.connect()
        world.run(60)
        order = self._order(window.window)
        world.wires.http_works = False
        world.wires.disconnect()
        self._change(window.window, order)
        self._count(things["delivery"])
        self._answer(things["survey"])
        use_cases.note_display(world.shop, things["announcement"])
        use_cases.read_announcement(world.shop, things["announcement"])
        use_cases.give_figure(world.shop, "GOLD", NEXT_YEAR, 90 + week)
        use_cases.set_draft_line(world.shop, self.make.window(world).window, "BLUE", week + 1)
        world.clock.forward(timedelta(hours=9))
        if week % 3 == 0:
            world.restart()
        world.wires.http_works = True
        world.run(120)
        self._be_refused(window.window)
        world.store.choose("language", "en" if week % 2 else "zh")
        world.clock.forward(timedelta(days=6))
        world.run(60)

    def _order(self, window: UUID) -> UUID:
        shop = self.world.shop
        for _ in range(3):
            use_cases.step_draft_line(shop, window, "GOLD", up=True)
        use_cases.set_draft_line(shop, window, "BLUE", 5)
        use_cases.set_draft_line(shop, window, "BLUE", 0)
        order = use_cases.submit_draft(shop, window)
        self.world.run(2)
        return order

    def _change(self, window: UUID, order: UUID) -> None:
        shop = self.world.shop
        use_cases.begin_amending(shop, order)
        use_cases.step_draft_line(shop, window, "GOLD", up=False)
        use_cases.submit_draft(shop, window)
        other = use_cases.place_order(shop, window, drafts.read(self.world.store, window).lines)
        use_cases.cancel_order(shop, other)
        self.world.run(20)

    def _count(self, delivery: UUID) -> None:
        shop = self.world.shop
        use_cases.count_line(
            shop, delivery, "GOLD", Count(difference="short", difference_units=4, reason="two cartons wet")
        )
        use_cases.count_line(shop, delivery, "BLUE", AS_LISTED)
        use_cases.uncount_line(shop, delivery, "BLUE")
        use_cases.confirm_delivery(shop, delivery, rest_as_listed=True)

    def _answer(self, survey: UUID) -> None:
        use_cases.keep_answer(self.world.shop, survey, Answer(question="q1", choices=("a",)))
        use_cases.keep_answer(self.world.shop, survey, Answer(question="q2", text="more of GOLD"))
        use_cases.answer_survey(self.world.shop, survey)

    def _be_refused(self, window: UUID) -> None:
        shop = self.world.shop
        use_cases.set_draft_line(shop, window, "RED", 12)
        message = use_cases.submit_draft(shop, window)
        self.world.run(40)
        use_cases.deal_with(shop, message)

    def _news(self, week: int) -> dict[str, UUID]:
        world = self.world
        now, word = world.server.now(), Text(zh="话", en="word")
        ids = {
            name: self.make.id(world.clock.at_ms, world.chance)
            for name in ("delivery", "survey", "announcement", "cycle")
        }
        lines = tuple(ShippedLine(sku=sku, shipped_units=24, granted_units=24) for sku in ("GOLD", "BLUE"))
        told = {
            "delivery": Delivery(
                delivery=ids["delivery"], number=week, cycle=ids["cycle"], state="shipped", shipped_at=now, lines=lines
            ),
            "survey": Survey(
                survey=ids["survey"],
                title=word,
                intro=word,
                state="open",
                closes_at=now + timedelta(days=9),
                questions=(
                    Question(id="q1", kind="single", text=word, choices=(Choice(id="a", text=word),)),
                    Question(id="q2", kind="text", text=word),
                ),
            ),
            "announcement": Announcement(
                announcement=ids["announcement"], sort="notice", title=word, body=word, version=1, published_at=now
            ),
        }
        for name, message in told.items():
            world.server.tell(f"{name}:{ids[name]}", name, message)
        months = (ForecastMonth(period=NEXT_YEAR, mean_units=90, low_units=60, high_units=130),)
        forecast = Forecast(
            version=week + 1,
            part=1,
            parts=1,
            cut_off=date(2027, 3, 1),
            made_at=now,
            classes=(ForecastClass(product_class="GOLD", months=months),),
        )
        world.server.tell("forecast:1", "forecast", forecast)
        return ids


def cut_everywhere(recording: Recording, make: Any, *, seed: int, at_most: int | None = None) -> Tally:
    """Cut the power after each recorded operation and look at every different image, or at so many by chance.

    Raises
    ------
    CutError
        At the first image that is not what it must be.
    """
    chance = random.Random(seed)  # noqa: S311 - a test repeats itself by its seed
    different = _different(recording, chance)
    if at_most is not None:
        found = list(different)
        different = iter(chance.sample(found, min(at_most, len(found))))
    by_way: dict[str, int] = {}
    gone_on = 0
    with tempfile.TemporaryDirectory(prefix="evenhand-cuts-", dir=MEMORY if MEMORY.is_dir() else None) as base:
        for number, (image, allowed) in enumerate(different):
            folder = Path(base) / str(number)
            _lay_down(image, folder)
            by_way[image.how] = by_way.get(image.how, 0) + 1
            _look(recording, image, allowed, folder)
            if number % EACH_GOES_ON == 0 and allowed:
                _lay_down(image, folder)
                _go_on(make, image, folder, allowed[-1].server, recording)
                gone_on += 1
            for name in folder.iterdir():
                name.unlink()
            folder.rmdir()
    return Tally(by_way, gone_on)


def _different(recording: Recording, chance: random.Random) -> Iterator[tuple[Image, list[Returned]]]:
    """Return each image once for each promise that it must keep, with the states that keep it."""
    seen: set[tuple[int, bytes]] = set()
    last = -1
    for image in images(recording.recorder.tape, chance):
        while last + 1 < len(recording.returned) and recording.returned[last + 1].at <= image.at:
            last += 1
        digest = hashlib.blake2b(digest_size=16)
        for name, data in sorted(image.files.items()):
            digest.update(f"{name} {len(data)} ".encode())
            digest.update(data)
        mark = (last, digest.digest())
        if mark not in seen:
            seen.add(mark)
            yield image, recording.returned[max(last, 0) : last + 2]


def _lay_down(image: Image, folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in folder.iterdir():
        name.unlink()
    for name, data in image.files.items():
        (folder / name).write_bytes(data)


def _look(recording: Recording, image: Image, allowed: list[Returned], folder: Path) -> None:
    where = f"cut after operation {image.at} ({image.how} came through)"
    try:
        store = Store(folder)
    except apsw.Error as error:
        raise CutError(f"{where}: the store cannot be opened: {error}") from error
    try:
        if (said := store.rows("PRAGMA integrity_check")) != [("ok",)]:
            raise CutError(f"{where}: the store is damaged: {said[:3]}")
        if broken := store.rows("PRAGMA foreign_key_check"):
            raise CutError(f"{where}: rows refer to nothing: {broken[:3]}")
        promised = {str(message) for at, message in recording.said if at <= image.at}
        there = {id_ for (id_,) in store.rows("SELECT id FROM outbox")}
        if lost := promised - there:
            raise CutError(f"{where}: {len(lost)} messages were said to be saved and are gone")
        found = dump(store)
        if all(found != state.dump for state in allowed):
            raise CutError(f"{where}: {_difference(found, allowed[0].dump)}")
    finally:
        store.close()


def _difference(found: Dump, wanted: Dump) -> str:
    tables = [name for name in wanted if found.get(name) != wanted[name]]
    shown = {name: (found.get(name, [])[-2:], wanted[name][-2:]) for name in tables[:2]}
    return f"neither the state that was kept nor the one under way; differs in {tables}: {shown}"


def _go_on(make: Any, image: Image, folder: Path, server: Any, recording: Recording) -> None:
    """Switch the terminal on again: everything said to be saved is received once, or visibly refused."""
    known = copy.copy(server)
    known.inbox, known.entries, known.reused = dict(server.inbox), dict(server.entries), []
    known.clock = copy.copy(server.clock)
    world = make.world(folder, server=known)
    try:
        world.run(120)
        waiting = outbox.queued(world.store)
        entries = {entry.id: entry for entry in _all_entries(world.store)}
        if waiting or known.reused:
            raise CutError(f"after the cut at {image.at}: {len(waiting)} wait on, {len(known.reused)} were reused")
        for _, message in ((at, m) for at, m in recording.said if at <= image.at):
            receipt = known.inbox[message][2]
            if (receipt.outcome == "accepted") != (entries[message].state == "received"):
                raise CutError(f"after the cut at {image.at}: {message} shows {entries[message].state}")
        if set(known.inbox) - set(entries):
            raise CutError(f"after the cut at {image.at}: the server has what the terminal does not know")
    finally:
        world.engine.stop()
        world.store.close()


def _all_entries(store: Store) -> list[outbox.Entry]:
    kinds = [kind for (kind,) in store.rows("SELECT DISTINCT kind FROM outbox")]
    return outbox.of_kinds(store, *kinds) if kinds else []
