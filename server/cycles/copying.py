"""Many rows at once by PostgreSQL's COPY, as columns and not as objects.

Into a table, COPY may not enter under row-level security: rows come into a temporary table first and one INSERT,
which obeys policies and constraints, takes them over.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
from sqlalchemy import text
from sqlalchemy.orm import Session

from server.kit.db import Base

ROWS_A_CHUNK = 200_000


def read_columns(session: Session, query: str, columns: Mapping[str, pa.DataType], *params: object) -> pa.Table:
    """Return what a query gives as a table of ``columns`` (name: type), in its order; its parameters are ``%s``.

    Texts are best read as ``dictionary(int32, string)``: each is held once.
    """
    driver: Any = session.connection().connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv)", params) as copy:
        content = b"".join(copy)
    if not content:
        return pa.table({name: pa.array([], kind) for name, kind in columns.items()})
    return pa_csv.read_csv(
        io.BytesIO(content),
        read_options=pa_csv.ReadOptions(column_names=list(columns)),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict(columns), strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]
        ),
    )


def insert_rows(session: Session, table: type[Base], rows: Iterable[Sequence[Any]]) -> None:
    """Insert ``rows``, whose fields stand in the order of the table's columns, in the caller's transaction."""
    names = [column.name for column in table.__table__.columns]
    with _arriving(session, table, names, {}) as held:
        driver: Any = session.connection().connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(f"COPY {held} ({', '.join(names)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def insert_columns(session: Session, table: type[Base], columns: pa.Table, **same: object) -> None:
    """Insert a table of columns; ``same`` are columns that hold one value in every row."""
    names = columns.column_names
    options = pa_csv.WriteOptions(include_header=False)
    with _arriving(session, table, names, same) as held:
        driver: Any = session.connection().connection.driver_connection
        words = f"COPY {held} ({', '.join(names)}) FROM STDIN (FORMAT csv, NULL '\\N')"
        with driver.cursor() as cursor, cursor.copy(words) as copy:
            for start in range(0, columns.num_rows, ROWS_A_CHUNK):
                chunk = io.BytesIO()
                pa_csv.write_csv(columns.slice(start, ROWS_A_CHUNK), chunk, options)
                copy.write(chunk.getbuffer())


@contextmanager
def _arriving(session: Session, table: type[Base], names: Sequence[str], same: Mapping[str, object]) -> Iterator[str]:
    """Make a temporary table of some columns; on leaving, its rows are taken over with the others' values."""
    name = str(table.__tablename__)
    held = f"pg_temp.{name}_arriving"
    session.flush()
    connection = session.connection()
    columns, fixed = ", ".join(names), "".join(f", {other}" for other in same)
    shape = f"SELECT {columns} FROM {name} LIMIT 0"  # noqa: S608 - our own table's names
    connection.execute(text(f"CREATE TEMP TABLE {name}_arriving ON COMMIT DROP AS {shape}"))
    yield held
    values = "".join(f", :{other}" for other in same)
    connection.execute(text(f"INSERT INTO {name} ({columns}{fixed}) SELECT {columns}{values} FROM {held}"), dict(same))  # noqa: S608 - our own table's names
    connection.execute(text(f"DROP TABLE {held}"))
