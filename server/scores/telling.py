"""What a shop's terminals are told of the scores in force: points, tier, why, and what would raise them."""

from typing import Final

from contract.feed import Score, ScorePart, Text
from server.kit import outbox
from server.kit.db import transaction
from server.kit.runtime import Runtime
from server.scores import explaining, queries

TOLD_AT_ONCE: Final = 500


def run(runtime: Runtime, *, number: int) -> None:
    """Tell every scored shop of a published run, unless a newer one is in force; told twice, they see the same."""
    with transaction(runtime.sessions) as session:
        found = queries.in_force(session)
    if found is None or found.number != number:
        return
    for start in range(0, found.retailers, TOLD_AT_ONCE):
        with transaction(runtime.sessions) as session:
            told = queries.scores(session, found, offset=start, limit=TOLD_AT_ONCE)
            outbox.append(session, [_item(found, score) for score in told], at=runtime.clock())


def _item(found: queries.Run, score: queries.Score) -> outbox.Item:
    certificate = found.certificate or {}
    message = Score(
        run=found.number,
        as_of=found.as_of,
        published_at=found.published_at or found.asked_at,
        points=score.score_milli / 1000,
        rank=score.rank,
        peers=score.peers,
        previous_tier=score.previous_tier,
        tier=score.tier,
        tiers=certificate["policy"]["tiers"],
        weight=score.weight,
        why=Text(zh=explaining.why(certificate, score, "zh"), en=explaining.why(certificate, score, "en")),
        parts=tuple(_part(part) for part in score.parts),
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
    )
