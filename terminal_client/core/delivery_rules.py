"""What can be said about a shipped line, and how the counts follow from it. Never a negative number.

The shopkeeper counts what is there; the message says what was accepted, what is held for return, and the
one difference that explains the rest. The grant is not touched by any of it.
"""

from dataclasses import dataclass

from contract.errors import Rejected
from contract.feed import ShippedLine
from contract.messages import ConfirmedLine, Difference

#: Differences where something else, or the same in another pack, stands in the shop instead.
REPLACED: frozenset[Difference] = frozenset({"wrong_item", "wrong_pack"})


@dataclass(frozen=True)
class Count:
    """What the shopkeeper found of one line. ``difference_units`` counts what differs."""

    difference: Difference | None = None
    difference_units: int = 0
    held_units: int = 0
    other_sku: str | None = None
    other_units: int = 0
    reason: str = ""


AS_LISTED = Count()


def confirmed(line: ShippedLine, count: Count) -> ConfirmedLine:
    """Return the line as it is confirmed.

    Raises
    ------
    Rejected
        ``counts_differ`` or ``reason_missing``, naming the line.
    """
    differs = count.difference_units
    if count.difference is None:
        _check(line, differs == 0 and count.held_units == 0, line.shipped_units)
        return ConfirmedLine(sku=line.sku, accepted_units=line.shipped_units)
    if not count.reason.strip():
        raise Rejected("reason_missing", sku=line.sku)
    if count.difference == "over":
        _check(line, differs > 0 and 0 <= count.held_units <= differs, line.shipped_units + differs)
        accepted = line.shipped_units + differs - count.held_units
    else:
        _check(line, 0 < differs <= line.shipped_units, differs)
        most_held = 0 if count.difference == "short" else differs
        _check(line, 0 <= count.held_units <= most_held, count.held_units)
        accepted = line.shipped_units - differs
    replaced = count.difference in REPLACED
    if replaced and (not count.other_sku or count.other_units < 0):
        raise Rejected("counts_differ", sku=line.sku, shipped=line.shipped_units, counted=accepted)
    return ConfirmedLine(
        sku=line.sku,
        accepted_units=accepted,
        held_units=count.held_units,
        difference=count.difference,
        difference_units=differs,
        other_sku=count.other_sku if replaced else None,
        other_units=count.other_units if replaced else 0,
        reason=count.reason.strip()[:500],
    )


def _check(line: ShippedLine, holds: bool, counted: int) -> None:  # noqa: FBT001 - a condition, not a mode
    if not holds:
        raise Rejected("counts_differ", sku=line.sku, shipped=line.shipped_units, counted=counted)
