"""Commands of the allocation core."""

import typer

app = typer.Typer()
