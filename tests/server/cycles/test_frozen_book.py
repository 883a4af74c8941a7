"""The frozen book is taken as columns; what goes to the terminals is what taking it line by line would give."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from allocation import seeding
from allocation.tables.texts import Coded
from contract.book import leaf_bytes, leaf_of
from contract.messages import OrderLine
from server.cycles.freezing import Asked
from server.cycles.frozen_book import Tree

LINES = st.dictionaries(st.sampled_from(["A", "B", "b", "é", "中"]), st.integers(1, 10**6), min_size=1)
BOOKS = st.dictionaries(st.sampled_from([f"R{number}" for number in range(9)]), LINES, min_size=1)
PAIRS = st.sets(st.tuples(st.sampled_from("RSTX"), st.sampled_from("ABCX")))


@given(BOOKS)
def test_root_and_paths_are_those_of_the_merkle_proofs(book):
    retailers = sorted(book)
    lines = [sorted(book[retailer].items(), key=lambda line: line[0].encode()) for retailer in retailers]
    leaves = [leaf_of(retailer, own) for retailer, own in zip(retailers, lines, strict=True)]
    asked = [[OrderLine(sku=sku, quantity_units=units) for sku, units in own] for own in lines]
    assert leaves == [leaf_bytes(retailer, own) for retailer, own in zip(retailers, asked, strict=True)]
    found = Tree(retailers, lines, [[node.hex() for node in row] for row in seeding.merkle_rows(leaves)])
    assert found.root == seeding.merkle_root(leaves).hex()
    for place in range(len(retailers)):
        proof = seeding.merkle_proof(leaves, place)
        assert found.path(place) == [("left" if step.is_left else "right", step.sibling.hex()) for step in proof]


@given(PAIRS, PAIRS)
def test_named_lines_are_found_where_they_stand_in_the_book(own, sought):
    lines, named = sorted(own), sorted(sought)
    book = Asked(
        Coded.of(retailer for retailer, _ in lines),
        Coded.of(sku for _, sku in lines),
        np.arange(len(lines)),
    )
    which, where = book.places(Coded.of(retailer for retailer, _ in named), Coded.of(sku for _, sku in named))
    assert {named[i]: int(j) for i, j in zip(which, where, strict=True)} == {
        line: place for place, line in enumerate(lines) if line in sought
    }
