"""What is kept of terminals: what they last said of themselves, and the codes that enrolled them."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from server.devices.models import DevicePresence, EnrolmentCode
from server.kit.marking import N_
from server.kit.retention import Kind, count


def _silent(before: datetime) -> Select[Any]:
    return select(DevicePresence.device).where(DevicePresence.last_seen_at < before)


def _spent(before: datetime) -> Select[Any]:
    over = func.coalesce(EnrolmentCode.used_at, EnrolmentCode.expires_at)
    return select(EnrolmentCode.code_sha256).where(over < before)


def count_presence(session: Session, before: datetime) -> int:
    """Return how many terminals were last heard before then."""
    return count(session, _silent(before))


def erase_presence(session: Session, before: datetime, _at: datetime) -> int:
    """Forget what terminals said of themselves that were last heard before then; the terminal stays enrolled."""
    gone = delete(DevicePresence).where(DevicePresence.device.in_(_silent(before)))
    return len(session.scalars(gone.returning(DevicePresence.device)).all())


def count_codes(session: Session, before: datetime) -> int:
    """Return how many codes were used or over before then."""
    return count(session, _spent(before))


def erase_codes(session: Session, before: datetime, _at: datetime) -> int:
    """Remove codes that were used or over before then."""
    gone = delete(EnrolmentCode).where(EnrolmentCode.code_sha256.in_(_spent(before)))
    return len(session.scalars(gone.returning(EnrolmentCode.code_sha256)).all())


RETENTION: Final = (
    Kind(
        "presence",
        N_("What terminals say of themselves: when last heard, language, clock, queue. No address is kept."),
        N_("To help a shop whose terminal is silent."),
        N_("the terminal was last heard"),
        N_("removed"),
        180,
        count_presence,
        erase_presence,
    ),
    Kind(
        "enrolment_codes",
        N_("Codes that enrol a terminal: for which shop, by whom"),
        N_("To let a terminal in once."),
        N_("the code was used or is over"),
        N_("removed"),
        30,
        count_codes,
        erase_codes,
    ),
)
