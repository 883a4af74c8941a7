"""How a play on the sample town opens: a private installation, its lists, its terminals, its announced cycle.

Everything goes through the interfaces that the outside has.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from firmware_sim import town
from firmware_sim.folders import remove
from firmware_sim.stage import Person, Stage, StageError, installation

OPENS_IN_S = 2.0  # the commitment is published before the window opens


@contextmanager
def private_installation(folder: Path, **environment: str) -> Iterator[Stage]:
    """Start an installation that belongs to this play alone; nothing of it is left afterwards.

    ``folder`` is made anew: what an earlier play left there goes first.

    Raises
    ------
    StageError
        Where the installation does not start.
    StartError
        Where ``folder`` holds something that is no installation of ours, or one that runs.
    """
    remove(folder)
    try:
        with installation(folder, process=None, environment=environment) as stage:
            yield stage
    finally:
        remove(folder)


def bring_in(planner: Person, made: town.Town) -> None:
    """Import the town's goods, shops and licences.

    Raises
    ------
    StageError
        Where a row is refused, naming the first.
    """
    lists = {
        "skus": town.skus_csv(made),
        "retailers": town.retailers_csv(made),
        "licences": town.licences_csv(made, today=datetime.now(UTC).date()),
    }
    for kind, content in lists.items():
        report = planner.post(f"/api/v1/imports/{kind}", files={"file": (f"{kind}.csv", content, "text/csv")})
        if report["rows_refused"]:
            raise StageError(f"{kind}: {report['rows_refused']} rows were refused, the first: {report['refused'][0]}")


def announce_cycle(planner: Person, made: town.Town, *, open_for_s: float, grace_s: int) -> UUID:
    """Announce a cycle over the town's supply with one window for all routes, open in a moment; return its id."""
    week = datetime.now(UTC).date()
    names = {"name_zh": f"第{week.isocalendar().week}周", "name_en": f"Week {week.isocalendar().week}"}
    cycle = UUID(planner.post("/api/v1/cycles", names | {"week": week.isoformat(), "grace_s": grace_s})["id"])
    lines = [
        {
            "sku": good.sku,
            "supply_units": made.supply[good.sku],
            "minimum_units": good.minimum_grant_units,
            "scarce": good.scarce,
        }
        for good in made.skus
    ]
    planner.post(f"/api/v1/cycles/{cycle}/supply", {"reason": "first release", "lines": lines})
    opens_at = datetime.now(UTC) + timedelta(seconds=OPENS_IN_S)
    closes_at = opens_at + timedelta(seconds=open_for_s)
    span = {"opens_at": opens_at.isoformat(), "closes_at": closes_at.isoformat()}
    planner.post(f"/api/v1/cycles/{cycle}/windows", {"route": "*"} | span)
    planner.post(f"/api/v1/cycles/{cycle}/announce")
    return cycle
