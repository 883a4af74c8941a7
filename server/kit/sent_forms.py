"""A form does its act once, however often it is sent: a double click, a resend, the back button.

Each form that a page writes carries a number of its own (``once``). The number is claimed before the act, in the same
transaction, and kept with where the act led: a second sending waits for the first, does nothing, and learns where
that went. A form that was refused, or that only showed something, claims nothing and may be sent again.

Numbers are kept for a week (:func:`forget_old`); no browser shows a page for so long without its server.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, LargeBinary, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from contract.errors import Conflict
from server.kit.db import Base

FIELD = "once"
NUMBER_MOST = 64
KEPT: Final = timedelta(days=7)


class SentForm(Base):
    """A form that was sent by a person to an address, with what it held and where the act led."""

    __tablename__ = "sent_forms"

    person: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(primary_key=True)
    content_sha256: Mapped[bytes] = mapped_column(LargeBinary(32))
    led_to: Mapped[str]
    sent_at: Mapped[datetime] = mapped_column(index=True)


class SentBeforeError(Exception):
    """The act was done when the form was sent first; ``led_to`` is where the person was sent then."""

    def __init__(self, led_to: str) -> None:
        self.led_to = led_to
        super().__init__(led_to)


@dataclass(frozen=True)
class Sending:
    """A form as it was sent: by whom (an operator's id), with which number, to which address, holding what."""

    person: int
    number: str
    address: str
    content_sha256: bytes


def sending(person: int, address: str, fields: Sequence[tuple[str, str]], *, apart: Sequence[str]) -> Sending | None:
    """Return a form as it was sent; none where it has no number (a program's request) or one that is none of ours.

    Fields named in ``apart`` are no part of what it holds.
    """
    number = dict(fields).get(FIELD, "")
    if not number or len(number) > NUMBER_MOST:
        return None
    held = [pair for pair in fields if pair[0] not in {FIELD, *apart}]
    return Sending(person, number, address, hashlib.sha256(json.dumps(held).encode()).digest())


def claim(session: Session, sent: Sending, *, at: datetime) -> None:
    """Take the form's number for the act that follows; a sending at the same time waits for this transaction's end.

    Raises
    ------
    SentBeforeError
        Where the same form was sent before, holding the same.
    Conflict
        ``form_used``, where it was sent before with something else in it.
    """
    taken = session.scalar(
        insert(SentForm).values(**vars(sent), led_to="", sent_at=at).on_conflict_do_nothing().returning(SentForm.number)
    )
    if taken is not None:
        return
    before = session.execute(select(SentForm.content_sha256, SentForm.led_to).where(*_named(sent))).one()
    if before.content_sha256 != sent.content_sha256:
        raise Conflict("form_used")
    raise SentBeforeError(before.led_to)


def settle(session: Session, sent: Sending, led_to: str | None, *, at: datetime) -> None:
    """Keep with the number where the act led; none: nothing was done, and the form may be sent again."""
    if led_to is None:
        session.execute(delete(SentForm).where(*_named(sent)))
        return
    session.execute(
        insert(SentForm)
        .values(**vars(sent), led_to=led_to, sent_at=at)
        .on_conflict_do_update(
            index_elements=[SentForm.person, SentForm.number, SentForm.address], set_={"led_to": led_to}
        )
    )


def forget_old(session: Session, now: datetime) -> None:
    """Forget the numbers of forms that were sent more than :data:`KEPT` ago."""
    session.execute(delete(SentForm).where(SentForm.sent_at < now - KEPT))


def _named(sent: Sending) -> tuple[ColumnElement[bool], ...]:
    return (
        SentForm.person == sent.person,
        SentForm.number == sent.number,
        SentForm.address == sent.address,
    )
