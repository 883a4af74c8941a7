"""What is kept of terminals: what they last said of themselves, and the codes that enrolled them."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from server.devices.models import DeviceClone, DevicePresence, Enrolment, EnrolmentCode
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


def _decided(before: datetime) -> Select[Any]:
    return select(Enrolment.key).where(func.coalesce(Enrolment.decided_at, Enrolment.expires_at) < before)


def count_enrolments(session: Session, before: datetime) -> int:
    """Return how many requests to be let in were decided or over before then."""
    return count(session, _decided(before))


def erase_enrolments(session: Session, before: datetime, _at: datetime) -> int:
    """Remove requests to be let in that were decided or over before then; who was let in stays enrolled."""
    gone = delete(Enrolment).where(Enrolment.key.in_(_decided(before)))
    return len(session.scalars(gone.returning(Enrolment.key)).all())


def _noticed(before: datetime) -> Select[Any]:
    return select(DeviceClone.device).where(DeviceClone.last_at < before)


def count_clones(session: Session, before: datetime) -> int:
    """Return how many second machines were noticed last before then."""
    return count(session, _noticed(before))


def erase_clones(session: Session, before: datetime, _at: datetime) -> int:
    """Forget second machines, addresses included, that were noticed last before then."""
    gone = delete(DeviceClone).where(DeviceClone.device.in_(_noticed(before)))
    return len(session.scalars(gone.returning(DeviceClone.device)).all())


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
    Kind(
        "clones",
        N_("Addresses from which two machines used one terminal's identity"),
        N_("To find a copied or stolen terminal."),
        N_("it was noticed last"),
        N_("removed"),
        90,
        count_clones,
        erase_clones,
    ),
    Kind(
        "enrolments",
        N_("Terminals that asked to be let in: for which shop, who let them in or turned them away, and why"),
        N_("To compare a terminal's fingerprint."),
        N_("it was decided, or is over"),
        N_("removed"),
        30,
        count_enrolments,
        erase_enrolments,
    ),
)
