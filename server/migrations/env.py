"""Alembic's environment: our metadata, our URL, and what every generated migration gets on top.

Row-level security for every new table of a party; on the way down, a stop before a table with rows is dropped.
"""

import textwrap
from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.operations import ops

from server import tables
from server.kit.db import Base, mapped_tables
from server.migrations import keep_rows, policies

tables.load()


def complete(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Add what a generated migration needs beside the difference of the tables."""
    if directives:
        guard_rows(directives[0].downgrade_ops)
        add_what_tables_need(directives[0].upgrade_ops, directives[0].downgrade_ops)
        secure_parties(directives[0].upgrade_ops)


def secure_parties(upgrade: ops.UpgradeOps) -> None:
    """Add the policies of row-level security behind the tables that a migration creates, and what they read."""
    created = {op.table_name for op in upgrade.ops if isinstance(op, ops.CreateTableOp)}
    upgrade.ops.extend(
        ops.ExecuteSQLOp(statement)
        for mapped in mapped_tables()
        if mapped.__tablename__ in created
        for statement in policies(mapped)
    )


def guard_rows(downgrade: ops.DowngradeOps) -> None:
    """Let the way down begin with a stop where a table that it drops holds rows."""
    dropped = sorted(op.table_name for op in downgrade.ops if isinstance(op, ops.DropTableOp))
    if dropped:
        downgrade.ops.insert(0, ops.ExecuteSQLOp(keep_rows(dropped)))


def add_what_tables_need(upgrade: ops.UpgradeOps, downgrade: ops.DowngradeOps) -> None:
    """Add functions, triggers and views that the created tables declare; on the way down they go before the tables."""
    created = {op.table_name for op in upgrade.ops if isinstance(op, ops.CreateTableOp)}
    declaring = [table for table in mapped_tables() if table.__tablename__ in created]
    up = [ops.ExecuteSQLOp(textwrap.dedent(one).strip()) for table in declaring for one in table.__ddl__]
    down = [ops.ExecuteSQLOp(one) for table in reversed(declaring) for one in table.__ddl_down__]
    upgrade.ops.extend(up)
    downgrade.ops[1:1] = down


def ours(_object: Any, name: str | None, kind: str, _reflected: bool, _compared: Any) -> bool:  # noqa: FBT001 - Alembic's signature
    """Leave the job queue's tables to the job queue."""
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))


def run() -> None:
    """Migrate, in one transaction."""
    engine = sa.create_engine(context.config.attributes["url"], poolclass=sa.NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_object=ours,
            process_revision_directives=complete,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
