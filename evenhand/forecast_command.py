"""``evenhand forecast``: demand of the months or weeks to come, from a file and into a file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from evenhand.allocation_commands import PANEL
from evenhand.censoring_command import DemoCensoring
from evenhand.command_line import Stages, errors_in_one_line, progress_bars, refuse_input_as_output

app = typer.Typer()


class Length(StrEnum):
    """How long a period is."""

    MONTHS = "M"
    WEEKS = "W"


@app.command(rich_help_panel=PANEL)
def forecast(
    demand: Annotated[Path, typer.Argument(metavar="DEMAND", help="CSV file: series,period,value[,class].")],
    freq: Annotated[Length, typer.Option(help="Periods: M for months, W for weeks.")],
    horizon: Annotated[int, typer.Option(min=1, max=520, help="How many periods after each series' last one.")],
    out: Annotated[Path, typer.Option(help="File for the forecasts; an earlier one there is replaced.")],
    holidays: Annotated[
        Path | None, typer.Option(help="CSV file holiday,date: dates that replace those of the built-in calendar.")
    ] = None,
    *,
    backtest: Annotated[
        bool, typer.Option("--backtest", help="Add each series' error from earlier cut-offs, beside seasonal naive's.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
    demo_censoring: DemoCensoring = False,
) -> None:
    """Forecast demand by series, with an interval that holds four times in five; all is written, or nothing.

    A run over many series that was stopped goes on where it stopped when it is started again.
    Exit codes: 0 written, 1 not written, 2 input refused.
    """
    del demo_censoring  # where it is wanted, it has printed and ended before
    with errors_in_one_line(), progress_bars(quiet=quiet) as progress:
        from allocation import forecasting
        from allocation.forecasting.backtesting import backtest as tested_back
        from allocation.forecasting.calendar import built_in_calendar
        from allocation.forecasting.writing import check_place, write_forecasts

        stages = Stages()
        check_place(out)
        refuse_input_as_output(out, demand, holidays)
        calendar = forecasting.read_calendar(holidays) if holidays else built_in_calendar()
        size = demand.stat().st_size if demand.exists() else 0
        frequency = forecasting.Frequency(freq.value)
        history, remarks = forecasting.read_history(demand, frequency, lambda done: progress("reading", done, size))
        stages.end("read")
        with _places(out, history, horizon, calendar) as places:
            found = forecasting.forecast(history, horizon, holidays=calendar, progress=progress, places=places)
            errors = None
            if backtest:
                errors = tested_back(history, horizon, holidays=calendar, progress=progress, places=places)
            stages.end("forecast")
            write_forecasts(found, out, errors, progress)
            stages.end("written")
    if not quiet:
        typer.echo(f"{len(history):,} series, {horizon:,} periods each; written to {out}")
        for line in _said(remarks):
            typer.echo(line)
        typer.echo(str(stages))


def _said(remarks: Any) -> Iterator[str]:
    """Say what was read otherwise than it stands in the file."""
    if remarks.returns:
        yield f"{_count(remarks.returns, 'value')} below 0: no demand"
    if remarks.gaps_zero:
        yield f"{_count(remarks.gaps_zero, 'period')} without a row: no demand"
    if remarks.gaps_unknown:
        yield f"{_count(remarks.gaps_unknown, 'period')} without a row: not known"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


@contextmanager
def _places(out: Path, history: Any, horizon: int, calendar: Any) -> Iterator[Any]:
    """Yield where the work is done: few series here, many in a process a core, which keep what they have done."""
    from allocation.forecasting.forecasting import STRETCH
    from allocation.forecasting.places import Here, in_processes

    if len(history) <= STRETCH:
        yield Here()
        return
    with in_processes(os.cpu_count() or 1, out, history, horizon, calendar) as places:
        yield places
