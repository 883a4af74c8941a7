"""Why a retailer has its score, in sentences made of the rows that were published."""

from decimal import Decimal
from typing import Any

from allocation.scoring.explaining import ADVICE, Published, explain
from allocation.scoring.policy import POINTS
from allocation.scoring.texts import COMPONENT_TEXTS
from contract.texts import Language
from server.scores import queries


def why(certificate: dict[str, Any], score: queries.Score, language: Language) -> str:
    """Return the sentences for a shopkeeper: score and place, tier, where it does best, what there is to gain."""
    row = {
        "score": f"{score.score_milli / 1000:.3f}",
        "compared_with": score.compared_with,
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
    """Return what a score adds up from: points reached and possible, how long figures go back, what raises it."""
    return [
        {
            "name": component(part["component"], language),
            "advice": advice(part["component"], language),
            "points": float(part["contribution"]),
            "most": most_points(part),
            "periods": int(part["periods"]),
        }
        for part in score.parts
    ]


def component(name: str, language: Language) -> str:
    """Return what a component is called."""
    return COMPONENT_TEXTS[name][0 if language == "en" else 1]


def advice(name: str, language: Language) -> str:
    """Return what raises a component."""
    return ADVICE[name][0 if language == "en" else 1]


def most_points(part: dict[str, str]) -> float:
    """Return the points that a component can bring at most."""
    return float(POINTS * Decimal(part["weight"]))
