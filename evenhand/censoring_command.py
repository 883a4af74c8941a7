"""``evenhand forecast --demo-censoring``: what the estimate of unconstrained demand is worth, on made-up histories."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from evenhand.command_line import errors_in_one_line, progress_bars

if TYPE_CHECKING:
    from allocation.rationing.accuracy import Errors, Trial
    from allocation.rationing.gaming import Attempt

LOOP_SEED: Final = 1
_A_ROW: Final = 13

Progress = Callable[[str, int, int], None]


def demo_censoring(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    """Print accuracy, what is gained by inflating requests, and the closed loop; the same figures every time."""
    if not wanted:
        return
    with errors_in_one_line(), progress_bars(quiet=False) as progress:
        for line in _report(progress):
            typer.echo(line)
    raise typer.Exit


DemoCensoring = Annotated[
    bool,
    typer.Option(
        "--demo-censoring",
        callback=demo_censoring,
        is_eager=True,
        help="Print what the estimate of demand under rationing is worth on made-up histories, and end.",
    ),
]


def _report(progress: Progress) -> Iterator[str]:
    """Yield the report, line by line."""
    from allocation.rationing.accuracy import SEEDS, trials
    from allocation.rationing.gaming import attempts
    from allocation.rationing.history import Setting

    usual = Setting()
    yield (
        f"Demand under rationing: {usual.retailers} retailers, {usual.weeks} weeks, {usual.cut:.0%} of lines cut by "
        f"weighted max-min, {usual.inflating:.0%} of retailers asking for more after a cut"
    )
    settings = (usual, Setting(times_known=0.0), Setting(times_known=0.0, requests_missing=1.0))
    for setting in settings:
        requests = 1 - setting.requests_missing
        known = f"stock-out times known in {setting.times_known:.0%} of weeks, requests in {requests:.0%}"
        found = []
        for done, seed in enumerate(SEEDS):
            progress(known, done, len(SEEDS))
            found += trials(setting, [seed])
        yield from ("", f"Error of demand over the whole history; {known}")
        yield from _accuracy(found)
        yield from ("", "The ways by which figures were found: share of the weeks, bias of their sum")
        yield from _ways(found)
    progress("inflated requests", 0, 1)
    yield from ("", "Every tenth retailer asks for more, the others as before, on the same supply")
    yield from _attempts(attempts(usual, SEEDS[0]))
    yield from _loop(progress)


def _accuracy(trials: "Sequence[Trial]") -> Iterator[str]:
    head = ("seed", "cut", "bias", "most-cut fifth", "by retailer", "sales: bias", "most-cut fifth", "by retailer")
    rows = [
        (str(trial.seed), f"{trial.cut:.1%}", *_errors(trial.estimated), *_errors(trial.sales_alone))
        for trial in trials
    ]
    return _table(head, rows)


def _errors(errors: "Errors") -> tuple[str, str, str]:
    return _signed(errors.bias), _signed(errors.bias_most_cut), f"{errors.by_retailer:.1%}"


def _ways(trials: "Sequence[Trial]") -> Iterator[str]:
    rows = []
    for way in sorted({way for trial in trials for way in trial.ways}):
        seen = [trial.ways[way] for trial in trials if way in trial.ways]
        share = sum(part for part, _ in seen)
        bias = sum(part * off for part, off in seen) / share
        rows.append((way.name.lower(), f"{share / len(trials):.1%}", _signed(bias)))
    return _table(("way", "of weeks", "bias"), rows)


def _attempts(attempts: "Sequence[Attempt]") -> Iterator[str]:
    rows = [(a.asking, *map(_signed, (a.bias, a.gain, a.gain_most)), str(a.above_ceiling)) for a in attempts]
    return _table(("asking for", "bias", "gain", "most gained", "above ceiling"), rows)


def _loop(progress: Progress) -> Iterator[str]:
    from allocation.rationing.closed_loop import RETURNED, Loop, returned_after, run_loop

    loop = Loop()
    yield ""
    yield (
        f"Closed loop: {loop.retailers} retailers, {loop.cycles} cycles, supply {loop.supply:.0%} of demand; "
        f"half the retailers starved in the first {loop.starved_cycles} cycles"
    )
    yield "Granted to that half, per cent of its true share, cycle by cycle"
    for done, (name, estimating) in enumerate((("with the estimate", True), ("sales alone", False))):
        progress("closed loop", done, 2)
        part = run_loop(loop, LOOP_SEED, estimating=estimating)
        for start in range(0, len(part), _A_ROW):
            figures = "".join(f"{100 * value:5.0f}" for value in part[start : start + _A_ROW])
            yield f"  {'' if start else name:<17}  cycle {start + 1:>2} on:{figures}"
        after = returned_after(part, loop)
        told = "not within the year" if after is None else f"{after} cycles after the starving"
        yield f"  {'':<17}  back at {RETURNED:.0%} or more for good: {told}"


def _signed(value: float) -> str:
    return f"{value:+.1%}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table in plain text, the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for first, *others in (head, *rows):
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        yield "  " + "  ".join(cells)
