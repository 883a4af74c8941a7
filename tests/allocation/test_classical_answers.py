"""Answers that the literature and other people's reports give."""

from fractions import Fraction

import pytest
from allocation_problems import granted, one_sku

UNEQUAL = [5_609_968, 2_873_709, 83_801, 16_295, 10_107, 6_467]
"""Very unequal claimants, as in a public report on apportionment."""


def test_a_weighted_split_of_fifty():
    assert granted(one_sku([25, 35, 40], 50, weight=[10, 20, 50])) == [6, 13, 31]


def test_constrained_equal_awards_fill_the_smallest_first():
    assert granted(one_sku([1, 100, 100], 21), rounding="adams") == [1, 10, 10]


@pytest.mark.parametrize(
    ("rounding", "packs"),
    [
        ("adams", [8, 5, 1, 1, 1, 1]),
        ("dean", [9, 4, 1, 1, 1, 1]),
        ("huntington_hill", [9, 4, 1, 1, 1, 1]),
        ("webster", [11, 6, 0, 0, 0, 0]),
        ("jefferson", [11, 6, 0, 0, 0, 0]),
    ],
)
def test_the_five_divisor_methods_on_very_unequal_weights(rounding, packs):
    assert granted(one_sku([17] * 6, 17, weight=UNEQUAL), rounding=rounding) == packs


@pytest.mark.parametrize(
    ("estate", "awards"),
    [
        (100, [Fraction(100, 3)] * 3),
        (200, [50, 75, 75]),
        (300, [50, 100, 150]),
    ],
)
def test_the_three_widows_of_the_talmud(estate, awards):
    assert granted(one_sku([100, 200, 300], estate), rule="talmud", rounding="none") == awards


def test_proportional_awards_follow_the_claims():
    assert granted(one_sku([100, 200, 300], 300), rule="proportional", rounding="none") == [50, 100, 150]


def test_constrained_equal_losses_take_from_the_largest_claims():
    assert granted(one_sku([100, 200, 300], 300), rule="equal_losses", rounding="none") == [0, 100, 200]


def test_a_percentage_table_leaves_no_unit_over():
    weights = [67, 62, 126, 52, 27, 79, 55, 88, 50, 77, 37, 81, 91, 73, 35]

    thirty = granted(one_sku([30] * 15, 30, weight=weights))

    assert thirty == [2, 2, 4, 2, 1, 2, 2, 3, 1, 2, 1, 2, 3, 2, 1]
    assert sum(thirty) == 30


def test_whole_packs_leave_the_part_pack_over():
    boxes = one_sku([60, 13], 61, sku={"pack": 12})

    assert granted(boxes) == [48, 12]
