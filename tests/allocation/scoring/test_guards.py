"""The ceiling for the largest and the floor for the small: that they hold, what they change, where they contradict."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation.errors import InputError
from allocation.scoring import Guards
from allocation.scoring.guards import facts, guarded, largest_share


def run(weights, guards, small=(), lowered=(), suspended=()):
    names = tuple(f"r{n:03d}" for n in range(len(weights)))
    flags = [np.isin(np.arange(len(weights)), some) for some in (small, lowered, suspended)]
    return guarded(names, np.array(weights), flags[0], lowered=flags[1], suspended=flags[2], guards=guards)


def test_the_largest_hundredth_counts_in_parts():
    assert largest_share(np.array([5] * 7)) == Fraction(1, 100)
    # Of 250 retailers: the two largest and half of the third.
    assert largest_share(np.array([1] * 247 + [10, 20, 30])) == Fraction(55, 307)
    assert largest_share(np.array([], dtype=np.int64)) == 0


def test_the_ceiling_cuts_no_deeper_than_it_must():
    done = run([1] * 198 + [100, 60], Guards(largest_share_permille=100, small_floor_percent=0))

    # With 22 at most the largest two of 200 hold 44 of 242; the ceiling of 10 % leaves 11 each: 22 of 220.
    assert done.ceiling_weight == 11
    assert done.share_after == Fraction(1, 10)
    assert [(c.retailer, c.guard, c.before, c.after) for c in done.changes] == [
        ("r198", "largest_share", 100, 11),
        ("r199", "largest_share", 60, 11),
    ]


def test_the_floor_raises_the_small_and_nobody_else():
    done = run([10, 1, 3, 9, 8], Guards(1000, 25, 50), small=[1, 2], lowered=[2])

    assert (done.median_weight, done.floor_weight) == (8, 4)
    assert done.weight.tolist() == [10, 4, 3, 9, 8]
    said = facts(done, Guards(1000, 25, 50))["changes"]
    assert said == [
        {
            "retailer": "r001",
            "guard": "small_floor",
            "before": 1,
            "after": 4,
            "why": {
                "en": "a small retailer weighs at least 4; the median weight is 8",
                "zh": "小户权重不低于 4（中位数权重为 8）",
            },
        }
    ]


def test_suspended_retailers_hold_nothing_and_are_left_aside():
    done = run([30, 10, 10], Guards(1000, 25, 100), small=[0], suspended=[0])

    assert done.weight.tolist() == [0, 10, 10]
    assert done.changes == ()
    assert run([5], Guards(), suspended=[0]).share_after == 0


def test_a_ceiling_below_the_floor_is_refused_in_words():
    with pytest.raises(
        InputError, match=r"largest_share_permille.*contradict.*no weight could be above 1, .* at least 10"
    ):
        run([1] * 99 + [10] * 101, Guards(10, 25, 100), small=[0])


@given(
    st.lists(st.integers(1, 1000), min_size=1, max_size=300),
    st.integers(10, 1000),
    st.integers(0, 100),
    st.data(),
)
def test_both_guards_hold_after_every_run_that_is_not_refused(weights, permille, floor_percent, data):
    small = data.draw(st.lists(st.integers(0, len(weights) - 1), max_size=5))
    guards = Guards(permille, 25, floor_percent)
    try:
        done = run(weights, guards, small=small)
    except InputError:
        assert floor_percent
        return

    assert done.share_after <= Fraction(permille, 1000)
    assert all(done.weight[index] >= done.floor_weight for index in small)
    assert (done.weight >= 1).all()
    raised = [max(weight, done.floor_weight) if index in small else weight for index, weight in enumerate(weights)]
    if done.ceiling_weight is None:
        assert done.weight.tolist() == raised
    else:
        assert largest_share(np.minimum(raised, done.ceiling_weight + 1)) > Fraction(permille, 1000)
    for one in range(len(weights) - 1):  # who had the larger weight has not the smaller one now, but for the small
        if one not in small and one + 1 not in small and weights[one] >= weights[one + 1]:
            assert done.weight[one] >= done.weight[one + 1]
