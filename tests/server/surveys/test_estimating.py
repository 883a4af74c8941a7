"""Samples that anybody can draw again, and estimates that hold what they promise."""

import random
from collections import Counter
from math import sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.surveys import estimating, sampling
from server.surveys.estimating import Sums, Weight
from server.surveys.rules import Sample

SHOPS = {"1": 60, "2": 180, "3": 360}
"""Few shops of the first tier, many of the third."""


def population(seed: int) -> dict[str, tuple[str, int, bool]]:
    """Shops with their tier, a mark from 1 to 5 and whether they want deliveries on Monday; small tiers are content."""
    lots = random.Random(seed)  # noqa: S311 - a simulation that can be repeated
    content = {"1": (0, 1, 1, 4, 6), "2": (1, 2, 4, 3, 2), "3": (5, 4, 3, 1, 1)}
    return {
        f"R{tier}{number:03}": (tier, lots.choices(range(1, 6), content[tier])[0], lots.random() < int(tier) / 4)
        for tier, count in SHOPS.items()
        for number in range(count)
    }


def ask(shops: dict[str, tuple[str, int, bool]], sample: Sample, seed: str, answers: random.Random, rate: float):
    """Draw, let a part answer, and estimate the mean mark and the share of Mondays."""
    strata = sampling.draw(sample, {code: tier for code, (tier, _, _) in shops.items()}, seed)
    weights, marks, hits, count = {}, {}, Counter(), Counter()
    for place, stratum in enumerate(strata):
        came = [shops[code] for code in stratum.asked if answers.random() < rate]
        weights[place] = Weight(stratum.shops, len(came))
        values = [mark for _, mark, _ in came]
        marks[place] = Sums(len(values), sum(values), sum(value * value for value in values))
        hits[place] = sum(monday for _, _, monday in came)
        count[place] = len(came)
    return estimating.mean(weights, marks), estimating.share(weights, hits, count)


EQUAL = Sample(how="stratified", by="tier", spread="equal", size=90)
PROPORTIONAL = Sample(how="stratified", by="tier", spread="proportional", size=120)


@pytest.mark.parametrize(
    ("sample", "rate", "replications"),
    [
        (EQUAL, 0.9, 250),
        pytest.param(EQUAL, 1.0, 1500, marks=pytest.mark.slow),
        pytest.param(PROPORTIONAL, 0.7, 1500, marks=pytest.mark.slow),
        pytest.param(Sample(how="simple", size=80), 0.8, 1500, marks=pytest.mark.slow),
    ],
)
def test_the_truth_lies_in_the_interval_as_often_as_promised(sample, rate, replications):
    shops = population(20261130)
    mean = sum(mark for _, mark, _ in shops.values()) / len(shops)
    share = sum(monday for _, _, monday in shops.values()) / len(shops)
    answers = random.Random(7)  # noqa: S311 - a simulation that can be repeated
    held, spans = Counter(), Counter()
    for number in range(replications):
        marks, mondays = ask(shops, sample, f"lot-{number}", answers, rate)
        for name, estimate, truth in (("mean", marks, mean), ("share", mondays, share)):
            assert estimate is not None
            assert estimate.low is not None
            held[name] += estimate.low <= truth <= (estimate.high or 0)
            spans[name] += estimate.value - truth
    reach = 3.5 * sqrt(0.95 * 0.05 / replications)  # of a binomial count, two-sided 0.05 %
    for name, count in held.items():
        assert 0.95 - reach <= count / replications <= 0.95 + reach, (name, count / replications)
        assert abs(spans[name] / replications) < 0.02


def test_unweighted_the_same_answers_would_miss_the_truth():
    shops = population(20261130)
    truth = sum(mark for _, mark, _ in shops.values()) / len(shops)
    strata = sampling.draw(
        Sample(how="stratified", spread="equal", size=90), {code: tier for code, (tier, _, _) in shops.items()}, "a"
    )
    plain = [shops[code][1] for stratum in strata for code in stratum.asked]
    assert abs(sum(plain) / len(plain) - truth) > 0.4
    marks, _ = ask(shops, Sample(how="stratified", spread="equal", size=90), "a", random.Random(1), 1.0)  # noqa: S311 - a simulation that can be repeated
    assert marks is not None
    assert marks.low is not None
    assert marks.low <= truth <= (marks.high or 0)


def test_a_textbooks_figures_come_out():
    # Cochran, Sampling Techniques, 5.3 and 5.5: mean 51, variance of two strata with their corrections
    weights = {0: Weight(100, 10), 1: Weight(300, 20)}
    sums = {0: Sums(10, 400, 16_900), 1: Sums(20, 1_093.3333333, 60_000)}
    found = estimating.mean(weights, sums)
    assert found is not None
    assert found.value == pytest.approx(0.25 * 40 + 0.75 * 54.6666667)
    first = (16_900 - 10 * 40**2) / 9
    second = (60_000 - 20 * 54.6666667**2) / 19
    variance = 0.0625 * 0.9 * first / 10 + 0.5625 * (1 - 20 / 300) * second / 20
    # 5.4: the effective number of degrees of freedom lies between the smaller stratum's and the sum of both
    parts = (0.0625 * 0.9 / 10, 0.5625 * (1 - 20 / 300) / 20)
    effective = (parts[0] + parts[1]) ** 2 / (parts[0] ** 2 / 10 + parts[1] ** 2 / 20) * 28 / 30
    assert 9 < effective < 28
    reach = estimating.student(effective) * sqrt(variance)
    assert (found.high or 0) - found.value == pytest.approx(reach, rel=1e-3)


def test_of_answers_of_a_part_a_simple_sample_is_as_exact():
    # n = 40 of 1,000 shops answered, d = 8 of them this question: s² / d with the correction, and seven degrees
    values = [1, 2, 2, 3, 4, 4, 5, 5]
    sums = Sums(8, sum(values), sum(value * value for value in values))
    found = estimating.mean({0: Weight(1000, 40)}, {0: sums})
    assert found is not None
    middle = sum(values) / 8
    variance = sum((value - middle) ** 2 for value in values) / 7 / 8 * (1 - 40 / 1000)
    assert (found.high or 0) - found.value == pytest.approx(2.36462 * sqrt(variance), rel=1e-3)
    # where the strata were drawn alike, the same answers say as much
    sides = {0: Sums(4, 12, 38), 1: Sums(4, 14, 62)}
    apart = estimating.mean({0: Weight(500, 20), 1: Weight(500, 20)}, sides)
    assert apart is not None
    assert (apart.high or 0) - apart.value == pytest.approx(2.36462 * sqrt(variance), rel=0.02)


POPULATIONS = 20
REPLICATIONS = 150
ONE = ((2000,), (100,))
THREE = ((300, 900, 1800), (20, 60, 120))
UNEQUAL = ((60, 180, 360), (30, 30, 30))
"""Shops of each stratum, and how many of them answered."""
CONTENT = ((1, 2, 4, 3, 2), (0, 1, 1, 4, 6), (5, 4, 3, 1, 1))
"""How often each mark is given in them."""


def _of_a_part(lots: random.Random, content: tuple[int, ...], shops: int, part: float) -> list[int]:
    """Return a stratum: the mark of each shop that is asked the question, nought of the others."""
    return [lots.choices(range(1, 6), content)[0] if lots.random() < part else 0 for _ in range(shops)]


@pytest.mark.parametrize("expected", [5, 10, 50])
@pytest.mark.parametrize(("shops", "answered"), [ONE, THREE, UNEQUAL], ids=["one", "proportional", "equal"])
def test_of_a_question_that_a_part_was_asked_the_interval_holds_the_truth_as_often_as_promised(
    shops, answered, expected
):
    lots = random.Random(7)  # noqa: S311 - a simulation that can be repeated
    weights = {place: Weight(count, answered[place]) for place, count in enumerate(shops)}
    held, told = Counter(), Counter()
    for _ in range(POPULATIONS):
        strata = [
            _of_a_part(lots, CONTENT[place], count, expected / sum(answered)) for place, count in enumerate(shops)
        ]
        said = [mark for stratum in strata for mark in stratum if mark]
        truths = {"mean": sum(said) / len(said), "share": sum(mark > 3 for mark in said) / len(said)}
        for _ in range(REPLICATIONS):
            came = [
                [mark for mark in lots.sample(stratum, answered[place]) if mark] for place, stratum in enumerate(strata)
            ]
            sums = {
                place: Sums(len(marks), sum(marks), sum(mark * mark for mark in marks))
                for place, marks in enumerate(came)
            }
            hits = {place: sum(mark > 3 for mark in marks) for place, marks in enumerate(came)}
            counts = {place: len(marks) for place, marks in enumerate(came)}
            found = {"mean": estimating.mean(weights, sums), "share": estimating.share(weights, hits, counts)}
            for name, one in found.items():
                if one is not None and one.low is not None:
                    told[name] += 1
                    held[name] += one.low <= truths[name] <= (one.high or 0)
    rates = {name: held[name] / told[name] for name in truths}
    assert min(told.values()) > 0.85 * POPULATIONS * REPLICATIONS
    assert 0.93 <= rates["mean"] <= 0.965, rates
    assert 0.93 <= rates["share"] <= 0.98, rates


def test_where_everybody_answered_nothing_is_estimated():
    weights = {0: Weight(3, 3), 1: Weight(2, 2)}
    sums = {0: Sums(3, 9, 29), 1: Sums(2, 4, 10)}
    found = estimating.mean(weights, sums)
    assert found == estimating.Estimate(2.6, 2.6, 2.6)
    share = estimating.share(weights, {0: 1, 1: 2}, {0: 3, 1: 2})
    assert share == estimating.Estimate(0.6, 0.6, 0.6)


def test_all_alike_is_not_certainty_and_one_answer_is_no_interval():
    found = estimating.share({0: Weight(1000, 20)}, {0: 20}, {0: 20})
    assert found is not None
    assert found.value == 1
    assert 0.8 < (found.low or 0) < 0.9
    alone = estimating.mean({0: Weight(10, 1)}, {0: Sums(1, 4, 16)})
    assert alone == estimating.Estimate(4, None, None)
    assert estimating.mean({0: Weight(10, 0)}, {}) is None
    of_a_part = estimating.mean({0: Weight(10, 2)}, {0: Sums(1, 4, 16)})
    assert of_a_part == estimating.Estimate(4, None, None)


@pytest.mark.parametrize(
    ("counts", "middle"),
    [([(0, 1, 1), (0, 3, 1)], 2.0), ([(0, 1, 1), (1, 3, 1)], 3.0), ([(0, 1, 2), (0, 9, 1)], 1.0), ([], None)],
)
def test_the_median_counts_shops_and_not_answers(counts, middle):
    assert estimating.quantile({0: Weight(2, 2), 1: Weight(9, 3)}, counts, 0.5) == middle


@pytest.mark.parametrize(("freedom", "quantile"), [(1, 12.7062), (4, 2.77645), (10, 2.22814), (120, 1.97993)])
def test_students_quantiles_are_those_of_the_tables(freedom, quantile):
    assert estimating.student(freedom) == pytest.approx(quantile, rel=1e-3)


SAMPLES = st.builds(
    Sample,
    how=st.sampled_from(["all", "simple", "stratified"]),
    spread=st.sampled_from(["proportional", "equal"]),
    size=st.integers(1, 60),
)
PLACES = st.dictionaries(st.integers(0, 9999).map("R{:04}".format), st.sampled_from("1234"), min_size=1, max_size=60)


@settings(deadline=None)
@given(SAMPLES, PLACES, st.text("ab", max_size=3))
def test_every_shop_of_a_stratum_is_asked_with_the_stated_probability(sample, places, seed):
    strata = sampling.draw(sample, places, seed)
    assert sum(stratum.shops for stratum in strata) == len(places)
    assert strata == sampling.draw(sample, dict(reversed(places.items())), seed)
    for stratum in strata:
        own = [code for code, place in places.items() if sample.how != "stratified" or place == stratum.name]
        assert stratum.shops == len(own)
        lots = sorted(own, key=lambda code: sampling.lot(seed, code))
        assert set(stratum.asked) == set(lots[: len(stratum.asked)])
        assert len(stratum.asked) >= min(2, len(own))
    if sample.how == "all":
        assert sum(len(stratum.asked) for stratum in strata) == len(places)
    else:
        least = sum(min(2, stratum.shops) for stratum in strata)
        assert sum(len(stratum.asked) for stratum in strata) <= max(
            min(sample.size or 0, len(places)) + least, len(strata)
        )


def test_a_sample_is_the_same_for_ever():
    places = {f"R{number}": "12"[number % 2] for number in range(10)}
    strata = sampling.draw(Sample(how="stratified", size=4), places, "2026-11")
    assert [(one.name, one.shops, one.asked) for one in strata] == [("1", 5, ("R4", "R6")), ("2", 5, ("R3", "R9"))]


def test_an_interval_reaches_no_further_than_answers_can():
    wide = estimating.Estimate(2.0, -5.0, 9.0)
    assert estimating.within(wide, 0, None) == estimating.Estimate(2.0, 0, 9.0)
    assert estimating.within(wide, 1, 5) == estimating.Estimate(2.0, 1, 5)
    assert estimating.within(wide, None, None) == wide
    assert estimating.within(estimating.Estimate(2.0, None, None), 0, 1) == estimating.Estimate(2.0, None, None)
