"""The urn: answers leave it by fives at least, none is lost, and nothing tells which came last."""

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from server.surveys import mixing
from server.surveys.mixing import Ballot


def ballot(number: int, stratum: int = 0) -> Ballot:
    return Ballot(stratum, ({"question": "q", "number": number},))


@given(st.lists(st.integers(0, 3), max_size=60), st.integers())
def test_none_is_lost_and_they_leave_by_fives(strata, seed):
    lots = Random(seed)  # noqa: S311 - a simulation that can be repeated
    held: tuple[Ballot, ...] = ()
    left: list[Ballot] = []
    for number, stratum in enumerate(strata):
        mixed = mixing.put_in(held, ballot(number, stratum), lots)
        held = mixed.stay
        left += mixed.leave
        assert len(mixed.leave) in {0, mixing.LEAVE}
        assert max(Counter(one.stratum for one in held).values()) < mixing.URN_HOLDS
    rest, pooled = mixing.empty(held, Counter(one.stratum for one in left), lots)
    if len(strata) < mixing.TOGETHER:
        assert (rest, pooled) == ((), {})
        return
    kept = [*left, *rest]
    assert sorted(one.answers[0]["number"] for one in kept) == list(range(len(strata)))
    assert min(Counter(one.stratum for one in kept).values()) >= mixing.TOGETHER
    for place, into in pooled.items():
        assert place not in {one.stratum for one in kept}
        assert into in {one.stratum for one in kept}


def test_the_last_one_in_is_as_likely_to_stay_as_to_leave():
    gone = 0
    for seed in range(400):
        mixed = mixing.put_in([ballot(number) for number in range(9)], ballot(9), Random(seed))  # noqa: S311 - a simulation that can be repeated
        gone += any(one.answers[0]["number"] == 9 for one in mixed.leave)
    assert 160 < gone < 240
