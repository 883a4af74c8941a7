"""Made-up histories under rationing: what they are like, and what the estimate of demand is worth on them."""

from dataclasses import replace

import numpy as np
import pytest

from allocation.rationing.accuracy import estimate, trials
from allocation.rationing.closed_loop import Loop, returned_after, run_loop
from allocation.rationing.gaming import attempts
from allocation.rationing.history import Setting, draw_history, ran_out_at

SMALL = Setting(retailers=40, weeks=20)


def test_a_history_is_what_its_setting_says():
    history = draw_history(replace(SMALL, retailers=80, requests_missing=0.5), seed=3)

    assert history.cut.mean() == pytest.approx(0.3, abs=0.03)
    assert np.isnan(history.requested).mean() == pytest.approx(0.5, abs=0.1)
    assert (history.sold == np.minimum(history.demand.units, history.granted)).all()
    assert (history.granted.sum(axis=0) <= history.supply).all()
    asked = ~np.isnan(history.requested)
    assert ((history.granted < history.requested)[asked] == history.cut[asked]).all()
    out = history.in_stock_fraction < 1
    assert (history.sold[out] == history.granted[out]).all()


def test_the_same_seed_gives_the_same_history_and_another_another():
    first, again, other = (draw_history(SMALL, seed) for seed in (1, 1, 2))

    assert (first.sold == again.sold).all()
    assert (first.granted == again.granted).all()
    assert (first.sold != other.sold).any()


def test_demand_is_more_scattered_than_chance_and_higher_at_feasts():
    demand = draw_history(replace(SMALL, retailers=200, weeks=52), seed=1).demand
    scatter = ((demand.units - demand.expected) ** 2).sum() / demand.expected.sum()

    assert scatter > 2
    assert demand.units[:, 4:6].sum() > 1.2 * demand.units[:, 7:9].sum()


def test_goods_run_out_the_sooner_the_more_is_wanted():
    draw = np.random.default_rng(1)
    wanted, offered = np.full(4000, 40), np.repeat([0, 10, 30, 40], 1000)
    at = ran_out_at(draw, wanted, offered).reshape(4, 1000).mean(axis=1)

    assert at == pytest.approx([0, 10 / 41, 30 / 41, 1], abs=0.01)


def test_a_few_cut_weeks_are_estimated_and_sales_alone_fall_short():
    (trial,) = trials(SMALL, [1])

    assert trial.sales_alone.bias < -0.08
    assert abs(trial.estimated.bias) < 0.02
    assert sum(share for share, _ in trial.ways.values()) == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.parametrize("times_known", [0.4, 0.0])
def test_over_five_seeds_the_estimate_is_near_the_truth_and_sales_alone_are_not(times_known):
    for trial in trials(Setting(times_known=times_known)):
        assert trial.cut == pytest.approx(0.3, abs=0.01)
        assert abs(trial.estimated.bias) <= 0.03
        assert abs(trial.estimated.bias_most_cut) <= 0.05
        assert trial.estimated.by_retailer <= 0.04
        assert trial.sales_alone.bias <= -0.09


@pytest.mark.slow
def test_without_times_and_requests_the_estimate_is_still_nearer_than_sales():
    for trial in trials(Setting(times_known=0.0, requests_missing=1.0)):
        assert abs(trial.estimated.bias) < 0.07 < -trial.sales_alone.bias
        assert trial.estimated.by_retailer < 0.08 < trial.sales_alone.by_retailer


@pytest.mark.slow
def test_who_was_starved_comes_back_with_the_estimate_and_not_without():
    loop = Loop()
    for seed in (1, 2):
        with_it, without = (run_loop(loop, seed, estimating=estimating) for estimating in (True, False))

        assert (with_it[: loop.starved_cycles] < 0.65).all()
        assert (with_it[: loop.starved_cycles] == without[: loop.starved_cycles]).all()
        back = returned_after(with_it, loop)
        assert back is not None
        assert back <= 10
        assert returned_after(without, loop) is None
        assert without[20] < 0.8
        assert with_it[20:].max() < 1.06  # what one half regains is not taken from the other


def test_a_half_is_back_when_it_stays_so():
    loop = Loop(cycles=6, starved_cycles=2)

    assert returned_after(np.array([0.5, 0.5, 0.96, 0.9, 0.97, 1.0]), loop) == 2
    assert returned_after(np.array([0.5, 0.5, 0.99, 0.98, 0.97, 1.0]), loop) == 0
    assert returned_after(np.array([0.5, 0.5, 0.99, 0.98, 0.97, 0.9]), loop) is None


@pytest.mark.slow
def test_asking_for_more_gains_little_and_never_more_than_sell_through_supports():
    for seed in (1, 2, 3):
        honest, always, after_cuts, when_short = attempts(Setting(), seed)

        assert honest.gain == 0
        assert [a.above_ceiling for a in (always, after_cuts, when_short)] == [0, 0, 0]
        assert always.gain < 0.05
        assert after_cuts.gain < 0.04
        assert when_short.gain < 0.06


def test_an_estimate_is_never_below_what_was_sold():
    history = draw_history(SMALL, 4)

    assert (estimate(history).mean >= history.sold - 1e-9).all()
