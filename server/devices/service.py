"""What can be done with devices. Nothing here commits."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.messages import PullFeed, ReportPresence, ReportStatus
from server.devices import authority, rules
from server.devices.enrolling import IDENTITIES_CHANNEL
from server.devices.models import DevicePresence, DeviceRow, EnrolmentCode
from server.kit import audit, outbox
from server.kit.identity import Operator, Sender
from server.kit.inbox import Accepted, Arrival
from server.retailers import queries as retailers

_PRESENCE = DevicePresence.metadata.tables[DevicePresence.__tablename__]
_INSERT = insert(_PRESENCE)
_TOLD = (*ReportStatus.model_fields, "reported_at", "last_seen_at")
# Built once: these run for every terminal about once a minute, and to build them takes longer than to run them.
_KEEP_STATUS = _INSERT.values({name: bindparam(name) for name in ("device", *_TOLD)}).on_conflict_do_update(
    index_elements=["device"], set_={name: _INSERT.excluded[name] for name in _TOLD}
)
_HEAR = _INSERT.values(device=bindparam("device"), last_seen_at=bindparam("last_seen_at")).on_conflict_do_update(
    index_elements=["device"],
    set_={"last_seen_at": _INSERT.excluded.last_seen_at},
    where=_PRESENCE.c.last_seen_at < _INSERT.excluded.last_seen_at - rules.HEARD_EVERY,
)


def issue_codes(
    session: Session, codes_for: Sequence[str], operator: Operator, *, at: datetime
) -> list[tuple[str, str]]:
    """Return (retailer, code) for each retailer in ``codes_for``; the codes are kept as hashes alone.

    Raises
    ------
    Rejected
        ``not_found``, naming the first retailer that is unknown; then no code is issued.
    """
    known = retailers.retailers(session, codes_for)
    issued: list[tuple[str, str]] = []
    for retailer in codes_for:
        if retailer not in known:
            raise Rejected("not_found", what="retailer", name=retailer)
        code = rules.new_code()
        session.add(
            EnrolmentCode(
                code_sha256=rules.code_digest(code),
                retailer=retailer,
                created_by=operator.name,
                created_at=at,
                expires_at=at + rules.CODE_TTL,
            )
        )
        issued.append((retailer, code))
    audit.record(
        session,
        actor=operator.actor,
        action="device.codes_issued",
        subject=f"retailer:{codes_for[0]}" if len(codes_for) == 1 else "retailers",
        at=at,
        detail={"retailers": list(codes_for)},
    )
    session.flush()
    return issued


def revoke(session: Session, device_id: str, reason: str, operator: Operator, *, at: datetime) -> None:
    """Shut a device out of HTTP at once, and of the broker as soon as its keeper is told.

    Its certificates are taken back: the broker's list names them, and its live session is ended.
    """
    device = session.get(DeviceRow, device_id, with_for_update=True)
    if device is None:
        raise Rejected("not_found", what="device", name=device_id)
    if device.revoked_at is not None:
        return
    device.revoked_at = at
    device.revoked_reason = reason
    authority.revoke_all(session, [device_id], at=at)
    audit.record(
        session,
        actor=operator.actor,
        action="device.revoked",
        subject=f"device:{device_id}",
        at=at,
        detail={"retailer": device.retailer, "reason": reason},
    )
    session.execute(select(func.pg_notify(IDENTITIES_CHANNEL, device_id)))


def pull_feed(session: Session, pull: PullFeed, arrival: Arrival) -> Accepted | None:
    """Let the relay send the retailer's feed again from a cursor."""
    outbox.resend(session, arrival.sender.party, after=pull.after)
    return None


def report_status(session: Session, status: ReportStatus, arrival: Arrival) -> Accepted | None:
    """Write down what a device says of itself."""
    values = {**status.model_dump(), "reported_at": arrival.at, "last_seen_at": arrival.at}
    session.execute(_KEEP_STATUS, {"device": arrival.sender.device, **values})
    outbox.heard(session, arrival.sender.party, status.feed_seq, at=arrival.at)
    return None


def report_presence(session: Session, presence: ReportPresence, arrival: Arrival) -> bool:
    """Write down that a connection began or ended; return whether that is news.

    The end of another connection than the last one known says nothing: it was taken over. A word that the broker keeps
    and hands over again is no news either.
    """
    if presence.state == "connected":
        begun = {"link": presence.session, "connected_at": arrival.at, "gone_at": None, "gone_how": None}
        values = begun | {"last_seen_at": arrival.at}
        known = (
            insert(DevicePresence)
            .values(device=arrival.sender.device, **values)
            .on_conflict_do_update(
                index_elements=["device"],
                set_=values,
                where=DevicePresence.link.is_distinct_from(presence.session),
            )
        )
        return session.scalar(known.returning(DevicePresence.device)) is not None
    ended = (
        update(DevicePresence)
        .where(
            DevicePresence.device == arrival.sender.device,
            DevicePresence.link == presence.session,
            DevicePresence.gone_at.is_(None),
        )
        .values(gone_at=arrival.at, gone_how=presence.state)
    )
    return session.scalar(ended.returning(DevicePresence.device)) is not None


def hear(session: Session, sender: Sender, *, at: datetime) -> None:
    """Note that a terminal was there, by a request of its own; at most once in :data:`rules.HEARD_EVERY`."""
    session.execute(_HEAR, {"device": sender.device, "last_seen_at": at})
