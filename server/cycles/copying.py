"""Many rows at once: PostgreSQL's COPY into a temporary table, then one INSERT.

COPY itself may not enter a table under row-level security; the INSERT obeys its policies and constraints.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from server.kit.db import Base


def insert_rows(session: Session, table: type[Base], rows: Iterable[Sequence[Any]]) -> None:
    """Insert ``rows``, whose fields stand in the order of the table's columns, in the caller's transaction."""
    name = str(table.__tablename__)
    held = f"{name}_arriving"
    session.flush()
    connection = session.connection()
    connection.execute(text(f"CREATE TEMP TABLE {held} (LIKE {name}) ON COMMIT DROP"))
    driver: Any = connection.connection.driver_connection
    columns = ", ".join(column.name for column in table.__table__.columns)
    with driver.cursor() as cursor, cursor.copy(f"COPY pg_temp.{held} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    connection.execute(text(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM pg_temp.{held}"))  # noqa: S608 - our own table's names
    connection.execute(text(f"DROP TABLE pg_temp.{held}"))
