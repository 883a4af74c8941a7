"""Groups on screens: the list with how many each has, one group, and the form of a list or a query."""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final

from fastapi import File, Form, Query, Request, Response, UploadFile
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.texts import refusal_text
from server.devices.console import ROLES
from server.devices.http import KEEPERS
from server.fleet import groups, predicate, queries
from server.fleet.predicate import STATE_WORDS, SUBJECT_WORDS, Relation, Subject
from server.kit import console, http
from server.kit.console.texts import N_, language_of, texts
from server.kit.fields import Invalid, Reason, Unfit

PLACE: Final = "/console/devices/groups"
SHOWN: Final = 20
KNOWN_SHOWN: Final = 12
HEADINGS: Final = frozenset({"device", "terminal", "id", "retailer", "终端", "零售户", "客户编码"})
FILE_LARGE = Reason("file_large", N_("The file is larger than {most} kB."))
NOT_UTF8 = Reason("not_utf8", N_("The file is no text in UTF-8. Save it anew as CSV in UTF-8."))
FILE_MOST: Final = 1_000_000

reading = http.router(PLACE, tag="console", roles=ROLES, shops="all")
keeping = http.router(PLACE, tag="console", roles=KEEPERS)

Name = Annotated[str, Query(max_length=200)]
Short = Annotated[str, Form(max_length=400)]
FIELDS: Final = (
    *("name", "about", "kind", "seen", "named", "rule"),
    *predicate.SUBJECTS,
    *(f"how-{one}" for one in predicate.SUBJECTS),
)
HOW_WORDS: Final[Mapping[Relation, str]] = {
    "is": N_("is"),
    "is not": N_("is not"),
    "below": N_("is below"),
    "at least": N_("is at least"),
}


@reading.get("")
def list_groups(request: Request, session: http.Db, clock: http.Now, operator: http.Person) -> Response:
    """List the groups with how many terminals each has now."""
    found = groups.counted(session, at=clock())
    gettext = texts(request).gettext
    return console.page(
        request,
        "fleet/groups.html",
        groups=found,
        sentences={one.name: predicate.sentences(one.conditions, gettext) for one in found},
        keeping=operator.may(*KEEPERS) and not operator.bounded,
    )


@keeping.get("/edit")
def edit_group(request: Request, session: http.Db, clock: http.Now, name: Name = "", kind: Name = "") -> Response:
    """Show the form of a group, of a new one without a name."""
    if not name:
        return _form(request, session, clock, {"kind": "list" if kind == "list" else "query"})
    found = groups.group(session, name)
    if found is None:
        raise Rejected("not_found", what="group of terminals", name=name)
    typed = {"name": name, "about": found.about, "kind": found.kind, "seen": str(found.revision)}
    if found.kind == "list":
        typed["named"] = "\n".join(groups.listed_devices(session, name))
    else:
        typed |= predicate.fill_form(found.conditions) or {"rule": found.rule or ""}
    return _form(request, session, clock, typed)


@keeping.post("/edit")
def write_group(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    kind: Annotated[groups.Kind, Form()],
    name: Short = "",
    about: Short = "",
    seen: Annotated[int | None, Form(ge=0)] = None,
    named: Annotated[str, Form(max_length=500_000)] = "",
    rule: Annotated[str, Form(max_length=predicate.LENGTH_MOST * 2)] = "",
    act: Short = "",
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Keep a group, or show whom it would have."""
    given = {key: str(value) for key, value in request.state.typed.items() if isinstance(value, str)}
    words = rule or predicate.of_form(given)
    typed = {**given, "kind": kind}
    if act == "preview":
        return _form(request, session, clock, typed, preview=words)
    try:
        listed = dict.fromkeys((*_listed(named), *_first_column(file)))
        wanted = groups.Wanted(name, kind, words, list(listed), about)
        kept = groups.write_group(session, wanted, operator, at=clock(), seen=seen)
    except Invalid as refused:
        session.rollback()
        gettext = texts(request).gettext
        errors = {field: unfit.sentence(gettext) for field, unfit in refused.problems.items()}
        return _form(request, session, clock, typed, errors=errors)
    except Conflict as conflict:
        session.rollback()
        said = refusal_text(conflict.code, conflict.params, language_of(request))
        return _form(request, session, clock, typed, errors={"name": said})
    said = texts(request).gettext("The group %(name)s is kept.") % {"name": kept.name}
    return console.redirect(request, PLACE, flash=said)


@keeping.post("/remove")
def remove_group(request: Request, session: http.Db, clock: http.Now, operator: http.Person, name: Short) -> Response:
    """Take a group away."""
    groups.remove_group(session, name, operator, at=clock())
    said = texts(request).gettext("The group is gone; its terminals stay as they are.")
    return console.redirect(request, PLACE, flash=said)


def _form(
    request: Request,
    session: Session,
    clock: http.Now,
    typed: Mapping[str, str],
    *,
    errors: Mapping[str, str] | None = None,
    preview: str | None = None,
) -> Response:
    now, gettext = clock(), texts(request).gettext
    faults = dict(errors or {})
    found: list[queries.Row] = []
    total, sentences = 0, []
    if preview is not None:
        try:
            conditions = predicate.read(preview)
            found, total = queries.search(session, at=now, conditions=conditions, limit=SHOWN)
            sentences = predicate.sentences(conditions, gettext)
        except Unfit as unfit:
            faults["rule"] = unfit.sentence(gettext)
    return console.page(
        request,
        "fleet/group_form.html",
        status_code=422 if faults else 200,
        typed={**dict.fromkeys(FIELDS, ""), **typed},
        errors=faults,
        subjects=[(one, gettext(SUBJECT_WORDS[one])) for one in predicate.SUBJECTS],
        hows={one: _hows(one) for one in predicate.SUBJECTS},
        known=_known(session, clock, gettext),
        previewed=preview is not None and not faults,
        rows=found,
        total=total,
        sentences=sentences,
        state_words=STATE_WORDS,
    )


def _hows(subject: Subject) -> list[tuple[str, str]]:
    relations: tuple[Relation, ...] = ("is", "is not")
    if subject in predicate.ORDERED:
        relations += ("below", "at least")
    return [(one, HOW_WORDS[one]) for one in relations]


def _known(session: Session, clock: http.Now, gettext: Callable[[str], str]) -> dict[Subject, Sequence[str]]:
    """Return values that some terminal has, as examples beside the fields; fixed ones with what they mean."""
    found = queries.choices(session, at=clock())
    return {
        "region": found.regions[:KNOWN_SHOWN],
        "route": found.routes[:KNOWN_SHOWN],
        "model": found.models[:KNOWN_SHOWN],
        "version": found.versions[-KNOWN_SHOWN:],
        "ring": [_with_words(one, gettext(predicate.RING_WORDS[one])) for one in predicate.RINGS],
        "state": [_with_words(one, gettext(predicate.STATE_WORDS[one])) for one in predicate.STATES],
        "tag": found.tags[:KNOWN_SHOWN],
    }


def _with_words(value: str, words: str) -> str:
    return value if value == words else f"{value} ({words})"


def _listed(text: str) -> list[str]:
    return [one for one in re.split(r"[\s,;，；、]+", text) if one]


def _first_column(file: UploadFile | None) -> list[str]:
    """Return what stands in the first column of a CSV file; a heading that names the column is left out.

    Raises
    ------
    Rejected
        ``invalid``: the file is too large, or no text in UTF-8.
    """
    if file is None or not file.filename:
        return []
    data = file.file.read(FILE_MOST + 1)
    if len(data) > FILE_MOST:
        raise Invalid({"file": Unfit(FILE_LARGE, most=FILE_MOST // 1000)})
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid({"file": Unfit(NOT_UTF8)}) from None
    rows = [row[0].strip() for row in csv.reader(io.StringIO(text)) if row and row[0].strip()]
    return rows[1:] if rows and rows[0].casefold() in HEADINGS else rows
