"""What a shop's terminals are told of the scores in force: points, tier, why, and what would raise them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy.orm import Session

from contract.feed import Score, ScorePart, Text
from server.kit import outbox
from server.kit.db import transaction
from server.kit.runtime import Runtime
from server.scores import appeal_telling, decision_queries, explaining, queries, rules

TOLD_AT_ONCE: Final = 500
Holding = dict[str, Any]


def run(runtime: Runtime, *, number: int) -> None:
    """Tell every scored shop of a published run, unless a newer one is in force; told twice, they see the same."""
    with transaction(runtime.sessions) as session:
        found = queries.in_force(session)
        if found is None or found.number != number:
            return
        appeal_telling.corrected(session, found, at=runtime.clock())
    for start in range(0, found.retailers, TOLD_AT_ONCE):
        with transaction(runtime.sessions) as session:
            _tell(session, runtime, found, queries.scores(session, found, offset=start, limit=TOLD_AT_ONCE))


def shops(runtime: Runtime, *, retailers: list[str]) -> None:
    """Tell some shops anew what counts of them by the scores in force, after a decision on them began or ended."""
    with transaction(runtime.sessions) as session:
        found = queries.in_force(session)
        if found is not None:
            _tell(session, runtime, found, queries.scores(session, found, retailers=retailers))


def _tell(session: Session, runtime: Runtime, found: queries.Run, told: Sequence[queries.Score]) -> None:
    at = runtime.clock()
    day = at.astimezone(runtime.settings.tz).date()
    codes = [score.retailer for score in told]
    counts = queries.standings(session, found, codes, day)
    holding: dict[str, list[Holding]] = defaultdict(list)
    for one in decision_queries.decisions(session, codes, approved=True):
        if rules.course_on(one.since, one.holds_until, day) == "holding":
            until = one.holds_until.isoformat()
            said = {"decision": one.decision, "tier": one.tier, "until": until, "reason": one.reason}
            holding[one.retailer].append({"retailer": one.retailer} | said)
    items = [_item(found, score, counts[score.retailer], holding[score.retailer]) for score in told]
    outbox.append(session, items, at=at)


def _item(found: queries.Run, score: queries.Score, counts: rules.Standing, holding: list[Holding]) -> outbox.Item:
    certificate = (found.certificate or {}) | {"decisions": holding}
    said = replace(score, weight=0 if counts.suspended else counts.weight)
    message = Score(
        run=found.number,
        as_of=found.as_of,
        published_at=found.published_at or found.asked_at,
        points=score.score_milli / 1000,
        rank=score.rank,
        peers=score.peers,
        previous_tier=score.previous_tier,
        tier=counts.tier,
        tiers=certificate["policy"]["tiers"],
        weight=said.weight,
        why=Text(zh=explaining.why(certificate, said, "zh"), en=explaining.why(certificate, said, "en")),
        parts=tuple(_part(part) for part in score.parts),
        appeals_close_at=found.appeals_close_at,
        appeals_until=found.appeals_until,
    )
    return outbox.Item(score.retailer, "score", "score", message)


def _part(part: dict[str, str]) -> ScorePart:
    name = part["component"]
    return ScorePart(
        name=Text(zh=explaining.component(name, "zh"), en=explaining.component(name, "en")),
        points=float(part["contribution"]),
        most_points=explaining.most_points(part),
        periods=int(part["periods"]),
        advice=Text(zh=explaining.advice(name, "zh"), en=explaining.advice(name, "en")),
        component=name,
    )
