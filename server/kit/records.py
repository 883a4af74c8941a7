"""Records of a kind: what they are made of, where they stand, how they are saved, compared and written.

A capability declares a :class:`Kind` for each of its lists that people edit and files bring. There is one way in:
:func:`save` for a single record of a form or a program, :func:`write` for many. Both read and lock what exists,
compare, and write whole records; what does not change is not touched and tells nobody.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import datetime
from itertools import islice
from typing import Any, Literal, TypeVar

from sqlalchemy import Select, String, func, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from server.kit import audit
from server.kit.changing import NEW, ChangedMeanwhileError, Standing, digest
from server.kit.db import Base
from server.kit.fields import Degrees, Field, Invalid, Reason, Rule, Unfit, Whole, require
from server.kit.identity import Actor
from server.kit.marking import N_
from server.kit.sheets import Sheet, csv_text

NOT_KNOWN = Reason(
    "not_known", N_("There is no {what} “{value}”. Add it first, or correct the value."), words=("what",)
)

BATCH = 2_000
Record = dict[str, Any]
Key = tuple[Any, ...]
Outcome = Literal["new", "changed", "unchanged"]
Timely = Callable[[Mapping[str, Any], datetime], "tuple[str, Unfit] | None"]
T = TypeVar("T")


@dataclass(frozen=True)
class Reference:
    """A field whose values must exist elsewhere; ``known`` returns those of the given values that do.

    ``what`` is the thing's English name, marked for translation: *retailer*.
    """

    field: str
    what: str
    known: Callable[[Session, Collection[str]], Collection[str]]


@dataclass(frozen=True)
class Written:
    """One record that was written; ``before`` is none for a new one, ``by`` who said so where that is known."""

    before: Record | None
    after: Record
    by: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of record.

    ``fields`` are columns of ``table``, those of ``key`` among them; a column has the field's name, or the one that
    ``columns`` gives it. Where a table holds several kinds, ``fixed`` are the columns that part them, with this kind's
    values. ``stamps`` are columns that take the time of every change, ``first_stamps`` that of the first. ``rule``
    looks at a whole record, ``timely`` at what a record says of the time at which it comes. ``written`` is told what
    is new or changed, once a file, in the same transaction.
    """

    name: str
    label: str
    table: type[Base]
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    written: Callable[[Session, Sequence[Written], datetime], None]
    rule: Rule | None = None
    references: tuple[Reference, ...] = ()
    timely: Timely | None = None
    stamps: tuple[str, ...] = ("changed_at",)
    first_stamps: tuple[str, ...] = ()
    columns: Mapping[str, str] = dataclass_field(default_factory=dict)
    fixed: Mapping[str, Any] = dataclass_field(default_factory=dict)

    def broken(self, record: Mapping[str, Any], at: datetime) -> tuple[str, Unfit] | None:
        """Return the field and the reason for which a whole record cannot be taken at ``at``, or none."""
        broken = None if self.rule is None else self.rule(record)
        return self.timely(record, at) if broken is None and self.timely is not None else broken

    def column(self, name: str) -> Any:
        """Return the column of a field."""
        return self.table.__table__.c[self.columns.get(name, name)]

    def key_of(self, record: Mapping[str, Any]) -> Key:
        """Return what names the record."""
        return tuple(record[name] for name in self.key)

    def named(self, record: Mapping[str, Any]) -> str:
        """Return the record's key as a person reads it."""
        return " / ".join(str(part) for part in self.key_of(record))


def keep(
    session: Session,
    kind: Kind,
    record: Mapping[str, Any],
    actor: Actor,
    *,
    act: str,
    subject: str,
    at: datetime,
    seen: str | None = None,
) -> Outcome:
    """Save one record, and write down what it was before and is now, as ``act.added`` or ``act.changed``.

    Raises what :func:`save` raises.
    """
    written = save(session, kind, record, at=at, seen=seen)
    if written is None:
        return "unchanged"
    outcome: Outcome = "new" if written.before is None else "changed"
    audit.record(
        session,
        actor=actor,
        action=f"{act}.added" if outcome == "new" else f"{act}.changed",
        subject=subject,
        at=at,
        detail=changed(kind, written),
    )
    return outcome


def changed(kind: Kind, written: Written) -> dict[str, Any]:
    """Return what was written as an audit entry tells it: each field that changed, before and after."""
    before = None if written.before is None else {one.name: one.write(written.before[one.name]) for one in kind.fields}
    return audit.changes(before, {one.name: one.write(written.after[one.name]) for one in kind.fields})


def save(
    session: Session, kind: Kind, record: Mapping[str, Any], *, at: datetime, seen: str | None = None
) -> Written | None:
    """Insert or update one record; return what was written, none where it stood there already.

    Parameters
    ----------
    session, kind
        Where it belongs.
    record
        A value for every field.
    at
        The time of the change.
    seen
        The :func:`version` that the person looked at, :data:`~server.kit.changing.NEW` where nothing stood there; none
        to write whatever stands there.

    Raises
    ------
    Invalid
        Naming every field that does not fit.
    Conflict
        ``changed_meanwhile``, where another version stands there than was seen.
    """
    require(kind.fields, record, lambda whole: kind.broken(whole, at))
    for reference in kind.references:
        value = record[reference.field]
        if value is not None and value not in reference.known(session, [value]):
            raise Invalid({reference.field: Unfit(NOT_KNOWN, what=reference.what, value=value)})
    after = {field.name: record[field.name] for field in kind.fields}
    key = kind.key_of(after)
    before = existing(session, kind, [key], lock=True).get(key)
    if seen is not None and seen != (NEW if before is None else version(kind, before)):
        raise ChangedMeanwhileError(kind.named(after), () if before is None else _standing(kind, before))
    if after == before:
        return None
    write(session, kind, [after], at=at)
    written = Written(before, after)
    kind.written(session, [written], at)
    return written


def version(kind: Kind, record: Mapping[str, Any]) -> str:
    """Return a short digest of a record's values, by which a person's form finds out that it is out of date."""
    return digest([field.write(record[field.name]) for field in kind.fields])


def _standing(kind: Kind, record: Mapping[str, Any]) -> list[Standing]:
    """Return what stands in each field of a record."""
    return [Standing(one.name, one.label, one.write(record[one.name]), one.money) for one in kind.fields]


def existing(session: Session, kind: Kind, keys: Iterable[Key], *, lock: bool) -> dict[Key, Record]:
    """Return the records that exist of ``keys``, by key; ``lock`` holds them until the transaction ends."""
    name = tuple_(*(kind.column(part) for part in kind.key))
    found: dict[Key, Record] = {}
    session.flush()
    for some in batches(sorted(keys)):
        query = _select(kind).where(name.in_(some))
        for row in session.execute(query.with_for_update() if lock else query).mappings():
            record = _record(kind, row)
            found[kind.key_of(record)] = record
    return found


def write(session: Session, kind: Kind, records: Iterable[Record], *, at: datetime) -> None:
    """Insert or update ``records``, each complete and checked, in the order of their keys."""
    statement = insert(kind.table)
    changing = [kind.column(field.name).name for field in kind.fields if field.name not in kind.key]
    statement = statement.on_conflict_do_update(
        index_elements=[*kind.fixed, *(kind.column(name) for name in kind.key)],
        set_={name: statement.excluded[name] for name in (*changing, *kind.stamps)},
    )
    same = dict.fromkeys((*kind.stamps, *kind.first_stamps), at) | dict(kind.fixed)
    session.flush()
    for some in batches(sorted(records, key=kind.key_of)):
        session.execute(statement, [_row(kind, record) | same for record in some])
    session.expire_all()


def hold(session: Session, kind: Kind) -> None:
    """Let one file come into a kind's table at a time; the others wait for the end of its transaction."""
    name = f"import:{kind.table.__tablename__}"
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def every(session: Session, kind: Kind) -> Iterator[Record]:
    """Yield all records of a kind in the byte order of their keys."""
    for row in session.execute(_select(kind).execution_options(yield_per=BATCH)).mappings():
        yield _record(kind, row)


def export_csv(kind: Kind, records: Iterable[Record]) -> bytes:
    """Return records as the CSV that brings the same records back, byte for byte, without a mapping."""
    return csv_text(
        Sheet(
            headings=[field.name for field in kind.fields],
            kinds=["number" if isinstance(field.form, Whole | Degrees) else "text" for field in kind.fields],
            rows=([_written(field, record[field.name]) for field in kind.fields] for record in records),
        )
    )


def batches(items: Iterable[T]) -> Iterator[list[T]]:
    """Yield ``items`` in batches that a statement can hold."""
    rest = iter(items)
    while some := list(islice(rest, BATCH)):
        yield some


def _select(kind: Kind) -> Select[Any]:
    """Return the query of a kind's records, in the order of their keys, texts in byte order."""
    key = [kind.column(name) for name in kind.key]
    return (
        select(*(kind.column(field.name).label(field.name) for field in kind.fields))
        .where(*(kind.table.__table__.c[name] == value for name, value in kind.fixed.items()))
        .order_by(*(column.collate("C") if isinstance(column.type, String) else column for column in key))
    )


def _written(field: Field, value: Any) -> Any:
    """Return numbers as they are, so that they stay numbers in a spreadsheet, and the rest as its text."""
    return value if isinstance(field.form, Whole | Degrees) else field.write(value)


def _record(kind: Kind, row: Mapping[Any, Any]) -> Record:
    """Return a row as a record; arrays are tuples, as fields know them."""
    values = ((field.name, row[field.name]) for field in kind.fields)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values}


def _row(kind: Kind, record: Record) -> Record:
    """Return a record as the database takes it."""
    return {
        kind.columns.get(name, name): list(value) if isinstance(value, tuple) else value
        for name, value in record.items()
    }
