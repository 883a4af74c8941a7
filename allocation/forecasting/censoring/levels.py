"""Levels, weeks and spread of demand from censored sales, by expectation and maximisation.

Demand of a retailer in a week is negative binomial with mean *level × week factor* and the retailer's own shape. The
level moves slowly; the week factor is the class's. Given these, what a sold-out week would have sold is expected
(E-step); given that, levels, factors and shapes follow (M-step). Dempster, Laird, Rubin, *JRSS B* 39, 1977; for
censored demand Vulcano, van Ryzin, Ratliff, *Operations Research* 60, 2012; Conlon, Mortimer, *AEJ: Microeconomics* 5,
2013.

Requests play no part here: this is what sell-through alone supports.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from allocation.forecasting.censoring.evidence import Bools, Evidence, Floats
from allocation.forecasting.censoring.negative_binomial import SHAPE_LEAST, SHAPE_MOST, tail_moments

ROUNDS_MOST: Final = 40
SETTLED: Final = 2e-4
"""Rounds end when no more than this part of all demand still moves."""

HALF_LIFE_WEEKS: Final = 10.0
"""A week so far away counts half for the level of a week."""

OWN_WEEKS: Final = 4.0
"""The level of a week leans on the line's level over the whole history as if that were so many weeks."""

PEER_WEEKS: Final = 5.0
"""A line's level leans, as if that were so many weeks, on its own sales raised as those of its class are."""

RAISED_MOST: Final = 5.0
"""No level is taken to be more than so many times the fastest that the line ever sold.

Sales that never show what demand was would otherwise support any: each round would raise what the next believes.
"""

SPREAD_WEEKS: Final = 26.0
"""A line's spread leans on that of its class as if that were so many weeks."""

BLIND_MOST: Final = 0.7
"""Where more of a week's lines sold out at unknown times, its factor is interpolated from the weeks around it."""

WEEK_SPREAD: Final = 0.3
"""Week factors lie about so far from 1; a class of few lines is drawn there as far as its own weeks are noisy."""

_TINY: Final = 1e-9


@dataclass(frozen=True)
class Expected:
    """What a model expects in each week, and how surely; all of shape (retailers, weeks) but the last two.

    Parameters
    ----------
    mean
        Demand expected without knowing what was sold in that week.
    demand, variance
        Demand given what is known of that week, and its variance; of a week that is known, what was sold, and 0.
    shape
        Of each line's law; shape (retailers,).
    level_error
        Relative standard error of each line's level; shape (retailers,).
    """

    mean: Floats
    demand: Floats
    variance: Floats
    shape: Floats
    level_error: Floats


def given_sales(evidence: Evidence, mean: Floats, shape: Floats) -> tuple[Floats, Floats]:
    """Return demand of each week and its variance, given what was sold and, where known, when that ran out.

    A week that sold *g* units in a fraction *T* has rate gamma distributed with shape r + g and mean
    (r + g)/(r/μ + T): *sold ÷ fraction*, drawn towards what is usual the less there is of either. What is not known
    to have sold out is what was sold; a week of which nothing is known has 0.
    """
    demand, variance = evidence.sold.copy(), np.zeros_like(mean)
    line, week = np.nonzero(evidence.timed)
    sold, left, r = evidence.sold[line, week], 1 - evidence.in_stock[line, week], shape[line]
    rate = (r + sold) / (r / np.maximum(mean[line, week], _TINY) + 1 - left)
    demand[line, week] = sold + left * rate
    variance[line, week] = left * rate * (1 + left * rate / (r + sold))
    line, week = np.nonzero(evidence.blind)
    first, second = tail_moments(evidence.sold[line, week], mean[line, week], shape[line])
    demand[line, week] = first
    variance[line, week] = np.maximum(second - first * first, 0)
    return demand, variance


def fit(evidence: Evidence) -> Expected:
    """Fit the model of one class; a line that is never known expects nothing."""
    sold, seen = evidence.sold, evidence.known.astype(np.float64)
    demand = sold.copy()
    shape = np.full(len(sold), 5.0)
    factors = np.ones(sold.shape[1])
    trusted = _trusted_weeks(evidence)
    mean = variance = np.zeros_like(sold)
    most = RAISED_MOST * evidence.most
    before = 0.0
    for _ in range(ROUNDS_MOST):
        mean = np.minimum(_levels(evidence, demand, seen * factors), most[:, None])
        mean *= factors
        expected = mean * seen
        factors = _factors(demand, expected, factors, shape, trusted)
        demand, variance = given_sales(evidence, mean, shape)
        shape = _shapes(evidence, demand, variance, expected)
        total = float(demand.sum())
        if abs(total - before) <= SETTLED * total:
            break
        before = total
    return Expected(mean, demand, variance, shape, _level_error(evidence, mean, shape))


def _trusted_weeks(evidence: Evidence) -> Bools:
    """Say for which weeks a factor can be found; all where it could be for none."""
    lines = evidence.known.sum(axis=0)
    trusted = (lines > 0) & (evidence.blind.sum(axis=0) <= BLIND_MOST * lines)
    return trusted if trusted.any() else np.ones_like(trusted)


def _levels(evidence: Evidence, demand: Floats, exposure: Floats) -> Floats:
    """Return the level of each line in each week; `exposure` is the week's factor, 0 where nothing is known."""
    whole = demand.sum(axis=1), exposure.sum(axis=1)
    sold = evidence.sold.sum(axis=1)
    sold_out = np.where(evidence.sold_out, evidence.sold, 0).sum(axis=1)
    # What did not sell out is the same in both sums: the difference is what the sold-out weeks are raised by.
    raised = (demand.sum() - sold.sum()) / max(float(sold_out.sum()), _TINY)
    peers = (sold + raised * sold_out) / np.maximum(whole[1], _TINY)
    own = (whole[0] + PEER_WEEKS * peers) / (whole[1] + PEER_WEEKS)
    own = np.where(whole[1] > 0, own, 0.0)[:, None]
    return (_around(demand) + OWN_WEEKS * own) / (_around(exposure) + OWN_WEEKS)


def _around(values: Floats) -> Floats:
    """Sum over weeks, each counting the less the further it is away, in both directions."""
    kept = 0.5 ** (1 / HALF_LIFE_WEEKS)
    by_week = np.ascontiguousarray(values.T)
    ahead, behind = by_week.copy(), by_week.copy()
    for week in range(1, len(by_week)):
        ahead[week] += kept * ahead[week - 1]
        behind[-week - 1] += kept * behind[-week]
    ahead += behind
    ahead -= by_week
    return ahead.T


def _factors(demand: Floats, expected: Floats, before: Floats, shape: Floats, trusted: Bools) -> Floats:
    """Return the factor of each week, their mean being 1 over the weeks."""
    of_week = np.maximum(expected.sum(axis=0), _TINY)
    noise = (expected + expected * expected / shape[:, None]).sum(axis=0) / of_week**2
    ratio = before * demand.sum(axis=0) / of_week
    sure = WEEK_SPREAD**2 / (WEEK_SPREAD**2 + noise)
    found = np.maximum(1 + sure * (ratio - 1), _TINY)
    weeks = np.arange(len(found))
    factors: Floats = np.exp(np.interp(weeks, weeks[trusted], np.log(found[trusted])))
    factors /= factors.mean()
    return factors


def _shapes(evidence: Evidence, demand: Floats, variance: Floats, expected: Floats) -> Floats:
    """Return the shape of each line, by moments, drawn towards that of the class."""
    around = (1 + 0.5 ** (1 / HALF_LIFE_WEEKS)) / (1 - 0.5 ** (1 / HALF_LIFE_WEEKS)) + OWN_WEEKS
    weeks = evidence.known.sum(axis=1)
    bend = 1 - 1 / np.minimum(np.maximum(weeks, 2), around)
    off = demand - expected
    off *= off
    excess = (off.sum(axis=1) + variance.sum(axis=1)) / bend - expected.sum(axis=1)
    square = np.einsum("ij,ij->i", expected, expected)
    of_class = max(float(excess.sum()), 0.0) / max(float(square.sum()), _TINY)
    usual = SPREAD_WEEKS * square / np.maximum(weeks, 1)
    spread = (excess + of_class * usual) / np.maximum(square + usual, _TINY)
    shape: Floats = 1 / np.clip(spread, 1 / SHAPE_MOST, 1 / SHAPE_LEAST)
    return shape


def _level_error(evidence: Evidence, mean: Floats, shape: Floats) -> Floats:
    """Return how far a line's level may be off: by its spread over the weeks that say something by themselves."""
    seen = np.where(evidence.timed, evidence.in_stock, evidence.known & ~evidence.sold_out)
    typical = np.maximum(np.where(evidence.known, mean, 0).sum(axis=1) / np.maximum(evidence.known.sum(axis=1), 1), 0.1)
    error: Floats = np.sqrt((1 / typical + 1 / shape) / (seen.sum(axis=1) + PEER_WEEKS))
    return error
