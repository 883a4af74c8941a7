"""What a line's whole order in a basket came to, as the rows and the certificate say it."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from allocation.result import Result, Row
from allocation.tables.decimals import plain_digits


@dataclass(frozen=True)
class WholeOrder:
    """A retailer's lines in one basket together.

    Parameters
    ----------
    skus
        Names of the goods that the retailer asked for in this basket.
    asked, total
        Units.
    level
        Total by weight, as the shares of the lines add up.
    stage
        Which of the certificate's stages fixed it, counting from 1, and how many there are; None where no stage did.
    stage_level
        The level of that stage, as a fraction in text.
    gap
        How far the farthest retailer may be behind, in percent; None where baskets are shared exactly.
    """

    skus: tuple[str, ...]
    asked: int
    total: Fraction
    level: Fraction
    stage: tuple[int, int] | None
    stage_level: str
    gap: str | None

    def facts(self) -> dict[str, Any]:
        """Return what sentences may say of it."""
        number, all_stages = self.stage or (0, 0)
        return {
            "together": ", ".join(self.skus),
            "order_asked": self.asked,
            "order_total": _printed(self.total),
            "order_level": _printed(self.level),
            "stage": number,
            "stages": all_stages,
            "stage_level": self.stage_level,
            "gap": self.gap,
        }


def whole_order(result: Result, row: Row) -> WholeOrder | None:
    """Return the whole order that a line belongs to; None where the line stands by itself."""
    label = result.sku_figures(row.sku).get("basket")
    if label is None:
        return None
    rows = [other for other in result.rows_of(row.retailer) if result.sku_figures(other.sku).get("basket") == label]
    baskets = result.certificate.get("baskets", {})
    stage, level = _stage_of(baskets.get("stages", []), [label, row.retailer])
    return WholeOrder(
        skus=tuple(other.sku for other in rows),
        asked=sum(int(other.requested) for other in rows),
        total=sum((Fraction(other.granted) for other in rows), Fraction(0)),
        level=sum((Fraction(other.share) for other in rows), Fraction(0)),
        stage=stage,
        stage_level=level,
        gap=f"{100 * float(Fraction(baskets['gap'])):.1f} %" if "gap" in baskets else None,
    )


def _stage_of(stages: list[dict[str, Any]], claimant: list[str]) -> tuple[tuple[int, int] | None, str]:
    """Return the first stage whose weights fix a claimant: those above 0."""
    for number, stage in enumerate(stages, start=1):
        if any(named[:2] == claimant and Fraction(named[2]) > 0 for named in stage["claimants"]):
            return (number, len(stages)), stage["level"]
    return None, ""


def _printed(number: Fraction) -> str:
    return plain_digits(number.numerator, number.denominator)
