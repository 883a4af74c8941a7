"""The slips of a shop: the receipt of an order, what was granted, a confirmed delivery, a trial.

A slip says of an order what the screen says: *received* only where the server's receipt stands.
"""

import hashlib

from contract.book import leaf_bytes
from terminal_client.core.slips import Heading, Pair, Part, Rule, Slip, Square, Words
from terminal_client.core.views import catalogue
from terminal_client.core.views.deliveries import DeliveryView
from terminal_client.core.views.grants import GrantsView
from terminal_client.core.views.order_list import OrderView
from terminal_client.core.views.stock import Day
from terminal_client.ui import show
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk

STATES: dict[str, str] = {
    "saved": N_("Saved on this terminal only. It does not count yet."),
    "sent": N_("Sent. It counts once the receipt is here."),
    "received": N_("Received {at}. It counts."),
    "refused": N_("Refused. It does not count."),
    "cancelled": N_("Cancelled. It does not count."),
}
DELIVERY_STATES: dict[str, str] = {
    "shipped": N_("Not confirmed yet."),
    "saved": N_("Saved on this terminal only. The distributor does not know it yet."),
    "sent": N_("Sent. The receipt has not come yet."),
    "received": N_("Confirmed, and received by the distributor."),
    "refused": N_("Refused. Look at it on the terminal."),
}

RECEIVED, ADJUSTED = N_("delivered {units}"), N_("adjusted {units}")
EXPIRED, COUNTED = N_("past its day {units}"), N_("counted {units}")


def of_order(desk: Desk, view: OrderView) -> Slip:
    """Return the receipt of an order: as it stands now, with what is under way."""
    pages, order = desk.pages, view.order
    known = catalogue.read(desk.terminal.store)
    identity = desk.terminal.store.identity()
    number = f"#{order.number}" if order.number else pages.text(N_("without a number yet"))
    state = pages.text(STATES[order.state], at=pages.moment(order.received_at_ms))
    parts: list[Part] = [
        Heading(identity.name if identity else ""),
        Words(pages.text(N_("Order {number}"), number=number), strong=True),
        Words(show.text(view.name, pages.look().language)),
    ]
    if view.window is not None:
        parts.append(Pair(pages.text(N_("Ordering closes")), pages.moment(view.window.closes_at, offset=True)))
    parts += [Words(state, strong=True)]
    if order.change is not None:
        change = N_("A change is on its way; until it is received the order stands as it was.")
        if order.cancelling:
            change = N_("A cancelling is on its way; until it is received the order counts.")
        parts.append(Words(pages.text(change)))
    lines = order.lines if order.change is None else order.received_lines
    parts.append(Rule())
    total_minor = 0
    for line in lines:
        item = known.item(line.sku)
        total_minor += line.quantity_units * item.price_minor
        in_packs = pages.packs(line.quantity_units, item)
        named = pages.name(item) + (f" · {in_packs}" if in_packs else "")
        parts.append(Pair(named, f"{line.quantity_units:,}"))
    parts += [Rule(), Pair(pages.text(N_("Total")), show.money(total_minor, view.currency), strong=True)]
    parts += _printed(desk)
    if identity is not None and order.state == "received":
        leaf = hashlib.sha256(b"\x00" + leaf_bytes(identity.retailer, lines)).hexdigest()
        content = f"evenhand:order:{order.id}:{order.number or 0}:{order.revision}:{leaf}"
        parts.append(Square(content, pages.text(N_("To check the lines against the frozen book"))))
    return Slip(f"order:{order.id}", tuple(parts))


def of_grants(desk: Desk, view: GrantsView) -> Slip:
    """Return what a cycle granted, line by line, and what anyone can check the whole result with."""
    pages = desk.pages
    identity = desk.terminal.store.identity()
    parts: list[Part] = [
        Heading(identity.name if identity else ""),
        Words(pages.text(N_("Granted: {name}"), name=show.text(view.name, pages.look().language)), strong=True),
        Pair(pages.text(N_("Released")), pages.moment(view.released_at, offset=True)),
    ]
    if view.missing_parts:
        parts.append(Words(pages.text(N_("A part of the list has not come yet.")), strong=True))
    parts.append(Rule())
    for row in view.rows:
        figure = f"{row.grant.granted_units:,} / {row.grant.requested_units:,}"
        parts.append(Pair(pages.name(row.item), figure))
    whole = f"{view.granted_units:,} / {view.requested_units:,}"
    parts += [Rule(), Pair(pages.text(N_("Granted / requested")), whole, strong=True)]
    parts += _printed(desk)
    parts.append(to_check(desk, view))
    return Slip(f"cycle:{view.cycle}", tuple(parts))


def to_check(desk: Desk, view: GrantsView) -> Square:
    """Return what anyone needs to check a cycle's whole result again."""
    content = f"evenhand:cycle:{view.cycle}:{view.seed}:{view.input_sha256}:{view.result_sha256}"
    return Square(content, desk.pages.text(N_("Seed and hashes, to check the whole result again")))


def of_delivery(desk: Desk, view: DeliveryView, words: dict[str, str]) -> Slip:
    """Return a delivery as it was confirmed, or as it was shipped; ``words`` are those of the differences."""
    pages = desk.pages
    identity = desk.terminal.store.identity()
    parts: list[Part] = [
        Heading(identity.name if identity else ""),
        Words(pages.text(N_("Delivery #{number}"), number=view.number), strong=True),
        Pair(pages.text(N_("Shipped")), pages.moment(view.shipped_at, offset=True)),
        Words(pages.text(DELIVERY_STATES[view.state]), strong=True),
        Rule(),
    ]
    for line in view.lines:
        said = line.confirmed
        if said is None:
            parts.append(Pair(pages.name(line.item), f"{line.line.shipped_units:,}"))
            continue
        shipped = f"{line.line.shipped_units:,}"
        parts.append(Pair(pages.name(line.item), f"{said.accepted_units:,} / {shipped}"))
        if said.difference is not None:
            what = pages.text(words[said.difference])
            parts.append(Words(f"  {what} {said.difference_units:,}. {said.reason}".rstrip()))
    parts += [Rule(), *_printed(desk)]
    return Slip(f"delivery:{view.delivery}", tuple(parts))


def of_day(desk: Desk, view: Day) -> Slip:
    """Return what was entered of the stock on a day, item by item."""
    pages = desk.pages
    identity = desk.terminal.store.identity()
    parts: list[Part] = [
        Heading(identity.name if identity else ""),
        Words(pages.text(N_("The day {day}"), day=view.day.isoformat()), strong=True),
        Words(pages.text(N_("As entered on this terminal."))),
    ]
    if view.under_way:
        parts.append(Words(pages.text(N_("Without a receipt so far: {count}."), count=view.under_way), strong=True))
    parts.append(Rule())
    for row in view.rows:
        parts.append(Pair(pages.name(row.item), pages.text(N_("sold {units}"), units=f"{row.sold_units:,}")))
        more = [
            pages.text(text, units=f"{units:+,}" if text == ADJUSTED else f"{units:,}")
            for text, units in (
                (RECEIVED, row.received_units),
                (ADJUSTED, row.adjusted_units),
                (EXPIRED, row.expired_units),
                (COUNTED, row.counted_units),
            )
            if units or (text == COUNTED and units is not None)
        ]
        if more:
            parts.append(Words("  " + " · ".join(more)))
    parts += [Rule(), Pair(pages.text(N_("Sold")), f"{view.sold_units:,}", strong=True)]
    parts.append(Pair(pages.text(N_("Delivered")), f"{view.received_units:,}", strong=True))
    return Slip(f"day:{view.day}", (*parts, *_printed(desk)))


def trial(desk: Desk) -> Slip:
    """Return a slip to see whether printer, paper and fonts do."""
    pages = desk.pages
    parts = (
        Heading(pages.text(N_("Trial print"))),
        Words("中文可以打印。 English prints too."),
        Pair("0123456789", show.money(1_234_567, "CNY")),
        Rule(),
        Square("evenhand:trial", pages.text(N_("Hold a telephone over it"))),
        *_printed(desk),
    )
    return Slip("trial", parts)


def _printed(desk: Desk) -> list[Part]:
    now = desk.terminal.clock.now()
    sure = desk.terminal.clock.trusted
    said = N_("As of {at}") if sure else N_("As of {at} by this terminal's clock, which is not sure")
    return [Words(desk.pages.text(said, at=desk.pages.moment(now, offset=True)))]
