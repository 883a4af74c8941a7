"""The sample town's past follows from its seed, and its shops differ in it."""

import csv
import io
from collections import Counter
from datetime import date

from firmware_sim import town, town_past


def rows_of(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def test_history_says_what_each_shop_sold_by_class_until_the_month_before() -> None:
    made = town.make(7, shops=45)
    content = town_past.history_csv(made, today=date(2027, 1, 31))
    assert content == town_past.history_csv(town.make(7, shops=45), today=date(2027, 1, 1))
    rows = rows_of(content)
    classes = {good.sku: good.category for good in made.skus}
    for shop in made.shops:
        own = [row for row in rows if row["retailer"] == shop.code]
        assert {row["product_class"] for row in own} == {classes[sku] for sku in shop.wants}
        assert max(row["period"] for row in own) == "2026-12-01"
    months = Counter(row["retailer"] for row in rows if row["product_class"] == town.CLASSIC)
    assert set(months.values()) == {town_past.HISTORY_MONTHS, town_past.NEW_SHOP_MONTHS}
    assert any(row["out_days"] != "0" for row in rows)


def test_a_shop_that_wants_more_has_sold_more_and_stands_in_a_better_tier() -> None:
    made = town.make(7, shops=400)
    sold: Counter[str] = Counter()
    for row in rows_of(town_past.history_csv(made, today=date(2027, 1, 31))):
        if row["period"] >= "2026-08-01":  # months that the new shops have too
            sold[row["retailer"]] += int(row["sold_units"])
    best = [sold[shop.code] for shop in made.shops if shop.tier <= 10]
    worst = [sold[shop.code] for shop in made.shops if shop.tier > 20]
    assert sum(best) / len(best) > 1.5 * sum(worst) / len(worst)


def test_facts_say_a_whole_and_a_part_of_it_for_each_shop_and_month_that_is_over() -> None:
    made = town.make(7, shops=30)
    facts = town_past.facts_csv(made, today=date(2027, 1, 31))
    assert facts == town_past.facts_csv(town.make(7, shops=30), today=date(2027, 1, 2))
    for kind, (whole, part) in town_past.FACTS.items():
        rows = rows_of(facts[kind])
        assert len({(row["retailer"], row["period"]) for row in rows}) == len(rows) == 30 * town_past.FACTS_MONTHS
        assert max(row["period"] for row in rows) == "2026-12-01"
        assert all(0 <= int(row[part]) <= int(row[whole]) for row in rows)
        shares = {row["retailer"]: int(row[part]) / int(row[whole]) for row in rows}
        assert len(set(shares.values())) > 1
