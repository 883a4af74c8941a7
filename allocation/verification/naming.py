"""Naming what is wrong in the rows, one by one, once it is known that something is."""

from allocation.verification.entitlement import chunks
from allocation.verification.findings import Findings
from allocation.verification.given import Given
from allocation.verification.published import GRANTED, WHOLE, Published
from allocation.verification.rows import COLUMNS, Rows


def name_wrong_cells(rows: Rows, published: Published, findings: Findings) -> None:
    """Name the cells that are not as they must be; the rows must be the requests, each once and in order."""
    wanted = (cells for part in chunks(len(rows.given)) for cells in rows.cells(part))
    for stated, right in zip(published.cells(), wanted, strict=True):
        if stated != list(right):
            for column, is_there, must_be in zip(COLUMNS, stated, right, strict=True):
                if is_there != must_be:
                    findings.add(
                        f"{right[0]}, {right[1]}",
                        "{column} is '{found}', not '{right}'",
                        column=column,
                        found=is_there,
                        right=must_be,
                    )


def name_wrong_rows(given: Given, published: Published, findings: Findings) -> bool:
    """Check that the rows are the requests, each once and in order; name those that are not."""
    found = findings.found
    published.check_form(findings)
    if findings.found > found:
        return False
    if _are_the_requests(given, published):
        return True
    rows = [(row[0], row[1]) for row in published.cells()]
    asked = list(map(given.names, range(len(given))))
    wanted, seen = set(asked), set()
    for row in rows:
        if row in seen:
            findings.add(", ".join(row), "stands in the result twice")
        elif row not in wanted:
            findings.add(", ".join(row), "is in the result, but was never requested")
        seen.add(row)
    for row in asked:
        if row not in seen:
            findings.add(", ".join(row), "was requested, but is not in the result")
    if seen == wanted and len(rows) == len(asked):
        first = next(i for i, row in enumerate(rows) if row != asked[i])
        findings.add(", ".join(rows[first]), "not in order: rows are sorted by retailer, then SKU")
    return False


def _are_the_requests(given: Given, published: Published) -> bool:
    lines = 0
    for line, row in enumerate(published.cells()):
        if line >= len(given) or given.names(line) != (row[0], row[1]):
            return False
        lines += 1
    return lines == len(given)


def refuse_part_numbers(published: Published, findings: Findings) -> None:
    """Name the rows whose grants are no whole numbers."""
    for row in published.cells():
        if len(row) == len(COLUMNS) and not WHOLE.fullmatch(row[GRANTED]):
            findings.add(f"{row[0]}, {row[1]}", "granted is '{found}', not a whole number", found=row[GRANTED])
