"""Is our order in the frozen book, and was the draw what was announced?"""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from contract.book import leaf_bytes
from contract.feed import BookEntry
from contract.ids import uuid7
from contract.messages import OrderLine
from terminal_client.core import book_check

SECRET = bytes(range(32))
COMMITMENT = hashlib.sha256(SECRET).hexdigest()
LINES = (OrderLine(sku="GOLD", quantity_units=12), OrderLine(sku="BLUE", quantity_units=20))
SIBLING = hashlib.sha256(b"somebody else").digest()
ROOT = hashlib.sha256(b"\x01" + SIBLING + hashlib.sha256(b"\x00" + leaf_bytes("R-12", LINES)).digest())
SEED = hashlib.sha256(SECRET + ROOT.digest()).hexdigest()


def entry(**changes: Any) -> BookEntry:
    known: dict[str, Any] = {
        "cycle": uuid7(),
        "root": ROOT.hexdigest(),
        "lines": LINES,
        "retailer": "R-12",
        "path": (("left", SIBLING.hex()),),
        "commitment": COMMITMENT,
        "secret": SECRET.hex(),
    }
    return BookEntry.model_validate(known | changes)


def test_an_honest_draw_holds_in_all_four_points() -> None:
    draw = book_check.check(entry(), LINES, first_commitment=COMMITMENT, seed=SEED)
    assert (draw.commitment_kept, draw.secret_fits, draw.order_in_book, draw.seed_follows) == (True,) * 4
    assert draw.holds


def test_before_the_secret_is_opened_nothing_is_claimed() -> None:
    draw = book_check.check(entry(secret=None), LINES, first_commitment=None, seed=None)
    assert (draw.commitment_kept, draw.secret_fits, draw.seed_follows) == (None, None, None)
    assert draw.holds


@pytest.mark.parametrize(
    ("changes", "lines", "first", "seed", "broken"),
    [
        ({}, (LINES[0],), COMMITMENT, SEED, "order_in_book"),
        ({"root": "00" * 32}, LINES, COMMITMENT, SEED, "order_in_book"),
        ({"path": (("left", "no hash"),)}, LINES, COMMITMENT, SEED, "order_in_book"),
        ({}, LINES, "11" * 32, SEED, "commitment_kept"),
        ({"secret": "22" * 32}, LINES, COMMITMENT, SEED, "secret_fits"),
        ({"secret": "not hex"}, LINES, COMMITMENT, SEED, "secret_fits"),
        ({}, LINES, COMMITMENT, "33" * 32, "seed_follows"),
    ],
)
def test_each_fraud_is_named(changes: dict[str, Any], lines: Any, first: str, seed: str, broken: str) -> None:
    draw = book_check.check(entry(**changes), lines, first_commitment=first, seed=seed)
    assert getattr(draw, broken) is False
    assert not draw.holds


def test_the_servers_copy_of_our_lines_proves_nothing() -> None:
    forged = (OrderLine(sku="GOLD", quantity_units=1),)
    draw = book_check.check(entry(lines=forged), LINES, first_commitment=COMMITMENT, seed=SEED)
    assert draw.order_in_book
    assert replace(draw, order_in_book=False).holds is False
