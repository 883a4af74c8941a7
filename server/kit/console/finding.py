"""Going anywhere by a few letters: pages of the person's navigation, acts, and what capabilities let be found.

Capabilities register :class:`Findable` things in one table of the wiring; all of them are asked in one query. What
belongs to a room that the person's navigation does not have is not looked for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import Query, Request, Response
from sqlalchemy import Select, literal, select, union_all
from sqlalchemy.orm import Session

from contract.texts import translations
from server.kit import http
from server.kit.console.frame import Entry, Frame, Shell
from server.kit.console.shell import fragment, page
from server.kit.console.texts import N_, language_of

_PAGE, _ACT = N_("Page"), N_("Act")
EACH_MOST = 6
ASKED_MOST = 100
DIGITS_MOST = 9


@dataclass(frozen=True)
class Findable:
    """Things of one kind. ``label`` (an ``N_`` text) names the kind; ``room`` is the navigation's address of theirs.

    ``look`` returns a query of three texts (name, note, key), or none where what is asked cannot be one of them;
    ``href`` is an address in which ``{key}`` stands for the key.
    """

    label: str
    icon: str
    room: str
    href: str
    look: Callable[[str], Select[str, str, str] | None]


@dataclass(frozen=True)
class Act:
    """An act that can be begun from anywhere, by people with one of ``roles``; it belongs to a ``room``."""

    label: str
    href: str
    icon: str
    room: str
    roles: frozenset[str]


@dataclass(frozen=True)
class Found:
    """One thing that was found; ``kind`` and ``name`` are to be shown as they are."""

    kind: str
    name: str
    note: str
    href: str
    icon: str


finding = http.router("/console/find", tag="console", roles=(), shops="reads")


@finding.get("")
def find(request: Request, session: http.Db, q: Annotated[str, Query(max_length=ASKED_MOST)] = "") -> Response:
    """Show what fits a few letters: as a page, or as the list alone for the palette."""
    found = everything(request, session, q.strip())
    if "X-Palette" in request.headers:
        return fragment(request, "kit/found.html", asked=q.strip(), found=found)
    return page(request, "kit/find.html", asked=q.strip(), found=found)


def everything(request: Request, session: Session, asked: str) -> list[Found]:
    """Return what fits ``asked``: pages and acts first, by their names in either language; without it all pages."""
    shell: Shell = request.app.state.console
    frame = Frame(request, shell, language_of(request))
    rooms = [entry for group in frame.navigation for entry in group.entries]
    acts: Sequence[Act] = request.app.state.acts_to_begin
    open_rooms = {entry.href for entry in rooms}
    allowed = [one for one in acts if one.room in open_rooms and not one.roles.isdisjoint(frame.operator.roles)]
    gettext = frame.formats.texts.gettext
    found = [
        Found(gettext(kind), gettext(one.label), "", one.href, one.icon)
        for kind, several in ((_PAGE, rooms), (_ACT, allowed))
        for one in several
        if _fits(one, asked)
    ]
    kinds: Sequence[Findable] = request.app.state.findable
    return found + _things(session, [one for one in kinds if one.room in open_rooms], asked, gettext)


def number_asked(asked: str) -> int | None:
    """Return the number that was asked for, with or without its ``#``; none where it is no number."""
    digits = asked.removeprefix("#")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= DIGITS_MOST else None


def _things(session: Session, kinds: Sequence[Findable], asked: str, gettext: Callable[[str], str]) -> list[Found]:
    """Return what capabilities found, in the order of their table, by one query."""
    looked = [(at, one.look(asked)) for at, one in enumerate(kinds)] if asked else []
    parts = [
        select(literal(at).label("at"), *query.limit(EACH_MOST).subquery().c)
        for at, query in looked
        if query is not None
    ]
    if not parts:
        return []
    found = []
    for at, name, note, key in sorted(session.execute(union_all(*parts)), key=lambda row: row[0]):
        kind = kinds[at]
        href = kind.href.replace("{key}", quote(str(key), safe=""))
        found.append(Found(gettext(kind.label), name, note or "", href, kind.icon))
    return found


def _fits(one: Entry | Act, asked: str) -> bool:
    words = asked.casefold()
    return any(words in translations("server", language).gettext(one.label).casefold() for language in ("zh", "en"))
