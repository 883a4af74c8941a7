"""Rows of uncoupled filling: against one read of the arrays, and against sorting by numpy."""

import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation import Policy, Problem, Result, solve, verify
from allocation.filling.compiled_water import last_levels
from allocation.filling.rules import order_of
from allocation.hashing.canonical import input_pieces
from allocation.reasons import bound_by, reasons
from allocation.solving import fill
from loadtests.bench.problems import SEED, Sizes, uncoupled
from loadtests.bench.rows import Row, exponent_row, in_turns

Act = Callable[[], object]
Acts = Mapping[str, Act]
"""What is measured, what it is measured against, and more that is timed in the same turns, by name."""

COMMAND: Final = "make bench-allocation"
_LINES: Final = 100_000_000
_RESULT_LINES: Final = 10_000_000
_SORTED_LINES: Final = 20_000_000
_CHECKED_LINES: Final = 2_000_000
_FASTER_THAN_SORTING: Final = 15
_LEVELS_WITHIN: Final = 2
_RESULT_WITHIN: Final = 25
_CHECK_WITHIN: Final = 0.1


def read_pass(problem: Problem) -> int:
    """Read once every array that levels depend on."""
    lines, requests = problem.lines, problem.requests
    return sum(int(a.sum()) for a in (requests.sku, requests.requested, lines.eligible, lines.floor, lines.weight))


def lexsort_filling(problem: Problem) -> npt.NDArray[np.float64]:
    """Fill by weight in fractions, as one writes it with numpy alone: all lines sorted by SKU and saturation.

    It knows no packs and no lottery, so it does less than what it is compared with.
    """
    sku, weight = problem.requests.sku, problem.lines.weight.astype(np.float64)
    eligible = problem.lines.eligible.astype(np.float64)
    saturation = eligible / weight
    order = np.lexsort((saturation, sku))
    sorted_sku, sorted_weight, sorted_eligible = sku[order], weight[order], eligible[order]
    starts = np.searchsorted(sorted_sku, np.arange(len(problem.supply.sku)))
    filled = np.cumsum(sorted_eligible) - sorted_eligible
    weighed = np.cumsum(sorted_weight) - sorted_weight
    filled_before = filled - filled[np.minimum(starts, len(sku) - 1)][sorted_sku]
    total = np.bincount(sku, weights=weight, minlength=len(starts))
    weight_left = total[sorted_sku] - (weighed - weighed[np.minimum(starts, len(sku) - 1)][sorted_sku])
    packs = (problem.supply.supply // problem.supply.pack).astype(np.float64)
    candidate = (packs[sorted_sku] - filled_before) / weight_left
    levels = np.full(len(starts), np.inf)
    stopped = candidate < saturation[order]
    levels[sorted_sku[stopped][::-1]] = candidate[stopped][::-1]  # of each SKU the first stands
    return np.minimum(eligible, levels[sku] * weight)


def level_rows(sizes: Sizes) -> list[Row]:
    """Measure where each supply ends, and nothing else, against one read of the arrays."""
    policy = Policy(seed=SEED)

    def acts(problem: Problem) -> Acts:
        order = order_of(problem, policy)
        levels = last_levels(problem, problem.lines_to_fill, order, policy.rounding)
        granted = fill(problem, problem.lines_to_fill, policy, order).thresholds
        if levels != {sku: threshold.level for sku, threshold in granted.items()}:
            raise AssertionError("levels are not those of the filling")
        return {
            "mine": lambda: last_levels(problem, problem.lines_to_fill, order, policy.rounding),
            "against": lambda: read_pass(problem),
        }

    return _in_steps(
        ("levels alone", ", uncoupled, max_min, webster / one read pass"),
        acts,
        (sizes, _LINES),
        ("≤ 2× (100 M lines)", _LEVELS_WITHIN),
        lambda _: (
            "One pass counts lines in bins; what is left is the same for any number of lines, SKU by SKU in Python. "
            "Exact levels are compared with those of the whole filling."
        ),
    )


def filling_rows(sizes: Sizes) -> list[Row]:
    """Measure levels, whole packs with their draws and thresholds, and reasons against one read of the arrays."""
    policy = Policy(seed=SEED)

    def acts(problem: Problem) -> Acts:
        order = order_of(problem, policy)

        def filled() -> object:
            filling = fill(problem, problem.lines_to_fill, policy, order)
            return reasons(problem, order, filling), bound_by(problem, filling)

        return {"mine": filled, "against": lambda: read_pass(problem)}

    return _in_steps(
        ("levels, whole packs, draws, thresholds and reasons", ", uncoupled, max_min, webster / one read pass"),
        acts,
        (sizes, _LINES),
        ("≤ 25× (100 M lines)", _RESULT_WITHIN),
        lambda _: (
            "Nothing is written out or hashed here: that is in the row of solve. Two passes over the lines, draws for "
            "all that are at the last level, and what is held of each line is written once."
        ),
    )


def sorting_rows(sizes: Sizes) -> list[Row]:
    """Measure against water-filling by sorting; both must share the same supply up to whole packs."""
    policy, rows = Policy(seed=SEED), []
    for size in sizes.of(_SORTED_LINES, 2000):
        problem = uncoupled(size)
        order = order_of(problem, policy)

        def filled(problem: Problem = problem, order: Any = order) -> Any:
            return fill(problem, problem.lines_to_fill, policy, order)

        def sorting(problem: Problem = problem) -> npt.NDArray[np.float64]:
            return lexsort_filling(problem)

        apart = float(np.abs(sorting() - filled().granted).max())
        if apart > 1:
            raise AssertionError(f"sorting and filling differ by {apart} packs")
        found = in_turns({"fill": filled, "sort": sorting}, sizes.repeats)
        faster = found.seconds["sort"] / found.seconds["fill"]
        rows.append(
            Row(
                "numpy lexsort water-filling, fractions only / levels, whole packs and draws",
                f"{size:,} lines",
                found.seconds["sort"],
                found.seconds["fill"],
                "s",
                faster,
                "≥ 15× (1 M retailers)",
                faster >= _FASTER_THAN_SORTING if size == _SORTED_LINES else None,
                found.repeats["sort"],
                COMMAND,
                found.peak_mb["sort"],
                "The filling also puts whole packs in order and draws; grants were compared, none is a pack apart.",
            )
        )
    return rows


def result_rows(sizes: Sizes) -> list[Row]:
    """Measure the whole solve, with certificate, reasons and report, against one read of the arrays."""
    policy = Policy(seed=SEED)

    def acts(problem: Problem) -> Acts:
        return {
            "mine": lambda: solve(problem, policy),
            "against": lambda: read_pass(problem),
            "hash": hashing_alone(problem, solve(problem, policy)),
        }

    return _in_steps(
        ("solve", ", with whole packs, certificate, reasons, report and both hashes / one read pass"),
        acts,
        (sizes, _RESULT_LINES),
        ("≤ 25× (100 M lines)", _RESULT_WITHIN),
        lambda found: (
            "Every row of input and result is written out as text and hashed. SHA-256 of these texts alone, both at "
            f"once, takes {found['hash']:.3g} s, {found['hash'] / found['against']:.3g} read passes; what is shared "
            "and why, without texts, is in the row of whole packs and reasons."
        ),
    )


def checking_rows(sizes: Sizes) -> list[Row]:
    """Measure the checker against the solver."""
    policy = Policy(seed=SEED)

    def acts(problem: Problem) -> Acts:
        result = solve(problem, policy)
        if not verify(problem, result).holds:
            raise AssertionError("a result does not hold")
        return {
            "mine": lambda: verify(problem, result),
            "against": lambda: solve(problem, policy),
            "hash": hashing_alone(problem, result),
        }

    return _in_steps(
        ("verify", " / solve"),
        acts,
        (sizes, _CHECKED_LINES),
        ("≤ 0.1× (from 100,000 retailers)", _CHECK_WITHIN),
        lambda found: (
            "Solver and checker each write out and hash the same two texts. SHA-256 of these texts alone, both at "
            f"once, takes {found['hash']:.3g} s, {found['hash'] / found['against']:.2g}× of solve: a checker that "
            "believes no hash cannot be faster."
        ),
    )


def hashing_alone(problem: Problem, result: Result) -> Act:
    """Return what hashes the texts of input and result, which are made before, side by side."""
    texts = [b"".join(input_pieces(problem)), result.csv_bytes]

    def hashed() -> object:
        with ThreadPoolExecutor(len(texts)) as threads:
            return list(threads.map(lambda text: hashlib.sha256(text).digest(), texts))

    return hashed


def _in_steps(
    what: tuple[str, str],
    acts: Callable[[Problem], Acts],
    size: tuple[Sizes, int],
    target: tuple[str, float],
    miss: Callable[[Mapping[str, float]], str],
) -> list[Row]:
    """Measure the act "mine" against the act "against" at full size and parts of it; the full size is judged.

    `miss` says where time goes, given the seconds of all acts.
    """
    (short, more), (sizes, full), (said, within) = what, size, target
    rows, times, steps = [], [], sizes.of(full, 2000)
    for lines in steps:
        found = in_turns(acts(uncoupled(lines)), sizes.repeats)
        seconds = found.seconds["mine"]
        times.append(seconds)
        ratio = seconds / found.seconds["against"]
        met = ratio <= within if lines == full else None
        row = (seconds, found.seconds["against"], "s", ratio, said, met, found.repeats["mine"], COMMAND)
        rows.append(Row(short + more, f"{lines:,} lines", *row, found.peak_mb["mine"], miss(found.seconds)))
    return [*rows, exponent_row(short, steps, times, COMMAND)]
