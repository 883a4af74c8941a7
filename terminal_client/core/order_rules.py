"""What may stand on an order line, said while it is typed. A kindness: the server decides.

Nothing is ever changed silently; what could be ordered instead is offered, to be tapped.
"""

from dataclasses import dataclass, field

from contract.device_api import CatalogueItem


@dataclass(frozen=True)
class Problem:
    """Why a quantity cannot stand: a code of the contract, its parameters, and what could stand instead."""

    code: str
    params: dict[str, str | int] = field(default_factory=dict)
    offers_units: tuple[int, ...] = ()


def least_units(item: CatalogueItem) -> int:
    """Return the smallest order: the minimum, rounded up to whole packs."""
    return max(item.pack_units, -(-item.minimum_units // item.pack_units) * item.pack_units)


def most_units(item: CatalogueItem) -> int | None:
    """Return the largest order: the limit, rounded down to whole packs; none where there is no limit."""
    return None if item.limit_units is None else item.limit_units // item.pack_units * item.pack_units


def offers_units(item: CatalogueItem, quantity_units: int) -> tuple[int, ...]:
    """Return the quantities next to ``quantity_units`` that can be ordered, smaller first."""
    least, most = least_units(item), most_units(item)
    if most is not None and most < least:
        return ()
    below = quantity_units // item.pack_units * item.pack_units
    above = -(-quantity_units // item.pack_units) * item.pack_units
    near = {max(least, below), max(least, above)}
    return tuple(sorted(near if most is None else {min(units, most) for units in near}))


def problem_of(item: CatalogueItem, quantity_units: int) -> Problem | None:
    """Return why ``quantity_units`` of ``item`` cannot stand, or none. Zero always can: the line goes."""
    if quantity_units == 0:
        return None
    offers = offers_units(item, quantity_units)
    shown: dict[str, str | int] = {
        "sku": item.sku,
        "quantity": quantity_units,
        "offers": ", ".join(map(str, offers)),
    }
    problem: Problem | None = None
    if not item.licensed:
        problem = Problem("not_licensed", {"sku": item.sku, "licence_class": item.licence_class or ""})
    elif not offers and item.limit_units is not None:
        limits = {"minimum": least_units(item), "limit": item.limit_units}
        problem = Problem("minimum_above_limit", {"sku": item.sku, **limits})
    elif item.limit_units is not None and quantity_units > item.limit_units:
        problem = Problem("above_limit", {**shown, "limit": item.limit_units}, offers)
    elif quantity_units < item.minimum_units:
        problem = Problem("below_minimum", {**shown, "minimum": item.minimum_units}, offers)
    elif quantity_units % item.pack_units:
        problem = Problem("not_whole_packs", {**shown, "pack_units": item.pack_units}, offers)
    return problem


def next_units(item: CatalogueItem, quantity_units: int, *, up: bool) -> int:
    """Return where the stepper goes from ``quantity_units``: one pack, never below the smallest order but to 0."""
    least, most = least_units(item), most_units(item)
    if up:
        above = (quantity_units // item.pack_units + 1) * item.pack_units
        wanted = max(least, above)
        return quantity_units if most is not None and wanted > most else wanted
    below = -(-quantity_units // item.pack_units) * item.pack_units - item.pack_units
    return below if below >= least else 0


def in_packs(quantity_units: int, pack_units: int) -> tuple[int, int]:
    """Return whole packs and the units over: 35 in packs of 12 are 2 and 11. Never a fraction."""
    sign = -1 if quantity_units < 0 else 1
    packs, units = divmod(abs(quantity_units), pack_units)
    return sign * packs, sign * units
