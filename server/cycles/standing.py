"""What stands for all cycles: the weekly schedules and the versions of policies. Nothing here commits."""

import hashlib
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.catalogue import queries as catalogue
from server.cycles import queries, rules, terms
from server.cycles.errors import NO_ROUTE, NO_SUCH_RETAILER, NO_ZONE, NOBODY_IN_GROUP, NOT_IN_CATALOGUE, invalid
from server.cycles.models import PolicyRow, RouteSchedule
from server.kit import audit
from server.kit.changing import ChangedMeanwhileError, Standing, digest
from server.kit.fields import EMPTY, OUT_OF_RANGE, TOO_LONG, Invalid
from server.kit.identity import Actor, Operator
from server.kit.marking import N_
from server.retailers import queries as retailers

NAME_MOST = 200
_SCHEDULES = select(func.pg_advisory_xact_lock(func.hashtext("schedules")))
_POLICIES = select(func.pg_advisory_xact_lock(func.hashtext("policies")))
DEFAULT_POLICY = "fair share"
DEFAULT_POLICY_TEXT = 'fairness = "line"\nrule = "max_min"\nrounding = "webster"\n'


def schedules_seen(session: Session) -> str:
    """Return a digest of all weekly windows, by which a person's form finds out that they were changed."""
    return digest([str(one) for one in queries.schedules(session)])


def set_schedule(
    session: Session, schedule: rules.Schedule, *, by: Operator, at: datetime, seen: str | None = None
) -> None:
    """Set the weekly window of a route, ``*`` for the routes without one of their own.

    ``seen`` is what :func:`schedules_seen` said to the person, none to set it whatever stands there.

    Raises
    ------
    Conflict
        ``changed_meanwhile``, where somebody changed a weekly window since.
    """
    _check_schedules_seen(session, schedule.route, seen)
    check_zone(schedule.zone)
    if schedule.route != "*" and schedule.route not in retailers.routes(session):
        raise invalid("route", NO_ROUTE, route=schedule.route)
    for where, weekday in (("opens_weekday", schedule.opens_weekday), ("closes_weekday", schedule.closes_weekday)):
        if weekday not in range(1, 8):
            raise invalid(where, OUT_OF_RANGE, value=weekday, least=1, most=7)
    session.merge(
        RouteSchedule(
            route=schedule.route,
            opens_weekday=schedule.opens_weekday,
            opens_time=schedule.opens_time,
            closes_weekday=schedule.closes_weekday,
            closes_time=schedule.closes_time,
            zone=schedule.zone,
            changed_by=by.name,
            changed_at=at,
        )
    )
    _note(session, by, "schedule.set", f"route:{schedule.route}", at, zone=schedule.zone)


def remove_schedule(session: Session, route: str, *, by: Operator, at: datetime, seen: str | None = None) -> None:
    """Take a route's weekly window away; what was announced stays. ``seen`` as for setting it."""
    _check_schedules_seen(session, route, seen)
    removed = session.execute(delete(RouteSchedule).where(RouteSchedule.route == route).returning(RouteSchedule.route))
    if removed.first() is None:
        raise Rejected("not_found", what="schedule", name=route)
    _note(session, by, "schedule.removed", f"route:{route}", at)


def _check_schedules_seen(session: Session, route: str, seen: str | None) -> None:
    session.execute(_SCHEDULES)
    if seen is None or seen == schedules_seen(session):
        return
    now = next((one for one in queries.schedules(session) if one.route == route), None)
    if now is None:
        raise ChangedMeanwhileError(route)
    raise ChangedMeanwhileError(
        route,
        (
            Standing("opens_weekday", N_("Opens on"), str(now.opens_weekday)),
            Standing("opens_time", N_("Opens at"), f"{now.opens_time:%H:%M}"),
            Standing("closes_weekday", N_("Closes on"), str(now.closes_weekday)),
            Standing("closes_time", N_("Closes at"), f"{now.closes_time:%H:%M}"),
            Standing("zone", N_("Time zone"), now.zone),
        ),
    )


def _stands(text: str) -> tuple[Standing, ...]:
    """Return what a policy says in the fields of its form; nothing of one that can no longer be read."""
    try:
        said = terms.read(text)
    except Invalid:
        return ()
    return (
        Standing("fairness", N_("Shared among"), said.policy.fairness),
        Standing("rule", N_("Shared out"), said.policy.rule),
        Standing("inside", N_("Inside a tier"), said.policy.inside or ""),
        Standing("rounding", N_("Whole packs lean"), said.policy.rounding),
        Standing("credit", N_("The credit of each retailer holds"), "yes" if said.credit else ""),
        Standing("retailer_units", N_("Most units of one retailer"), str(said.retailer_units or "")),
    )


def write_policy(
    session: Session,
    name: str,
    text: str,
    *,
    reason: str,
    author: str,
    actor: Actor,
    at: datetime,
    seen: int | None = None,
) -> queries.Policy:
    """Add a version of a policy; the same text again is no new version.

    ``seen`` is the newest version that the person knew, none to write after whatever is the newest.

    Raises
    ------
    Conflict
        ``changed_meanwhile``, where somebody wrote a version since.
    Invalid
        Where it cannot be read (see :func:`server.cycles.terms.read`), or names a group, SKU or retailer that
        there is not.
    """
    name = named("name", name)
    _check_known(session, terms.read(text))
    session.execute(_POLICIES)
    last = queries.policy(session, name)
    if last is not None and last.text == text:
        return last
    if seen is not None and last is not None and last.version != seen:
        raise ChangedMeanwhileError(
            f"{name} v{seen}",
            (
                *_stands(last.text),
                Standing("version", N_("Version"), str(last.version)),
                Standing("author", N_("Written by"), last.author),
                Standing("their_reason", N_("Their reason"), last.reason),
            ),
        )
    row = PolicyRow(
        name=name,
        version=1 if last is None else last.version + 1,
        text=text,
        text_sha256=hashlib.sha256(text.encode()).hexdigest(),
        author=author,
        reason=named("reason", reason),
        created_at=at,
    )
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor=actor,
        action="policy.written",
        subject=f"policy:{row.name}",
        at=at,
        detail={"version": row.version, "sha256": row.text_sha256, "reason": row.reason},
    )
    written = queries.policy(session, row.name, row.version)
    assert written is not None  # noqa: S101 - written above
    return written


def restore_policy(
    session: Session, name: str, version: int, *, reason: str, author: str, actor: Actor, at: datetime
) -> queries.Policy:
    """Write what an earlier version said as the newest version of that policy."""
    earlier = queries.policy(session, name, version)
    if earlier is None:
        raise Rejected("not_found", what="policy", name=f"{name} {version}")
    return write_policy(session, name, earlier.text, reason=reason, author=author, actor=actor, at=at)


def _check_known(session: Session, said: terms.Terms) -> None:
    """Refuse what names nobody and nothing: it would bind no line, and nobody would notice."""
    stand = retailers.audience_choices(session)
    labels = {
        "region": set(stand.regions),
        "route": set(stand.routes),
        "tier": {str(tier) for tier in stand.tiers},
        "market_type": set(retailers.market_types(session)),
    }
    skus = catalogue.skus(session, withdrawn=True)
    for number, quota in enumerate(said.quotas, start=1):
        if quota.value not in labels[quota.group]:
            raise invalid(f"quotas, row {number}, value", NOBODY_IN_GROUP, group=quota.group, value=quota.value)
        if quota.sku != terms.ALL and quota.sku not in skus:
            raise invalid(f"quotas, row {number}, sku", NOT_IN_CATALOGUE, sku=quota.sku)
    known = retailers.known(session, {line.retailer for line in said.all_or_nothing})
    for number, line in enumerate(said.all_or_nothing, start=1):
        if line.retailer != terms.ALL and line.retailer not in known:
            raise invalid(f"all_or_nothing, row {number}, retailer", NO_SUCH_RETAILER, retailer=line.retailer)
        if line.sku not in skus:
            raise invalid(f"all_or_nothing, row {number}, sku", NOT_IN_CATALOGUE, sku=line.sku)
    for where, named in (
        ("baskets", [one.sku for one in said.baskets]),
        ("bundles", [one.sku for one in said.bundles]),
    ):
        for number, sku in enumerate(named, start=1):
            if sku not in skus:
                raise invalid(f"{where}, row {number}, sku", NOT_IN_CATALOGUE, sku=sku)


def default_policy(session: Session, *, at: datetime) -> queries.Policy:
    """Return the newest version of the default policy; the first is written where there is none."""
    found = queries.policy(session, DEFAULT_POLICY)
    if found is not None:
        return found
    return write_policy(
        session,
        DEFAULT_POLICY,
        DEFAULT_POLICY_TEXT,
        reason="default",
        author="evenhand",
        actor=Actor("system", "evenhand"),
        at=at,
    )


def check_zone(zone: str) -> None:
    """Refuse what is no IANA time zone."""
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise invalid("zone", NO_ZONE, zone=zone) from None


def named(where: str, text: str) -> str:
    """Return a person's words without blanks around; refuse none, and too many."""
    text = text.strip()
    if not text:
        raise invalid(where, EMPTY)
    if len(text) > NAME_MOST:
        raise invalid(where, TOO_LONG, length=len(text), most=NAME_MOST)
    return text


def _note(session: Session, by: Operator, action: str, subject: str, at: datetime, **detail: str) -> None:
    audit.record(session, actor=by.actor, action=action, subject=subject, at=at, detail=detail)
