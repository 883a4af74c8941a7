"""What waits for one person, whatever it is: complaints and appeals against scores in one list by deadline."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from server.feedback import queries, rules
from server.kit.identity import Operator
from server.scores import appeal_queries

MOST: Final = 100


@dataclass(frozen=True)
class Waiting:
    """One thing that a person is to do something about; ``due_at`` is when it is late."""

    sort: Literal["feedback", "appeal"]
    id: UUID
    number: int
    retailer: str
    about: str
    state: str
    owner: str | None
    due_at: datetime
    late: bool
    paused: bool = False
    escalated: int = 0


def of(session: Session, operator: Operator, now: datetime) -> list[Waiting]:
    """Return what waits for a person, the earliest deadline first.

    Complaints that the person owns, and those whose answer a releaser is to confirm as the second person; of appeals
    what the person looks at, for planners those that nobody has, for releasers those that wait for a second person.
    """
    own = queries.first(session, operator, limit=MOST, mine=True) if operator.may(*rules.ACTORS) else []
    to_confirm = queries.to_confirm(session, operator, limit=MOST)
    second = {one.id for one in to_confirm}
    found = [
        Waiting(
            "feedback",
            one.id,
            one.number,
            one.retailer,
            one.category,
            "proposed" if one.id in second else one.state,
            one.owner,
            one.due_at,
            one.late(now),
            one.paused_at is not None,
            one.escalated,
        )
        for one in [*to_confirm, *(one for one in own if one.id not in second)]
    ]
    zone = now.tzinfo or ZoneInfo("UTC")
    for one in appeal_queries.waiting_for(session, operator, limit=MOST):
        due_at = datetime.combine(one.answer_until + timedelta(days=1), time(), zone)
        appeal = Waiting(
            "appeal", one.id, one.number, one.retailer, one.component, one.state, one.owner, due_at, due_at <= now
        )
        found.append(appeal)
    return sorted(found, key=lambda one: (one.paused, one.due_at, one.number))[:MOST]
