"""Why a retailer has its score, in sentences made of the rows that were published."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from allocation.scoring.explaining import ADVICE, Published, explain
from allocation.scoring.policy import POINTS
from allocation.scoring.texts import COMPONENT_TEXTS
from contract.texts import Language, translations
from server.scores import queries


def why(certificate: dict[str, Any], score: queries.Score, language: Language) -> str:
    """Return the sentences for a shopkeeper: score and place, tier, where it does best, what there is to gain.

    Formats of shops are not kept: who is compared by market type and format is compared by market type.
    """
    row = {
        "score": f"{score.score_milli / 1000:.3f}",
        "compared_with": "market_type" if score.compared_with == "format" else score.compared_with,
        "rank": str(score.rank),
        "peers": str(score.peers),
        "previous_tier": str(score.previous_tier or ""),
        "earned_tier": str(score.earned_tier),
        "weight": str(score.weight),
    }
    parts = [{"retailer": score.retailer, **part} for part in score.parts]
    published = Published({score.retailer: row}, {score.retailer: parts}, certificate)
    return explain(published, score.retailer, language).partition("\n")[0]


def parts(score: queries.Score, language: Language) -> list[dict[str, Any]]:
    """Return what a score adds up from: figure, rank, points reached and possible, months, what raises it."""
    return [
        {
            "name": component(part["component"], language),
            "advice": advice(part["component"], language),
            "figure": figure(part, language),
            "rank_percent": None if not int(part["periods"]) else float(Decimal(part["rank"]) * 100),
            "peers": int(part["peers"] or 0),
            "points": float(part["contribution"]),
            "most": most_points(part),
            "periods": int(part["periods"]),
        }
        for part in score.parts
    ]


def figure(part: dict[str, str], language: Language) -> str | None:
    """Return a component's figure with its unit, units a month or percent; none where nothing is known."""
    if not int(part["periods"]):
        return None
    value = Fraction(int(part["numerator"]), int(part["denominator"]))
    return in_words(part["component"], value, language)


def in_words(component: str, value: Fraction, language: Language) -> str:
    """Return a figure of a component with its unit: units a month, or percent."""
    if component == "demand":
        return translations("server", language).gettext("{number} units a month").format(number=digits(value))
    return f"{digits(100 * value)} %"


def digits(value: Fraction) -> str:
    """Return a number with one decimal."""
    return f"{Decimal(value.numerator) / Decimal(value.denominator):.1f}"


def component(name: str, language: Language) -> str:
    """Return what a component is called."""
    return COMPONENT_TEXTS[name][0 if language == "en" else 1]


def advice(name: str, language: Language) -> str:
    """Return what raises a component."""
    return ADVICE[name][0 if language == "en" else 1]


def most_points(part: dict[str, str]) -> float:
    """Return the points that a component can bring at most."""
    return float(POINTS * Decimal(part["weight"]))
