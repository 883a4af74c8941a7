"""What can be done with devices. Nothing here commits."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.messages import PullFeed, ReportPresence, ReportStatus
from server.devices import authority, rules
from server.devices.enrolling import IDENTITIES_CHANNEL
from server.devices.models import DevicePresence, DeviceRow, EnrolmentCode
from server.kit import audit, outbox
from server.kit.identity import Operator, Sender
from server.kit.inbox import Arrival
from server.retailers import queries as retailers

_PRESENCE = DevicePresence.metadata.tables[DevicePresence.__tablename__]
_INSERT = insert(_PRESENCE)
_TOLD = (*ReportStatus.model_fields, "reported_at", "last_seen_at")
# Built once: these run for every terminal about once a minute, and to build them takes longer than to run them.
_KEEP_STATUSES = text(
    f"""
    INSERT INTO device_presence (device, {", ".join(_TOLD)})
    SELECT device, {", ".join(_TOLD)}
    FROM jsonb_populate_recordset(CAST(NULL AS device_presence), CAST(:rows AS jsonb)) ORDER BY device
    ON CONFLICT (device) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _TOLD)}
    """  # noqa: S608 - the columns' own names
)
_BEGIN = text(
    """
    INSERT INTO device_presence AS known (device, link, connected_at, last_seen_at)
    SELECT device, link, :at, :at FROM unnest(CAST(:devices AS text[]), CAST(:links AS uuid[])) AS one (device, link)
    ORDER BY device
    ON CONFLICT (device) DO UPDATE SET link = excluded.link, connected_at = :at, last_seen_at = :at,
        gone_at = NULL, gone_how = NULL
    WHERE known.link IS DISTINCT FROM excluded.link
    RETURNING device
    """
)
_END = text(
    """
    UPDATE device_presence AS known SET gone_at = :at, gone_how = one.how
    FROM unnest(CAST(:devices AS text[]), CAST(:links AS uuid[]), CAST(:hows AS text[])) AS one (device, link, how)
    WHERE known.device = one.device AND known.link = one.link AND known.gone_at IS NULL
    RETURNING known.device
    """
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


def pull_feeds(session: Session, pulled: Sequence[tuple[PullFeed, Arrival]]) -> None:
    """Let the relay send retailers' feeds again, each from a cursor."""
    after: dict[str, int] = {}
    for pull, arrival in pulled:
        party = arrival.sender.party
        after[party] = min(pull.after, after.get(party, pull.after))
    outbox.resend(session, after)


def report_statuses(session: Session, told: Sequence[tuple[ReportStatus, Arrival]]) -> None:
    """Write down what devices say of themselves; of two words of one device the later counts."""
    rows: dict[str, Mapping[str, Any]] = {}
    heard: dict[str, int] = {}
    for status, arrival in told:
        at = arrival.at.isoformat()
        device, party = arrival.sender.device, arrival.sender.party
        rows[device] = status.model_dump(mode="json") | {"device": device, "reported_at": at, "last_seen_at": at}
        heard[party] = max(status.feed_seq, heard.get(party, 0))
    session.execute(_KEEP_STATUSES, {"rows": json.dumps(list(rows.values()))})
    outbox.heard_by(session, heard, at=max(arrival.at for _, arrival in told))


def report_presences(session: Session, told: Sequence[tuple[ReportPresence, Arrival]]) -> list[bool]:
    """Write down that connections of different devices began or ended; return for each whether that is news.

    The end of another connection than the last one known says nothing: it was taken over. A word that the broker keeps
    and hands over again is no news either.
    """
    news: set[str] = set()
    for statement, some in (
        (_BEGIN, [one for one in told if one[0].state == "connected"]),
        (_END, [one for one in told if one[0].state != "connected"]),
    ):
        if some:
            asked = {
                "devices": [arrival.sender.device for _, arrival in some],
                "links": [presence.session for presence, _ in some],
                "hows": [presence.state for presence, _ in some],
                "at": some[0][1].at,
            }
            news.update(session.scalars(statement, asked))
    return [arrival.sender.device in news for _, arrival in told]


def hear(session: Session, sender: Sender, *, at: datetime) -> None:
    """Note that a terminal was there, by a request of its own; at most once in :data:`rules.HEARD_EVERY`."""
    session.execute(_HEAR, {"device": sender.device, "last_seen_at": at})
