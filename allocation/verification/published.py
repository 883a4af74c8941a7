"""The result as the checker sees it: what its rows say, and the certificate."""

import csv
import hashlib
import io
import json
import mmap
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from allocation.verification.findings import Findings, Unreadable
from allocation.verification.given import Ints
from allocation.verification.rows import COLUMNS, Rows

ARROW_FROM_BYTES: Final = 1 << 20
"""Below this size, rows are read before Arrow is imported."""
GRANTED: Final = COLUMNS.index("granted")

_OTHER_FILES: Final = ("report.json", "report.html")
WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class Published(Protocol):
    """What a result says, in a folder or in memory."""

    @property
    def certificate(self) -> Mapping[str, Any]:
        """What the certificate says."""
        ...

    def granted(self) -> Ints | None:
        """Return the units granted row by row; None where a row does not have a whole number there."""
        ...

    def says(self, rows: Rows) -> bool:
        """Say whether these are the rows, and the hash in the certificate is theirs."""
        ...

    def sha256(self) -> str:
        """Return the hash of the rows as they are."""
        ...

    def cells(self) -> Iterator[list[str]]:
        """Yield the cells of the rows, as far as they can be read at all."""
        ...

    def check_form(self, findings: Findings) -> None:
        """Name what keeps the rows from being rows."""
        ...


@dataclass(frozen=True, eq=False)
class PublishedFiles:
    """A result folder: the bytes of its rows with their header, and the certificate."""

    content: bytes | mmap.mmap
    certificate: Mapping[str, Any]

    def granted(self) -> Ints | None:
        """Return the units granted; see :class:`Published`."""
        if len(self.content) >= ARROW_FROM_BYTES:
            from allocation.verification.arrow_tables import read_granted  # noqa: PLC0415  # 0.2 s, for large results

            return read_granted(self.content)
        texts = [row[GRANTED] if len(row) == len(COLUMNS) else "" for row in self.cells()]
        if not all(WHOLE.fullmatch(text) and int(text) < 2**63 for text in texts):
            return None
        return np.array(list(map(int, texts)), dtype=np.int64)

    def says(self, rows: Rows) -> bool:
        """Compare the bytes; the hash in the certificate is looked at before."""
        stated, at = np.frombuffer(self.content, dtype=np.uint8), 0
        for right in rows.texts():
            if not np.array_equal(stated[at : at + len(right)], np.frombuffer(right, dtype=np.uint8)):
                return False
            at += len(right)
        return at == len(stated)

    def sha256(self) -> str:
        """Return the hash of the file."""
        return hashlib.sha256(self.content).hexdigest()

    def cells(self) -> Iterator[list[str]]:
        """Yield the cells of the rows after the header."""
        reader = self._reader()
        try:
            next(reader, None)
            yield from reader
        except (UnicodeDecodeError, csv.Error):
            return

    def check_form(self, findings: Findings) -> None:
        """Name what keeps the file from being one of rows."""
        number, reader = 0, self._reader()
        try:
            for number, row in enumerate(reader, start=1):
                if number == 1 and tuple(row) != COLUMNS:
                    findings.expect("allocation.csv", "the header", ",".join(row), ",".join(COLUMNS))
                elif len(row) != len(COLUMNS):
                    findings.add(
                        "allocation.csv",
                        "row {row} has {found} fields, not {right}",
                        row=number,
                        found=len(row),
                        right=len(COLUMNS),
                    )
        except (UnicodeDecodeError, csv.Error) as error:
            findings.add("allocation.csv", "row {row} is not CSV in UTF-8: {error}", row=number + 1, error=error)
        if not number:
            findings.add("allocation.csv", "it is empty")

    def _reader(self) -> Any:
        return csv.reader(io.TextIOWrapper(io.BytesIO(self.content), "utf-8", newline=""), strict=True)


def read_published(folder: Path, findings: Findings) -> PublishedFiles:
    """Read a result folder; what is wrong inside its files is a finding, a missing file is unreadable."""
    try:
        content = _mapped(folder / "allocation.csv")
        sealed = (folder / "certificate.json").read_bytes()
        others = {name: (folder / name).read_bytes() for name in _OTHER_FILES}
    except OSError as error:
        raise Unreadable(f"{folder}: not a result folder ({error.strerror}: {Path(error.filename).name})") from error
    try:
        certificate = json.loads(sealed)
    except ValueError as error:
        raise Unreadable(f"certificate.json: {error}") from error
    if not isinstance(certificate, dict):
        raise Unreadable("certificate.json: not a JSON object")
    published = PublishedFiles(content, certificate)
    hashes = {"allocation.csv": published.sha256()}
    hashes |= {name: hashlib.sha256(other).hexdigest() for name, other in others.items()}
    _check_seal(certificate, sealed, hashes, findings)
    right = hashes["allocation.csv"]
    check_result_hash(certificate, right, findings)
    return published


def check_result_hash(certificate: Mapping[str, Any], right: str, findings: Findings) -> None:
    """Check that the certificate is of these rows."""
    stated = certificate.get("result_sha256")
    if stated != right:
        findings.add(
            "certificate.json", "result_sha256 is {stated}, and that of the rows is {right}", stated=stated, right=right
        )


def _mapped(path: Path) -> bytes | mmap.mmap:
    with path.open("rb") as file:
        small = path.stat().st_size < ARROW_FROM_BYTES
        return file.read() if small else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _check_seal(certificate: dict[str, Any], sealed: bytes, hashes: dict[str, str], findings: Findings) -> None:
    unsealed = {key: value for key, value in certificate.items() if key != "certificate_sha256"}
    if _text(certificate) != sealed:
        findings.add("certificate.json", "it is not in the form in which it was written")
    own = hashlib.sha256(_text(unsealed)).hexdigest()
    if (stated_own := certificate.get("certificate_sha256")) != own:
        findings.add(
            "certificate.json",
            "changed after it was written: it states its own hash as {stated}, and it is {right}",
            stated=stated_own,
            right=own,
        )
    stated = certificate.get("files")
    if isinstance(stated, dict) and stated.keys() != hashes.keys():
        names = {"found": ", ".join(sorted(stated)), "right": ", ".join(sorted(hashes))}
        findings.add("certificate.json", "it has hashes of {found}, not of {right}", **names)
    for name, right in hashes.items():
        found = stated.get(name) if isinstance(stated, dict) else None
        if found != right:
            findings.add(
                name,
                "changed after it was written: certificate.json has the hash {stated}, and it is {right}",
                stated=found,
                right=right,
            )


def _text(certificate: dict[str, Any]) -> bytes:
    return (json.dumps(certificate, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
