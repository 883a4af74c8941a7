"""How the framework's client reads the server's repository: over the terminal's own HTTP, by ranges, with resume.

What has come of an archive lies in a file until it is whole, so that a cut, a restart or a power failure costs one part
and not all of it. Nothing here is trusted: the framework checks length and hashes of what comes out.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from tuf.api.exceptions import DownloadError, DownloadHTTPError, SlowRetrievalError
from tuf.ngclient import FetcherInterface

from contract.releases import METADATA_MOST_BYTES
from terminal_client.core.ports import NotReachedError, UpdateWire

PART_BYTES = 128 * 1024
#: A part that takes longer is given up: whoever answers a byte at a time holds nobody.
PART_WITHIN_S = 60.0
OK, PARTIAL, NOT_SATISFIABLE = 200, 206, 416
TARGETS, HALF = "targets/", ".part"


class ServerFiles(FetcherInterface):
    """Files of the repository by their names below ``/device/v1/updates/``; a context manager that closes the wire."""

    def __init__(self, wire: UpdateWire, incoming: Path, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._wire = wire
        self._incoming = incoming
        self._monotonic_s = monotonic_s
        self._watch: Callable[[int], None] = lambda _done: None

    def __enter__(self) -> Self:
        """Go on."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the wire."""
        self._wire.close()

    def watch(self, told: Callable[[int], None]) -> None:
        """Tell how many bytes of an archive there are, each time that some have come."""
        self._watch = told

    def forget(self) -> None:
        """Remove what lies here of archives."""
        for path in self._incoming.glob(f"*{HALF}"):
            path.unlink(missing_ok=True)

    def _fetch(self, url: str) -> Iterator[bytes]:
        if url.startswith(TARGETS):
            return self._resumed(url)
        return iter([self._whole(url)])

    def _whole(self, path: str) -> bytes:
        """Return a file of metadata, all of it in one answer."""
        status, body = self._part(path, 0, METADATA_MOST_BYTES)
        if status not in (OK, PARTIAL):
            raise DownloadHTTPError(f"{path}: status {status}", status)
        return body

    def _resumed(self, path: str) -> Iterator[bytes]:
        half = self._incoming / (path.rpartition("/")[2] + HALF)
        for other in self._incoming.glob(f"*{HALF}"):
            if other != half:
                other.unlink()  # of a release that is not wanted any more
        done = 0
        if half.exists():
            with half.open("rb") as held:
                while chunk := held.read(PART_BYTES):
                    done += len(chunk)
                    yield chunk
        while True:
            status, body = self._part(path, done, PART_BYTES)
            if status == NOT_SATISFIABLE:
                return
            if status == OK and done == 0:  # a server may pass over a range
                yield body
                return
            if status != PARTIAL:
                half.unlink(missing_ok=True)
                raise DownloadHTTPError(f"{path}: status {status}", status)
            with half.open("ab") as held:
                held.write(body)
            done += len(body)
            self._watch(done)
            yield body
            if len(body) < PART_BYTES:
                return

    def _part(self, path: str, offset: int, count: int) -> tuple[int, bytes]:
        began_s = self._monotonic_s()
        try:
            answer = self._wire.part_of_file(path, offset, count)
        except NotReachedError as error:
            raise DownloadError(f"{path}: {error}") from error
        if self._monotonic_s() - began_s > PART_WITHIN_S:
            raise SlowRetrievalError(f"{path}: {len(answer.body)} bytes took longer than {PART_WITHIN_S:.0f} s")
        return answer.status, answer.body
