"""What can be done with a file about a licence. Nothing here commits.

Each step is a row for ever; the licence itself changes when a file is granted or signed, and at no other step.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.ids import uuid7
from server.kit import audit, records
from server.kit.fields import Code, Field, Text, require
from server.kit.identity import Operator
from server.kit.marking import N_
from server.licences import rules, service
from server.licences.fields import LICENCES
from server.licences.models import FileRow, StepRow
from server.retailers import queries as retailers

WORDS_MOST = 1_000
WORDS = (Field("words", N_("Reason"), Text(WORDS_MOST)),)
ENTRY = (
    Field("licence_class", N_("Class"), Code()),
    Field("document", N_("Document"), Text(100, needed=False)),
    Field("words", N_("Reason"), Text(WORDS_MOST)),
)


@dataclass(frozen=True)
class Entry:
    """A file to be opened: ``licence_number`` is empty for an application, ``document`` the number of its paper."""

    retailer: str
    licence_class: str
    matter: rules.Matter
    licence_number: str = ""
    document: str = ""


@dataclass(frozen=True)
class Granted:
    """The licence that an application or a renewal ends in, first and last day included."""

    number: str
    valid_from: date
    valid_until: date


def enter_file(session: Session, entry: Entry, words: str, operator: Operator, *, at: datetime, zone: tzinfo) -> int:
    """Open a file, with what it is about in words; return its number.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``not_allowed``; ``not_found`` for the shop or the licence; ``wrong_state`` where the licence stands
        otherwise; ``licence_file_open`` where one about it is open already; what does not fit.
    """
    if not operator.may(*rules.INSPECTORS):
        raise Rejected("not_allowed", role=" / ".join(rules.INSPECTORS))
    number = "" if entry.matter == "application" else entry.licence_number
    require(ENTRY, {"licence_class": entry.licence_class, "document": entry.document.strip(), "words": words.strip()})
    if not retailers.known(session, [entry.retailer]):
        raise Rejected("not_found", what="retailer", name=entry.retailer)
    _check_licence(session, entry.matter, entry.retailer, entry.licence_class, number)
    found = session.scalar(
        select(FileRow.number).where(
            FileRow.retailer == entry.retailer,
            FileRow.licence_class == entry.licence_class,
            FileRow.licence_number == number,
            FileRow.due_on.is_not(None),
        )
    )
    if found is not None:
        raise Rejected("licence_file_open", number=found)
    state = rules.begins(entry.matter)
    row = FileRow(
        id=uuid7(),
        retailer=entry.retailer,
        licence_class=entry.licence_class,
        licence_number=number,
        matter=entry.matter,
        state=state,
        document=entry.document.strip(),
        reason=words.strip(),
        entered_by=operator.name,
        entered_at=at,
        due_on=rules.due_on(state, at.astimezone(zone).date()),
    )
    session.add(row)
    session.flush()
    _note(session, row, "entered", words, operator, at)
    return row.number


def inspect(session: Session, number: int, findings: str, operator: Operator, *, at: datetime, zone: tzinfo) -> None:
    """Write down what an inspection found. Raises as :func:`grant` does."""
    row = _moved(session, number, "inspected", operator, at)
    row.inspected_by = operator.name
    entered = row.entered_at.astimezone(zone).date()
    row.due_on = rules.due_on("inspected", entered)
    _note(session, row, "inspected", findings, operator, at)


def grant(session: Session, number: int, granted: Granted, words: str, operator: Operator, *, at: datetime) -> None:
    """Grant what was asked for, as the second person; the licence is written, and the shop is told.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``not_found``; ``wrong_state``; ``not_allowed``; ``same_person``; ``already_exists`` where an application
        names a licence that there is; no words, or a licence that does not fit.
    """
    row = _moved(session, number, "granted", operator, at)
    key = (row.retailer, row.licence_class, granted.number)
    known = records.existing(session, LICENCES, [key], lock=True).get(key)
    if row.matter == "application" and known is not None:
        raise Rejected("already_exists", what="licence", name=" / ".join(key))
    licence = {
        "retailer": row.retailer,
        "licence_class": row.licence_class,
        "number": granted.number,
        "valid_from": granted.valid_from if known is None else min(granted.valid_from, known["valid_from"]),
        "valid_until": granted.valid_until,
        "state": "valid" if known is None else known["state"],
        "state_reason": None if known is None else known["state_reason"],
    }
    service.save_licence(session, licence, operator.actor, at=at)
    row.licence_number = granted.number
    _note(session, row, "granted", words, operator, at)


def refuse(session: Session, number: int, words: str, operator: Operator, *, at: datetime) -> None:
    """Refuse what was asked for, as the second person. Raises as :func:`grant` does."""
    row = _moved(session, number, "refused", operator, at)
    _note(session, row, "refused", words, operator, at)


def sign(
    session: Session, number: int, words: str, operator: Operator, *, at: datetime, seen: Mapping[str, Any]
) -> None:
    """Let a suspension, a restoration or a cancellation have its effect, as the second person; the shop is told.

    Parameters
    ----------
    seen
        What the person was shown of what is affected; it stays with the step.

    Raises
    ------
    Rejected, Conflict, Invalid
        As :func:`grant`; ``wrong_state`` too where the licence has changed meanwhile.
    """
    row = _moved(session, number, "signed", operator, at)
    matter = cast("rules.Matter", row.matter)
    _check_licence(session, matter, row.retailer, row.licence_class, row.licence_number)
    key = (row.retailer, row.licence_class, row.licence_number)
    after = rules.LICENCE_AFTER[matter]
    service.set_state(session, key, after, row.reason, operator.actor, at=at)
    _note(session, row, "signed", words, operator, at, seen)


def withdraw(session: Session, number: int, words: str, operator: Operator, *, at: datetime) -> None:
    """Close a file without a decision; it stays in the list. Raises as :func:`grant` does."""
    row = _moved(session, number, "withdrawn", operator, at)
    _note(session, row, "withdrawn", words, operator, at)


def _moved(session: Session, number: int, step: rules.Step, operator: Operator, at: datetime) -> FileRow:
    row = session.scalars(
        select(FileRow).where(FileRow.number == number).with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise Rejected("not_found", what="licence file", name=f"#{number}")
    acted = {row.entered_by, row.inspected_by or row.entered_by}
    state = cast("rules.FileState", row.state)
    row.state = rules.next_state(state, step, operator.roles, operator.name, acted)
    if step in {"granted", "refused", "signed"}:
        row.decided_by = operator.name
    if row.state not in rules.OPEN:
        row.due_on, row.closed_at = None, at
    return row


def _check_licence(session: Session, matter: rules.Matter, retailer: str, licence_class: str, number: str) -> None:
    key = (retailer, licence_class, number)
    known = records.existing(session, LICENCES, [key], lock=True).get(key) if number else None
    rules.check_licence(matter, None if known is None else known["state"], " / ".join(filter(None, key)))


def _note(
    session: Session,
    row: FileRow,
    step: rules.Step,
    words: str,
    operator: Operator,
    at: datetime,
    seen: Mapping[str, Any] | None = None,
) -> None:
    require(WORDS, {"words": words.strip()})
    session.add(
        StepRow(
            file=row.id,
            retailer=row.retailer,
            step=step,
            words=words.strip(),
            by=operator.name,
            at=at,
            seen=None if seen is None else dict(seen),
        )
    )
    session.flush()
    detail = {"file": row.number, "matter": row.matter, "licence_class": row.licence_class}
    audit.record(
        session,
        actor=operator.actor,
        action=f"licence.file_{step}",
        subject=f"retailer:{row.retailer}",
        at=at,
        detail=detail | {"number": row.licence_number, "words": words.strip()},
    )
