"""``evenhand forecast --demo-censoring``: what the estimate of unconstrained demand is worth, on made-up histories."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import typer

from evenhand.command_line import errors_in_one_line, progress_bars

if TYPE_CHECKING:
    from allocation.rationing.accuracy import Trial
    from allocation.rationing.closed_loop import Loop
    from allocation.rationing.gaming import Attempt
    from allocation.rationing.history import Setting

LOOP_SEED: Final = 1
_A_ROW: Final = 13


def demo_censoring(*, as_json: bool = False, quiet: bool = False) -> None:
    """Print accuracy, what is gained by inflating requests, and the closed loop; the same figures every time.

    Parameters
    ----------
    as_json
        One JSON object instead of tables.
    quiet
        Show no progress.
    """
    with errors_in_one_line(), progress_bars(quiet=quiet) as progress:
        from allocation.rationing.closed_loop import Loop
        from allocation.rationing.history import Setting

        found = _measured(Setting(), Loop(), progress)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), indent=1))
    else:
        typer.echo("\n".join(found.lines()))


class _Found:
    """What was measured, to be printed."""

    def __init__(self, setting: "Setting", loop: "Loop") -> None:
        self.setting, self.loop = setting, loop
        self.trials: dict[str, list[Trial]] = {}
        self.attempts: list[Attempt] = []
        self.parts: dict[str, list[float]] = {}
        self.returned: dict[str, int | None] = {}

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        from dataclasses import asdict

        named = {
            known: [
                {**asdict(trial), "ways": {way.name: both for way, both in trial.ways.items()}} for trial in of_known
            ]
            for known, of_known in self.trials.items()
        }
        return {
            "setting": asdict(self.setting),
            "accuracy": named,
            "inflating": [asdict(attempt) for attempt in self.attempts],
            "loop": {
                "setting": asdict(self.loop),
                "part_of_true_share": self.parts,
                "returned_after_cycles": self.returned,
            },
        }

    def lines(self) -> Iterator[str]:
        """Yield the tables, line by line."""
        s = self.setting
        yield (
            f"Demand under rationing: {s.retailers} retailers, {s.weeks} weeks, {s.cut:.0%} of lines cut by weighted "
            f"max-min, {s.requests_missing:.0%} of requests missing, {s.inflating:.0%} of retailers asking for more "
            "after a cut"
        )
        for known, trials in self.trials.items():
            yield from ("", f"Stock-out times known in {known}: error of demand over the whole history")
            yield from _accuracy(trials)
        yield from ("", "Ways taken, all seeds of the first table: share of the weeks, bias of their sum")
        yield from _ways(next(iter(self.trials.values())))
        yield from ("", "Every tenth retailer asks for more, alone among the others, on the same supply")
        yield from _table(
            ("asking for", "bias", "gain", "most gained", "above ceiling"),
            [(a.asking, *map(_signed, (a.bias, a.gain, a.gain_most)), str(a.above_ceiling)) for a in self.attempts],
        )
        yield from self._loop_lines()

    def _loop_lines(self) -> Iterator[str]:
        loop = self.loop
        yield ""
        yield (
            f"Closed loop: {loop.retailers} retailers, {loop.cycles} cycles, supply {loop.supply:.0%} of demand; "
            f"half the retailers starved in the first {loop.starved_cycles} cycles"
        )
        yield "Granted to that half, per cent of its true share, cycle by cycle"
        for name, part in self.parts.items():
            for start in range(0, len(part), _A_ROW):
                figures = "".join(f"{100 * value:5.0f}" for value in part[start : start + _A_ROW])
                yield f"  {name if not start else '':<18}cycle {start + 1:>2} on:{figures}"
            after = self.returned[name]
            told = "not within the year" if after is None else f"after {after} cycles"
            yield f"  {'':<18}back at 95 % or more for good: {told}"


def _measured(setting: "Setting", loop: "Loop", progress: Callable[[str, int, int], None]) -> _Found:
    from dataclasses import replace

    from allocation.rationing.accuracy import SEEDS, trials
    from allocation.rationing.closed_loop import returned_after, run_loop
    from allocation.rationing.gaming import attempts

    found = _Found(setting, loop)
    for times_known in (setting.times_known, 0.0):
        known = f"{times_known:.0%} of weeks"
        found.trials[known] = []
        for done, seed in enumerate(SEEDS):
            progress(f"stock-out times known in {known}", done, len(SEEDS))
            found.trials[known] += trials(replace(setting, times_known=times_known), [seed])
    progress("inflated requests", 0, 1)
    found.attempts = attempts(setting, SEEDS[0])
    for done, (name, estimating) in enumerate((("with the estimate", True), ("sales alone", False))):
        progress("closed loop", done, 2)
        part = run_loop(loop, LOOP_SEED, estimating=estimating)
        found.parts[name] = [round(float(value), 4) for value in part]
        found.returned[name] = returned_after(part, loop)
    return found


def _accuracy(trials: "Sequence[Trial]") -> Iterator[str]:
    head = ("seed", "cut", "bias", "most-cut fifth", "by retailer", "sales: bias", "most-cut fifth", "by retailer")
    figures = [
        [t.cut]
        + [
            value
            for errors in (t.estimated, t.sales_alone)
            for value in (errors.bias, errors.bias_most_cut, errors.by_retailer)
        ]
        for t in trials
    ]
    rows = [(str(t.seed), *_accuracy_row(row)) for t, row in zip(trials, figures, strict=True)]
    mean = [sum(column) / len(column) for column in zip(*figures, strict=True)]
    return _table(head, [*rows, ("mean", *_accuracy_row(mean))])


def _accuracy_row(figures: Sequence[float]) -> list[str]:
    plain = (0, 3, 6)
    return [f"{value:.1%}" if at in plain else _signed(value) for at, value in enumerate(figures)]


def _ways(trials: "Sequence[Trial]") -> Iterator[str]:
    rows = []
    for way in sorted({way for trial in trials for way in trial.ways}):
        seen = [trial.ways[way] for trial in trials if way in trial.ways]
        share = sum(part for part, _ in seen)
        bias = sum(part * off for part, off in seen) / share
        rows.append((way.name.lower(), f"{share / len(trials):.1%}", _signed(bias)))
    return _table(("way", "of weeks", "bias"), rows)


def _signed(value: float) -> str:
    return f"{value:+.1%}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table in plain text, the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for row in (head, *rows):
        first, *others = (
            f"{cell:<{width}}" if not at else f"{cell:>{width}}"
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield "  ".join(("  " + first, *others))
