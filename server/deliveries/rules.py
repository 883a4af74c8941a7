"""Pure decisions about deliveries: may goods leave, do the counts of a line add up, what goes to stock.

Quantities are units. Nothing here ever yields a negative one.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from contract.errors import Rejected
from contract.messages import ConfirmedLine, Difference

#: Lines of one shipment notice: its confirmation with a reason on every line stays below an envelope's size.
LINES_PER_NOTICE = 50

#: Differences where something else, or the same in another pack, came instead.
REPLACED: frozenset[Difference] = frozenset({"wrong_item", "wrong_pack"})

#: Differences where the units that differ may stand aside in the shop.
MAY_BE_HELD: frozenset[Difference] = frozenset({"damaged", "refused"})

Remedy = Literal["replacement", "credit", "nothing"]

L = TypeVar("L")


@dataclass(frozen=True)
class Hold:
    """Why goods do not leave: its code, and the standing's reason or the SKU that needs a licence."""

    code: Literal["suspended", "licence_suspended", "not_licensed"]
    why: str


@dataclass(frozen=True)
class Account:
    """Where the units of a shipped line are: shipped + surplus = accepted + held + missing + sent back."""

    accepted_units: int
    held_units: int
    missing_units: int
    sent_back_units: int
    surplus_units: int


@dataclass(frozen=True)
class Booking:
    """What a confirmation adds to a shop's stock of one SKU: for sale, and standing aside for return."""

    sku: str
    on_hand_units: int
    held_units: int


def hold(
    standing: str,
    standing_reason: str | None,
    classes_needed: Mapping[str, str],
    classes_held: Collection[str],
    classes_suspended: Collection[str] = (),
) -> Hold | None:
    """Return why the goods must stay, or none.

    Parameters
    ----------
    classes_needed
        The licence class that each SKU needs; SKUs that need none are absent.
    classes_held
        The classes that the shop holds a valid licence for on the day of the dispatch.
    classes_suspended
        Those of the others whose licence is suspended: there is one, and it does not count.
    """
    if standing != "good":
        return Hold("suspended", standing_reason or "")
    for sku in sorted(classes_needed, key=str.encode):
        if classes_needed[sku] not in classes_held:
            why = f"{sku} ({classes_needed[sku]})"
            suspended = classes_needed[sku] in classes_suspended
            return Hold("licence_suspended", why) if suspended else Hold("not_licensed", why)
    return None


def notices(lines: Sequence[L]) -> Iterator[Sequence[L]]:
    """Yield the lines of one shop, in as few notices as they fit into."""
    for start in range(0, len(lines), LINES_PER_NOTICE):
        yield lines[start : start + LINES_PER_NOTICE]


def check_confirmation(shipped: Mapping[str, int], lines: Iterable[ConfirmedLine]) -> None:
    """Refuse a confirmation unless it counts every shipped line exactly once, and each line adds up.

    Raises
    ------
    Rejected
        ``unknown_line``, ``line_twice``, ``counts_differ``, ``reason_missing`` or ``line_missing``, naming the SKU.
    """
    counted: set[str] = set()
    for line in lines:
        if line.sku not in shipped:
            raise Rejected("unknown_line", sku=line.sku)
        if line.sku in counted:
            raise Rejected("line_twice", sku=line.sku)
        counted.add(line.sku)
        check_line(shipped[line.sku], line)
    for sku in shipped:
        if sku not in counted:
            raise Rejected("line_missing", sku=sku)


def check_line(shipped_units: int, line: ConfirmedLine) -> None:
    """Refuse counts that do not make what was shipped, and a difference without a reason."""
    made = _made(line)
    if made != shipped_units or not _holds_together(line):
        if made == shipped_units:
            made = line.accepted_units + line.held_units + line.other_units
        raise Rejected("counts_differ", sku=line.sku, shipped=shipped_units, counted=made)
    if line.difference is not None and not (line.reason or "").strip():
        raise Rejected("reason_missing", sku=line.sku)


def _made(line: ConfirmedLine) -> int:
    """Return what must have been shipped for the counts to be true; never below zero."""
    if line.difference is None:
        return line.accepted_units + line.held_units
    if line.difference == "over":
        return max(0, line.accepted_units + line.held_units - line.difference_units)
    return line.accepted_units + line.difference_units


def _holds_together(line: ConfirmedLine) -> bool:
    """Return whether the fields beside the sum fit the kind of difference."""
    if line.difference is None:
        return line.held_units == line.difference_units == line.other_units == 0 and line.other_sku is None
    if line.difference_units == 0:
        return False
    if line.difference in REPLACED:
        return line.other_sku is not None and (line.other_sku != line.sku or line.difference == "wrong_pack")
    if line.other_sku is not None or line.other_units:
        return False
    return line.held_units <= (0 if line.difference == "short" else line.difference_units)


def account(line: ConfirmedLine) -> Account:
    """Return where the units of a confirmed line are. The line must have passed :func:`check_line`."""
    differs = line.difference_units
    replaced = line.difference in REPLACED
    held = 0 if replaced else line.held_units
    return Account(
        accepted_units=line.accepted_units,
        held_units=held,
        missing_units=differs if replaced or line.difference == "short" else 0,
        sent_back_units=differs - held if line.difference in MAY_BE_HELD else 0,
        surplus_units=differs if line.difference == "over" else 0,
    )


def bookings(lines: Iterable[ConfirmedLine]) -> list[Booking]:
    """Return what the confirmed lines add to the stock, one booking a SKU, in byte order of the SKU.

    With ``wrong_item`` and ``wrong_pack`` the held units are of what came instead.
    """
    on_hand: dict[str, int] = {}
    held: dict[str, int] = {}

    def add(sku: str, on_hand_units: int, held_units: int) -> None:
        on_hand[sku] = on_hand.get(sku, 0) + on_hand_units
        held[sku] = held.get(sku, 0) + held_units

    for line in lines:
        if line.difference in REPLACED and line.other_sku is not None:
            add(line.sku, line.accepted_units, 0)
            add(line.other_sku, line.other_units, line.held_units)
        else:
            add(line.sku, line.accepted_units, line.held_units)
    return [
        Booking(sku, on_hand[sku], held[sku]) for sku in sorted(on_hand, key=str.encode) if on_hand[sku] or held[sku]
    ]


@dataclass(frozen=True)
class Effect:
    """What a decision does: units that leave with the next dispatch, money on a credit note, units to be fetched."""

    replaced_units: int = 0
    credit_minor: int = 0
    fetched_units: int = 0


def owed_units(difference: Difference, difference_units: int) -> int:
    """Return what a shop misses of what it was shipped; of too much it misses nothing."""
    return 0 if difference == "over" else difference_units


def remedies(difference: Difference, difference_units: int) -> tuple[Remedy, ...]:
    """Return the ways in which an upheld claim can be made good."""
    return ("replacement", "credit", "nothing") if owed_units(difference, difference_units) else ("nothing",)


def effect(remedy: Remedy, owed: int, price_minor: int, held_units: int) -> Effect:
    """Return what making good ``owed`` units does; ``held_units`` stand aside in the shop, whatever is decided."""
    return Effect(
        replaced_units=owed if remedy == "replacement" else 0,
        credit_minor=owed * price_minor if remedy == "credit" else 0,
        fetched_units=held_units,
    )
