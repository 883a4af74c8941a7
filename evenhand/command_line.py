"""What commands on folders have in common: one line for an error, a bar for what takes long."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import typer

UNREADABLE: Final = 2
"""Exit code: the input is refused or cannot be read."""


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """Turn every expected error into one line on standard error and its exit code."""
    from allocation.errors import AllocationError, InputError
    from allocation.verification import Unreadable

    try:
        yield
    except (InputError, Unreadable) as error:
        typer.echo(f"evenhand: {error}", err=True)
        raise typer.Exit(UNREADABLE) from None
    except (AllocationError, ValueError) as error:
        typer.echo(f"evenhand: {error}", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"evenhand: {error.filename or 'file'}: {error.strerror}; nothing was written", err=True)
        raise typer.Exit(1) from None


@contextmanager
def progress_bars(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Show bars for what takes long, on a terminal only."""
    if quiet or not sys.stderr.isatty():
        yield lambda _stage, _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total or None)
            bars.update(tasks[stage], completed=done)

        yield show
