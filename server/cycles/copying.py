"""Many rows at once by PostgreSQL's COPY, as columns and not as objects.

Into a table, COPY may not enter under row-level security: rows come into a temporary table first and one INSERT,
which obeys policies and constraints, takes them over.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from sqlalchemy import Select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from allocation.tables.arrow_columns import Gathered
from allocation.tables.texts import Coded
from server.kit.db import Base

ROWS_A_CHUNK = 200_000
ROWS_A_BUNDLE = 5_000
NAME = pa.dictionary(pa.int32(), pa.string())
WHOLE = pa.int64()
_NAMED = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]


def read_columns(
    session: Session, query: str | Select[*tuple[Any, ...]], columns: Mapping[str, pa.DataType], **params: object
) -> pa.Table:
    """Return what a query gives as a table of ``columns`` (name: type), in its order; its parameters are named.

    Texts are best read as :data:`NAME`: each is held once. The server sends rows in bundles of CSV, since a message
    a row costs the driver more than the row itself.
    """
    if not isinstance(query, str):
        compiled = query.compile(dialect=_NAMED)
        query, params = str(compiled).replace("::", " ::"), dict(compiled.params)  # `text` knows no :name::type
    names = ", ".join(f'"{name}"' for name in columns)
    cells = " || ',' || ".join(_cell(name, kind) for name, kind in columns.items())
    bundled = f"""
        SELECT string_agg(line, chr(10) ORDER BY number) FROM (
            SELECT row_number() OVER () AS number, {cells} AS line FROM ({query}) AS found ({names})
        ) AS lines GROUP BY (number - 1) / {ROWS_A_BUNDLE} ORDER BY min(number)
    """  # noqa: S608 - our own queries, values are parameters
    content = "\n".join(session.scalars(text(bundled), params)).encode()
    if not content:
        return pa.table({name: pa.array([], kind) for name, kind in columns.items()})
    return pa_csv.read_csv(
        pa.BufferReader(content),
        read_options=pa_csv.ReadOptions(column_names=list(columns)),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict(columns), strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""]
        ),
    )


def _cell(name: str, kind: pa.DataType) -> str:
    """Return the SQL of a cell of CSV: a text in quotation marks, a number plain, an absent one empty."""
    if pa.types.is_integer(kind):
        return f"coalesce(CAST(\"{name}\" AS text), '')"
    return f"coalesce('\"' || replace(\"{name}\", '\"', '\"\"') || '\"', '')"


def coded(column: pa.ChunkedArray) -> Any:
    """Return a column as the allocation core takes it: numbers, or texts as codes, with no object a cell."""
    if not len(column) and pa.types.is_dictionary(column.type):
        return Coded.of(())
    gathered = Gathered(numeric=False)
    for chunk in column.chunks:
        gathered.add(chunk)
    return gathered.column()


def texts(column: Any) -> pa.Array:
    """Return texts in PostgreSQL's reach; those that are held as codes become no object a line."""
    if not isinstance(column, Coded):
        return pa.array(column.tolist(), pa.string())
    codes = np.where(column.codes < 0, len(column.texts) - 1, column.codes)
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(column.texts, pa.string())).dictionary_decode()


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
        words = f"COPY {held} ({', '.join(names)}) FROM STDIN (FORMAT csv)"
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
