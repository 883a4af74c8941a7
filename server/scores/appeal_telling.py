"""What a shop's terminals are told of its appeals: the state, the answer, the figures behind it, what was changed."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract import feed
from contract.texts import Language, translations
from server.kit import outbox
from server.kit.marking import N_
from server.scores import appeal_queries, decision_queries, queries
from server.scores.appeal_queries import Answer, Appeal, Correction
from server.scores.models import AppealRow, CorrectionRow

FIGURES: Final = {
    "sales": {"sold_units": N_("units sold"), "out_days": N_("days out of stock")},
    "assortment": {"whole": N_("SKUs offered"), "part": N_("SKUs sold")},
    "deliveries": {"whole": N_("deliveries"), "part": N_("deliveries accepted")},
    "inspections": {"whole": N_("inspections"), "part": N_("inspections passed")},
    "payments": {"whole": N_("fell due, in minor units"), "part": N_("paid in time, in minor units")},
    "service": {"whole": N_("points possible"), "part": N_("points reached")},
}
"""What the figures of a month are called, by the table that they stand in."""


def item(session: Session, appeal: Appeal) -> outbox.Item:
    """Return how an appeal stands, for the shop's feed; an answer that waits for a second person is none yet."""
    counted = next((one for one in appeal_queries.answers(session, appeal.id) if one.counts), None)
    corrected = appeal_queries.corrections(session, [appeal.id])[appeal.id]
    message = feed.Appeal(
        appeal=appeal.id,
        number=appeal.number,
        run=appeal.run,
        component=appeal.component or None,
        state="looked_at" if appeal.state == "proposed" else appeal.state,
        received_at=appeal.at,
        answer_until=appeal.answer_until,
        words=appeal.words,
        figure=appeal.figure,
        by_telephone=appeal.by_telephone,
        answered_at=appeal.settled_at,
        answer=None if counted is None else _both(counted),
        figures=() if counted is None else tuple(feed.AppealFigures.model_validate(one) for one in counted.figures),
        remedy=None if counted is None else _remedy(session, counted, corrected),
        corrected_in=appeal_queries.corrected_in(session, corrected[0].at) if corrected else None,
    )
    return outbox.Item(appeal.retailer, f"appeal:{appeal.id}", "appeal", message)


def corrected(session: Session, found: queries.Run, *, at: datetime) -> None:
    """Tell the shops whose corrected figures count for the first time in a published run."""
    rows = session.scalars(
        select(AppealRow)
        .where(
            AppealRow.id.in_(select(CorrectionRow.appeal).where(CorrectionRow.at < found.asked_at)),
            AppealRow.run < found.number,
        )
        .order_by(AppealRow.number)
    )
    told = [item(session, appeal_queries.appeal_of(row)) for row in rows]
    outbox.append(session, [one for one in told if _corrected_in(one) == found.number], at=at)


def _corrected_in(told: outbox.Item) -> int | None:
    assert isinstance(told.message, feed.Appeal)  # noqa: S101 - made above
    return told.message.corrected_in


def changes(corrected: Sequence[Correction], language: Language) -> list[str]:
    """Return what was corrected, one line a figure."""
    gettext = translations("server", language).gettext
    lines = []
    for one in corrected:
        named = f"{one.period.isoformat()[:7]} {one.product_class}".strip()
        for name, after in one.after.items():
            before = one.before.get(name)
            if after != before:
                said = gettext("{named}: {what} {before}, now {after}")
                stood = "–" if before is None else before
                lines.append(
                    said.format(named=named, what=gettext(FIGURES[one.facts][name]), before=stood, after=after)
                )
    return lines


def proposed(change: dict[str, Any], language: Language) -> str:
    """Return the figures that a correction names, in one line."""
    gettext = translations("server", language).gettext
    named = f"{change['period'][:7]} {change.get('product_class', '')}".strip()
    names = FIGURES[change["facts"]]
    said = [f"{gettext(text)} {change[name]}" for name, text in names.items() if change.get(name) is not None]
    return f"{named}: {', '.join(said)}"


def _remedy(session: Session, counted: Answer, corrected: Sequence[Correction]) -> feed.Text | None:
    if counted.remedy is None:
        return None
    if corrected:
        return feed.Text(zh="；".join(changes(corrected, "zh")), en="; ".join(changes(corrected, "en")))
    if counted.remedy["sort"] == "carry":
        given = (counted.remedy["sku"], counted.remedy["carry_thousandths"])
        return feed.Text(zh=credited(*given, "zh"), en=credited(*given, "en"))
    return feed.Text(zh=ended(session, counted.remedy, "zh"), en=ended(session, counted.remedy, "en"))


def credited(sku: str, carry_thousandths: int, language: Language) -> str:
    """Return what a retailer is credited with in the next cycle in which it orders a SKU."""
    gettext = translations("server", language).gettext
    said = gettext("A credit of {packs} packs of {sku}: it counts before your share the next time you order it.")
    return said.format(packs=f"{carry_thousandths / 1000:.2f}", sku=sku)


def ended(session: Session, remedy: dict[str, Any], language: Language) -> str:
    """Return which decision a remedy ends, and when."""
    gettext = translations("server", language).gettext
    held = decision_queries.decision(session, UUID(remedy["decision"]))
    assert held is not None  # noqa: S101 - it was there when the answer was given, and rows are never removed
    ends = date.fromisoformat(remedy["ends"]).isoformat()
    if held.decision == "suspended":
        return gettext("The suspension ends: from {ends} on it holds no longer.").format(ends=ends)
    return gettext("The lowering to tier {tier} ends: from {ends} on it holds no longer.").format(
        tier=held.tier, ends=ends
    )


def _both(counted: Answer) -> feed.Text:
    return feed.Text(zh=counted.answer_zh or counted.answer_en, en=counted.answer_en or counted.answer_zh)
