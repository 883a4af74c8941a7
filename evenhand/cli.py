"""The table of contents of the command. Each part is imported only when it is asked for."""

from typing import Annotated

import typer

from evenhand import (
    allocation_commands,
    audit_commands,
    compare_command,
    contract_command,
    fleet_commands,
    forecast_command,
    keeping_commands,
    load_command,
    sample_command,
    score_command,
    server_commands,
    sim_command,
    terminal_command,
)
from evenhand.demo import command as demo_command

app = typer.Typer(
    name="evenhand",
    help="Ordering and certified fair allocation for a distributor and its licensed retailers.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    add_completion=False,
)
app.add_typer(allocation_commands.app)
app.add_typer(compare_command.app)
app.add_typer(allocation_commands.seed_app, name="seed", rich_help_panel=allocation_commands.PANEL)
app.add_typer(sample_command.app, name="sample", rich_help_panel=allocation_commands.PANEL)
app.add_typer(forecast_command.app)
app.add_typer(score_command.app)
app.add_typer(demo_command.app)
app.add_typer(load_command.app)
app.add_typer(sim_command.app, name="sim", rich_help_panel="Demonstration")
app.add_typer(server_commands.app)
app.add_typer(keeping_commands.app)
app.add_typer(audit_commands.app, name="audit", rich_help_panel=server_commands.PANEL)
app.add_typer(terminal_command.app)
app.add_typer(contract_command.app, name="contract", rich_help_panel="Terminals")
app.add_typer(fleet_commands.app, name="fleet", rich_help_panel="Terminals")


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


def main() -> None:
    """Run the command; what is missing from the installation is said in one line."""
    try:
        app()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        extra = _EXTRA_OF.get(missing)
        if extra is None:
            raise
        typer.echo(f"evenhand: {missing} is not installed; in a clone: pip install '.[{extra}]'", err=True)
        raise SystemExit(2) from None


_EXTRA_OF = {
    **dict.fromkeys(("numpy", "ortools", "pyarrow"), "allocation"),
    **dict.fromkeys(("holidays", "scipy", "statsforecast"), "forecasting"),
    **dict.fromkeys(("apsw", "waitress", "werkzeug"), "terminal"),
    **dict.fromkeys(
        ("fastapi", "sqlalchemy", "psycopg", "alembic", "uvicorn", "structlog", "pydantic", "tuf"), "server"
    ),
    "httpx2": "sim",
    "locust": "load",
}
