"""All shops order in the last seconds of a window, over the real broker; afterwards the ledger must balance.

By the seed some say everything twice or more, some lose the connection right after sending, some ask for half a
pack and some come after the grace. Every sent id must get exactly one answer, and leave exactly one row.
"""

import hashlib
import json
import random
import resource
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from contract.messages import OrderLine
from firmware_sim import opening, town
from firmware_sim.fleet import Behaviour, Device, Fleet, Ledger
from firmware_sim.identities import DeviceIdentity, enrol
from firmware_sim.stage import Person, Stage, StageError
from server.kit.db import transaction
from server.kit.inbox import InboxEntry
from server.kit.runtime import open_runtime

DROP_SHARE, HALF_PACK_SHARE, LATE_SHARE = 0.08, 0.03, 0.02
REPEATS = (0, 0, 0, 0, 1, 1, 2, 3)
LATE_BY_S = (1.0, 2.0)
ANSWERED_WITHIN_S = 180.0
CONNECTED_WITHIN_S = 120.0
FILES_BESIDE_DEVICES = 200


@dataclass(frozen=True)
class Plan:
    """What follows from the number of devices and the seed alone, before anything runs."""

    town: town.Town
    behaviours: Mapping[str, Behaviour]
    window_s: float
    grace_s: int

    @property
    def sha256(self) -> str:
        """Fingerprint of town, behaviours and orders."""
        acts = [
            [code, one.before_close_s, one.repeats, one.drops_after_sending]
            + [[line.sku, line.quantity_units] for line in one.lines]
            for code, one in sorted(self.behaviours.items())
        ]
        lists = [hashlib.sha256(part(self.town)).hexdigest() for part in (town.skus_csv, town.retailers_csv)]
        supply = sorted(self.town.supply.items())
        return hashlib.sha256(json.dumps([lists, supply, acts]).encode()).hexdigest()


def plan(devices: int, seed: int) -> Plan:
    """Return the plan of ``seed``: the same to the byte wherever it is made."""
    rng = random.Random(seed)  # noqa: S311 - a play, not a secret
    made = town.make(seed, shops=devices)
    packs = {good.sku: good.pack_units for good in made.skus}
    rush_s = 2.0 + devices / 500
    grace_s = 5 + devices // 50
    return Plan(
        made,
        {shop.code: _behaviour(rng, shop, packs, rush_s, grace_s) for shop in made.shops},
        window_s=rush_s + 2.0 + devices / 200,
        grace_s=grace_s,
    )


def _behaviour(rng: random.Random, shop: town.Shop, packs: Mapping[str, int], rush_s: float, grace_s: int) -> Behaviour:
    wants = dict(sorted(shop.wants.items())) or {next(sku for sku, pack in packs.items() if pack > 1): 0}
    draw = rng.random()
    before_close_s = rng.uniform(0.0, rush_s)
    halved = next((sku for sku in wants if packs[sku] > 1), None)
    if draw < LATE_SHARE:
        before_close_s = -(grace_s + rng.uniform(*LATE_BY_S))
    elif draw < LATE_SHARE + HALF_PACK_SHARE and halved is not None:
        wants[halved] += packs[halved] // 2
    return Behaviour(
        tuple(OrderLine(sku=sku, quantity_units=units or packs[sku]) for sku, units in wants.items()),
        before_close_s=round(before_close_s, 3),
        repeats=rng.choice(REPEATS),
        drops_after_sending=rng.random() < DROP_SHARE,
    )


@dataclass(frozen=True)
class Books:
    """What stands in the database: who sent each key that was taken, and the orders that stand."""

    taken: tuple[tuple[str, UUID], ...]
    orders: tuple[UUID, ...]


def balance(ledger: Ledger, books: Books) -> dict[str, Any]:
    """Hold what a fleet sent and heard against the books.

    ``missing`` counts keys without a receipt or without a row, ``doubled`` rows and orders beyond the one that a
    key may have, and orders whose key got no ``accepted``. It balances where keys = rows = receipts and both are 0.
    """
    accepted = {key for key, receipt in ledger.receipts.items() if receipt.outcome == "accepted"}
    keys = Counter(key for _, key in books.taken)
    orders = Counter(books.orders)
    missing = len(ledger.unanswered | (ledger.sent - keys.keys()) | (accepted - orders.keys()))
    doubled = keys.total() - len(keys) + orders.total() - len(orders.keys() & accepted)
    refused = Counter(receipt.code or "rejected" for key, receipt in ledger.receipts.items() if key not in accepted)
    return {
        "sent": len(ledger.sent),
        "rows": keys.total(),
        "receipts": len(ledger.receipts),
        "accepted": len(accepted),
        "refused": dict(sorted(refused.items())),
        "orders": orders.total(),
        "doubled": doubled,
        "missing": missing,
        "balanced": len(ledger.sent) == keys.total() == len(ledger.receipts) and not missing and not doubled,
    }


def run(stage: Stage, devices: int, seed: int) -> dict[str, Any]:
    """Play the rush on ``stage``; return the figures.

    Equal for equal seeds and numbers of devices: everything but the fields named ``*_seconds``, ``*_ms`` and
    ``repeated_on_timeout`` - as long as the machine takes the rush within the grace.

    Raises
    ------
    StageError
        Where the fleet cannot connect. A fleet that is not answered in time is no error: its figures do not balance.
    """
    started = time.monotonic()
    allow_files(devices)
    made = plan(devices, seed)
    planner = stage.sign_in("planner", "planner")
    opening.bring_in(planner, made.town)
    identities = enrol(stage, planner, sorted(made.behaviours))
    ledger = Ledger()
    with closing(Fleet(list(_devices(made, identities, ledger, seed)))) as fleet:
        fleet.connect()
        if not fleet.run(lambda: all(one.connected for one in fleet.devices), deadline_s=CONNECTED_WITHIN_S):
            absent = sum(not one.connected for one in fleet.devices)
            raise StageError(f"{absent} of {devices} devices could not connect within {CONNECTED_WITHIN_S:.0f} s")
        opened = time.monotonic()
        cycle = opening.announce_cycle(planner, made.town, open_for_s=made.window_s, grace_s=made.grace_s)
        fleet.run(
            lambda: len(ledger.sent) == devices and not ledger.unanswered,
            deadline_s=opening.OPENS_IN_S + made.window_s + made.grace_s + ANSWERED_WITHIN_S,
        )
        answered = time.monotonic()
    figures = {"scenario": "window-rush", "devices": devices, "seed": seed, "plan_sha256": made.sha256}
    figures |= balance(ledger, books(stage, planner, cycle))
    latencies = sorted(ledger.latencies_ms) or [0.0]
    return figures | {
        "published": ledger.published - ledger.repeated_on_timeout,
        "repeated_on_timeout": ledger.repeated_on_timeout,
        "p50_ms": round(statistics.median(latencies), 1),
        "p99_ms": round(latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)], 1),
        "setup_seconds": round(opened - started, 2),
        "rush_seconds": round(answered - opened, 2),
        "total_seconds": round(time.monotonic() - started, 2),
    }


def _devices(made: Plan, identities: Mapping[str, DeviceIdentity], ledger: Ledger, seed: int) -> Iterable[Device]:
    for code, behaviour in sorted(made.behaviours.items()):
        own = random.Random(f"{seed}:{code}")  # noqa: S311 - a play, not a secret
        yield Device(identities[code], behaviour, ledger, random_bits=own.getrandbits)


def books(stage: Stage, planner: Person, cycle: UUID) -> Books:
    """Return the books: the keys as the database holds them, the orders as the interface tells them."""
    orders = tuple(UUID(row["id"]) for row in planner.every("/api/v1/orders", cycle=str(cycle)))
    return Books(taken(stage, "order.place"), orders)


def taken(stage: Stage, kind: str) -> tuple[tuple[str, UUID], ...]:
    """Return who sent each message of a kind that the database holds, and its key."""
    query = select(InboxEntry.party, InboxEntry.client_id).where(InboxEntry.kind == kind)
    with open_runtime(stage.settings, need_broker=False) as runtime, transaction(runtime.sessions) as session:
        return tuple((party, key) for party, key in session.execute(query))


def allow_files(devices: int) -> None:
    """Let this process hold one connection a device."""
    needed = devices + FILES_BESIDE_DEVICES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed and hard != resource.RLIM_INFINITY and hard < needed:
        raise StageError(f"{devices} devices need {needed} open files, this account may have {hard}: ulimit -Hn")
    if soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
