"""Surges: shops that ask for far more than their own history lets one expect. Pure.

The history is a table of shops and cycles, in logarithms. Median polish (Tukey 1977) splits it into the level of each
shop, the move of the whole network in each cycle, and what is left; so a season or a shortage that moves everybody is
nobody's surge. What is left of this cycle is measured in robust spreads, 1.4826 times the median absolute deviation,
the shop's own or the network's middle one, whichever is larger. How many are too many is not a constant: the same is
measured for every shop and every earlier cycle, that cycle left out, and all but one in a thousand of those lie below
(a conformal bound; Vovk et al. 2005, Bates et al. 2023). It needs no distribution, only that this cycle is like those
before it. A shop that asked for as much a year ago, the network's move taken out, has a season of its own and is left
in peace.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, exp, log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.signals.rules import ERROR_RATE, Finding

CYCLES: Final = 12
"""So many of the last cycles are the history."""
CYCLES_LEAST: Final = 6
"""A shop with fewer of them has no history to stand out from."""
YEAR: Final = timedelta(days=365)
YEAR_CYCLES: Final = 3
YEAR_WITHIN: Final = timedelta(days=35)
"""Besides, the three cycles that closed nearest to a year before, within five weeks of it."""
TIMES_LEAST: Final = 2.0
"""Less than twice the usual is nobody's business, however steady the shop."""
ROUNDS: Final = 3
MAD_TO_SPREAD: Final = 1.4826


@dataclass(frozen=True)
class Past:
    """What a shop asked for in an earlier cycle."""

    closed_at: datetime
    units: int


def surges(asked: Mapping[str, int], history: Mapping[str, Sequence[Past]], closed_at: datetime) -> list[Finding]:
    """Return the shops that ask for far more than they used to.

    Parameters
    ----------
    asked
        Units that each shop asks for in the cycle that closed at ``closed_at``.
    history
        Of each shop its earlier cycles, the oldest first; those in which it did not order are absent.
    """
    shops = [
        shop for shop in sorted(asked, key=str.encode) if asked[shop] > 0 and _recent(history.get(shop, ()), closed_at)
    ]
    if not shops:
        return []
    cycles = sorted({past.closed_at for shop in shops for past in history[shop]})
    place = {at: column for column, at in enumerate(cycles)}
    table = np.full((len(shops), len(cycles) + 1), np.nan)
    for row, shop in enumerate(shops):
        for past in history[shop]:
            table[row, place[past.closed_at]] = log(past.units)
        table[row, -1] = log(asked[shop])
    last_year = np.array([a_year_before(at, closed_at) for at in cycles])
    recent = ~last_year
    usual, network = _polish(table[:, :-1], recent)
    rest = table[:, :-1] - usual[:, None] - network[None, :]
    now = table[:, -1] - usual
    moved = float(np.median(now))
    above = now - moved
    own = MAD_TO_SPREAD * _middle(np.abs(rest[:, recent] - _middle(rest[:, recent])[:, None]))
    common = float(np.median(own))
    spread = np.maximum(np.maximum(own, common), np.finfo(float).eps)
    bound = _bound(rest[:, recent], common)
    season = _middle(rest[:, last_year]) if last_year.any() else np.full(len(shops), np.nan)
    beyond_season = np.isnan(season) | (above - season >= log(TIMES_LEAST))
    found = np.flatnonzero((above >= log(TIMES_LEAST)) & (above / spread > bound) & beyond_season)
    return [
        Finding(
            "surge",
            (shops[row],),
            {
                "asked_units": asked[shops[row]],
                "expected_units": round(exp(usual[row] + moved)),
                "times": round(exp(above[row]), 2),
                "network_percent": round((exp(moved) - 1) * 100),
                "cycles": int((~np.isnan(rest[row, recent])).sum()),
                "spreads": round(float(above[row] / spread[row]), 1),
                "bound": round(bound, 1),
                "year_before": not bool(np.isnan(season[row])),
                "history": [
                    {
                        "closed_at": past.closed_at.isoformat(),
                        "units": past.units,
                        "expected_units": round(exp(usual[row] + network[place[past.closed_at]])),
                    }
                    for past in history[shops[row]]
                ],
            },
        )
        for row in found
    ]


def _recent(history: Sequence[Past], closed_at: datetime) -> bool:
    """Return whether a history without the cycles of a year ago is long enough."""
    return sum(not a_year_before(past.closed_at, closed_at) for past in history) >= CYCLES_LEAST


def a_year_before(at: datetime, closed_at: datetime) -> bool:
    """Return whether a cycle that closed ``at`` belongs to the season of the one that closed at ``closed_at``."""
    return abs(closed_at - at - YEAR) <= YEAR_WITHIN


def _polish(table: NDArray[np.float64], recent: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the level of each row by its recent columns, and the move of each column."""
    move = np.zeros(table.shape[1])
    for _ in range(ROUNDS):
        level = _middle((table - move)[:, recent])
        move = _middle((table - level[:, None]).T)
    return _middle((table - move)[:, recent]), move


def _bound(rest: NDArray[np.float64], common: float) -> float:
    """Return what all but one in a thousand of the earlier cycles stay below, each measured by its shop's others."""
    scores = []
    for column in range(rest.shape[1]):
        others = np.delete(rest, column, axis=1)
        middle = _middle(others)
        own = MAD_TO_SPREAD * _middle(np.abs(others - middle[:, None]))
        scores.append((rest[:, column] - middle) / np.maximum(np.maximum(own, common), np.finfo(float).eps))
    known = np.sort(np.concatenate(scores))
    known = known[~np.isnan(known)]
    return float(known[min(ceil((len(known) + 1) * (1 - ERROR_RATE)), len(known)) - 1])


def _middle(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of each row's known figures; of a row that has none, not a number."""
    order = np.sort(table, axis=1)
    known = (~np.isnan(table)).sum(axis=1)
    rows = np.arange(len(table))
    low, high = np.maximum(known - 1, 0) // 2, np.minimum(known // 2, table.shape[1] - 1)
    return np.where(known > 0, (order[rows, low] + order[rows, high]) / 2, np.nan)
