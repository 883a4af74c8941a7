"""Defects of server and terminal that a play must notice, each in place of the real thing while seeds are played."""

# ruff: noqa: SLF001 - a defect is put where nobody outside reaches

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from contract.envelope import Envelope
from contract.feed import Receipt
from contract.ids import uuid7
from firmware_sim.device import backend
from firmware_sim.device.radio import Radio
from server import ingest, worker
from server.kit import inbox
from server.orders import rules, windows
from server.orders.models import WindowRow
from server.surveys import answers
from terminal_client.core import alarms, booting, outbox, signals, use_cases
from terminal_client.core.server_clock import ServerClock
from terminal_client.core.store import Store
from terminal_client.core.sync import hearing

Plant = Callable[[pytest.MonkeyPatch], None]


@dataclass(frozen=True)
class Planted:
    """A defect, what it would do to people, and the scenario whose seeds are played to find it."""

    harm: str
    scenario: str
    plant: Plant


def receipt_without_commit(patch: pytest.MonkeyPatch) -> None:
    for kind, endpoint in backend._ENDPOINTS.items():
        patch.setitem(backend._ENDPOINTS, kind, endpoint.__wrapped__)  # type: ignore[attr-defined]


def keyed_by_the_server(patch: pytest.MonkeyPatch) -> None:
    real = inbox.receive

    def receive(session: Any, sender: Any, kind: str, envelope: Envelope, handlers: Any, *, at: Any) -> Any:
        return real(session, sender, kind, envelope.model_copy(update={"id": uuid7()}), handlers, at=at)

    patch.setattr(inbox, "receive", receive)
    patch.setattr("server.devices.http.inbox.receive", receive)
    patch.setattr(ingest.inbox, "goes_together", lambda *_: False)


def body_not_compared(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(inbox, "_digest", lambda _kind, _data: b"the same")


def written_without_sync(patch: pytest.MonkeyPatch) -> None:
    real = Store._prepare

    def prepare(self: Store) -> None:
        real(self)
        self.rows("PRAGMA synchronous = NORMAL")

    patch.setattr(Store, "_prepare", prepare)


def said_before_kept(patch: pytest.MonkeyPatch) -> None:
    real = use_cases._queue

    def queue(shop: Any, *rest: Any, **more: Any) -> signals.Pending:
        pending = real(shop, *rest, **more)
        shop.saved(pending)
        return pending

    patch.setattr(use_cases, "_queue", queue)


def puback_believed(patch: pytest.MonkeyPatch) -> None:
    real = Radio._acknowledged

    def acknowledged(self: Radio, name: str) -> None:
        real(self, name)
        self._tell(signals.Answered(UUID(name), None))

    patch.setattr(Radio, "_acknowledged", acknowledged)


def receipt_for_the_oldest(patch: pytest.MonkeyPatch) -> None:
    real = outbox.settle

    def settle(store: Store, receipt: Receipt, *, exchanged_at_ms: int) -> bool:
        waiting = outbox.waiting(store)
        if waiting and outbox.knows(store, receipt.message):
            receipt = receipt.model_copy(update={"message": waiting[0].id})
        return real(store, receipt, exchanged_at_ms=exchanged_at_ms)

    patch.setattr(outbox, "settle", settle)


def new_id_for_each_try(patch: pytest.MonkeyPatch) -> None:
    real, sent = outbox.envelope, Counter[UUID]()

    def envelope(store: Store, id: UUID, *, device: str) -> Envelope:  # noqa: A002 - the wire's name
        sent[id] += 1
        made = real(store, id, device=device)
        return made.model_copy(update={"id": uuid7()}) if sent[id] > 1 else made

    patch.setattr(outbox, "envelope", envelope)


def closed_by_the_terminals_clock(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ServerClock, "now_ms", lambda self: self._clock.wall_ms())
    patch.setattr(ServerClock, "trusted", property(lambda _self: True))
    patch.setattr(ServerClock, "has_passed", lambda self, moment_ms: self._clock.wall_ms() >= moment_ms)


def restored_server_believed(patch: pytest.MonkeyPatch) -> None:
    real = hearing._page_arrived

    def arrived(state: Any, event: signals.PageArrived, at: Any) -> Any:
        believed = event.page.model_copy(update={"history": state.history, "head": 1 << 40})
        return real(state, signals.PageArrived(believed, event.round_trip_ms), at)

    patch.setitem(hearing._HANDLERS, signals.PageArrived, arrived)


def clone_not_noticed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(alarms, "sound", lambda *_args, **_more: None)


def refusal_thrown_away(patch: pytest.MonkeyPatch) -> None:
    real = outbox.settle

    def settle(store: Store, receipt: Receipt, *, exchanged_at_ms: int) -> bool:
        if receipt.outcome == "rejected":
            return False
        return real(store, receipt, exchanged_at_ms=exchanged_at_ms)

    patch.setattr(outbox, "settle", settle)


def never_tried_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(hearing, "try_later", lambda state, message, _at: hearing.without_message(state, message))


def boot_record_in_place(patch: pytest.MonkeyPatch) -> None:
    def keep(slots: Any, record: Any) -> None:
        told = asdict(record)
        told["sha256"] = booting._seal(told)
        slots.write(booting.RECORD, json.dumps(told, indent=1, sort_keys=True).encode())

    patch.setattr(booting, "keep", keep)


def answers_not_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(answers, "_rows", lambda _answer: iter(()))


def clock_set_back_reopens(patch: pytest.MonkeyPatch) -> None:
    """Let the clock alone decide: neither that the window was closed counts, nor the time that was noted with it."""
    real = rules.check_open

    def close(session: Session, now: datetime) -> list[UUID]:
        closed = windows.close_due_windows(session, now)
        session.execute(update(WindowRow).values(seen_at=WindowRow.opens_at))
        return closed

    ticks = tuple(close if act is windows.close_due_windows else act for act in worker.TICKS)
    patch.setattr(worker, "TICKS", ticks)
    patch.setattr(rules, "check_open", lambda window, at: real(replace(window, state="open"), at))


PLANTED = {
    "receipt-without-commit": Planted(
        "a terminal is told received, and nothing is stored", "broker-lost", receipt_without_commit
    ),
    "keyed-by-the-server": Planted("a message that is repeated is acted on twice", "window-rush", keyed_by_the_server),
    "body-of-a-repeat-not-compared": Planted(
        "an id used for another order is answered as if that had been taken", "closing-second", body_not_compared
    ),
    "written-without-sync": Planted(
        "the power fails, and what was said to be saved is gone", "power-cut-ordering", written_without_sync
    ),
    "said-before-kept": Planted("the screen says saved a moment before it is", "power-cut-ordering", said_before_kept),
    "puback-believed": Planted(
        "what the broker swallowed counts as arrived and is never sent again", "broker-lost", puback_believed
    ),
    "receipt-for-the-oldest": Planted(
        "a receipt is shown at another order than its own", "retry-storm", receipt_for_the_oldest
    ),
    "new-id-for-each-try": Planted("each try becomes an order of its own", "broker-lost", new_id_for_each_try),
    "closed-by-the-terminals-clock": Planted(
        "a shop with a wrong clock finds the window closed", "dead-clock", closed_by_the_terminals_clock
    ),
    "restored-server-believed": Planted(
        "what a restored server forgot is never sent again", "restored-backup", restored_server_believed
    ),
    "never-tried-again": Planted("what failed once stays in the terminal", "retry-storm", never_tried_again),
    "refusal-thrown-away": Planted("a refusal is never shown", "window-rush", refusal_thrown_away),
    "answers-not-kept": Planted(
        "a shop is thanked for its answers, and none of them is kept", "broker-lost", answers_not_kept
    ),
    "clone-not-noticed": Planted("nobody hears that a terminal was copied", "cloned-device", clone_not_noticed),
    "clock-set-back-reopens": Planted(
        "the server's clock is set back, and who comes late is taken after all",
        "closing-second",
        clock_set_back_reopens,
    ),
    "boot-record-in-place": Planted(
        "the power fails in the switch, and no release is found", "bad-update", boot_record_in_place
    ),
}
