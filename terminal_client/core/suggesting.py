"""How much of an item to order, and the one reason why. A pure rule of what this terminal knows.

The basis is what was ordered last, moved by what the shop's forecast says of the item's class (the figure agreed on,
else its own, else the computed one, beside the last month that came), less what stands in the shop; whole packs,
never above the limit. Where nothing was ordered before, nothing is suggested. It is an offer: only a tap takes it.
"""

from dataclasses import dataclass
from datetime import date

from contract.device_api import CatalogueItem
from contract.feed import ForecastClass
from terminal_client.core import order_rules

#: A forecast moves a suggestion by no more than this: one odd month shall not double an order.
LEAST_PERCENT, MOST_PERCENT = -50, 50


@dataclass(frozen=True)
class Known:
    """What is known of one item; ``percent`` is how much more (or less) the forecast says than what came last."""

    last_units: int
    granted_units: int | None = None
    on_hand_units: int | None = None
    percent: int | None = None


@dataclass(frozen=True)
class Suggestion:
    """How much, and what it rests on; ``capped`` where the limit held it back."""

    units: int
    known: Known
    capped: bool


def suggestion(item: CatalogueItem, known: Known) -> Suggestion | None:
    """Return what to order of ``item``, or none where nothing is known, or nothing is to be had or needed."""
    if not item.licensed or not known.last_units:
        return None
    wanted = known.last_units * (100 + (known.percent or 0)) - 100 * max(0, known.on_hand_units or 0)
    packs = -(-wanted // (100 * item.pack_units))
    if packs <= 0:
        return None
    units = max(packs * item.pack_units, order_rules.least_units(item))
    most = order_rules.most_units(item)
    allowed = units if most is None else min(units, most)
    if order_rules.problem_of(item, allowed) is not None or not allowed:
        return None
    return Suggestion(allowed, known, capped=allowed < units)


def percent_by_class(classes: list[ForecastClass], month: date) -> dict[str, int]:
    """Return by class how much more the forecast says for ``month`` than came in the last month that is over."""
    found = {}
    for one in classes:
        said = next((m for m in one.months if m.period == month), None)
        came = [past.came_units for past in sorted(one.past, key=lambda past: past.period) if past.came_units]
        if said is None or not came:
            continue
        figures = (said.agreed_units, said.own_units, said.mean_units)
        figure = next(units for units in figures if units is not None)
        percent = round(100 * (figure - came[-1]) / came[-1])
        found[one.product_class] = max(LEAST_PERCENT, min(MOST_PERCENT, percent))
    return found
