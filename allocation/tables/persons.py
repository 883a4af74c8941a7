"""Decisions of persons in tables: each names why, who decided it, and the second person who approved it."""

import unicodedata
from typing import Final

from allocation.tables.columns import RawTable
from allocation.tables.texts import Coded

PERSONS: Final = ("reason", "author", "approver")


def read_persons(raw: RawTable) -> dict[str, Coded[str]]:
    """Return the columns reason, author and approver.

    Raises
    ------
    InputError
        For an empty text, one with a control character, or one person alone.
    """
    texts = {column: raw.texts(column) for column in PERSONS}
    for column, cells in texts.items():
        for index, cell in enumerate(cells):
            if not cell.strip():
                raw.refuse(index, column, "a manual decision says who decided it, who approved it and why; fill it in")
            if any(unicodedata.category(c) == "Cc" and not c.isspace() for c in cell):
                raw.refuse(index, column, "the text holds a control character; type it again")
    for index, two in enumerate(zip(texts["author"], texts["approver"], strict=True)):
        if len(set(map(_person, two))) == 1:
            raw.refuse(index, "approver", "the author may not approve his own decision; a second person does")
    return texts


def _person(name: str) -> str:
    """Return what makes two writings of a person's name the same."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
