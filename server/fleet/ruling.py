"""Versions of the rules of alerts: each change is a new version of all of them. Nothing here commits."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.fleet import groups
from server.fleet.alarm_rules import BAD_BELOW, BUILT_IN, Rule, fitting
from server.fleet.models import AlertRules
from server.kit import audit
from server.kit.changing import ChangedMeanwhileError
from server.kit.fields import EMPTY, TOO_MANY, Choice, Field, Invalid, Reason, Text, Unfit, Whole, require
from server.kit.identity import Operator
from server.kit.marking import N_

RULES_MOST: Final = 40
FIGURES: Final = {
    "offline_ordering": N_("minutes offline while a window is open"),
    "offline": N_("minutes offline"),
    "queue_age": N_("minutes that the oldest message waits on it"),
    "certificate_left": N_("percent left of its certificate’s life"),
    "clock_off": N_("seconds that its clock is off"),
    "disk_free": N_("percent of its disk that is free"),
    "temperature": N_("degrees Celsius"),
    "storage": N_("failed writes since it started"),
    "version": N_("version older than a given one"),
}
SEVERITIES: Final = {"critical": N_("critical"), "warning": N_("warning")}
WHO: Final = {
    "fleet": N_("fleet administrator"),
    "administrator": N_("administrator"),
    "regional": N_("regional manager"),
    "planner": N_("planner"),
}
NAMES: Final = {
    "offline-ordering": N_("Offline while a window is open"),
    "offline-long": N_("Offline for a day"),
    "queue-old": N_("Messages wait too long on it"),
    "certificate-ends": N_("Certificate runs out"),
    "clock-off": N_("Clock is off"),
    "disk-full": N_("Disk is nearly full"),
    "hot": N_("Too hot"),
    "storage-errors": N_("Storage fails"),
}
OVERTAKES = Reason("clear_beyond", N_("It would end before it begins: the value to end at must lie on the good side."))
NO_GROUP = Reason("no_group", N_("There is no group “{value}”."))
NO_VERSION = Reason("no_version", N_("Write the oldest version that is new enough, like 1.4.0."))


def _choice(words: Mapping[str, str]) -> Choice:
    return Choice(tuple(words), tuple(words.values()))


FIELDS: Final = (
    Field("name", N_("What the alert is called"), Text(80)),
    Field("figure", N_("What is looked at"), _choice(FIGURES), default="offline"),
    Field(
        "value",
        N_("It begins beyond"),
        Whole(0, 1_000_000),
        default=15,
        hint=N_("Above this; below it for what is left or free. For a version 0."),
    ),
    Field("minutes", N_("For so many minutes"), Whole(0, 100_000), default=0),
    Field("clear", N_("It ends at"), Whole(0, 1_000_000), default=0, hint=N_("This or better.")),
    Field("clear_minutes", N_("For so many minutes, then it is over"), Whole(0, 100_000), default=5),
    Field("least", N_("Oldest version that is new enough"), Text(32, needed=False), default=""),
    Field("group", N_("Group of terminals"), Text(60, needed=False), default="", hint=N_("Empty for all.")),
    Field("severity", N_("How bad it is"), _choice(SEVERITIES), default="warning"),
    Field("who", N_("Who looks after it"), _choice(WHO), default="fleet"),
)
REASON: Final = (Field("reason", N_("Reason"), Text(300)),)


@dataclass(frozen=True)
class RuleSet:
    """A version of the rules; version 0 is the built-in set."""

    version: int
    rules: tuple[Rule, ...]
    reason: str = ""
    author: str = ""
    at: datetime | None = None

    def named(self, key: str) -> Rule | None:
        """Return one rule, or none."""
        return next((rule for rule in self.rules if rule.key == key), None)


BUILT_IN_SET: Final = RuleSet(
    0,
    tuple(
        Rule(key, NAMES[key], figure, value, minutes, clear, clear_minutes, severity=severity)
        for key, (figure, value, minutes, clear, clear_minutes, severity) in BUILT_IN.items()
    ),
)


def in_force(session: Session) -> RuleSet:
    """Return the newest version; the built-in set where nobody wrote one."""
    return next(iter(versions(session, limit=1)), BUILT_IN_SET)


def versions(session: Session, *, limit: int = 20) -> list[RuleSet]:
    """Return the last versions, the newest first."""
    query = select(AlertRules).order_by(AlertRules.version.desc()).limit(limit)
    return [
        RuleSet(row.version, tuple(Rule(**one) for one in row.rules), row.reason, row.author, row.at)
        for row in session.scalars(query)
    ]


def write_rule(
    session: Session,
    key: str,
    record: Mapping[str, Any],
    reason: str,
    operator: Operator,
    *,
    at: datetime,
    seen: int,
) -> RuleSet:
    """Add a rule (no key), or change one, in a new version; ``seen`` is the version that the person looked at.

    Raises
    ------
    Invalid, Rejected, Conflict
        Naming the field that does not fit; ``not_found``; ``changed_meanwhile``.
    """
    require(FIELDS, record)
    standing = _seen(session, seen)
    rule = Rule(**{**record, "name": record["name"].strip(), "key": key or _free_key(record["name"], standing)})
    if (field := fitting(rule)) is not None:
        raise Invalid({field: Unfit(NO_VERSION if field == "least" else OVERTAKES)})
    if rule.group and groups.group(session, rule.group) is None:
        raise Invalid({"group": Unfit(NO_GROUP, value=rule.group)})
    if not key:
        if len(standing.rules) >= RULES_MOST:
            raise Invalid({"name": Unfit(TOO_MANY, count=len(standing.rules) + 1, most=RULES_MOST)})
        return _keep(session, standing, (*standing.rules, rule), reason, operator, at=at)
    if standing.named(key) is None:
        raise Rejected("not_found", what="rule of alerts", name=key)
    changed = tuple(rule if one.key == key else one for one in standing.rules)
    return _keep(session, standing, changed, reason, operator, at=at)


def remove_rule(session: Session, key: str, reason: str, operator: Operator, *, at: datetime, seen: int) -> RuleSet:
    """Take a rule away in a new version; its alerts end. Raises what :func:`write_rule` raises."""
    standing = _seen(session, seen)
    if standing.named(key) is None:
        raise Rejected("not_found", what="rule of alerts", name=key)
    return _keep(session, standing, tuple(one for one in standing.rules if one.key != key), reason, operator, at=at)


def is_below(figure: str) -> bool:
    """Return whether a figure is bad below its threshold."""
    return figure in BAD_BELOW


def _seen(session: Session, seen: int) -> RuleSet:
    standing = in_force(session)
    if standing.version != seen:
        raise ChangedMeanwhileError("rules of alerts")
    return standing


def _keep(
    session: Session, before: RuleSet, rules: tuple[Rule, ...], reason: str, operator: Operator, *, at: datetime
) -> RuleSet:
    if not reason.strip():
        raise Invalid({"reason": Unfit(EMPTY)})
    require(REASON, {"reason": reason})
    kept = RuleSet(before.version + 1, rules, reason.strip(), operator.name, at)
    session.add(
        AlertRules(
            version=kept.version,
            rules=[asdict(rule) for rule in rules],
            author=kept.author,
            reason=kept.reason,
            at=at,
        )
    )
    session.flush()
    audit.record(
        session,
        actor=operator.actor,
        action="fleet_alert.rules_written",
        subject="fleet_alerts",
        at=at,
        detail={"version": kept.version, "reason": kept.reason, "rules": [rule.name for rule in rules]},
    )
    return kept


def _free_key(name: str, standing: RuleSet) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "rule"
    taken = {rule.key for rule in standing.rules}
    numbered = (plain if number == 1 else f"{plain}-{number}" for number in range(1, RULES_MOST + 2))
    return next(key for key in numbered if key not in taken)
