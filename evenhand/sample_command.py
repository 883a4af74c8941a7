"""``evenhand sample``: made-up problems and networks to try and to measure with."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from evenhand.command_line import errors_in_one_line, progress_bars

app = typer.Typer(help="Make up a problem or a network to try and to measure with.", no_args_is_help=True)


class Form(StrEnum):
    """Forms of tables."""

    PARQUET = "parquet"
    CSV = "csv"


@app.callback()
def sample() -> None:
    """Make up a problem or a network to try and to measure with."""


@app.command()
def national(
    out: Annotated[Path, typer.Option(help="New folder for the problem.")],
    retailers: Annotated[int, typer.Option(help="Number of retailers.")] = 5_000_000,
    lines: Annotated[int, typer.Option(help="Lines of each retailer.")] = 20,
    skus: Annotated[int, typer.Option(help="Number of SKUs.")] = 200,
    seed: Annotated[int, typer.Option(help="The same number gives the same book.")] = 1,
    form: Annotated[Form, typer.Option("--format", help="Form of the tables.")] = Form.PARQUET,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Make up the order book of a country: skewed requests, packs, scarce SKUs, weights and regions.

    Exit codes: 0 written, 1 not written, 2 refused.
    """
    with errors_in_one_line(), progress_bars(quiet=quiet) as progress:
        from allocation.national import Book, write_national

        book = Book(retailers, lines, skus, seed)
        write_national(book, out, parquet=form is Form.PARQUET, progress=progress)
    if not quiet:
        typer.echo(f"{retailers * lines:,} lines of {retailers:,} retailers for {skus:,} SKUs; written to {out}")


@app.command()
def score(
    out: Annotated[Path, typer.Option(help="New folder for the figures and the policy.")],
    retailers: Annotated[int, typer.Option(help="Number of retailers.")] = 200,
    weeks: Annotated[int, typer.Option(help="Weeks of figures.")] = 104,
    seed: Annotated[int, typer.Option(help="The same number gives the same network.")] = 1,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Make up a network to score: outlets of several kinds, two years of figures, decisions and a score.toml.

    Exit codes: 0 written, 1 not written, 2 refused.
    """
    with errors_in_one_line(), progress_bars(quiet=quiet) as progress:
        from allocation.scoring.sample import Network, write_network

        write_network(Network(retailers, weeks, seed), out, progress)
    if not quiet:
        typer.echo(f"{weeks:,} weeks of {retailers:,} retailers; written to {out}")
