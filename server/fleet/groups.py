"""What people do with groups, tags and rings. Nothing here commits."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.devices import queries as devices
from server.fleet import members, predicate
from server.fleet.models import DeviceGroup, DeviceGroupMember, DeviceRing, DeviceTag
from server.kit import audit, changing
from server.kit.fields import EMPTY, TOO_LONG, TOO_MANY, Invalid, Reason, Unfit
from server.kit.identity import Operator
from server.kit.marking import N_

Kind = Literal["list", "query"]
NAME_MOST: Final = 60
ABOUT_MOST: Final = 200
TAG_MOST: Final = 30
TAGS_MOST: Final = 20
MEMBERS_MOST: Final = 20_000
UNKNOWN = Reason("unknown_terminal", N_("“{value}” is neither a terminal nor a shop with one."))
NAME_TAKEN = Reason("name_taken", N_("There is a group “{value}” already. Choose another name."))
NAME_ODD = Reason("name_odd", N_("“{value}” cannot be a name: letters, digits, spaces and . _ - are."))


@dataclass(frozen=True)
class Group:
    """A group and, where it was counted, how many terminals it has by now."""

    name: str
    kind: Kind
    rule: str | None
    about: str
    revision: int
    changed_by: str
    changed_at: datetime
    count: int | None = None

    @property
    def conditions(self) -> predicate.Predicate:
        """The conditions of a query; none of a list."""
        return predicate.read(self.rule or "")


@dataclass(frozen=True)
class Wanted:
    """A group as somebody wants it: ``rule`` in words for a query, ``named`` terminals or shops for a list."""

    name: str
    kind: Kind
    rule: str = ""
    named: Sequence[str] = ()
    about: str = ""


def group(session: Session, name: str) -> Group | None:
    """Return one group, or none."""
    row = session.get(DeviceGroup, name)
    return None if row is None else _view(row)


def groups(session: Session) -> list[Group]:
    """Return all groups by name, not counted."""
    return [_view(row) for row in session.scalars(select(DeviceGroup).order_by(DeviceGroup.name))]


def counted(session: Session, *, at: datetime) -> list[Group]:
    """Return all groups with how many terminals each has, in two queries however many there are."""
    found = groups(session)
    fleet = members.fleet_query(at)
    listed = select(DeviceGroupMember.name, func.count()).group_by(DeviceGroupMember.name)
    counts = {name: int(count) for name, count in session.execute(listed)}
    queries = [one for one in found if one.kind == "query"]
    if queries:
        sums = [func.count().filter(*members.holds(one.conditions, fleet)) for one in queries]
        counts |= dict(zip((one.name for one in queries), session.execute(select(*sums)).one(), strict=True))
    return [_counted(one, counts.get(one.name, 0)) for one in found]


def listed_devices(session: Session, name: str) -> list[str]:
    """Return the terminals on a group's list."""
    of_group = DeviceGroupMember.name == name
    return list(session.scalars(select(DeviceGroupMember.device).where(of_group).order_by(DeviceGroupMember.device)))


def write_group(
    session: Session, wanted: Wanted, operator: Operator, *, at: datetime, seen: int | None = None
) -> Group:
    """Make a group, or write the one under this name anew where ``seen`` is the revision that was seen.

    Raises
    ------
    Invalid
        Naming what does not fit: ``name``, ``about``, ``rule`` or ``named``.
    Conflict
        ``changed_meanwhile``.
    """
    name = wanted.name.strip()
    _require(wanted, name)
    row = session.get(DeviceGroup, name, with_for_update=True)
    if row is not None and seen is None:
        raise Invalid({"name": Unfit(NAME_TAKEN, value=name)})
    before = None if row is None else _view(row)
    if row is not None and row.revision != seen:
        raise changing.ChangedMeanwhileError(name)
    rule = predicate.write(predicate.read(wanted.rule)) if wanted.kind == "query" else None
    found = {} if wanted.kind == "query" else _resolved(session, wanted.named)
    if row is None:
        row = DeviceGroup(name=name, revision=0, changed_by=operator.name, changed_at=at, about="", kind=wanted.kind)
        session.add(row)
    row.kind, row.rule, row.about = wanted.kind, rule, wanted.about.strip()
    row.revision += 1
    row.changed_by, row.changed_at = operator.name, at
    session.flush()
    session.execute(delete(DeviceGroupMember).where(DeviceGroupMember.name == name))
    if found:
        rows = [{"name": name, "device": device, "retailer": retailer} for device, retailer in found.items()]
        session.execute(insert(DeviceGroupMember), rows)
    audit.record(
        session,
        actor=operator.actor,
        action="device_group.written",
        subject=f"device_group:{name}",
        at=at,
        detail={"kind": wanted.kind, "before": before.rule if before else None}
        | ({"rule": rule} if rule is not None else {"terminals": len(found)}),
    )
    return _view(row)


def remove_group(session: Session, name: str, operator: Operator, *, at: datetime) -> None:
    """Take a group away; its terminals stay as they are.

    Raises
    ------
    Rejected
        ``not_found``.
    """
    row = session.get(DeviceGroup, name, with_for_update=True)
    if row is None:
        raise Rejected("not_found", what="group of terminals", name=name)
    session.delete(row)
    session.flush()
    audit.record(
        session,
        actor=operator.actor,
        action="device_group.removed",
        subject=f"device_group:{name}",
        at=at,
        detail={"kind": row.kind, "rule": row.rule},
    )


def tags_of(session: Session, ids: Collection[str]) -> dict[str, list[str]]:
    """Return the tags of the named terminals that have some."""
    query = select(DeviceTag.device, DeviceTag.tag).where(DeviceTag.device.in_(ids)).order_by(DeviceTag.tag)
    found: dict[str, list[str]] = {}
    for device, tag in session.execute(query):
        found.setdefault(device, []).append(tag)
    return found


def tags(session: Session) -> list[str]:
    """Return every tag that a terminal has."""
    return list(session.scalars(select(DeviceTag.tag).distinct().order_by(DeviceTag.tag)))


def ring_of(session: Session, device: str) -> str:
    """Return the ring of a terminal."""
    row = session.get(DeviceRing, device)
    return members.LAST_RING if row is None else row.ring


def mark(
    session: Session, device: str, tags_wanted: Sequence[str], ring: str, operator: Operator, *, at: datetime
) -> None:
    """Give a terminal exactly these tags, and its place in a ring.

    Raises
    ------
    Rejected
        ``not_found``: there is no such terminal.
    Invalid
        Naming ``tags`` or ``ring``.
    """
    found = devices.device(session, device)
    if found is None:
        raise Rejected("not_found", what="device", name=device)
    wanted = _tags(tags_wanted)
    if ring not in predicate.RINGS:
        raise Invalid({"ring": Unfit(UNKNOWN, value=ring[:60])})
    before = (tags_of(session, [device]).get(device, []), ring_of(session, device))
    if before == (wanted, ring):
        return
    session.execute(delete(DeviceTag).where(DeviceTag.device == device))
    session.execute(delete(DeviceRing).where(DeviceRing.device == device))
    session.add_all(DeviceTag(device=device, tag=tag, retailer=found.retailer) for tag in wanted)
    if ring != members.LAST_RING:
        session.add(DeviceRing(device=device, ring=ring, retailer=found.retailer))
    session.flush()
    session.expire_all()
    audit.record(
        session,
        actor=operator.actor,
        action="device.marked",
        subject=f"device:{device}",
        at=at,
        detail={"tags": {"before": before[0], "after": wanted}, "ring": {"before": before[1], "after": ring}},
    )


def _require(wanted: Wanted, name: str) -> None:
    if not name:
        raise Invalid({"name": Unfit(EMPTY)})
    if len(name) > NAME_MOST:
        raise Invalid({"name": Unfit(TOO_LONG, length=len(name), most=NAME_MOST)})
    if not _NAME.fullmatch(name):
        raise Invalid({"name": Unfit(NAME_ODD, value=name)})
    if len(wanted.about) > ABOUT_MOST:
        raise Invalid({"about": Unfit(TOO_LONG, length=len(wanted.about), most=ABOUT_MOST)})
    if wanted.kind == "query":
        try:
            predicate.read(wanted.rule)
        except Unfit as unfit:
            raise Invalid({"rule": unfit}) from None
    elif not wanted.named:
        raise Invalid({"named": Unfit(EMPTY)})
    elif len(wanted.named) > MEMBERS_MOST:
        raise Invalid({"named": Unfit(TOO_MANY, count=len(wanted.named), most=MEMBERS_MOST)})


def _resolved(session: Session, named: Sequence[str]) -> dict[str, str]:
    """Return the shops of the named terminals by terminal; a shop stands for its terminals that are not revoked."""
    owners = devices.owners(session, named)
    of_shops = devices.devices_of(session, [one for one in named if one not in owners])
    for one in named:
        if one not in owners and one not in of_shops:
            raise Invalid({"named": Unfit(UNKNOWN, value=one[:60])})
    return owners | {device: shop for shop, ids in of_shops.items() for device in ids}


def _tags(wanted: Sequence[str]) -> list[str]:
    tags_wanted = sorted({tag.strip() for tag in wanted if tag.strip()})
    if len(tags_wanted) > TAGS_MOST:
        raise Invalid({"tags": Unfit(TOO_MANY, count=len(tags_wanted), most=TAGS_MOST)})
    for tag in tags_wanted:
        if len(tag) > TAG_MOST:
            raise Invalid({"tags": Unfit(TOO_LONG, length=len(tag), most=TAG_MOST)})
        if not _NAME.fullmatch(tag):
            raise Invalid({"tags": Unfit(NAME_ODD, value=tag)})
    return tags_wanted


def _view(row: DeviceGroup) -> Group:
    kind: Kind = "list" if row.rule is None else "query"
    return Group(row.name, kind, row.rule, row.about, row.revision, row.changed_by, row.changed_at)


def _counted(one: Group, count: int) -> Group:
    return Group(one.name, one.kind, one.rule, one.about, one.revision, one.changed_by, one.changed_at, count)


_NAME = re.compile(r"\w[\w .-]*")
