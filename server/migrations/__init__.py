"""Migrations of the one schema: up, down, and the rights of the application's role.

Run as the schema's owner. The application's role gets rows and nothing else; row-level security holds it to
its scope because it neither owns a table nor is superuser.
"""

from collections.abc import Collection, Iterable
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from psycopg.sql import Identifier

from server import tables
from server.kit.db import WITHIN, Base, mapped_tables

HEAD = "head"
BASE = "base"


def config(owner_url: str) -> Config:
    """Return Alembic's configuration for a database."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.attributes["url"] = owner_url
    return made


def upgrade(owner_url: str, *, app_role: str, to: str = HEAD) -> None:
    """Bring the schema up to ``to`` and give ``app_role`` its rights. Doing it twice changes nothing."""
    command.upgrade(config(owner_url), to)
    engine = sa.create_engine(owner_url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in rights(app_role, present=sa.inspect(connection).get_table_names()):
            connection.execute(sa.text(statement))


def downgrade(owner_url: str, *, to: str = BASE) -> None:
    """Take the schema down to ``to``."""
    command.downgrade(config(owner_url), to)


def rights(app_role: str, *, present: Collection[str] | None = None) -> list[str]:
    """Return the statements that give the application's role what it needs, and take what it must not have.

    ``present`` are the tables that exist at the migration reached; all of today's where absent.
    """
    tables.load()
    role = Identifier(app_role).as_string()
    statements = [
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role}",
    ]
    statements += [
        f"REVOKE UPDATE, DELETE, TRUNCATE ON {table.__tablename__} FROM {role}"
        for table in mapped_tables()
        if table.__append_only__ and (present is None or table.__tablename__ in present)
    ]
    return statements


def policies(mapped: type[Base]) -> Iterable[str]:
    """Return the statements that hold a table to the scope of the transaction; none where nothing holds it.

    The scope is read once a statement, not once a row, so that it costs a scan of everything little. One shop within
    bounds is a probe of an index, a scan makes the planner hash all shops that are within.
    """
    column = mapped.__party__ or mapped.__party_for_people__
    if column is None:
        return
    name = mapped.__tablename__
    scope = "(SELECT current_setting('evenhand.scope', true))"
    if mapped.__party__ is not None:
        mine = f"{scope} = '*' OR {column} = ANY ((SELECT string_to_array({scope}, E'\\x1f'))::text[])"
    else:
        mine = f"coalesce({scope} NOT LIKE E'in\\x1e%', true)"
    within = f"EXISTS (SELECT FROM {WITHIN.name} WHERE {WITHIN.name}.code = {name}.{column})"
    yield f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY"
    yield f"CREATE POLICY party ON {name} USING ({mine} OR {within}) WITH CHECK ({mine} OR {within})"


def keep_rows(tables: Iterable[str]) -> str:
    """Return the statement that stops a migration, in words, where one of the tables it is about to drop holds rows."""
    return _KEEP_ROWS.replace("{tables}", ", ".join(f"'{table}'" for table in tables))


_KEEP_ROWS = """
DO $$
DECLARE
    dropped text;
    holds_rows boolean;
BEGIN
    FOREACH dropped IN ARRAY ARRAY[{tables}] LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', dropped) INTO holds_rows;
        IF holds_rows THEN
            RAISE EXCEPTION 'The table % holds rows, which going down would lose. Nothing was changed.', dropped
                USING HINT = 'Take out what is still needed, empty the table, then go down again.';
        END IF;
    END LOOP;
END $$
"""
