"""The result as the checker sees it: the bytes of its rows, and the certificate."""

import csv
import hashlib
import io
import json
import mmap
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from allocation.result import Result
from allocation.verification.findings import Findings, Unreadable
from allocation.verification.given import Ints

COLUMNS: Final = ("retailer", "sku", "requested", "eligible", "granted", "share", "reason", "bound_by")
ARROW_FROM_BYTES: Final = 1 << 20
"""Below this size, rows are read before Arrow is imported."""

_OTHER_FILES: Final = ("report.json", "report.html")
WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
GRANTED: Final = COLUMNS.index("granted")


@dataclass(frozen=True, eq=False)
class Published:
    """The bytes of the rows with their header, their hash, and the certificate."""

    content: bytes | mmap.mmap
    sha256: str
    certificate: Mapping[str, Any]

    def granted(self) -> Ints | None:
        """Return the units granted row by row; None where a row does not have a whole number there."""
        if len(self.content) >= ARROW_FROM_BYTES:
            from allocation.verification.arrow_tables import read_granted  # noqa: PLC0415  # 0.2 s, for large results

            return read_granted(self.content)
        texts = [row[GRANTED] if len(row) == len(COLUMNS) else "" for _, row in self.rows()]
        if not all(WHOLE.fullmatch(text) and int(text) < 2**63 for text in texts):
            return None
        return np.array(list(map(int, texts)), dtype=np.int64)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows with their numbers, the header being 1; as far as they can be read at all."""
        reader = csv.reader(io.TextIOWrapper(io.BytesIO(self.content), "utf-8", newline=""), strict=True)
        try:
            for number, row in enumerate(reader, start=1):
                if number > 1:
                    yield number, row
        except (UnicodeDecodeError, csv.Error):
            return

    def check_form(self, findings: Findings) -> None:
        """Name what keeps the rows from being rows."""
        number, reader = 0, csv.reader(io.TextIOWrapper(io.BytesIO(self.content), "utf-8", newline=""), strict=True)
        try:
            for number, row in enumerate(reader, start=1):
                if number == 1 and tuple(row) != COLUMNS:
                    findings.expect("allocation.csv, row 1", "the header", ",".join(row), ",".join(COLUMNS))
                elif len(row) != len(COLUMNS):
                    findings.add(f"allocation.csv, row {number}", f"{len(row)} fields, not {len(COLUMNS)}")
        except (UnicodeDecodeError, csv.Error) as error:
            findings.add(f"allocation.csv, row {number + 1}", f"not CSV in UTF-8: {error}")
        if not number:
            findings.add("allocation.csv", "empty")


def published_by(result: Result) -> Published:
    """Take what a result would print."""
    return Published(result.csv_bytes, hashlib.sha256(result.csv_bytes).hexdigest(), result.certificate)


def read_published(folder: Path, findings: Findings) -> Published:
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
    sha256 = hashlib.sha256(content).hexdigest()
    hashes = {"allocation.csv": sha256} | {name: hashlib.sha256(other).hexdigest() for name, other in others.items()}
    _check_seal(certificate, sealed, hashes, findings)
    return Published(content, sha256, certificate)


def _mapped(path: Path) -> bytes | mmap.mmap:
    with path.open("rb") as file:
        small = path.stat().st_size < ARROW_FROM_BYTES
        return file.read() if small else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _check_seal(certificate: dict[str, Any], sealed: bytes, hashes: dict[str, str], findings: Findings) -> None:
    unsealed = {key: value for key, value in certificate.items() if key != "certificate_sha256"}
    if _text(certificate) != sealed:
        findings.add("certificate.json", "not in the form in which it was written")
    own = hashlib.sha256(_text(unsealed)).hexdigest()
    findings.expect("certificate.json", "its own hash", certificate.get("certificate_sha256"), own)
    stated = certificate.get("files")
    if isinstance(stated, dict) and stated.keys() != hashes.keys():
        findings.add("certificate.json", f"files are {sorted(stated)}, not {sorted(hashes)}")
    for name, right in hashes.items():
        found = stated.get(name) if isinstance(stated, dict) else None
        findings.expect(name, "the hash in certificate.json", found, right)


def _text(certificate: dict[str, Any]) -> bytes:
    return (json.dumps(certificate, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
