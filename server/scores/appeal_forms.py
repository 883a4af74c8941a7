"""What a person says in the form that answers an appeal: figures as they should stand, a decision's end, a credit."""

from collections.abc import Mapping
from datetime import date
from typing import Final, cast
from uuid import UUID

from server.forecasts.rules import UNITS_MOST
from server.kit.fields import Choice, Day, Whole
from server.kit.marking import N_
from server.scores import remedies
from server.scores.fields import FIGURE_MOST

ROWS_OF_SALES: Final = 3
PERCENT_MOST: Final = 100
THOUSANDTHS_A_PERCENT: Final = 10
FACTS: Final = {
    "deliveries": N_("deliveries, and those accepted"),
    "payments": N_("fell due and paid in time, in minor units"),
    "inspections": N_("inspections, and those passed"),
    "service": N_("points possible, and reached"),
    "assortment": N_("SKUs offered, and sold"),
}


def remedy(verdict: str, typed: Mapping[str, str]) -> remedies.AnyRemedy | None:
    """Return what a form says is to be changed.

    Raises
    ------
    Unfit
        Where a figure or day cannot be read; lines that say nothing are passed over.
    """
    if verdict == "dismissed":
        return None
    if verdict == "end":
        if not typed.get("decision"):
            return None
        return remedies.EndOfDecision(
            sort="end", decision=UUID(typed["decision"]), ends=Day().read(typed.get("ends", ""))
        )
    if verdict == "carry":
        if not typed.get("carry_sku", "").strip():
            return None
        percent = Whole(least=1, most=PERCENT_MOST).read(typed.get("carry_percent", "").strip())
        return remedies.CarryOn(
            sort="carry", sku=typed["carry_sku"].strip(), carry_thousandths=percent * THOUSANDTHS_A_PERCENT
        )
    changes: list[remedies.MonthOfSales | remedies.MonthOfFacts] = []
    for line in range(ROWS_OF_SALES):
        sold, out = (typed.get(f"{name}_{line}", "").strip() for name in ("sold", "out"))
        if sold or out:
            changes.append(
                remedies.MonthOfSales(
                    facts="sales",
                    product_class=typed.get(f"class_{line}", ""),
                    period=_month(typed.get(f"month_{line}", "")),
                    sold_units=Whole(most=UNITS_MOST).read(sold) if sold else None,
                    out_days=Whole(most=31).read(out) if out else None,
                )
            )
    if typed.get("whole", "").strip():
        table = Choice(tuple(FACTS), tuple(FACTS.values())).read(typed.get("facts", ""))
        changes.append(
            remedies.MonthOfFacts(
                facts=cast("remedies.FactsOfMonth", table),
                period=_month(typed.get("facts_month", "")),
                whole=Whole(most=FIGURE_MOST).read(typed["whole"].strip()),
                part=Whole(most=FIGURE_MOST).read(typed.get("part", "").strip()),
            )
        )
    return remedies.Figures(sort="figures", changes=tuple(changes)) if changes else None


def _month(text: str) -> date:
    return Day().read(f"{text.strip()}-01" if text.strip() else "")
