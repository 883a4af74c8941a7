"""What a person sees of a play: about ten lines with bars on a terminal, plain lines elsewhere."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn


class Bars:
    """A line with a bar for every act, on a terminal."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", style="bold"),
            BarColumn(bar_width=24, complete_style="cyan", finished_style="green"),
            TextColumn("{task.completed:>6,.0f}/{task.total:<6,.0f}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[text]}", style="dim"),
            console=console,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def act(self, name: str, total: int) -> Callable[[int], None]:
        """Begin an act."""
        task = self._progress.add_task(name, total=total, text="")
        self._task = task
        return lambda done: self._progress.update(task, completed=done)

    def done(self, text: str) -> None:
        """End the act."""
        if self._task is not None:
            self._progress.update(self._task, text=text)


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
