"""What must hold when a play is over: the invariants of ``docs/simulator.md``, each with how many it compared."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.messages import RECEIPTED, AnswerSurvey
from firmware_sim.device.language import Scenario
from firmware_sim.device.slots import NEW, OLD
from firmware_sim.device.stand import Stand
from server.cycles import result_queries, supply_queries
from server.deliveries import queries as deliveries
from server.feedback import queries as feedback
from server.kit import outbox as server_outbox
from server.kit.audit import AuditEntry
from server.kit.db import transaction
from server.kit.inbox import InboxEntry
from server.orders import queries as orders_queries
from server.surveys import queries as surveys
from terminal_client.core import alarms, booting, outbox
from terminal_client.core import orders as known_orders

ORDERS = ("order.place", "order.amend", "order.cancel")
SHOWN = 3
SURE_MS = 2_000
ITEMS_MOST = 100_000


@dataclass
class Look:
    """One thing that must hold: how many were compared, and what was found not to be so."""

    compared: int = 0
    broken: list[str] = field(default_factory=list)

    def hold(self, holds: bool, otherwise: str) -> None:  # noqa: FBT001 - it is what is looked at
        """Compare one thing."""
        self.compared += 1
        if not holds:
            self.broken.append(otherwise)

    def figures(self) -> dict[str, Any]:
        """Return how it came out."""
        shown: dict[str, Any] = {"holds": not self.broken, "compared": self.compared}
        return shown | ({"broken": self.broken[:SHOWN], "broken_count": len(self.broken)} if self.broken else {})


@dataclass(frozen=True)
class Books:
    """What stands at the server and on the terminals when a play is over, by retailer."""

    inbox: dict[tuple[str, UUID], InboxEntry]
    said: dict[str, list[outbox.Entry]]
    orders: dict[UUID, orders_queries.OrderView]
    known: dict[str, list[known_orders.Order]]


def judge(stand: Stand, scenario: Scenario, broke: list[str]) -> dict[str, Any]:
    """Return the ledger, the faults and the verdicts; ``broke`` is what the server itself called a failure."""
    books = _read(stand)
    looks: dict[str, Look] = {name: Look() for name in ("I1", "I2", "I6", "I7")}
    _receipted_exists(stand, books, looks["I1"])
    _one_record_an_id(stand, books, looks["I2"])
    _answered(books, looks["I6"])
    _server_closes(stand, looks["I7"])
    if scenario.shares_out:
        looks["I3"] = Look()
        _granted_within(stand, looks["I3"])
    looks["told"] = Look()
    _told(stand, looks["told"])
    looks["unbroken"] = Look()
    looks["unbroken"].hold(not broke, f"the server failed: {broke[:1]}")
    for device in stand.everything:
        looks["unbroken"].hold(not device.troubles, f"{device.name}: {device.troubles[:1]}")
    for name in scenario.looks:
        looks[name] = Look()
        LOOKS[name](stand, books, looks[name])
    ledger = _ledger(books)
    return {
        "ledger": ledger,
        "faults": _faults(stand),
        "invariants": {name: look.figures() for name, look in sorted(looks.items())},
        "events": stand.kernel.happened,
        "sha256": stand.kernel.sha256,
        "balanced": _balances(ledger, forgot=stand.faults["server_restored"] > 0),
        "holds": not any(look.broken for look in looks.values()),
    }


def _balances(ledger: dict[str, Any], *, forgot: bool) -> bool:
    """Return whether all that was said is stored and answered; a restored server may have forgotten what it refused."""
    refused = sum(ledger["refused"].values())
    answered = ledger["receipted"] + refused
    return bool(ledger["sent"] == answered and ledger["sent"] - (refused if forgot else 0) <= ledger["stored"])


def taken_orders(stand: Stand) -> frozenset[UUID]:
    """Return the messages about orders that the server has accepted so far."""
    with transaction(stand.backend.sessions) as session:
        accepted = InboxEntry.receipt["outcome"].astext == "accepted"
        return frozenset(session.scalars(select(InboxEntry.client_id).where(InboxEntry.kind.in_(ORDERS), accepted)))


def _read(stand: Stand) -> Books:
    with transaction(stand.backend.sessions) as session:
        inbox = {(row.party, row.client_id): row for row in session.scalars(select(InboxEntry))}
        stored = orders_queries.orders(session, cycle=stand.cycle, limit=len(inbox) + 1)
    said: dict[str, list[outbox.Entry]] = {}
    known: dict[str, list[known_orders.Order]] = {}
    for device in stand.everything:
        with device.opened() as store:
            device.look_for_lost(store)
            entries = {entry.id for entry in said.get(device.name, ())}  # a clone also holds what was said before
            new = [entry for entry in outbox.of_kinds(store, *sorted(RECEIPTED)) if entry.id not in entries]
            said.setdefault(device.name, []).extend(new)
            known.setdefault(device.name, []).extend(known_orders.read_all(store))
    return Books(inbox, said, {order.id: order for order in stored}, known)


def _ledger(books: Books) -> dict[str, Any]:
    entries = [entry for said in books.said.values() for entry in said]
    return {
        "sent": len(entries),
        "stored": len(books.inbox),
        "receipted": sum(entry.state == "received" for entry in entries),
        "refused": dict(sorted(Counter(str(entry.code) for entry in entries if entry.state == "refused").items())),
    }


def _faults(stand: Stand) -> dict[str, int]:
    radios = [device.radio for device in stand.everything]
    carried = {
        "packets_lost": sum(radio.dropped for radio in radios),
        "packets_repeated": sum(radio.repeated for radio in radios),
        "lost_in_the_broker": stand.broker.lost_upward,
        "processes_died": stand.backend.deaths,
    }
    return dict(sorted((stand.faults + Counter(carried)).items()))


def _receipted_exists(stand: Stand, books: Books, look: Look) -> None:
    """I1: what a terminal shows as received stands at the server, as the terminal shows it."""
    with transaction(stand.backend.sessions) as session:
        for party, said in books.said.items():
            for entry in said:
                if entry.state != "received":
                    continue
                row = books.inbox.get((party, entry.id))
                receipt = row.receipt if row is not None else None
                look.hold(
                    receipt is not None and (receipt["outcome"], receipt.get("number")) == ("accepted", entry.number),
                    f"{party}: {entry.kind} was receipted and the server does not have it",
                )
                _stands(session, books, party, entry, look)
    for party, mine in books.known.items():
        for order in mine:
            stored = books.orders.get(order.id)
            if order.state == "received" and order.change is None and stored is not None:
                lines = {line.sku: line.quantity_units for line in order.received_lines}
                look.hold(
                    (stored.state, dict(stored.lines)) == ("accepted", lines),
                    f"{party}: the terminal shows another order than the server holds",
                )


def _stands(session: Session, books: Books, party: str, entry: outbox.Entry, look: Look) -> None:
    """Compare what was asked for with what stands at the server."""
    if entry.kind == "order.place":
        look.hold(entry.id in books.orders, f"{party}: a receipted order is not in the book")
    elif entry.kind == "delivery.confirm":
        found = deliveries.delivery(session, UUID(entry.data["delivery"]))
        look.hold(found is not None and found.state == "confirmed", f"{party}: a confirmed delivery is not so")
    elif entry.kind == "survey.answer":
        kept = surveys.answer_set(session, entry.id)
        answers = AnswerSurvey.model_validate(entry.data).answers
        look.hold(
            kept is not None and kept[1].answers == {one.question: one for one in answers},
            f"{party}: the server holds other answers than the shop gave",
        )
    elif entry.kind == "feedback.send":
        look.hold(feedback.feedback(session, entry.id) is not None, f"{party}: a complaint is gone")


def _one_record_an_id(stand: Stand, books: Books, look: Look) -> None:
    """I2: one record for what was said once, and none for what was not; another body under an id is refused."""
    said = {(party, entry.id) for party, entries in books.said.items() for entry in entries}
    for party, client_id in books.inbox:
        look.hold((party, client_id) in said, f"{party}: the server took something that the terminal never said")
    placed = {
        client_id
        for (_, client_id), row in books.inbox.items()
        if row.kind == "order.place" and row.receipt is not None and row.receipt["outcome"] == "accepted"
    }
    look.hold(books.orders.keys() == placed, "the order book and the accepted orders differ")
    with transaction(stand.backend.sessions) as session:
        alerted = session.scalar(
            select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "message.id_reused")
        )
    look.hold(alerted == stand.reused, f"{stand.reused} ids were used again for something else, {alerted} were noticed")


def _told(stand: Stand, look: Look) -> None:
    """Compare what the server says now with what the terminal was told: no item of its feed was passed over."""
    with transaction(stand.backend.sessions) as session:
        for device in stand.devices:
            with device.opened() as store:
                held = dict(store.rows("SELECT key, seq FROM feed"))
            items, _ = server_outbox.read(session, device.name, after=0, limit=ITEMS_MOST)
            for item in items:
                if item.kind != "receipt":
                    look.hold(held.get(item.key) == item.seq, f"{device.name} was not told of {item.kind}")


def _answered(books: Books, look: Look) -> None:
    """I6: within 60 s after the faults have ended everything is received, or visibly refused."""
    for party, said in books.said.items():
        for entry in said:
            look.hold(entry.state in ("received", "refused"), f"{party}: {entry.kind} is still {entry.state}")


def _server_closes(stand: Stand, look: Look) -> None:
    """I7: nothing was taken after the published close and grace, and no terminal closed by a clock of its own."""
    if stand.taken_by_close is not None:
        late = taken_orders(stand) - stand.taken_by_close
        look.hold(not late, f"{len(late)} messages about orders were accepted after the window was over")
        look.compared += len(stand.taken_by_close)
    for device in stand.devices:
        for at_ms, code in device.refused_here:
            if code == "window_closed":
                look.hold(at_ms >= stand.closes_ms - SURE_MS, f"{device.name} closed before the published close")
            elif code == "window_not_open":
                look.hold(at_ms <= stand.opens_ms + SURE_MS, f"{device.name} did not open with the server")


def _granted_within(stand: Stand, look: Look) -> None:
    """I3: what is granted is within what there is and what may be granted, and stands for what was asked."""
    look.hold(stand.shared_out, "the cycle was not published")
    with transaction(stand.backend.sessions) as session:
        grants = result_queries.grants(session, stand.cycle)
        supply = supply_queries.supply(session, stand.cycle)
        asked = {(line.retailer, line.sku): line.requested_units for line in orders_queries.book(session, stand.cycle)}
    granted: Counter[str] = Counter()
    for grant in grants:
        granted[grant.sku] += grant.granted_units
        look.hold(0 <= grant.granted_units <= grant.eligible_units, f"{grant.retailer} {grant.sku}: beyond eligible")
        wanted = asked.get((grant.retailer, grant.sku))
        look.hold(wanted == grant.requested_units, f"{grant.retailer} {grant.sku}: asked {wanted} in the order book")
    for sku, units in granted.items():
        look.hold(units <= supply[sku].supply_units, f"{sku}: {units} granted of {supply[sku].supply_units}")


def _no_storm(stand: Stand, _books: Books, look: Look) -> None:
    """No ten seconds of the play saw more requests than a patient fleet sends."""
    most = PATIENT_REQUESTS * len(stand.devices)
    begins = 0
    for now, at_ms in enumerate(stand.backend.asked_at):
        while stand.backend.asked_at[begins] < at_ms - STORM_MS:
            begins += 1
        look.hold(now - begins < most, f"{now - begins + 1} requests within {STORM_MS // 1000} s")


def _answered_after_the_close(stand: Stand, books: Books, look: Look) -> None:
    """Whoever came after the deadline was told so, and was not left to believe otherwise."""
    for (party, client_id), row in books.inbox.items():
        if row.kind in ORDERS and client_id not in (stand.taken_by_close or ()):
            look.hold(row.receipt is not None and row.receipt["outcome"] == "rejected", f"{party}: taken too late")


def _clones_are_noticed(stand: Stand, _books: Books, look: Look) -> None:
    """Compare: the terminal that hears receipts for what its shop never said sounds its alarm."""
    for clone in stand.clones:
        with clone.opened() as store:
            own = [entry for entry in outbox.of_kinds(store, *ORDERS) if entry.id in clone.said]
        original = next(device for device in stand.devices if device.name == clone.name)
        with original.opened() as store:
            alarmed = {alarm.code for alarm in alarms.standing(store)}
            strange = [entry for entry in own if entry.state == "received" and not outbox.knows(store, entry.id)]
        if strange:
            look.hold("identity_doubled" in alarmed, f"{clone.name} was cloned, and its terminal raised no alarm")


def _old_or_new_boots(stand: Stand, _books: Books, look: Look) -> None:
    """Each device runs a whole release: the new one where it is well, else the old one, with the reason kept."""
    for device in stand.devices:
        releases = device.releases
        record = booting.read(releases.slots)
        look.hold(booting.whole(releases.slots, releases.running), f"{device.name}: what runs is not whole")
        look.hold(device.running is not None and not device.hung, f"{device.name} does not run")
        if not stand.faults["offered"] or releases.state.phase in ("idle", "bringing"):
            continue
        if releases.health == "well":
            done = (releases.version, record.confirmed) == (NEW, True) or record.returned is not None
            look.hold(done, f"{device.name}: a release that is well is neither confirmed nor returned")
        else:
            returned = releases.version == OLD and record.returned is not None
            look.hold(returned, f"{device.name}: a release that {releases.health} was not returned from")


PATIENT_REQUESTS, STORM_MS = 14, 10_000
LOOKS: Mapping[str, Callable[[Stand, Books, Look], None]] = {
    "no storm": _no_storm,
    "the old or the new boots": _old_or_new_boots,
    "clones are noticed": _clones_are_noticed,
    "answered after the close": _answered_after_the_close,
}
