"""Dated things in the life of what a page is about, told by the capabilities that know of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, literal, select


@dataclass(frozen=True)
class Moments:
    """Dated things of one sort, for the timeline of what they happened to.

    ``read`` is given the name of the thing and returns a query of an instant and three texts: a key of ``words``, a
    note that is shown as it is, and a key that stands for ``{key}`` in the address ``href`` (empty: it leads nowhere).
    ``words`` are ``N_`` texts, said one after the other.
    """

    words: Mapping[str, tuple[str, ...]]
    href: str
    read: Callable[[str], Select[datetime, str, str, str]]


def moments(at: Any, word: Any, note: Any = "", key: Any = "") -> Select[datetime, str, str, str]:
    """Return a query of moments: an instant's column, and three columns or texts that stand for all its rows."""
    return select(at.label("at"), _text(word).label("word"), _text(note).label("note"), _text(key).label("key"))


def numbered(number: Any) -> ColumnElement[str]:
    """Return a number's column as people write it: ``#12``."""
    return literal("#").concat(cast(number, String))


def _text(value: Any) -> ColumnElement[str]:
    return literal(value, String) if isinstance(value, str) else cast(value, String)
