"""What an entry of the shop's stock does to the figure, and what cannot be one. Pure; quantities are whole units.

The same as the server's: a sale happened, whatever the book knew; a count sets the figure; nothing is below zero.
"""

from collections.abc import Iterable
from datetime import date, timedelta

from contract.device_api import CatalogueItem
from contract.errors import Rejected
from contract.messages import ConfirmedLine, StockAct
from terminal_client.core.codes import gtin
from terminal_client.core.delivery_rules import REPLACED
from terminal_client.core.scans import Scan

MOST_UNITS = 10**6
#: Digits of a day with its century.
WHOLE_DAY = 8
#: So long before its day an item stands in the list as *soon*.
SOON = timedelta(days=30)


def after(act: StockAct, before_units: int, units: int) -> int:
    """Return the figure after an entry."""
    match act:
        case "sale" | "expiry":
            return max(0, before_units - units)
        case "refund":
            return before_units + units
        case "adjustment":
            return max(0, before_units + units)
        case "count":
            return units


def printed_day(typed: str) -> date:
    """Return the day of expiry that stands on a pack: year, month and day in six digits or eight, whatever parts them.

    Raises
    ------
    Rejected
        ``not_a_day``.
    """
    digits = "".join(each for each in typed if each.isdecimal() and each.isascii())
    whole = f"20{digits}" if len(digits) == WHOLE_DAY - 2 else digits
    try:
        return date(int(whole[:4]), int(whole[4:6]), int(whole[6:WHOLE_DAY] if len(whole) == WHOLE_DAY else ""))
    except ValueError:
        raise Rejected("not_a_day", day=typed.strip()[: 2 * WHOLE_DAY] or "–") from None


def check(act: StockAct, sku: str, on_hand_units: int, units: int, reason: str) -> None:
    """Refuse an entry that the server would refuse.

    Raises
    ------
    Rejected
        ``units_wrong``, ``reason_missing``; ``stock_short``, where more is taken out, but not sold, than is there.
    """
    least = 0 if act == "count" else 1
    size = abs(units) if act == "adjustment" else units
    if not least <= size <= MOST_UNITS:
        raise Rejected("units_wrong", sku=sku, units=units)
    if act == "adjustment" and not reason.strip():
        raise Rejected("reason_missing", sku=sku)
    taken = units if act == "expiry" else -units if act == "adjustment" else 0
    if taken > on_hand_units:
        raise Rejected("stock_short", sku=sku, there=on_hand_units, taken=taken)


def settled_count(counted_units: int, book_then_units: int, book_now_units: int) -> int:
    """Return what stands there now: what was counted, moved by what was sold and received since."""
    return max(0, counted_units + book_now_units - book_then_units)


def received(lines: Iterable[ConfirmedLine]) -> dict[str, int]:
    """Return what a confirmed delivery adds for sale, by SKU; what came instead counts as itself."""
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku] = units.get(line.sku, 0) + line.accepted_units
        if line.difference in REPLACED and line.other_sku is not None:
            units[line.other_sku] = units.get(line.other_sku, 0) + line.other_units
    return {sku: count for sku, count in units.items() if count}


def sold_by(scan: Scan, item: CatalogueItem) -> int:
    """Return how many units one scan at the till sells: one, but all that a case holds or that the code counts."""
    if scan.code is None:
        return 1
    cases = {gtin(case.barcode) for case in item.case_barcodes}
    return scan.units if scan.code.count or cases & set(scan.code.gtins) else 1


def lasts(expires: date, today: date) -> str:
    """Return ``over``, ``soon`` or ``good``. The day itself is still good."""
    if expires < today:
        return "over"
    return "soon" if expires - today <= SOON else "good"
