"""Versions of the rules: each change is a new version of all of them. Nothing here commits."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.ids import uuid7
from server.kit import audit
from server.kit.changing import ChangedMeanwhileError
from server.kit.fields import TOO_MANY, Field, Invalid, Text, Unfit, require
from server.kit.identity import Operator
from server.kit.marking import N_
from server.visits import rule_fields, rules
from server.visits.models import RuleSetRow
from server.visits.rules import RULES_MOST, Rule

REASON: Final = (Field("reason", N_("Reason"), Text(300)),)
USUAL: Final[tuple[dict[str, Any], ...]] = (
    {"key": "class-a", "sort": "visit", "when": "interval", "who": "manager", "days": 7, "tiers": (1,)},
    {"key": "after-a-claim", "sort": "call", "when": "claim", "who": "regional", "days": 10, "minutes": 10},
    {"key": "month-sample", "sort": "call", "when": "sample", "who": "administrator", "shops": 20, "minutes": 10},
)
"""The rules that the trade knows: class A each week, the director after a claim, the general manager's sample."""
_KEY: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class RuleSet:
    """A version of the rules; version 0 is none at all."""

    version: int
    rules: tuple[Rule, ...]
    reason: str = ""
    author: str = ""
    at: datetime | None = None

    def named(self, key: str) -> Rule | None:
        """Return one rule, or none."""
        return next((rule for rule in self.rules if rule.key == key), None)


NONE_YET: Final = RuleSet(0, ())


def in_force(session: Session) -> RuleSet:
    """Return the newest version."""
    return next(iter(versions(session, limit=1)), NONE_YET)


def versions(session: Session, *, limit: int = 20) -> list[RuleSet]:
    """Return the last versions, the newest first."""
    query = select(RuleSetRow).order_by(RuleSetRow.version.desc()).limit(limit)
    return [_view(row) for row in session.scalars(query)]


def version(session: Session, number: int) -> RuleSet:
    """Return one version; refuse with ``not_found``."""
    row = session.get(RuleSetRow, number)
    if row is None:
        raise Rejected("not_found", what="visit rules", name=str(number))
    return _view(row)


def write_rule(
    session: Session,
    key: str | None,
    record: Mapping[str, Any],
    reason: str,
    operator: Operator,
    *,
    at: datetime,
    today: date,
    seen: int,
) -> RuleSet:
    """Add a rule (no key), or change one, in a new version; ``seen`` is the version that the person looked at.

    A rule that comes due in another way begins anew on ``today``.

    Raises
    ------
    Invalid, Rejected, Conflict
        Naming the field that does not fit, or too many rules; ``not_found``; ``changed_meanwhile``.
    """
    require(rule_fields.FIELDS, record, rule_fields.fits_together)
    standing = _seen(session, seen)
    if key is None:
        if len(standing.rules) >= RULES_MOST:
            raise Invalid({"name": Unfit(TOO_MANY, count=len(standing.rules) + 1, most=RULES_MOST)})
        rule = rule_fields.rule_of(_free_key(record["name"], standing), record, today)
        return _keep(session, [*standing.rules, rule], reason, operator, at=at)
    before = standing.named(key)
    if before is None:
        raise Rejected("not_found", what="visit rule", name=key)
    after = rule_fields.rule_of(key, record, before.since)
    if (after.when, after.sort) != (before.when, before.sort):
        after = replace(after, since=today)
    return _keep(session, [after if rule.key == key else rule for rule in standing.rules], reason, operator, at=at)


def remove_rule(session: Session, key: str, reason: str, operator: Operator, *, at: datetime, seen: int) -> RuleSet:
    """Take a rule away in a new version; what was kept by it stays.

    Raises what :func:`write_rule` raises.
    """
    standing = _seen(session, seen)
    if standing.named(key) is None:
        raise Rejected("not_found", what="visit rule", name=key)
    return _keep(session, [rule for rule in standing.rules if rule.key != key], reason, operator, at=at)


def begin_with_usual(
    session: Session,
    words: Mapping[str, tuple[str, Sequence[str]]],
    reason: str,
    operator: Operator,
    *,
    at: datetime,
    today: date,
) -> RuleSet:
    """Write the usual rules as the first version; ``words`` are name and questions of each, by key.

    Raises
    ------
    ChangedMeanwhileError
        Where rules were written before.
    """
    _seen(session, 0)
    usual = [
        Rule(**{**one, "name": words[one["key"]][0], "questions": tuple(words[one["key"]][1]), "since": today})
        for one in USUAL
    ]
    return _keep(session, usual, reason, operator, at=at)


def _seen(session: Session, seen: int) -> RuleSet:
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("visit_rules", 0))))
    standing = in_force(session)
    if standing.version != seen:
        raise ChangedMeanwhileError(f"v{standing.version}")
    return standing


def _free_key(name: str, standing: RuleSet) -> str:
    key = _KEY.sub("-", name.lower()).strip("-")[:40] or "rule"
    return key if standing.named(key) is None else f"{key}-{uuid7().hex[-6:]}"


def _keep(session: Session, kept: Sequence[Rule], reason: str, operator: Operator, *, at: datetime) -> RuleSet:
    require(REASON, {"reason": reason.strip()})
    row = RuleSetRow(rules=[rules.written(rule) for rule in kept], reason=reason.strip(), author=operator.name, at=at)
    session.add(row)
    session.flush()
    audit.record(
        session,
        actor=operator.actor,
        action="visit_rules.written",
        subject=f"visit_rules:{row.version}",
        at=at,
        detail={"rules": [rule.key for rule in kept], "reason": row.reason},
    )
    return _view(row)


def _view(row: RuleSetRow) -> RuleSet:
    return RuleSet(row.version, tuple(rules.read(one) for one in row.rules), row.reason, row.author, row.at)
