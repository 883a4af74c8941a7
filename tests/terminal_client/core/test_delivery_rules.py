"""What arrived, against what was shipped."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import Rejected
from contract.feed import ShippedLine
from contract.messages import ConfirmedLine
from terminal_client.core.delivery_rules import AS_LISTED, Count, confirmed

HUNDRED = ShippedLine(sku="A", shipped_units=100, granted_units=100)


def test_more_than_was_shipped_is_one_entry_of_what_is_there_and_one_difference() -> None:
    line = confirmed(HUNDRED, Count("over", 5, reason="more than on the list"))
    assert (line.accepted_units, line.held_units, line.difference_units) == (105, 0, 5)


def test_what_is_too_much_can_be_set_aside_for_return() -> None:
    line = confirmed(HUNDRED, Count("over", 5, held_units=5, reason="not ours"))
    assert (line.accepted_units, line.held_units, line.difference_units) == (100, 5, 5)


def test_a_wrong_item_names_both() -> None:
    shipped = ShippedLine(sku="A", shipped_units=24, granted_units=24)
    line = confirmed(shipped, Count("wrong_item", 24, other_sku="B", other_units=24, reason="mixed up"))
    assert line == ConfirmedLine(
        sku="A",
        accepted_units=0,
        difference="wrong_item",
        difference_units=24,
        other_sku="B",
        other_units=24,
        reason="mixed up",
    )


def test_sending_back_needs_a_reason_and_leaves_nothing_in_stock() -> None:
    shipped = ShippedLine(sku="A", shipped_units=10, granted_units=10)
    with pytest.raises(Rejected, match="Say why"):
        confirmed(shipped, Count("refused", 10, reason="  "))
    line = confirmed(shipped, Count("refused", 10, reason="wet"))
    assert (line.accepted_units, line.held_units, line.difference_units) == (0, 0, 10)


@pytest.mark.parametrize(
    "count",
    [
        Count("short", 0, reason="?"),
        Count("short", 101, reason="?"),
        Count("short", 5, held_units=1, reason="?"),
        Count("damaged", 5, held_units=6, reason="?"),
        Count("over", 5, held_units=6, reason="?"),
        Count("wrong_item", 5, reason="?"),
        Count(None, 3),
    ],
)
def test_counts_that_do_not_add_up_are_refused(count: Count) -> None:
    with pytest.raises(Rejected) as refused:
        confirmed(HUNDRED, count)
    assert refused.value.code == "counts_differ"


COUNTS: st.SearchStrategy[Any] = st.builds(
    Count,
    difference=st.sampled_from([None, "short", "over", "damaged", "wrong_item", "wrong_pack", "refused"]),
    difference_units=st.integers(-5, 30),
    held_units=st.integers(-5, 30),
    other_sku=st.sampled_from([None, "B"]),
    other_units=st.integers(-5, 30),
    reason=st.sampled_from(["", "wet"]),
)


@given(st.integers(0, 20), COUNTS)
def test_no_count_ever_makes_a_negative_number(shipped_units: int, count: Count) -> None:
    try:
        line = confirmed(ShippedLine(sku="A", shipped_units=shipped_units, granted_units=shipped_units), count)
    except Rejected:
        return
    assert min(line.accepted_units, line.held_units, line.difference_units, line.other_units) >= 0
    if line.difference == "over":
        assert line.accepted_units + line.held_units == shipped_units + line.difference_units
    else:
        assert line.accepted_units + line.difference_units == shipped_units


def test_as_listed_is_what_was_shipped() -> None:
    assert confirmed(HUNDRED, AS_LISTED) == ConfirmedLine(sku="A", accepted_units=100)
