"""The result as the checker sees it: the printed cells and the certificate."""

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from allocation.result import Result
from allocation.verification.findings import Findings, Unreadable

COLUMNS: Final = ("retailer", "sku", "requested", "eligible", "granted", "share", "reason", "bound_by")
_OTHER_FILES: Final = ("report.json", "report.html")


@dataclass(frozen=True, eq=False)
class Published:
    """Printed columns by name, the hash of their bytes, and the certificate."""

    columns: Mapping[str, Sequence[str]]
    sha256: str
    certificate: Mapping[str, Any]


def published_by(result: Result) -> Published:
    """Take what a result would print."""
    return Published(result.columns, hashlib.sha256(result.csv_bytes).hexdigest(), result.certificate)


def read_published(folder: Path, findings: Findings) -> Published:
    """Read a result folder; what is wrong inside its files is a finding, a missing file is unreadable."""
    try:
        content = (folder / "allocation.csv").read_bytes()
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
    _check_seal(certificate, sealed, {"allocation.csv": content, **others}, findings)
    return Published(_cells(content, findings), hashlib.sha256(content).hexdigest(), certificate)


def _check_seal(certificate: dict[str, Any], sealed: bytes, files: dict[str, bytes], findings: Findings) -> None:
    unsealed = {key: value for key, value in certificate.items() if key != "certificate_sha256"}
    if _text(certificate) != sealed:
        findings.add("certificate.json", "not in the form in which it was written")
    own = hashlib.sha256(_text(unsealed)).hexdigest()
    findings.expect("certificate.json", "its own hash", certificate.get("certificate_sha256"), own)
    stated = certificate.get("files")
    for name, content in files.items():
        found = stated.get(name) if isinstance(stated, dict) else None
        findings.expect(name, "the hash in certificate.json", found, hashlib.sha256(content).hexdigest())


def _text(certificate: dict[str, Any]) -> bytes:
    return (json.dumps(certificate, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _cells(content: bytes, findings: Findings) -> dict[str, list[str]]:
    try:
        rows = list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        findings.add("allocation.csv", f"not CSV in UTF-8: {error}")
        rows = []
    header = tuple(rows[0]) if rows else ()
    if header != COLUMNS:
        findings.expect("allocation.csv, row 1", "the header", ",".join(header), ",".join(COLUMNS))
        rows = []
    kept = []
    for number, row in enumerate(rows[1:], start=2):
        if len(row) == len(COLUMNS):
            kept.append(row)
        else:
            findings.add(f"allocation.csv, row {number}", f"{len(row)} fields, not {len(COLUMNS)}")
    return {name: [row[i] for row in kept] for i, name in enumerate(COLUMNS)}
