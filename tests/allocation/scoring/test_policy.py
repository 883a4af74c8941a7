"""Score policies: defaults, what a file says, and every refusal in words."""

import pytest

from allocation.errors import InputError
from allocation.scoring import Guards, ScorePolicy
from allocation.scoring.policy import COMPONENTS


def test_a_policy_file_says_all_that_the_policy_is():
    policy = ScorePolicy(version='2027 "first"', tiers=3, tier_weights=(9, 9, 1), guards=Guards(small_floor_percent=0))

    assert ScorePolicy.from_toml(policy.to_toml()) == policy
    assert ScorePolicy.from_toml("") == ScorePolicy()


def test_defaults_make_thirty_even_tiers_that_weigh_thirty_to_one():
    policy = ScorePolicy()

    assert (policy.tiers, policy.bounds_points[0], policy.bounds_points[-1]) == (30, 967, 34)
    assert policy.tier_weights == tuple(range(30, 0, -1))
    assert sum(policy.weights.values()) == 100
    assert tuple(policy.weights) == COMPONENTS


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("tier = 30", "tier", "unknown key; known are version, weights"),
        ("tiers = 0", "tiers", "outside of 1 to 1000"),
        ("tiers = 30.0", "tiers", "give a whole number"),
        ("tiers = true", "tiers", "give a whole number"),
        ("version = 3", "version", "a text is needed"),
        ('version = " "', "version", "name the policy"),
        ("weights = 3", "weights", "a table is needed"),
        ("[weights]\ndemand = 99", "weights", "must make 100 together"),
        ("[weights]\ndemand = 101", "weights.demand", "outside of 0 to 100"),
        ("[weights]\norders = 100", "weights", "unknown component; known are demand, trend"),
        ("window_days = 100", "trend_days", "do not fit into window_days"),
        ("shrink_periods = -1", "shrink_periods", "outside of 0"),
        ("peers_min = 0", "peers_min", "outside of 1"),
        ("margin_points = 1001", "margin_points", "outside of 0 to 1000"),
        ("tier_moves_max = 0", "tier_moves_max", "outside of 1"),
        ("tiers = 3\nbounds_points = [500]", "bounds_points", "3 tiers have 2 bounds"),
        ("tiers = 3\nbounds_points = [500, 500]", "bounds_points", "bound of tier 2 is not below that of tier 1"),
        ("tiers = 3\nbounds_points = [1001, 500]", "bounds_points", "outside of 1 to 1000"),
        ("tiers = 3\nbounds_points = 500", "bounds_points", "a list is needed"),
        ("tiers = 3\ntier_weights = [3, 2]", "tier_weights", "one weight for each of the 3 tiers"),
        ("tiers = 3\ntier_weights = [3, 1, 2]", "tier_weights", "tier 3 would weigh more than the better tier 2"),
        ("tiers = 3\ntier_weights = [3, 1, 0]", "tier_weights", "outside of 1"),
        ("[guards]\nlargest_share_permille = 9", "guards.largest_share_permille", "outside of 10 to 1000"),
        ("[guards]\nsmall_floor_percent = 101", "guards.small_floor_percent", "outside of 0 to 100"),
        ("[guards]\nsmall = 1", "guards.small", "unknown key; known are largest_share_permille"),
        ("guards = 1", "guards", "a table is needed"),
    ],
)
def test_every_fault_names_the_key_and_says_what_to_do(text, column, said):
    with pytest.raises(InputError) as refused:
        ScorePolicy.from_toml(text, "mine.toml")

    assert (refused.value.table, refused.value.column) == ("mine.toml", column)
    assert said in str(refused.value)


def test_what_is_no_toml_is_refused():
    with pytest.raises(InputError, match="not a score policy"):
        ScorePolicy.from_toml("tiers 30")
