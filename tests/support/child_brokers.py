"""The programs that can be our broker, each with the reason where it cannot run here."""

from pathlib import Path
from typing import Any

import pytest

from server.kit import broker, homes

MODULES = Path(__file__).parents[2] / ".ci" / "frontend" / "node_modules"
KINDS: tuple[broker.Kind, ...] = ("mosquitto", "aedes")


def start(data_dir: Path, kind: broker.Kind, **more: Any) -> broker.ChildBroker:
    """Start a broker of a kind, or skip the test and say why."""
    skip_without(kind)
    return broker.start(data_dir, kind=kind, modules=MODULES, **more)


def skip_without(kind: broker.Kind) -> None:
    """Skip the test where the program of a kind cannot run. Mosquitto must be there: `make setup` installs it."""
    if kind == "aedes":
        refusal = broker.why_no_aedes(MODULES, homes.unprivileged(broker.ACCOUNTS))
        if refusal is not None:
            pytest.skip(refusal)


def environment(kind: broker.Kind) -> dict[str, str]:
    """Return the settings by which an installation runs a broker of a kind."""
    return {"EVENHAND_BROKER_KIND": kind, "EVENHAND_BROKER_MODULES": str(MODULES)}
