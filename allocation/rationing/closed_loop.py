"""The loop of rationing: grants decide sales, sales decide weights, weights decide grants.

In the first cycles half the retailers are starved: their weights are a fraction of what they should be. From then on
weights follow what each retailer is believed to sell. Where sales are believed as they are, who got little sold
little and goes on getting little. Where unconstrained demand is estimated, the starved come back.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np

from allocation.forecasting.censoring import unconstrained
from allocation.rationing.demand import Floats, Ints, draw_demand
from allocation.rationing.history import ran_out_at, uneven
from allocation.rationing.market import grants

RETURNED: Final = 0.95
"""Retailers are back at their true share where they are granted at least this part of it."""

WEIGHT_WEEKS: Final = 8
"""Weights follow the mean of so many weeks before, the same with and without the estimator."""

_WEIGHT_UNITS = 100
_REQUEST_NOISE, _HABIT_SPREAD = 0.08, 0.12


@dataclass(frozen=True)
class Loop:
    """What a loop is like.

    Parameters
    ----------
    retailers, cycles
        How many; one cycle a week.
    starved_cycles
        In how many cycles, from the first, half the retailers are starved.
    starved_weight
        Their weight in these, as part of what it should be.
    supply
        Units on offer in each cycle, as part of the demand expected in it.
    habit
        How many times what they foresee retailers ask for, about.
    requests_missing, inflating, inflation, times_known
        As in :class:`allocation.rationing.history.Setting`.
    """

    retailers: int = 100
    cycles: int = 52
    starved_cycles: int = 10
    starved_weight: float = 0.35
    supply: float = 0.7
    habit: float = 1.2
    requests_missing: float = 0.4
    inflating: float = 0.4
    inflation: float = 1.5
    times_known: float = 0.4


def run_loop(loop: Loop, seed: int, *, estimating: bool) -> Floats:
    """Return, cycle by cycle, what the starved half was granted as part of its true share.

    The true share is what the core would grant to that half for the same requests and supply, were weights the
    demand that is truly expected in that cycle.

    Parameters
    ----------
    loop
        What it is like.
    seed
        The same town, customers, requests and records for the same number, with and without the estimator.
    estimating
        Whether weights follow estimated demand, or sales alone.
    """
    draw = np.random.default_rng([seed, 10])
    shape = loop.retailers, loop.cycles
    demand = draw_demand(draw, *shape)
    starved = draw.permutation(loop.retailers) < loop.retailers // 2
    foreseen = np.sqrt(demand.expected * np.maximum(demand.units, 0.5))
    habit = loop.habit * draw.lognormal(0, _HABIT_SPREAD, (loop.retailers, 1))
    honest = foreseen * habit * draw.lognormal(0, _REQUEST_NOISE, shape)
    inflation = np.where(draw.random(loop.retailers) < loop.inflating, loop.inflation, 1.0)
    times = draw.random(shape) < uneven(draw, loop.times_known, loop.retailers)
    records = draw.random(shape) >= uneven(draw, loop.requests_missing, loop.retailers)
    sold, requested, granted, in_stock = (np.full(shape, np.nan) for _ in range(4))
    cut = np.zeros(loop.retailers, dtype=np.bool_)
    part = np.empty(loop.cycles)
    for cycle in range(loop.cycles):
        if cycle < loop.starved_cycles:
            believed = demand.level * np.where(starved, loop.starved_weight, 1.0)
        else:
            believed = _believed(sold, requested, granted, in_stock, cycle, estimating=estimating)
        asked = np.rint(honest[:, cycle] * np.where(cut, inflation, 1.0)).astype(np.int64)
        supply = int(loop.supply * demand.expected[:, cycle].sum())
        lots = hashlib.sha256(f"evenhand loop {seed} {cycle}".encode()).hexdigest()
        got = grants(asked, _weights(believed), supply, lots)
        due = grants(asked, _weights(demand.expected[:, cycle]), supply, lots)
        part[cycle] = got[starved].sum() / due[starved].sum()
        cut = got < asked
        granted[:, cycle] = got
        sold[:, cycle] = np.minimum(demand.units[:, cycle], got)
        requested[:, cycle] = np.where(records[:, cycle], asked, np.nan)
        ran_out = ran_out_at(np.random.default_rng([seed, cycle]), demand.units[:, cycle], got)
        in_stock[:, cycle] = np.where(times[:, cycle], ran_out, np.nan)
    return part


def returned_after(part: Floats, loop: Loop) -> int | None:
    """Return after how many cycles from the end of starving the half is back for good; None where it never is.

    Parameters
    ----------
    part
        What :func:`run_loop` returned.
    loop
        What it is like.
    """
    short = np.flatnonzero(part < RETURNED)
    back = int(short[-1]) + 1 if len(short) else 0
    return max(0, back - loop.starved_cycles) if back < loop.cycles else None


def _believed(
    sold: Floats, requested: Floats, granted: Floats, in_stock: Floats, cycle: int, *, estimating: bool
) -> Floats:
    """Return what each retailer is believed to sell a week, by what is known before a cycle."""
    seen = np.s_[:, :cycle]
    units = unconstrained(sold[seen], requested[seen], granted[seen], in_stock[seen]).mean if estimating else sold[seen]
    mean: Floats = units[:, -WEIGHT_WEEKS:].mean(axis=1)
    return mean


def _weights(believed: Floats) -> Ints:
    return np.maximum(1, np.rint(believed * _WEIGHT_UNITS)).astype(np.int64)
