"""Passkeys (W3C Web Authentication): registered in the own account, they sign in by themselves. Nothing here commits.

The device that holds one asks for a finger, a face or a PIN each time (user verification is required), so that a
passkey counts as both factors. Of it the tables keep the public key alone. A challenge is one of ours, counts once,
and for :data:`CHALLENGE_TTL_S` seconds.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import webauthn
from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from webauthn.helpers import generate_challenge, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.parse_authentication_credential_json import parse_authentication_credential_json
from webauthn.helpers.parse_registration_credential_json import parse_registration_credential_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from contract.errors import Conflict, Rejected
from server.kit import audit
from server.kit.identity import Actor, Operator
from server.operators import queries, second_factor
from server.operators.models import OperatorRow, Passkey, PasskeyChallenge

CHALLENGE_TTL_S = 300
MOST = 10
NAME_MAX = 60
_VERIFIED = UserVerificationRequirement.REQUIRED


@dataclass(frozen=True)
class Place:
    """Where passkeys hold: the address as browsers see it. Its host is what a passkey is bound to."""

    origin: str
    network: str

    @property
    def host(self) -> str:
        """The relying party's identifier."""
        return urlsplit(self.origin).hostname or ""


def begin(session: Session, operator: Operator, place: Place, *, at: datetime) -> str:
    """Return as JSON what a browser needs to make a passkey for this person.

    Raises
    ------
    Conflict
        ``wrong_state`` where there are :data:`MOST` already.
    """
    held = queries.passkeys(session, operator.id)
    if len(held) >= MOST:
        raise Conflict("wrong_state", state=f"{len(held)}", needed=f"< {MOST}")
    options = webauthn.generate_registration_options(
        rp_id=place.host,
        rp_name=place.network,
        user_name=operator.name,
        user_id=hashlib.sha256(f"operator:{operator.id}".encode()).digest(),
        challenge=_challenge(session, operator.id, at),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=_VERIFIED
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one.credential) for one in held],
    )
    return webauthn.options_to_json(options)


def register(
    session: Session, operator: Operator, place: Place, made: str, *, name: str, at: datetime
) -> list[str] | None:
    """Keep the passkey that a browser made; return recovery codes where the person has none yet.

    Raises
    ------
    Rejected
        ``passkey_wrong``; ``malformed`` for the name.
    """
    tidy = " ".join(name.split())
    if not 0 < len(tidy) <= NAME_MAX or not tidy.isprintable():
        raise Rejected("malformed", where="name", what=f"1–{NAME_MAX}")
    try:
        credential = parse_registration_credential_json(made)
        shown = parse_client_data_json(credential.response.client_data_json).challenge
        verified = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=_taken(session, shown, operator.id, at),
            expected_rp_id=place.host,
            expected_origin=place.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError):
        raise Rejected("passkey_wrong") from None
    if session.get(Passkey, verified.credential_id) is not None:
        raise Rejected("passkey_wrong")
    first = not queries.has_second_factor(session, operator.id)
    session.add(
        Passkey(
            credential=verified.credential_id,
            operator_id=operator.id,
            name=tidy,
            public_key=verified.credential_public_key,
            uses=verified.sign_count,
            created_at=at,
            used_at=None,
        )
    )
    _note(session, operator.actor, "operator.passkey_added", operator.name, at, passkey=tidy)
    return second_factor.new_codes(session, operator.id) if first else None


def ask(session: Session, place: Place, *, at: datetime) -> str:
    """Return as JSON what a browser needs to show a passkey, whoever's it is."""
    options = webauthn.generate_authentication_options(
        rp_id=place.host, challenge=_challenge(session, None, at), user_verification=_VERIFIED
    )
    return webauthn.options_to_json(options)


def owner_of(session: Session, place: Place, shown: str, *, at: datetime) -> OperatorRow:
    """Return who showed a passkey, checked in everything.

    Raises
    ------
    Rejected
        ``passkey_wrong``; one of a person who is shut out is no better.
    """
    try:
        credential = parse_authentication_credential_json(shown)
        challenge = parse_client_data_json(credential.response.client_data_json).challenge
        kept = session.get(Passkey, credential.raw_id, with_for_update=True)
        if kept is None:
            raise Rejected("passkey_wrong")
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=_taken(session, challenge, None, at),
            expected_rp_id=place.host,
            expected_origin=place.origin,
            credential_public_key=kept.public_key,
            credential_current_sign_count=kept.uses,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError):
        raise Rejected("passkey_wrong") from None
    owner = session.get_one(OperatorRow, kept.operator_id)
    if owner.disabled_at is not None:
        raise Rejected("passkey_wrong")
    kept.uses, kept.used_at = verified.new_sign_count, at
    return owner


def remove(session: Session, operator: Operator, credential: bytes, *, at: datetime) -> None:
    """Forget one of the own passkeys; with the last factor the recovery codes go too.

    Raises
    ------
    Rejected
        ``not_found``.
    """
    gone = session.scalar(
        delete(Passkey)
        .where(Passkey.operator_id == operator.id, Passkey.credential == credential)
        .returning(Passkey.name)
    )
    if gone is None:
        raise Rejected("not_found", what="passkey", name=credential.hex()[:16])
    _note(session, operator.actor, "operator.passkey_removed", operator.name, at, passkey=gone)
    if not queries.has_second_factor(session, operator.id):
        second_factor.remove(session, operator.id, by=operator.actor, at=at)


def _challenge(session: Session, operator_id: int | None, at: datetime) -> bytes:
    """Return a new challenge; those that are over are cleared away."""
    session.execute(delete(PasskeyChallenge).where(PasskeyChallenge.expires_at <= at))
    made = generate_challenge()
    session.add(
        PasskeyChallenge(challenge=made, operator_id=operator_id, expires_at=at + timedelta(seconds=CHALLENGE_TTL_S))
    )
    return made


def _taken(session: Session, shown: bytes, operator_id: int | None, at: datetime) -> bytes:
    """Return a challenge of ours that was shown, which counts no more now."""
    found = session.scalars(
        select(PasskeyChallenge)
        .where(
            PasskeyChallenge.challenge == shown,
            PasskeyChallenge.operator_id.is_not_distinct_from(operator_id),
            PasskeyChallenge.expires_at > at,
        )
        .with_for_update()
    ).one_or_none()
    if found is None:
        raise Rejected("passkey_wrong")
    session.delete(found)
    return shown


def _note(session: Session, by: Actor, action: str, name: str, at: datetime, **detail: object) -> None:
    audit.record(session, actor=by, action=action, subject=f"operator:{name}", at=at, detail=detail, alert=True)
