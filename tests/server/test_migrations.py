"""The schema goes up and down on a real database; the database itself holds each party to its rows."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from filled import SHOPS, fill
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from server import migrations, tables
from server.kit import embedded
from server.kit.db import Base, make_engine, make_sessions, mapped_tables, transaction
from server.kit.sealing import Seal
from server.kit.settings import Settings

pytestmark = pytest.mark.slow
APP_ROLE = "evenhand_app"
tables.load()
ALL = {str(table.__tablename__): table for table in mapped_tables()}
OF_A_PARTY = {name: table.__party__ for name, table in ALL.items() if table.__party__ is not None}
OF_SHOPS = {name: table.__party_for_people__ for name, table in ALL.items() if table.__party_for_people__ is not None}
APPEND_ONLY = [name for name, table in ALL.items() if table.__append_only__]


@pytest.fixture
def empty(postgres: embedded.Cluster, request: pytest.FixtureRequest) -> Iterator[embedded.Cluster]:
    """A database without a table."""
    name = f"empty{abs(hash(request.node.nodeid)) % 10**9}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture
def filled(sessions: sessionmaker[Session]) -> sessionmaker[Session]:
    """Sessions of a database with rows of two shops in every table."""
    with transaction(sessions) as session:
        fill(session)
    return sessions


def ask(url: str, question: str) -> list[tuple[object, ...]]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(question))]


def tables_in(database: embedded.Cluster) -> set[object]:
    found = ask(database.owner_url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {name for (name,) in found} - {"alembic_version"}


def own_tables_in(database: embedded.Cluster) -> set[object]:
    return {name for name in tables_in(database) if not str(name).startswith("procrastinate_")}


# Up and down


def test_an_empty_database_goes_up_down_to_nothing_and_up_again(empty: embedded.Cluster):
    migrations.upgrade(empty.owner_url, app_role=APP_ROLE)
    assert own_tables_in(empty) == ALL.keys()

    migrations.downgrade(empty.owner_url)
    assert tables_in(empty) == set()
    left = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    assert ask(empty.owner_url, left) == []

    migrations.upgrade(empty.owner_url, app_role=APP_ROLE)
    assert own_tables_in(empty) == ALL.keys()


def test_going_up_twice_changes_nothing(empty: embedded.Cluster):
    migrations.upgrade(empty.owner_url, app_role=APP_ROLE)
    before = shape_of(empty)

    migrations.upgrade(empty.owner_url, app_role=APP_ROLE)

    assert shape_of(empty) == before


def test_every_revision_goes_down_and_up_by_itself(empty: embedded.Cluster):
    revisions = [script.revision for script in ScriptDirectory.from_config(migrations.config("")).walk_revisions()]
    for revision in reversed(revisions):
        migrations.upgrade(empty.owner_url, app_role=APP_ROLE, to=revision)
        after = shape_of(empty)
        migrations.downgrade(empty.owner_url, to="-1")
        migrations.upgrade(empty.owner_url, app_role=APP_ROLE, to=revision)
        assert shape_of(empty) == after


def test_the_newest_migration_and_the_models_say_the_same(empty: embedded.Cluster, postgres: embedded.Cluster):
    migrations.upgrade(empty.owner_url, app_role=APP_ROLE)

    command.check(migrations.config(empty.owner_url))

    # What autogenerate does not compare: checks, expressions of indexes, policies.
    modelled = postgres.create_database("modelled")
    try:
        engine = sa.create_engine(modelled.owner_url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            Base.metadata.create_all(connection)
            for mapped in mapped_tables():
                for statement in mapped.__ddl__:
                    connection.execute(sa.text(statement))
            for statement in (one for mapped in mapped_tables() for one in migrations.policies(mapped)):
                connection.execute(sa.text(statement))
        assert shape_of(empty) == shape_of(modelled)
    finally:
        postgres.drop_database("modelled")


def shape_of(database: embedded.Cluster) -> dict[str, list[tuple[object, ...]]]:
    """Columns, constraints, indexes and policies of our tables, in words of the database."""
    ours = (
        "relnamespace = 'public'::regnamespace AND relname NOT LIKE 'procrastinate%' AND relname != 'alembic_version'"
    )
    questions = {
        "columns": (
            "SELECT relname, attname, format_type(atttypid, atttypmod), attnotnull, attidentity,"  # noqa: S608 - our own words
            " pg_get_expr(adbin, adrelid) FROM pg_class JOIN pg_attribute a ON attrelid = pg_class.oid"
            " LEFT JOIN pg_attrdef d ON adrelid = attrelid AND adnum = attnum"
            f" WHERE relkind = 'r' AND attnum > 0 AND NOT attisdropped AND {ours}"
        ),
        "constraints": (
            "SELECT relname, conname, pg_get_constraintdef(c.oid)"  # noqa: S608 - our own words
            f" FROM pg_constraint c JOIN pg_class ON conrelid = pg_class.oid WHERE {ours}"
        ),
        "indexes": (
            "SELECT relname, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON indrelid = pg_class.oid"  # noqa: S608 - our own words
            f" WHERE {ours}"
        ),
        "views": "SELECT viewname, definition FROM pg_views WHERE schemaname = 'public'",
        "policies": "SELECT tablename, policyname, roles::text, cmd, qual, with_check FROM pg_policies",
        "secured": f"SELECT relname, relrowsecurity FROM pg_class WHERE relkind = 'r' AND {ours}",  # noqa: S608 - our own words
    }
    return {what: sorted(ask(database.owner_url, question), key=repr) for what, question in questions.items()}


# With rows


def test_the_story_leaves_a_row_in_every_table(filled: sessionmaker[Session]):
    with transaction(filled) as session:
        counts = {name: session.scalar(sa.select(sa.func.count()).select_from(table)) for name, table in ALL.items()}

    assert [name for name, count in counts.items() if count == 0] == []


def test_going_down_never_loses_rows_unseen(empty: embedded.Cluster, tmp_path: Path):
    migrations.upgrade(empty.owner_url, app_role=APP_ROLE)
    engine = make_engine(empty.app_url, pool=1)
    with transaction(make_sessions(engine, seal=Seal(Settings(data_dir=tmp_path)))) as session:
        fill(session)
    engine.dispose()
    before = rows_of(empty)

    try:
        migrations.downgrade(empty.owner_url, to="-1")
    except DBAPIError as refused:
        assert "holds rows, which going down would lose. Nothing was changed." in str(refused)  # noqa: PT017 - either way is right
    migrations.upgrade(empty.owner_url, app_role=APP_ROLE)

    assert rows_of(empty) == before


def rows_of(database: embedded.Cluster) -> dict[str, list[tuple[object, ...]]]:
    return {name: sorted(ask(database.owner_url, f"SELECT * FROM {name}"), key=repr) for name in ALL}  # noqa: S608 - our own tables


# Each party its rows


def test_the_application_is_neither_superuser_nor_owner_nor_above_row_security(database: embedded.Cluster):
    rights = "rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
    assert ask(database.app_url, f"SELECT rolname, {rights} FROM pg_roles WHERE rolname = current_user") == [  # noqa: S608 - our own words
        (APP_ROLE, False, False, False, False, False)
    ]
    owned = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user"
    assert ask(database.app_url, owned) == []
    assert ask(database.app_url, "SELECT rolname FROM pg_roles WHERE pg_has_role(current_user, oid, 'SET')") == [
        (APP_ROLE,)
    ]
    assert ask(database.app_url, "SELECT has_schema_privilege('public', 'CREATE')") == [(False,)]


def test_every_table_of_a_party_and_no_other_is_under_row_security(database: embedded.Cluster):
    secured = ask(database.owner_url, "SELECT relname FROM pg_class WHERE relrowsecurity AND NOT relispartition")
    parts = "SELECT relname FROM pg_class WHERE relispartition"
    guarded = ask(database.owner_url, f"SELECT tablename FROM pg_policies WHERE tablename NOT IN ({parts})")  # noqa: S608 - our own words
    assert ask(database.owner_url, f"{parts} AND relkind = 'r' AND NOT relrowsecurity") == []

    of_nobody = {"feedback_unnamed"}  # said without a name: no shop's, and kept from whom it concerns
    assert {name for (name,) in secured} == OF_A_PARTY.keys() | OF_SHOPS.keys() | of_nobody
    assert {name for (name,) in guarded} == OF_A_PARTY.keys() | OF_SHOPS.keys() | of_nobody


def test_a_party_sees_its_own_rows_alone_and_can_give_none_away(filled: sessionmaker[Session]):
    for name, column in OF_A_PARTY.items():
        parties = sa.text(f"SELECT DISTINCT {column} FROM {name}")  # noqa: S608 - our own tables
        seen = {}
        for scope in ("*", "R1", ""):
            with transaction(filled, scope) as session:
                seen[scope] = set(session.scalars(parties))
        assert seen == {"*": set(SHOPS), "R1": {"R1"}, "": set()}, name
        with (
            pytest.raises(DBAPIError, match=r"row-level security|permission denied"),
            transaction(filled, "R1") as session,
        ):
            session.execute(sa.text(f"UPDATE {name} SET {column} = 'R2'"))  # noqa: S608 - our own tables


def test_what_is_only_added_to_can_be_neither_changed_nor_removed(sessions: sessionmaker[Session]):
    attempts = []
    for name in APPEND_ONLY:
        column = next(column.name for column in ALL[name].__table__.columns if column.identity is None)
        attempts += [f"UPDATE {name} SET {column} = {column}", f"DELETE FROM {name}", f"TRUNCATE {name}"]  # noqa: S608 - our own tables

    assert [attempt for attempt in attempts if not refused(sessions, attempt)] == []


def test_the_application_cannot_change_the_schema(sessions: sessionmaker[Session]):
    assert refused(sessions, "DROP TABLE orders")
    assert refused(sessions, "ALTER TABLE orders DISABLE ROW LEVEL SECURITY")
    assert refused(sessions, "TRUNCATE orders")
    assert refused(sessions, "CREATE TABLE more ()")


def refused(sessions: sessionmaker[Session], statement: str) -> bool:
    """Whether the application's role may not do it; any other fault is none of its business."""
    try:
        with transaction(sessions) as session:
            session.execute(sa.text(statement))
    except DBAPIError as error:
        return "permission denied" in str(error) or "must be owner" in str(error)
    return False
