"""Made-up order books in which it is known who is honest, for what the signals find and whom they name wrongly.

Honest shops differ in size, taste and steadiness; their figures have heavy tails (Student's t, 5 degrees); a season
and a growth move all of them, one in ten has a season of its own that comes back each year. Shops of a street have
some taste in common, one in three asks for scarce SKUs at the limit of its tier, and half of all order within the
first ten minutes.
"""

from datetime import UTC, datetime, timedelta

import numpy as np

from server.signals.looking import Book
from server.signals.surges import Past

SHOPS, SKUS, SCARCE = 500, 80, 15
CLOSED_AT = datetime(2026, 11, 30, 10, tzinfo=UTC)
WEEKS = [*range(1, 13), 51, 52, 53]


def honest_book(seed: int) -> Book:
    """Return the book of a week and the weeks before it."""
    random = np.random.default_rng(seed)
    popular = np.exp(random.normal(2.0, 0.8, SKUS))
    size = np.exp(random.normal(0.0, 0.6, SHOPS))
    unsteady = 0.15 * np.exp(random.normal(0.0, 0.4, SHOPS))
    season = {0: random.uniform(-0.4, 0.6), **{week: random.uniform(-0.4, 0.6) for week in WEEKS}}
    for week in (51, 52, 53):
        season[week] = season[0] - 0.1
    own_season = np.where(random.random(SHOPS) < 0.1, random.uniform(0.5, 1.5, SHOPS), 0.0)
    streets = random.integers(0, SHOPS // 6, SHOPS)
    street_taste = random.normal(0.0, 0.3, (SHOPS // 6, SKUS))
    at_limit, tier = random.random(SHOPS) < 1 / 3, random.integers(1, 4, SHOPS)
    baskets: dict[str, dict[str, int]] = {}
    history: dict[str, list[Past]] = {}
    placed: dict[str, datetime] = {}
    for row in range(SHOPS):
        shop = f"R{row:04}"
        taste = np.exp(random.normal(0.0, 0.4, SKUS) + street_taste[streets[row]])
        carried = np.flatnonzero(random.random(SKUS) < random.uniform(0.2, 0.6))
        usual = popular * taste * size[row]
        whole = float(usual[carried].sum())

        def total(week: int, whole: float = whole, row: int = row) -> float:
            swing = own_season[row] if week in {0, 51, 52, 53} else 0.0
            return whole * float(np.exp(season[week] + swing + unsteady[row] * random.standard_t(5)))

        drawn = random.poisson(usual[carried] * total(0) / whole) + 1
        basket = {f"S{sku:03}": int(units) for sku, units in zip(carried, drawn, strict=True)}
        if at_limit[row]:
            basket |= {f"S{sku:03}": int(10 * tier[row]) for sku in range(SCARCE)}
        shift = sum(basket.values()) / float(drawn.sum())
        history[shop] = [
            Past(CLOSED_AT - timedelta(weeks=week), max(1, round(total(week) * shift)))
            for week in sorted(WEEKS, reverse=True)
            if random.random() < 0.95
        ]
        baskets[shop] = basket
        early = random.random() < 0.5
        placed[shop] = CLOSED_AT - timedelta(days=1) + timedelta(seconds=random.uniform(0, 600 if early else 80_000))
    return Book(CLOSED_AT, baskets, placed, history)


def plant(book: Book, seed: int) -> tuple[Book, dict[str, set[str]]]:
    """Return the book with diverters in it (8 surges, 3 rings of 5, 3 leaders with 5 followers), and who they are."""
    random = np.random.default_rng(seed)
    baskets, placed, history = dict(book.baskets), dict(book.placed), dict(book.history)
    by_size = sorted(baskets, key=lambda shop: (-sum(baskets[shop].values()), shop))
    free = [str(shop) for shop in random.permutation(by_size[25:-60])]
    planted: dict[str, set[str]] = {"surge": set(), "twins": set(), "steering": set()}
    for _ in range(8):
        shop = free.pop()
        planted["surge"].add(shop)
        baskets[shop] = {sku: 4 * units for sku, units in baskets[shop].items()}
    for _ in range(3):
        model = next(shop for shop in free if len(baskets[shop]) >= 25)
        free.remove(model)
        ring = [model, *(free.pop() for _ in range(4))]
        planted["twins"].update(ring)
        for shop in ring[1:]:
            changed = dict(baskets[model])
            changed[str(random.choice(sorted(changed)))] += 1
            baskets[shop], history[shop] = changed, history[model]
    small = by_size[-60:]
    for leader in by_size[:3]:
        planted["steering"].add(leader)
        for number in range(5):
            shop = small.pop()
            planted["steering"].add(shop)
            baskets[shop] = {sku: max(1, round(units * 0.3)) for sku, units in baskets[leader].items()}
            history[shop] = [Past(past.closed_at, max(1, round(past.units * 0.3))) for past in history[leader]]
            placed[shop] = placed[leader] + timedelta(seconds=40 * (number + 1))
    return Book(book.closed_at, baskets, placed, history), planted
