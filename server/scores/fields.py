"""What the facts of a retailer's month are made of that files bring: paid, inspected, served, on its shelves.

Nothing that a retailer asks for is among them: orders are no input of scores.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert
from sqlalchemy.orm import Session

from server.forecasts.rules import is_month, is_over
from server.kit.fields import Code, Day, Field, Reason, Text, Unfit, Whole
from server.kit.marking import N_
from server.kit.records import Kind, Reference, Written, batches
from server.retailers import queries as retailers
from server.scores import facts
from server.scores.models import FactRow, FactVersion

FIGURE_MOST: Final = 2**40 - 1
"""Figures of a month are at most so large: the scoring library sums ten years of them exactly."""

ABOVE_WHOLE = Reason("above_whole", N_("{value} is more than {whole}, of which it is a part. Correct one of them."))


def _kind(name: str, label: str, whole: Field, part: Field) -> Kind:
    """Return a kind of facts of which a month says a whole and its good part."""

    def is_sound(record: Mapping[str, Any]) -> tuple[str, Unfit] | None:
        if record[part.name] > record[whole.name]:
            return part.name, Unfit(ABOVE_WHOLE, value=part.write(record[part.name]), whole=record[whole.name])
        return is_month(record["period"])

    return Kind(
        name=name,
        label=label,
        table=FactRow,
        fields=(
            Field("retailer", N_("Retailer"), Code()),
            Field("period", N_("Month"), Day(), hint=N_("Its first day, such as 2027-03-01.")),
            whole,
            part,
            Field("source", N_("Source"), Text(60), default="file", hint=N_("Where the figures come from.")),
        ),
        key=("retailer", "period"),
        rule=is_sound,
        timely=lambda record, at: is_over(record["period"], at),
        references=(Reference("retailer", N_("retailer"), retailers.known),),
        columns={whole.name: "whole", part.name: "part"},
        fixed={"facts": name},
        written=_keeping(name, whole.name, part.name),
    )


def _keeping(name: str, whole: str, part: str) -> Callable[[Session, Sequence[Written], datetime], None]:
    """Return what keeps every figure that a month has had beside the one that counts now."""

    def written(session: Session, written: Sequence[Written], at: datetime) -> None:
        facts.hold_numbers(session)
        for some in batches(written):
            session.execute(
                insert(FactVersion),
                [
                    {
                        "facts": name,
                        "retailer": one.after["retailer"],
                        "period": one.after["period"],
                        "whole": one.after[whole],
                        "part": one.after[part],
                        "source": one.after["source"],
                        "by": one.by,
                        "at": at,
                    }
                    for one in some
                ],
            )

    return written


def _figure(name: str, label: str, hint: str = "", *, money: bool = False) -> Field:
    return Field(name, label, Whole(most=FIGURE_MOST), hint=hint, money=money)


PAYMENTS = _kind(
    "payments",
    N_("Payments"),
    _figure("due_minor", N_("Fell due"), N_("All that fell due in the month."), money=True),
    _figure("paid_minor", N_("Paid in time"), N_("What of it was paid in time."), money=True),
)
INSPECTIONS = _kind(
    "inspections",
    N_("Inspections"),
    _figure("inspections", N_("Inspections")),
    _figure("passed", N_("Inspections passed")),
)
SERVICE = _kind(
    "service",
    N_("Service"),
    _figure("points_possible", N_("Points possible"), N_("The most that the month’s rating could have given.")),
    _figure("points", N_("Points reached")),
)
ASSORTMENT = _kind(
    "assortment",
    N_("Assortment"),
    _figure("skus_offered", N_("SKUs offered"), N_("That the shop could have had in the month.")),
    _figure("skus_sold", N_("SKUs sold"), N_("Of which it sold something.")),
)

KINDS: Final = (PAYMENTS, INSPECTIONS, SERVICE, ASSORTMENT)
