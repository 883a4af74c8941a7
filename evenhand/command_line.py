"""What commands on folders have in common: one line for an error, a bar for what takes long."""

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import typer

BYTES_OF_MAXRSS: Final = 1 if sys.platform == "darwin" else 1024
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


def refuse_input_as_output(out: Path, *inputs: Path | None) -> None:
    """Refuse to write over what is read.

    Raises
    ------
    InputError
        Where ``out`` is one of the inputs, by whatever name.
    """
    from allocation.errors import InputError

    for given in inputs:
        if given is not None and given.exists() and out.exists() and out.samefile(given):
            raise InputError("--out", "this file is read and would be lost; name another one", value=str(out))


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


class Stages:
    """How long each stage of a command took, and how much memory all of it."""

    def __init__(self) -> None:
        self._since = time.perf_counter()
        self._told: list[str] = []

    def end(self, stage: str) -> None:
        """Say that a stage, such as ``read``, ends now."""
        now = time.perf_counter()
        self._told.append(f"{stage} in {now - self._since:.1f} s")
        self._since = now

    def __str__(self) -> str:
        peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * BYTES_OF_MAXRSS
        return f"{', '.join(self._told)}; at most {peak_bytes / 1e9:.2f} GB of memory"
