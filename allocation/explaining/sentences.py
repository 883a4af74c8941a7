"""The sentences and numbers of explanations, English and Chinese.

Chinese sentences begin with the name of the goods, so that names in any script stand well in them.
"""

from collections.abc import Mapping
from typing import Final

LANGUAGES: Final = ("en", "zh")

Texts = tuple[str, str]

_GOT: Final = (
    "You asked for {requested} of {sku} and got {granted}",
    "{sku}：您申请 {requested} 件，得到 {granted} 件",
)
_NONE: Final = ("You asked for {requested} of {sku} and got none", "{sku}：您申请 {requested} 件，这次没有分到")
_PROMISED: Final = (
    "You asked for {requested} of {sku} and got the {granted} promised to you beforehand",
    "{sku}：您申请 {requested} 件，得到事先保证的 {granted} 件",
)
_ORDER: Final = (
    ". These goods are shared by whole orders: of the {order_asked} you asked for in all you got {order_total}",
    "。这些货按整张订单一起分配：您共申请 {order_asked} 件，共得到 {order_total} 件",
)


def _sentence(*parts: Texts) -> Texts:
    return "".join(part[0] for part in parts), "".join(part[1] for part in parts)


SENTENCES: Final[Mapping[str, Texts]] = {
    "nothing asked": ("You asked for none of {sku}.", "{sku}：您没有申请。"),
    "filled": ("You got all {granted} of {sku} that you asked for.", "{sku}：您申请的 {granted} 件已全部满足。"),
    "part pack": _sentence(
        _GOT, (": all the whole packs of {pack} in it.", "：每包 {pack} 件，申请中的整包已全部满足。")
    ),
    "capped": _sentence(_GOT, (", the most that you may have this time.", "，已达到您本期的上限。")),
    "less than a pack": _sentence(_NONE, (": it is less than one pack of {pack}.", "：不足一个整包（{pack} 件）。")),
    "ineligible": _sentence(
        _NONE,
        (
            ": you may not have it this time, or what you asked for or may have is less than the smallest order.",
            "：本期不能供应给您，或者申请的、可供应的数量不足最小订货量。",
        ),
    ),
    "supply, line, some": _sentence(
        _GOT,
        (
            ": there was not enough for all, and it ran out before your next pack's turn.",
            "：货源不够大家分配，轮到您的下一包之前已分完。",
        ),
    ),
    "supply, line, none": _sentence(
        _NONE,
        (
            ": there was not enough for all, and it ran out before your first pack's turn.",
            "：货源不够大家分配，轮到您的第一包之前已分完。",
        ),
    ),
    "supply, fractions": _sentence(
        _GOT, (": there was not enough for all, and this is your share.", "：货源不够大家分配，这是您应得的一份。")
    ),
    "supply, order, some": _sentence(
        _GOT, _ORDER, (", and the rest of {sku} went to other orders.", "；这种货其余的分给了其他订单。")
    ),
    "supply, order, none": _sentence(
        _NONE, _ORDER, (", and all of {sku} went to other orders.", "；这种货都分给了其他订单。")
    ),
    "credit, line, some": _sentence(_GOT, (": your credit does not cover more.", "：您的信用额度不够再多要。")),
    "credit, line, none": _sentence(
        _NONE, (": what is left of your credit does not cover it.", "：您剩余的信用额度不够要这种货。")
    ),
    "credit, order, some": _sentence(
        _GOT, _ORDER, (", and your credit does not cover more.", "；您的信用额度不够再多要。")
    ),
    "credit, order, none": _sentence(
        _NONE, _ORDER, (", and what is left of your credit does not cover it.", "；您剩余的信用额度不够要这种货。")
    ),
    "quota, line, some": _sentence(_GOT, (": {bound} leaves no room for more.", "：{bound}已没有余量。")),
    "quota, line, none": _sentence(_NONE, (": {bound} leaves no room for it.", "：{bound}已没有余量。")),
    "quota, order, some": _sentence(_GOT, _ORDER, (", and {bound} leaves no room for more.", "；{bound}已没有余量。")),
    "quota, order, none": _sentence(_NONE, _ORDER, (", and {bound} leaves no room for it.", "；{bound}已没有余量。")),
    "lottery": _sentence(
        _GOT,
        (
            ": several shops had the same claim to the last packs, and the draw went to others.",
            "：最后几包有多户条件相同，抽签由其他户得到。",
        ),
    ),
    "lottery in a limit": _sentence(
        _GOT,
        (
            ": several packs had the same turn when {bound} had room for one more, and the draw went to another.",
            "：{bound}只剩最后一点余量时，有几包次序相同，抽签由另一包得到。",
        ),
    ),
    "left out": _sentence(
        _NONE,
        (
            (
                ": your share was below your smallest order, "
                "and what there was went to shops whose smallest order it could cover."
            ),
            "：应得数量低于最小订货量，货源分给了能凑够最小订货量的户。",
        ),
    ),
    "exclusive": _sentence(
        _NONE,
        (
            ": you wanted only one of the goods marked {label}, and another of them was chosen.",
            "：标为“{label}”的几种货您只要其中一种，这次选中的是另一种。",
        ),
    ),
    "floor": _sentence(
        _PROMISED,
        ("; the rest went to others before your next pack's turn.", "；其余在轮到您的下一包之前已分给其他户。"),
    ),
    "floor in a limit": _sentence(_PROMISED, ("; {bound} leaves no room for more.", "；{bound}已没有余量。")),
    "adjusted": _sentence(
        _GOT,
        (
            ": this was decided by hand by {author} and approved by {approver}, because: {why}",
            "：此数量为人工决定。决定人：{author}；批准人：{approver}；理由：{why}",
        ),
    ),
    "priority": _sentence(
        _GOT,
        (
            ": shops of an earlier tier came first, and it ran out.",
            "：先供应前面档位的户，随后已分完。",
        ),
    ),
}

BOUNDS: Final[Mapping[str, Texts]] = {
    "": ("", ""),
    "adjustment": ("", ""),
    "supply": ("the supply", "货源"),
    "credit": ("your credit", "您的信用额度"),
    "units": ("your limit on units", "您的数量上限"),
    "quota": ("the quota of {limit} for {sku}", "“{limit}”的该品规配额"),
    "quota of all": ("the quota of {limit} for all goods", "“{limit}”的全部品规配额"),
    "exclusive": ("the choice among goods marked {label}", "标为“{label}”的几种货的选择"),
}
"""What stopped a line, in words, by the kind of its ``bound_by``."""

NUMBERS: Final[Mapping[str, Texts]] = {
    "line": (
        (
            "requested {requested}, eligible {eligible}, granted {granted}, granted/weight {share}, "
            "reason {reason} ({why in words})"
        ),
        "申请 {requested}，合格 {eligible}，分配 {granted}，分配/权重 {share}，原因 {reason}（{why in words}）",
    ),
    "bound": ("stopped by {bound_by}: {bound}", "受限于 {bound_by}：{bound}"),
    "sku": (
        (
            "{sku}: {supply} on offer in packs of {pack}; {lines} lines, {sku_eligible} eligible, "
            "{sku_granted} granted, {short_lines} lines short"
        ),
        (
            "{sku}：可供 {supply} 件，每包 {pack} 件；共 {lines} 行，"
            "合格 {sku_eligible} 件，分配 {sku_granted} 件，{short_lines} 行未满足"
        ),
    ),
    "level": ("its last pack was granted at the level {level}", "其最后一包在水平 {level} 处分出"),
    "order": (
        "whole order ({together}): requested {order_asked}, granted {order_total}, granted/weight {order_level}",
        "整张订单（{together}）：申请 {order_asked} 件，分配 {order_total} 件，分配/权重 {order_level}",
    ),
    "stage": (
        (
            "before whole packs, this order could not pass the level {stage_level} unless an order no better off "
            "had less: stage {stage} of {stages} in the certificate proves it"
        ),
        "取整包之前，除非处境不更好的订单减少，本订单不能超过水平 {stage_level}：由证书第 {stage}/{stages} 阶段证明",
    ),
    "approximate": (
        "baskets of this size are shared approximately: nobody is more than {gap} and one pack behind the best",
        "这样大的组合为近似分配：任何一户与最优相差不超过 {gap} 加一个整包",
    ),
    "seed": (
        "draws among equals: HMAC-SHA256 with the seed {seed}",
        "同等条件抽签：HMAC-SHA256，种子 {seed}",
    ),
}
