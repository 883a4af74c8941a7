"""The folder of an installation that belongs to a play: taken away whole, never from under one that runs.

Light to import.
"""

import shutil
from pathlib import Path

from server.kit import broker, claims, embedded
from server.kit.processes import StartError

SERVER_LOCK = "supervisor.lock"  # held by a server that runs


def remove(folder: Path) -> None:
    """Remove an installation with its database and broker, wherever these lie; nothing happens where none is.

    Raises
    ------
    StartError
        Where the folder holds something else, or a server runs in it; nothing was removed.
    """
    if not folder.exists():
        return
    if any(folder.iterdir()) and not (folder / "serve.log").exists():
        raise StartError(f"{folder} holds something that is no installation; name an empty or a new folder")
    try:
        claims.check_free(folder / SERVER_LOCK)
    except claims.ClaimedError as claimed:
        raise StartError(
            f"a server runs in {folder} ({claims.named(claimed.pid)}); end it first, or name another --data-dir"
        ) from None
    embedded.remove_cluster(folder / "postgres")
    broker.remove_broker(folder / "broker")
    shutil.rmtree(folder)
