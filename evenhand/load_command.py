"""``evenhand load``: load on an installation of its own, with a budget that passes or fails."""

import json
import signal
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer()
DATA = Path(".evenhand/load")


@app.command(rich_help_panel="Demonstration")
def load(
    users: Annotated[int, typer.Option(min=1, max=1000, help="Terminals and people at once.")] = 20,
    seconds: Annotated[int, typer.Option(min=1, max=3600, help="How long.")] = 10,
    p95_ms: Annotated[int, typer.Option(min=1, help="What 95 of 100 requests of each kind may take.")] = 1000,
    batch_lines: Annotated[int, typer.Option(min=20, help="Lines of the allocation batch.")] = 20_000,
    data_dir: Annotated[Path, typer.Option(help="Folder of the installation; made anew, removed at the end.")] = DATA,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as one JSON object, last.")] = False,
) -> None:
    """Order over HTTP and go through the console, then solve a batch; exit 1 where the budget is broken."""
    from firmware_sim.opening import private_installation
    from firmware_sim.stage import StageError
    from loadtests.run import Load, run
    from server.kit.processes import StartError

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an end from outside ends what we started
    try:
        with private_installation(data_dir) as stage:
            figures = run(stage, Load(users, seconds, p95_ms, batch_lines))
    except (StageError, StartError) as error:
        typer.echo(f"evenhand: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(json.dumps(figures) if as_json else _table(figures))
    if not figures["passed"]:
        raise typer.Exit(1)


def _table(figures: dict[str, Any]) -> str:
    lines = [f"{'request':<22} {'requests':>9} {'failures':>9} {'p50 ms':>8} {'p95 ms':>8}"]
    lines += [
        f"{row['request']:<22} {row['requests']:>9,} {row['failures']:>9,} {row['p50_ms']:>8.0f} {row['p95_ms']:>8.0f}"
        for row in figures["rows"]
    ]
    done = figures["batch"]
    lines.append(
        f"batch of {done['lines']:,} lines: built in {done['build_seconds']} s, solved in {done['solve_seconds']} s, "
        f"checked in {done['verify_seconds']} s, {'holds' if done['holds'] else 'DOES NOT HOLD'}"
    )
    budget = f"no failure, p95 within {figures['budget_p95_ms']} ms"
    over = f" (over: {', '.join(figures['over_budget'])})" if figures["over_budget"] else ""
    lines.append(f"budget ({budget}): {'kept' if figures['passed'] else 'BROKEN'}{over}")
    return "\n".join(lines)
