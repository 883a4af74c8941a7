"""Bringing files in: any list of records from any spreadsheet's CSV, with a mapping and a report on every row.

Owns: import reports, uploaded files that wait for a decision. Knows no word of the trade: a capability declares
a kit.records ``Kind``, wiring lists the kinds. Invariants: rows read = taken + refused; one transaction a file;
nothing is guessed unseen, no character is ever replaced, identifiers keep their bytes.
"""

from server.kit.imports.mapping import FieldMap, parse
from server.kit.imports.reading import Choices, FileRefused, read_sheet
from server.kit.imports.reports import Report
from server.kit.imports.running import Upload, bring, run

__all__ = [
    "Choices",
    "FieldMap",
    "FileRefused",
    "Report",
    "Upload",
    "bring",
    "parse",
    "read_sheet",
    "run",
]
