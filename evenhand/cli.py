"""The table of contents of the command. Each part is imported only when it is asked for."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from evenhand import (
    allocation_commands,
    compare_command,
    load_command,
    sample_command,
    score_command,
    server_commands,
    sim_command,
)
from evenhand.demo import command as demo_command

app = typer.Typer(
    name="evenhand",
    help="Ordering and certified fair allocation for a distributor and its licensed retailers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
app.add_typer(allocation_commands.app)
app.add_typer(compare_command.app)
app.add_typer(score_command.app)
app.add_typer(sample_command.app, name="sample", rich_help_panel=allocation_commands.PANEL)
app.add_typer(server_commands.app)
app.add_typer(demo_command.app)
app.add_typer(load_command.app)
app.add_typer(sim_command.app, name="sim", rich_help_panel="Demonstration")


def _tell_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if wanted:
        from importlib.metadata import version

        typer.echo(f"evenhand {version('evenhand')}")
        raise typer.Exit


@app.callback()
def _command(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    del version


@app.command(rich_help_panel="Terminals")
def terminal(
    server: Annotated[str, typer.Option(help="Address of the server, http://host:port.")],
    data_dir: Annotated[Path | None, typer.Option(help="Folder of this terminal's store.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the screens on loopback; a free one where absent.")] = None,
    *,
    kiosk: Annotated[bool, typer.Option("--kiosk", help="Open the screens in a browser in kiosk mode.")] = False,
) -> None:
    """Run a shop's terminal on this machine; its screens open in a browser."""
    words = ["--server", server]
    words += ["--data-dir", str(data_dir)] if data_dir else []
    words += ["--port", str(port)] if port is not None else []
    words += ["--kiosk"] if kiosk else []
    sys.stdout.flush()
    # The terminal's process stays small: it does not keep this command's imports.
    os.execv(sys.executable, [sys.executable, "-m", "terminal_client", *words])  # noqa: S606 - no shell on purpose


def main() -> None:
    """Run the command; what is missing from the installation is said in one line."""
    try:
        app()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        extra = _EXTRA_OF.get(missing)
        if extra is None:
            raise
        typer.echo(f"evenhand: {missing} is not installed; pip install 'evenhand[{extra}]'", err=True)
        raise SystemExit(2) from None


_EXTRA_OF = {
    **dict.fromkeys(("numpy", "ortools", "pyarrow"), "allocation"),
    **dict.fromkeys(("holidays", "scipy", "statsforecast"), "forecasting"),
    **dict.fromkeys(("apsw", "waitress", "werkzeug"), "terminal"),
    **dict.fromkeys(("fastapi", "sqlalchemy", "psycopg", "alembic", "uvicorn", "structlog", "pydantic"), "server"),
    "httpx2": "sim",
    "locust": "load",
}
