"""``evenhand fleet authority``: what a person does to those who certify terminals. docs/fleet.md walks through it."""

from pathlib import Path
from typing import Annotated

import typer

from evenhand.server_commands import work

app = typer.Typer(help="Who certifies terminals, and a change of that.", no_args_is_help=True)


@app.command("list")
def list_authorities() -> None:
    """List the authorities that are believed, and how many terminals have no newer certificate."""
    from server.devices import authority

    with work() as (session, _, at):
        for one in authority.standing(session, at):
            typer.echo(f"{one.number}  made {one.made_at:%Y-%m-%d}  needed by {one.devices} terminals")


@app.command()
def rotate() -> None:
    """Make another authority; it certifies terminals from now on, and the one before stays believed."""
    from server.devices import authority
    from server.kit.identity import SYSTEM

    with work() as (session, _, at):
        number = authority.begin_rotation(session, SYSTEM, at=at)
    typer.echo(f"Authority {number} certifies from now on. Retire the one before once no terminal needs it.")


@app.command()
def retire(
    *, even_if_needed: Annotated[bool, typer.Option(help="Also where terminals need it: they go by HTTP.")] = False
) -> None:
    """Believe the oldest authority no longer."""
    from server.devices import authority
    from server.kit.identity import SYSTEM

    with work() as (session, _, at):
        number = authority.end_rotation(session, SYSTEM, at=at, even_if_needed=even_if_needed)
    typer.echo(f"Authority {number} is believed no longer.")


@app.command()
def certificate(
    name: Annotated[str, typer.Argument(help="Of the process, as the broker's rules call it: svc-ingest.")],
    out: Annotated[Path, typer.Option(help="Folder for NAME.pem and NAME.key.")],
) -> None:
    """Make a key and a certificate for a process of ours that reaches a broker of yours by TLS."""
    from server.devices import authority
    from server.kit import certificates
    from server.kit.homes import write_private

    key = certificates.new_key()
    with work() as (session, _, at):
        _, issuing = authority.issuing(session, at)
        issued = certificates.issue_to_client(issuing, key.public_key(), name, at)
        trusted = authority.trusted_pem(session)
    out.mkdir(parents=True, exist_ok=True)
    write_private(out / f"{name}.key", certificates.key_pem(key))
    write_private(out / f"{name}.pem", issued.pem)
    write_private(out / "authorities.pem", trusted)
    typer.echo(f"{out / name}.pem, valid until {issued.expires_at:%Y-%m-%d}")
