"""The database: one declarative base, one way to open a session, one way to commit.

A session acts within a *scope*: the party or parties whose rows it may touch, the bounds of a person (:func:`bounds`),
or :data:`EVERYTHING`. The scope goes into PostgreSQL with each transaction, where row-level security reads it; a
session that names none sees no party's rows. Within bounds, every query of a party's table says so itself as well:
two layers, and the view :data:`WITHIN` is the one place that knows who is within. A session of a person names the
person too: what concerns somebody can be kept from him (:data:`HIDDEN`).
Sessions are committed at the edge alone: the route, ingest, the worker, the command.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Engine,
    MetaData,
    Select,
    column,
    create_engine,
    event,
    select,
    table,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import (
    DeclarativeBase,
    ORMExecuteState,
    Session,
    SessionTransaction,
    sessionmaker,
    with_loader_criteria,
)

ROWS_AT_ONCE = 1_000
EVERYTHING = "*"
NOTHING = ""
NOBODY = ""
"""The person of a session that is no person's."""
SCOPE_SEPARATOR = "\x1f"
"""Between the parties of a scope; no name holds a control character."""
BOUNDED = "in\x1e"
"""What the scope of a person with bounds begins with; its dimensions follow, ``\\x1e`` between them."""

WITHIN = table("parties_within", column("code"))
"""The parties within the bounds that the transaction's scope names; none where it names none."""

HIDDEN = table("hidden_from_person", column("subject"))
"""What the audit calls the things that are kept from the person whom the transaction names; none where it is nobody."""

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of all tables.

    A table whose ``__party__`` names a column is under row-level security by that column. One whose
    ``__party_for_people__`` does is held to a person's bounds by it, and open to everything else. From a table with
    ``__append_only__`` the application's role may neither change nor remove a row. ``__ddl__`` is what the database
    needs beside a table once all tables are there (a trigger, a function, a view), ``__ddl_down__`` what takes it away.
    """

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }
    __party__: ClassVar[str | None] = None
    __party_for_people__: ClassVar[str | None] = None
    __append_only__: ClassVar[bool] = False
    __ddl__: ClassVar[tuple[str, ...]] = ()
    __ddl_down__: ClassVar[tuple[str, ...]] = ()


def portions(table_name: str, *columns: str) -> tuple[str, ...]:
    """Return DDL for columns by which rows come in great portions, such as all the lines of a cycle at once.

    With one common value in the statistics instead of a hundred, a portion that came after they were gathered is
    planned as one of an average size. It would be taken for a row or none, and joined by nested loops that take
    minutes where a second is enough.
    """
    return tuple(f"ALTER TABLE {table_name} ALTER COLUMN {column} SET STATISTICS 1" for column in columns)


def make_engine(url: str, *, pool: int = 10) -> Engine:
    """Return an engine for PostgreSQL by psycopg 3; times come and go in UTC.

    Errors name statements, never what was bound to them: words of people must not reach a log by a failure.
    """
    return create_engine(
        url,
        hide_parameters=True,
        pool_size=pool,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"options": "-c timezone=UTC -c lock_timeout=10s"},
    )


def streamed(session: Session, query: Select[Any]) -> Iterator[Any]:
    """Yield the rows of ``query`` from a cursor of the server's, a thousand at a time.

    Who stops before the end closes the generator, and with it the cursor.
    """
    with session.execute(query.execution_options(yield_per=ROWS_AT_ONCE)) as rows:
        yield from rows


def make_sessions(engine: Engine, **held: Any) -> sessionmaker[Session]:
    """Return the factory of sessions over ``engine``; each holds what is named in its ``info``."""
    return sessionmaker(engine, expire_on_commit=False, info=held)


def mapped_tables() -> list[type[Base]]:
    """Return the classes of all tables, in the order of their names."""
    return sorted((mapper.class_ for mapper in Base.registry.mappers), key=lambda mapped: str(mapped.__tablename__))


@event.listens_for(Session, "after_begin")
def _set_scope(session: Session, _transaction: SessionTransaction, connection: Any) -> None:
    connection.execute(_SET_SCOPE, _named(session))


_SET_SCOPE = text("SELECT set_config('evenhand.scope', :scope, true), set_config('evenhand.person', :person, true)")


def act_for(session: Session, scope: str, *, person: str = "") -> None:
    """Let the session touch the rows of ``scope`` alone, from now on and in later transactions.

    ``person`` is who asks, where a person does: what concerns him and is kept from him is not there for the session.
    """
    if (session.info.get("scope"), session.info.get("person", "")) == (scope, person):
        return
    session.info["scope"], session.info["person"] = scope, person
    if session.in_transaction():
        session.execute(_SET_SCOPE, _named(session))


def _named(session: Session) -> dict[str, str]:
    return {"scope": session.info.get("scope", ""), "person": session.info.get("person", "")}


@contextmanager
def acting_for(session: Session, *, scope: str | None = None, person: str | None = None) -> Iterator[None]:
    """Let the session act within another scope, or for another person, for a while; what is not named stays.

    What was changed meanwhile is written before the session acts as before.
    """
    before = _named(session)
    act_for(
        session,
        before["scope"] if scope is None else scope,
        person=before["person"] if person is None else person,
    )
    try:
        yield
        session.flush()
    except DBAPIError:
        session.info |= before  # this transaction takes no further statement
        raise
    except BaseException:
        act_for(session, **before)
        raise
    act_for(session, **before)


def scope_held(session: Session) -> str:
    """Return the scope that the session acts within."""
    return str(session.info.get("scope", NOTHING))


def scope_of(parties: Iterable[str]) -> str:
    """Return the scope of several parties."""
    return SCOPE_SEPARATOR.join(sorted(parties))


def bounds(*dimensions: Iterable[str]) -> str:
    """Return the scope of a person by what bounds him; an empty dimension bounds nothing.

    Raises
    ------
    ValueError
        Where a value holds an unprintable character, which could be taken for a separator.
    """
    values = [sorted(set(dimension)) for dimension in dimensions]
    for value in (one for dimension in values for one in dimension):
        if not value.isprintable() or value in {"", EVERYTHING}:
            raise ValueError(f"{value!r} cannot bound a scope")
    if not any(values):
        return EVERYTHING
    return BOUNDED + "\x1e".join(SCOPE_SEPARATOR.join(one) or EVERYTHING for one in values)


@event.listens_for(Session, "do_orm_execute")
def _say_bounds(state: ORMExecuteState) -> None:
    if state.session.info.get("scope", NOTHING).startswith(BOUNDED):
        state.statement = state.statement.options(_BOUNDS)


def _within(mapped: type[Base]) -> ColumnElement[bool]:
    of_party = mapped.__party__ or mapped.__party_for_people__
    return true() if of_party is None else getattr(mapped, of_party).in_(select(WITHIN.c.code))


_BOUNDS = with_loader_criteria(Base, _within, include_aliases=True, track_closure_variables=False)


@contextmanager
def transaction(sessions: sessionmaker[Session], scope: str = EVERYTHING) -> Iterator[Session]:
    """Open a session, commit on leaving, roll back where anything was raised."""
    with sessions() as session:
        act_for(session, scope)
        with session.begin():
            yield session
