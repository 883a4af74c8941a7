"""``evenhand sim``: the named plays of the simulator, each on an installation of its own."""

import json
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Simulated terminals against a real server of their own.", no_args_is_help=True)
DATA = Path(".evenhand/sim")
MOST_DEVICES = 2000


@app.command("list")
def list_scenarios() -> None:
    """List the scenarios, each with its story."""
    from firmware_sim.scenarios import SCENARIOS

    for one in SCENARIOS.values():
        typer.echo(f"{one.name:<22} {one.story}")


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario; `evenhand sim list` lists them.")],
    devices: Annotated[int, typer.Option(min=1, max=MOST_DEVICES, help="Simulated terminals.")] = 60,
    seed: Annotated[int, typer.Option(min=0, help="Another seed makes another town and other behaviours.")] = 1,
    data_dir: Annotated[Path, typer.Option(help="Folder of the installation; made anew, removed at the end.")] = DATA,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object, last.")] = False,
) -> None:
    """Play a scenario; exit 1 where its ledger does not balance, 2 where there is no such scenario."""
    from firmware_sim import scenarios
    from firmware_sim.opening import private_installation
    from firmware_sim.stage import StageError
    from server.kit.processes import StartError

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an end from outside ends what we started
    try:
        chosen = scenarios.find(scenario)
    except scenarios.UnknownScenarioError as error:
        typer.echo(f"evenhand: {error}", err=True)
        raise typer.Exit(2) from None
    try:
        with private_installation(data_dir) as stage:
            figures = chosen.run(stage, devices, seed)
    except (StageError, StartError) as error:
        typer.echo(f"evenhand: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(json.dumps(figures) if as_json else _summary(chosen.story, figures))
    if not figures["balanced"]:
        raise typer.Exit(1)


def _summary(story: str, figures: dict[str, Any]) -> str:
    lines = [f"{figures['scenario']}: {story}", ""]
    for name, value in figures.items():
        if name == "scenario":
            continue
        shown = ", ".join(f"{code} {count}" for code, count in value.items()) if isinstance(value, dict) else value
        lines.append(f"  {name.replace('_', ' '):<22} {shown}")
    lines += ["", "The ledger balances." if figures["balanced"] else "THE LEDGER DOES NOT BALANCE."]
    return "\n".join(lines)
