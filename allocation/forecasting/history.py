"""What was sold or asked for, by series and period: frozen, held in arrays, without gaps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from allocation.forecasting.periods import Frequency, IntArray

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class History:
    """Series of one frequency, sorted by name in byte order.

    Parameters
    ----------
    frequency
        Months or weeks.
    names
        One a series, all different.
    first
        Number of each series' first period (see :mod:`allocation.forecasting.periods`).
    weekday
        Day of the week on which each series' weeks begin, days after Thursday; 0 for months.
    bounds
        Series *i* has the values `bounds[i]` to `bounds[i + 1]`, one a period from its first on; at least one.
    values
        Demand, 0 or more, in any unit of its series; NaN where it is not known.
    members
        Position of each series' class among `classes`.
    classes
        Names of the classes; series of one class lend each other their seasonal shape and their level.
    """

    frequency: Frequency
    names: tuple[str, ...]
    first: IntArray
    weekday: IntArray
    bounds: IntArray
    values: FloatArray
    members: IntArray
    classes: tuple[str, ...] = ("",)

    def __len__(self) -> int:
        """Return the number of series."""
        return len(self.names)

    @property
    def lengths(self) -> IntArray:
        """Return how many periods each series has."""
        return np.diff(self.bounds)

    def of(self, series: int) -> FloatArray:
        """Return the values of one series."""
        return self.values[self.bounds[series] : self.bounds[series + 1]]

    def some(self, start: int, end: int) -> "History":
        """Return the series from one position to before another."""
        return replace(
            self,
            names=self.names[start:end],
            first=self.first[start:end],
            weekday=self.weekday[start:end],
            bounds=self.bounds[start : end + 1] - self.bounds[start],
            values=self.values[self.bounds[start] : self.bounds[end]],
            members=self.members[start:end],
        )

    def picked(self, series: IntArray) -> "History":
        """Return some series, at least one, their positions in order."""
        return replace(
            self,
            names=tuple(self.names[i] for i in series.tolist()),
            first=self.first[series],
            weekday=self.weekday[series],
            bounds=np.concatenate([[0], np.cumsum(self.lengths[series])]),
            values=np.concatenate([self.of(i) for i in series.tolist()]),
            members=self.members[series],
        )

    def without_last(self, periods: IntArray) -> "History":
        """Return each series without so many of its last periods; at least one period must stay."""
        lengths = self.lengths - periods
        position = np.arange(self.bounds[-1]) - np.repeat(self.bounds[:-1], self.lengths)
        bounds = np.concatenate([[0], np.cumsum(lengths)])
        return replace(self, bounds=bounds, values=self.values[position < np.repeat(lengths, self.lengths)])


def history_of(
    frequency: Frequency,
    series: Sequence[tuple[str, int, Sequence[float] | FloatArray]],
    *,
    weekday: int = 0,
    classes: Sequence[str] | None = None,
) -> History:
    """Return a history of series given one by one.

    Parameters
    ----------
    series
        Name, number of the first period, and values (NaN for what is not known) of each.
    weekday
        Day of the week on which weeks begin, days after Thursday.
    classes
        Name of each series' class; one class for all where absent.

    Raises
    ------
    ValueError
        For a name that comes twice, an empty or wholly unknown series, a negative or endless value.
    """
    order = sorted(range(len(series)), key=lambda i: series[i][0])
    names = tuple(series[i][0] for i in order)
    values = [np.asarray(series[i][2], dtype=np.float64) for i in order]
    if len(set(names)) < len(names):
        raise ValueError("a series has one name, and a name one series")
    for name, of_series in zip(names, values, strict=True):
        if np.isnan(of_series).all() or np.isinf(of_series).any() or (of_series < 0).any():
            raise ValueError(f"series {name}: at least one known value is needed, and none below 0 or without end")
    labels = tuple(sorted(set(classes))) if classes else ("",)
    return History(
        frequency,
        names,
        first=np.array([series[i][1] for i in order], dtype=np.int64),
        weekday=np.full(len(names), weekday, dtype=np.int64),
        bounds=np.concatenate([[0], np.cumsum([len(v) for v in values])]).astype(np.int64),
        values=np.concatenate(values) if values else np.empty(0),
        members=np.array([labels.index(classes[i]) if classes else 0 for i in order], dtype=np.int64),
        classes=labels,
    )
