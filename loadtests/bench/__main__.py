"""The command of ``make bench`` and of its groups: ``make bench-allocation``, ``make bench-console`` and so on."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from loadtests.bench import (
    announcing,
    console,
    coupled,
    cycle,
    day,
    filling,
    fleet,
    forecasts,
    page,
    surveying,
    system,
    taps,
    terminal,
    visiting,
    whole_packs,
)
from loadtests.bench.problems import Sizes
from loadtests.bench.rows import Row

DOCS: Final = Path("docs")
QUICK: Final = Sizes(divisor=10_000, repeats=1)

GROUPS: Final[Mapping[str, Sequence[Callable[[Sizes], list[Row]]]]] = {
    "allocation": (
        whole_packs.flow_rows,
        coupled.first_level_rows,
        coupled.filling_rows,
        filling.checking_rows,
        filling.sorting_rows,
        filling.result_rows,
        filling.level_rows,
        filling.filling_rows,
    ),
    "console": (console.page_rows,),
    "cycle": (cycle.batch_rows,),
    "fleet": (fleet.fleet_rows,),
    "forecast": (forecasts.m3_rows, forecasts.carparts_rows, forecasts.speed_rows),
    "system": (system.intake_rows,),
    "terminal": (terminal.start_rows, day.memory_rows, taps.tap_rows, terminal.exchange_rows),
    "visits": (visiting.plan_rows,),
    "voices": (surveying.result_rows, announcing.announcement_rows),
}


def main(words: Sequence[str] | None = None) -> None:
    """Measure the groups that are asked for, and write both files."""
    parser = argparse.ArgumentParser(prog="make bench", description="Measure against the targets.")
    parser.add_argument("groups", nargs="*", help=f"groups of rows: {', '.join(GROUPS)}; all where none is named")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, once: does it run? writes nothing by itself")
    parser.add_argument("--docs", type=Path, help="folder to write benchmarks.md and .json into")
    asked = parser.parse_args(words)
    if unknown := set(asked.groups) - GROUPS.keys():
        parser.error(f"unknown group {', '.join(sorted(unknown))}; groups are {', '.join(GROUPS)}")
    sizes = QUICK if asked.quick else Sizes()
    folder = asked.docs or (None if asked.quick else DOCS)
    for group in asked.groups or GROUPS:
        about, rows = page.machine(), []
        for measure in GROUPS[group]:
            found = measure(sizes)
            rows += found
            for row in found:
                print(f"{row.what}, {row.size}: {row.measured:.4g} {row.unit}", file=sys.stderr, flush=True)  # noqa: T201
        text = page.write(folder, group, about, rows) if folder else page.page({group: page.measured(about, rows)})
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
