"""A sample town made from a seed: shops, goods, licences, what there is and what each shop wants.

No person has a name here. The same seed gives the same town to the byte. What the distributor must know
comes as CSV files in the importer's own columns; what the shops want stays here, with the shops.
"""

import csv
import io
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

BRANDS = (
    ("云岭", "Yunling"),
    ("春城", "Spring City"),
    ("滇池", "Lakeside"),
    ("石林", "Stone Forest"),
    ("金沙", "Gold Sand"),
    ("玉带", "Jade Ribbon"),
    ("红河", "Red River"),
    ("雪山", "Snow Peak"),
)
CLASSIC, SLIM, RESERVE = "经典 · Classic", "细支 · Slim", "典藏 · Reserve"
KINDS = (  # name, class, price of one unit in minor units, units in a pack, how much a shop wants of it beside others
    ("硬金", "Gold", CLASSIC, 23_000, 10, 8),
    ("软蓝", "Blue", CLASSIC, 10_500, 10, 14),
    ("细支", "Slim", SLIM, 16_000, 5, 9),
    ("红", "Red", CLASSIC, 7_000, 10, 18),
    ("典藏", "Reserve", RESERVE, 48_000, 1, 3),
)
STREETS = (
    ("永安街", "Yong'an St"),
    ("河滨路", "Riverside Rd"),
    ("站前路", "Station Rd"),
    ("东门", "East Gate"),
    ("南市", "South Market"),
    ("北苑", "North Court"),
    ("西坝", "West Weir"),
    ("柳林村", "Willow Village"),
    ("石桥村", "Stonebridge"),
    ("学府路", "College Rd"),
    ("工业园", "Works Park"),
    ("古镇", "Old Town"),
)
ROUTES = ("north", "south", "east", "west")
REGIONS = {"north": "uptown", "south": "uptown", "east": "riverside", "west": "riverside"}
MARKETS = ("town", "village", "station")
MIDDLE = (25.04, 102.71)
"""Latitude and longitude of the bridge, from which the streets run out."""
KM_IN_DEGREE = 111.32
FIRST_KM, BETWEEN_KM, VILLAGE_KM = 0.6, 0.35, 6.0
"""From the bridge to a street's first shop, from shop to shop, and how much farther out a village is."""
TIERS = 30
CLASSES = ("general", "reserve")
RESERVE_LICENCE_SHARE = 0.85
SCARCE_SHARE = (0.35, 0.7)  # of what is wanted
PACKS_IN_CASE = 5
LAPSING_ONE_IN = 20
LAPSING_FIRST_DAYS, LAPSING_EACH_DAYS = 12, 7


@dataclass(frozen=True)
class Sku:
    """One thing to order."""

    sku: str
    name_zh: str
    name_en: str
    category: str
    pack_units: int
    price_minor: int
    licence_class: str
    appeal: int
    scarce: bool
    minimum_grant_units: int


@dataclass(frozen=True)
class Shop:
    """One retailer, and what it wants in units by SKU; of the tiers, 1 is that of the largest."""

    code: str
    name: str
    route: str
    market: str
    tier: int
    weight: int
    credit_minor: int
    licensed: frozenset[str]
    wants: Mapping[str, int]
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Town:
    """Everything made from one seed."""

    seed: int
    skus: tuple[Sku, ...]
    shops: tuple[Shop, ...]
    supply: Mapping[str, int]


def make(seed: int, *, shops: int = 120, skus: int = 40, scarce: int = 8) -> Town:
    """Return the town of ``seed``."""
    rng = random.Random(seed)  # noqa: S311 - a play, not a secret
    goods = _goods(rng, skus, scarce)
    people = tuple(_shop(rng, number, goods) for number in range(shops))
    wanted = {good.sku: sum(shop.wants.get(good.sku, 0) for shop in people) for good in goods}
    return Town(seed, goods, people, {good.sku: _supply(rng, good, wanted[good.sku]) for good in goods})


def _goods(rng: random.Random, count: int, scarce: int) -> tuple[Sku, ...]:
    names = [(brand, kind) for kind in KINDS for brand in BRANDS][:count]
    rare = set(rng.sample(range(len(names)), scarce))
    rare.add(len(names) - 1)
    rare = set(sorted(rare)[-scarce:])
    last_scarce = max(rare)
    return tuple(
        Sku(
            sku=f"{1001 + number}",
            name_zh=f"{brand_zh}（{kind_zh}）",
            name_en=f"{brand_en} {kind_en}",
            category=category,
            pack_units=pack,
            price_minor=price + 500 * rng.randrange(-3, 4),
            licence_class="reserve" if kind_en == "Reserve" else "general",
            appeal=appeal,
            scarce=number in rare,
            minimum_grant_units=6 if number == last_scarce else 0,
        )
        for number, ((brand_zh, brand_en), (kind_zh, kind_en, category, price, pack, appeal)) in enumerate(names)
    )


def _shop(rng: random.Random, number: int, goods: Sequence[Sku]) -> Shop:
    street_zh, street_en = STREETS[number % len(STREETS)]
    house = 2 + number // len(STREETS) * 6 + rng.randrange(5)
    size = min(TIERS, max(1, round(rng.triangular(1, TIERS, 9))))
    route = ROUTES[number % len(ROUTES)]
    licensed = frozenset(CLASSES if rng.random() < RESERVE_LICENCE_SHARE else CLASSES[:1])
    wants: dict[str, int] = {}
    for good in goods:
        if good.licence_class not in licensed or rng.random() > (0.9 if good.scarce else 0.35):
            continue
        units = max(1, round(good.appeal * (0.4 + size / 12) * rng.uniform(0.5, 1.6)))
        wants[good.sku] = max(1, round(units / good.pack_units)) * good.pack_units
    latitude, longitude = _place(number)
    return Shop(
        code=f"{number + 1:05d}",
        name=f"{street_zh}{house}号 · {street_en} {house}",
        route=route,
        market=MARKETS[rng.randrange(len(MARKETS))],
        tier=TIERS + 1 - size,
        weight=4 + size,
        credit_minor=20_000_000 + size * 2_000_000,
        licensed=licensed,
        wants=wants,
        latitude=latitude,
        longitude=longitude,
    )


def _place(number: int) -> tuple[float, float]:
    """Return where a shop stands, in degrees: the streets run out from the bridge in as many directions."""
    street, along = number % len(STREETS), number // len(STREETS)
    away_km = FIRST_KM + BETWEEN_KM * along + (VILLAGE_KM if STREETS[street][0].endswith("村") else 0.0)
    angle = 2 * math.pi * street / len(STREETS)
    latitude = MIDDLE[0] + away_km * math.cos(angle) / KM_IN_DEGREE
    longitude = MIDDLE[1] + away_km * math.sin(angle) / (KM_IN_DEGREE * math.cos(math.radians(MIDDLE[0])))
    return round(latitude, 5), round(longitude, 5)


def _supply(rng: random.Random, good: Sku, wanted: int) -> int:
    share = rng.uniform(*SCARCE_SHARE) if good.scarce else rng.uniform(1.4, 1.9)
    packs = max(1, round(wanted * share / good.pack_units))
    return packs * good.pack_units


def skus_csv(town: Town) -> bytes:
    """Return the goods as a file for the importer, in its own columns."""
    head = ("sku", "name_zh", "name_en", "unit_zh", "unit_en", "category", "pack_units", "price_minor", "licence_class")
    return csv_of(
        (*head, "barcodes", "case_barcodes"),
        [
            (
                *(g.sku, g.name_zh, g.name_en, "条", "carton", g.category, g.pack_units, g.price_minor),
                *(g.licence_class, barcode(number), f"{case_barcode(number)}={g.pack_units * PACKS_IN_CASE}"),
            )
            for number, g in enumerate(town.skus, start=1)
        ],
    )


def barcode(number: int) -> str:
    """Return the EAN-13 of a thing by its place, in GS1's range 200 to 299, which is for use inside a company."""
    return _with_check_digit(f"200{number:09d}")


def case_barcode(number: int) -> str:
    """Return the GTIN-14 of its case: indicator 1 before the EAN-13 without its check digit."""
    return _with_check_digit(f"1200{number:09d}")


def _with_check_digit(digits: str) -> str:
    """Add GS1's check digit: weights 3 and 1 from the right."""
    total = sum(int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(digits)))
    return f"{digits}{-total % 10}"


def retailers_csv(town: Town) -> bytes:
    """Return the shops as a file for the importer."""
    head = ("code", "name", "city", "region", "route", "market_type", "tier", "weight", "credit_minor")
    return csv_of(
        (*head, "latitude", "longitude"),
        [
            (
                *(s.code, s.name, "Riverton", REGIONS[s.route], s.route, s.market, s.tier, s.weight, s.credit_minor),
                *(s.latitude, s.longitude),
            )
            for s in town.shops
        ],
    )


def licences_csv(town: Town, *, today: date) -> bytes:
    """Return the licences as a file for the importer; those of one shop in twenty run out within the next weeks."""
    head = ("retailer", "licence_class", "number", "valid_from", "valid_until")
    first, last = today.replace(month=1, day=1), date(today.year + 1, 12, 31)
    soon = {
        shop.code: today + timedelta(days=LAPSING_FIRST_DAYS + LAPSING_EACH_DAYS * place)
        for place, shop in enumerate(town.shops[::LAPSING_ONE_IN])
    }
    return csv_of(
        head,
        [
            (
                shop.code,
                name,
                f"{name[:1].upper()}-{shop.code}",
                first.isoformat(),
                soon.get(shop.code, last).isoformat(),
            )
            for shop in town.shops
            for name in sorted(shop.licensed)
        ],
    )


def csv_of(head: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    """Return rows under their headings as the importer reads them."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([head, *rows])
    return out.getvalue().encode()
