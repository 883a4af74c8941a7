"""The terminal of a checkout as one archive: its packages, its own parts, and a manifest that names every file.

The archive's order, times and owners are fixed, so that the same checkout gives the same bytes but for the moment that
the manifest names. Packages come by the lock, with their hashes.
"""

import gzip
import hashlib
import io
import json
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from contract.releases import ANY_PLATFORM
from server.releases.describing import MANIFEST
from server.releases.errors import ReleaseRefusedError

PARTS = ("contract", "terminal_client")
NEVER = ("__pycache__", "*.pyc", "*.po~")
KNOWN = "from terminal_client.core import store; print(len(store.MIGRATIONS), store.READABLE_FROM)"
SCRIPTS = "ui/static/vendor/htmx.min.js"


def build(checkout: Path, out: Path, version: str, *, with_packages: bool, at: datetime) -> Path:
    """Build an archive into the folder ``out`` and return it.

    Raises :class:`ReleaseRefusedError` where the checkout lacks something, or packages do not come.
    """
    if not (checkout / "terminal_client" / SCRIPTS).exists():
        raise ReleaseRefusedError(f"{checkout} lacks the browser's script: `make setup` there first")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="release-") as place:
        site = Path(place) / "site"
        site.mkdir()
        if with_packages:
            _install(checkout, site)
        for part in PARTS:
            shutil.copytree(checkout / part, site / part, ignore=shutil.ignore_patterns(*NEVER))
        manifest = _manifest(checkout, Path(place), version, at, with_packages=with_packages)
        archive = out / f"terminal-{version}-{manifest['platform']}.tar.gz"
        _write(archive, Path(place), manifest)
    return archive


def _install(checkout: Path, site: Path) -> None:
    """Install the packages of the extra ``terminal`` in their locked versions."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise ReleaseRefusedError("uv is not there: `make setup` brings it")
    wanted = subprocess.run(
        [uv, "pip", "compile", "-q", "--no-header", "--no-annotate", "--extra", "terminal", "--generate-hashes",
         "-c", str(checkout / ".ci/runtime.lock"), str(checkout / "pyproject.toml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if wanted.returncode:
        raise ReleaseRefusedError(f"the packages cannot be resolved: {wanted.stderr.strip()[-300:]}")
    listed = site.parent / "packages.txt"
    listed.write_text(wanted.stdout, encoding="utf-8")
    done = subprocess.run(
        [uv, "pip", "install", "-q", "--target", str(site), "--require-hashes", "--no-deps", "--only-binary", ":all:",
         "--python", sys.executable, "-r", str(listed)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    listed.unlink()
    if done.returncode:
        raise ReleaseRefusedError(f"the packages did not come: {done.stderr.strip()[-300:]}")
    for path in [*site.rglob("__pycache__"), site / "bin"]:
        shutil.rmtree(path, ignore_errors=True)
    for name in (".lock",):
        (site / name).unlink(missing_ok=True)


def _manifest(checkout: Path, place: Path, version: str, at: datetime, *, with_packages: bool) -> dict[str, object]:
    known = subprocess.run(
        [sys.executable, "-c", KNOWN],
        capture_output=True, text=True, check=True, cwd=checkout,
    ).stdout.split()  # fmt: skip
    native = f"{platform.system().lower()}_{platform.machine().lower()}"
    return {
        "format": 1,
        "version": version,
        "built_at": at.isoformat(timespec="seconds"),
        "platform": native if with_packages else ANY_PLATFORM,
        "python": ".".join(platform.python_version_tuple()[:2]) if with_packages else "",
        "store_version": int(known[0]),
        "store_readable_from": int(known[1]),
        "files": {
            path.relative_to(place).as_posix(): {
                "size": path.stat().st_size,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            }
            for path in _files(place)
        },
    }


def _files(place: Path) -> Iterator[Path]:
    return (path for path in sorted(place.rglob("*")) if path.is_file())


def _write(archive: Path, place: Path, manifest: dict[str, object]) -> None:
    with (
        archive.open("wb") as raw,
        gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as sink,
    ):
        _add(sink, MANIFEST, json.dumps(manifest, indent=1, sort_keys=True).encode())
        for path in _files(place):
            _add(sink, path.relative_to(place).as_posix(), path.read_bytes())


def _add(sink: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    sink.addfile(member, io.BytesIO(data))
