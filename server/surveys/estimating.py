"""What a sample says of all shops, and how far that may be off: estimates with intervals of 95 %.

A stratum's shops that answered count as a simple random sample of all its shops: each stands for shops of answered
(the weighting class of Little and Rubin, Statistical Analysis with Missing Data, 3.3.1; the inclusion probability of
Horvitz and Thompson times the stratum's response rate). Means and shares are ratios of such sums (Hájek), which holds
for questions that only a part was asked as well. Their variance is linearised (Särndal, Swensson and Wretman, Model
Assisted Survey Sampling, 5.7): the strata's variances of the residuals, each with its finite population correction.
The interval of a mean is symmetric. What was estimated from the same answers costs degrees of freedom: of each stratum
its mean, as far as the question was answered there, one at least for the ratio. The residuals' sum is put right for
them, and Student's quantile is that for the rest, times the effective part of the answers where weights differ (Kish;
Satterthwaite, as Cochran, Sampling Techniques, 5.4). The interval of a share is Wilson's for the effective size at
which a simple sample is as exact (Franco, Little, Louis, Slud: J. Survey Stat. Methodol., 2019), and no more than the
effective number of answers where a part alone was asked: of few, the residuals do not tell it.
As simulated, of a dozen answers that crowd at one end of a scale the interval of a mean holds the truth somewhat less
often: 91 to 93 times in a hundred.
Where everybody of every stratum answered, nothing is estimated and the interval is the figure itself.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

Z = 1.959963984540054
"""The normal quantile that leaves 2.5 % on each side."""
TINY = 1e-12
"""What is left of nothing by the rounding of floats."""
SMALL_CELL = 5
"""Of fewer answers to an anonymous survey nothing is shown."""


@dataclass(frozen=True)
class Weight:
    """A stratum: how many ``shops`` it has and how many of them ``answered`` the survey."""

    shops: int
    answered: int


@dataclass(frozen=True)
class Sums:
    """What was answered to one question in a stratum: how many shops, the sum of their values and of the squares."""

    count: int
    total: float = 0.0
    squares: float = 0.0


@dataclass(frozen=True)
class Estimate:
    """A figure for all shops, and between which bounds it lies 95 times in a hundred.

    ``low`` and ``high`` are none where too few answered to say.
    """

    value: float
    low: float | None
    high: float | None


EXACT_STUDENT = (12.7062, 4.30265, 3.18245)
"""Student's quantile for one, two and three degrees of freedom."""


def student(freedom: float) -> float:
    """Return Student's quantile that leaves 2.5 % on each side, to 0.1 % from three degrees of freedom on.

    Cornish and Fisher's expansion about the normal quantile (Abramowitz and Stegun 26.7.5). One, two and three are
    exact; what lies between these is too wide by 4 % at most.
    """
    if freedom < len(EXACT_STUDENT):
        below = max(1, int(freedom))
        narrow, wide = log(EXACT_STUDENT[below]), log(EXACT_STUDENT[below - 1])
        part = (1 / max(1.0, freedom) - 1 / (below + 1)) / (1 / below - 1 / (below + 1))
        return exp(narrow + (wide - narrow) * part)
    terms = (
        (Z**3 + Z) / 4,
        (5 * Z**5 + 16 * Z**3 + 3 * Z) / 96,
        (3 * Z**7 + 19 * Z**5 + 17 * Z**3 - 15 * Z) / 384,
        (79 * Z**9 + 776 * Z**7 + 1482 * Z**5 - 1920 * Z**3 - 945 * Z) / 92160,
    )
    return Z + sum(term / float(freedom) ** power for power, term in enumerate(terms, start=1))


def mean(weights: Mapping[int, Weight], sums: Mapping[int, Sums]) -> Estimate | None:
    """Return the mean among the shops to which the question applies; none where nobody answered it."""
    ratio = _ratio(weights, sums)
    if ratio is None:
        return None
    if not _open(weights):
        return Estimate(ratio, ratio, ratio)
    spread = _spread(weights, sums, ratio)
    if spread is None:
        return Estimate(ratio, None, None)
    variance, freedom = spread
    reach = student(freedom) * sqrt(variance)
    return Estimate(ratio, ratio - reach, ratio + reach)


def within(estimate: Estimate | None, least: float | None, most: float | None) -> Estimate | None:
    """Return an estimate whose interval reaches no further than answers can, where that is known."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return estimate
    low = estimate.low if least is None else max(estimate.low, least)
    return Estimate(estimate.value, low, estimate.high if most is None else min(estimate.high, most))


def share(weights: Mapping[int, Weight], hits: Mapping[int, int], answered: Mapping[int, int]) -> Estimate | None:
    """Return the share of ``hits`` among those to whom the question applies; none where nobody answered it.

    Both by stratum: how many shops said so, and how many answered the question at all.
    """
    sums = {place: Sums(count, hits.get(place, 0), hits.get(place, 0)) for place, count in answered.items()}
    ratio = _ratio(weights, sums)
    if ratio is None:
        return None
    variance = _variance(weights, sums, ratio)
    if variance is None:
        return Estimate(ratio, None, None)
    size = _effective(weights, answered, ratio, variance)
    if size is None:
        return Estimate(ratio, ratio, ratio)
    z = student(_freedom(weights))
    centre = (ratio + z * z / (2 * size)) / (1 + z * z / size)
    reach = z / (1 + z * z / size) * sqrt(ratio * (1 - ratio) / size + z * z / (4 * size * size))
    return Estimate(ratio, max(0.0, centre - reach), min(1.0, centre + reach))


def quantile(weights: Mapping[int, Weight], counts: Sequence[tuple[int, int, int]], part: float) -> float | None:
    """Return the weighted quantile of values: (stratum, value, how often). Between two that share it, their middle."""
    held: dict[int, float] = {}
    for place, value, count in counts:
        one = weights[place]
        held[value] = held.get(value, 0.0) + count * one.shops / one.answered
    total = sum(held.values())
    if not total:
        return None
    reached, ordered = 0.0, sorted(held)
    for place, value in enumerate(ordered):
        reached += held[value]
        if abs(reached - part * total) < total * 1e-9 and place + 1 < len(ordered):
            return (value + ordered[place + 1]) / 2
        if reached > part * total:
            break
    return float(value)


def _ratio(weights: Mapping[int, Weight], sums: Mapping[int, Sums]) -> float | None:
    """Return Hájek's ratio: the weighted sum of values over the weighted number of those who have one."""
    whole = _weighted(weights, sums, lambda one: one.count)
    return _weighted(weights, sums, lambda one: one.total) / whole if whole else None


def _weighted(weights: Mapping[int, Weight], sums: Mapping[int, Sums], of: Callable[[Sums], float]) -> float:
    return sum(
        weights[place].shops / weights[place].answered * of(one)
        for place, one in sums.items()
        if weights[place].answered
    )


def _variance(weights: Mapping[int, Weight], sums: Mapping[int, Sums], ratio: float) -> float | None:
    """Return the ratio's linearised variance; none where a stratum of which a part is unknown answered but once."""
    whole = _weighted(weights, sums, lambda one: one.count)
    variance = 0.0
    for place, weight in weights.items():
        shops, answered = weight.shops, weight.answered
        one = sums.get(place, Sums(0))
        if answered >= shops or not answered or not one.count:
            continue
        if answered == 1:  # which does not tell how much they differ
            return None
        total = one.total - ratio * one.count
        squares = one.squares - 2 * ratio * one.total + ratio * ratio * one.count
        spread = max(0.0, squares - total * total / answered) / (answered - 1)
        variance += shops * shops * (1 - answered / shops) * spread / answered
    return variance / (whole * whole)


def _spread(weights: Mapping[int, Weight], sums: Mapping[int, Sums], ratio: float) -> tuple[float, float] | None:
    """Return the variance of a mean and its degrees of freedom.

    None where nothing tells how far it is off: no degree is left, or all said the same.
    """
    open_ = {
        place: (weights[place], one)
        for place, one in sums.items()
        if one.count and weights[place].answered < weights[place].shops
    }
    answers = sum(one.count for _, one in open_.values())
    means = sum(one.count / weight.answered for weight, one in open_.values())
    if answers - max(1.0, means) < 1 - TINY:
        return None
    ratio_left = max(0.0, 1 - means) / answers
    total = values = each = squared = 0.0
    for weight, one in open_.values():
        shops, answered = weight.shops, weight.answered
        kept = 1 - 1 / answered - ratio_left  # the part of the residuals' squares that is expected to be left
        if kept < TINY:
            return None
        left = one.total - ratio * one.count
        squares = one.squares - 2 * ratio * one.total + ratio * ratio * one.count
        factor = (shops / answered) ** 2 * (1 - answered / shops)
        total += factor * max(0.0, squares - left * left / answered) / kept
        values += factor * one.squares
        each += factor * one.count
        squared += factor * factor * one.count
    whole = _weighted(weights, sums, lambda one: one.count)
    freedom = each * each / squared * (1 - max(1.0, means) / answers)
    return (total / (whole * whole), freedom) if total > TINY * values else None


def _effective(
    weights: Mapping[int, Weight], answered: Mapping[int, int], ratio: float, variance: float
) -> float | None:
    """Return the size of the simple sample that is as exact; none where nothing is left open.

    Where all said the same, the variance is no guide: then it is what answered, by what is left open of its shops.
    """
    shops = sum(one.shops for one in weights.values())
    known = sum(one.answered for one in weights.values())
    if known >= shops:
        return None
    size = ratio * (1 - ratio) / variance if variance > 0 else sum(answered.values()) / (1 - known / shops)
    open_ = [(weights[place], count) for place, count in answered.items() if count]
    open_ = [(one, count) for one, count in open_ if one.answered < one.shops]
    if not open_ or sum(count / one.answered for one, count in open_) >= 1:
        return size
    whole = sum(one.shops / one.answered * count for one, count in open_)
    each = ((one.shops / one.answered) ** 2 * (1 - one.answered / one.shops) * count for one, count in open_)
    return min(size, whole * whole / sum(each))


def _open(weights: Mapping[int, Weight]) -> bool:
    return any(one.answered < one.shops for one in weights.values())


def _freedom(weights: Mapping[int, Weight]) -> int:
    return sum(one.answered for one in weights.values()) - sum(1 for one in weights.values() if one.answered)
