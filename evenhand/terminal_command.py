"""``evenhand terminal``: a shop's terminal on this machine."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command(rich_help_panel="Terminals")
def terminal(
    server: Annotated[str, typer.Option(help="Address of the server, http://host:port.")],
    data_dir: Annotated[Path | None, typer.Option(help="Folder of this terminal's store.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the screens on loopback; a free one where absent.")] = None,
    *,
    releases: Annotated[
        Path | None,
        typer.Option(help="Folder of releases: the terminal is then updated by the server (docs/fleet.md)."),
    ] = None,
    update_root: Annotated[Path | None, typer.Option(help="root.json of releases; needed with --releases.")] = None,
    kiosk: Annotated[bool, typer.Option("--kiosk", help="Open the screens in a browser in kiosk mode.")] = False,
) -> None:
    """Run a shop's terminal on this machine; its screens open in a browser."""
    words = ["--server", server]
    words += ["--data-dir", str(data_dir)] if data_dir else []
    words += ["--port", str(port)] if port is not None else []
    words += ["--kiosk"] if kiosk else []
    program = "terminal_client"
    if releases is not None:
        if update_root is None or not update_root.is_file():
            typer.echo(
                "evenhand: --releases needs --update-root FILE, the root.json that the distributor gives out", err=True
            )
            raise typer.Exit(2)
        program = "terminal_client.boot"
        words += ["--releases", str(releases), "--update-root", str(update_root)]
    sys.stdout.flush()
    # The terminal's process stays small: it does not keep this command's imports.
    os.execv(sys.executable, [sys.executable, "-m", program, *words])  # noqa: S606 - no shell on purpose
