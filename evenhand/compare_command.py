"""``evenhand compare``: two policies on one problem, as JSON, as a table on a terminal, and as a page."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from evenhand.allocation_commands import PANEL, Language, ProblemFolder
from evenhand.command_line import UNREADABLE, errors_in_one_line, progress_bars

if TYPE_CHECKING:
    from allocation.comparing import Comparison

app = typer.Typer()
_SHOWN = 5


@app.command(rich_help_panel=PANEL)
def compare(
    problem: ProblemFolder,
    policy: Annotated[
        list[Path], typer.Option(help="Policy file, given twice: before and after. Its rule may be first_come here.")
    ],
    html: Annotated[Path | None, typer.Option(help="File for a page that prints; replaced where it exists.")] = None,
    lang: Annotated[Language, typer.Option(help="Language of the page and of the table.")] = Language.ENGLISH,
    seed: Annotated[str | None, typer.Option(help="64 hexadecimal digits, instead of both policies' seeds.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON also where there is a terminal.")] = False,
) -> None:
    """Solve a problem under two policies, and say who gains, who loses and how even either is.

    Prints JSON, or a table on a terminal. Exit codes: 0 compared, 1 not solved or not written, 2 input refused.
    """
    if len(policy) != 2:  # noqa: PLR2004
        typer.echo(
            f"evenhand: compare takes two policies, not {len(policy)}: --policy A.toml --policy B.toml", err=True
        )
        raise typer.Exit(UNREADABLE)
    before, after = policy
    with errors_in_one_line(), progress_bars(quiet=False) as progress:
        from allocation import comparing
        from allocation.comparing.page import comparison_page
        from allocation.folders import read_compared_policy, read_problem
        from allocation.whole_folders import replace_file

        stated = [read_compared_policy(path) for path in (before, after)]
        names = (before.stem, after.stem) if before.stem != after.stem else (str(before), str(after))
        asked = read_problem(problem, progress, keep_arrival=True)
        seen = comparing.compare(asked, *stated, seed=seed, names=names, progress=progress)
        if html is not None:
            replace_file(html, comparison_page(seen, lang.value).encode())
    if as_json or not sys.stdout.isatty():
        typer.echo(json.dumps(seen.as_dict(), ensure_ascii=False, indent=1))
    else:
        _show(seen, lang.value)


def _show(seen: "Comparison", lang: str) -> None:
    """Print the figures and the first winners and losers as tables."""
    from functools import partial

    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from allocation.comparing.texts import amount, figures, moves, policy_in_words, say, signed

    said, console = partial(say, lang=lang), Console()
    names = (escape(seen.a.name), escape(seen.b.name))
    for side in (seen.a, seen.b):
        console.print(f"[bold]{escape(side.name)}[/]  {escape(policy_in_words(side, lang))}", highlight=False)
    console.print(escape(moves(seen, lang)), highlight=False)
    table = Table(said("measure"), *names, said("change"), title=said("measures"), title_justify="left")
    for figure in figures(seen):
        table.add_row(said(figure.key), figure.a, figure.b, figure.change)
    console.print(table)
    for kind, moved in (("retailers", seen.retailers), ("lines", seen.lines)):
        for verb, some in (("gain", moved.winners), ("lose", moved.losers)):
            title = said(f"{kind} that {verb}")
            table = Table(said("retailer"), said("sku"), said("requested"), *names, said("change"), title=title)
            table.title_justify = "left"
            for change in some[:_SHOWN]:
                units = (amount(units) for units in (change.requested, change.a, change.b))
                table.add_row(escape(change.retailer), escape(change.sku or ""), *units, signed(change.change))
            console.print(table)
