"""Results of a what-if as an archive: their lines and what explains them, read again for one retailer alone."""

import csv
import io
import json
import zipfile
from typing import Any, Final

import numpy as np

import allocation
from allocation.tables.texts import Coded

SIDES: Final = ("first", "second")


def add_result(archive: zipfile.ZipFile, side: str, result: allocation.Result) -> None:
    """Add a result's lines, and its certificate and report."""
    with archive.open(f"{side}.csv", "w") as lines:
        for chunk in result.csv_chunks():
            lines.write(chunk)
    facts = {"certificate": dict(result.certificate), "report": dict(result.report)}
    archive.writestr(f"{side}.json", json.dumps(facts, ensure_ascii=False))


def of_retailer(archive: zipfile.ZipFile, side: str, retailer: str) -> allocation.Result:
    """Return a stored result with the lines of one retailer alone."""
    rows = rows_of(archive.read(f"{side}.csv"), retailer)
    facts = json.loads(archive.read(f"{side}.json"))

    def texts(column: str) -> Coded[str]:
        return Coded.of(row[column] for row in rows)

    def numbers(column: str) -> Any:
        return np.array([int(row[column]) for row in rows], dtype=np.int64)

    return allocation.Result(
        texts("retailer"),
        texts("sku"),
        numbers("requested"),
        numbers("eligible"),
        numbers("granted"),
        texts("share"),
        texts("reason"),
        texts("bound_by"),
        facts["certificate"],
        facts["report"],
    )


def rows_of(content: bytes, retailer: str) -> list[dict[str, str]]:
    """Return the rows of one retailer, which stand together in a file sorted by retailer, its first column."""
    cell = io.StringIO()
    csv.writer(cell, lineterminator="").writerow([retailer, ""])
    needle = b"\n" + cell.getvalue().encode()
    first, last = content.find(needle), content.rfind(needle)
    heading = content[: content.index(b"\n") + 1]
    lines = heading + (content[first + 1 : content.index(b"\n", last + 1) + 1] if first >= 0 else b"")
    return list(csv.DictReader(io.StringIO(lines.decode(), newline="")))
