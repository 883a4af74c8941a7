"""What the shops of the sample town did in the months before: what they sold, paid, kept and let be looked at.

The same seed gives the same past to the byte, up to the month before a day's. Each shop has its own ways by its own
draw, so that shops differ in what scores are made of; nothing here is a score.
"""

import random
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, timedelta

from firmware_sim.town import Shop, Town, csv_of

HISTORY_MONTHS = 24
NEW_SHOP_ONE_IN, NEW_SHOP_MONTHS = 15, 5
CYCLES_A_MONTH = 4
SEASON = (1.28, 1.16, 0.94, 0.92, 0.96, 0.93, 0.9, 0.95, 1.04, 1.08, 0.9, 0.94)  # by month, January first
FACTS_MONTHS = 6
POINTS_POSSIBLE = 100
FACTS = {  # kind of list: its whole and the good part of it
    "payments": ("due_minor", "paid_minor"),
    "inspections": ("inspections", "passed"),
    "service": ("points_possible", "points"),
    "assortment": ("skus_offered", "skus_sold"),
}


def history_csv(town: Town, *, today: date) -> bytes:
    """Return what each shop sold by class in the months before today's, as a file for the importer.

    A shop sells about what it wants, more or less of it by its own draw, with the season of the year, growing or
    shrinking; the more of a class is scarce, the more days its shelf was empty, and so much less was sold. Some shops
    are new.
    """
    rng = random.Random(f"{town.seed} history")  # noqa: S311 - a play, not a secret
    periods = _months_before(today, HISTORY_MONTHS)
    rows = []
    for number, shop in enumerate(town.shops):
        known = periods[-NEW_SHOP_MONTHS:] if number % NEW_SHOP_ONE_IN == NEW_SHOP_ONE_IN - 1 else periods
        skill, growth = rng.lognormvariate(0, 0.3), rng.gauss(1, 0.01)
        for category, (wanted, scarce_share) in _wanted_by_class(town, shop).items():
            for age, period in enumerate(reversed(known)):
                season = SEASON[period.month - 1] * rng.gauss(1, 0.07)
                demand = wanted * CYCLES_A_MONTH * skill * growth**-age * season
                days = monthrange(period.year, period.month)[1]
                out_days = rng.randint(1, 9) if rng.random() < 0.5 * scarce_share else 0
                sold = max(0, round(demand * (days - out_days) / days))
                rows.append((shop.code, category, period.isoformat(), sold, out_days))
    return csv_of(("retailer", "product_class", "period", "sold_units", "out_days"), rows)


def facts_csv(town: Town, *, today: date) -> Mapping[str, bytes]:
    """Return what is known of each shop's last months beside its sales, as files for the importer by kind of list."""
    rng = random.Random(f"{town.seed} facts")  # noqa: S311 - a play, not a secret
    price = {good.sku: good.price_minor for good in town.skus}
    rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in FACTS}
    for shop in town.shops:
        pays, keeps, serves, sells = (1 - rng.betavariate(1.2, hardly) for hardly in (12, 10, 5, 6))
        due_minor = sum(price[sku] * units for sku, units in shop.wants.items()) * CYCLES_A_MONTH
        offered = sum(1 for good in town.skus if good.licence_class in shop.licensed)
        for period in _months_before(today, FACTS_MONTHS):
            month = (shop.code, period.isoformat())
            rows["payments"].append((*month, due_minor, round(due_minor * min(1.0, pays * rng.uniform(0.97, 1.03)))))
            rows["inspections"].append((*month, 2, sum(rng.random() < keeps for _ in range(2))))
            rows["service"].append((*month, POINTS_POSSIBLE, round(POINTS_POSSIBLE * serves * rng.uniform(0.9, 1))))
            rows["assortment"].append((*month, offered, round(offered * sells * rng.uniform(0.9, 1))))
    return {name: csv_of(("retailer", "period", *columns), rows[name]) for name, columns in FACTS.items()}


def _wanted_by_class(town: Town, shop: Shop) -> dict[str, tuple[int, float]]:
    """Return the units that a shop wants of each class, and which part of them is of scarce goods."""
    found: dict[str, tuple[int, int]] = {}
    for good in town.skus:
        units = shop.wants.get(good.sku, 0)
        if units:
            wanted, scarce = found.get(good.category, (0, 0))
            found[good.category] = wanted + units, scarce + units * good.scarce
    return {category: (wanted, scarce / wanted) for category, (wanted, scarce) in found.items()}


def _months_before(day: date, count: int) -> list[date]:
    """Return the first days of the months before a day's, in order."""
    found = [day.replace(day=1)]
    while len(found) <= count:
        found.append((found[-1] - timedelta(days=1)).replace(day=1))
    return found[:0:-1]
