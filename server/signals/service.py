"""What can be done with signals: ask for a look at a cycle, store what was found, say what it was. Never commits."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from server.kit import audit, jobs
from server.kit.fields import Field, Text, require
from server.kit.identity import Operator, Role
from server.kit.marking import N_
from server.operators import queries as operators
from server.signals import queries, rules
from server.signals.models import FindingNote, FindingRow, FindingShop, SignalRun

TASK: Final = "signals.look"
WORDS_MOST: Final = 1000
WORDS: Final = (Field("words", N_("In words"), Text(WORDS_MOST)),)
QUIET: Final = timedelta(days=90)
"""What was explained is not found again for so long."""
REVIEWERS: tuple[Role, ...] = ("inspector", "manager", "regional", "administrator")


def ask(session: Session, cycle: UUID, *, at: datetime) -> bool:
    """Have a closed cycle's book looked at, once; return whether this asked first."""
    row = upsert(SignalRun).values(cycle=cycle, asked_at=at).on_conflict_do_nothing().returning(SignalRun.cycle)
    if session.execute(row).one_or_none() is None:
        return False
    jobs.defer(session, TASK, {"cycle": str(cycle)}, queue=jobs.SOLVING, lock="signals")
    return True


def store(session: Session, cycle: UUID, found: Sequence[rules.Finding], *, shops: int, at: datetime) -> int:
    """Store what a look found; return how many are new. A look that was stored before stores nothing more.

    What still waits for a person, or was explained within :data:`QUIET`, is not found a second time.
    """
    run = session.get(SignalRun, cycle, with_for_update=True)
    if run is None or run.done_at is not None:
        return 0
    known = frozenset(
        session.scalars(
            select(FindingRow.key).where(
                FindingRow.state.in_(rules.OPEN)
                | ((FindingRow.state == "explained") & (FindingRow.said_at >= at - QUIET))
            )
        )
    )
    new = [(uuid7(), one) for one in found if one.key not in known]
    if new:
        session.execute(
            insert(FindingRow),
            [
                {
                    "id": id_,
                    "cycle": cycle,
                    "kind": one.kind,
                    "key": one.key,
                    "retailer": one.shops[0],
                    "shops": len(one.shops),
                    "evidence": dict(one.evidence),
                    "found_at": at,
                    "state": "new",
                }
                for id_, one in new
            ],
        )
        session.execute(
            insert(FindingShop),
            [
                {"finding": id_, "retailer": shop, "place": place, "figures": dict(one.figures.get(shop, {}))}
                for id_, one in new
                for place, shop in enumerate(one.shops, start=1)
            ],
        )
    run.done_at, run.shops, run.findings = at, shops, len(new)
    return len(new)


def say(
    session: Session,
    number: int,
    verdict: rules.Verdict,
    words: str,
    operator: Operator,
    *,
    owner: str = "",
    at: datetime,
) -> None:
    """Say in words what a finding is, and who looks at it from now on: ``owner``, or who says it.

    It does nothing else: no shop is treated differently by it. The words go into no audit.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``not_found``, for the finding and for an owner who does not look at any; ``wrong_state``, where it was
        explained or passed on before; no words, or too many.
    """
    if queries.finding(session, number) is None:
        raise Rejected("not_found", what="finding", name=str(number))
    row = session.scalars(select(FindingRow).where(FindingRow.number == number).with_for_update()).one()
    if verdict not in rules.NEXT[row.state]:
        raise Conflict("wrong_state", state=row.state, needed="looked_at")
    require(WORDS, {"words": words.strip()})
    looks = owner or operator.name
    if looks != operator.name and looks not in operators.names_with(session, REVIEWERS):
        raise Rejected("not_found", what="operator", name=looks)
    before = row.state
    row.state, row.owner, row.said_at = verdict, looks, at
    session.add(
        FindingNote(
            finding=row.id,
            retailer=row.retailer,
            state=verdict,
            owner=looks,
            words=words.strip(),
            author=operator.name,
            at=at,
        )
    )
    audit.record(
        session,
        actor=operator.actor,
        action=f"signal.{verdict}",
        subject=f"signal:{number}",
        at=at,
        detail={"kind": row.kind, "before": before, "owner": looks, "characters": len(words.strip())},
    )
