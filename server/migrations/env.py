"""Alembic's environment: our metadata, our URL, and row-level security for every new table of a party."""

from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.operations import ops

from server import tables
from server.kit.db import Base, mapped_tables
from server.migrations import policy

tables.load()


def secure_parties(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Add the policy of row-level security behind every party's table that a migration creates."""
    if not directives:
        return
    upgrade: ops.UpgradeOps = directives[0].upgrade_ops
    created = {op.table_name for op in upgrade.ops if isinstance(op, ops.CreateTableOp)}
    for table in mapped_tables():
        if table.__party__ is not None and table.__tablename__ in created:
            upgrade.ops.extend(
                ops.ExecuteSQLOp(statement) for statement in policy(table.__tablename__, table.__party__)
            )


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
            process_revision_directives=secure_parties,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
