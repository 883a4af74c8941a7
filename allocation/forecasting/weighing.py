"""How much each model counts: its own error in the tested periods, mixed with its error over all series.

A series' own error alone is mostly luck, and choosing one model by it does worse than any fixed mixture; weights that
mix both do best (measured on the M3 competition's monthly series, see docs/forecasting.md). Regular series are judged
by their mean absolute error. Intermittent ones are judged by the error of the sum over the tested periods: mean
absolute errors reward a forecast of nothing.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np

from allocation.forecasting.fitting import Fits
from allocation.forecasting.history import FloatArray
from allocation.forecasting.models import INTERMITTENT, REGULAR

OWN_PART: Final = 0.25
"""What a series' own error counts for beside that over all series."""

POWER: Final = 8
"""Weights go with this power of the inverse error."""

EXPECTED: Final = {False: (0.85, 0.85, 0.95), True: (1.5, 1.15, 1.1, 1.1)}
"""Errors that are taken for granted as if :data:`EXPECTED_COUNT` series had shown them, so that few do not decide."""

EXPECTED_COUNT: Final = 10
ERROR_AT_MOST: Final = 5.0
_LEAST_ERROR: Final = 0.05


def own_errors(fits: Fits) -> FloatArray:
    """Return each model's error in the tested periods of each series, in units of its scale; NaN where not tested."""
    apart = fits.tested - fits.actual[:, None, :]
    seen = (~np.isnan(fits.actual)).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        steady = np.nansum(np.abs(apart), axis=2) / seen[:, None] / fits.lag_scale[:, 1:]
        rough = np.sqrt(fits.variance)[:, None]
        summed = np.abs(np.nansum(apart, axis=2)) / np.sqrt(seen)[:, None] / rough
    errors = np.where(fits.intermittent[:, None], summed, steady)
    judged = (seen > 0)[:, None] & ~np.isnan(fits.tested[:, :, 0]) & np.isfinite(errors)
    return np.where(judged, np.minimum(errors, ERROR_AT_MOST), np.nan)


def pooled_errors(parts: Iterable[Fits]) -> dict[bool, FloatArray]:
    """Return each model's mean error over all series, by whether they are intermittent."""
    sums = {kind: EXPECTED_COUNT * np.array(EXPECTED[kind]) for kind in (False, True)}
    count = dict.fromkeys((False, True), float(EXPECTED_COUNT))
    for fits in parts:
        errors = own_errors(fits)
        for kind, names in ((False, REGULAR), (True, INTERMITTENT)):
            rows = errors[(fits.intermittent == kind) & ~np.isnan(errors[:, 0])][:, : len(names)]
            sums[kind] = sums[kind] + rows.sum(axis=0)
            count[kind] += len(rows)
    return {kind: sums[kind] / count[kind] for kind in sums}


def weights(fits: Fits, pooled: dict[bool, FloatArray], *, own: bool = True) -> FloatArray:
    """Return how much each model counts for each series, shape (series, models), sums 1."""
    errors, found = own_errors(fits), np.zeros(fits.tested.shape[:2])
    for kind, names in ((False, REGULAR), (True, INTERMITTENT)):
        rows = fits.intermittent == kind
        part = OWN_PART if own else 0.0
        of_series = errors[rows][:, : len(names)]
        mixed = part * np.where(np.isnan(of_series), pooled[kind], of_series) + (1 - part) * pooled[kind]
        counted = 1.0 / np.maximum(mixed, _LEAST_ERROR) ** POWER
        found[np.flatnonzero(rows)[:, None], np.arange(len(names))] = counted / counted.sum(axis=1, keepdims=True)
    return found


def mixed(figures: FloatArray, counted: FloatArray) -> FloatArray:
    """Return the weighted figures of the models, shape (series, horizon); 0 where there is none."""
    found: FloatArray = (np.nan_to_num(figures) * counted[:, :, None]).sum(axis=1)
    return found
