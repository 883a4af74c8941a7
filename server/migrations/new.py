"""Write a new migration from the models: ``python -m server.migrations.new NUMBER "what it does"``.

Starts a throw-away database, brings it to the newest migration and lets Alembic write down the difference.
Read what it wrote before you commit it.
"""

import sys
import tempfile
from pathlib import Path

from alembic import command

from server.kit import embedded
from server.migrations import config


def main() -> None:
    """Write the migration that the command line names."""
    number, message = sys.argv[1], sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        cluster = embedded.start(Path(folder) / "postgres", durable=False)
        try:
            made = config(cluster.owner_url)
            command.upgrade(made, "head")
            made.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            command.revision(made, message=message, autogenerate=True, rev_id=number)
        finally:
            embedded.remove_cluster(Path(folder) / "postgres")


if __name__ == "__main__":
    main()
