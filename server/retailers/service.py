"""What can be done with retailers. Nothing here commits."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, String, any_, delete, literal, select
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from server.kit import audit, records
from server.kit.changing import ChangedMeanwhileError, Standing
from server.kit.fields import Field, Invalid, Reason, Text, Unfit, require
from server.kit.identity import Actor, Operator
from server.kit.marking import N_
from server.retailers import queries
from server.retailers.fields import LIMITS, RETAILERS, tell_changed
from server.retailers.models import NoteRow, RetailerLimit, RetailerRow

NOTE_MOST = 1_000
CLOSING = (Field("closed_why", N_("Reason"), Text()),)
NOTE = (Field("words", N_("Note"), Text(NOTE_MOST)),)
SAME_WORDS = Reason("same_words", N_("This is what the note says already."))


def lock_retailers(session: Session, codes: Collection[str]) -> dict[str, queries.Retailer]:
    """Hold the retailers' rows until the transaction ends, and return those that there are, as they stand.

    The rows are taken in the order of their codes, so that two who want some of the same never wait for each other.
    """
    rows = session.scalars(
        select(RetailerRow)
        .where(RetailerRow.code == any_(literal(list(codes), ARRAY(String))))
        .order_by(RetailerRow.code.collate("C"))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return {row.code: queries.view(row) for row in rows}


def lock_retailer(session: Session, code: str) -> queries.Retailer:
    """Hold one retailer's row until the transaction ends, and return the retailer as it stands.

    Raises
    ------
    Rejected
        ``not_found``.
    """
    found = lock_retailers(session, [code]).get(code)
    if found is None:
        raise Rejected("not_found", what="retailer", name=code)
    return found


def save_retailer(
    session: Session, retailer: Mapping[str, Any], actor: Actor, *, at: datetime, seen: str | None = None
) -> records.Outcome:
    """Take a shop in or change it; its standing is among the fields.

    Raises
    ------
    Invalid
        Naming every field that does not fit.
    Conflict
        Where it is not as the person saw it (``seen``, see :func:`server.kit.records.version`).
    """
    return records.keep(
        session, RETAILERS, retailer, actor, act="retailer", subject=f"retailer:{retailer['code']}", at=at, seen=seen
    )


def suspend_retailer(session: Session, code: str, reason: str, actor: Actor, *, at: datetime) -> None:
    """Let a shop order nothing until it is restored; it reads the reason.

    Raises
    ------
    Invalid
        Where no reason is given.
    """
    _set_standing(session, code, {"standing": "suspended", "standing_reason": reason.strip() or None}, actor, at)


def restore_retailer(session: Session, code: str, actor: Actor, *, at: datetime) -> None:
    """Let a suspended shop order again."""
    _set_standing(session, code, {"standing": "good", "standing_reason": None}, actor, at)


def close_retailer(
    session: Session, code: str, on: date, why: str, operator: Operator, *, at: datetime, seen: str | None = None
) -> None:
    """Let a shop order and be granted nothing from the day ``on`` on, for good: its outlet is closed.

    The day may lie before today, where it became known late, or after it. Said again, it is corrected.

    Raises
    ------
    Rejected, Invalid, Conflict
        ``not_found``; an empty or long reason; ``changed_meanwhile`` where the closing is not as the person saw it
        (``seen``, see :attr:`server.retailers.queries.Retailer.closing`).
    """
    require(CLOSING, {"closed_why": why.strip()})
    row = _row(session, code, seen)
    detail = {"from": row.closed_on and row.closed_on.isoformat(), "on": on.isoformat(), "reason": why.strip()}
    row.closed_on, row.closed_why, row.closed_by, row.changed_at = on, why.strip(), operator.name, at
    session.flush()
    tell_changed(session, {code}, at)
    _record(session, operator, "retailer.closed", code, at, detail)


def reopen_retailer(session: Session, code: str, operator: Operator, *, at: datetime, seen: str | None = None) -> None:
    """Take a closing day back.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state`` where the shop has none; ``changed_meanwhile`` as above.
    """
    row = _row(session, code, seen)
    if row.closed_on is None:
        raise Conflict("wrong_state", state="open", needed="closed")
    detail = {"closed_on": row.closed_on.isoformat(), "reason": row.closed_why}
    row.closed_on = row.closed_why = row.closed_by = None
    row.changed_at = at
    session.flush()
    tell_changed(session, {code}, at)
    _record(session, operator, "retailer.reopened", code, at, detail)


def add_note(session: Session, code: str, words: str, operator: Operator, *, at: datetime) -> None:
    """Note something of a shop, which stays inside; that it was noted goes into the audit, the words do not.

    Raises
    ------
    Rejected, Invalid
        ``not_found``; no words, or more than :data:`NOTE_MOST` characters.
    """
    require(NOTE, {"words": words.strip()})
    if not queries.known(session, [code]):
        raise Rejected("not_found", what="retailer", name=code)
    session.add(NoteRow(retailer=code, words=words.strip(), author=operator.name, at=at))
    session.flush()
    _record(session, operator, "retailer.noted", code, at, {"characters": len(words.strip())})


def correct_note(session: Session, code: str, note: int, words: str, operator: Operator, *, at: datetime) -> None:
    """Write a note anew; what it said stays readable under it.

    Raises
    ------
    Rejected, Invalid, Conflict
        ``not_found`` for the shop or a note of it; unfit words, or those that stand there already;
        ``changed_meanwhile`` where somebody corrected that version before.
    """
    require(NOTE, {"words": words.strip()})
    _row(session, code)
    known = session.scalars(select(NoteRow).where(NoteRow.id == note, NoteRow.retailer == code)).one_or_none()
    if known is None:
        raise Rejected("not_found", what="note", name=str(note))
    if session.scalar(select(NoteRow.id).where(NoteRow.corrects == note)) is not None:
        raise Conflict("changed_meanwhile", name=code)
    if known.words == words.strip():
        raise Invalid({"words": Unfit(SAME_WORDS)})
    session.add(NoteRow(retailer=code, words=words.strip(), author=operator.name, at=at, corrects=note))
    session.flush()
    _record(session, operator, "retailer.note_corrected", code, at, {"note": note, "characters": len(words.strip())})


def set_limit(
    session: Session, code: str, sku: str, limit_units: int, actor: Actor, *, at: datetime, seen: str | None = None
) -> None:
    """Let a shop order at most ``limit_units`` of a SKU in a cycle, whatever the SKU's own limit says.

    Raises
    ------
    Invalid, Conflict
        What does not fit; ``changed_meanwhile`` where the shop's limits are not as the person saw them (``seen``, see
        :func:`server.retailers.queries.limits_version`).
    """
    _check_limits_seen(session, code, sku, seen)
    limit = {"retailer": code, "sku": sku, "limit_units": limit_units}
    written = records.save(session, LIMITS, limit, at=at)
    if written is not None:
        detail = {"sku": sku} | records.changed(LIMITS, written)
        audit.record(session, actor=actor, action="limit.set", subject=f"retailer:{code}", at=at, detail=detail)


def remove_limit(session: Session, code: str, sku: str, actor: Actor, *, at: datetime, seen: str | None = None) -> None:
    """Let the SKU's own limit count again for a shop. ``seen`` as for :func:`set_limit`."""
    _check_limits_seen(session, code, sku, seen)
    removed = session.scalars(
        delete(RetailerLimit)
        .where(RetailerLimit.retailer == code, RetailerLimit.sku == sku)
        .returning(RetailerLimit.limit_units)
    ).one_or_none()
    if removed is None:
        raise Rejected("not_found", what="limit", name=f"{code} / {sku}")
    tell_changed(session, {code}, at)
    detail = {"sku": sku, "limit_units": removed}
    audit.record(session, actor=actor, action="limit.removed", subject=f"retailer:{code}", at=at, detail=detail)


def _check_limits_seen(session: Session, code: str, sku: str, seen: str | None) -> None:
    if seen is None:
        return
    _row(session, code)
    limits = queries.limits(session, code)
    if queries.limits_version(limits) == seen:
        return
    now = str(limits[sku]) if sku in limits else ""
    raise ChangedMeanwhileError(f"{code} / {sku}", (Standing("limit_units", N_("Limit in units"), now),))


def _row(session: Session, code: str, seen: str | None = None) -> RetailerRow:
    row = session.get(RetailerRow, code, with_for_update=True, populate_existing=True)
    if row is None:
        raise Rejected("not_found", what="retailer", name=code)
    if seen is not None and queries.view(row).closing != seen:
        raise Conflict("changed_meanwhile", name=code)
    return row


def _record(session: Session, operator: Operator, action: str, code: str, at: datetime, detail: dict[str, Any]) -> None:
    audit.record(session, actor=operator.actor, action=action, subject=f"retailer:{code}", at=at, detail=detail)


def _set_standing(session: Session, code: str, standing: Mapping[str, Any], actor: Actor, at: datetime) -> None:
    found = records.existing(session, RETAILERS, [(code,)], lock=True).get((code,))
    if found is None:
        raise Rejected("not_found", what="retailer", name=code)
    if records.save(session, RETAILERS, {**found, **standing}, at=at) is not None:
        audit.record(
            session,
            actor=actor,
            action="retailer.suspended" if standing["standing"] == "suspended" else "retailer.restored",
            subject=f"retailer:{code}",
            at=at,
            detail={"reason": standing["standing_reason"] or ""},
        )
