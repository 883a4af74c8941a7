"""What holds for every history: better never scores worse, equals are equal, order and names do not matter."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scored_networks import MONDAY, network, parts, sold, week, weekly

from allocation.scoring import History, ScorePolicy, score
from allocation.scoring.components import Raw
from allocation.scoring.peers import order_of
from allocation.scoring.tiers import earned_tiers, tiers_at

POLICY = ScorePolicy(
    weights={"demand": 40, "trend": 10, "turnover": 10, "payment": 20, "compliance": 20}, trend_days=14, peers_min=3
)

units = st.one_of(st.none(), st.integers(-20, 60))
pair = st.one_of(st.none(), st.integers(0, 9).flatmap(lambda whole: st.tuples(st.just(whole), st.integers(0, whole))))


@st.composite
def networks(draw):
    """Draw the parts of a network: names, labels, sales, payments and inspections of up to six weeks."""
    names = [f"r{n}" for n in range(draw(st.integers(1, 9)))]
    weeks = draw(st.integers(1, 6))
    label = st.lists(st.sampled_from("xy"), min_size=len(names), max_size=len(names))
    labels = {column: draw(label) for column in ("market_type", "format")}
    series = {name: draw(st.lists(units, min_size=weeks, max_size=weeks)) for name in names}
    series[names[0]][-1] = draw(st.integers(0, 60))  # somebody is known
    shares = [{name: draw(st.lists(pair, min_size=weeks, max_size=weeks)) for name in names} for _ in range(2)]
    return names, labels, series, *shares


def history_of(names, labels, series, payments, inspections):
    figures = weekly(series)
    figures["stock"] = [abs(number) + 1 for number in figures["sold"]]
    return network(
        names,
        labels,
        history=figures,
        payments=parts(payments, "due_minor", "paid_minor"),
        inspections=parts(inspections, "inspections", "passed"),
    )


def by_name(scores):
    return dict(zip(scores.retailer, scores.score_milli.tolist(), strict=True))


@settings(max_examples=40)
@given(networks(), st.data())
def test_a_better_figure_never_lowers_its_retailers_score(drawn, data):
    names, labels, series, payments, inspections = drawn
    who = data.draw(st.sampled_from(names))
    better = {name: list(cells) for name, cells in series.items()}
    if (better[who][-1] or 0) > 0:  # more in the last week is more demand and a better trend
        better[who][-1] += data.draw(st.integers(0, 50))
    paid = {name: list(cells) for name, cells in payments.items()}
    paid[who] = [cell and (cell[0], data.draw(st.integers(cell[1], cell[0]))) for cell in paid[who]]

    policy = ScorePolicy(weights={"demand": 50, "trend": 10, "payment": 20, "compliance": 20}, trend_days=14)
    before = by_name(score(history_of(*drawn), policy))[who]
    after = by_name(score(history_of(names, labels, better, paid, inspections), policy))[who]

    assert after >= before


@pytest.mark.slow
@settings(max_examples=40)
@given(networks(), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_has_no_effect(drawn, chance):
    names, labels, series, payments, inspections = drawn
    order = list(range(len(names)))
    chance.shuffle(order)
    shuffled = {name: series[name] for name in chance.sample(names, len(names))}
    moved = {column: [cells[i] for i in order] for column, cells in reversed(labels.items())}

    one = score(history_of(*drawn), POLICY)
    other = score(history_of([names[i] for i in order], moved, shuffled, payments, inspections), POLICY)

    for bytes_of in (lambda made: made.scores_csv, lambda made: made.breakdown_csv(), lambda made: made.input_sha256):
        assert bytes_of(one) == bytes_of(other)


@settings(max_examples=40)
@given(networks(), st.data())
def test_who_differs_in_nothing_but_the_name_has_the_same_score(drawn, data):
    names, labels, *tables = drawn
    who = data.draw(st.sampled_from(names))
    twin = "twin"
    both = {column: [*cells, cells[names.index(who)]] for column, cells in labels.items()}

    twins = ({**table, twin: table[who]} for table in tables)

    twins = ({**table, twin: table[who]} for table in tables)

    scores = by_name(score(history_of([*names, twin], both, *twins), POLICY))

    assert scores[twin] == scores[who]


@settings(max_examples=40)
@given(networks())
def test_contributions_add_up_to_the_score_and_stay_within_their_weight(drawn):
    scores = score(history_of(*drawn), POLICY)

    assert sum(part.contribution_milli for part in scores.parts.values()).tolist() == scores.score_milli.tolist()
    for part in scores.parts.values():
        assert (part.contribution_milli >= 0).all()
        assert (part.contribution_milli * part.whole <= 1_000_000 * part.percent + part.whole).all()
    assert scores.policy.tier_weights == tuple(sorted(scores.policy.tier_weights, reverse=True))


@settings(max_examples=40)
@given(networks(), st.integers(0, 6))
def test_what_happens_on_the_day_or_later_changes_nothing(drawn, weeks):
    names, labels, series, payments, inspections = drawn
    day = MONDAY.fromisoformat(week(weeks))
    cut = ({name: cells[:weeks] for name, cells in table.items()} for table in (series, payments, inspections))
    if not any(cell is not None for cells in series.values() for cell in cells[:weeks]):
        return

    known = score(history_of(*drawn), POLICY, as_of=day)
    before = score(history_of(names, labels, *cut), POLICY, as_of=day)

    assert known.scores_csv == before.scores_csv


@given(st.lists(st.tuples(st.integers(0, 2**60), st.integers(1, 2**60)), min_size=1, max_size=30))
def test_quotients_are_ordered_exactly(quotients):
    numerators, denominators = (np.array(column, dtype=object) for column in zip(*quotients, strict=True))
    order = order_of(Raw(numerators, denominators, np.ones(len(quotients), dtype=np.int64))).tolist()

    for (a, b), one in zip(quotients, order, strict=True):
        for (c, d), other in zip(quotients, order, strict=True):
            assert (one < other, one == other) == (a * d < c * b, a * d == c * b)


@given(st.integers(0, 1_000_000), st.integers(0, 1_000_000), st.integers(0, 30), st.integers(0, 200), st.integers(1, 5))
def test_a_tier_moves_only_past_the_margin_and_never_further_than_allowed(one, other, previous, margin, moves):
    policy = ScorePolicy(margin_points=margin, tier_moves_max=moves)
    scores, before = np.array(sorted((one, other))), np.full(2, previous)
    worse, better = earned_tiers(scores, before, policy).tolist()

    assert better <= worse  # a higher score never earns a worse tier
    if not previous:
        assert [worse, better] == tiers_at(scores, policy.bounds_points).tolist()
        return
    for tier, milli in ((worse, scores[0]), (better, scores[1])):
        assert abs(tier - previous) <= moves
        bounds = (1_000_001, *(1000 * bound for bound in policy.bounds_points), -1)
        low, high = bounds[previous], bounds[previous - 1]
        if low - 1000 * margin <= milli < high + 1000 * margin:
            assert tier == previous
        elif milli >= high + 1000 * margin:
            assert tier < previous
        else:
            assert tier > previous


def test_a_score_that_trembles_at_a_bound_does_not_move_a_tier():
    policy = ScorePolicy()
    tier = earned_tiers(np.array([500_000]), np.array([0]), policy)

    for trembling in (495_000, 505_000, 490_100, 509_000, 491_000):
        tier = earned_tiers(np.array([trembling]), tier, policy)

    assert tier.tolist() == [15]


def test_shuffled_files_of_many_rows_give_the_same_bytes():
    chance = random.Random(3)  # noqa: S311 - no secrets
    names = [f"r{n:02d}" for n in range(40)]
    table = weekly({name: [chance.randint(0, 30) for _ in range(20)] for name in names})
    order = chance.sample(range(800), 800)
    shuffled = {column: [cells[i] for i in order] for column, cells in table.items()}

    one, other = (score(History.from_columns({"retailer": names}, {"history": cells})) for cells in (table, shuffled))

    assert one.scores_csv == other.scores_csv
    assert one.input_sha256 == other.input_sha256
    assert score(sold({"a": [1], "b": [2]})).input_sha256 != score(sold({"a": [2], "b": [1]})).input_sha256
