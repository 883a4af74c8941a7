"""Demand of the months or weeks to come, by series, with intervals that hold.

:func:`read_history` reads ``demand.csv``, :func:`history_of` takes arrays; :func:`forecast` gives figures. The model is
told in ``docs/forecasting.md``. Importing this loads no model; fitting one loads `statsforecast`.
"""

from allocation.forecasting.forecasting import Forecasts, forecast
from allocation.forecasting.history import History, history_of
from allocation.forecasting.periods import Frequency
from allocation.forecasting.reading import read_calendar, read_history

__all__ = ["Forecasts", "Frequency", "History", "forecast", "history_of", "read_calendar", "read_history"]
