"""What a play starts from: lists for the importer, what each shop wants, what there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from firmware_sim import town

SAMPLE_SEED = 20261125


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
    ``real_terminals`` of the others run the whole terminal, the rest speak the wire from one process.
    """

    name_zh: str
    name_en: str
    lists: tuple[List, ...]
    wants: Mapping[str, Mapping[str, int]]
    silent: frozenset[str]
    supply: tuple[Mapping[str, str | int | bool], ...]
    real_terminals: int
    window_s: float
    rows: Rows | None = None


def sample(seed: int, *, today: date) -> Setting:
    """Return the sample town of ``seed``."""
    made = town.make(seed)
    silent = frozenset(shop.code for shop in made.shops[-9:])
    week = today.isocalendar().week
    return Setting(
        name_zh=f"第{week}周",
        name_en=f"Week {week}",
        lists=(
            List("skus", "skus.csv", town.skus_csv(made)),
            List("retailers", "retailers.csv", town.retailers_csv(made)),
            List("licences", "licences.csv", town.licences_csv(made, today=today)),
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
        window_s=6.0,
    )
