"""Which terminals a predicate or a group means: queries that others put into theirs.

Each selects ids of terminals, revoked ones too where nothing says otherwise, of the shops that the session may see.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, FromClause, Integer, Select, cast, func, literal, not_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.devices import queries as devices
from server.fleet import predicate
from server.fleet.models import DeviceGroup, DeviceGroupMember, DeviceRing, DeviceTag
from server.fleet.predicate import Condition
from server.retailers import queries as retailers

LAST_RING = predicate.RINGS[-1]


def fleet_query(at: datetime) -> FromClause:
    """Return every terminal with its shop and its ring, as a table to select from: one row a terminal."""
    device = devices.wide_query(at).subquery("wide")
    shop = retailers.standing_query().subquery("shop")
    ring = func.coalesce(DeviceRing.ring, LAST_RING).label("ring")
    return (
        select(device, *(column for column in shop.c if column.key != "code"), ring)
        .join(shop, shop.c.code == device.c.retailer)
        .outerjoin(DeviceRing, DeviceRing.device == device.c.device)
        .subquery("fleet")
    )


def holds(conditions: Iterable[Condition], fleet: FromClause) -> list[ColumnElement[bool]]:
    """Return the conditions on rows of :func:`fleet_query`. What is not known of a terminal is nothing that it is."""
    return [_holds(one, fleet) for one in conditions]


def devices_by(conditions: Iterable[Condition], *, at: datetime) -> Select[str]:
    """Select the terminals of which all conditions hold at an instant."""
    fleet = fleet_query(at)
    return select(fleet.c.device).where(*holds(conditions, fleet))


def devices_in_group(session: Session, name: str, *, at: datetime) -> Select[str]:
    """Select the terminals of a group as they are at an instant.

    Raises
    ------
    Rejected
        ``not_found``: no group has this name.
    """
    group = session.get(DeviceGroup, name)
    if group is None:
        raise Rejected("not_found", what="group of terminals", name=name)
    if group.rule is None:
        return select(DeviceGroupMember.device).where(DeviceGroupMember.name == name)
    return devices_by(predicate.read(group.rule), at=at)


def _holds(one: Condition, fleet: FromClause) -> ColumnElement[bool]:
    if one.relation in {"below", "at least"}:
        reached = _reaches(one, fleet)
        return reached if one.relation == "at least" else not_(reached)
    is_one = func.coalesce(_is(one, fleet), False)
    return is_one if one.relation == "is" else not_(is_one)


def _is(one: Condition, fleet: FromClause) -> ColumnElement[bool]:
    match one.subject:
        case "tag":
            return fleet.c.device.in_(select(DeviceTag.device).where(DeviceTag.tag.in_(one.values)))
        case "state":
            return func.coalesce(fleet.c.state.in_(one.values), False) | func.coalesce(
                fleet.c.why.in_(one.values), False
            )
        case "tier":
            return fleet.c.tier.in_([int(value) for value in one.values])
        case subject:
            return fleet.c[subject].in_(one.values)


def _reaches(one: Condition, fleet: FromClause) -> ColumnElement[bool]:
    """Return whether a version or tier is at least the value; unknown where it is not known, so that neither holds."""
    (value,) = one.values
    if one.subject == "tier":
        return fleet.c.tier >= cast(int(value), Integer)
    return version_numbers(fleet.c.version) >= literal(list(predicate.version_key(value)), ARRAY(BigInteger))


def version_numbers(version: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the numbers of a version as :func:`server.fleet.predicate.version_key` has them."""
    leading = func.substring(version, r"^[0-9]{1,9}(?:\.[0-9]{1,9}){0,5}")
    without_zeros = func.regexp_replace(func.coalesce(leading, func.left(version, 0)), r"(^|\.)0+(\.0+)*$", "")
    return cast(func.string_to_array(without_zeros, "."), ARRAY(BigInteger))
