"""Large accounts that steer small ones: small shops that copy a large one shortly after it ordered. Pure.

Of the logarithm of the units what all shops ask for of that SKU on average is taken away, so that what is popular
makes nobody alike; a SKU in units that more than one shop in twenty asks for is left out. Two baskets are compared by
Pearson's correlation over the SKUs of both; a basket that is another's times a factor has 1. Fisher's transformation
(1915) says how far a correlation of baskets that have nothing to do with each other strays; the bound is divided by
the number of pairs that are compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import atanh, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.signals.rules import ERROR_RATE, Finding, uncommon

LAG: Final = timedelta(minutes=15)
COMMON_LEAST: Final = 10
ALIKE_LEAST: Final = 0.85
FOLLOWERS_LEAST: Final = 3
SIZE_MOST: Final = 0.5
"""A follower asks for no more than this share of what the leader asks for."""
LARGE_SHARE: Final = 0.05
"""Leaders are sought among the shops that ask for most: this share of all that ordered."""
LEADERS_AT_ONCE: Final = 64
#: What rounding leaves of a spread that is none.
NOTHING: Final = 1e-12


@dataclass(frozen=True)
class _Likeness:
    """Correlation and number of common SKUs: a row for each leader, a column for each shop."""

    alike: NDArray[np.float64]
    common: NDArray[np.int64]


def steering(baskets: Mapping[str, Mapping[str, int]], placed: Mapping[str, datetime]) -> list[Finding]:
    """Return large shops that at least three small ones copy; ``placed`` is when each shop's first order came."""
    shops = [shop for shop in sorted(baskets, key=str.encode) if shop in placed and baskets[shop]]
    asked = {shop: sum(baskets[shop].values()) for shop in shops}
    leaders = sorted(shops, key=lambda shop: (-asked[shop], shop.encode()))[: max(1, int(len(shops) * LARGE_SHARE))]
    if len(shops) <= FOLLOWERS_LEAST:
        return []
    strays = NormalDist().inv_cdf(1 - ERROR_RATE / (len(leaders) * len(shops)))
    measured = _likeness(baskets, leaders, shops)
    near = (measured.alike >= ALIKE_LEAST) & (measured.common >= COMMON_LEAST)
    found = []
    for row, leader in enumerate(leaders):
        followers = {
            shops[at]: {
                "alike_percent": round(float(measured.alike[row, at]) * 100),
                "common_skus": int(measured.common[row, at]),
                "lag_s": round((placed[shops[at]] - placed[leader]).total_seconds()),
            }
            for at in np.flatnonzero(near[row])
            if timedelta() < placed[shops[at]] - placed[leader] <= LAG
            and asked[shops[at]] <= SIZE_MOST * asked[leader]
            and _beyond(float(measured.alike[row, at]), int(measured.common[row, at]), strays)
        }
        if len(followers) >= FOLLOWERS_LEAST:
            found.append(_finding(leader, followers, asked))
    return found


def _finding(leader: str, followers: Mapping[str, Mapping[str, int]], asked: Mapping[str, int]) -> Finding:
    shops = (leader, *sorted(followers, key=lambda shop: (followers[shop]["lag_s"], shop.encode())))
    evidence = {
        "followers": len(followers),
        "least_alike_percent": min(one["alike_percent"] for one in followers.values()),
        "least_common_skus": min(one["common_skus"] for one in followers.values()),
        "last_lag_s": max(one["lag_s"] for one in followers.values()),
        "followers_units": sum(asked[shop] for shop in followers),
        "asked_units": asked[leader],
    }
    return Finding("steering", shops, evidence, {leader: {"lag_s": 0}, **followers})


def _beyond(alike: float, common: int, strays: float) -> bool:
    return atanh(min(alike, 1 - NOTHING)) * sqrt(common - 3) >= strays


def _likeness(baskets: Mapping[str, Mapping[str, int]], leaders: list[str], shops: list[str]) -> _Likeness:
    """Measure how baskets are alike in what is their own. Memory: shops times SKUs, thrice."""
    skus = {sku: at for at, sku in enumerate(sorted({sku for shop in shops for sku in baskets[shop]}, key=str.encode))}
    telling = uncommon({shop: baskets[shop].items() for shop in shops})
    own = np.zeros((len(shops), len(skus)))
    there = np.zeros((len(shops), len(skus)))
    for row, shop in enumerate(shops):
        for sku, units in baskets[shop].items():
            if (sku, units) in telling:
                own[row, skus[sku]], there[row, skus[sku]] = np.log(units), 1.0
    own -= there * (own.sum(axis=0) / np.maximum(there.sum(axis=0), 1.0))
    square = own * own
    place = {shop: row for row, shop in enumerate(shops)}
    alike = np.zeros((len(leaders), len(shops)))
    common = np.zeros((len(leaders), len(shops)), dtype=np.int64)
    for start in range(0, len(leaders), LEADERS_AT_ONCE):
        some = [place[shop] for shop in leaders[start : start + LEADERS_AT_ONCE]]
        n = there[some] @ there.T
        count = np.maximum(n, 1.0)
        x, y = own[some] @ there.T, there[some] @ own.T
        covariance = own[some] @ own.T - x * y / count
        spread = (square[some] @ there.T - x * x / count) * (there[some] @ square.T - y * y / count)
        with np.errstate(invalid="ignore", divide="ignore"):
            part = np.where(spread > NOTHING, covariance / np.sqrt(np.maximum(spread, NOTHING)), 0.0)
        alike[start : start + len(some)] = part
        common[start : start + len(some)] = n.round().astype(np.int64)
    return _Likeness(alike, common)
