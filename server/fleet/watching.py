"""Once a minute every terminal's figures are held against the rules: alerts open, end, and gather into storms.

One read of the fleet, one of the stands that are not quiet; what changed is written by a fixed number of statements a
rule. A storm takes in what opened shortly before it, and gives what is left of it back as single alerts.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.fleet import alarm_rules, alerts, history, members, ruling
from server.fleet.alarm_rules import QUIET, Rule, Stand, State, Told
from server.fleet.events import AlertsChanged
from server.fleet.models import AlertRow, AlertStand
from server.kit import audit, events
from server.kit.identity import SYSTEM

TASK = "alerts"


@dataclass(frozen=True)
class _Standing:
    stand: Stand
    alert: int | None


@dataclass
class _Changes:
    """What one look at the fleet changed of one rule."""

    opening: dict[str, float] = field(default_factory=dict)
    ending: dict[str, int] = field(default_factory=dict)
    stands: dict[str, Stand] = field(default_factory=dict)


def keep_time(session: Session, now: datetime, *, ordering: Collection[str] = ()) -> None:
    """Look at the fleet once a minute; on the routes of ``ordering`` (``*``: all) a window is open."""
    if not history.first_since(session, TASK, now.replace(second=0, microsecond=0)):
        return
    look(session, now, ordering=ordering)
    alerts.suspect_clones(session, at=now)


def look(session: Session, now: datetime, *, ordering: Collection[str] = ()) -> None:
    """Hold every terminal that is not revoked against the rules, and write down what opened and ended."""
    fleet = members.fleet_query(now)
    rows = {row.device: row for row in session.execute(select(fleet).where(fleet.c.state != "revoked"))}
    told = {device: _told(row, now, ordering) for device, row in rows.items()}
    shops = {device: row.retailer for device, row in rows.items()}
    standing: dict[str, dict[str, _Standing]] = {}
    for one in session.scalars(select(AlertStand)):
        stand = Stand(cast("State", one.state), one.since)
        standing.setdefault(one.rule, {})[one.device] = _Standing(stand, one.alert)
    said: list[AlertRow] = []
    in_force = ruling.in_force(session)
    for rule in in_force.rules:
        watched = _watched(session, rule, told, now)
        before = standing.pop(rule.key, {})
        changes = _step_all(rule, {device: told[device] for device in watched}, before, now)
        said += _carry_out(session, rule, changes, before, shops, len(watched), now)
    for key, left in standing.items():
        said += _carry_out(session, Rule(key, key, "offline", 0, 0, 0, 0), _ended(left), left, shops, 0, now)
    if said:
        _tell(session, said, now)


def _told(row: Any, now: datetime, ordering: Collection[str]) -> Told:
    return Told(
        offline_s=alarm_rules.offline_s(row.state, row.last_seen_at, now),
        ordering="*" in ordering or row.route in ordering,
        queue_age_s=row.oldest_queued_s,
        certificate_from=row.certificate_from,
        certificate_until=row.certificate_until,
        clock_offset_ms=row.clock_offset_ms,
        disk_free_percent=row.disk_free_percent,
        temperature_c=row.temperature_c,
        storage_errors=row.storage_errors,
        version=row.version,
    )


def _watched(session: Session, rule: Rule, told: Mapping[str, Told], now: datetime) -> Collection[str]:
    """Return which of the terminals a rule is about: none where its group has been taken away."""
    if not rule.group:
        return told.keys()
    try:
        group = members.devices_in_group(session, rule.group, at=now)
    except Rejected:
        return ()
    return told.keys() & set(session.scalars(group))


def _step_all(rule: Rule, told: Mapping[str, Told], before: Mapping[str, _Standing], now: datetime) -> _Changes:
    """Step the machine of each terminal; those that are watched no more (revoked, out of the group) end."""
    changes = _ended({device: one for device, one in before.items() if device not in told})
    for device, known in told.items():
        value = alarm_rules.figure(rule, known, now)
        standing = before.get(device)
        stand = QUIET if standing is None else standing.stand
        after = alarm_rules.step(rule, stand, value, now)
        if after == stand:
            continue
        changes.stands[device] = after
        if after.state == "open" and stand.state in {"quiet", "pending"}:
            changes.opening[device] = value or 0.0
        elif after.state == "quiet" and standing is not None and standing.alert is not None:
            changes.ending[device] = standing.alert
    return changes


def _ended(left: Mapping[str, _Standing]) -> _Changes:
    ending = {device: one.alert for device, one in left.items() if one.alert is not None}
    return _Changes(stands=dict.fromkeys(left, QUIET), ending=ending)


def _carry_out(
    session: Session,
    rule: Rule,
    changes: _Changes,
    before: Mapping[str, _Standing],
    shops: Mapping[str, str],
    watched: int,
    now: datetime,
) -> list[AlertRow]:
    """Write what changed of a rule; return the alerts that opened or ended."""
    if not changes.stands:
        return []
    said = _end(session, changes.ending, now)
    open_ones = {one.number: one for one in session.scalars(_open_of(rule.key))}
    storm = next((one for one in open_ones.values() if one.device is None), None)
    recent = [
        one for one in open_ones.values() if one.device is not None and now - one.opened_at <= alarm_rules.STORM_WITHIN
    ]
    alert_of = {device: one.alert for device, one in before.items()}
    if changes.opening and storm is None and alarm_rules.is_storm(len(changes.opening) + len(recent), watched):
        storm = _open(session, rule, None, None, None, now)
        said.append(storm)
        for one in recent:
            one.closed_at, one.left = now, 0
            one.detail = {**one.detail, "joined": storm.number}
            said.append(one)
            alert_of[str(one.device)] = storm.number
            storm.left += 1
        moved = update(AlertStand).where(AlertStand.alert.in_([one.number for one in recent]))
        session.execute(moved.values(alert=storm.number))
    for device, value in changes.opening.items():
        if storm is not None:
            storm.left += 1
            alert_of[device] = storm.number
            continue
        single = _open(session, rule, device, shops[device], value, now)
        said.append(single)
        alert_of[device] = single.number
    if storm is not None:
        storm.most = max(storm.most, storm.left)
    _keep_stands(session, rule, changes.stands, alert_of, shops)
    if storm is not None and storm.closed_at is None and not changes.opening:
        said += _perhaps_over(session, rule, storm, now)
    return said


def _open_of(rule: str) -> Any:
    return select(AlertRow).where(AlertRow.rule == rule, AlertRow.closed_at.is_(None)).with_for_update()


def _open(
    session: Session, rule: Rule, device: str | None, retailer: str | None, value: float | None, now: datetime
) -> AlertRow:
    alert = AlertRow(
        rule=rule.key,
        device=device,
        retailer=retailer,
        severity="critical" if device is None else rule.severity,
        value=value,
        opened_at=now,
        most=0 if device is None else 1,
        left=0 if device is None else 1,
        detail={"name": rule.name, "figure": rule.figure, "limit": rule.value, "who": rule.who},
    )
    session.add(alert)
    session.flush()
    return alert


def _end(session: Session, ending: Mapping[str, int], now: datetime) -> list[AlertRow]:
    """Take terminals out of their alerts; return those that have none left."""
    left: dict[int, int] = {}
    for number in ending.values():
        left[number] = left.get(number, 0) + 1
    ended = []
    for one in session.scalars(
        select(AlertRow).where(AlertRow.number.in_(left)).order_by(AlertRow.number).with_for_update()
    ):
        one.left = max(0, one.left - left[one.number])
        if not one.left and one.closed_at is None:
            one.closed_at = now
            ended.append(one)
    return ended


def _perhaps_over(session: Session, rule: Rule, storm: AlertRow, now: datetime) -> list[AlertRow]:
    """End a storm of which little is left, and open a single alert for each terminal of that."""
    if not alarm_rules.storm_is_over(storm.left, storm.most):
        return []
    session.flush()
    rest = list(session.scalars(select(AlertStand).where(AlertStand.alert == storm.number)))
    storm.closed_at, storm.left = now, 0
    singles = []
    for one in rest:
        single = _open(session, rule, one.device, one.retailer, None, now)
        one.alert = single.number
        singles.append(single)
    return [storm, *singles]


def _keep_stands(
    session: Session,
    rule: Rule,
    stands: Mapping[str, Stand],
    alert_of: Mapping[str, int | None],
    shops: Mapping[str, str],
) -> None:
    quiet = [device for device, stand in stands.items() if stand.state == "quiet"]
    session.flush()
    if quiet:
        session.execute(delete(AlertStand).where(AlertStand.rule == rule.key, AlertStand.device.in_(quiet)))
    rows = [
        {
            "rule": rule.key,
            "device": device,
            "retailer": shops[device],
            "state": stand.state,
            "since": stand.since,
            "alert": alert_of.get(device),
        }
        for device, stand in stands.items()
        if stand.state != "quiet"
    ]
    if rows:
        kept = insert(AlertStand)
        changed = {name: kept.excluded[name] for name in ("state", "since", "alert")}
        session.execute(kept.on_conflict_do_update(index_elements=["rule", "device"], set_=changed), rows)
        session.expire_all()


def _tell(session: Session, said: list[AlertRow], now: datetime) -> None:
    """Tell others of what opened or ended; a storm goes into the audit, and alerts there."""
    for one in said:
        if one.device is None and one.closed_at is None:
            audit.record(
                session,
                actor=SYSTEM,
                action="fleet_alert.storm",
                subject=f"fleet_alert:{one.number}",
                at=now,
                detail={"rule": one.rule, "terminals": one.left},
                alert=True,
            )
    told: list[dict[str, str | int | None]] = [
        {
            "number": one.number,
            "rule": one.rule,
            "severity": one.severity,
            "device": one.device,
            "terminals": one.most,
            "state": "open" if one.closed_at is None else "ended",
        }
        for one in said
    ]
    events.publish_awaited(session, AlertsChanged(told, now))
