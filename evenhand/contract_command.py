"""``evenhand contract``: the published contract of devices, and whether a device of another make keeps it."""

import json
import shlex
import signal
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware_sim.conformance.checking import Report, Verdict

app = typer.Typer(help="The contract of devices, and whether a device keeps it.", no_args_is_help=True)
DATA = Path(".evenhand/contract")
MARKS = {"holds": ("✓", "green"), "broken": ("✗", "red"), "not tried": ("·", "yellow")}


@app.command("list")
def list_cases() -> None:
    """List what a device is tried with, each with its story."""
    from firmware_sim.conformance.cases import CASES

    for case in CASES:
        typer.echo(f"{case.name:<28} {case.story}")


@app.command()
def schemas(folder: Annotated[Path, typer.Argument(help="Folder that the files are written into.")]) -> None:
    """Write the JSON Schemas of everything on the wire, one file each."""
    from contract import schemas as contract

    written = contract.write(folder)
    typer.echo(f"{len(written)} schemas in {folder}")


@app.command()
def check(
    driver: Annotated[
        str | None,
        typer.Option(help="Program that works the device, told by lines of JSON; you are asked where absent."),
    ] = None,
    address: Annotated[
        str, typer.Option(help="Address of this machine at which the device reaches it; loopback by default.")
    ] = "127.0.0.2",
    only: Annotated[
        list[str] | None, typer.Option(help="This case alone, with those that it needs; may be repeated.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the report as JSON into this file.")] = None,
    data_dir: Annotated[Path, typer.Option(help="Folder of the installation; made anew, removed at the end.")] = DATA,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as one JSON object, last.")] = False,
) -> None:
    """Try a device against a real server and broker; exit 1 where it breaks the contract, 2 where it cannot be tried.

    The server is started for this check alone, on loopback. A line at --address passes its ports on, and is cut and
    made mute on purpose. docs/contract.md says what a device must do, and what a driver is told.
    """
    from firmware_sim.conformance import checking, driving
    from firmware_sim.stage import StageError
    from server.kit.processes import StartError

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an end from outside ends what we started
    try:
        checking.chosen(only or [])
        works = driving.program(shlex.split(driver)) if driver else nullcontext(driving.Person(_ask))
        with works as worked:
            result = checking.check(data_dir, worked, only=only or [], address=address, tell=_tell(quiet=as_json))
    except (driving.DriverError, checking.UnknownCaseError, StageError, StartError) as error:
        typer.echo(f"evenhand: {error}", err=True)
        raise typer.Exit(2) from None
    except OSError as error:
        typer.echo(f"evenhand: {address} is no address of this machine, or its ports are taken: {error}", err=True)
        raise typer.Exit(2) from None
    if report is not None:
        report.write_text(json.dumps(result.as_json(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    typer.echo(json.dumps(result.as_json(), ensure_ascii=False) if as_json else _summary(result))
    if not result.holds:
        raise typer.Exit(1)


def _ask(text: str) -> str:
    return str(typer.prompt(text, default="", show_default=False))


def _tell(*, quiet: bool) -> "Callable[[Verdict], None]":
    def tell(verdict: "Verdict") -> None:
        mark, colour = MARKS[verdict.outcome]
        typer.secho(f"{mark} {verdict.case:<28} {verdict.story}", fg=colour, err=quiet)
        if verdict.seen:
            typer.echo(f"    {verdict.seen}", err=quiet)
        if verdict.wanted:
            typer.echo(f"    wanted: {verdict.wanted} (docs/contract.md, “{verdict.chapter}”)", err=quiet)

    return tell


def _summary(result: "Report") -> str:
    counts = {name: sum(one.outcome == name for one in result.verdicts) for name in MARKS}
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    verdict = "The device keeps the contract" if result.holds else "THE DEVICE DOES NOT KEEP THE CONTRACT"
    return f"\n{verdict}: {told}; {result.heard} messages heard by {' and '.join(result.ways) or 'no way'}."
