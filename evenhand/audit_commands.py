"""Commands on the server's audit: is the chain whole, and what an outsider keeps to find out later."""

import json
from pathlib import Path
from typing import Annotated

import typer

from evenhand.command_line import UNREADABLE
from evenhand.server_commands import work

app = typer.Typer(help="The audit: check its chain, export its signed heads.", no_args_is_help=True)


@app.command("verify")
def verify(
    heads: Annotated[Path | None, typer.Option(help="Signed heads that were exported earlier.")] = None,
    key: Annotated[
        Path | None, typer.Option(help="Public key to believe, PEM; the installation's own if absent.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The outcome as one JSON object.")] = False,
) -> None:
    """Check every entry against the chain, and the chain against its signed heads; exit 1 where something is amiss."""
    from server.kit import audit_cli
    from server.kit.audit_keys import KeyUnusableError

    try:
        with work() as (session, chosen, at):
            found = audit_cli.verify(session, chosen, heads=heads, key=key, at=at)
    except (KeyUnusableError, OSError, ValueError) as error:
        typer.echo(f"evenhand: {error}", err=True)
        raise typer.Exit(UNREADABLE) from None
    typer.echo(json.dumps(audit_cli.as_json(found)) if as_json else "\n".join(audit_cli.lines(found)))
    if found.faults:
        raise typer.Exit(1)


@app.command("heads")
def heads(
    out: Annotated[Path | None, typer.Option(help="File to write; standard output if absent.")] = None,
) -> None:
    """Write the signed heads, one JSON object a line: kept elsewhere, they show later whether anything was cut off."""
    from server.kit import audit_cli

    with work() as (session, _, _at):
        text = audit_cli.exported_heads(session)
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
        typer.echo(f"{text.count(chr(10))} heads in {out}")


@app.command("key")
def key(
    out: Annotated[Path | None, typer.Option(help="File to write; standard output if absent.")] = None,
) -> None:
    """Write the public key by which anybody can check the heads."""
    from server.kit import audit_cli
    from server.kit.audit_keys import KeyUnusableError

    try:
        with work() as (_, chosen, _at):
            pem = audit_cli.public_key(chosen)
    except KeyUnusableError as error:
        typer.echo(f"evenhand: {error}", err=True)
        raise typer.Exit(UNREADABLE) from None
    if out is None:
        typer.echo(pem, nl=False)
    else:
        out.write_text(pem, encoding="utf-8")
        typer.echo(f"the public key is in {out}")
