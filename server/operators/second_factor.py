"""A second factor beside the password: codes of an app (TOTP, RFC 6238), one-use recovery codes. Nothing here commits.

A passkey (:mod:`server.operators.passkeys`) is one too; recovery codes stand in for either.

A code counts once: the step that it was made for is kept, and no older one is taken afterwards. The app's secret lies
sealed (:mod:`server.kit.sealing`). Of recovery codes the tables keep the SHA-256; they have 100 random bits, so that
guessing needs no slow hash.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest

import pyotp
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from server.kit import audit, sealing
from server.kit.identity import Actor
from server.operators import queries
from server.operators.models import OperatorRow, Passkey, RecoveryCode, TotpSecret

STEP_S = 30
DRIFT_STEPS = 1
"""An app's clock may be off by so many steps."""
RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 5


@dataclass(frozen=True)
class Begun:
    """A secret that is not confirmed yet, and the address that an app reads from a picture."""

    secret: str
    address: str


def begin(session: Session, operator_id: int, *, issuer: str, at: datetime) -> Begun:
    """Return a new secret for an app; it counts once a code of it was shown, the one before until then.

    Raises
    ------
    Conflict
        ``wrong_state`` where a second factor stands already.
    """
    person = _locked(session, operator_id)
    row = session.get(TotpSecret, operator_id)
    if row is None:
        sealed = sealing.of(session).seal(_purpose(operator_id), pyotp.random_base32())
        row = TotpSecret(operator_id=operator_id, sealed_secret=sealed, begun_at=at, last_step=0)
        session.add(row)
    elif row.confirmed_at is not None:
        raise Conflict("wrong_state", state="confirmed", needed="none")
    secret = _secret(session, row)
    return Begun(secret, pyotp.TOTP(secret).provisioning_uri(name=person.name, issuer_name=issuer))


def confirm(session: Session, operator_id: int, code: str, *, at: datetime) -> list[str]:
    """Let the secret count, shown a code of it; return new recovery codes, which are told this once.

    Raises
    ------
    Rejected
        ``second_factor_wrong``.
    """
    person = _locked(session, operator_id)
    row = session.get(TotpSecret, operator_id)
    if row is None or row.confirmed_at is not None or not _takes(session, row, code, at):
        raise Rejected("second_factor_wrong")
    row.confirmed_at = at
    _note(session, person, "operator.second_factor_set", at)
    return new_codes(session, operator_id)


def check(session: Session, operator_id: int, code: str, *, at: datetime) -> str:
    """Take a code of the app or a recovery code, once; return which: ``totp`` or ``recovery``.

    Raises
    ------
    Rejected
        ``second_factor_wrong``.
    """
    person = _locked(session, operator_id)
    row = session.get(TotpSecret, operator_id)
    if row is not None and row.confirmed_at is not None and _takes(session, row, code, at):
        return "totp"
    used = session.scalar(
        update(RecoveryCode)
        .where(
            RecoveryCode.operator_id == operator_id,
            RecoveryCode.code_sha256 == queries.digest(_tidy(code)),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=at)
        .returning(RecoveryCode.operator_id)
    )
    if used is None:
        raise Rejected("second_factor_wrong")
    _note(session, person, "operator.recovery_code_used", at, alert=True)
    return "recovery"


def renew_codes(session: Session, operator_id: int, code: str, *, at: datetime) -> list[str]:
    """Return new recovery codes to who shows a code; the old ones are void.

    Raises
    ------
    Rejected
        ``second_factor_wrong``.
    """
    check(session, operator_id, code, at=at)
    person = _locked(session, operator_id)
    _note(session, person, "operator.recovery_codes_renewed", at)
    return new_codes(session, operator_id)


def remove(session: Session, operator_id: int, *, by: Actor, at: datetime) -> None:
    """Take a person's app, passkeys and recovery codes away; nothing happens where there are none."""
    person = _locked(session, operator_id)
    gone = session.scalars(
        delete(TotpSecret).where(TotpSecret.operator_id == operator_id).returning(TotpSecret.confirmed_at)
    ).all()
    passkeys = session.scalars(delete(Passkey).where(Passkey.operator_id == operator_id).returning(Passkey.name)).all()
    session.execute(delete(RecoveryCode).where(RecoveryCode.operator_id == operator_id))
    if any(gone) or passkeys:
        audit.record(
            session,
            actor=by,
            action="operator.second_factor_removed",
            subject=f"operator:{person.name}",
            at=at,
            detail={"passkeys": list(passkeys)} if passkeys else {},
            alert=True,
        )


def codes_left(session: Session, operator_id: int) -> int:
    """Return how many recovery codes are not used."""
    return (
        session.scalar(
            select(func.count())
            .select_from(RecoveryCode)
            .where(RecoveryCode.operator_id == operator_id, RecoveryCode.used_at.is_(None))
        )
        or 0
    )


def seal_anew(session: Session) -> int:
    """Seal every app's secret by the newest key; return how many there are."""
    rows = session.scalars(select(TotpSecret).with_for_update()).all()
    for row in rows:
        row.sealed_secret = sealing.of(session).seal(_purpose(row.operator_id), _secret(session, row))
    return len(rows)


def _purpose(operator_id: int) -> str:
    return f"totp:{operator_id}"


def _secret(session: Session, row: TotpSecret) -> str:
    return sealing.of(session).opened(_purpose(row.operator_id), row.sealed_secret)


def _takes(session: Session, row: TotpSecret, code: str, at: datetime) -> bool:
    """Return whether a code of the app is right at ``at`` and newer than the last one that was taken."""
    typed = "".join(code.split())
    totp = pyotp.TOTP(_secret(session, row), interval=STEP_S)
    now = int(at.timestamp()) // STEP_S
    for step in range(now - DRIFT_STEPS, now + DRIFT_STEPS + 1):
        if compare_digest(totp.generate_otp(step).encode(), typed.encode()) and step > row.last_step:
            row.last_step = step
            return True
    return False


def new_codes(session: Session, operator_id: int) -> list[str]:
    """Return new recovery codes, which are told this once; the old ones are void."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.operator_id == operator_id))
    codes = [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
        for _ in range(RECOVERY_CODES)
    ]
    session.add_all(
        RecoveryCode(code_sha256=queries.digest(_tidy(code)), operator_id=operator_id, used_at=None) for code in codes
    )
    return codes


def _tidy(code: str) -> str:
    return "".join(code.casefold().replace("-", " ").split())


def _locked(session: Session, operator_id: int) -> OperatorRow:
    return session.scalars(select(OperatorRow).where(OperatorRow.id == operator_id).with_for_update()).one()


def _note(session: Session, person: OperatorRow, action: str, at: datetime, *, alert: bool = False) -> None:
    actor = Actor("operator", person.name)
    audit.record(session, actor=actor, action=action, subject=f"operator:{person.name}", at=at, detail={}, alert=alert)
