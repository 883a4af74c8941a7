"""The console's ground: one shell, one look, for the screens that capabilities keep in their own folders.

Owns: the page frame, navigation as it is handed over, both languages, formats, macros, tables and their
exports, charts, the look. Knows no capability and no word of the trade.
Invariants: every text in both languages; no script or style inside a page; nothing fetched from outside.
"""

from server.kit.console.frame import Entry, Group
from server.kit.console.shell import (
    acts_of,
    error_page,
    fragment,
    install,
    local_path,
    name_trail,
    page,
    redirect,
    router,
    wants_page,
)
from server.kit.console.stopping import stopped
from server.kit.console.tables import Column, Filter, TableView, download
from server.kit.console.texts import N_, language_of, texts

__all__ = [
    "N_",
    "Column",
    "Entry",
    "Filter",
    "Group",
    "TableView",
    "acts_of",
    "download",
    "error_page",
    "fragment",
    "install",
    "language_of",
    "local_path",
    "name_trail",
    "page",
    "redirect",
    "router",
    "stopped",
    "texts",
    "wants_page",
]
