"""Lists: what a person asked to see of one, and how a list is taken away as a file.

A screen declares its columns once; the page, the CSV and the XLSX are all written from them::

    COLUMNS = (Column("code", N_("Code"), "identifier"), Column("asked_units", N_("Asked"), "units"))

    view = TableView.of(request, COLUMNS, filters=FILTERS, sort="code")
    if view.format:
        return download(request, COLUMNS, queries.every_line(db, view), name="lines")
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, islice
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from contract.errors import Rejected
from server.kit import admission, sheets
from server.kit.console import texts

Kind = Literal["text", "identifier", "number", "units", "money", "percent", "instant", "date", "actor"]
RIGHT: frozenset[str] = frozenset({"number", "units", "money", "percent"})
PER_PAGE = 50
PER_PAGE_MOST = 500
SEARCH_MOST = 128
WORKBOOK_ROWS_MOST = 200_000
"""Of a workbook, which is held whole while it is made; a CSV may be as long as the list."""
PARTS_WHOLE = 3
"""A CSV of fewer parts is answered at once, with its length."""
CSV_TYPE = "text/csv; charset=utf-8"
FORMATS = ("csv", "xlsx", "parquet")
COLUMNS_KEY = "columns"
"""The parameter of an address, and the cookie of a list's address, that name the columns to show."""


@dataclass(frozen=True)
class Column:
    """One column: the row's attribute or key, its heading (an ``N_`` text) and what its values are.

    ``identifier`` is text whose every character counts; ``money`` is an integer of minor units; ``percent`` is
    a fraction; ``instant`` is an aware datetime; ``actor`` is who did it, as the audit has it. ``read`` replaces the
    look-up of ``key``.
    """

    key: str
    label: str
    kind: Kind = "text"
    sortable: bool = True
    read: Callable[[Any], Any] | None = None

    @property
    def side(self) -> str:
        """The CSS class: figures stand on the right."""
        return "figures-column" if self.kind in RIGHT else ""

    def value(self, row: Any) -> Any:
        """Return this column's value in ``row``."""
        if self.read is not None:
            return self.read(row)
        return row[self.key] if isinstance(row, Mapping) else getattr(row, self.key)


@dataclass(frozen=True)
class Filter:
    """A choice above a list; ``options`` are (value, label), labels are ``N_`` texts unless ``translate`` is off.

    A ``day`` has no options: it takes any date, written as ISO 8601 has it.
    """

    key: str
    label: str
    options: Sequence[tuple[str, str]] = ()
    translate: bool = True
    day: bool = False

    def takes(self, value: str) -> bool:
        """Return whether a value from an address is one that can be chosen."""
        return _is_day(value) if self.day else value in {one for one, _ in self.options}


@dataclass(frozen=True)
class TableView:
    """What a person asked to see of a list; all of it stands in the address.

    ``chosen`` are the keys of the columns to show, none for all of them. Where the address says nothing of them, what
    the person chose last on this list counts; ``chosen_now`` is whether the address did.
    """

    path: str
    search: str = ""
    sort: str = ""
    descending: bool = False
    page: int = 1
    per_page: int = PER_PAGE
    filters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    format: Literal["", "csv", "xlsx", "parquet"] = ""
    default_sort: str = ""
    chosen: tuple[str, ...] = ()
    chosen_now: bool = False

    @classmethod
    def of(
        cls,
        request: Request,
        columns: Sequence[Column],
        *,
        filters: Sequence[Filter] = (),
        sort: str = "",
        per_page: int = PER_PAGE,
    ) -> "TableView":
        """Read the view from the request's address; ``sort`` is the order without a choice (``-key`` descends).

        An address is typed and shared by people: what it names and the list does not know is left out.
        """
        query = request.query_params
        known = {column.key for column in columns if column.sortable}
        chosen = query.get("sort", "")
        if chosen.removeprefix("-") not in known:
            chosen = sort
        kept = {one.key: query[one.key] for one in filters if one.takes(query.get(one.key, ""))}
        wanted = query.get("format", "")
        of_list, _, kept_columns = request.cookies.get(COLUMNS_KEY, "").partition(":")
        asked = query.getlist(COLUMNS_KEY) or ([kept_columns] if of_list == request.url.path else [])
        return cls(
            path=request.url.path,
            search=query.get("q", "").strip()[:SEARCH_MOST],
            sort=chosen.removeprefix("-"),
            descending=chosen.startswith("-"),
            page=_whole(query.get("page"), 1, most=1_000_000),
            per_page=_whole(query.get("per_page"), per_page, most=PER_PAGE_MOST),
            filters=MappingProxyType(kept),
            format=wanted if wanted in FORMATS else "",  # type: ignore[arg-type] # one of them
            default_sort=sort,
            chosen=_chosen(columns, asked),
            chosen_now=COLUMNS_KEY in query,
        )

    def shown(self, columns: Sequence[Column]) -> list[Column]:
        """Return those of ``columns`` that are to be shown; the first, which names the row, always."""
        return [one for at, one in enumerate(columns) if not self.chosen or at == 0 or one.key in self.chosen]

    @property
    def offset(self) -> int:
        """How many rows stand before this page."""
        return (self.page - 1) * self.per_page

    @property
    def narrowed(self) -> bool:
        """Whether a search or a filter hides rows."""
        return bool(self.search or self.filters)

    @property
    def sort_text(self) -> str:
        """The order as the address writes it."""
        return ("-" if self.descending else "") + self.sort

    def pages(self, total: int) -> int:
        """Return how many pages ``total`` rows fill; at least one."""
        return max(1, -(-total // self.per_page))

    def url(self, **changes: str | int | None) -> str:
        """Return the address of this view with ``changes``; ``None`` takes a parameter away."""
        asked: dict[str, str | int | None] = {
            "q": self.search or None,
            **self.filters,
            "sort": self.sort_text if self.sort_text != self.default_sort else None,
            "per_page": self.per_page if self.per_page != PER_PAGE else None,
            "page": self.page if self.page > 1 else None,
            COLUMNS_KEY: ".".join(self.chosen) or None,
            **changes,
        }
        query = {key: value for key, value in asked.items() if value is not None}
        return f"{self.path}?{urlencode(query)}" if query else self.path

    def sorted_by(self, key: str) -> str:
        """Return the address that sorts by ``key``; a second time turns the order round."""
        turned = key == self.sort and not self.descending
        return self.url(sort=("-" if turned else "") + key, page=None)


def _chosen(columns: Sequence[Column], asked: Sequence[str]) -> tuple[str, ...]:
    """Return the keys that were asked for and exist, in the order of the columns; none where that is all or nothing."""
    named = {key for part in asked for key in part[:2000].split(".")}
    known = tuple(column.key for column in columns if column.key in named)
    return () if len(known) == len(columns) else known


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _whole(text: str | None, otherwise: int, *, most: int) -> int:
    """Return a positive whole number of an address, or ``otherwise``."""
    if text is None or not text.isascii() or not text.isdigit():
        return otherwise
    return min(max(int(text[:9]), 1), most)


def download(
    request: Request,
    columns: Sequence[Column],
    rows: Iterable[Any],
    *,
    name: str,
    format: Literal["csv", "xlsx"] | None = None,  # noqa: A002 - the word of the address
) -> Response:
    """Return all ``rows`` as a file; without ``format`` the address's ``format`` decides (CSV if it is silent).

    A long CSV goes out while ``rows`` are read, however many there are; the request keeps its place among those that
    are worked on to the end. A workbook is made whole. Headings are written in the request's language. See
    :mod:`server.kit.sheets` for what a file holds.

    Raises
    ------
    Rejected
        ``list_too_long``: more than :data:`WORKBOOK_ROWS_MOST` rows for a workbook.
    """
    gettext = texts.texts(request).gettext
    asked = request.query_params.get("format", "")
    wanted = format or (asked if asked in FORMATS else "csv")
    sheet = sheets.Sheet(
        headings=tuple(gettext(column.label) for column in columns),
        kinds=tuple(column.kind for column in columns),
        rows=([column.value(row) for column in columns] for row in (_bounded(rows) if wanted == "xlsx" else rows)),
        currency=request.app.state.console.currency,
    )
    headers = {
        "Content-Disposition": f'attachment; filename="{name}.{wanted}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    if wanted == "parquet":
        from server.kit import parquets  # noqa: PLC0415 - takes a moment to import, and few ask for it

        try:
            content = parquets.parquet(sheet, [column.key for column in columns])
            return Response(content, media_type=parquets.MEDIA, headers=headers)
        finally:
            _close(rows)
    if wanted == "xlsx":
        from server.kit import workbooks  # noqa: PLC0415 - takes half a second to import, and few ask for it

        try:
            return Response(workbooks.xlsx(sheet), media_type=workbooks.XLSX_TYPE, headers=headers)
        finally:
            _close(rows)
    parts = sheets.csv_parts(sheet)
    begun = list(islice(parts, PARTS_WHOLE))
    if len(begun) < PARTS_WHOLE:
        return Response(b"".join(begun), media_type=CSV_TYPE, headers=headers)
    request.scope[admission.KEPT] = True
    return StreamingResponse(chain(begun, parts), media_type=CSV_TYPE, headers=headers)


def _close(rows: Iterable[Any]) -> None:
    """End a generator that was not read to its end, and with it the cursor that it reads from."""
    if isinstance(rows, Generator):
        rows.close()


def _bounded(rows: Iterable[Any]) -> Iterator[Any]:
    for number, row in enumerate(rows, start=1):
        if number > WORKBOOK_ROWS_MOST:
            raise Rejected("list_too_long", most=WORKBOOK_ROWS_MOST)
        yield row
