"""Series made up for the tests."""

import numpy as np

from allocation.forecasting import Frequency, History, history_of

JANUARY_2018 = (2018 - 1970) * 12


def monthly(*series: tuple[str, list[float] | np.ndarray], first: int = JANUARY_2018) -> History:
    return history_of(Frequency.MONTHLY, [(name, first, values) for name, values in series])


def seasonal(months: int, level: float = 100.0, *, noise: float = 0.03, seed: int = 0) -> np.ndarray:
    """A year that peaks in December, with a little noise."""
    rng = np.random.default_rng(seed)
    year = np.array([0.8, 0.8, 0.9, 1.0, 1.0, 0.9, 0.9, 0.9, 1.0, 1.0, 1.1, 1.7])
    return level * np.resize(year, months) * (1 + noise * rng.standard_normal(months))


def sporadic(months: int, *, seed: int = 0, chance: float = 0.2) -> np.ndarray:
    """Single sales, now and then."""
    rng = np.random.default_rng(seed)
    return (rng.random(months) < chance) * rng.integers(1, 4, months).astype(float)
