"""``evenhand score`` and ``evenhand verify-score``: capability scores of a folder of figures, and their check."""

import json
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from evenhand.allocation_commands import VIOLATED, Language
from evenhand.command_line import UNREADABLE, Stages, errors_in_one_line, progress_bars, refuse_input_as_output

PANEL: Final = "Scores"
_SAID: Final = {
    "holds": {"en": "holds: {count} retailers checked", "zh": "成立：已核验 {count} 户零售户"},
    "violated": {"en": "violated: {count} differences", "zh": "不成立：{count} 处不符"},
}

app = typer.Typer()


class Period(StrEnum):
    """Lengths of periods."""

    WEEK = "week"
    MONTH = "month"


GivenFolder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder with retailers.csv and history.csv.")]


@app.command(rich_help_panel=PANEL)
def score(
    folder: GivenFolder,
    out: Annotated[Path, typer.Option(help="Folder for the scores; earlier ones there are replaced.")],
    policy: Annotated[Path | None, typer.Option(help="Score policy; the defaults where absent.")] = None,
    previous: Annotated[
        Path | None, typer.Option(help="Folder of the scores before these; their tiers are moved on from.")
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(help="Day of the scores, as 2027-02-28; where absent, the day after the last period begins."),
    ] = None,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Score retailers by what they sold, paid, accepted and kept; all of the scores are written, or nothing.

    Exit codes: 0 written, 1 not written, 2 input refused.
    """
    with errors_in_one_line(), progress_bars(quiet=quiet) as progress:
        from allocation.scoring import ScorePolicy, folders
        from allocation.scoring import score as score_history

        stages = Stages()
        day = _day(as_of)
        stated = folders.read_score_policy(policy) if policy else ScorePolicy()
        before = folders.read_previous(previous) if previous else None
        given = folders.read_given(folder, progress)
        stages.end("read")
        scores = score_history(given.history, stated, given.decisions, before.tiers if before else None, day)
        _check_order(before.as_of if before else None, scores.as_of)
        stages.end("scored")
        folders.write_scores(scores, out, before)
        stages.end("written")
    if not quiet:
        absent = f"; nothing known of {', '.join(scores.absent)}" if scores.absent else ""
        changed = len(scores.guarded.changes)
        typer.echo(
            f"{len(scores):,} retailers scored as of {scores.as_of}{absent}; "
            f"{changed:,} weights changed by the guards; written to {out}"
        )
        typer.echo(f'score_version = "{scores.version}"')
        typer.echo(str(stages))


@app.command("verify-score", rich_help_panel=PANEL)
def verify_score(
    folder: GivenFolder,
    scores: Annotated[Path, typer.Argument(metavar="SCORES", help="Folder that evenhand score has written.")],
    previous: Annotated[
        Path | None, typer.Option(help="Folder of the scores before these, to check the previous tiers by.")
    ] = None,
    lang: Annotated[Language, typer.Option(help="Language.")] = Language.ENGLISH,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
) -> None:
    """Count scores once more from the figures, by other code, and compare every number.

    Exit codes: 0 holds, 1 violated (names the first differences), 2 unreadable.
    """
    with errors_in_one_line():
        from allocation.scoring.checking import UnreadableScoresError, verify_scores

        try:
            verdict = verify_scores(folder, scores, previous)
        except UnreadableScoresError as error:
            typer.echo(f"evenhand: {error}", err=True)
            raise typer.Exit(UNREADABLE) from None
    if as_json:
        typer.echo(json.dumps(verdict.as_dict(lang.value), ensure_ascii=False, indent=1))
    else:
        for difference in verdict.differences:
            typer.echo(difference.said(lang.value), err=True)
        said, count = ("holds", verdict.retailers) if verdict.holds else ("violated", verdict.found)
        typer.echo(_SAID[said][lang.value].format(count=f"{count:,}"), err=not verdict.holds)
    if not verdict.holds:
        raise typer.Exit(VIOLATED)


def _day(text: str | None, option: str = "--as-of") -> date | None:
    from allocation.errors import InputError

    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError(option, "no date; write it as 2027-02-28", value=text) from None


def _check_order(before: date | None, day: date) -> None:
    from allocation.errors import InputError

    if before is not None and before >= day:
        raise InputError(
            "--previous",
            f"those are scores of {before}, and these of {day}; give the ones before these",
            value=str(before),
        )


@app.command("estimate-demand", rich_help_panel=PANEL)
def estimate_demand(
    folder: GivenFolder,
    out: Annotated[Path, typer.Option(help="File for the history with its demand; replaced where it exists.")],
    as_of: Annotated[
        str | None, typer.Option(help="Day as 2027-02-28: only rows before it are used and written.")
    ] = None,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Estimate what retailers would have sold, had there been enough, from sales, stock and stock-outs.

    Writes history.csv with the column demand, to be scored. Exit codes: 0 written, 1 not written, 2 input refused.
    """
    with errors_in_one_line(), progress_bars(quiet=quiet) as progress:
        from allocation.scoring import folders
        from allocation.scoring.estimating import with_estimated_demand
        from allocation.scoring.given import figures_csv
        from allocation.whole_folders import replace_file

        refuse_input_as_output(out, *folder.glob("*.csv"))
        history = with_estimated_demand(folders.read_given(folder, progress).history, _day(as_of))
        replace_file(out, figures_csv(history, "history"))
    if not quiet:
        figures = history.figures["history"]
        typer.echo(f"demand of {len(figures):,} periods of {len(history.retailer):,} retailers; written to {out}")


@app.command("history-of", rich_help_panel=PANEL)
def history_of(
    ledger: Annotated[Path, typer.Argument(metavar="LEDGER", help="Lines of deliveries or sales, CSV or Parquet.")],
    out: Annotated[Path, typer.Option(help="New folder for retailers.csv, history.csv and assortment.csv.")],
    period: Annotated[Period, typer.Option(help="Length of a period.")] = Period.WEEK,
    day: Annotated[str, typer.Option(help="Column of the day.")] = "date",
    retailer: Annotated[str, typer.Option(help="Column of the retailer.")] = "retailer",
    sku: Annotated[str, typer.Option(help="Column of the SKU.")] = "sku",
    units: Annotated[str, typer.Option(help="Column of the units; below 0 they are returns.")] = "units",
    last: Annotated[
        str | None,
        typer.Option(help="First day of the period that the last whole one stands for; all others move as far."),
    ] = None,
    *,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")] = False,
) -> None:
    """Make a folder to score of a ledger: what each retailer sold in each whole period, and how wide its range was.

    Exit codes: 0 written, 1 not written, 2 input refused.
    """
    with errors_in_one_line():
        from allocation.scoring.ledger import Named, read_ledger, write_history

        moved_to = _day(last, "--last")
        lines = read_ledger(ledger, Named(day, retailer, sku, units))
        first, end = write_history(lines, out, period.value, last=moved_to)
    if not quiet:
        typer.echo(
            f"{len(lines.day):,} lines of {len(lines.retailers):,} retailers, {period.value}s from {first} to {end}; "
            f"written to {out}"
        )


@app.command("explain-score", rich_help_panel=PANEL)
def explain_score(
    scores: Annotated[Path, typer.Argument(metavar="SCORES", help="Folder that evenhand score has written.")],
    retailer: Annotated[str, typer.Option(help="Name of the retailer.")],
    lang: Annotated[Language, typer.Option(help="Language.")] = Language.ENGLISH,
) -> None:
    """Say why a retailer has its score and what would raise it, then the parts.

    Exit codes: 0 explained, 2 no such scores or retailer.
    """
    with errors_in_one_line():
        from allocation.scoring.explaining import Published, explain

        published = Published.read(scores)
        if retailer not in published.scores:
            typer.echo(f"evenhand: {scores} has no retailer {retailer}", err=True)
            raise typer.Exit(UNREADABLE)
        typer.echo(explain(published, retailer, lang.value))
