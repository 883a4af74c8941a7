"""What can be done: set terminals, ask them for something, call it back, take their words. Nothing here commits.

Many terminals cost a few statements a thousand, whatever they are asked for.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, String, and_, any_, func, literal, or_, select, text, update
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.feed import Command, Commands, Desired
from contract.ids import uuid7
from contract.messages import ReportCommand, ReportShadow
from contract.steering import OPEN_MOST
from server.devices import queries as devices
from server.kit import audit, broadcasts, live, outbox
from server.kit.changing import ChangedMeanwhileError
from server.kit.identity import Actor, Operator
from server.kit.inbox import Arrival
from server.retailers import queries as retailers
from server.steering import rules
from server.steering.models import CommandRow, ShadowRow

TOPIC: Final = "steering"
MANY: Final = 200
"""From more on, terminals are told by their groups to fetch (:mod:`server.kit.broadcasts`)."""
AT_ONCE: Final = 1_000
_ARRIVED = text(
    """
    INSERT INTO device_shadows AS known (device, retailer, desired, reported, refused, desired_version,
        reported_version, reported_at, applied_version)
    SELECT device, retailer, '{}', reported, refused, 0, version, :at, applied
    FROM ROWS FROM (
        unnest(CAST(:devices AS text[])), unnest(CAST(:retailers AS text[])), unnest(CAST(:versions AS integer[])),
        unnest(CAST(:applied AS integer[])), jsonb_array_elements(CAST(:reported AS jsonb)),
        jsonb_array_elements(CAST(:refused AS jsonb))
    ) AS one (device, retailer, version, applied, reported, refused) ORDER BY device
    ON CONFLICT (device) DO UPDATE SET reported = excluded.reported, refused = excluded.refused,
        reported_version = excluded.reported_version, reported_at = excluded.reported_at,
        applied_version = excluded.applied_version
    WHERE known.reported_version < excluded.reported_version
    """
)
_BEGIN = text(
    """
    INSERT INTO device_shadows (device, retailer, desired, reported, refused, desired_version, reported_version,
        applied_version)
    SELECT device, retailer, '{}', '{}', '{}', 0, 0, 0
    FROM unnest(CAST(:devices AS text[]), CAST(:retailers AS text[])) AS one (device, retailer)
    ON CONFLICT (device) DO NOTHING
    """
)
"""So that there is a row to lock where nothing was wanted of a terminal before."""
_DESIRE = text(
    """
    INSERT INTO device_shadows AS known (device, retailer, desired, reported, refused, desired_version, desired_at,
        desired_by, reported_version, applied_version)
    SELECT device, retailer, desired, '{}', '{}', version, :at, :by, 0, 0
    FROM ROWS FROM (
        unnest(CAST(:devices AS text[])), unnest(CAST(:retailers AS text[])), unnest(CAST(:versions AS integer[])),
        jsonb_array_elements(CAST(:desired AS jsonb))
    ) AS one (device, retailer, version, desired)
    ON CONFLICT (device) DO UPDATE SET desired = excluded.desired, desired_version = excluded.desired_version,
        desired_at = excluded.desired_at, desired_by = excluded.desired_by
    """
)
_ISSUE = text(
    """
    INSERT INTO device_commands (id, device, retailer, kind, params, batch, issued_at, issued_by, expires_at, state,
        reason, ended_at)
    SELECT one.id, one.device, one.retailer, :kind, CAST(:params AS jsonb), :batch, :at, :by, :expires_at,
        CASE WHEN open.number >= :most THEN 'rejected' ELSE 'sent' END,
        CASE WHEN open.number >= :most THEN 'too_many_open' ELSE '' END,
        CASE WHEN open.number >= :most THEN CAST(:at AS timestamptz) END
    FROM unnest(CAST(:ids AS uuid[]), CAST(:devices AS text[]), CAST(:retailers AS text[]))
        AS one (id, device, retailer)
    LEFT JOIN (
        SELECT device, count(*) AS number FROM device_commands
        WHERE state IN ('sent', 'in_progress') AND device = ANY (CAST(:devices AS text[])) GROUP BY device
    ) AS open USING (device)
    """
)
_STANDS = text(
    """
    SELECT id, device, state FROM device_commands WHERE id = ANY (CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE
    """
)
_SAID = text(
    """
    UPDATE device_commands AS command SET state = one.state, reason = one.reason, detail = one.detail,
        begun_at = CASE WHEN one.state = 'in_progress' THEN :at ELSE command.begun_at END,
        ended_at = CASE WHEN one.state = 'in_progress' THEN command.ended_at ELSE :at END,
        brought = coalesce(nullif(one.brought, 'null'), command.brought)
    FROM ROWS FROM (
        unnest(CAST(:ids AS uuid[])), unnest(CAST(:states AS text[])), unnest(CAST(:reasons AS text[])),
        unnest(CAST(:details AS text[])), jsonb_array_elements(CAST(:brought AS jsonb))
    ) AS one (id, state, reason, detail, brought)
    WHERE command.id = one.id
    """
)
_OVER = text(
    """
    UPDATE device_commands SET ended_at = :now,
        state = CASE WHEN state = 'in_progress' THEN 'timed_out'
            WHEN called_back_at IS NOT NULL THEN 'cancelled' ELSE 'expired' END,
        reason = CASE WHEN state = 'in_progress' THEN 'not_finished'
            WHEN called_back_at IS NOT NULL THEN 'called_back' ELSE 'not_heard' END
    WHERE id IN (
        SELECT id FROM device_commands WHERE state IN ('sent', 'in_progress') AND expires_at < :before
        ORDER BY expires_at LIMIT :most FOR UPDATE SKIP LOCKED
    ) RETURNING device
    """
)


def set_desired(
    session: Session,
    wanted_of: Sequence[str],
    changes: Mapping[str, rules.Wanted | None],
    operator: Operator,
    *,
    at: datetime,
    seen: int | None = None,
) -> None:
    """Set ``changes`` on terminals and tell them; none lets a setting go. ``seen`` is the version that a person saw.

    Raises
    ------
    Rejected, ChangedMeanwhileError
        ``not_found``, naming a terminal; what :func:`rules.check_settings` refuses; another version stands by now.
    """
    rules.check_settings(changes)
    owners = _owners(session, wanted_of)
    names = sorted(owners)
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        session.execute(_BEGIN, {"devices": some, "retailers": [owners[name] for name in some]})
        query = select(ShadowRow).where(ShadowRow.device.in_(some)).order_by(ShadowRow.device).with_for_update()
        known = {row.device: row for row in session.scalars(query.execution_options(populate_existing=True))}
        if seen is not None and any(known[name].desired_version != seen for name in some):
            raise ChangedMeanwhileError(some[0])
        versions = [known[name].desired_version + 1 for name in some]
        desired = [
            rules.changed(known[name].desired, changes, version) for name, version in zip(some, versions, strict=True)
        ]
        session.execute(
            _DESIRE,
            {
                "devices": some,
                "retailers": [owners[name] for name in some],
                "versions": versions,
                "desired": json.dumps(desired),
                "at": at,
                "by": operator.name,
            },
        )
        items = [
            outbox.Item(
                owners[name],
                f"desired:{name}",
                "desired",
                Desired.model_validate({"device": name, "version": version, "settings": one}),
            )
            for name, version, one in zip(some, versions, desired, strict=True)
        ]
        outbox.append(session, items, at=at, by_broadcast=len(names) > MANY)
    _tell_groups(session, owners, at)
    audit.record(
        session,
        actor=operator.actor,
        action="device.settings_wanted",
        subject=_subject(names),
        at=at,
        detail={
            "settings": {
                name: "-" if one is None else f"{one.value}{' (held)' if one.held else ''}"
                for name, one in changes.items()
            },
            **({} if len(names) == 1 else {"devices": len(names)}),
        },
    )


def issue(
    session: Session,
    asked_of: Sequence[str],
    kind: str,
    operator: Operator,
    *,
    at: datetime,
    minutes: int,
    params: Mapping[str, str] | None = None,
) -> list[UUID]:
    """Ask terminals for one thing, which holds for so many minutes; return the commands' ids in their order.

    Raises
    ------
    Rejected
        ``not_found``; what :func:`rules.check_command` refuses; ``commands_full``, where one terminal is asked.
    """
    rules.check_command(kind, params or {}, minutes)
    owners = _owners(session, asked_of)
    if len(owners) == 1 and _count_open(session, asked_of[0]) >= OPEN_MOST:
        raise Rejected("commands_full", name=asked_of[0], most=OPEN_MOST)
    batch = uuid7() if len(owners) > 1 else None
    names = list(dict.fromkeys(asked_of))
    made = give(
        session,
        [(name, owners[name]) for name in names],
        kind,
        params or {},
        by=operator.name,
        at=at,
        expires_at=at + timedelta(minutes=minutes),
        batch=batch,
    )
    audit.record(
        session,
        actor=operator.actor,
        action="device.command_issued",
        subject=_subject(names),
        at=at,
        detail={"command": kind, **(params or {}), "minutes": minutes, **({"devices": len(names)} if batch else {})},
    )
    return made


def give(
    session: Session,
    to: Sequence[tuple[str, str]],
    kind: str,
    params: Mapping[str, str],
    *,
    by: str,
    at: datetime,
    expires_at: datetime,
    batch: UUID | None,
) -> list[UUID]:
    """Write down a command for each (device, retailer) and tell them; one whose list is full has refused it at once."""
    ids = [uuid7() for _ in to]
    outbox.hold(session, (retailer for _, retailer in to))
    for start in range(0, len(to), AT_ONCE):
        some = to[start : start + AT_ONCE]
        session.execute(
            _ISSUE,
            {
                "ids": ids[start : start + AT_ONCE],
                "devices": [device for device, _ in some],
                "retailers": [retailer for _, retailer in some],
                "kind": kind,
                "params": json.dumps(dict(params)),
                "batch": batch,
                "at": at,
                "by": by,
                "expires_at": expires_at,
                "most": OPEN_MOST,
            },
        )
    _tell(session, dict(to), at)
    live.tell(session, TOPIC)
    return ids


def call_back(session: Session, commands: Sequence[UUID], *, at: datetime) -> int:
    """Ask terminals not to begin what they have not begun, or to end it where they safely can; return how many.

    What the terminal ended stays so. What the time ended is called back too: the terminal may have begun it.
    """
    told: dict[str, str] = {}
    for start in range(0, len(commands), AT_ONCE):
        held = (
            select(CommandRow.id)
            .where(
                CommandRow.id.in_(commands[start : start + AT_ONCE]),
                or_(
                    CommandRow.state.in_(rules.OPEN),
                    CommandRow.state.in_(rules.BY_TIME) & CommandRow.reason.in_(rules.BY_TIME_REASONS),
                ),
                CommandRow.called_back_at.is_(None),
            )
            .order_by(CommandRow.id)  # as ingest takes them: two never wait for each other
            .with_for_update()
        )
        query = (
            update(CommandRow)
            .where(CommandRow.id.in_(session.scalars(held).all()))
            .values(called_back_at=at)
            .returning(CommandRow.device, CommandRow.retailer)
            .execution_options(synchronize_session=False)
        )
        told.update((device, retailer) for device, retailer in session.execute(query))
    _tell(session, told, at)
    live.tell(session, TOPIC)
    return len(told)


def call_one_back(session: Session, command: UUID, operator: Operator, *, at: datetime) -> None:
    """Call one command back.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``, where it is over.
    """
    row = session.get(CommandRow, command, with_for_update=True)
    if row is None:
        raise Rejected("not_found", what="command", name=str(command))
    if not rules.may_call_back(row.state, row.reason):
        raise Conflict("wrong_state", state=row.state, needed=" / ".join(rules.OPEN))
    device, kind = row.device, row.kind
    call_back(session, [command], at=at)
    audit.record(
        session,
        actor=operator.actor,
        action="device.command_called_back",
        subject=f"device:{device}",
        at=at,
        detail={"command": kind},
    )


def report_shadows(session: Session, told: Sequence[tuple[ReportShadow, Arrival]]) -> None:
    """Take the own states of different terminals; one that is not newer changes nothing."""
    session.execute(
        _ARRIVED,
        {
            "devices": [arrival.sender.device for _, arrival in told],
            "retailers": [arrival.sender.party for _, arrival in told],
            "versions": [report.version for report, _ in told],
            "applied": [report.applied for report, _ in told],
            "reported": json.dumps([report.state for report, _ in told]),
            "refused": json.dumps([report.refused for report, _ in told]),
            "at": told[0][1].at,
        },
    )
    live.tell(session, TOPIC)


def report_commands(session: Session, told: Sequence[tuple[ReportCommand, Arrival]]) -> None:
    """Take terminals' words on commands of their own; one that is unknown, or has its last word, changes nothing."""
    found = session.execute(_STANDS, {"ids": sorted({report.command for report, _ in told})})
    stands: dict[UUID, tuple[str, rules.State]] = {row.id: (row.device, row.state) for row in found}
    said: dict[UUID, ReportCommand] = {}
    for report, arrival in told:
        device, state = stands.get(report.command, ("", "sent"))
        if device != arrival.sender.device or not rules.word_counts(state, report.state):
            continue
        stands[report.command] = (device, report.state)
        said[report.command] = report
        if report.state != "in_progress" and (report.facts or report.log):
            audit.record(
                session,
                actor=Actor("device", device),
                action="device.diagnosis_sent",
                subject=f"device:{device}",
                at=arrival.at,
            )
    if not said:
        return
    session.execute(
        _SAID,
        {
            "ids": list(said),
            "states": [report.state for report in said.values()],
            "reasons": [report.reason for report in said.values()],
            "details": [report.detail for report in said.values()],
            "brought": json.dumps([_brought(report) for report in said.values()]),
            "at": told[0][1].at,
        },
    )
    live.tell(session, TOPIC)


def _brought(report: ReportCommand) -> dict[str, Any] | None:
    """Return what a last word brought; nothing where it brought nothing."""
    if report.state == "in_progress" or not (report.facts or report.log):
        return None
    return {"facts": report.facts, "log": list(report.log)}


def keep_time(session: Session, now: datetime) -> None:
    """End what was not answered in its time; at most a thousand at once, the next tick goes on."""
    over = session.execute(_OVER, {"now": now, "before": now - rules.GRACE, "most": AT_ONCE}).all()
    if over:
        live.tell(session, TOPIC)


def _owners(session: Session, names: Sequence[str]) -> dict[str, str]:
    owners = devices.owners(session, names)
    missing = next((name for name in names if name not in owners), None)
    if missing is not None or not names:
        raise Rejected("not_found", what="device", name=missing or "")
    return owners


def _count_open(session: Session, device: str) -> int:
    query = select(func.count()).where(CommandRow.device == device, CommandRow.state.in_(rules.OPEN))
    return session.scalar(query) or 0


def _tell(session: Session, owners: Mapping[str, str], at: datetime) -> None:
    """Tell terminals everything that they are still asked to do; of two tellings at once, the later has all of it."""
    outbox.hold(session, owners.values())
    names = sorted(owners)
    for start in range(0, len(names), AT_ONCE):
        some = names[start : start + AT_ONCE]
        query = (
            select(CommandRow)
            .where(
                CommandRow.device == any_(literal(some, ARRAY(String))),
                or_(
                    CommandRow.state.in_(rules.OPEN),
                    and_(
                        CommandRow.state.in_(rules.BY_TIME),
                        CommandRow.reason.in_(rules.BY_TIME_REASONS),
                        CommandRow.called_back_at.is_not(None),
                        CommandRow.called_back_at > at - rules.RECALLED_FOR,
                    ),
                ),
            )
            .order_by(CommandRow.device, CommandRow.issued_at, CommandRow.id)
        )
        asked: dict[str, list[CommandRow]] = {name: [] for name in some}
        for row in session.scalars(query.execution_options(populate_existing=True)):
            asked[row.device].append(row)
        items = [outbox.Item(owners[name], f"commands:{name}", "commands", _list(name, asked[name])) for name in some]
        outbox.append(session, items, at=at, by_broadcast=len(names) > MANY)
    _tell_groups(session, owners, at)


def _list(device: str, rows: Sequence[CommandRow]) -> Commands:
    """Return what is open, and of what was called back after its time the newest, as far as there is room."""
    room = OPEN_MOST - sum(row.ended_at is None for row in rows)
    recalled = [row for row in rows if row.ended_at is not None]
    passed_over = {row.id for row in recalled[: max(0, len(recalled) - room)]}
    return Commands(
        device=device,
        commands=tuple(
            Command(
                command=row.id,
                kind=row.kind,
                issued_at=row.issued_at,
                expires_at=row.expires_at,
                params=row.params,
                called_back=row.called_back_at is not None,
            )
            for row in rows
            if row.id not in passed_over
        ),
    )


def _tell_groups(session: Session, owners: Mapping[str, str], at: datetime) -> None:
    if len(owners) > MANY:
        groups = retailers.groups_around(session, set(owners.values()))
        broadcasts.tell(session, groups, terminals=len(owners), at=at)


def _subject(names: Sequence[str]) -> str:
    return f"device:{names[0]}" if len(names) == 1 else "devices"
