"""The models: each continues one series, seasonally adjusted, over the periods to come.

`statsforecast` holds them. Regular series: the dynamic optimised theta model (Fiorucci et al. 2016), complex
exponential smoothing (Svetunkov, Kourentzes and Ord 2022), simple exponential smoothing. Intermittent series, whose
demand comes in single sales: Croston's method as corrected by Syntetos and Boylan (2005), the method of Teunter,
Syntetos and Babai (2011), which forgets what is no longer sold, aggregation over blocks of many lengths (Petropoulos
and Kourentzes 2015), and the mean of the last year, which knows nothing of what was sold before.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from allocation.forecasting.history import FloatArray

REGULAR: Final = ("theta", "complex_smoothing", "smoothing")
INTERMITTENT: Final = ("croston_sba", "tsb", "imapa", "last_year")

MODELLED_FROM: Final = 8
"""Shorter series are continued by their mean, which is drawn towards that of their class."""

AT_MOST_TIMES_LARGEST: Final = 3.0
"""A model's figure is cut at so many times the largest value that it has seen: a trend in few points runs away."""

SILENT_INTERVALS: Final = 3.0
"""A sale is expected at least this seldom: the time since the last one is at most so many mean intervals."""

_WORKING_MEAN: Final = 1000.0
"""Series are brought to this mean: the optimisers behind the models stop by absolute steps, and stop too early at 1."""

_BY_CHANCE: Final = 1.64
_LOWEST: Final = 0.5
_HIGHEST: Final = 1.2
_SIZES: Final = 0.2
_CHANCES: Final = 0.1


@dataclass(frozen=True, eq=False)
class Fitted:
    """Models with their parameters, by place among :data:`REGULAR`, and what values were multiplied by for them."""

    factor: float
    models: Mapping[int, Any]


def continued(
    values: FloatArray, horizon: int, season: int, *, intermittent: bool, fitted: Fitted | None = None
) -> tuple[FloatArray, Fitted | None]:
    """Return what each model makes of the periods to come, and the models for a later cut-off.

    Parameters
    ----------
    values
        One series without unknown values, seasonally adjusted, 0 or more.
    fitted
        Models of the same series at an earlier cut-off. Their parameters are kept, which costs a twentieth of finding
        them anew and hardly any accuracy; only where that leads out of the range of the values are they found anew.

    Returns
    -------
    tuple
        Figures of shape (models, horizon), 0 or more, models as in :data:`REGULAR` or :data:`INTERMITTENT`; and the
        models, None where there are none to keep.
    """
    mean = float(values.mean())
    names = INTERMITTENT if intermittent else REGULAR
    if mean <= 0:
        return np.zeros((len(names), horizon)), None
    if len(values) < MODELLED_FROM or float(values.min()) == float(values.max()):
        return np.full((len(names), horizon), mean), None
    factor = fitted.factor if fitted else _WORKING_MEAN / mean
    scaled = values * factor
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of logarithms on the way to an optimum
        found, kept = _of_models(scaled, horizon, season, intermittent=intermittent, fitted=fitted)
    plain = float(scaled[-season:].mean())
    most = AT_MOST_TIMES_LARGEST * float(scaled.max())
    rows = [np.clip(row, 0.0, most) if np.isfinite(row).all() else np.full(horizon, plain) for row in found]
    return np.array(rows) / factor, None if intermittent else Fitted(factor, kept)


def _of_models(
    scaled: FloatArray, horizon: int, season: int, *, intermittent: bool, fitted: Fitted | None
) -> tuple[list[FloatArray], dict[int, Any]]:
    # Some seconds; paid where a model is fitted.
    from statsforecast import models  # noqa: PLC0415

    def plain(model: Any) -> FloatArray:
        return np.asarray(model.forecast(y=scaled, h=horizon)["mean"], dtype=np.float64)

    if intermittent:
        last_year = np.full(horizon, scaled[-season:].mean())
        sizes_and_chances = models.TSB(alpha_d=_SIZES, alpha_p=_CHANCES)
        most = _most_after_silence(scaled)
        croston, imapa = (np.minimum(plain(model), most) for model in (models.CrostonSBA(), models.IMAPA()))
        return [croston, plain(sizes_and_chances), imapa, last_year], {}
    kept: dict[int, Any] = {}
    smooth = plain(models.SimpleExponentialSmoothingOptimized())
    theta, kept[0] = _kept_or_new(_theta, scaled, horizon, fitted.models.get(0) if fitted else None)
    if _is_level(scaled):
        return [theta, smooth, smooth], kept
    complex_, kept[1] = _kept_or_new(_complex_smoothing, scaled, horizon, fitted.models.get(1) if fitted else None)
    return [theta, complex_, smooth], kept


def _most_after_silence(values: FloatArray) -> float:
    """Return what a model that changes with a sale alone may say at most, so long after the last one.

    At a steady rate, a time without a sale is longer than so many mean intervals once in twenty times.
    """
    sold = np.flatnonzero(values > 0)
    return float(SILENT_INTERVALS * values[sold].mean() / (len(values) - sold[-1]))


def _is_level(scaled: FloatArray) -> bool:
    """Say whether a series shows neither a trend nor a memory from one period to the next.

    Complex smoothing then finds nothing that simple smoothing does not, after the longest search of all.
    """
    apart, time = scaled - scaled.mean(), np.arange(len(scaled)) - (len(scaled) - 1) / 2
    size = float((apart**2).sum())
    memory = float((apart[1:] * apart[:-1]).sum()) / size
    trend = float((apart * time).sum()) / float(np.sqrt(size * (time**2).sum()))
    return max(abs(memory), abs(trend)) < _BY_CHANCE / float(np.sqrt(len(scaled)))


def _kept_or_new(
    make: Callable[[], Any], scaled: FloatArray, horizon: int, known: Any | None
) -> tuple[FloatArray, Any]:
    """Return the figures of a model with the parameters it has, or with new ones, and that model."""
    if known is not None:
        row = np.asarray(known.forward(y=scaled, h=horizon)["mean"], dtype=np.float64)
        if np.isfinite(row).all() and _LOWEST * scaled.min() <= row.min() and row.max() <= _HIGHEST * scaled.max():
            return row, known
    model = make().fit(scaled)
    return np.asarray(model.predict(horizon)["mean"], dtype=np.float64), model


def _theta() -> Any:
    from statsforecast.models import DynamicOptimizedTheta  # noqa: PLC0415

    return DynamicOptimizedTheta(season_length=1)


def _complex_smoothing() -> Any:
    from statsforecast.models import AutoCES  # noqa: PLC0415

    return AutoCES(season_length=1, model="N")
