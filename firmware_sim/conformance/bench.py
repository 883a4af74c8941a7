"""What a device is tried on: a real installation, a line to it, an ear on the line, and who works the device."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select

from contract.messages import Message
from firmware_sim import opening, town
from firmware_sim.conformance.driving import Driver
from firmware_sim.conformance.hearing import BrokerEar, Ear, HttpEar
from firmware_sim.line import HERE, Line
from firmware_sim.stage import Person, Stage
from server.kit import outbox
from server.kit.db import EVERYTHING, act_for, transaction
from server.kit.inbox import InboxEntry
from server.kit.runtime import Runtime, open_runtime, running

SEED = 1
OPEN_FOR_S = 2 * 3600.0
LOOKS_EVERY_S = 0.5


class Broken(Exception):  # noqa: N818 - a verdict, not a failure of the kit
    """The device does not keep the contract: what was seen; ``wanted`` says what the contract asks for."""

    def __init__(self, seen: str, wanted: str) -> None:
        self.seen = seen
        self.wanted = wanted
        super().__init__(f"{seen}; wanted: {wanted}")


@dataclass(frozen=True)
class Patience:
    """How long a device may take, in seconds, and for how long it is watched where it must keep still."""

    answer_s: float = 60.0
    still_s: float = 15.0
    cut_s: float = 10.0


@dataclass(frozen=True)
class Taken:
    """One message that the server took, and how it answered."""

    client_id: UUID
    kind: str
    outcome: str
    received_at: datetime


@dataclass(frozen=True)
class Site:
    """A real installation with a small town, for one device after the other."""

    stage: Stage
    runtime: Runtime
    planner: Person
    made: town.Town
    http_port: int
    broker_port: int


@dataclass
class Bench:
    """Everything a case may use."""

    site: Site
    driver: Driver
    line: Line
    ear: Ear
    retailer: str
    sku: town.Sku
    patience: Patience
    closes_at: datetime | None = None
    device: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def do(self, step: str, **facts: Any) -> Mapping[str, Any]:
        """Let the device do something."""
        return self.driver.do(step, {**self.facts, **facts})

    def shows(self) -> str:
        """Return what the device shows of its last act."""
        return str(self.do("show").get("shows", "nothing"))

    def expect(self, holds: Callable[[], bool], *, seen: Callable[[], str] | str, wanted: str) -> None:
        """Wait for something of the device; raise :class:`Broken` where it does not come within its patience."""
        if not self.ear.wait(holds, self.patience.answer_s):
            raise Broken(seen if isinstance(seen, str) else seen(), f"{wanted} within {self.patience.answer_s:.0f} s")

    def taken(self, *kinds: str) -> Sequence[Taken]:
        """Return what the server took of this shop so far, the oldest first."""
        query = select(InboxEntry).where(InboxEntry.party == self.retailer).order_by(InboxEntry.received_at)
        with transaction(self.site.runtime.sessions) as session:
            act_for(session, EVERYTHING)
            return [
                Taken(row.client_id, row.kind, str((row.receipt or {}).get("outcome", "")), row.received_at)
                for row in session.scalars(query)
                if not kinds or row.kind in kinds
            ]

    def orders(self) -> list[Mapping[str, Any]]:
        """Return this shop's orders as the server has them."""
        return self.site.planner.every("/api/v1/orders", retailer=self.retailer)

    def tell(self, key: str, kind: str, message: Message) -> None:
        """Put something into the shop's feed."""
        with transaction(self.site.runtime.sessions) as session:
            act_for(session, EVERYTHING)
            outbox.append(session, [outbox.Item(self.retailer, key, kind, message)], at=self.site.runtime.clock())

    def feed_end(self) -> int:
        """Return the number of the newest item in the shop's feed."""
        with transaction(self.site.runtime.sessions) as session:
            act_for(session, EVERYTHING)
            return outbox.read(session, self.retailer, after=0, limit=1)[1]

    @contextmanager
    def operator_at_hand(self) -> Iterator[None]:
        """Let an operator confirm whatever terminal of this shop asks meanwhile."""
        done = threading.Event()

        def confirm() -> None:
            while not done.wait(LOOKS_EVERY_S):
                waiting = self.site.planner.get("/api/v1/devices/enrolments")
                found = [one["fingerprint"] for one in waiting if one["retailer"] == self.retailer]
                if found:
                    self.site.planner.post("/api/v1/devices/enrolments/confirm", {"fingerprints": found})

        operator = threading.Thread(target=confirm)
        operator.start()
        try:
            yield
        finally:
            done.set()
            operator.join()

    def opens_a_window(self, open_for_s: float) -> None:
        """Announce a cycle whose window opens now; return when it is open."""
        cycle = opening.announce_cycle(self.site.planner, self.site.made, open_for_s=open_for_s, grace_s=0)
        self.wait(opening.OPENS_IN_S)
        status = self.site.planner.get(f"/api/v1/cycles/{cycle}")
        self.closes_at = datetime.fromisoformat(status["windows"][0]["closes_at"])
        self.facts |= {"window": status["windows"][0]["id"], "window_name": status["name_en"]}

    @property
    def seconds_left(self) -> float:
        """How long the newest window is open still, by the server's clock; below 0 where it is closed."""
        return 0.0 if self.closes_at is None else (self.closes_at - self.site.runtime.clock()).total_seconds()

    def wait(self, seconds: float) -> None:
        """Let time pass: the device must use it, or must keep still in it."""
        time.sleep(seconds)


@contextmanager
def site(folder: Path, *, address: str = HERE, shops: int = 1) -> Iterator[Site]:
    """Set up an installation whose broker terminals are told to reach at ``address``; nothing is left of it.

    Raises
    ------
    StageError, StartError
        It did not start.
    """
    with (
        opening.private_installation(
            folder, EVENHAND_BROKER_PUBLIC_HOST=address, EVENHAND_BROKER_WATCHED="true"
        ) as stage,
        open_runtime(stage.settings) as runtime,
    ):
        if runtime.broker_address is None:
            raise RuntimeError("a private installation has a broker of its own")
        planner = stage.sign_in("planner", "planner", "fleet")
        made = town.make(SEED, shops=shops)
        opening.bring_in(planner, made)
        http_port, broker_port = urlsplit(stage.url).port or 80, runtime.broker_address[1]
        yield Site(stage, runtime, planner, made, http_port, broker_port)


@contextmanager
def bench_at(where: Site, driver: Driver, *, address: str, patience: Patience, shop: int = 0) -> Iterator[Bench]:
    """Set up a bench for the device of a shop, reached at ``address``, an address of this machine.

    Raises
    ------
    OSError
        ``address`` is none of this machine's, or its ports are taken.
    """
    retailer = where.made.shops[shop]
    sku = next(one for one in where.made.skus if one.pack_units > 1 and one.licence_class in retailer.licensed | {""})
    ear = Ear()
    line = Line(where.http_port, where.broker_port, host=address, overhears=HttpEar(ear, where.http_port))
    bench = Bench(where, driver, line, ear, retailer.code, sku, patience)
    bench.facts = {
        "server": f"http://{address}:{where.http_port}",
        "sku": sku.sku,
        "name": f"{sku.name_zh} / {sku.name_en}",
        "pack_units": sku.pack_units,
    }
    try:
        with closing(BrokerEar(ear, running(where.runtime.settings)["watch_url"])):
            yield bench
    finally:
        line.cut()
