"""A real week of a liquor wholesaler's ledger as a play: every store orders what it bought that week.

The lists of stores and products are of a later day: a store that had become inactive by then counts as
licensed in that week, and what the lists do not know is taken from the ledger itself and reported. What a store sold
before is what it bought in the ledger's whole months before the week, of the classes that sell most. The week is played
today: each of these months stands as long before today's as it was before the week's.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

from evenhand.demo.setting import List, Rows, Setting

CUT_PERCENT = 60
QUOTA_PERCENT = 75
MOST_REQUESTED = 100
CLASSES = 10
ALLOCATED_MARK = "HA "

PRODUCTS_MAPPING = """
[fields]
sku = "Item Number"
name_zh = { column = "Item Description", strip = true, lost = "?" }
name_en = { column = "Item Description", strip = true, lost = "?" }
unit_zh = { constant = "瓶" }
unit_en = { constant = "bottle" }
category = { column = "Category Name", strip = true, default = "" }
pack_units = { constant = "1" }
price_minor = { column = "State Bottle Retail", multiply = 100 }
licence_class = { constant = "spirits" }
"""

STORES_MAPPING = """
[fields]
code = "Store"
name = { column = "Name", strip = true, lost = "?" }
address = { column = "Address", strip = true, default = "" }
city = { column = "City", strip = true, default = "" }
region = { column = "City", strip = true, default = "" }
standing = { column = "Store Status", values = { A = "good", I = "good" } }
"""


class LedgerError(ValueError):
    """The ledger cannot be read; the message says which file and what to do."""


@dataclass(frozen=True)
class Line:
    """One line of the ledger."""

    store: str
    item: str
    bottles: int
    sale: Decimal


def setting(folder: Path, week: date, *, today: date) -> Setting:
    """Return the play of the week that begins on ``week``, as if it were today's.

    Raises
    ------
    LedgerError
        Where a file is missing or the week holds no line.
    """
    lines, rows = _week(folder, week)
    wants: dict[str, dict[str, int]] = {}
    for line in lines:
        shop = wants.setdefault(line.store, {})
        shop[line.item] = shop.get(line.item, 0) + line.bottles
    asked: Counter[str] = Counter()
    for shop in wants.values():
        asked.update(shop)
    products, stores = _read(folder, "products_2022-11-01.csv"), _read(folder, "stores_2022-11-01.csv")
    descriptions = {row["Item Number"]: row["Item Description"] for row in _rows(products)}
    known_stores = {row["Store"] for row in _rows(stores)}
    unknown_items = sorted(set(asked) - descriptions.keys())
    unknown_stores = sorted(wants.keys() - known_stores)
    scarce = {item for item in asked if descriptions.get(item, "").startswith(ALLOCATED_MARK)}
    scarce |= {item for item, _ in sorted(asked.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_REQUESTED]}
    following = week + timedelta(days=7)
    return Setting(
        name_zh=f"{week.isoformat()} 当周",
        name_en=f"Week of {week.isoformat()}",
        next_zh=f"{following.isoformat()} 当周",
        next_en=f"Week of {following.isoformat()}",
        lists=(
            List("skus", "products_2022-11-01.csv", products, PRODUCTS_MAPPING),
            List("skus", "products_of_the_ledger.csv", _items_of_the_ledger(unknown_items, lines)),
            List("retailers", "stores_2022-11-01.csv", stores, STORES_MAPPING),
            List("retailers", "stores_of_the_ledger.csv", _stores_of_the_ledger(unknown_stores)),
            List("licences", "licences.csv", _licences(sorted(wants))),
            *_history(folder, week, products, wants.keys(), today),
        ),
        wants=wants,
        silent=frozenset(),
        supply=tuple(_supply(asked, scarce)),
        real_terminals=60,
        window_s=12.0,
        policy=_policy(stores, wants),
        rows=rows,
    )


def _policy(stores: bytes, wants: Mapping[str, Mapping[str, int]]) -> str:
    """Return limits that meet: each store's credit, and of all goods together what the city that asks most may get."""
    city_of = {row["Store"]: row["City"].strip() for row in _rows(stores)}
    asked: Counter[str] = Counter()
    for store, shop in wants.items():
        asked[city_of.get(store, "")] += sum(shop.values())
    del asked[""]
    city, bottles = min(asked.items(), key=lambda pair: (-pair[1], pair[0]))
    quota = bottles * QUOTA_PERCENT // 100
    return (
        'fairness = "line"\nrule = "max_min"\nrounding = "webster"\ncredit = true\n'
        f'quotas = [{{group = "region", value = {json.dumps(city)}, sku = "*", max_units = {quota}}}]\n'
    )


def _week(folder: Path, week: date) -> tuple[list[Line], Rows]:
    """Return the week's lines that order something, and the account of all of them."""
    import pyarrow.dataset as ds

    path = _ledger(folder)
    span = (ds.field("date") >= week) & (ds.field("date") < week + timedelta(days=7))
    table = ds.dataset(path).to_table(columns=["store", "item", "bottles", "sale"], filter=span)
    if table.num_rows == 0:
        raise LedgerError(f"{path.name} holds no line from {week} to {week + timedelta(days=6)}; choose another week")
    taken = [
        Line(str(row["store"]), str(row["item"]), row["bottles"], row["sale"])
        for row in table.to_pylist()
        if row["bottles"] > 0
    ]
    return taken, Rows(table.num_rows, len(taken), table.num_rows - len(taken))


def _history(folder: Path, week: date, products: bytes, stores: Container[str], today: date) -> Iterator[List]:
    """Yield what the stores bought by class in the ledger's whole months before the week, where there are any."""
    import pyarrow.dataset as ds

    before = ds.field("date") < week.replace(day=1)
    table = ds.dataset(_ledger(folder)).to_table(columns=["date", "store", "item", "bottles"], filter=before)
    if table.num_rows == 0:
        return
    class_of = {row["Item Number"]: row["Category Name"].strip() for row in _rows(products)}
    bought: Counter[tuple[str, str, date]] = Counter()
    days, *lines = (table[name].to_pylist() for name in ("date", "store", "item", "bottles"))
    begun = min(days)
    for day, store, item, bottles in zip(days, *lines, strict=True):
        month = day.replace(day=1)
        if bottles > 0 and str(store) in stores and month >= begun:
            bought[str(store), class_of.get(str(item), ""), month] += bottles
    sold: Counter[str] = Counter()
    for (_, name, _), bottles in bought.items():
        sold[name] += bottles
    most = {name for name, _ in sorted(sold.items(), key=lambda pair: (-pair[1], pair[0]))[:CLASSES]}
    head = ("retailer", "product_class", "period", "sold_units", "source")
    rows = [
        (store, name, _as_long_before(month, week, today).isoformat(), bottles, "ledger")
        for (store, name, month), bottles in sorted(bought.items())
        if name in most
    ]
    yield List("history", "bought_before.csv", _csv(head, rows))


def _as_long_before(month: date, week: date, today: date) -> date:
    """Return the month that is as many months before today's as a month is before the week's."""
    months = today.year * 12 + today.month - (week.year * 12 + week.month) + month.year * 12 + month.month - 1
    return date(months // 12, months % 12 + 1, 1)


def _ledger(folder: Path) -> Path:
    found = sorted(folder.glob("order_lines_*.parquet"))
    if not found:
        raise LedgerError(f"{folder} holds no order_lines_*.parquet; name the folder of the data")
    return found[0]


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        raise LedgerError(f"{folder / name} cannot be read: {error.strerror}") from None


def _rows(content: bytes) -> Iterable[Mapping[str, str]]:
    return csv.DictReader(io.StringIO(content.decode("utf-8", "replace"), newline=""))


def _items_of_the_ledger(items: Sequence[str], lines: Iterable[Line]) -> bytes:
    """Return the items that the list of products does not know, at the price that the ledger shows."""
    paid: dict[str, tuple[Decimal, int]] = {}
    for line in lines:
        sale, bottles = paid.get(line.item, (Decimal(0), 0))
        paid[line.item] = (sale + line.sale, bottles + line.bottles)
    head = ("sku", "name_zh", "name_en", "unit_zh", "unit_en", "pack_units", "price_minor", "licence_class")
    rows = []
    for item in items:
        sale, bottles = paid[item]
        price_minor = int((sale * 100 / bottles).quantize(Decimal(1), ROUND_HALF_EVEN))
        rows.append((item, f"商品 {item}", f"Item {item}", "瓶", "bottle", 1, price_minor, "spirits"))
    return _csv(head, rows)


def _stores_of_the_ledger(stores: Sequence[str]) -> bytes:
    return _csv(("code", "name", "region"), [(store, f"Store {store}", "not listed") for store in stores])


def _licences(stores: Sequence[str]) -> bytes:
    head = ("retailer", "licence_class", "number", "valid_from", "valid_until")
    return _csv(head, [(store, "spirits", f"LE-{store}", "2020-01-01", "2099-12-31") for store in stores])


def _supply(asked: Mapping[str, int], scarce: set[str]) -> Iterable[Mapping[str, str | int | bool]]:
    for item, bottles in sorted(asked.items()):
        cut = item in scarce
        units = bottles * CUT_PERCENT // 100 if cut else bottles * 2
        yield {"sku": item, "supply_units": units, "scarce": cut}


def _csv(head: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows([head, *rows])
    return out.getvalue().encode()
