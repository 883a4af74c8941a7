"""Commands of the distributor's server."""

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from sqlalchemy.orm import Session

    from server.kit.settings import Settings
    from server.supervise import Supervisor

app = typer.Typer()
PANEL = "Server"


def settings() -> "Settings":
    """Return the settings of this installation; a wrong one is said in one line, exit 2."""
    from pydantic import ValidationError

    from server.kit.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = f"EVENHAND_{str(first['loc'][0]).upper()}" if first["loc"] else "settings"
        typer.echo(f"evenhand: {name}: {first['msg']}", err=True)
        raise typer.Exit(2) from None


def _configured() -> "Settings":
    from server.kit import logging

    made = settings()
    logging.configure(made.log_level, made.log_format)
    return made


@app.command(rich_help_panel=PANEL)
def serve(
    data_dir: Annotated[Path | None, typer.Option(help="Folder of everything this installation keeps.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the web process; 0 takes a free one.")] = None,
) -> None:
    """Run the whole server: database, broker, web, ingest, worker and solver under one supervisor."""
    from server import supervise

    chosen = _configured()
    changes = {"data_dir": data_dir, "web_port": port}
    chosen = chosen.model_copy(update={name: value for name, value in changes.items() if value is not None})

    def started(supervisor: "Supervisor") -> None:
        typer.echo(f"Evenhand is at {supervisor.web_url}")

    raise typer.Exit(supervise.main(chosen, started=started))


@app.command(rich_help_panel=PANEL)
def web() -> None:
    """Run the web process alone: programs' interface, terminals over HTTP, console."""
    _run("web")


@app.command(rich_help_panel=PANEL)
def ingest() -> None:
    """Run one ingest process alone: upward MQTT messages into the database."""
    _run("ingest")


@app.command(rich_help_panel=PANEL)
def worker() -> None:
    """Run one worker process alone: the clock's tick, feeds to terminals, background jobs."""
    _run("worker")


@app.command(rich_help_panel=PANEL)
def solver() -> None:
    """Run one solver process alone: it freezes, shares out, checks, publishes and compares, one thing at a time."""
    _run("solver")


def _run(part: str) -> None:
    from server import parts
    from server.kit.processes import StartError

    try:
        parts.PARTS[part](_configured())
    except StartError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


@app.command(rich_help_panel=PANEL)
def migrate(to: Annotated[str, typer.Option(help="Migration to stop at.")] = "head") -> None:
    """Bring the database's schema up to date, as the owner of the schema."""
    from urllib.parse import urlsplit

    from server import migrations
    from server.kit.runtime import running

    chosen = _configured()
    if chosen.database_url is None:
        parts = running(chosen)
        app_url, owner_url = parts["app_url"], parts["owner_url"]
    else:
        app_url = chosen.database_url.get_secret_value()
        owner_url = (chosen.database_owner_url or chosen.database_url).get_secret_value()
    migrations.upgrade(owner_url, app_role=urlsplit(app_url).username or "", to=to)
    typer.echo(f"schema at {to}")


operator = typer.Typer(help="People who may sign in to the console.", no_args_is_help=True)
app.add_typer(operator, name="operator", rich_help_panel=PANEL)
Name = Annotated[str, typer.Argument(help="The name that the person signs in with.")]
Roles = Annotated[
    list[str],
    typer.Option(
        "--role",
        help="administrator, planner, releaser, dispatcher, manager, inspector, regional, fleet, auditor.",
    ),
]


@operator.command("add")
def operator_add(name: Name, roles: Roles) -> None:
    """Add a person and print a link that signs in once; there is no default password."""
    from server.operators import cli

    with work() as (session, chosen, at):
        cli.add(session, name, roles, at=at)
        typer.echo(_link(session, name, chosen, at))


@operator.command("link")
def operator_link(name: Name) -> None:
    """Print a link that signs a person in once."""
    with work() as (session, chosen, at):
        typer.echo(_link(session, name, chosen, at))


@operator.command("roles")
def operator_roles(name: Name, roles: Roles) -> None:
    """Give a person these roles and no others."""
    from server.operators import cli

    with work() as (session, _, at):
        cli.set_roles(session, name, roles, at=at)
        typer.echo(f"{name}: {', '.join(roles)}")


@operator.command("disable")
def operator_disable(name: Name) -> None:
    """Shut a person out; the sessions end."""
    from server.operators import cli

    with work() as (session, _, at):
        cli.disable(session, name, at=at)
        typer.echo(f"{name} is disabled")


@operator.command("enable")
def operator_enable(name: Name) -> None:
    """Let a disabled person in again."""
    from server.operators import cli

    with work() as (session, _, at):
        cli.enable(session, name, at=at)
        typer.echo(f"{name} may sign in again")


@operator.command("sign-out")
def operator_sign_out(name: Name) -> None:
    """End all sessions of a person."""
    from server.operators import cli

    with work() as (session, _, at):
        typer.echo(f"{cli.end_sessions(session, name, at=at)} sessions of {name} ended")


@operator.command("list")
def operator_list() -> None:
    """List everybody with roles."""
    from server.operators import cli

    with work() as (session, _, at):
        for person in cli.people(session, at=at):
            typer.echo(f"{person.name}\t{', '.join(person.roles)}\t{'disabled' if person.disabled_at else 'active'}")


cycle = typer.Typer(help="Cycles and their published files.", no_args_is_help=True)
app.add_typer(cycle, name="cycle", rich_help_panel=PANEL)


@cycle.command("list")
def cycle_list() -> None:
    """List the cycles, the newest first."""
    from server.cycles import cli

    with work() as (session, _, _at):
        for line in cli.list_all(session):
            typer.echo(line)


@cycle.command("export")
def cycle_export(
    name: Annotated[str, typer.Argument(help="The cycle's number or id.")],
    out: Annotated[Path, typer.Option(help="Folder to write problem/ and result/ into.")],
) -> None:
    """Write the files of a cycle's result as `evenhand verify` reads them."""
    from allocation.errors import InputError
    from server.cycles import cli

    try:
        with work() as (session, _, _at):
            for line in cli.export(session, name, out):
                typer.echo(line)
    except InputError as error:
        typer.echo(f"evenhand: {error}", err=True)
        raise typer.Exit(2) from None


SOME_REFUSED = 3


@app.command("import", rich_help_panel=PANEL)
def import_list(
    kind: Annotated[str, typer.Argument(help="skus, retailers, limits or licences.")],
    file: Annotated[Path, typer.Argument(help="CSV, as a spreadsheet saves it.")],
    mapping: Annotated[Path | None, typer.Option(help="TOML: which column is which field.")] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report alone, store nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The whole report as one JSON object.")] = False,
) -> None:
    """Bring a list in from a CSV file; exit 2 where nothing can be taken, 3 where some rows are refused."""
    from server.kit.imports import FileRefused, cli
    from server.wiring import IMPORTS

    kinds = {one.name: one for one in IMPORTS}
    if kind not in kinds:
        typer.echo(f"evenhand: there is no list of kind {kind!r}; known are {', '.join(kinds)}", err=True)
        raise typer.Exit(2)
    try:
        with work() as (session, _, at):
            report = cli.bring_file(session, kinds[kind], file, mapping, at=at, dry_run=dry_run)
    except FileRefused as refused:
        typer.echo(f"evenhand: {refused}", err=True)
        raise typer.Exit(2) from None
    typer.echo(cli.as_json(report) if as_json else "\n".join(cli.lines(report)))
    if report.refused:
        raise typer.Exit(SOME_REFUSED)


def _link(session: "Session", name: str, chosen: "Settings", at: "datetime") -> str:
    from server.kit.runtime import running
    from server.operators import cli

    base_url = chosen.public_url or running(chosen)["web_url"]
    return cli.link(session, name, base_url=base_url, ttl_s=chosen.sign_in_link_ttl_s, at=at)


@contextmanager
def work() -> "Iterator[tuple[Session, Settings, datetime]]":
    """Open one transaction on the running installation; a refusal is one line, exit 1, nothing written."""
    from contract.errors import Refusal
    from server.kit.db import transaction
    from server.kit.imports import FileRefused
    from server.kit.runtime import NotRunningError, open_runtime

    chosen = settings()
    try:
        with open_runtime(chosen, need_broker=False) as runtime, transaction(runtime.sessions) as session:
            yield session, chosen, runtime.clock()
    except FileRefused:  # names the file's place: the command that reads files says it
        raise
    except (Refusal, NotRunningError) as refusal:
        typer.echo(f"evenhand: {refusal}", err=True)
        raise typer.Exit(1) from None
