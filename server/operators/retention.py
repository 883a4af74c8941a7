"""What is kept of the distributor's people: where they were signed in, and who they were."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.orm import Session

from server.kit.marking import N_
from server.kit.retention import Kind, count
from server.operators.models import (
    OperatorRow,
    OperatorSession,
    Passkey,
    PasskeyChallenge,
    RecoveryCode,
    SignInLink,
    TotpSecret,
)

FORMER: Final = "former-"


def _over(before: datetime) -> tuple[Select[Any], Select[Any]]:
    spent = func.coalesce(SignInLink.used_at, SignInLink.expires_at) < before
    return (
        select(OperatorSession.token_sha256).where(OperatorSession.expires_at < before),
        select(SignInLink.token_sha256).where(spent),
    )


def count_sign_ins(session: Session, before: datetime) -> int:
    """Return how many sessions and links were over before then."""
    return sum(count(session, query) for query in _over(before))


def erase_sign_ins(session: Session, before: datetime, _at: datetime) -> int:
    """Remove sessions and links that were over before then."""
    sessions, links = _over(before)
    over = count(session, sessions) + count(session, links)
    session.execute(delete(OperatorSession).where(OperatorSession.token_sha256.in_(sessions)))
    session.execute(delete(SignInLink).where(SignInLink.token_sha256.in_(links)))
    return over


def _gone(before: datetime) -> Select[Any]:
    named = ~OperatorRow.name.startswith(FORMER)
    return select(OperatorRow.id).where(OperatorRow.disabled_at < before, named)


def count_people(session: Session, before: datetime) -> int:
    """Return how many people were shut out before then and still have their name."""
    return count(session, _gone(before))


def erase_people(session: Session, before: datetime, _at: datetime) -> int:
    """Take the name and everything that lets in from people who were shut out before then; the number stays."""
    gone = session.scalars(_gone(before)).all()
    for table in (OperatorSession, SignInLink, TotpSecret, RecoveryCode, Passkey, PasskeyChallenge):
        session.execute(delete(table).where(table.operator_id.in_(gone)))
    for number in gone:
        session.execute(
            update(OperatorRow)
            .where(OperatorRow.id == number)
            .values(name=f"{FORMER}{number}", password_hash=None, regions=[], classes=[])
        )
    return len(gone)


RETENTION: Final = (
    Kind(
        "sign_ins",
        N_("Sessions and sign-in links: who, when, from which address"),
        N_("To let people in, and to show where they are signed in."),
        N_("the session or link is over"),
        N_("removed"),
        30,
        count_sign_ins,
        erase_sign_ins,
    ),
    Kind(
        "people",
        N_("Names and passwords of people who were shut out"),
        N_("To know who decided, as long as it may be asked."),
        N_("the person was shut out"),
        N_("the name becomes a number, what lets in is removed"),
        730,
        count_people,
        erase_people,
    ),
)
