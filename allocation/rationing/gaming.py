"""What asking for more does to the estimate: a tenth of the retailers try, the supply being what it was."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from allocation.rationing.accuracy import estimate
from allocation.rationing.history import Bools, Floats, History, Setting, draw_history

EVERY: Final = 10
"""Every tenth retailer tries."""

FOLD: Final = 3.0


@dataclass(frozen=True)
class Attempt:
    """What those who try gain; all relative to what is estimated of them when they do not.

    Parameters
    ----------
    asking
        What they do.
    bias
        Their estimated demand against the truth.
    gain
        Of the sum of their estimates.
    gain_most
        Of the one that gains most.
    above_ceiling
        How many of them are estimated above what sell-through supports.
    """

    asking: str
    bias: float
    gain: float
    gain_most: float
    above_ceiling: int


def _always(history: History) -> Bools:
    return np.ones_like(history.cut)


def _after_a_cut(history: History) -> Bools:
    after = np.zeros_like(history.cut)
    after[:, 1:] = history.cut[:, :-1]
    return after


def _when_short(history: History) -> Bools:
    return history.cut


def _never(history: History) -> Bools:
    return np.zeros_like(history.cut)


ATTEMPTS: Final[dict[str, Callable[[History], Bools]]] = {
    "as they are": _never,
    f"{FOLD:g} times as much, always": _always,
    f"{FOLD:g} times as much, in weeks after a cut": _after_a_cut,
    f"{FOLD:g} times as much, in just the weeks in which they will be cut": _when_short,
}


def attempts(setting: Setting, seed: int) -> list[Attempt]:
    """Let every tenth retailer ask in each of these ways, in the same town with the same supply."""
    plain = draw_history(setting, seed)
    trying = np.arange(setting.retailers) % EVERY == 0
    truth = plain.demand.units[trying].sum()
    before = estimate(plain).mean[trying].sum(axis=1)
    found = []
    for name, weeks in ATTEMPTS.items():
        asking: Floats = np.where(weeks(plain) & trying[:, None], FOLD, 1.0)
        estimates = estimate(draw_history(setting, seed, asking, plain.supply))
        after, most = estimates.mean[trying].sum(axis=1), estimates.line_ceiling[trying]
        found.append(
            Attempt(
                name,
                bias=float(after.sum() / truth - 1),
                gain=float(after.sum() / before.sum() - 1),
                gain_most=float((after / before - 1).max()),
                above_ceiling=int((after > most * (1 + 1e-9)).sum()),
            )
        )
    return found
