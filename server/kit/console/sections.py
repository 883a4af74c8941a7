"""Parts of a page about one thing, filled by the capabilities that know about it; wiring lists them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Section:
    """One part: a heading, and a template that gets what ``read`` returns.

    ``read`` is given the session, the name of the thing that the page is about, and the time in the distributor's
    zone; none leaves the part out. The template finds what it returns as ``part_of``. ``label`` is an ``N_`` text;
    parts stand by ``order``.
    """

    label: str
    template: str
    read: Callable[[Session, str, datetime], Mapping[str, Any] | None]
    order: int = 50
