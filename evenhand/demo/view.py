"""What a person sees of a play: about ten lines, the act that goes on with a bar where it is a terminal."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text


class Bars:
    """A line for every act that is over, and a bar for the one that goes on; whole from 80 columns on."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}", style="bold"),
            BarColumn(bar_width=14, complete_style="cyan", finished_style="green"),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._name = ""

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def act(self, name: str, total: int) -> Callable[[int], None]:
        """Begin an act."""
        task = self._progress.add_task(name, total=total)
        self._task, self._name = task, name
        return lambda done: self._progress.update(task, completed=done)

    def done(self, text: str) -> None:
        """End the act."""
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        self._console.print(Text.assemble(("✓ ", "green"), (self._name, "bold"), (f": {text}", "dim")))


class Lines:
    """A plain line for every act, when it is over."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._name = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def act(self, name: str, total: int) -> Callable[[int], None]:
        """Begin an act."""
        del total
        self._name = name
        return lambda _: None

    def done(self, text: str) -> None:
        """Print the act with what came of it."""
        self._console.print(f"{self._name}: {text}", soft_wrap=True, highlight=False, markup=False)
