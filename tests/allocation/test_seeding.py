"""The seed that nobody inside can steer, and the draw that follows from it."""

import hashlib
import hmac

import pytest
from allocation_problems import SEED, one_sku

from allocation import Policy, solve
from allocation.filling.lottery import drawing
from allocation.seeding import (
    SeedProof,
    commitment,
    draw_secret,
    is_in_book,
    merkle_proof,
    merkle_proofs,
    merkle_root,
    seed_from,
)

LEAVES = [f"order {i}".encode() for i in range(13)]


def test_the_draw_is_an_hmac_over_sku_retailer_and_number():
    draw = drawing(bytes(range(32)))

    expected = hmac.digest(bytes(range(32)), "中华\x1fshop\x1f12".encode(), "sha256")

    assert draw("中华", "shop", 12) == expected


def test_under_some_seed_every_one_of_three_equals_loses():
    losers = set()
    for number in range(30):
        result = solve(one_sku([4, 4, 4], 2), Policy(seed=f"{number:064x}"))
        assert sorted(result.granted.tolist()) == [0, 1, 1]
        losers |= {row.retailer for row in result.rows() if row.reason == "lottery"}

    assert losers == {"r01", "r02", "r03"}


def test_the_same_seed_gives_the_same_losers():
    problem = one_sku([4] * 9, 5)

    assert solve(problem, Policy(), seed=SEED).csv_bytes == solve(problem, Policy(), seed=SEED.upper()).csv_bytes


def test_the_seed_follows_from_secret_and_root():
    secret, root = draw_secret(), merkle_root(LEAVES)
    proof = SeedProof(commitment(secret), secret, root)

    assert len(secret) == 32
    assert commitment(secret) == hashlib.sha256(secret).digest()
    assert proof.seed == seed_from(secret, root) == hashlib.sha256(secret + root).digest()
    result = solve(one_sku([4, 4], 3), Policy(), seed_proof=proof)
    assert result.certificate["seed"] == proof.seed.hex()
    assert result.certificate["seed_proof"] == proof.as_dict()


def test_a_commitment_to_another_secret_is_refused():
    with pytest.raises(ValueError, match="not SHA-256 of the secret"):
        SeedProof(commitment(b"a" * 32), b"b" * 32, b"r" * 32)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 13])
def test_every_order_is_shown_to_be_in_the_book_and_no_other_is(size):
    leaves = LEAVES[:size]
    root = merkle_root(leaves)

    for leaf, proof in zip(leaves, merkle_proofs(leaves), strict=True):
        assert is_in_book(leaf, proof, root)
        assert not is_in_book(leaf + b"!", proof, root)
        assert proof == merkle_proof(leaves, leaves.index(leaf))


def test_any_change_of_the_book_changes_the_root():
    roots = {
        merkle_root(book)
        for book in (LEAVES, LEAVES[:-1], [*LEAVES[:-1], b"another"], LEAVES[::-1], [*LEAVES, LEAVES[-1]], [])
    }

    assert len(roots) == 6


def test_an_inner_node_cannot_pass_for_an_order():
    pair = hashlib.sha256(b"\x00a").digest() + hashlib.sha256(b"\x00b").digest()

    assert merkle_root([b"a", b"b"]) != merkle_root([pair])
