"""``evenhand demo``: runs a play; leaves the stage open to look around, or ends with one line of JSON."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evenhand.demo.play import Play

app = typer.Typer()
DATA = Path(".evenhand/demo")
ENVIRONMENT = {"EVENHAND_DEMO": "true", "EVENHAND_NETWORK_NAME": "Evenhand"}
LEDGER_WEEK = "2020-12-07"
#: Those who look on beside the two persons of the cycle, and their roles.
OTHERS = {
    "Manager": "manager",
    "Dispatcher": "dispatcher",
    "Inspector": "inspector",
    "Regional manager": "regional",
    "Fleet": "fleet",
    "Auditor": "auditor",
    "Administrator": "administrator",
}

#: What the integrator's program may read.
PROGRAM_READS = ("orders:read", "cycles:read", "deliveries:read", "retailers:read")

#: What lies where, for whoever is signed in.
SHOWN = {
    "Visits": "visit_plan",
    "Training": "training",
    "What if": "what_if",
    "Rollout": "rollout",
    "Published": "published",
}


@app.command(rich_help_panel="Demonstration")
def demo(
    data: Annotated[Path | None, typer.Option(help="Folder of a real ledger; the sample town where absent.")] = None,
    week: Annotated[
        str | None, typer.Option(help="First day of the ledger's week, ISO date; 2020-12-07 where absent.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed makes another town.")] = None,
    data_dir: Annotated[
        Path, typer.Option(help="Its folder: a new or an empty one, or that of an earlier demo, which goes.")
    ] = DATA,
    *,
    once: Annotated[bool, typer.Option("--once", help="End by itself after the cycle.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object, last.")] = False,
) -> None:
    """Run a distributor's whole cycle on this machine, then leave console and a terminal open."""
    from evenhand.demo.room import room
    from firmware_sim.launching import end_server, start_server
    from server.kit.processes import StartError

    if week is not None and data is None:
        raise typer.BadParameter("it is a week of a ledger; name the ledger's folder by --data", param_hint="--week")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an end from outside ends what we started
    started = time.monotonic()
    try:
        with room(data_dir):
            process = start_server(data_dir / "server", **ENVIRONMENT)
            try:  # the server starts while the play is loaded
                console = Console()
                ledger = None if data is None else (data, date.fromisoformat(week or LEDGER_WEEK))
                with _performed(process, data_dir, console, seed, ledger) as play:
                    figures = play.figures.plain() | {"seconds": round(time.monotonic() - started, 1)}
                    if as_json:
                        typer.echo(json.dumps(figures))
                    else:
                        _tell(console, figures)
                    if not once:
                        _stay_open(console, play)
            finally:
                end_server(process)
    except (StartError, ValueError) as error:
        typer.echo(f"evenhand: {error}", err=True)
        raise typer.Exit(1) from None


@contextlib.contextmanager
def _performed(
    process: "subprocess.Popen[str]",
    data_dir: Path,
    console: Console,
    seed: int | None,
    ledger: tuple[Path, date] | None,
) -> "Iterator[Play]":
    """Perform the play on the server that starts; its terminals run until the end of the block."""
    from contract.errors import Refusal
    from evenhand.demo import iowa, setting
    from evenhand.demo.play import Play
    from evenhand.demo.shops import ShopError
    from evenhand.demo.view import Bars, Lines
    from firmware_sim.stage import StageError, installation

    chosen_seed = setting.SAMPLE_SEED if seed is None else seed
    try:
        today = datetime.now(UTC).date()
        beginning = setting.sample(chosen_seed, today=today) if ledger is None else iowa.setting(*ledger, today=today)
        with installation(data_dir / "server", process=process, environment=ENVIRONMENT) as stage:
            play: Play | None = None
            try:
                with (Bars if console.is_terminal else Lines)(console) as view:
                    play = Play(stage, beginning, view, data_dir, chosen_seed)
                    play.run()
                yield play
            finally:
                if play is not None and play.shops is not None:
                    play.shops.close()
    except (Refusal, StageError, ShopError) as error:
        typer.echo(f"evenhand: {error}", err=True)
        raise typer.Exit(1) from None


def _tell(console: Console, figures: dict[str, object]) -> None:
    console.print(
        f"\n[bold]{figures['granted']:,}[/] of [bold]{figures['requested']:,}[/] units granted, "
        f"{figures['orders']} orders, {figures['receipts']} receipts, {figures['duplicates']} doubled, "
        f"verified: {'yes' if figures['verified'] else 'NO'}, {figures['seconds']} s",
        soft_wrap=True,
    )


def _stay_open(console: Console, play: "Play") -> None:
    """Print where to look, and keep everything running until Ctrl-C.

    Raises
    ------
    StageError
        The server or the terminal ended by itself.
    """
    from firmware_sim.stage import StageError

    stage, shops = play.stage, play.shops
    if shops is None:
        return
    until = play.open_next()
    ordered = play.order_next()
    known = {person.name for person in stage.people}
    links = {
        "Planner": stage.link_for("planner"),
        "Second person": stage.link_for("second person"),
        **{
            name: stage.link_for(name.lower(), *(() if name.lower() in known else (role,)))
            for name, role in OTHERS.items()
        },
    }
    token = stage.token_for("erp", PROGRAM_READS)
    shop = shops.real[0]
    shop.terminal.close()
    store = play.folder / "terminals" / shop.code
    screens = subprocess.Popen(
        [sys.executable, "-m", "terminal_client", "--server", stage.url, "--data-dir", str(store), "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        said = screens.stdout.readline().strip() if screens.stdout else ""
        address = said.removeprefix("terminal: ")
        console.print(
            "\n[bold]Look around[/] (each link signs in once, and opens on Today with what waits for this person):"
        )
        lines = [*links.items(), ("Terminal", address)]
        lines += [(name, play.figures.more[shown]) for name, shown in SHOWN.items() if shown in play.figures.more]
        lines.append(("Integrator", f'curl -H "Authorization: Bearer {token}" {stage.url}/api/v1/orders'))
        for name, where in lines:
            console.print(f"  {name:<17} {where}", soft_wrap=True, markup=False, highlight=False)
        console.print(
            f"\nThe next week's window is open until {until.astimezone():%H:%M}, {ordered} shops have ordered:"
            " order at the terminal; after the close"
            f" the console leads on. {len(shops.fleet.devices)} terminals were only played and have gone"
            " home: in some minutes Today shows them offline. Ctrl-C ends everything."
        )
        with contextlib.suppress(KeyboardInterrupt):
            while screens.poll() is None and stage.process.poll() is None:
                time.sleep(0.5)
            ended = "the terminal" if screens.poll() is not None else "the server"
            raise StageError(f"{ended} ended by itself; see {play.folder / 'server' / 'logs'}")
    finally:
        if screens.poll() is None:
            screens.terminate()
            screens.wait(10)
