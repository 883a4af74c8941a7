"""What a device is tried with, one case after the other; each begins where the one before it ended.

A case returns where the contract is kept, and raises :class:`~firmware_sim.conformance.bench.Broken` where it is not.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from contract.envelope import MAX_BYTES, Envelope
from contract.messages import RECEIPTED, UP, Message
from contract.topics import shard_of
from firmware_sim.conformance.bench import OPEN_FOR_S, Bench, Broken
from firmware_sim.conformance.hearing import Said

ORDERS = ("order.place", "order.amend")
CALM_CONNECTIONS = 10
LATE_WINDOW_S = 25.0


class FromTheFuture(Message):
    """A kind of message, and fields, that no released contract knows."""

    colour: str
    since: int


@dataclass(frozen=True)
class Case:
    """One demand of the contract: ``story`` is what happens, ``chapter`` where ``docs/contract.md`` asks for it.

    ``needed``: the cases after it mean nothing where it does not hold.
    """

    name: str
    story: str
    chapter: str
    play: Callable[[Bench], None]
    needed: bool = False


def enrols(bench: Bench) -> None:
    """Let the device enrol and say how it is."""
    issued = bench.site.planner.post("/api/v1/devices/codes", {"retailers": [bench.retailer]})
    with bench.operator_at_hand():
        bench.do("enrol", code=issued[0]["code"])
    bench.expect(
        lambda: bool(bench.ear.said("device.status")),
        seen="no device.status was heard",
        wanted="an enrolled device that says how it is",
    )
    envelope = bench.ear.said("device.status")[0].envelope
    if envelope is None:
        raise Broken(f"device.status is no envelope: {bench.ear.said('device.status')[0].raw[:120]!r}", "an envelope")
    bench.device = envelope.device


def asks_for_its_feed(bench: Bench) -> None:
    """See that the device asks for what it has missed."""
    bench.expect(
        lambda: bool(bench.ear.pulled_after()),
        seen="neither feed.pull nor GET /device/v1/feed was heard",
        wanted="its feed asked for after connecting",
    )


def orders_once(bench: Bench) -> None:
    """Open a window and let the device order in it."""
    bench.opens_a_window(OPEN_FOR_S)
    mark = bench.ear.mark
    bench.do("order", units=2 * bench.sku.pack_units)
    bench.expect(
        lambda: len(bench.orders()) == 1, seen=lambda: _heard(bench, mark), wanted="one order.place that is taken"
    )
    order = bench.orders()[0]
    lines = [(line["sku"], line["quantity_units"]) for line in order["lines"]]
    if lines != [(bench.sku.sku, 2 * bench.sku.pack_units)]:
        raise Broken(
            f"the order holds {lines}",
            f"{2 * bench.sku.pack_units} units of {bench.sku.sku}, whole units and not packs",
        )
    _shows(bench, "received")


def says_waiting_until_the_receipt(bench: Bench) -> None:
    """Let the server take a message and keep its receipt back."""
    bench.line.mute()
    known = len(bench.taken())
    mark = bench.ear.mark
    bench.do("amend", units=3 * bench.sku.pack_units)
    bench.expect(
        lambda: len(bench.taken()) > known, seen=lambda: _heard(bench, mark), wanted="an order.amend that is sent"
    )
    shown = bench.shows()
    # Who has HTTP too says it again meanwhile; a device that has the broker alone does once the line is reset.
    bench.ear.wait(lambda: len(bench.ear.said(*ORDERS, after=mark)) > 1, bench.patience.answer_s)
    bench.line.reset()
    if shown == "received":
        raise Broken("it shows “received” before any receipt could reach it", "“waiting” until the server's receipt")
    _shows(bench, "received")
    _one_id(bench, mark, known)


def takes_a_refusal(bench: Bench) -> None:
    """Let the device ask for what is no whole pack."""
    mark = bench.ear.mark
    bench.do("amend", units=3 * bench.sku.pack_units + 1)
    bench.ear.wait(lambda: bool(bench.ear.said(*ORDERS, after=mark)), bench.patience.still_s)
    bench.wait(bench.patience.still_s)
    ids = _new_ids(bench, mark)
    if len(ids) > 1:
        raise Broken(f"the refused change was said {len(ids)} times, each with another id", "a refusal is final")
    if ids:
        _shows(bench, "refused")
    _amount(bench, 3 * bench.sku.pack_units)


def reads_over_what_it_does_not_know(bench: Bench) -> None:
    """Put a kind and fields of a later contract into the feed."""
    news = FromTheFuture(colour="blue", since=1)
    bench.tell("future:1", "weather", news)
    mark, known = bench.ear.mark, len(bench.taken())
    bench.do("amend", units=4 * bench.sku.pack_units)
    _arrives(bench, mark, known, 4 * bench.sku.pack_units)
    end = bench.feed_end()
    bench.line.reset()
    bench.expect(
        lambda: max(bench.ear.pulled_after()) >= end,
        seen=lambda: f"it asks for its feed after {max(bench.ear.pulled_after())}",
        wanted=f"its feed asked for after {end}, where what it does not know is written down too,",
    )


def keeps_what_it_cannot_send(bench: Bench) -> None:
    """Take the line away while something is done."""
    bench.line.cut()
    mark, known = bench.ear.mark, len(bench.taken())
    bench.do("amend", units=5 * bench.sku.pack_units)
    bench.wait(bench.patience.cut_s)
    shown = bench.shows()
    bench.line.whole()
    if shown != "waiting":
        raise Broken(f"without a line it shows “{shown}”", "“waiting”")
    _arrives(bench, mark, known, 5 * bench.sku.pack_units)


def survives_a_power_cut(bench: Bench) -> None:
    """Take line and power away while something waits."""
    bench.line.cut()
    mark, known = bench.ear.mark, len(bench.taken())
    bench.do("amend", units=6 * bench.sku.pack_units)
    try:
        bench.do("restart")
    finally:
        bench.line.whole()
    _arrives(bench, mark, known, 6 * bench.sku.pack_units)


def goes_on_without_the_broker(bench: Bench) -> None:
    """Take the broker away for a while."""
    bench.line.cut(bench.site.broker_port)
    mark, known = bench.ear.mark, len(bench.taken())
    bench.do("amend", units=7 * bench.sku.pack_units)
    bench.ear.wait(lambda: len(bench.taken()) > known, 2 * bench.patience.cut_s)
    bench.line.whole()
    _arrives(bench, mark, known, 7 * bench.sku.pack_units)


def comes_too_late(bench: Bench) -> None:
    """Let a window close while there is no line."""
    bench.opens_a_window(LATE_WINDOW_S)
    bench.wait(bench.patience.cut_s)
    mark, known = bench.ear.mark, len(bench.taken())
    bench.line.cut()
    try:
        bench.do("order", units=bench.sku.pack_units)
        bench.wait(max(0.0, bench.seconds_left + bench.patience.cut_s))
    finally:
        bench.line.whole()
    bench.expect(
        lambda: len(bench.taken()) > known,
        seen=lambda: _heard(bench, mark),
        wanted="the order sent all the same: only the server's clock closes a window",
    )
    _shows(bench, "refused")
    bench.wait(bench.patience.still_s)
    _one_id(bench, mark, known)


def writes_strictly(bench: Bench) -> None:
    """Hold everything that was heard against the contract."""
    bodies: dict[UUID, bytes] = {}
    for said in bench.ear.said():
        _fits(said)
        envelope = said.envelope
        if envelope is None:
            raise Broken(f"{said.kind}: no envelope: {said.raw[:120]!r}", "see docs/schemas/envelope.json")
        data = json.dumps(envelope.data, sort_keys=True).encode()
        if bodies.setdefault(envelope.id, data) != data:
            raise Broken(f"the id {envelope.id} was used for two different messages", "an id for one thing, for ever")
        if bench.device and envelope.device != bench.device:
            raise Broken(f"an envelope names device {envelope.device}", f"the device's own id, {bench.device}")
    if not any(said.kind in RECEIPTED for said in bench.ear.said()):
        raise Broken("nothing was heard that wants a receipt", "an order")


def stops_when_it_is_revoked(bench: Bench) -> None:
    """Shut the device out."""
    bench.site.planner.post(f"/api/v1/devices/{bench.device}/revoke", {"reason": "conformance check"})
    _shows(bench, "revoked")
    before = bench.line.connections()
    bench.wait(bench.patience.still_s)
    knocked = bench.line.connections() - before
    if knocked > CALM_CONNECTIONS:
        raise Broken(
            f"{knocked} connections in {bench.patience.still_s:.0f} s after it was revoked", "a device that stops"
        )
    _shows(bench, "revoked")


CASES: Sequence[Case] = (
    Case(
        "enrols",
        "The device turns a one-use code into an identity and says how it is.",
        "Enrolment",
        enrols,
        needed=True,
    ),
    Case(
        "asks-for-its-feed",
        "Connecting, the device asks for what it has missed.",
        "The feed",
        asks_for_its_feed,
    ),
    Case(
        "orders-once",
        "A window opens, the device orders, the order stands and the device says so after the receipt.",
        "Receipts",
        orders_once,
        needed=True,
    ),
    Case(
        "waits-for-the-receipt",
        "The receipt of a message that was taken is lost: the device waits, and asks again as the same.",
        "Receipts",
        says_waiting_until_the_receipt,
    ),
    Case(
        "takes-a-refusal",
        "What is no whole pack is refused: by the device itself, or by the server, and then it is not said again.",
        "Refusals",
        takes_a_refusal,
    ),
    Case(
        "reads-over-the-unknown",
        "The feed holds a kind and fields of a later contract; the device goes on.",
        "Versions",
        reads_over_what_it_does_not_know,
    ),
    Case(
        "keeps-while-offline",
        "There is no line at all; what is done meanwhile waits, and goes out by itself.",
        "Offline",
        keeps_what_it_cannot_send,
    ),
    Case(
        "survives-a-power-cut",
        "The power goes while something waits; afterwards it is sent, once.",
        "Offline",
        survives_a_power_cut,
    ),
    Case(
        "goes-on-without-the-broker",
        "The broker cannot be reached for a while; nothing is lost, and nothing is doubled when it is back.",
        "Two ways",
        goes_on_without_the_broker,
    ),
    Case(
        "comes-too-late",
        "A window closes while there is no line; what was ordered in it is refused, and stays refused.",
        "Time",
        comes_too_late,
    ),
    Case(
        "writes-strictly",
        "Everything that was heard so far keeps the shapes: envelope, data, size, shard, one id for one thing.",
        "The envelope",
        writes_strictly,
    ),
    Case(
        "stops-when-revoked",
        "The distributor shuts the device out; it stops, and does not knock without end.",
        "Refusals",
        stops_when_it_is_revoked,
    ),
)


def _heard(bench: Bench, mark: int) -> str:
    kinds = [f"{said.kind} by {said.over}" for said in bench.ear.said(after=mark)]
    return f"heard since: {', '.join(kinds) if kinds else 'nothing'}"


def _shows(bench: Bench, wanted: str) -> None:
    shown: list[str] = []

    def holds() -> bool:
        shown[:] = [bench.shows()]
        return shown[0] == wanted

    bench.expect(holds, seen=lambda: f"it shows “{shown[0]}”", wanted=f"“{wanted}”")


def _amount(bench: Bench, units: int) -> None:
    stands = [line["quantity_units"] for order in bench.orders() for line in order["lines"]]
    if stands != [units]:
        raise Broken(f"the orders hold {stands} units", f"one order of {units}")


def _arrives(bench: Bench, mark: int, known: int, units: int) -> None:
    """Check that one act arrived, once, and that the device knows it."""
    bench.expect(lambda: len(bench.taken()) > known, seen=lambda: _heard(bench, mark), wanted="the change sent")
    _shows(bench, "received")
    _one_id(bench, mark, known)
    _amount(bench, units)


def _new_ids(bench: Bench, mark: int) -> set[UUID]:
    """Return the ids under which something was ordered or changed since, and not before."""
    before = {said.envelope.id for said in bench.ear.said(*ORDERS, before=mark) if said.envelope}
    return {said.envelope.id for said in bench.ear.said(*ORDERS, after=mark) if said.envelope} - before


def _one_id(bench: Bench, mark: int, known: int) -> None:
    ids = _new_ids(bench, mark)
    new = len(bench.taken()) - known
    if len(ids) > 1 or new != 1:
        raise Broken(f"one act was sent under {len(ids)} ids and taken {new} times", "one id, however often it is sent")


def _fits(said: Said) -> None:
    """Check one message's bytes against the contract, as a strict writer must keep it."""
    if len(said.raw) > MAX_BYTES:
        raise Broken(f"{said.kind}: {len(said.raw)} bytes", f"at most {MAX_BYTES}")
    model = UP.get(said.kind)
    if model is None:
        raise Broken(f"a message of kind {said.kind!r}", f"one of {', '.join(sorted(UP))}")
    envelope = said.envelope
    if envelope is None:
        return
    written = json.loads(said.raw)
    if unknown := set(written) - {field.alias or name for name, field in Envelope.model_fields.items()}:
        raise Broken(f"{said.kind}: the envelope has unknown fields: {', '.join(sorted(unknown))}", "no others")
    if said.over == "mqtt" and f"/{shard_of(envelope.device)}/{envelope.device}/up/" not in said.where:
        raise Broken(f"{said.kind}: sent on {said.where}", f"…/{shard_of(envelope.device)}/{envelope.device}/up/…")
    try:
        message = model.model_validate(envelope.data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise Broken(f"{said.kind}: data.{where}: {first['msg']}", f"see docs/schemas/up.{said.kind}.json") from None
    if others := _unknown(envelope.data, message.model_dump(mode="json"), "data"):
        raise Broken(f"{said.kind}: unknown fields: {', '.join(others)}", "writers are strict: no others")


def _unknown(written: Any, read: Any, where: str) -> list[str]:
    """Return the paths of what was written and not read."""
    if isinstance(written, Mapping) and isinstance(read, Mapping):
        found = [f"{where}.{name}" for name in written if name not in read]
        for name in written.keys() & read.keys():
            found += _unknown(written[name], read[name], f"{where}.{name}")
        return found
    if isinstance(written, list) and isinstance(read, list):
        return [path for a, b in zip(written, read, strict=False) for path in _unknown(a, b, f"{where}[]")]
    return []
