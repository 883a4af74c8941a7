"""Problem folders built from the real ledgers beside the checkout: a wholesaler's week, weeks of vaccine in trays."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.parquet as pq

DATA = Path(__file__).parents[3] / "shared" / "data"
PANEL = DATA / "iowa" / "panel_40_stores_2012_2020.parquet"
LEDGER = DATA / "iowa" / "order_lines_2020-11_2021-01.parquet"
VACCINE = {"pfizer": (975, 1170), "moderna": (100,)}
"""Doses in a tray of each maker: Pfizer's vials held five doses and later six."""


def write_table(path: Path, heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(heading)
        writer.writerows(rows)


def write_policy(path: Path, **keys: str) -> Path:
    path.write_text("".join(f'{key} = "{value}"\n' for key, value in keys.items()))
    return path


def iowa_week(folder: Path, *, items: int = 40, percent: int = 60) -> Path:
    """Write the week of 7 December 2020: its most requested items in cases, credit and city quotas that bind.

    Supply is a part of what was bought, a store's credit nine tenths of its order and at least 200 dollars, the quota
    of each of the five largest cities half of what its stores ask for; weights and tiers come from the month before,
    and the requests arrive as they stand in the ledger.
    """
    bought, before, price, city = _ledger(), _bought_before(), _prices(), _cities()
    asked: Counter[int] = Counter()
    for (_, item), bottles in bought.items():
        asked[item] += bottles
    scarce = {item for item, _ in sorted(asked.items(), key=lambda pair: (-pair[1], pair[0]))[:items] if item in price}
    lines = {pair: bottles for pair, bottles in bought.items() if pair[1] in scarce}
    stores = sorted({store for store, _ in lines})
    of_store, of_city = Counter[int](), Counter[str]()
    for (store, item), bottles in lines.items():
        of_store[store] += bottles * price[item]
        of_city[city.get(store, "")] += bottles
    ranked = sorted(stores, key=lambda store: (-before.get(store, 0), store))
    tier = {store: 1 + 10 * place // len(ranked) for place, store in enumerate(ranked)}
    folder.mkdir()
    write_table(
        folder / "requests.csv", ("retailer", "sku", "requested"), ((*pair, bottles) for pair, bottles in lines.items())
    )
    write_table(
        folder / "supply.csv",
        ("sku", "supply", "price_minor"),
        ((item, asked[item] * percent // 100, price[item]) for item in sorted(scarce)),
    )
    write_table(
        folder / "retailers.csv",
        ("retailer", "weight", "credit_minor", "group:tier", "group:city"),
        (
            (
                store,
                10 + before.get(store, 0) // 10,
                max(20_000, of_store[store] * 9 // 10),
                tier[store],
                city.get(store, ""),
            )
            for store in stores
        ),
    )
    del of_city[""]
    write_table(
        folder / "quotas.csv",
        ("group", "value", "sku", "max_units"),
        (("city", name, "*", bottles // 2) for name, bottles in of_city.most_common(5)),
    )
    return folder


def vaccine_week(folder: Path, maker: str, week: str, *, percent: int) -> Path:
    """Write a week (MM/DD/YYYY) of one maker's first doses: each jurisdiction asks for what it got, and less is there.

    Doses come in whole trays, and a jurisdiction weighs what it got in all weeks.
    """
    rows = _allocations(maker)
    asked = {place: doses for (place, day), doses in rows.items() if day == week and doses}
    weight: Counter[str] = Counter()
    for (place, _), doses in rows.items():
        weight[place] += doses
    folder.mkdir()
    write_table(
        folder / "requests.csv",
        ("retailer", "sku", "requested", "weight"),
        ((place, maker, doses, weight[place]) for place, doses in asked.items()),
    )
    supply, tray = sum(asked.values()) * percent // 100, vaccine_weeks(maker)[week]
    write_table(folder / "supply.csv", ("sku", "supply", "pack"), [(maker, supply, tray)])
    return folder


def vaccine_weeks(maker: str) -> dict[str, int]:
    """Return the weeks in which every jurisdiction got whole trays of one size, and how many doses a tray held."""
    weeks: defaultdict[str, list[int]] = defaultdict(list)
    for (_, day), doses in _allocations(maker).items():
        weeks[day] += [doses] if doses else []
    return {
        day: tray
        for day, amounts in weeks.items()
        for tray in VACCINE[maker]
        if amounts and not any(doses % tray for doses in amounts)
    }


def _allocations(maker: str) -> dict[tuple[str, str], int]:
    path = DATA / "vaccine" / f"cdc_allocations_{maker}.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {
            (row["Jurisdiction"].strip(), row["Week of Allocations"]): int(row["1st Dose Allocations"].replace(",", ""))
            for row in csv.DictReader(file)
        }


def _ledger() -> Mapping[tuple[int, int], int]:
    span = (ds.field("date") >= date(2020, 12, 7)) & (ds.field("date") < date(2020, 12, 14)) & (ds.field("bottles") > 0)
    table = ds.dataset(LEDGER).to_table(columns=["store", "item", "bottles"], filter=span)
    lines: defaultdict[tuple[int, int], int] = defaultdict(int)
    for store, item, bottles in zip(*(table[name].to_pylist() for name in table.column_names), strict=True):
        lines[store, item] += bottles
    return lines


def _bought_before() -> Mapping[int, int]:
    table = pq.read_table(LEDGER, columns=["store", "bottles"], filters=[("date", "<", date(2020, 12, 7))])
    bought: Counter[int] = Counter()
    for store, bottles in zip(table["store"].to_pylist(), table["bottles"].to_pylist(), strict=True):
        bought[store] += max(bottles, 0)
    return bought


def _prices() -> Mapping[int, int]:
    with (DATA / "iowa" / "products_2022-11-01.csv").open(encoding="utf-8", errors="replace", newline="") as file:
        return {
            int(row["Item Number"]): round(100 * float(row["State Bottle Retail"]))
            for row in csv.DictReader(file)
            if row["Item Number"].isdigit() and row["State Bottle Retail"]
        }


def _cities() -> Mapping[int, str]:
    with (DATA / "iowa" / "stores_2022-11-01.csv").open(encoding="utf-8", errors="replace", newline="") as file:
        return {int(row["Store"]): row["City"].strip() for row in csv.DictReader(file)}
