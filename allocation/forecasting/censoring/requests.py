"""What a request says about demand: as much as it did in weeks in which demand is known.

A retailer asks for so many times what it sells: its own *request-to-demand ratio*, found in the weeks that did not
sell out or did so late at a known time. It is kept apart for weeks after a cut, since some ask for more once they
were cut (Lee, Padmanabhan, Whang, *Management Science* 43, 1997). Ratios of few weeks are drawn towards those of the
class, by an empirical Bayes rule of two normal laws on logarithms (Efron, Morris, *JASA* 70, 1975). Asking for twice
as much in all weeks doubles the ratio and leaves the estimate about where it is.
"""

from dataclasses import dataclass
from math import erfc
from typing import Final

import numpy as np

from allocation.forecasting.censoring.evidence import Bools, Evidence, Floats

LATE: Final = 0.5
"""Weeks that sold out after this part of them count among those in which demand is known."""

UNKNOWN_RATIO_SPREAD: Final = 0.5
"""Spread of the logarithm of ratios where a class has too few lines to tell."""

NOISE_LEAST: Final = 0.05
"""No request is taken to say demand closer than this, relative."""

_TINY: Final = 1e-9
_FEW_LINES: Final = 5


@dataclass(frozen=True)
class Signal:
    """What each request says demand is, and its relative error; nan where there is no request. (retailers, weeks)."""

    demand: Floats
    error: Floats


def after_a_cut(evidence: Evidence) -> Bools:
    """Say which weeks follow one in which the line was cut."""
    after = np.zeros_like(evidence.cut)
    after[:, 1:] = evidence.cut[:, :-1]
    return after


def signals(evidence: Evidence, demand: Floats) -> Signal:
    """Return what the requests of one class say, by ratios to the demand of weeks in which it is known.

    Parameters
    ----------
    evidence
        Of the class.
    demand
        Units; used only where demand is known, or nearly.
    """
    asked = ~np.isnan(evidence.wanted)
    request = np.where(asked, evidence.wanted, 0)
    late = evidence.timed & (evidence.in_stock >= LATE)
    usable = asked & evidence.known & (~evidence.sold_out | late)
    after = after_a_cut(evidence)
    usual, doubt = _ratios(request, demand, usable & ~after, np.zeros(len(request)), np.zeros(len(request)))
    raised, doubt_after = _ratios(request, demand, usable & after, usual, doubt)
    ratio = np.where(after, raised[:, None], usual[:, None])
    noise = _noise(request, demand, usable, np.exp(ratio))
    error = np.sqrt(noise[:, None] ** 2 + np.where(after, doubt_after[:, None], doubt[:, None]))
    return Signal(np.where(asked, request * np.exp(-ratio), np.nan), np.where(asked, error, np.nan))


def _ratios(request: Floats, demand: Floats, usable: Bools, base: Floats, base_doubt: Floats) -> tuple[Floats, Floats]:
    """Return the logarithm of each line's ratio and its variance, over a logarithm known with its own variance."""
    weeks = usable.sum(axis=1)
    asked, sold = np.where(usable, request, 0).sum(axis=1), np.where(usable, demand, 0).sum(axis=1)
    told = (asked > 0) & (sold > 0)
    own = np.where(told, np.log(np.maximum(asked, _TINY) / np.maximum(sold, _TINY)) - base, 0)
    off = np.where(usable, request - np.where(told, asked / np.maximum(sold, _TINY), 0)[:, None] * demand, 0)
    several = told & (weeks > 1)
    noise = (off[several] ** 2).sum() / max(float((request[several] ** 2 * usable[several]).sum()), _TINY)
    noise = max(float(noise), NOISE_LEAST**2)
    of_own = noise / np.maximum(weeks, 1) + base_doubt
    if told.sum() < _FEW_LINES:
        pooled, spread = (float(own[told].mean()) if told.any() else 0.0), UNKNOWN_RATIO_SPREAD**2
    else:
        pooled = float(np.average(own[told], weights=weeks[told]))
        seen = float(np.average((own[told] - pooled) ** 2, weights=weeks[told]))
        spread = max(seen - float(np.average(of_own[told], weights=weeks[told])), NOISE_LEAST**2)
    sure = np.where(told, spread / (spread + of_own), 0)
    doubt = np.where(told, sure * of_own, spread + base_doubt)
    return base + pooled + sure * (own - pooled), doubt


def _noise(request: Floats, demand: Floats, usable: Bools, ratio: Floats) -> Floats:
    """Return each line's relative error of request ÷ ratio, drawn towards that of the class."""
    implied = request / ratio
    off = np.where(usable, (implied - demand) ** 2, 0).sum(axis=1)
    size = np.where(usable, implied**2, 0).sum(axis=1)
    of_class = off.sum() / size.sum() if size.sum() > 0 else UNKNOWN_RATIO_SPREAD**2
    weeks = np.maximum(usable.sum(axis=1), 1)
    usual = 8.0 * np.where(size > 0, size / weeks, 1.0)
    noise: Floats = np.sqrt(np.maximum((off + of_class * usual) / (size + usual), NOISE_LEAST**2))
    return noise


def given_requests(signal: Signal, least: Floats, mean: Floats, shape: Floats) -> Floats:
    """Return demand of weeks, of which it is known what was asked for and that no less than `least` was wanted.

    What is usual and what the request says are weighed by how surely they say it, as gamma laws; what is known to be
    wanted cuts the result off from below, as of a normal law. One-dimensional, one week a cell.
    """
    of_usual = 1 / (1 / np.maximum(mean, _TINY) + 1 / shape)
    of_request = 1 / signal.error**2
    weight = of_usual + of_request
    likely = weight / (of_usual / np.maximum(mean, _TINY) + of_request / np.maximum(signal.demand, _TINY))
    spread = likely / np.sqrt(weight)
    return likely + spread * _mills((least - likely) / np.maximum(spread, _TINY))


_GRID: Final = np.linspace(-6, 12, 721)
_MILLS: Final = np.array(
    [np.sqrt(2 / np.pi) * np.exp(-z * z / 2) / erfc(z / np.sqrt(2)) for z in _GRID.tolist()], dtype=np.float64
)


def _mills(z: Floats) -> Floats:
    """Return φ(z)/(1 − Φ(z)): how far above its mean a standard normal lies that is known to be above *z*."""
    ratio: Floats = np.where(z > _GRID[-1], z, np.interp(z, _GRID, _MILLS))
    return ratio
