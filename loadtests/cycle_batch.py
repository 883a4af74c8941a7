"""The whole batch in the server: freeze, solve, check, store, beside COPY out and COPY in of the same rows.

A database of its own, made and removed here; retailers, SKUs and accepted orders come in by SQL, then the steps run
as the worker runs them. ``python -m loadtests.cycle_batch --lines 1000000`` prints one JSON object.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import sqlalchemy as sa

from server import migrations
from server.catalogue import queries as catalogue
from server.cycles import queries, result_queries, service, steps, supply, window_planning
from server.kit import embedded
from server.kit.db import make_engine, make_sessions, transaction
from server.kit.identity import Operator
from server.kit.runtime import Runtime
from server.kit.sealing import Seal
from server.kit.settings import Settings

LINES_A_RETAILER = 20
SKUS = 200
SUPPLY_PERCENT = 60
PLANNER = Operator(1, "planner", frozenset({"planner"}))
START = datetime(2026, 11, 30, 8, tzinfo=UTC)

_TOWN = (
    """
INSERT INTO skus (sku, name_zh, name_en, unit_zh, unit_en, category, pack_units, price_minor, changed_at)
    SELECT lpad(CAST(k AS text), 4, '0'), 'k', 'k', 'u', 'u', '', 1, 1000, now() FROM generate_series(0, :skus - 1) k
""",
    """
INSERT INTO retailers
    (code, name, address, city, region, route, market_type, tier, weight, standing, created_at, changed_at)
    SELECT lpad(CAST(r AS text), 7, '0'), 'r', '', '', 'region ' || r % 12, 'north', 'town', r % 30 + 1, r % 30 + 1,
    'good', now(), now() FROM generate_series(0, :shops - 1) r
""",
)
_ORDERS = (
    """
INSERT INTO orders (retailer, id, window_id, device, revision, state, amount_minor, placed_at, changed_at)
    SELECT code, CAST(md5(code) AS uuid), :window, 'd', 1, 'accepted', 0, :at, :at FROM retailers
""",
    """
INSERT INTO order_lines (retailer, order_id, sku, quantity_units, price_minor) SELECT code, CAST(md5(code) AS uuid),
    lpad(CAST((CAST(code AS int) * 7 + k * 9) % :skus AS text), 4, '0'),
    1 + (CAST(code AS int) * 31 + k * 17) % 97, 1000 FROM retailers, generate_series(0, :lines - 1) k
""",
)


@dataclass(frozen=True)
class CycleBatch:
    """What a batch came to, in wall seconds. ``ratio`` is all steps by COPY out and COPY in of the grants' rows."""

    lines: int
    retailers: int
    freeze_seconds: float
    solve_seconds: float
    verify_seconds: float
    copy_out_seconds: float
    copy_in_seconds: float
    ratio: float
    holds: bool

    def plain(self) -> dict[str, Any]:
        """Return the figures as one flat object."""
        return asdict(self)


def run(lines: int) -> CycleBatch:
    """Run the steps of a cycle of about ``lines`` lines on a database of its own."""
    with tempfile.TemporaryDirectory(prefix="evenhand-batch-") as folder:
        cluster = embedded.start(Path(folder) / "postgres", durable=False)
        try:
            migrations.upgrade(cluster.owner_url, app_role="evenhand_app")
            return _measured(cluster, Path(folder), lines)
        finally:
            embedded.remove_cluster(Path(folder) / "postgres")


def _measured(cluster: embedded.Cluster, folder: Path, lines: int) -> CycleBatch:
    clock = _Clock()
    engine = make_engine(cluster.app_url, pool=3)
    settings = Settings(database_url=cluster.app_url, data_dir=folder)
    runtime = Runtime(settings, engine, make_sessions(engine, seal=Seal(settings)), clock, None)
    shops = max(1, lines // LINES_A_RETAILER)
    cycle = _closed_cycle(runtime, clock, shops)
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(sa.text("ANALYZE"))
    name = str(cycle)
    freeze = _timed(lambda: steps.run_freeze(runtime, cycle=name))
    solve = _timed(lambda: steps.run_solve(runtime, cycle=name))
    verify = _timed(lambda: steps.run_verify(runtime, cycle=name))
    with transaction(runtime.sessions) as session:
        found = queries.cycle(session, cycle)
        run = result_queries.run(session, cycle)
    if found is None or run is None or run.verdict is None:
        raise RuntimeError(f"the cycle did not come through: {found}")
    out, back = _copied(cluster)
    engine.dispose()
    return CycleBatch(
        lines=run.verdict["lines"],
        retailers=shops,
        freeze_seconds=round(freeze, 2),
        solve_seconds=round(solve, 2),
        verify_seconds=round(verify, 2),
        copy_out_seconds=round(out, 2),
        copy_in_seconds=round(back, 2),
        ratio=round((freeze + solve + verify) / (out + back), 2),
        holds=bool(run.verdict["holds"]),
    )


class _Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def _closed_cycle(runtime: Runtime, clock: _Clock, shops: int) -> UUID:
    """Make a cycle whose window is closed, with every shop's order in it."""
    with transaction(runtime.sessions) as session:
        for statement in _TOWN:
            session.execute(sa.text(statement), {"skus": SKUS, "shops": shops})
    with transaction(runtime.sessions) as session:
        new = service.NewCycle("批", "Batch", START.date(), "UTC", 0)
        cycle = service.create_cycle(session, new, by=PLANNER, at=START)
        opens, closes = START + timedelta(minutes=1), START + timedelta(hours=1)
        window_planning.plan_window(session, cycle, "*", opens, closes, by=PLANNER, at=START)
    with transaction(runtime.sessions) as session:
        service.announce_cycle(session, cycle, by=PLANNER, at=START)
        window = queries.planned_windows(session, cycle)[0].id
        filled = {"window": window, "at": START, "skus": SKUS, "lines": LINES_A_RETAILER}
        for statement in _ORDERS:
            session.execute(sa.text(statement), filled)
        asked = session.execute(sa.text("SELECT sku, sum(quantity_units) FROM order_lines GROUP BY sku")).all()
        rows: list[dict[str, supply.Cell]] = [
            {"sku": sku, "supply_units": int(units) * SUPPLY_PERCENT // 100} for sku, units in asked
        ]
        read = supply.read_rows(rows, catalogue.skus(session))
        service.release_supply(session, cycle, read, reason="batch", by=PLANNER, at=START)
        session.execute(sa.text("UPDATE windows SET state = 'closed' WHERE id = :w"), {"w": window})
        session.execute(sa.text("UPDATE cycles SET state = 'closed' WHERE id = :c"), {"c": cycle})
    clock.now = START + timedelta(hours=2)
    return cycle


def _copied(cluster: embedded.Cluster) -> tuple[float, float]:
    """Return how long the grants' rows take out by COPY, and into a table with the same columns, checks and indexes."""
    conninfo = cluster.owner_url.replace("+psycopg", "", 1)
    with psycopg.connect(conninfo) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT set_config('evenhand.scope', '*', false)")
        cursor.execute("CREATE TABLE grants_again (LIKE grants INCLUDING ALL)")
        content: list[bytes] = []

        def out() -> None:
            with cursor.copy("COPY (SELECT * FROM grants) TO STDOUT") as copy:
                content.append(b"".join(copy))

        def back() -> None:
            with cursor.copy("COPY grants_again FROM STDIN") as copy:
                copy.write(content[0])

        return _timed(out), _timed(back)


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def main() -> None:
    """Measure one batch."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.cycle_batch", description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    sys.stdout.write(json.dumps(run(parser.parse_args().lines).plain()) + "\n")


if __name__ == "__main__":
    main()
