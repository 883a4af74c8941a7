"""Files that appear whole or not at all, and stay through a crash."""

import os
import shutil
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, kept through a crash."""
    beside = path.with_name(path.name + ".new")
    with beside.open("wb") as sink:
        sink.write(data)
        sink.flush()
        os.fsync(sink.fileno())
    beside.replace(path)
    _sync_folder(path.parent)


def put(source: Path, target: Path) -> None:
    """Copy a file to its place, whole or not at all."""
    beside = target.with_name(target.name + ".new")
    shutil.copyfile(source, beside)
    with beside.open("rb") as written:
        os.fsync(written.fileno())
    beside.replace(target)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
