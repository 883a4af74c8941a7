"""Folders and files that are whole or absent, whenever their making is interrupted."""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from allocation.errors import InputError


@contextmanager
def new_folder(folder: Path, replaceable: Iterable[str] = ()) -> Iterator[Path]:
    """Make a folder that is whole or absent, whenever this is interrupted: fill the one that is handed out.

    Parameters
    ----------
    folder
        The folder to make. One that is empty, or holds only files of `replaceable`, is replaced.

    Raises
    ------
    InputError
        Where something else stands at that place.
    """
    folder = folder.absolute()
    stands_there = os.path.lexists(folder)
    if stands_there and (not folder.is_dir() or {path.name for path in folder.iterdir()} - set(replaceable)):
        raise InputError(str(folder), "something else stands there; choose a new folder or empty this one")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A sibling, so that it lies on the same file system and a rename puts all of it in place.
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent, ignore_cleanup_errors=True) as work:
        fresh, old = Path(work) / "new", Path(work) / "old"
        fresh.mkdir()
        yield fresh
        if stands_there:
            folder.rename(old)
        try:
            fresh.rename(folder)
        except OSError:
            if stands_there:
                old.rename(folder)
            raise


def write_file(path: Path, chunks: Iterable[bytes]) -> str:
    """Write a new file piece by piece, see it to the disk, and return the SHA-256 of its bytes.

    Raises
    ------
    OSError
        Where the disk is full or fails; it names the file.
    """
    digest = hashlib.sha256()
    try:
        with path.open("xb") as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        error.filename = path.name
        raise
    return digest.hexdigest()


def replace_file(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
