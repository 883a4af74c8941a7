"""``evenhand fleet``: what is done about many terminals from a command line."""

import typer

from evenhand import authority_commands, release_commands

app = typer.Typer(help="Terminals, all of them: their authority, releases of their software.", no_args_is_help=True)
app.add_typer(authority_commands.app, name="authority")
app.add_typer(release_commands.app, name="release")
