"""What a play starts from: lists for the importer, what each shop wants, what there is."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from firmware_sim import town, town_past

SAMPLE_SEED = 20261125
QUOTA_PERCENT = 40
LATE_ONE_IN = 15
LATE_PERCENT = 60


@dataclass(frozen=True)
class List:
    """One file for the importer; ``mapping`` is TOML, empty where the headings are our own fields."""

    kind: str
    name: str
    content: bytes
    mapping: str = ""


@dataclass(frozen=True)
class Rows:
    """The lines of a ledger: read, and what became of them."""

    read: int
    taken: int
    refused: int


@dataclass(frozen=True)
class Setting:
    """A play's beginning.

    ``wants`` is units by SKU by shop; ``supply`` the rows of the supply; ``silent`` shops never order;
    ``real_terminals`` of the others run the whole terminal, the rest speak the wire from one process. ``policy`` is
    the text of the policy that the cycle goes by; the lists of ``later`` come in once all shops have ordered.
    ``next_zh`` and ``next_en`` name the cycle in which whoever looks around can order.
    """

    name_zh: str
    name_en: str
    next_zh: str
    next_en: str
    lists: tuple[List, ...]
    wants: Mapping[str, Mapping[str, int]]
    silent: frozenset[str]
    supply: tuple[Mapping[str, str | int | bool], ...]
    real_terminals: int
    window_s: float
    policy: str
    later: tuple[List, ...] = ()
    rows: Rows | None = None


def sample(seed: int, *, today: date) -> Setting:
    """Return the sample town of ``seed``."""
    made = town.make(seed)
    silent = frozenset(shop.code for shop in made.shops[-9:])
    week, following = today.isocalendar().week, (today + timedelta(days=7)).isocalendar().week
    return Setting(
        name_zh=f"第{week}周",
        name_en=f"Week {week}",
        next_zh=f"第{following}周",
        next_en=f"Week {following}",
        lists=(
            List("skus", "skus.csv", town.skus_csv(made)),
            List("retailers", "retailers.csv", town.retailers_csv(made)),
            List("licences", "licences.csv", town.licences_csv(made, today=today)),
            List("history", "history.csv", town_past.history_csv(made, today=today)),
            *(List(kind, f"{kind}.csv", rows) for kind, rows in town_past.facts_csv(made, today=today).items()),
        ),
        wants={shop.code: shop.wants for shop in made.shops},
        silent=silent,
        supply=tuple(
            {
                "sku": good.sku,
                "supply_units": made.supply[good.sku],
                "minimum_units": good.minimum_grant_units,
                "scarce": good.scarce,
            }
            for good in made.skus
        ),
        real_terminals=72,
        window_s=3.0,
        policy=_policy(made),
        later=(List("retailers", "paid-late.csv", town.retailers_csv(_paid_late(made, silent))),),
    )


def _policy(made: town.Town) -> str:
    """Return limits that meet: credit, a region's quota on a scarce SKU, a line that is all or nothing, a basket."""
    scarce = [good for good in made.skus if good.scarce]
    plain = max((good for good in scarce if good.licence_class == "general"), key=lambda good: made.supply[good.sku])
    quota = made.supply[plain.sku] * QUOTA_PERCENT // 100 // plain.pack_units * plain.pack_units
    single = [good.sku for good in scarce if good.pack_units == 1 and not good.minimum_grant_units]
    whole = next(shop.code for shop in made.shops if shop.wants.get(scarce[0].sku))
    lines = [
        'fairness = "line"',
        'rule = "max_min"',
        'rounding = "webster"',
        "credit = true",
        f'quotas = [{{group = "region", value = "{town.REGIONS["east"]}", sku = "{plain.sku}", max_units = {quota}}}]',
        f'all_or_nothing = [{{retailer = "{whole}", sku = "{scarce[0].sku}"}}]',
        "baskets = [",
        *(f'  {{basket = "reserve", sku = "{sku}"}},' for sku in single),
        "]",
    ]
    return "\n".join(lines) + "\n"


def _paid_late(made: town.Town, silent: frozenset[str]) -> town.Town:
    """Return the shops whose credit is cut after they have ordered, each to a part of what it asked for."""
    price = {good.sku: good.price_minor for good in made.skus}
    late = [shop for shop in made.shops if shop.code not in silent and shop.wants][::LATE_ONE_IN]
    return replace(
        made,
        shops=tuple(
            replace(
                shop,
                credit_minor=sum(price[sku] * units for sku, units in shop.wants.items()) * LATE_PERCENT // 100,
            )
            for shop in late
        ),
    )
