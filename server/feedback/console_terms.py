"""The screen of what is promised: working time, hours by category, owners, chains, reopening; its versions."""

from collections.abc import Mapping
from time import strptime
from typing import Annotated, Any

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Refusal, Rejected
from server.feedback import rules, setting, terms
from server.feedback.console import HOME, sentence
from server.feedback.words import CATEGORIES
from server.kit import console, http
from server.kit.changing import ChangedMeanwhileError
from server.kit.console.texts import texts
from server.operators import queries as operators

PLACE = f"{HOME}/terms"

promised = http.router(PLACE, tag="console", roles=("administrator", "auditor"))
KEEPING = [Depends(http.needs("administrator"))]


@promised.get("")
def show_terms(request: Request, session: http.Db) -> Response:
    """Show what is promised, the form that changes it, and its versions."""
    return _page(request, session)


@promised.post("", dependencies=KEEPING)
def set_terms(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    seen: Annotated[int, Form(ge=0)],
) -> Response:
    """Set what is promised from now on, where nobody has set it since the form was opened."""
    try:
        zone, body = _read(request.state.typed)
        setting.set_terms(session, setting.made(zone, body), zone, operator, at=clock(), seen=seen)
    except ChangedMeanwhileError:
        raise
    except Refusal as refused:
        session.rollback()
        return _page(request, session, sentence(request, refused))
    said = texts(request).gettext("It holds from now on. What came before keeps its deadline.")
    return console.redirect(request, PLACE, flash=said)


def _read(typed: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    body = {
        "opens": _clock(typed.get("opens", "")),
        "closes": _clock(typed.get("closes", "")),
        "holidays": sorted(day.isoformat() for day in terms.days(typed.get("holidays", ""))),
        "worked": sorted(day.isoformat() for day in terms.days(typed.get("worked", ""))),
        "hours": {name: _whole(typed.get(f"hours_{name}", "")) for name in terms.CATEGORIES},
        "owners": {name: owner for name in terms.CATEGORIES if (owner := typed.get(f"owner_{name}", ""))},
        "chains": {name: _names(typed.get(f"chain_{name}", "")) for name in terms.CATEGORIES},
        "step_hours": _whole(typed.get("step_hours", "")),
        "reopen_days": _whole(typed.get("reopen_days", "")),
        "reopens_most": _whole(typed.get("reopens_most", "")),
    }
    return typed.get("zone", "").strip(), body


def _names(text: str) -> list[str]:
    return [name for part in text.replace("，", ",").split(",") if (name := part.strip())]


def _whole(text: str) -> int:
    if not text.strip().isascii() or not text.strip().isdigit():
        raise Rejected("malformed", where="hours", what=text[:20])
    return int(text.strip()[:6])


def _clock(text: str) -> str:
    try:
        read = strptime(text.strip(), "%H:%M")
    except ValueError:
        raise Rejected("malformed", where="time", what=text[:20]) from None
    return f"{read.tm_hour:02}:{read.tm_min:02}"


def _page(request: Request, session: Session, said: str = "") -> Response:
    held = setting.in_force(session)
    versions = setting.versions(session)
    zone = str(held.calendar.zone) if held.version else http.runtime_of(request).settings.zone
    return console.page(
        request,
        "feedback/terms.html",
        status_code=422 if said else 200,
        said=said,
        typed=getattr(request.state, "typed", {}) if said else {},
        held=terms.written(held),
        zone=zone,
        version=held.version,
        versions=versions,
        people=operators.names_with(session, rules.ACTORS),
        categories=CATEGORIES,
    )
