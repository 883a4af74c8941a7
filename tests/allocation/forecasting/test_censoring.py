"""Unconstrained demand: how each week's figure is found, what is believed of a request, what is refused."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from allocation.errors import InputError
from allocation.forecasting import censoring
from allocation.forecasting.censoring import Way, unconstrained

NOT_KNOWN = np.nan


def a_class(seed=1, retailers=30, weeks=40, shape=8.0, after_a_cut=1.0):
    """Make up a class that is rationed at random: demand, and what is known of it.

    Retailers ask for 1.3 times what they will sell, and in weeks after a cut for so many times that.
    """
    draw = np.random.default_rng(seed)
    level = 30 * draw.lognormal(0, 0.5, (retailers, 1))
    demand = draw.poisson(level * draw.gamma(shape, 1 / shape, (retailers, weeks))).astype(float)
    offered = np.rint(level * draw.choice([3.0, 3.0, 0.7], (retailers, weeks)))
    requested = np.rint(np.maximum(demand, 1) * 1.3)
    for week in range(1, weeks):
        requested[:, week] *= np.where(offered[:, week - 1] < requested[:, week - 1], after_a_cut, 1)
    granted = np.minimum(offered, requested)
    return demand, {"sold": np.minimum(demand, granted), "requested": requested, "granted": granted}


def names(estimates):
    return [[Way(way).name for way in line] for line in estimates.way]


def test_where_goods_did_not_run_out_demand_is_what_was_sold():
    seen = unconstrained(sold=[[5, 8, 0]], granted=[[9, 9, 9]])

    assert seen.mean.tolist() == seen.ceiling.tolist() == [[5, 8, 0]]
    assert names(seen) == [["SOLD"] * 3]


def test_a_known_time_carries_sales_on_to_the_end_of_the_week():
    seen = unconstrained(sold=[[40.0] * 20 + [20.0]], in_stock_fraction=[[1.0] * 20 + [0.5]])

    assert names(seen)[0][-1] == "TIME"
    assert seen.mean[0, -1] == pytest.approx(40, rel=0.02)


def test_what_was_sold_in_an_hour_says_little_by_itself():
    demand, known = a_class()
    history = {"sold": demand, "in_stock_fraction": np.ones_like(demand)}
    usual = demand[0].mean()
    history["sold"][0, -1], history["in_stock_fraction"][0, -1] = 9, 0.02
    without = unconstrained(**history)
    known["requested"][0, -1] = 1.3 * 50
    asked = unconstrained(**history, requested=known["requested"])

    assert names(without)[0][-1] == "MODEL"
    assert usual < without.mean[0, -1] < 3 * usual < 9 / 0.02
    assert names(asked)[0][-1] == "REQUEST"
    assert asked.mean[0, -1] == pytest.approx(50, rel=0.1)


def test_a_request_counts_as_much_as_it_did_when_demand_was_known():
    demand, known = a_class()
    seen = unconstrained(**known)

    by_request = seen.way == Way.REQUEST
    assert by_request.mean() > 0.2
    assert seen.mean[by_request].sum() == pytest.approx(demand[by_request].sum(), rel=0.02)
    assert np.abs(seen.mean - demand)[by_request].mean() < 0.1 * demand[by_request].mean()


def test_asking_for_twice_as_much_always_changes_nothing():
    _, known = a_class()
    often = np.where(np.arange(30)[:, None] % 3 == 0, 2.0, 1.0)
    plain = unconstrained(**known).mean
    doubled = unconstrained(**known | {"requested": known["requested"] * often}).mean

    assert doubled.sum(axis=1) == pytest.approx(plain.sum(axis=1), rel=0.03)


def test_requests_after_a_cut_are_measured_by_themselves():
    demand, known = a_class(weeks=80, after_a_cut=2)
    seen = unconstrained(**known)

    after = np.zeros(demand.shape, dtype=bool)
    after[:, 1:] = (known["granted"] < known["requested"])[:, :-1]
    cells = after & np.isin(seen.way, (Way.REQUEST, Way.CAPPED))
    assert cells.mean() > 0.05
    assert seen.mean[cells].sum() == pytest.approx(demand[cells].sum(), rel=0.04)


def test_without_times_and_requests_the_other_weeks_say_what_is_likely():
    demand, known = a_class(retailers=60)
    seen = unconstrained(sold=known["sold"], granted=known["granted"])

    blind = seen.way == Way.MODEL
    assert known["sold"][blind].sum() < 0.75 * demand[blind].sum()
    assert seen.mean.sum() == pytest.approx(demand.sum(), rel=0.03)


def test_a_line_that_was_cut_in_every_week_is_raised_about_as_others_are():
    demand, known = a_class(retailers=60)
    known["granted"][0] = known["sold"][0] = np.minimum(demand[0], np.rint(demand[0].mean() * 0.4))
    seen = unconstrained(sold=known["sold"], granted=known["granted"])

    assert 1.2 * known["sold"][0].sum() < seen.mean[0].sum() < 2 * demand[0].sum()


def test_weeks_in_which_nearly_all_were_cut_lie_between_their_neighbours():
    demand, known = a_class(retailers=60)
    weeks, usual = slice(20, 23), demand.mean(axis=1)[:, None]
    known["granted"][:, weeks] = known["sold"][:, weeks] = np.minimum(demand[:, weeks], np.rint(usual * 0.15))
    seen = unconstrained(sold=known["sold"], granted=known["granted"])

    assert seen.mean[:, weeks].sum(axis=0) == pytest.approx(demand[:, weeks].sum(axis=0), rel=0.1)


def test_stock_left_over_was_on_offer_too():
    history = {"sold": [[10.0] * 10], "granted": [[8.0] * 10]}

    assert names(unconstrained(**history, opening_stock=[[5.0] * 10])) == [["SOLD"] * 10]
    assert names(unconstrained(**history, opening_stock=[[2.0] * 10])) == [["MODEL"] * 10]


def test_what_is_not_known_has_no_figure_and_spoils_none():
    demand, known = a_class()
    known["sold"][:, :5] = NOT_KNOWN
    known["sold"][7] = NOT_KNOWN
    seen = unconstrained(**known)

    hidden = np.isnan(known["sold"])
    assert np.isnan(seen.mean[hidden]).all()
    assert (seen.way[hidden] == Way.UNKNOWN).all()
    assert np.isfinite(seen.mean[~hidden]).all()
    assert seen.mean[~hidden].sum() == pytest.approx(demand[~hidden].sum(), rel=0.02)


@pytest.mark.parametrize("value", [0.0, NOT_KNOWN])
def test_nothing_sold_ever_and_nothing_known_are_answered(value):
    seen = unconstrained(sold=np.full((3, 4), value), granted=np.zeros((3, 4)), requested=np.zeros((3, 4)))

    assert np.nansum(seen.mean) == pytest.approx(0, abs=1e-6)
    assert np.isnan(seen.mean).all() == np.isnan(value)


def test_classes_are_estimated_by_themselves_and_retailers_stand_in_any_order():
    _, first = a_class(seed=1)
    _, second = a_class(seed=2)
    both = {name: np.stack([first[name], second[name]], axis=1) for name in first}
    seen = unconstrained(**both)

    assert seen.mean.shape == (30, 2, 40)
    assert seen.line_ceiling.shape == (30, 2)
    assert (seen.mean[:, 1] == unconstrained(**second).mean).all()
    order = np.random.default_rng(3).permutation(30)
    shuffled = unconstrained(**{name: column[order] for name, column in first.items()})
    assert shuffled.mean == pytest.approx(unconstrained(**first).mean[order])


INFLATION = arrays.arrays(np.float64, (12, 20), elements=st.floats(0, 1000))


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.integers(0, 50), INFLATION, st.booleans())
def test_inflating_requests_never_raises_the_estimate_above_what_sell_through_supports(seed, inflation, missing):
    _, known = a_class(seed, retailers=12, weeks=20)
    supported = unconstrained(sold=known["sold"], granted=known["granted"])
    asked = np.maximum(np.rint(known["requested"] * inflation), known["granted"])
    if missing:
        asked[:, ::3] = NOT_KNOWN
    seen = unconstrained(**known | {"requested": asked})

    assert (seen.ceiling == supported.ceiling).all()
    assert (seen.line_ceiling == supported.line_ceiling).all()
    assert (seen.mean <= supported.ceiling * (1 + 1e-9)).all()
    assert (seen.mean.sum(axis=1) <= supported.line_ceiling * (1 + 1e-9)).all()
    assert (seen.mean >= known["sold"] * (1 - 1e-12)).all()
    assert np.isfinite(seen.mean).all()


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.data(), st.floats(0.1, 1e6), st.integers(1, 6), st.integers(1, 12))
def test_whatever_the_records_hold_the_answer_is_finite_and_stays_within_its_ceilings(data, level, retailers, weeks):
    def drawn(values):
        return data.draw(arrays.arrays(np.float64, (retailers, weeks), elements=st.sampled_from(values)))

    sold = np.rint(level * drawn([0.0, 0.3, 1.0, 4.0, NOT_KNOWN]))
    seen = unconstrained(
        sold,
        requested=np.rint(level * drawn([0.0, 1.0, 1e6, NOT_KNOWN])),
        granted=np.rint(level * drawn([0.0, 0.3, 9.0, NOT_KNOWN])),
        in_stock_fraction=drawn([0.0, 0.01, 0.5, 0.999, 1.0, NOT_KNOWN]),
    )

    known = ~np.isnan(sold)
    assert (known == (seen.way != Way.UNKNOWN)).all()
    assert np.isfinite(seen.mean[known]).all()
    assert (seen.mean[known] >= sold[known] * (1 - 1e-9) - 1e-9).all()
    assert (seen.mean[known] <= seen.ceiling[known] * (1 + 1e-9)).all()
    assert (np.nansum(seen.mean, axis=1) <= seen.line_ceiling * (1 + 1e-9) + 1e-9).all()
    assert (seen.mean[known] <= 1000 * max(4 * level, 1)).all()


def test_records_that_never_show_demand_support_no_more_than_some_times_the_sales():
    sold = np.tile([[5.0], [50.0]], (1, 30))
    seen = unconstrained(sold, granted=sold)

    assert (seen.way == Way.MODEL).all()
    assert (seen.mean < 6 * sold).all()


def test_the_ceiling_of_a_line_is_near_what_is_likely():
    _, known = a_class()
    seen = unconstrained(sold=known["sold"], granted=known["granted"])

    assert np.median(seen.line_ceiling / seen.mean.sum(axis=1)) < 1.05


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"sold": [[1.0, -1.0]]}, ["sold", '"-1"', "(0, 1)"]),
        ({"sold": [[1.0, np.inf]]}, ["sold", '"inf"', "(0, 1)"]),
        ({"sold": [1.0, 2.0]}, ["sold", "shape (2,)", "(retailers, weeks)"]),
        ({"sold": [["a", "b"]]}, ["sold", "numbers are needed"]),
        ({"granted": [[1.0]]}, ["granted", "shape (1, 1)", "(1, 2)"]),
        ({"in_stock_fraction": [[0.5, 1.5]]}, ["in_stock_fraction", '"1.5"', "0 to 1"]),
        ({"requested": [["x", "y"]]}, ["requested", "numbers are needed"]),
        ({"opening_stock": [[1e300, 0.0]]}, ["opening_stock", "1e+300"]),
    ],
)
def test_bad_input_is_refused_by_name_and_cell(wrong, named):
    with pytest.raises(InputError) as refused:
        unconstrained(**{"sold": [[1.0, 2.0]]} | wrong)

    for part in named:
        assert part in str(refused.value)


def test_the_example_in_the_documentation_is_what_one_gets():
    found = doctest.testmod(censoring)

    assert found.attempted > 0
    assert found.failed == 0
