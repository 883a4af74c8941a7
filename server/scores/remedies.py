"""What an upheld appeal changes: figures corrected by new versions, a decision that ends, or a credit in a cycle.

Checked when the answer is proposed, and carried out in one transaction with the second person's approval.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.ids import uuid7
from server.catalogue import queries as catalogue
from server.forecasts import queries as forecast_queries
from server.forecasts import service as forecasts
from server.forecasts.rules import UNITS_MOST
from server.kit.identity import Operator
from server.scores import decision_queries, decisions, facts, queries, rules
from server.scores.appeal_queries import Answer
from server.scores.fields import FIGURE_MOST
from server.scores.models import AppealRow, CorrectionRow

Count = Annotated[int, Field(ge=0, le=UNITS_MOST)]
FactsOfMonth = Literal["assortment", "deliveries", "inspections", "payments", "service"]


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MonthOfSales(_Change):
    """The right figures of a month of a class; what is none stays as it is."""

    facts: Literal["sales"]
    product_class: Annotated[str, Field(max_length=100)]
    period: date
    sold_units: Count | None = None
    out_days: Annotated[int, Field(ge=0, le=31)] | None = None


class MonthOfFacts(_Change):
    """The right figures of a month of what is told of a shop: ``part`` of ``whole`` counts well."""

    facts: FactsOfMonth
    period: date
    whole: Annotated[int, Field(ge=0, le=FIGURE_MOST)]
    part: Annotated[int, Field(ge=0, le=FIGURE_MOST)]


class Figures(_Change):
    """Corrected figures; the scores computed from them are another run."""

    sort: Literal["figures"]
    changes: Annotated[
        tuple[Annotated[MonthOfSales | MonthOfFacts, Field(discriminator="facts")], ...],
        Field(min_length=1, max_length=24),
    ]


class EndOfDecision(_Change):
    """A decision that holds no longer from the day ``ends`` on."""

    sort: Literal["end"]
    decision: UUID
    ends: date


class CarryOn(_Change):
    """A credit of a SKU, at most a pack: it is added to the carry in the next cycle in which the retailer orders it.

    Nothing is written then and there: the freeze of such a book writes down what it takes in.
    """

    sort: Literal["carry"]
    sku: Annotated[str, Field(min_length=1, max_length=100)]
    carry_thousandths: Annotated[int, Field(ge=1, le=1000)]


AnyRemedy = Figures | EndOfDecision | CarryOn
Remedy = Annotated[AnyRemedy, Field(discriminator="sort")]
_READER: TypeAdapter[AnyRemedy] = TypeAdapter(Remedy)


def read(remedy: Mapping[str, Any]) -> AnyRemedy:
    """Return a remedy as it was kept."""
    return _READER.validate_python(remedy)


def check(session: Session, appeal: AppealRow, remedy: AnyRemedy, today: date) -> None:
    """Refuse a remedy that could not be carried out.

    Raises
    ------
    Rejected, Conflict
        ``not_found``, ``remedy_of_another``, ``decision_end``, ``wrong_state``; ``unknown_class``,
        ``correction_late``, ``nothing_corrected``, ``correction_parts``; ``unknown_sku``, where none is on offer.
    """
    if isinstance(remedy, CarryOn):
        if not catalogue.skus(session, [remedy.sku]):
            raise Rejected("unknown_sku", sku=remedy.sku)
        return
    if isinstance(remedy, EndOfDecision):
        held = decision_queries.decision(session, remedy.decision)
        if held is None or held.retailer != appeal.retailer:
            raise Rejected("remedy_of_another", what="decision", name=str(remedy.decision))
        if held.approver is None:
            raise Rejected("wrong_state", state="withdrawn" if held.withdrawn_by else "proposed", needed="approved")
        rules.check_end(held.since, held.holds_until, remedy.ends, today)
        return
    found = queries.run(session, appeal.run)
    assert found is not None  # noqa: S101 - a foreign key holds it
    for change in remedy.changes:
        _check_month(session, appeal.retailer, change, found.as_of)


def _check_month(session: Session, retailer: str, change: MonthOfSales | MonthOfFacts, as_of: date) -> None:
    month = change.period.isoformat()[:7]
    if change.period.day != 1 or change.period >= as_of:
        raise Rejected("correction_late", month=change.period.isoformat(), as_of=as_of.isoformat())
    if isinstance(change, MonthOfFacts):
        if change.part > change.whole:
            raise Rejected("correction_parts", month=month, part=change.part, whole=change.whole)
        stands = facts.stands(session, change.facts, retailer, change.period)
        same, named = stands == (change.whole, change.part), str(change.facts)
    else:
        if not catalogue.known_categories(session, [change.product_class]):
            raise Rejected("unknown_class", product_class=change.product_class or "–")
        same, named = _stands(session, retailer, change), change.product_class
    if same:
        raise Rejected("nothing_corrected", month=month, product_class=named)


def carry_out(
    session: Session, appeal: AppealRow, answer: Answer, operator: Operator, *, at: datetime, today: date
) -> None:
    """Do what an answer names, in the name of its author and of the one who approves it. Raises as :func:`check`."""
    assert answer.remedy is not None  # noqa: S101 - a CHECK holds it for an upheld appeal
    remedy, reason = read(answer.remedy), answer.answer_en or answer.answer_zh
    check(session, appeal, remedy, today)
    if isinstance(remedy, EndOfDecision):
        decisions.end_by_appeal(
            session,
            remedy.decision,
            remedy.ends,
            answer.author,
            operator,
            reason=reason,
            appeal=appeal.id,
            at=at,
            today=today,
        )
        return
    if isinstance(remedy, CarryOn):
        return
    for change in remedy.changes:
        before, after = _correct(session, appeal, change, answer.author, at)
        session.add(
            CorrectionRow(
                id=uuid7(),
                appeal=appeal.id,
                retailer=appeal.retailer,
                facts=change.facts,
                product_class=change.product_class if isinstance(change, MonthOfSales) else "",
                period=change.period,
                before=before,
                after=after,
                reason=reason,
                author=answer.author,
                approver=operator.name,
                at=at,
            )
        )
    session.flush()


def _correct(
    session: Session, appeal: AppealRow, change: MonthOfSales | MonthOfFacts, author: str, at: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write one corrected month as a version or row of its own; return the figures before and after."""
    source = f"appeal:{appeal.number}"
    if isinstance(change, MonthOfSales):
        written = forecasts.correct_month(
            session,
            appeal.retailer,
            change.product_class,
            change.period,
            sold_units=change.sold_units,
            out_days=change.out_days,
            source=source,
            by=f"operator:{author}",
            at=at,
        )
        names = ("sold_units", "out_days")
        return (
            {name: None if written.before is None else written.before[name] for name in names},
            {name: written.after[name] for name in names},
        )
    stood = facts.stands(session, change.facts, appeal.retailer, change.period)
    facts.correct(
        session,
        change.facts,
        appeal.retailer,
        change.period,
        (change.whole, change.part),
        source=source,
        by=f"operator:{author}",
        at=at,
    )
    before = (None, None) if stood is None else stood
    return {"whole": before[0], "part": before[1]}, {"whole": change.whole, "part": change.part}


def _stands(session: Session, retailer: str, change: MonthOfSales) -> bool:
    """Return whether a month stands at the given figures already."""
    cells = forecast_queries.history(session, retailer).get(change.product_class, [])
    cell = next((one for one in cells if one.period == change.period), None)
    given = [(change.sold_units, cell and cell.sold_units), (change.out_days, cell and cell.out_days)]
    return all(new is None or new == old for new, old in given)
