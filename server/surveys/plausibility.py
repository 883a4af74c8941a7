"""Which market figures a person should look at before they are believed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from server.surveys.rules import Plausible

Sign = Literal["low", "high", "change", "region"]
FAR = 3.5
"""From so many deviations on a value stands out (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993)."""
FEW = 5
"""Of fewer values of a region nothing is said by their median."""
MAD_TO_SIGMA = 1.4826
MEAN_TO_SIGMA = 1.253314


@dataclass(frozen=True)
class Figure:
    """One figure of a shop; ``last`` is its own of the round before, ``at`` where it stands: question and row."""

    retailer: str
    region: str
    at: tuple[str, str]
    value: int
    last: int | None = None


@dataclass(frozen=True)
class Spread:
    """The middle of a region's figures, and what one of them usually is away from it; none where too few or all one."""

    middle: float
    usual: float | None


def spread(values: Sequence[int]) -> Spread:
    """Return median and deviation: 1.4826 MAD; where more than half are the same, 1.2533 times the mean deviation."""
    middle = median(values)
    if len(values) < FEW:
        return Spread(middle, None)
    away = [abs(value - middle) for value in values]
    usual = MAD_TO_SIGMA * median(away) or MEAN_TO_SIGMA * sum(away) / len(away)
    return Spread(middle, usual or None)


def signs(figure: Figure, bounds: Plausible | None, around: Spread | None) -> tuple[Sign, ...]:
    """Return by what a figure stands out: out of its bounds, far from the shop's own last, far from its region's."""
    found: list[Sign] = []
    if bounds is not None:
        if bounds.low is not None and figure.value < bounds.low:
            found.append("low")
        if bounds.high is not None and figure.value > bounds.high:
            found.append("high")
        if figure.last and abs(figure.value - figure.last) * 100 > bounds.change_percent * abs(figure.last):
            found.append("change")
    if around is not None and around.usual and abs(figure.value - around.middle) > FAR * around.usual:
        found.append("region")
    return tuple(found)


def standing_out(
    figures: Sequence[Figure], bounds: Mapping[str, Plausible]
) -> list[tuple[Figure, tuple[Sign, ...], Spread]]:
    """Return the figures that stand out, with by what, and the middle of their region's."""
    beside: dict[tuple[tuple[str, str], str], list[int]] = {}
    for one in figures:
        beside.setdefault((one.at, one.region), []).append(one.value)
    spreads = {place: spread(values) for place, values in beside.items()}
    looked = ((one, spreads[one.at, one.region]) for one in figures)
    judged = ((one, signs(one, bounds.get(one.at[0]), around), around) for one, around in looked)
    return [(one, found, around) for one, found, around in judged if found]
