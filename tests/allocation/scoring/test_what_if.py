"""Two policies on one history: who would have another tier or another weight."""

from scored_networks import sold

from allocation.scoring import Guards, ScorePolicy, moved, score
from allocation.scoring.what_if import Move, Placed

SERIES = {"a": [1] * 9, "b": [5] * 9, "c": [9] * 9}


def test_only_those_are_named_whose_tier_or_weight_changes():
    guards = Guards(small_floor_percent=0)
    wide = ScorePolicy(weights={"demand": 100}, tiers=2, shrink_periods=0, guards=guards)
    steep = ScorePolicy(weights={"demand": 100}, tiers=2, shrink_periods=0, tier_weights=(9, 1), guards=guards)

    # c stands at 833 points and b at 500, in tier 1 of two; a at 167 in tier 2, which weighs 1 under both.
    assert moved(score(sold(SERIES), wide), score(sold(SERIES), steep)) == (
        Move("b", Placed(500_000, 1, 2), Placed(500_000, 1, 9)),
        Move("c", Placed(833_333, 1, 2), Placed(833_333, 1, 9)),
    )
    assert moved(score(sold(SERIES), wide), score(sold(SERIES), wide)) == ()


def test_who_is_scored_on_one_side_only_is_named_too():
    closed = score(sold(SERIES, closed=["2027-01-05", "", ""]))

    found = {move.retailer: move for move in moved(score(sold(SERIES)), closed)}

    assert found["a"].before is not None
    assert found["a"].after is None
