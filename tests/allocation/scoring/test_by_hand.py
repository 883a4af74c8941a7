"""The worked example of docs/scoring.md, and small ones whose answers are seen at once."""

from fractions import Fraction

from scored_networks import MONDAY, network, parts, sold, weekly

from allocation.scoring import Decision, Guards, ScorePolicy, score

POLICY = ScorePolicy(
    weights={"demand": 60, "payment": 40},
    trend_days=7,
    shrink_periods=2,
    peers_min=2,
    tiers=4,
    margin_points=20,
    tier_moves_max=1,
    tier_weights=(8, 4, 2, 1),
    guards=Guards(largest_share_permille=1000, small_part_percent=25, small_floor_percent=50),
)


NONE, PAID = [None] * 3, [(100, 100)] * 2


def example():
    """Four shops, the last one new: one week of figures instead of four, and no payment yet."""
    return network(
        ["anna", "bert", "cleo", "dora"],
        {"tier": ["1", "2", "4", ""]},
        history=weekly({"anna": [40, 44, 36, 40], "bert": [20] * 4, "cleo": [20, 22, 18, 20], "dora": [*NONE, 60]}),
        payments=parts({"anna": PAID, "bert": PAID, "cleo": [(100, 80), (100, 60)]}, "due_minor", "paid_minor"),
    )


def test_the_worked_example():
    scores = score(example(), POLICY)

    demand, payment = scores.parts["demand"], scores.parts["payment"]
    # Demand: bert and cleo sold 20 a week, anna 40, dora 60.
    assert [(n / d) for n, d in zip(demand.raw.numerator, demand.raw.denominator, strict=True)] == [40, 20, 20, 60]
    assert [(2 * b + e, 2 * p) for b, e, p in zip(*columns(demand), strict=True)] == [(5, 8), (2, 8), (2, 8), (7, 8)]
    # (4·⅝ + 1)/6 = 7/12, (4·¼ + 1)/6 = ⅓, and dora, with one week: (1·⅞ + 1)/3 = ⅝.
    counted = list(map(Fraction, demand.numerator.tolist(), demand.denominator.tolist()))
    assert counted == [Fraction(7, 12), Fraction(1, 3), Fraction(1, 3), Fraction(5, 8)]
    assert demand.contribution_milli.tolist() == [350_000, 200_000, 200_000, 375_000]
    # Payment: anna and bert paid all, cleo 70 %; nothing is known of dora.
    assert payment.contribution_milli.tolist() == [233_333, 233_333, 133_333, 200_000]
    assert scores.score_milli.tolist() == [583_333, 433_333, 333_333, 575_000]
    # Bounds 750, 500, 250. Anna was in 1 and falls by one; bert stays in 2: 433 + 20 is below 500, so one down.
    assert scores.earned_tier.tolist() == [2, 3, 3, 2]
    assert scores.previous_tier.tolist() == [1, 2, 4, 0]
    assert scores.weight.tolist() == [4, 2, 2, 4]
    assert scores.rank.tolist() == [1, 3, 4, 2]


def columns(part):
    stands = part.standing
    return stands.below.tolist(), stands.equal.tolist(), stands.peers.tolist()


def test_equals_are_equal_and_one_alone_stands_in_the_middle():
    alike = score(sold({name: [5, 6, 7] for name in "abcdefg"}))
    alone = score(sold({"a": [5, 6, 7]}))

    assert set(alike.score_milli.tolist()) == {500_000}
    assert set(alike.rank.tolist()) == {1}
    assert alone.score_milli.tolist() == [500_000]


def test_a_decision_lowers_a_tier_and_leaves_score_and_earned_tier_alone():
    lowered = Decision("anna", "lowered", 4, MONDAY, MONDAY.replace(year=2028), "expired goods", "x", "y")
    suspended = Decision("bert", "suspended", None, MONDAY, MONDAY.replace(year=2028), "no licence", "x", "y")
    over = Decision("dora", "suspended", None, MONDAY.replace(year=2026), MONDAY, "moved", "x", "y")

    plain, decided = score(example(), POLICY), score(example(), POLICY, [lowered, suspended, over])

    assert decided.score_milli.tolist() == plain.score_milli.tolist()
    assert decided.earned_tier.tolist() == plain.earned_tier.tolist()
    assert decided.tier.tolist() == [4, 3, 3, 2]
    assert decided.status == ["lowered", "suspended", "scored", "scored"]
    assert decided.weight.tolist() == [1, 0, 2, 4]
    assert decided.weights_csv().decode().splitlines()[1:3] == ["anna,1,", "bert,1,0"]
    assert decided.decisions == (lowered, suspended)


def test_a_small_group_is_compared_with_a_wider_one():
    history = sold(
        {name: [n] for n, name in enumerate("abcdef")},
        market_type=["rural"] * 3 + ["urban"] * 3,
        format=["kiosk", "kiosk", "shop", "shop", "shop", "kiosk"],
    )

    scores = score(history, ScorePolicy(peers_min=2, shrink_periods=0, weights={"demand": 100}))

    levels = [line.split(",")[4] for line in scores.scores_csv.decode().splitlines()[1:]]
    assert levels == ["format", "format", "market_type", "format", "format", "market_type"]
    # c is the best of three rural outlets, f the best of three urban ones.
    assert scores.score_milli.tolist() == [250_000, 750_000, 833_333, 250_000, 750_000, 833_333]


def test_an_absent_component_is_absent_for_all_and_the_others_share_its_weight():
    scores = score(example(), ScorePolicy(weights={"demand": 30, "payment": 20, "service": 50}))

    assert scores.absent == ("service",)
    used = {name: (part.percent, part.whole) for name, part in scores.parts.items()}
    assert used == {"demand": (30, 50), "payment": (20, 50)}
    without = score(example(), ScorePolicy(weights={"demand": 60, "payment": 40}))
    assert scores.score_milli.tolist() == without.score_milli.tolist()
