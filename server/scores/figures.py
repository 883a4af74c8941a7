"""The published figures behind an appeal: what the shop has, which place that is, what the next ones have.

Everything follows from the rows of the run; nothing is computed anew. Others are never named, and what they have is
told where there are enough of them alone (:data:`server.scores.appeal_rules.PEERS_LEAST`).
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocation.scoring.policy import POINTS
from contract.feed import AppealFigures, Text
from contract.texts import Language, translations
from server.scores import appeal_rules, explaining, queries

THOUSANDTHS: Final = 1000
WHOLE: Final = ""


def of_appeal(session: Session, found: queries.Run, score: queries.Score, component: str) -> list[AppealFigures]:
    """Return the figures of the part that an appeal is about, or of the whole and of every part."""
    asked = [part for part in score.parts if component in {"", part["component"]}]
    places = _places(session, found, score, asked)
    parts = [_part(part, places.get(part["component"])) for part in asked]
    if component:
        return parts
    place = places[WHOLE]
    return [
        AppealFigures(
            name=Text(zh=_whole("zh"), en=_whole("en")),
            points=score.score_milli / THOUSANDTHS,
            most_points=float(POINTS),
            rank=place.rank,
            peers=place.peers,
            above=_said(WHOLE, place.above),
            below=_said(WHOLE, place.below),
        ),
        *parts,
    ]


_PLACES: Final = text("""
SELECT own.component, count(*) FILTER (WHERE more), count(*),
    min(value) FILTER (WHERE more), max(value) FILTER (WHERE less)
FROM (SELECT market_type FROM score_rows WHERE run = :run AND retailer = :retailer) shop
JOIN score_rows ON run = :run AND retailer <> :retailer
CROSS JOIN LATERAL (
    SELECT component, CAST(nullif(numerator, '') AS numeric) AS numerator, CAST(nullif(denominator, '') AS numeric)
        AS denominator
    FROM jsonb_to_recordset(parts) AS of (component text, numerator text, denominator text, periods int)
    WHERE periods > 0
    UNION ALL SELECT '', score_milli, 1
) part
JOIN unnest(CAST(:components AS text[]), CAST(:numerators AS numeric[]), CAST(:denominators AS numeric[]),
            CAST(:among_all AS boolean[])) AS own (component, numerator, denominator, among_all) USING (component)
CROSS JOIN LATERAL (
    SELECT part.numerator / part.denominator AS value,
        part.numerator * own.denominator > own.numerator * part.denominator AS more,
        part.numerator * own.denominator < own.numerator * part.denominator AS less
) beside
WHERE among_all OR score_rows.market_type = shop.market_type
GROUP BY own.component
""")
"""How many of the others have more of a component, and the next ones. Whole numbers are compared, not quotients."""


def _places(
    session: Session, found: queries.Run, score: queries.Score, parts: Sequence[dict[str, str]]
) -> dict[str, appeal_rules.Place]:
    """Return the shop's place in each part that something is known of, and in the whole, in one query."""
    own = {part["component"]: (value, part["compared_with"]) for part in parts if (value := _raw(part)) is not None}
    own[WHOLE] = (Fraction(score.score_milli), score.compared_with)
    values = {
        "run": found.id,
        "retailer": score.retailer,
        "components": list(own),
        "numerators": [value.numerator for value, _ in own.values()],
        "denominators": [value.denominator for value, _ in own.values()],
        "among_all": [compared_with == "all" for _, compared_with in own.values()],
    }
    alone = {component: appeal_rules.place(0, 0, None, None) for component in own}
    return alone | {
        component: appeal_rules.place(above, others, _fraction(next_above), _fraction(next_below))
        for component, above, others, next_above, next_below in session.execute(_PLACES, values)
    }


def _fraction(value: Decimal | None) -> Fraction | None:
    return None if value is None else Fraction(value)


def _part(part: dict[str, str], place: appeal_rules.Place | None) -> AppealFigures:
    name = part["component"]
    return AppealFigures(
        component=name,
        name=Text(zh=explaining.component(name, "zh"), en=explaining.component(name, "en")),
        raw=_said(name, _raw(part)),
        periods=int(part["periods"]),
        points=float(part["contribution"]),
        most_points=explaining.most_points(part),
        rank=None if place is None else place.rank,
        peers=None if place is None else place.peers,
        above=None if place is None else _said(name, place.above),
        below=None if place is None else _said(name, place.below),
    )


def _raw(part: dict[str, str]) -> Fraction | None:
    """Return a part's figure exactly; none where nothing is known."""
    return Fraction(int(part["numerator"]), int(part["denominator"])) if int(part["periods"]) else None


def _said(component: str, value: Fraction | None) -> Text | None:
    """Return a figure with its unit: points, units a period, or percent."""
    if value is None:
        return None
    return Text(zh=_in_words(component, value, "zh"), en=_in_words(component, value, "en"))


def _in_words(component: str, value: Fraction, language: Language) -> str:
    if component:
        return explaining.in_words(component, value, language)
    gettext = translations("server", language).gettext
    return gettext("{number} points").format(number=explaining.digits(value / THOUSANDTHS))


def _whole(language: Language) -> str:
    return translations("server", language).gettext("the whole score")
