"""Why a retailer has the score that it has, and what would raise it: sentences for a shopkeeper, then the parts.

Everything said follows from the published rows; nothing is computed anew.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from allocation.errors import InputError
from allocation.scoring.folders import certificate_of
from allocation.scoring.policy import POINTS
from allocation.scoring.scores import Scores
from allocation.scoring.texts import COMPONENT_TEXTS

LANGUAGES: Final = ("en", "zh")
Row = Mapping[str, str]

ADVICE: Final[Mapping[str, tuple[str, str]]] = {
    "demand": ("what your customers buy counts, not what you order", "看的是顾客买了多少，不是订了多少"),
    "trend": ("sell more than in the months before", "销量比前几个月有所增长"),
    "assortment": ("sell more of the SKUs on offer", "多销售几个可供品规"),
    "turnover": ("keep no more in stock than you sell", "库存不超过能卖的数量"),
    "payment": ("pay everything on the day it falls due", "到期款项按时付清"),
    "acceptance": ("take what you ordered and confirm it", "订了的货按时签收"),
    "compliance": ("pass every inspection", "每次检查都合格"),
    "service": ("earn the points that visits give", "争取拜访考核的每一分"),
}
_GROUPS: Final[Mapping[str, tuple[str, str]]] = {
    "format": ("outlets of your market type and format", "同市场类型、同业态零售户"),
    "market_type": ("outlets of your market type", "同市场类型零售户"),
    "all": ("outlets of all kinds", "全部零售户"),
}
_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "score": (
        "Your score is {score} of 1,000: place {rank} of {peers} {group}.",
        "您的评分为 {score} 分（满分 1000），在 {peers} 户{group}中排第 {rank}。",
    ),
    "new": (
        "It puts you in tier {tier} of {tiers}, 1 being the best.",
        "评定为 {tier} 档（共 {tiers} 档，1 档最高）。",
    ),
    "same": ("You stay in tier {tier} of {tiers}, 1 being the best.", "保持 {tier} 档（共 {tiers} 档，1 档最高）。"),
    "up": ("You rise from tier {before} to tier {tier} of {tiers}.", "从 {before} 档升到 {tier} 档（共 {tiers} 档）。"),
    "down": (
        "You fall from tier {before} to tier {tier} of {tiers}.",
        "从 {before} 档降到 {tier} 档（共 {tiers} 档）。",
    ),
    "best": (
        "You do best in {component}: {points} of {most} points.",
        "表现最好的是{component}：{points}／{most} 分。",
    ),
    "most to gain": (
        "Most is to be gained by {component}, {points} of {most} points: {advice}.",
        "提升空间最大的是{component}：{points}／{most} 分；建议：{advice}。",
    ),
    "little known": (
        "Periods with figures so far: {periods}; the fewer there are, the nearer you stand to the middle.",
        "目前仅有 {periods} 期数据；数据越少，评分越接近中等水平。",
    ),
    "lowered": (
        "By decision, tier {limit} at best until {until}: {reason}.",
        "根据决定，{until} 前最高 {limit} 档：{reason}。",
    ),
    "suspended": (
        "By decision, nothing is allocated to you until {until}: {reason}.",
        "根据决定，{until} 前暂停供货：{reason}。",
    ),
    "weight": ("Your weight in the allocation is {weight}.", "您的分配权重为 {weight}。"),
    "part": (
        "{component}: {points} of {most} points; rank {part} % among {peers} {group}; periods: {periods}",
        "{component}：{points}／{most} 分；在 {peers} 户{group}中位次 {part}%；数据期数：{periods}",
    ),
    "unknown part": (
        "{component}: {points} of {most} points; nothing known yet, so the middle",
        "{component}：{points}／{most} 分；暂无数据，按中等水平计",
    ),
}
_FEW_PERIODS: Final = 8


@dataclass(frozen=True)
class Published:
    """Scores as they were published: rows by retailer, and the certificate."""

    scores: Mapping[str, Row]
    breakdown: Mapping[str, Sequence[Row]]
    certificate: Mapping[str, Any]

    @classmethod
    def of(cls, scores: Scores) -> "Published":
        """Return scores as they would be published."""
        return cls._of_texts(scores.scores_csv, scores.breakdown_csv(), certificate_of(scores, {}, None))

    @classmethod
    def read(cls, folder: Path) -> "Published":
        """Read a folder of scores; what it says is not checked here (see :mod:`allocation.scoring.checking`).

        Raises
        ------
        InputError
            Where it is no such folder.
        """
        try:
            tables = [(folder / name).read_bytes() for name in ("scores.csv", "breakdown.csv")]
            return cls._of_texts(tables[0], tables[1], json.loads((folder / "certificate.json").read_bytes()))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(str(folder), f"no folder that evenhand score has written: {error}") from error

    @classmethod
    def _of_texts(cls, scores: bytes, breakdown: bytes, certificate: Mapping[str, Any]) -> "Published":
        parts: dict[str, list[Row]] = {}
        for row in csv.DictReader(io.StringIO(breakdown.decode())):
            parts.setdefault(row["retailer"], []).append(row)
        rows = {row["retailer"]: row for row in csv.DictReader(io.StringIO(scores.decode()))}
        return cls(rows, parts, certificate)


def explain(published: Published, retailer: str, lang: str = "en") -> str:
    """Say why a retailer has its score, what it adds up from, and what would raise it.

    Parameters
    ----------
    published
        The scores.
    retailer
        Its name.
    lang
        ``en`` or ``zh``.

    Raises
    ------
    KeyError
        Where there is no such retailer among them.
    """
    row, parts = published.scores[retailer], published.breakdown[retailer]
    best = max(parts, key=lambda part: Decimal(part["shrunk"]))
    poor = max((part for part in parts if part is not best or len(parts) == 1), key=_missing)
    group = _GROUPS[row["compared_with"]]
    sentences = [
        _say("score", lang, score=row["score"], rank=row["rank"], peers=row["peers"], group=group),
        _tier(row, published.certificate["policy"]["tiers"], lang),
        _say("best", lang, **_points(best)),
        _say("most to gain", lang, **_points(poor), advice=ADVICE[poor["component"]]),
    ]
    if (periods := max(int(part["periods"]) for part in parts)) < _FEW_PERIODS:
        sentences.append(_say("little known", lang, periods=periods))
    sentences += [_decision(made, lang) for made in published.certificate["decisions"] if made["retailer"] == retailer]
    sentences.append(_say("weight", lang, weight=row["weight"]))
    return (" " if lang == "en" else "").join(sentences) + "\n" + "\n".join(_part(part, lang) for part in parts)


def _tier(row: Row, tiers: int, lang: str) -> str:
    before, earned = int(row["previous_tier"] or 0), int(row["earned_tier"])
    kind = "new" if not before else "same" if earned == before else "up" if earned < before else "down"
    return _say(kind, lang, before=before, tier=earned, tiers=tiers)


def _decision(made: Mapping[str, Any], lang: str) -> str:
    return _say(made["decision"], lang, limit=made["tier"], until=made["until"], reason=made["reason"])


def _part(part: Row, lang: str) -> str:
    if not int(part["periods"]):
        return _say("unknown part", lang, **_points(part))
    share = f"{100 * Decimal(part['rank']):.0f}"
    group = _GROUPS[part["compared_with"]]
    return _say("part", lang, **_points(part), part=share, peers=part["peers"], group=group, periods=part["periods"])


def _points(part: Row) -> dict[str, Any]:
    return {
        "component": COMPONENT_TEXTS[part["component"]],
        "points": f"{Decimal(part['contribution']):.1f}",
        "most": f"{_most(part):.1f}",
    }


def _most(part: Row) -> Decimal:
    return POINTS * Decimal(part["weight"])


def _missing(part: Row) -> Decimal:
    return _most(part) - Decimal(part["contribution"])


def _say(key: str, lang: str, **facts: Any) -> str:
    """Return a text in a language; a fact may be a pair of texts itself."""
    place = LANGUAGES.index(lang)
    said = {name: fact[place] if isinstance(fact, tuple) else fact for name, fact in facts.items()}
    return _TEXTS[key][place].format_map(said)
