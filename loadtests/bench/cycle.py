"""The row of a cycle's whole batch in the server, beside PostgreSQL's own copying of the same rows."""

from typing import Final

from loadtests import cycle_batch
from loadtests.bench.problems import Sizes
from loadtests.bench.rows import Row, exponent_row

LINES: Final = 1_000_000
AIMED_AT_LINES: Final = 1_000_000
MOST: Final = 1.5
WHAT: Final = "a cycle in the server: freeze, solve, check, store / COPY out and in of the grants' rows"
_COMMAND: Final = "python -m loadtests.cycle_batch --lines"


def batch_rows(sizes: Sizes) -> list[Row]:
    """Run the steps of a cycle on databases of their own, one a size."""
    found = [cycle_batch.run(lines) for lines in sizes.of(LINES, least=40_000)]
    rows = [_row(one) for one in found]
    taken = [one.freeze_seconds + one.solve_seconds + one.verify_seconds for one in found]
    return [*rows, exponent_row("a cycle in the server", [one.lines for one in found], taken, f"{_COMMAND} {LINES}")]


def _row(one: cycle_batch.CycleBatch) -> Row:
    steps = {"freeze": one.freeze_seconds, "solve": one.solve_seconds, "check": one.verify_seconds}
    whole = sum(steps.values())
    return Row(
        WHAT,
        f"{one.lines:,} lines",
        whole,
        one.copy_out_seconds + one.copy_in_seconds,
        "s",
        one.ratio,
        f"≤ {MOST}× (1 M lines)",
        one.ratio <= MOST if one.lines >= AIMED_AT_LINES else None,
        1,
        f"{_COMMAND} {one.lines}",
        note=", ".join(f"{name} {seconds / whole:.0%}" for name, seconds in steps.items()) + ".",
    )
