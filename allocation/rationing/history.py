"""A made-up history under rationing: what a distributor would know of it, beside what demand truly was.

Every week each retailer asks for what it foresees it will sell, times a habit of its own, give or take; some ask for
more in the week after they were cut. Supply is short by a degree that wanders from week to week and is worse at
feasts: so short that a given share of the lines is cut. The core grants by weighted max-min, weights
following the retailers' size only roughly, so that some are cut far more often than others. What arrives is for that
week: sold until it is gone, the customers coming evenly over the week. Some requests are missing from the records,
and the time when the goods ran out is known for some weeks, for some retailers more than for others.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from allocation.rationing.demand import FEASTS, YEAR_WEEKS, Demand, draw_demand
from allocation.rationing.market import grants

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_HABIT, _HABIT_SPREAD = 1.2, 0.12
_FORESIGHT, _REQUEST_NOISE = 0.7, 0.08
_WEIGHT_SPREAD = 0.8
_SHORT_KEPT, _SHORT_SPREAD, _SHORT_AT_FEASTS, _SHORT_MOST = 0.7, 1.3, 0.8, 0.9
_UNEVEN = 1.5


@dataclass(frozen=True)
class Setting:
    """What a history is like.

    Parameters
    ----------
    retailers, weeks
        How many.
    cut
        Share of lines that are cut, over all weeks.
    requests_missing
        Share of requests missing from the records.
    inflating
        Share of retailers that ask for more after a cut.
    inflation
        How many times as much they ask for, from … to.
    times_known
        Share of weeks for which it is known when the goods ran out, if they did.
    """

    retailers: int = 200
    weeks: int = 52
    cut: float = 0.3
    requests_missing: float = 0.4
    inflating: float = 0.4
    inflation: tuple[float, float] = (1.3, 2.0)
    times_known: float = 0.4


@dataclass(frozen=True)
class History:
    """A history; arrays of shape (retailers, weeks), units, nan where the records hold nothing.

    `demand` is the truth, which no distributor knows; `cut` says where a line got less than it asked for; `supply`
    holds the units on offer in each week.
    """

    demand: Demand
    sold: Floats
    requested: Floats
    granted: Floats
    in_stock_fraction: Floats
    cut: Bools
    supply: Ints


def draw_history(setting: Setting, seed: int, asking: Floats | None = None, supply: Ints | None = None) -> History:
    """Make up a history; the same arguments give the same one.

    Parameters
    ----------
    setting
        What it is like.
    seed
        The same town, customers and records for the same number.
    asking
        How many times as much as in that history each retailer asks for, of shape (retailers, weeks); 1 where absent.
    supply
        Units on offer in each week; where absent, so many that the share of the lines that the setting names is cut.
    """
    draw = np.random.default_rng([seed, 52])
    shape = setting.retailers, setting.weeks
    demand = draw_demand(draw, *shape)
    weight = np.maximum(1, np.rint(demand.level * 10 * draw.lognormal(0, _WEIGHT_SPREAD, setting.retailers)))
    habit = _HABIT * draw.lognormal(0, _HABIT_SPREAD, (setting.retailers, 1))
    foreseen = demand.expected ** (1 - _FORESIGHT) * np.maximum(demand.units, 0.5) ** _FORESIGHT
    honest = foreseen * habit * draw.lognormal(0, _REQUEST_NOISE, shape)
    inflating = draw.permutation(setting.retailers) < round(setting.inflating * setting.retailers)
    inflation = np.where(inflating, draw.uniform(*setting.inflation, setting.retailers), 1.0)
    short = _shortages(draw, setting)
    honest = honest if asking is None else honest * asking
    requested, granted = np.empty(shape, dtype=np.int64), np.empty(shape, dtype=np.int64)
    on_offer = np.empty(setting.weeks, dtype=np.int64)
    cut = np.zeros(shape, dtype=np.bool_)
    for week in range(setting.weeks):
        after_cut = cut[:, week - 1] if week else np.zeros(setting.retailers, dtype=np.bool_)
        requested[:, week] = np.rint(honest[:, week] * np.where(after_cut, inflation, 1.0))
        on_offer[week] = _supply(requested[:, week], weight, short[week]) if supply is None else supply[week]
        granted[:, week] = grants(
            requested[:, week], weight.astype(np.int64), int(on_offer[week]), _seed_of(seed, week)
        )
        cut[:, week] = granted[:, week] < requested[:, week]
    sold = np.minimum(demand.units, granted)
    in_stock = ran_out_at(np.random.default_rng([seed, 53]), demand.units, granted)
    times = draw.random(shape) < uneven(draw, setting.times_known, setting.retailers)
    records = draw.random(shape) >= uneven(draw, setting.requests_missing, setting.retailers)
    return History(
        demand=demand,
        sold=sold.astype(np.float64),
        requested=np.where(records, requested, np.nan),
        granted=granted.astype(np.float64),
        in_stock_fraction=np.where(times, in_stock, np.nan),
        cut=cut,
        supply=on_offer,
    )


def ran_out_at(draw: np.random.Generator, demand: Ints, offered: Ints) -> Floats:
    """Return the part of the week that had passed when the last unit was sold; 1 where something was left.

    Customers come at independent, even times, so that the g-th of D comes at a time with law Beta(g, D − g + 1).
    """
    out = demand >= offered
    at = draw.beta(np.maximum(offered, 1), np.maximum(demand - offered, 0) + 1)
    return np.where(out & (demand > offered), np.where(offered > 0, at, 0.0), 1.0)


def _shortages(draw: np.random.Generator, setting: Setting) -> Floats:
    """Return the share of lines to be cut in each week, `setting.cut` on average."""
    state = np.empty(setting.weeks)
    steps = draw.normal(0, 1, setting.weeks)
    state[0] = steps[0]
    for week in range(1, setting.weeks):
        state[week] = _SHORT_KEPT * state[week - 1] + np.sqrt(1 - _SHORT_KEPT**2) * steps[week]
    of_year = np.arange(setting.weeks) % YEAR_WEEKS
    state = _SHORT_SPREAD * state + sum(_SHORT_AT_FEASTS * ((of_year >= f) & (of_year < f + 2)) for f in FEASTS)
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        short = _SHORT_MOST / (1 + np.exp(-state - middle))
        low, high = (middle, high) if short.mean() < setting.cut else (low, middle)
    return short


def _supply(requested: Ints, weight: Floats, short: float) -> int:
    """Return the supply under which weighted max-min cuts this share of the lines."""
    level = np.quantile(requested / weight, 1 - short, method="lower")
    return int(np.minimum(requested, level * weight).sum())


def uneven(draw: np.random.Generator, share: float, retailers: int) -> Floats:
    """Return a share for each retailer, very unequal, this one on average."""
    if share in (0.0, 1.0):
        return np.full((retailers, 1), share)
    return draw.beta(_UNEVEN * share, _UNEVEN * (1 - share), (retailers, 1))


def _seed_of(seed: int, week: int) -> str:
    return hashlib.sha256(f"evenhand rationing {seed} {week}".encode()).hexdigest()
