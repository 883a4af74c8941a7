"""The published figures behind an appeal: what the shop has, which place that is, what the next ones have.

Everything follows from the rows of the run; nothing is computed anew. Others are never named, and what they have is
told where there are enough of them alone (:data:`server.scores.appeal_rules.PEERS_LEAST`).
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocation.scoring.policy import POINTS
from contract.feed import AppealFigures, Text
from contract.texts import Language, translations
from server.scores import explaining, queries
from server.scores.appeal_rules import place_among
from server.scores.models import ScoreRow

THOUSANDTHS: Final = 1000


def of_appeal(session: Session, found: queries.Run, score: queries.Score, component: str) -> list[AppealFigures]:
    """Return the figures of the part that an appeal is about, or of the whole and of every part."""
    others = list(
        session.execute(
            select(ScoreRow.retailer, ScoreRow.market_type, ScoreRow.score_milli, ScoreRow.parts).where(
                ScoreRow.run == found.id
            )
        )
    )
    own = next(row.market_type for row in others if row.retailer == score.retailer)
    peers = [row for row in others if row.retailer != score.retailer]
    near = [row for row in peers if row.market_type == own]
    parts = [
        _part(part, [row.parts for row in (peers if part["compared_with"] == "all" else near)])
        for part in score.parts
        if component in {"", part["component"]}
    ]
    if component:
        return parts
    compared = peers if score.compared_with == "all" else near
    place = place_among(Fraction(score.score_milli), [Fraction(row.score_milli) for row in compared])
    return [
        AppealFigures(
            name=Text(zh=_gettext("zh")("the whole score"), en=_gettext("en")("the whole score")),
            points=score.score_milli / THOUSANDTHS,
            most_points=float(POINTS),
            rank=place.rank,
            peers=place.peers,
            above=_said("", place.above),
            below=_said("", place.below),
        ),
        *parts,
    ]


def _part(part: dict[str, str], others: Sequence[list[dict[str, str]]]) -> AppealFigures:
    name = part["component"]
    own = _raw(part)
    known = [_raw(one) for parts in others for one in parts if one["component"] == name]
    place = None if own is None else place_among(own, [raw for raw in known if raw is not None])
    return AppealFigures(
        component=name,
        name=Text(zh=explaining.component(name, "zh"), en=explaining.component(name, "en")),
        raw=_said(name, own),
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
    return _gettext(language)("{number} points").format(number=explaining.digits(value / THOUSANDTHS))


def _gettext(language: Language) -> Callable[[str], str]:
    return translations("server", language).gettext
