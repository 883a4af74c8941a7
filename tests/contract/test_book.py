"""A shop can check with nothing but hashes that its order stands in the frozen book."""

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation import seeding
from contract.book import in_book, leaf_bytes
from contract.feed import BookEntry
from contract.messages import OrderLine

GOLDEN = json.loads((Path(__file__).parent / "golden/v1/down.book.json").read_bytes())["data"]
ENTRY = BookEntry.model_validate(GOLDEN)


def hashed(prefix: bytes, *parts: bytes) -> bytes:
    return hashlib.sha256(prefix + b"".join(parts)).digest()


def test_the_order_of_lines_does_not_matter_and_bytes_decide_it():
    lines = [OrderLine(sku=sku, quantity_units=n) for n, sku in enumerate(["b", "é", "B", "a"], 1)]

    assert leaf_bytes("R1", lines) == leaf_bytes("R1", lines[::-1])
    assert leaf_bytes("R1", lines).split(b"\x1f")[1::2] == [b"B", b"a", b"b", "é".encode(), b""]


def test_the_known_entry_is_in_its_book():
    assert in_book(leaf_bytes(ENTRY.retailer, ENTRY.lines), ENTRY.path, ENTRY.root)


@pytest.mark.parametrize(
    "leaf",
    [
        leaf_bytes("R2", ENTRY.lines),
        leaf_bytes("R1", ENTRY.lines[:1]),
        leaf_bytes("R1", [*ENTRY.lines[:1], OrderLine(sku=ENTRY.lines[1].sku, quantity_units=11)]),
    ],
    ids=["another shop", "a line less", "a unit more"],
)
def test_anything_else_is_not(leaf: bytes):
    assert not in_book(leaf, ENTRY.path, ENTRY.root)


def test_a_node_cannot_pass_as_a_leaf():
    left, right = hashed(b"\x00", b"one"), hashed(b"\x00", b"two")
    root = hashed(b"\x01", left, right)

    assert in_book(b"one", [("right", right.hex())], root.hex())
    assert not in_book(left + right, [], root.hex())


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=40), st.data())
def test_the_servers_tree_and_the_terminals_check_are_two_readings_of_one_rule(
    leaves: list[bytes], data: st.DataObject
):
    position = data.draw(st.integers(0, len(leaves) - 1))
    proof = seeding.merkle_proofs(leaves)[position]
    path = [("left" if step.is_left else "right", step.sibling.hex()) for step in proof]

    assert in_book(leaves[position], path, seeding.merkle_root(leaves).hex())
