"""An allocation batch of a given size: build, solve, verify, and how long each took."""

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from allocation import Policy, Problem, solve, verify

LINES_A_RETAILER = 20
SKUS = 200
SUPPLY_PERCENT = 50
SEED = "5a" * 32


@dataclass(frozen=True)
class Batch:
    """What one batch came to. Quantities in units, times in wall seconds."""

    lines: int
    requested_units: int
    granted_units: int
    holds: bool
    build_seconds: float
    solve_seconds: float
    verify_seconds: float

    def plain(self) -> dict[str, Any]:
        """Return the figures as one flat object."""
        return asdict(self)


def problem(lines: int, *, seed: int = 1) -> Problem:
    """Return an uncoupled problem of about ``lines`` lines: 20 a retailer, 200 SKUs, half of what is asked.

    The same size and seed give the same problem.
    """
    rng = np.random.default_rng(seed)
    retailers = max(1, lines // LINES_A_RETAILER)
    # Each retailer asks for neighbours on a circle of SKUs, so that no pair comes twice.
    sku = (rng.integers(0, SKUS, retailers)[:, None] + np.arange(LINES_A_RETAILER)).ravel() % SKUS
    requested = rng.integers(1, 100, len(sku))
    names = np.array([f"{number:07d}" for number in range(retailers)], dtype=object)
    skus = np.array([f"{number:04d}" for number in range(SKUS)], dtype=object)
    asked = np.bincount(sku, weights=requested, minlength=SKUS).astype(np.int64)
    return Problem.from_columns(
        {"retailer": np.repeat(names, LINES_A_RETAILER), "sku": skus[sku], "requested": requested},
        {"sku": skus.tolist(), "supply": asked * SUPPLY_PERCENT // 100},
        {"retailer": names.tolist(), "weight": rng.integers(1, 31, retailers)},
    )


def run(lines: int) -> Batch:
    """Build, solve and verify a batch of about ``lines`` lines."""
    started = time.perf_counter()
    built = problem(lines)
    after_build = time.perf_counter()
    result = solve(built, Policy(seed=SEED))
    after_solve = time.perf_counter()
    verdict = verify(built, result)
    after_verify = time.perf_counter()
    return Batch(
        lines=len(built),
        requested_units=int(result.requested.sum()),
        granted_units=int(result.granted.sum()),
        holds=verdict.holds,
        build_seconds=round(after_build - started, 3),
        solve_seconds=round(after_solve - after_build, 3),
        verify_seconds=round(after_verify - after_solve, 3),
    )
