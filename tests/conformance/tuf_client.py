"""The terminal's updater under the command line of tuf-conformance (its CLIENT-CLI.md), to be judged by that suite.

It is the same HTTP (:class:`terminal_client.adapters.http.Connection`), the same reader of files with its ranges and
resume (:class:`terminal_client.adapters.signed_files.ServerFiles`) and the same client of the framework as in
:mod:`terminal_client.bring`. What differs: the suite names addresses of its own and any target, trusts the root that it
puts into the folder, and sets the clock by ``faketime``. ``README.md`` beside this says how it is run.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from tuf.ngclient import Updater

from terminal_client.adapters.http import Connection, Reply, UnreachableError
from terminal_client.adapters.signed_files import ServerFiles
from terminal_client.core.ports import NotReachedError


class SuiteWire:
    """The suite's server: ``metadata/`` and ``targets/`` lie where it says."""

    def __init__(self, bases: dict[str, str]) -> None:
        self._bases = {kind: base.rstrip("/") for kind, base in bases.items()}

    def close(self) -> None:
        """Nothing stays open."""

    def part_of_file(self, path: str, offset: int, count: int) -> Reply:
        """See :class:`~terminal_client.core.ports.UpdateWire`."""
        kind, _, name = path.partition("/")
        parts = urlsplit(self._bases[kind])
        connection = Connection(f"{parts.scheme}://{parts.netloc}")
        headers = {"Range": f"bytes={offset}-{offset + count - 1}", "Accept-Encoding": "identity"}
        try:
            return connection.ask("GET", f"{parts.path}/{name}", headers=headers)
        except UnreachableError as error:
            raise NotReachedError(str(error)) from error
        finally:
            connection.close()


def main() -> int:
    """Do one command of the suite; an exception is the exit code 1."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--metadata-dir", type=Path, required=True)
    parser.add_argument("--metadata-url", default="")
    parser.add_argument("--target-base-url", default="")
    parser.add_argument("--target-dir", default=None)
    parser.add_argument("--target-name", action="append", default=[])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("init").add_argument("trusted_root", type=Path)
    commands.add_parser("refresh")
    commands.add_parser("download")
    asked = parser.parse_args()
    if asked.command == "init":
        shutil.copyfile(asked.trusted_root, asked.metadata_dir / "root.json")
        return 0
    with tempfile.TemporaryDirectory() as incoming:
        files = ServerFiles(
            SuiteWire({"metadata": asked.metadata_url, "targets": asked.target_base_url}), Path(incoming)
        )
        updater = Updater(
            str(asked.metadata_dir), "metadata/", asked.target_dir, "targets/", fetcher=files, bootstrap=None
        )
        updater.refresh()
        for name in asked.target_name:
            info = updater.get_targetinfo(name)
            if info is None:
                return 1
            if not updater.find_cached_target(info):
                updater.download_target(info)
    return 0


if __name__ == "__main__":
    sys.exit(main())
