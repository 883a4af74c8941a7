"""What can be done with people and their sessions. Nothing here commits.

A token (of a session, of a link) is 256 random bits; the tables keep its SHA-256.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from server.kit import audit
from server.kit.db import bounds
from server.kit.identity import ROLES, Actor, Operator
from server.operators import passkeys, passwords, queries, rules, second_factor
from server.operators.models import OperatorRow, OperatorSession, SignInLink

FIRST_FACTORS = frozenset({"password", "link"})
SECOND_FACTOR_TTL_S = 300


@dataclass(frozen=True)
class SignedIn:
    """A new session: its token goes into the cookie and nowhere else."""

    operator: Operator
    token: str
    csrf: str
    expires_at: datetime
    has_password: bool
    waits_for_second_factor: bool = False


def add_operator(session: Session, name: str, roles: Iterable[str], *, by: Actor, at: datetime) -> Operator:
    """Add a person without a password: a one-use link is the first way in.

    Raises
    ------
    Rejected
        ``name_invalid``; ``not_found`` for an unknown role.
    Conflict
        ``already_exists``, whatever the case of the letters.
    """
    tidy = rules.tidy_name(name)
    if _find(session, tidy) is not None:
        raise Conflict("already_exists", what="operator", name=tidy)
    row = OperatorRow(
        name=tidy,
        roles=_known(roles),
        regions=[],
        classes=[],
        password_hash=None,
        created_at=at,
        disabled_at=None,
    )
    session.add(row)
    session.flush()
    _note(session, by, "operator.added", row, at, roles=row.roles)
    return queries.operator_from(row)


def set_roles(session: Session, name: str, roles: Iterable[str], *, by: Actor, at: datetime) -> None:
    """Give a person these roles and no others; open sessions have them from the next request on."""
    row = _locked(session, name)
    known = _known(roles)
    if "administrator" not in known:
        _keep_an_administrator(session, row)
    before, row.roles = row.roles, known
    _note(session, by, "operator.roles_set", row, at, before=before, roles=known)


def set_bounds(
    session: Session, name: str, *, regions: Iterable[str], classes: Iterable[str], by: Actor, at: datetime
) -> None:
    """Bound a person to the shops of these regions and of these classes, of all where none is named.

    Open sessions are held to it from the next request on.

    Raises
    ------
    Rejected
        ``malformed`` where a name could not bound anything.
    """
    row = _locked(session, name)
    before = {"regions": row.regions, "classes": row.classes}
    row.regions, row.classes = sorted(set(regions)), sorted(set(classes))
    try:
        bounds(row.regions, row.classes)
    except ValueError as why:
        raise Rejected("malformed", where="regions", what=str(why)) from None
    _note(session, by, "operator.bounds_set", row, at, before=before, regions=row.regions, classes=row.classes)


def set_superior(session: Session, name: str, superior: str | None, *, by: Actor, at: datetime) -> None:
    """Say whose superior a person's is; complaints about the person go there. None: nobody's.

    Raises
    ------
    Rejected
        ``not_found``; ``own_superior``.
    """
    row = _locked(session, name)
    above = None if superior is None else _locked(session, superior)
    if above is not None and above.id == row.id:
        raise Rejected("own_superior")
    row.superior_id = None if above is None else above.id
    _note(session, by, "operator.superior_set", row, at, superior=None if above is None else above.name)


def disable_operator(session: Session, name: str, *, by: Actor, at: datetime) -> None:
    """Shut a person out: sessions end, links are spent, nothing lets in until :func:`enable_operator`."""
    row = _locked(session, name)
    _keep_an_administrator(session, row)
    if row.disabled_at is None:
        row.disabled_at = at
        _spend_links(session, row, at)
        ended = _end(session, row)
        _note(session, by, "operator.disabled", row, at, sessions_ended=ended)


def enable_operator(session: Session, name: str, *, by: Actor, at: datetime) -> None:
    """Let a disabled person in again; the password is the old one."""
    row = _locked(session, name)
    if row.disabled_at is not None:
        row.disabled_at = None
        _note(session, by, "operator.enabled", row, at)


def make_link(session: Session, name: str, *, ttl_s: int, by: Actor, at: datetime) -> str:
    """Return the token of a link that signs ``name`` in once within ``ttl_s`` seconds; older ones are spent."""
    row = _locked(session, name)
    if row.disabled_at is not None:
        raise Rejected("wrong_state", state="disabled", needed="enabled")
    _spend_links(session, row, at)
    token = secrets.token_urlsafe(32)
    session.add(
        SignInLink(
            token_sha256=queries.digest(token),
            operator_id=row.id,
            expires_at=at + timedelta(seconds=ttl_s),
            used_at=None,
        )
    )
    _note(session, by, "operator.link_made", row, at, ttl_s=ttl_s)
    return token


def sign_in(session: Session, name: str, password: str, *, remote: str, ttl_s: int, at: datetime) -> SignedIn:
    """Open a session for who knows the password.

    A wrong password, an unknown name, a disabled person and one without a password are told apart neither by
    the answer nor by the time that it takes.

    Raises
    ------
    Rejected
        ``sign_in_failed``; the attempt is in the audit, so the caller must commit all the same.
    """
    row = _find(session, name)
    kept = None if row is None or row.disabled_at is not None else row.password_hash
    if not passwords.fits(password, kept) or row is None or kept is None:
        who = "operator:?" if row is None else f"operator:{row.name}"  # what was typed may be a password
        actor = Actor("system", "sign-in")
        audit.record(
            session, actor=actor, action="operator.sign_in_failed", subject=who, at=at, detail={"from": remote}
        )
        raise Rejected("sign_in_failed")
    if passwords.is_outdated(kept):
        row.password_hash = passwords.hashed(password)
    return _open(session, row, remote=remote, ttl_s=ttl_s, at=at, how="password")


def note_guessing(session: Session, name: str, *, remote: str, at: datetime) -> None:
    """Alert that somebody tries passwords of ``name`` and has to wait now."""
    row = _find(session, name)
    audit.record(
        session,
        actor=Actor("system", "sign-in"),
        action="operator.guessing",
        subject="operator:?" if row is None else f"operator:{row.name}",
        at=at,
        detail={"from": remote},
        alert=True,
    )


def use_link(session: Session, token: str, *, remote: str, ttl_s: int, at: datetime) -> SignedIn:
    """Open a session by a one-use link; of two who use it at once, one gets in.

    Raises
    ------
    Rejected
        ``link_spent``.
    """
    owner = session.scalar(
        update(SignInLink)
        .where(
            SignInLink.token_sha256 == queries.digest(token),
            SignInLink.used_at.is_(None),
            SignInLink.expires_at > at,
        )
        .values(used_at=at)
        .returning(SignInLink.operator_id)
    )
    row = None if owner is None else session.get(OperatorRow, owner)
    if row is None or row.disabled_at is not None:
        raise Rejected("link_spent")
    return _open(session, row, remote=remote, ttl_s=ttl_s, at=at, how="link")


def second_step(session: Session, token: str, code: str, *, remote: str, ttl_s: int, at: datetime) -> SignedIn:
    """Open a session for whose password was right in the half session of ``token``, shown a second factor.

    The half session ends, and the new one has a token of its own.

    Raises
    ------
    Rejected
        ``second_factor_wrong``, also where the half session is over.
    """
    waiting = queries.waiting_for_second_factor(session, token, at)
    if waiting is None:
        raise Rejected("second_factor_wrong")
    means = second_factor.check(session, waiting.id, code, at=at)
    session.execute(delete(OperatorSession).where(OperatorSession.token_sha256 == queries.digest(token)))
    return _open(session, _locked(session, waiting.name), remote=remote, ttl_s=ttl_s, at=at, how=means)


def sign_in_by_passkey(
    session: Session, place: passkeys.Place, shown: str, *, remote: str, ttl_s: int, at: datetime
) -> SignedIn:
    """Open a session for who shows a passkey, which counts as both factors.

    Raises
    ------
    Rejected
        ``passkey_wrong``.
    """
    owner = passkeys.owner_of(session, place, shown, at=at)
    return _open(session, owner, remote=remote, ttl_s=ttl_s, at=at, how="passkey")


def check_password(session: Session, operator: Operator, present: str) -> None:
    """Let a person pass who knows the own password, or who has none yet.

    Raises
    ------
    Rejected
        ``password_wrong``.
    """
    row = _locked(session, operator.name)
    if row.password_hash is not None and not passwords.fits(present, row.password_hash):
        raise Rejected("password_wrong")


def sign_out(session: Session, token: str, *, at: datetime) -> None:
    """End the session of ``token``; nothing happens where it is over already."""
    owner = session.scalar(
        delete(OperatorSession)
        .where(OperatorSession.token_sha256 == queries.digest(token))
        .returning(OperatorSession.operator_id)
    )
    row = None if owner is None else session.get(OperatorRow, owner)
    if row is not None:
        _note(session, Actor("operator", row.name), "operator.signed_out", row, at)


def end_sessions(session: Session, name: str, *, by: Actor, at: datetime, keep: str | None = None) -> int:
    """Sign a person out everywhere, but for the session of the token ``keep``; return how many ended."""
    row = _locked(session, name)
    ended = _end(session, row, keep=keep)
    _spend_links(session, row, at)
    _note(session, by, "operator.sessions_ended", row, at, sessions_ended=ended)
    return ended


def change_password(session: Session, operator: Operator, *, present: str, new: str, token: str, at: datetime) -> None:
    """Give oneself a new password; every session but that of ``token`` ends.

    ``present`` is asked for where there is a password already.

    Raises
    ------
    Rejected
        ``password_wrong``, ``password_short``, ``password_long``, ``password_common``.
    """
    check_password(session, operator, present)
    row = _locked(session, operator.name)
    rules.check_password(new, own_words=row.name.split())
    row.password_hash = passwords.hashed(new)
    ended = _end(session, row, keep=token)
    _note(session, Actor("operator", row.name), "operator.password_changed", row, at, sessions_ended=ended)


def open_session(session: Session, name: str, *, remote: str, ttl_s: int, at: datetime) -> SignedIn:
    """Open a session for ``name`` without asking for anything: for the command and for tests alone."""
    return _open(session, _locked(session, name), remote=remote, ttl_s=ttl_s, at=at, how="command")


def _open(session: Session, row: OperatorRow, *, remote: str, ttl_s: int, at: datetime, how: str) -> SignedIn:
    session.execute(
        delete(OperatorSession).where(OperatorSession.operator_id == row.id, OperatorSession.expires_at <= at)
    )
    half = how in FIRST_FACTORS and queries.has_second_factor(session, row.id)
    opened = SignedIn(
        operator=queries.operator_from(row),
        token=secrets.token_urlsafe(32),
        csrf=secrets.token_urlsafe(32),
        expires_at=at + timedelta(seconds=min(ttl_s, SECOND_FACTOR_TTL_S) if half else ttl_s),
        has_password=row.password_hash is not None,
        waits_for_second_factor=half,
    )
    session.add(
        OperatorSession(
            token_sha256=queries.digest(opened.token),
            operator_id=row.id,
            csrf=opened.csrf,
            created_at=at,
            expires_at=opened.expires_at,
            remote=remote,
            waits_for_second_factor=half,
        )
    )
    if not half:
        _note(session, Actor("operator", row.name), "operator.signed_in", row, at, means=how, remote=remote)
    return opened


def _known(roles: Iterable[str]) -> list[str]:
    wanted = sorted(set(roles))
    for role in wanted:
        if role not in ROLES:
            raise Rejected("not_found", what="role", name=role)
    return wanted


def _find(session: Session, name: str) -> OperatorRow | None:
    try:
        tidy = rules.tidy_name(name)
    except Rejected:
        return None
    return session.scalars(select(OperatorRow).where(func.lower(OperatorRow.name) == func.lower(tidy))).one_or_none()


def _locked(session: Session, name: str) -> OperatorRow:
    row = session.scalars(
        select(OperatorRow).where(func.lower(OperatorRow.name) == func.lower(name)).with_for_update()
    ).one_or_none()
    if row is None:
        raise Rejected("not_found", what="operator", name=name)
    return row


def _keep_an_administrator(session: Session, row: OperatorRow) -> None:
    """Refuse to take the last administrator away; the others' rows are held, so that two cannot go at once."""
    others = session.scalars(
        select(OperatorRow.id)
        .where(OperatorRow.roles.contains(["administrator"]), OperatorRow.disabled_at.is_(None))
        .order_by(OperatorRow.id)
        .with_for_update()
    ).all()
    if list(others) == [row.id]:
        raise Rejected("last_administrator", name=row.name)


def _end(session: Session, row: OperatorRow, *, keep: str | None = None) -> int:
    query = delete(OperatorSession).where(OperatorSession.operator_id == row.id)
    if keep is not None:
        query = query.where(OperatorSession.token_sha256 != queries.digest(keep))
    return len(session.scalars(query.returning(OperatorSession.token_sha256)).all())


def _spend_links(session: Session, row: OperatorRow, at: datetime) -> None:
    session.execute(
        update(SignInLink).where(SignInLink.operator_id == row.id, SignInLink.used_at.is_(None)).values(used_at=at)
    )


def _note(session: Session, by: Actor, action: str, row: OperatorRow, at: datetime, **detail: object) -> None:
    audit.record(session, actor=by, action=action, subject=f"operator:{row.name}", at=at, detail=detail)
