"""The folder of a demonstration: held by the one that runs, and never somebody else's. Light to import."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from firmware_sim import folders
from server.kit import claims
from server.kit.processes import StartError

LOCK = "demo.lock"
SERVER = "server"
OURS = frozenset({LOCK, SERVER, "terminals", "published"})
"""What a demonstration leaves in its folder."""


@contextmanager
def room(folder: Path) -> Iterator[None]:
    """Hold ``folder`` for one demonstration, emptied of what an earlier one left.

    Raises
    ------
    StartError
        A demonstration runs there, or something lies there that none has made; nothing was touched.
    """
    strangers = _strangers(folder)
    if strangers:
        raise StartError(
            f"{folder} holds something that no demo has made ({strangers[0]}); name an empty or a new folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        held = claims.claim(folder / LOCK)
    except claims.ClaimedError as claimed:
        raise StartError(
            f"a demo runs in {folder} ({claims.named(claimed.pid)}); end it first, or name another --data-dir"
        ) from None
    with held:
        folders.remove(folder / SERVER)
        for left in OURS - {LOCK, SERVER}:
            shutil.rmtree(folder / left, ignore_errors=True)
        yield


def _strangers(folder: Path) -> list[str]:
    """Return what lies in ``folder`` and was not left by a demonstration."""
    if not folder.exists():
        return []
    if not folder.is_dir():
        return [folder.name]
    names = sorted(entry.name for entry in folder.iterdir())
    made_by_one = (folder / LOCK).exists() or (folder / SERVER / "serve.log").exists()
    return [name for name in names if not made_by_one or name not in OURS]
