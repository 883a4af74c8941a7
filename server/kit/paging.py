"""Lists in pages by an opaque cursor: the next page begins after the last row of this one, whatever came in between.

A list is ordered by a key that no two rows share and that a row keeps. The cursor holds the key of the last row that
was given and the list that it belongs to: no row is skipped or given twice, however many come in meanwhile. Where more
is left, the answer says where: the header ``Link`` (RFC 8288, ``rel="next"``), and ``next`` in a body that is an
object.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import Field

from contract.errors import Rejected

LINK: Final = "Link"
MOST: Final = 1000
USUAL: Final = 100
CURSOR_MOST: Final = 1000
Key = str | int
Row = TypeVar("Row")


@dataclass(frozen=True)
class Page:
    """What a program asked for: at most ``limit`` rows after the one whose key is ``after``; none: from the first."""

    request: Request
    response: Response
    limit: int
    after: tuple[Key, ...] | None

    @property
    def one_more(self) -> int:
        """How many rows to look for: one beyond the page tells whether there is another."""
        return self.limit + 1

    def key(self, *kinds: type) -> Any:
        """Return the key after which to begin: one value, or a tuple of several; none at the beginning.

        ``kinds`` are what its values are: texts, numbers, days, instants, ids.

        Raises
        ------
        Rejected
            ``malformed`` where the cursor holds something else.
        """
        if self.after is None:
            return None
        if len(self.after) != len(kinds):
            raise _unknown()
        values = tuple(_value(held, kind) for held, kind in zip(self.after, kinds, strict=True))
        return values if len(values) > 1 else values[0]

    def cut(self, found: Sequence[Row], key: Callable[[Row], tuple[Any, ...]]) -> tuple[list[Row], str | None]:
        """Return the rows of this page and the cursor of the next, which stands in the header ``Link`` as well."""
        rows = list(found[: self.limit])
        if len(found) <= self.limit:
            return rows, None
        return rows, self._go_on(key(rows[-1]))

    def rows(self, found: Sequence[Row], key: Callable[[Row], tuple[Any, ...]]) -> list[Row]:
        """Return the rows of this page, as :meth:`cut` does, where the body has no place for the cursor."""
        return self.cut(found, key)[0]

    def of_fixed(self, find: Callable[[int, int], Sequence[Row]]) -> list[Row]:
        """Return the rows of this page of a list that never changes again; ``find`` takes offset and limit."""
        begins: int = self.key(int) or 0
        if begins < 0:
            raise _unknown()
        found = find(begins, self.one_more)
        if len(found) > self.limit:
            self._go_on((begins + self.limit,))
        return list(found[: self.limit])

    def _go_on(self, key: tuple[Any, ...]) -> str:
        cursor = write(self.request.url.path, key)
        address = self.request.url.include_query_params(cursor=cursor)
        self.response.headers[LINK] = f'<{address.path}?{address.query}>; rel="next"'
        return cursor


def write(place: str, key: tuple[Any, ...]) -> str:
    """Return the cursor of the row with ``key`` in the list at ``place``."""
    held = [one.isoformat() if isinstance(one, date) else str(one) if isinstance(one, UUID) else one for one in key]
    return base64.urlsafe_b64encode(json.dumps([place, *held]).encode()).decode().rstrip("=")


def read(place: str, cursor: str) -> tuple[Key, ...]:
    """Return the key that a cursor of the list at ``place`` holds.

    Raises
    ------
    Rejected
        ``malformed`` for what is no cursor of this list.
    """
    try:
        told = json.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        json.dumps(told, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise _unknown() from None
    if not isinstance(told, list) or told[:1] != [place] or not all(type(one) in {str, int} for one in told[1:]):
        raise _unknown()
    return tuple(told[1:])


def _value(held: Key, kind: type) -> Any:
    try:
        if kind is datetime and isinstance(held, str) and (at := datetime.fromisoformat(held)).tzinfo is not None:
            return at
        if kind is date and isinstance(held, str):
            return date.fromisoformat(held)
        if kind is UUID and isinstance(held, str):
            return UUID(held)
    except ValueError:
        raise _unknown() from None
    if type(held) is not kind:
        raise _unknown()
    return held


def _unknown() -> Rejected:
    return Rejected("malformed", where="cursor", what="no cursor")


def _page(
    request: Request,
    response: Response,
    cursor: Annotated[
        str | None, Query(max_length=CURSOR_MOST, description="where the page before ended, as its answer said")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MOST, description="rows of a page at most")] = USUAL,
) -> Page:
    return Page(request, response, limit, None if cursor is None else read(request.url.path, cursor))


Paged = Annotated[Page, Depends(_page)]
Next = Annotated[str | None, Field(description="the cursor of the next page; null where this is the last")]
