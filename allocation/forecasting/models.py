"""The models: each continues one series, seasonally adjusted, over the periods to come.

`statsforecast` holds them. Regular series: the dynamic optimised theta model (Fiorucci et al. 2016), complex
exponential smoothing (Svetunkov, Kourentzes and Ord 2022), simple exponential smoothing. Intermittent series, whose
demand comes in single sales: Croston's method as corrected by Syntetos and Boylan (2005), the method of Teunter,
Syntetos and Babai (2011), which forgets what is no longer sold, aggregation over blocks of many lengths (Petropoulos
and Kourentzes 2015), and the mean of the last year, which knows nothing of what was sold before.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from allocation.forecasting.history import FloatArray

REGULAR: Final = ("theta", "complex_smoothing", "smoothing")
INTERMITTENT: Final = ("croston_sba", "tsb", "imapa", "last_year")

MODELLED_FROM: Final = 8
"""Shorter series are continued by their mean, which is drawn towards that of their class."""

AT_MOST_TIMES_LARGEST: Final = 3.0
"""A model's figure is cut at so many times the largest value that it has seen: a trend in few points runs away."""

_WORKING_MEAN: Final = 1000.0
"""Series are brought to this mean: the optimisers behind the models stop by absolute steps, and stop too early at 1."""

_SIZES: Final = 0.2
_CHANCES: Final = 0.1


def continued(values: FloatArray, horizon: int, season: int, *, intermittent: bool) -> FloatArray:
    """Return what each model makes of the periods to come.

    Parameters
    ----------
    values
        One series without unknown values, seasonally adjusted, 0 or more.

    Returns
    -------
    FloatArray
        Shape (models, horizon), 0 or more; models as in :data:`REGULAR` or :data:`INTERMITTENT`.
    """
    mean = float(values.mean())
    names = INTERMITTENT if intermittent else REGULAR
    if mean <= 0:
        return np.zeros((len(names), horizon))
    if len(values) < MODELLED_FROM or float(values.min()) == float(values.max()):
        return np.full((len(names), horizon), mean)
    scaled = values * (_WORKING_MEAN / mean)
    most = AT_MOST_TIMES_LARGEST * float(scaled.max())
    plain = float(scaled[-season:].mean())
    rows = []
    for forecast in _models(scaled, horizon, season, intermittent=intermittent):
        row = forecast()
        rows.append(np.clip(row, 0.0, most) if np.isfinite(row).all() else np.full(horizon, plain))
    return np.array(rows) * (mean / _WORKING_MEAN)


def _models(scaled: FloatArray, horizon: int, season: int, *, intermittent: bool) -> Sequence[Callable[[], FloatArray]]:
    # Some seconds; paid where a model is fitted.
    from statsforecast import models  # noqa: PLC0415

    def of(model: Any) -> Callable[[], FloatArray]:
        def forecast() -> FloatArray:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of logarithms on the way to an optimum
                return np.asarray(model.forecast(y=scaled, h=horizon)["mean"], dtype=np.float64)

        return forecast

    if not intermittent:
        return (
            of(models.DynamicOptimizedTheta(season_length=1)),
            of(models.AutoCES(season_length=1, model="N")),
            of(models.SimpleExponentialSmoothingOptimized()),
        )
    return (
        of(models.CrostonSBA()),
        of(models.TSB(alpha_d=_SIZES, alpha_p=_CHANCES)),
        of(models.IMAPA()),
        lambda: np.full(horizon, scaled[-season:].mean()),
    )
