"""What a shop's terminals are told: the months to come, the figures given, how far past forecasts were off."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from math import ceil, floor

from sqlalchemy.orm import Session

from contract.feed import CLASSES_PER_PART, Forecast, ForecastClass, ForecastMonth, ForecastPast
from server.forecasts import queries, rules
from server.kit import outbox

MONTHS_TOLD = 4
PAST_TOLD = 3
UNITS_MOST = 2**31 - 1


def items(session: Session, retailers: Collection[str], found: queries.Version) -> list[outbox.Item]:
    """Return what the terminals of some retailers show of a version, in parts that fit into a message."""
    series = queries.series_of(session, found.id, retailers)
    figures = queries.figures(session, retailers, since=found.cut_off)
    past = queries.past(session, retailers, since=rules.later(found.cut_off, -PAST_TOLD))
    told = []
    for retailer, own in series.items():
        classes = [_class(found, one, figures[retailer], past.get(retailer, {})) for one in own]
        parts = [classes[start : start + CLASSES_PER_PART] for start in range(0, len(classes), CLASSES_PER_PART)]
        for number, part in enumerate(parts, start=1):
            message = Forecast(
                version=found.number,
                part=number,
                parts=len(parts),
                cut_off=found.cut_off,
                made_at=found.done_at or found.asked_at,
                classes=tuple(part),
            )
            told.append(outbox.Item(retailer, f"forecast:{number}", "forecast", message))
    return told


def tell(session: Session, retailers: Collection[str], found: queries.Version, *, at: datetime) -> None:
    """Append to the feeds of some retailers what their terminals show of a version."""
    outbox.append(session, items(session, retailers, found), at=at)


def _class(
    found: queries.Version,
    one: queries.Series,
    figures: dict[tuple[str, date, queries.FigureKind], queries.Figure],
    past: dict[str, list[rules.Past]],
) -> ForecastClass:
    def units(period: date, kind: queries.FigureKind) -> int | None:
        figure = figures.get((one.product_class, period, kind))
        return None if figure is None else min(figure.units, UNITS_MOST)

    months = [
        ForecastMonth(
            period=period,
            mean_units=min(round(mean), UNITS_MOST),
            low_units=min(floor(low), UNITS_MOST),
            high_units=min(ceil(high), UNITS_MOST),
            own_units=units(period, "own"),
            agreed_units=units(period, "agreed"),
        )
        for period, mean, low, high in zip(found.periods, one.mean, one.lo80, one.hi80, strict=True)
    ]
    over: Sequence[rules.Past] = past.get(one.product_class, [])
    error = rules.mean_error(over)
    return ForecastClass(
        product_class=one.product_class,
        months=tuple(months[:MONTHS_TOLD]),
        past=tuple(
            ForecastPast(
                period=month.period,
                forecast_units=min(round(month.forecast_units), UNITS_MOST),
                came_units=None if month.came_units is None else min(month.came_units, UNITS_MOST),
            )
            for month in over
        ),
        error=None if error is None else round(error, 3),
    )
