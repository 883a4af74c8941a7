"""The versions of what is promised of complaints, and who can keep it. Nothing here commits."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.messages import FeedbackCategory
from server.cycles import queries as cycles
from server.feedback import rules, terms
from server.feedback.models import FeedbackTermsRow
from server.kit import audit
from server.kit.changing import ChangedMeanwhileError
from server.kit.identity import Operator
from server.operators import queries as operators
from server.retailers.queries import Retailer

ZONE = "UTC"
"""Where no version says where the distributor is, and no cycle either."""


@dataclass(frozen=True)
class Version:
    """One version of the terms, and who set it when."""

    version: int
    zone: str
    body: dict[str, Any]
    author: str
    at: datetime


def in_force(session: Session) -> terms.Terms:
    """Return the terms that hold now: the newest version."""
    row = session.scalars(select(FeedbackTermsRow).order_by(FeedbackTermsRow.version.desc()).limit(1)).one_or_none()
    if row is not None:
        return terms.read(row.version, row.zone, row.body)
    newest = cycles.cycles(session, limit=1)
    return terms.usual(newest[0].zone if newest else ZONE)


def versions(session: Session, *, limit: int = 50) -> list[Version]:
    """Return the versions, the newest first."""
    rows = session.scalars(select(FeedbackTermsRow).order_by(FeedbackTermsRow.version.desc()).limit(limit))
    return [Version(row.version, row.zone, row.body, row.author, row.at) for row in rows]


def set_terms(
    session: Session, new: terms.Terms, zone: str, operator: Operator, *, at: datetime, seen: int | None = None
) -> int:
    """Set what is promised from now on; return the version's number. What came before keeps its deadline.

    ``seen`` is the version that the person looked at, none for whatever holds.

    Raises
    ------
    Rejected, Conflict
        As :func:`server.feedback.terms.check`; ``changed_meanwhile``.
    """
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("feedback_terms", 0))))
    stands = in_force(session).version
    if seen is not None and stands != seen:
        raise ChangedMeanwhileError(f"v{stands}")
    terms.check(new, operators.names_with(session, rules.ACTORS))
    row = FeedbackTermsRow(zone=zone, body=terms.written(new), author=operator.name, at=at)
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor=operator.actor,
        action="feedback.terms_set",
        subject=f"feedback_terms:{row.version}",
        at=at,
        detail=row.body,
    )
    return row.version


def made(zone: str, body: dict[str, Any]) -> terms.Terms:
    """Return terms that a person or program wrote, with what was set for every category that they leave out.

    Raises
    ------
    Rejected
        ``malformed`` for a zone that is none.
    """
    try:
        ZoneInfo(zone)
    except (ValueError, KeyError, OSError):
        raise Rejected("malformed", where="zone", what=zone[:40]) from None
    return terms.read(0, zone, body | {"hours": {**terms.HOURS, **body["hours"]}})


def actors(session: Session, shop: Retailer | None, *, at: datetime) -> list[operators.OperatorView]:
    """Return who can act on what a shop says: with a role for it, not shut out, and the shop within their bounds."""
    return fit(operators.operators(session, at=at), shop)


def fit(people: Iterable[operators.OperatorView], shop: Retailer | None) -> list[operators.OperatorView]:
    """Return those of some people who can act on what a shop says."""
    return [
        one
        for one in people
        if one.disabled_at is None
        and not one.roles.isdisjoint(rules.ACTORS)
        and (shop is None or not one.regions or shop.region in one.regions)
        and (shop is None or not one.classes or shop.market_type in one.classes)
    ]


def first_owner(
    held: terms.Terms, category: FeedbackCategory, concerns: Collection[str], people: Iterable[operators.OperatorView]
) -> str | None:
    """Return who owns what just came: a superior of whom it concerns, else the category's owner, else its chain."""
    people = list(people)
    names = {one.name for one in people}
    above = {one.name: one.superior for one in people}
    superiors = _upwards(concerns, above)
    wanted = (*superiors, held.owners.get(category), *held.chains.get(category, ()))
    return next((one for one in wanted if one in names and one not in concerns), None)


def chain(
    held: terms.Terms, category: FeedbackCategory, concerns: Collection[str], people: Iterable[operators.OperatorView]
) -> tuple[str, ...]:
    """Return who has it in turn when it is late: superiors of whom it concerns before the category's chain."""
    above = {one.name: one.superior for one in people}
    return tuple(dict.fromkeys((*_upwards(concerns, above), *held.chains.get(category, ()))))


def _upwards(concerns: Collection[str], above: dict[str, str | None]) -> list[str]:
    """Return the superiors of some people and theirs, the nearest first; a ring ends where it began."""
    found: list[str] = []
    row = list(concerns)
    while row:
        row = [one for one in dict.fromkeys(above.get(name) for name in row) if one and one not in {*found, *concerns}]
        found += row
    return found
