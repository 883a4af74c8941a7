"""What retailers are credited with because they were right, and which cycle takes how much of it. Nothing here commits.

A credit is carry: it comes before the signpost in every unit's key of the line, so that nobody needs to trust more
than the frozen book. An upheld appeal credits at most a pack, an upheld dispute about a grant credits units: each book
with the line takes in what brings its carry to a pack at most, that is written down, and the rest waits for the next
one. What a cycle took that was called off is due again.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import ARRAY, String, Uuid, any_, func, literal, select
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.catalogue import queries as catalogue
from server.cycles import rules
from server.cycles.models import AppealCreditTaken, CreditRow, CreditTaken, CycleRow, GrantRow
from server.kit import audit
from server.kit.identity import SYSTEM, Operator
from server.retailers import service as retailers
from server.scores import appeal_queries

CARRY_MOST_THOUSANDTHS: Final = 1000
Line = tuple[str, str]
Because = Literal["appeal", "feedback"]


@dataclass(frozen=True)
class Wanted:
    """Units of a SKU that a retailer shall be made good for a line of a cycle."""

    cycle: UUID
    retailer: str
    sku: str
    units: int


@dataclass(frozen=True)
class Left:
    """A credit of which ``thousandths`` are still due: of a pack, where it is an appeal's, of a unit where a dispute's.

    ``credit`` is the appeal's answer, or the dispute's credit; ``number`` is that of the appeal, or of the dispute.
    """

    credit: UUID
    number: int
    thousandths: int
    because: Because = "feedback"

    def of_a_pack(self, pack_units: int) -> int:
        """Return what is due in thousandths of a pack; a part of one counts as one, for the retailer."""
        return self.thousandths if self.because == "appeal" else -(-self.thousandths // pack_units)


@dataclass(frozen=True)
class Part:
    """What a book takes in of a credit."""

    retailer: str
    sku: str
    because: Because
    credit: UUID
    number: int
    carry_thousandths: int
    pack_units: int


@dataclass(frozen=True)
class Given:
    """What a book took in for a line because something was upheld: an appeal or a dispute, by its number."""

    because: Because
    number: int
    carry_thousandths: int


@dataclass(frozen=True)
class Taken:
    """What one cycle took in of a credit."""

    cycle: UUID
    number: int
    name_zh: str
    name_en: str
    units: int


@dataclass(frozen=True)
class Credit:
    """A credit, what is still due of it, and which cycles took in how much, the first one first."""

    id: UUID
    units: int
    left_units: int
    taken: tuple[Taken, ...]


def most_units(session: Session, cycle: UUID, retailer: str, sku: str) -> int:
    """Return how many units can still be made good for a line: asked for, not granted, and not credited before."""
    short = session.scalar(
        select(GrantRow.requested_units - GrantRow.granted_units)
        .join(CycleRow, (CycleRow.id == GrantRow.cycle) & (CycleRow.published_attempt == GrantRow.attempt))
        .where(GrantRow.cycle == cycle, GrantRow.retailer == retailer, GrantRow.sku == sku)
    )
    line = CreditRow.cycle == cycle, CreditRow.retailer == retailer, CreditRow.sku == sku
    before = session.scalar(select(func.coalesce(func.sum(CreditRow.units), 0)).where(*line))
    return max(0, (short or 0) - int(before or 0))


def check(session: Session, wanted: Wanted) -> None:
    """Refuse what could not be made good, or is more than the line lacked.

    Raises
    ------
    Rejected
        ``unknown_sku``, where none is on offer; ``credit_units``.
    """
    if not catalogue.skus(session, [wanted.sku]):
        raise Rejected("unknown_sku", sku=wanted.sku)
    most = most_units(session, wanted.cycle, wanted.retailer, wanted.sku)
    if not 1 <= wanted.units <= most:
        raise Rejected("credit_units", sku=wanted.sku, units=wanted.units, most=most)


def give(
    session: Session, credit: UUID, wanted: Wanted, *, feedback: int, author: str, by: Operator, at: datetime
) -> None:
    """Credit a retailer, as the second person, with what ``author`` proposed in the answer to a dispute.

    Raises
    ------
    Rejected
        ``same_person``; what :func:`check` refuses by now.
    """
    rules.check_second_person(author, by.name)
    retailers.lock_retailer(session, wanted.retailer)
    check(session, wanted)
    session.add(
        CreditRow(
            id=credit,
            cycle=wanted.cycle,
            retailer=wanted.retailer,
            sku=wanted.sku,
            units=wanted.units,
            feedback=feedback,
            author=author,
            approver=by.name,
            approved_at=at,
        )
    )
    session.flush()
    detail = {"feedback": feedback, "retailer": wanted.retailer, "sku": wanted.sku, "units": wanted.units}
    audit.record(
        session, actor=by.actor, action="cycle.credited", subject=f"cycle:{wanted.cycle}", at=at, detail=detail
    )


def left(session: Session, named: Collection[str]) -> dict[Line, list[Left]]:
    """Return what is still due of the credits of retailers, by retailer and SKU: appeals first, each the oldest first.

    Their retailers are held until the transaction ends: no two books take in the same.
    """
    mine = CreditRow.retailer == any_(literal(list(named), ARRAY(String)))
    appealed = appeal_queries.credits_of(session, named)
    credited = {*session.scalars(select(CreditRow.retailer).where(mine)), *(one.retailer for one in appealed)}
    if not credited:
        return {}
    retailers.lock_retailers(session, credited)
    found: dict[Line, list[Left]] = defaultdict(list)
    before = _taken_of_appeals(session, [one.answer for one in appealed])
    for one in appealed:
        due = one.carry_thousandths - before.get(one.answer, 0)
        if due > 0:
            found[one.retailer, one.sku].append(Left(one.answer, one.appeal, due, "appeal"))
    taken = _taken()
    rows = session.execute(
        select(CreditRow, func.coalesce(taken.c.thousandths, 0))
        .outerjoin(taken, taken.c.credit == CreditRow.id)
        .where(mine)
        .order_by(CreditRow.approved_at, CreditRow.id)
    )
    for row, thousandths in rows:
        due = row.units * CARRY_MOST_THOUSANDTHS - int(thousandths)
        if due > 0:
            found[row.retailer, row.sku].append(Left(row.id, row.feedback, due))
    return dict(found)


def parts(line: Line, due: Collection[Left], pack_units: int, brought_thousandths: int) -> list[Part]:
    """Return what a book takes in of what is due for a line with a carry: up to a pack, the first first."""
    room, found = CARRY_MOST_THOUSANDTHS - brought_thousandths, []
    for one in due:
        carry = min(room, one.of_a_pack(pack_units))
        if carry > 0:
            found.append(Part(*line, one.because, one.credit, one.number, carry, pack_units))
            room -= carry
    return found


def take_in(session: Session, cycle: UUID, taken: Collection[Part], *, at: datetime) -> None:
    """Write down what the book of a cycle takes in."""
    for one in taken:
        line: dict[str, Any] = {
            "cycle": cycle,
            "retailer": one.retailer,
            "sku": one.sku,
            "carry_thousandths": one.carry_thousandths,
        }
        session.add(
            AppealCreditTaken(answer=one.credit, appeal=one.number, **line)
            if one.because == "appeal"
            else CreditTaken(credit=one.credit, pack_units=one.pack_units, **line)
        )
        detail = {
            one.because: one.number,
            "retailer": one.retailer,
            "sku": one.sku,
            "carry_thousandths": one.carry_thousandths,
        }
        audit.record(session, actor=SYSTEM, action="cycle.credit_taken", subject=f"cycle:{cycle}", at=at, detail=detail)
    session.flush()


def of_feedback(session: Session, number: int) -> list[Credit]:
    """Return the credits of a dispute with what became of them, the oldest first."""
    rows = session.scalars(select(CreditRow).where(CreditRow.feedback == number).order_by(CreditRow.approved_at)).all()
    taken = session.execute(
        select(CreditTaken, CycleRow.number, CycleRow.name_zh, CycleRow.name_en)
        .join(CycleRow, CycleRow.id == CreditTaken.cycle)
        .where(CreditTaken.credit.in_([row.id for row in rows]), CycleRow.state != "called_off")
        .order_by(CycleRow.number)
    ).all()
    return [_credit(row, [one for one in taken if one[0].credit == row.id]) for row in rows]


def taken_in(session: Session, cycle: UUID, named: Collection[str] | None = None) -> Mapping[Line, list[Given]]:
    """Return what a cycle's book took in by retailer and SKU, for all its retailers where none are named.

    Nothing before it is frozen.
    """
    of_appeals = select(AppealCreditTaken).where(AppealCreditTaken.cycle == cycle).order_by(AppealCreditTaken.appeal)
    of_disputes = (
        select(CreditTaken, CreditRow.feedback)
        .join(CreditRow, CreditRow.id == CreditTaken.credit)
        .where(CreditTaken.cycle == cycle)
        .order_by(CreditRow.approved_at, CreditRow.id)
    )
    if named is not None:
        of_appeals = of_appeals.where(AppealCreditTaken.retailer == any_(literal(list(named), ARRAY(String))))
        of_disputes = of_disputes.where(CreditTaken.retailer == any_(literal(list(named), ARRAY(String))))
    found: dict[Line, list[Given]] = defaultdict(list)
    for row in session.scalars(of_appeals):
        found[row.retailer, row.sku].append(Given("appeal", row.appeal, row.carry_thousandths))
    for one, feedback in session.execute(of_disputes):
        found[one.retailer, one.sku].append(Given("feedback", feedback, one.carry_thousandths))
    return dict(found)


def _taken_of_appeals(session: Session, answers: Collection[UUID]) -> dict[UUID, int]:
    """Return what cycles that were not called off took in of appeals' credits, in thousandths of a pack by answer."""
    rows = session.execute(
        select(AppealCreditTaken.answer, func.sum(AppealCreditTaken.carry_thousandths))
        .join(CycleRow, CycleRow.id == AppealCreditTaken.cycle)
        .where(AppealCreditTaken.answer == any_(literal(list(answers), ARRAY(Uuid))), CycleRow.state != "called_off")
        .group_by(AppealCreditTaken.answer)
    )
    return {answer: int(thousandths) for answer, thousandths in rows}


def _taken() -> Any:
    """Return, as a table, what cycles that were not called off took in, in thousandths of a unit by credit."""
    return (
        select(
            CreditTaken.credit, func.sum(CreditTaken.carry_thousandths * CreditTaken.pack_units).label("thousandths")
        )
        .join(CycleRow, CycleRow.id == CreditTaken.cycle)
        .where(CycleRow.state != "called_off")
        .group_by(CreditTaken.credit)
        .subquery()
    )


def _credit(row: CreditRow, taken: Collection[Any]) -> Credit:
    """Return a credit in units, of which a pack's thousandths are parts: so rounded that they add up."""
    so_far, found = 0, list[Taken]()
    for one, number, zh, en in taken:
        before = round(so_far / CARRY_MOST_THOUSANDTHS)
        so_far += one.carry_thousandths * one.pack_units
        found.append(Taken(one.cycle, number, zh, en, round(so_far / CARRY_MOST_THOUSANDTHS) - before))
    return Credit(row.id, row.units, max(0, row.units - round(so_far / CARRY_MOST_THOUSANDTHS)), tuple(found))
