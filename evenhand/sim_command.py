"""``evenhand sim``: the named scenarios of the simulator, with whole devices or with a fleet at the wire."""

import json
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Annotated, Any, Literal, NoReturn

import typer

app = typer.Typer(help="Simulated terminals against the real server's code.", no_args_is_help=True)
DATA = Path(".evenhand/sim")
MOST_DEVICES = 2000
Fidelity = Literal["device", "fleet"]


@app.command("list")
def list_scenarios() -> None:
    """List the scenarios, each with its story."""
    from firmware_sim import scenarios as of_fleets
    from firmware_sim.device import scenarios as of_devices

    width = max(map(len, of_devices.SCENARIOS)) + 2
    for name, one in of_devices.SCENARIOS.items():
        at_the_wire = " Also with --fidelity fleet." if name in of_fleets.SCENARIOS else ""
        typer.echo(f"{name:<{width}}{one.story}{at_the_wire}")
    for name, other in of_fleets.SCENARIOS.items():
        if name not in of_devices.SCENARIOS:
            typer.echo(f"{name:<{width}}{other.story} With --fidelity fleet alone.")


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="Name of a scenario; `evenhand sim list` lists them.")],
    devices: Annotated[int, typer.Option(min=1, max=MOST_DEVICES, help="Simulated terminals.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws everything anew.")] = 1,
    data_dir: Annotated[
        Path, typer.Option(help="Of a fleet: folder of the installation; made anew, removed at the end.")
    ] = DATA,
    *,
    fidelity: Annotated[
        Fidelity,
        typer.Option(
            help="device: whole devices in virtual time, the same for the same seed. "
            "fleet: devices at the wire against running processes."
        ),
    ] = "device",
    trace: Annotated[
        Path | None, typer.Option(help="Write what happened, one JSON object a line, in virtual time.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object, last.")] = False,
) -> None:
    """Play a scenario; exit 1 where something does not hold, 2 where there is no such scenario."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an end from outside ends what we started
    if fidelity == "fleet":
        story, figures = _fleet(scenario, devices, seed, data_dir)
        holds = bool(figures["balanced"])
    else:
        story, figures = _devices(scenario, devices, seed, trace, quiet=as_json)
        holds = bool(figures["holds"])
    typer.echo(json.dumps(figures, ensure_ascii=False) if as_json else _summary(story, figures))
    if not holds:
        again = f"evenhand sim run {scenario} --seed {seed} --devices {devices}"
        typer.echo(f"evenhand: play it again with: {again} --fidelity {fidelity}", err=True)
        raise typer.Exit(1)


@app.command()
def sweep(
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, spread over all scenarios.")] = 500,
    first: Annotated[int, typer.Option(min=0, help="The first seed.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes side by side.")] = 2,
) -> None:
    """Play many seeds with whole devices; exit 1 where something does not hold, with how to play it again."""
    from firmware_sim.device import sweeping

    failed = 0
    for number, one in enumerate(sweeping.sweep(sweeping.spread(first, seeds), workers=workers), start=1):
        if one.broken:
            failed += 1
            typer.echo(f"{one.replay}\n  {one.broken}")
        if number % 100 == 0:
            typer.echo(f"{number} of {seeds} seeds, {failed} failed", err=True)
    typer.echo(f"{seeds} seeds, {failed} failed")
    if failed:
        raise typer.Exit(1)


def _devices(name: str, devices: int, seed: int, trace: Path | None, *, quiet: bool) -> tuple[str, dict[str, Any]]:
    from firmware_sim.device import ground, playing, scenarios
    from server.kit.processes import StartError

    try:
        chosen = scenarios.find(name)
    except scenarios.UnknownScenarioError as error:
        _refuse(error, 2)
    with ExitStack() as ending:
        log: IO[str] | None = None
        if trace is not None:
            try:
                log = ending.enter_context(trace.open("w", encoding="utf-8"))
            except OSError as error:
                _refuse(error, 1)
        if not quiet:
            typer.echo(f"A town of {devices} shops on a database of its own ...", err=True)
        try:
            stands = ending.enter_context(ground.prepared(None, devices))
        except StartError as error:
            _refuse(error, 1)
        if not quiet:
            typer.echo(f"Playing {name} with seed {seed} ...", err=True)
        return chosen.story, playing.play(chosen, stands, seed, devices, log)


def _fleet(name: str, devices: int, seed: int, data_dir: Path) -> tuple[str, dict[str, Any]]:
    from firmware_sim import scenarios
    from firmware_sim.opening import private_installation
    from firmware_sim.stage import StageError
    from server.kit.processes import StartError

    try:
        chosen = scenarios.find(name)
    except scenarios.UnknownScenarioError as error:
        _refuse(error, 2)
    try:
        with private_installation(data_dir) as stage:
            return chosen.story, chosen.run(stage, devices, seed)
    except (StageError, StartError) as error:
        _refuse(error, 1)


def _refuse(error: Exception, status: int) -> NoReturn:
    typer.echo(f"evenhand: {error}", err=True)
    raise typer.Exit(status) from None


def _summary(story: str, figures: dict[str, Any]) -> str:
    lines = [f"{figures['scenario']}: {story}", ""]
    for name, value in figures.items():
        if name in ("scenario", "invariants"):
            continue
        shown = ", ".join(f"{code} {count}" for code, count in value.items()) if isinstance(value, dict) else value
        lines.append(f"  {name.replace('_', ' '):<22} {shown}")
    for name, verdict in figures.get("invariants", {}).items():
        broken = "".join(f"\n{'':<26}{what}" for what in verdict.get("broken", ()))
        lines.append(
            f"  {name:<22} {'holds' if verdict['holds'] else 'BROKEN'}, {verdict['compared']} compared{broken}"
        )
    holds = figures.get("holds", figures.get("balanced"))
    return "\n".join([*lines, "", "Everything holds." if holds else "SOMETHING DOES NOT HOLD."])
