"""What row-level security costs a query, by scope: ``python -m loadtests.bounds``.

10,000 shops in ten regions and two classes, 1,000,000 own limits of shops, in a throw-away database. Prints the median
of nine, in ms, of each question: without row-level security, with everything in scope, for a person of one region,
and for nobody.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import text

from server import migrations
from server.kit import embedded
from server.kit.db import EVERYTHING, NOTHING, bounds, make_engine, make_sessions, transaction

APP_ROLE = "evenhand_app"
SHOPS = """
INSERT INTO retailers SELECT 'R' || i, 'shop', 'address', 'city', 'region-' || (i % 10), 'route-' || (i % 100),
  CASE WHEN i % 2 = 0 THEN 'town' ELSE 'village' END, 1, 1, NULL, 'good', NULL, NULL, NULL, NULL, now(), now()
FROM generate_series(1, 10000) i
"""
SKUS = """
INSERT INTO skus (sku, name_zh, name_en, unit_zh, unit_en, category, pack_units, price_minor, minimum_units, barcodes,
  case_barcodes, state, changed_at)
SELECT 'S' || i, 'x', 'x', 'x', 'x', 'x', 1, 1, 1, '{}', '{}', 'offered', now() FROM generate_series(1, 100) i
"""
LIMITS = """
INSERT INTO retailer_limits SELECT 'R' || r, 'S' || s, 1 FROM generate_series(1, 10000) r, generate_series(1, 100) s
"""
QUESTIONS = {
    "limits of one shop": "SELECT * FROM retailer_limits WHERE retailer = 'R11'",
    "sum over 1 M limits": "SELECT sum(limit_units) FROM retailer_limits",
    "50 shops of a list": "SELECT * FROM retailers ORDER BY code LIMIT 50",
}
PREDICATE = "{} IN (SELECT code FROM parties_within)"
REPEATS = 9


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = embedded.start(Path(folder) / "postgres", durable=False)
        try:
            measure(cluster)
        finally:
            embedded.remove_cluster(Path(folder) / "postgres")


def measure(cluster: embedded.Cluster) -> None:
    """Fill a database and print a line for each question and scope."""
    migrations.upgrade(cluster.owner_url, app_role=APP_ROLE)
    people, owner = (make_sessions(make_engine(url)) for url in (cluster.app_url, cluster.owner_url))
    with transaction(owner) as session:
        for statement in (SHOPS, SKUS, LIMITS, "ANALYZE"):
            session.execute(text(statement))
    scopes = (
        ("no row security", owner, EVERYTHING),
        ("everything", people, EVERYTHING),
        ("one region of ten", people, bounds(["region-1"], [])),
        ("three regions, one class", people, bounds(["region-1", "region-2", "region-3"], ["town"])),
        ("nobody", people, NOTHING),
    )
    for question, statement in QUESTIONS.items():
        for scope, sessions, value in scopes:
            asked = statement if value in {EVERYTHING, NOTHING} else within(statement)
            print(f"{question:22}{scope:26}{median_ms(sessions, value, asked):9.2f} ms")  # noqa: T201 - a command


def within(statement: str) -> str:
    """Return the question with the predicate that queries of a bounded person carry themselves."""
    column = "code" if "FROM retailers" in statement else "retailer"
    head, order, tail = statement.partition(" ORDER BY")
    return f"{head} {'AND' if 'WHERE' in head else 'WHERE'} {PREDICATE.format(column)}{order}{tail}"


def median_ms(sessions: Any, scope: str, statement: str) -> float:
    """Return the median time of a question within a scope."""
    taken = []
    with transaction(sessions, scope) as session:
        for _ in range(REPEATS):
            started = time.perf_counter()
            session.execute(text(statement)).all()
            taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
