"""Records of a kind that files can bring: what they are made of, where they stand, how they are written.

A capability declares a :class:`Kind` for each of its tables that can be imported. Writing is set-based: the
records that exist are read and locked once, compared, and written in one statement a batch.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from server.kit.console.exports import Sheet, csv_text
from server.kit.console.texts import N_
from server.kit.db import Base
from server.kit.fields import Field, Reason, Rule, Whole

NOT_KNOWN = Reason("not_known", N_("There is no {what} “{value}”. Add it first, or correct the value."))

BATCH = 2_000
Record = dict[str, Any]
Key = tuple[Any, ...]
T = TypeVar("T")


@dataclass(frozen=True)
class Reference:
    """A field whose values must exist elsewhere; ``known`` returns those of the given values that do.

    ``what`` is an ``N_`` text with a small first letter: *retailer*.
    """

    field: str
    what: str
    known: Callable[[Session, Collection[str]], Collection[str]]


@dataclass(frozen=True)
class Kind:
    """A kind of record that files can bring.

    ``fields`` are columns of ``table`` by name, those of ``key`` among them. ``stamps`` are columns that take the
    time of every change, ``first_stamps`` that of the first. ``rule`` looks at a whole record. ``stored`` is told
    the keys of what is new or changed, once an import, in the same transaction.
    """

    name: str
    label: str
    table: type[Base]
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    stored: Callable[[Session, Sequence[Key], datetime], None]
    rule: Rule | None = None
    references: tuple[Reference, ...] = ()
    stamps: tuple[str, ...] = ("changed_at",)
    first_stamps: tuple[str, ...] = ()

    def key_of(self, record: Mapping[str, Any]) -> Key:
        """Return what names the record."""
        return tuple(record[name] for name in self.key)


def existing(session: Session, kind: Kind, keys: Collection[Key], *, lock: bool) -> dict[Key, Record]:
    """Return the records that exist of ``keys``, by key; ``lock`` holds them until the transaction ends."""
    table = kind.table.__table__
    columns = [table.c[field.name] for field in kind.fields]
    name = tuple_(*(table.c[part] for part in kind.key))
    found: dict[Key, Record] = {}
    for some in batches(sorted(keys)):
        query = select(*columns).where(name.in_(some)).order_by(*(table.c[part] for part in kind.key))
        for row in session.execute(query.with_for_update() if lock else query).mappings():
            record = {field.name: _kept(row[field.name]) for field in kind.fields}
            found[kind.key_of(record)] = record
    return found


def write(session: Session, kind: Kind, records: Sequence[Record], *, at: datetime) -> None:
    """Insert or update ``records``, each complete, in the order of their keys."""
    table = kind.table.__table__
    statement = insert(kind.table)
    changing = [field.name for field in kind.fields if field.name not in kind.key] + list(kind.stamps)
    statement = statement.on_conflict_do_update(
        index_elements=[table.c[name] for name in kind.key],
        set_={name: statement.excluded[name] for name in changing},
    )
    stamps = dict.fromkeys((*kind.stamps, *kind.first_stamps), at)
    for some in batches(sorted(records, key=kind.key_of)):
        session.execute(statement, [record | stamps for record in some])
    session.expire_all()


def hold(session: Session, kind: Kind) -> None:
    """Let one import of a kind run at a time; the others wait for the end of its transaction."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"import:{kind.name}", 0))))


def every(session: Session, kind: Kind) -> Iterator[Record]:
    """Yield all records of a kind in the byte order of their keys."""
    table = kind.table.__table__
    order = (table.c[name].collate("C") for name in kind.key)
    query = select(*(table.c[field.name] for field in kind.fields)).order_by(*order)
    for row in session.execute(query.execution_options(yield_per=BATCH)).mappings():
        yield {field.name: _kept(row[field.name]) for field in kind.fields}


def export_csv(kind: Kind, records: Iterator[Record]) -> bytes:
    """Return records as the CSV that brings the same records back, byte for byte, without a mapping."""
    return csv_text(
        Sheet(
            headings=[field.name for field in kind.fields],
            kinds=["number" if isinstance(field.form, Whole) else "text" for field in kind.fields],
            rows=([_written(field, record[field.name]) for field in kind.fields] for record in records),
        )
    )


def batches(items: Sequence[T]) -> Iterator[list[T]]:
    """Yield ``items`` in batches that a statement can hold."""
    rest = iter(items)
    while some := list(islice(rest, BATCH)):
        yield some


def _written(field: Field, value: Any) -> Any:
    """Return numbers as they are, so that they stay numbers in a spreadsheet, and the rest as its text."""
    return value if isinstance(field.form, Whole) else field.write(value)


def _kept(value: Any) -> Any:
    """Return a database's array as the tuple that fields know."""
    return tuple(value) if isinstance(value, list) else value
