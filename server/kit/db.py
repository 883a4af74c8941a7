"""The database: one declarative base, one way to open a session, one way to commit.

A session acts within a *scope*: the party or parties whose rows it may touch, or :data:`EVERYTHING`. The scope goes
into PostgreSQL with each transaction, where row-level security reads it; a session that names none sees no
party's rows. Sessions are committed at the edge alone: the route, ingest, the worker, the command.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import DateTime, Engine, MetaData, create_engine, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction, sessionmaker

EVERYTHING = "*"
SCOPE_SEPARATOR = "\x1f"
"""Between the parties of a scope; no name holds a control character."""

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of all tables.

    A table whose ``__party__`` names a column is under row-level security by that column. From a table with
    ``__append_only__`` the application's role may neither change nor remove a row. ``__ddl__`` is what the database
    needs beside a table once all tables are there (a trigger, a function), ``__ddl_down__`` what takes it away again.
    """

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }
    __party__: ClassVar[str | None] = None
    __append_only__: ClassVar[bool] = False
    __ddl__: ClassVar[tuple[str, ...]] = ()
    __ddl_down__: ClassVar[tuple[str, ...]] = ()


def make_engine(url: str, *, pool: int = 10) -> Engine:
    """Return an engine for PostgreSQL by psycopg 3; times come and go in UTC."""
    return create_engine(
        url,
        pool_size=pool,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args={"options": "-c timezone=UTC -c lock_timeout=10s"},
    )


def make_sessions(engine: Engine) -> sessionmaker[Session]:
    """Return the factory of sessions over ``engine``."""
    return sessionmaker(engine, expire_on_commit=False)


def mapped_tables() -> list[type[Base]]:
    """Return the classes of all tables, in the order of their names."""
    return sorted((mapper.class_ for mapper in Base.registry.mappers), key=lambda table: str(table.__tablename__))


@event.listens_for(Session, "after_begin")
def _set_scope(session: Session, _transaction: SessionTransaction, connection: Any) -> None:
    connection.execute(_SET_SCOPE, {"scope": session.info.get("scope", "")})


_SET_SCOPE = text("SELECT set_config('evenhand.scope', :scope, true)")


def act_for(session: Session, scope: str) -> None:
    """Let the session touch the rows of ``scope`` alone, from now on and in later transactions."""
    if session.info.get("scope") == scope:
        return
    session.info["scope"] = scope
    if session.in_transaction():
        session.execute(_SET_SCOPE, {"scope": scope})


def scope_of(parties: Iterable[str]) -> str:
    """Return the scope of several parties."""
    return SCOPE_SEPARATOR.join(sorted(parties))


@contextmanager
def transaction(sessions: sessionmaker[Session], scope: str = EVERYTHING) -> Iterator[Session]:
    """Open a session, commit on leaving, roll back where anything was raised."""
    with sessions() as session:
        act_for(session, scope)
        with session.begin():
            yield session
