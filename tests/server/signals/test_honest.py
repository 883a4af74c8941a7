"""Whom the signals name wrongly, and whom they find, in made-up networks where it is known who is honest.

The methods were written with seeds below 1,000 and without looking at those from 1,001 on. What is stated in ADR 0047
and measured here, of 10,000 honest shops in 20 books: at most 1 in 500 is named for a surge (the aim is 1 in 1,000, and
of so few the count strays), and at most one book has a finding by comparing baskets.
"""

from collections import Counter

import numpy as np
import pytest
from order_networks import SHOPS, honest_book, plant

from server.signals import steering, surges, twins
from server.signals.looking import Book, findings

HELD_OUT = range(1001, 1021)
NAMED_MOST = 1 / 500
FOUND_LEAST = {"surge": 0.6, "twins": 0.95, "steering": 0.95}


def named_of(books: list[Book]) -> Counter[str]:
    return Counter(one.kind for book in books for one in findings(book))


@pytest.fixture(scope="module")
def honest() -> list[Book]:
    return [honest_book(seed) for seed in HELD_OUT]


@pytest.mark.slow
def test_at_most_one_honest_shop_in_500_is_named_a_cycle(honest):
    named = named_of(honest)
    assert named["surge"] <= NAMED_MOST * SHOPS * len(honest), named
    assert named["twins"] + named["steering"] <= 1, named


@pytest.mark.slow
def test_the_measurement_notices_methods_that_name_more(honest, monkeypatch):
    monkeypatch.setattr(surges, "ERROR_RATE", 0.01)
    monkeypatch.setattr(twins, "uncommon", lambda baskets: Counter(line for one in baskets.values() for line in one))
    monkeypatch.setattr(steering, "uncommon", lambda baskets: {line for one in baskets.values() for line in one})
    named = named_of(honest[:10])
    assert named["surge"] > NAMED_MOST * SHOPS * 10, named
    assert named["twins"] + named["steering"] > 1, named


@pytest.mark.slow
def test_of_planted_diverters_six_in_ten_surges_and_nearly_all_rings_are_found(honest):
    found, there = Counter[str](), Counter[str]()
    for seed, book in zip(HELD_OUT, honest, strict=True):
        planted, diverters = plant(book, seed)
        shops = [(one.kind, shop) for one in findings(planted) for shop in one.shops]
        found.update(kind for kind, shop in set(shops) if shop in diverters[kind])
        there.update({kind: len(some) for kind, some in diverters.items()})
    assert {kind: found[kind] / there[kind] >= least for kind, least in FOUND_LEAST.items()} == dict.fromkeys(
        FOUND_LEAST, True
    ), (found, there)


def test_the_same_book_gives_the_same_findings_in_any_order():
    book, _ = plant(honest_book(4), 4)
    turned = Book(book.closed_at, dict(reversed(book.baskets.items())), book.placed, book.history)
    assert findings(book)
    assert [(one.key, one.evidence) for one in findings(book)] == [(one.key, one.evidence) for one in findings(turned)]


def test_a_season_that_lifts_everybody_is_nobodys_surge():
    book = honest_book(5)
    asked = {shop: sum(lines.values()) for shop, lines in book.baskets.items()}
    before = surges.surges(asked, book.history, book.closed_at)
    lifted = {shop: units * 5 for shop, units in asked.items()}
    assert [one.shops for one in surges.surges(lifted, book.history, book.closed_at)] == [one.shops for one in before]


def test_a_shop_that_asked_for_as_much_a_year_ago_is_left_in_peace():
    book = honest_book(6)
    asked = {shop: sum(lines.values()) for shop, lines in book.baskets.items()}
    shop = min(asked, key=lambda one: float(np.std([np.log(past.units) for past in book.history[one][-12:]])))
    asked[shop] = max(past.units for past in book.history[shop][-12:]) * 6
    assert shop in {one.shops[0] for one in surges.surges(asked, book.history, book.closed_at)}
    a_year_ago = [
        surges.Past(past.closed_at, past.units * 6) if surges.a_year_before(past.closed_at, book.closed_at) else past
        for past in book.history[shop]
    ]
    history = {**book.history, shop: a_year_ago}
    assert shop not in {one.shops[0] for one in surges.surges(asked, history, book.closed_at)}
