"""Why a line got what it got: one sentence for the shopkeeper, then the numbers behind it."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from allocation.result import EXCLUSIVE, Result, Row

LANGUAGES: Final = ("en", "zh")

_SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "nothing asked": ("You asked for none of {sku}.", "您没有申请{sku}。"),
    "filled": ("You got all {granted} of {sku} that you asked for.", "您申请的{sku}共 {granted} 件已全部满足。"),
    "part pack": (
        "You asked for {requested} of {sku} and got {granted}: all the whole packs of {pack} in it.",
        "您申请{sku} {requested} 件，得到 {granted} 件：按每包 {pack} 件的整包已全部满足。",
    ),
    "capped": (
        "You asked for {requested} of {sku} and got {granted}, the most that you may have this time.",
        "您申请{sku} {requested} 件，得到 {granted} 件，已达到您本期的上限。",
    ),
    "ineligible": (
        (
            "You asked for {requested} of {sku} and got none: it is less than one pack or the smallest order, "
            "or you may not have it this time."
        ),
        "您申请{sku} {requested} 件，未能分配：不足一个整包或最小订货量，或者本期不能供应给您。",
    ),
    "supply": (
        (
            "You asked for {requested} of {sku} and got {granted}: there was not enough for all, "
            "and it ran out before your next pack's turn."
        ),
        "您申请{sku} {requested} 件，得到 {granted} 件：货源不够大家分配，轮到您的下一包之前已分完。",
    ),
    "lottery": (
        (
            "You asked for {requested} of {sku} and got {granted}: several shops had the same claim to the last packs, "
            "and the draw went to others."
        ),
        "您申请{sku} {requested} 件，得到 {granted} 件：最后几包有多户条件相同，抽签由其他户得到。",
    ),
    "left out": (
        (
            "You asked for {requested} of {sku} and got none: your share was below your smallest order, "
            "and what there was went to shops whose smallest order it could cover."
        ),
        "您申请{sku} {requested} 件，未能分配：应得数量低于最小订货量，货源分给了能凑够最小订货量的户。",
    ),
    "exclusive": (
        (
            "You asked for {requested} of {sku} and got none: you wanted only one of the goods marked {label}, "
            "and another of them was chosen."
        ),
        "您申请{sku} {requested} 件，未能分配：标为“{label}”的几种货您只要其中一种，这次选中的是另一种。",
    ),
    "credit": (
        "You asked for {requested} of {sku} and got {granted}: your credit does not cover another pack.",
        "您申请{sku} {requested} 件，得到 {granted} 件：您的信用额度不够再要一包。",
    ),
    "quota": (
        "You asked for {requested} of {sku} and got {granted}: a limit on quantities was reached ({bound_by}).",
        "您申请{sku} {requested} 件，得到 {granted} 件：已达到数量配额（{bound_by}）。",
    ),
    "floor": (
        (
            "You asked for {requested} of {sku} and got the {granted} promised to you beforehand; "
            "the rest went to shops that had less for their size."
        ),
        "您申请{sku} {requested} 件，得到事先保证的 {granted} 件；其余分给了按规模得到较少的户。",
    ),
    "adjusted": (
        (
            "You asked for {requested} of {sku} and got {granted}: this was decided by hand by {author} "
            "and approved by {approver}, because: {why}"
        ),
        "您申请{sku} {requested} 件，得到 {granted} 件：此数量由{author}人工决定，经{approver}批准，理由：{why}",
    ),
    "priority": (
        "You asked for {requested} of {sku} and got {granted}: shops of an earlier tier came first, and it ran out.",
        "您申请{sku} {requested} 件，得到 {granted} 件：先供应前面档位的户，随后已分完。",
    ),
}

_NUMBERS: Final[Mapping[str, tuple[str, str]]] = {
    "line": (
        "requested {requested}, eligible {eligible}, granted {granted}, granted/weight {share}, reason {reason}",
        "申请 {requested}，合格 {eligible}，分配 {granted}，分配/权重 {share}，原因 {reason}",
    ),
    "bound": ("stopped by {bound_by}", "受限于 {bound_by}"),
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
    "seed": (
        "draws among equals: HMAC-SHA256 with the seed {seed}",
        "同等条件抽签：HMAC-SHA256，种子 {seed}",
    ),
}


def explain(result: Result, retailer: str, sku: str, lang: str = "en") -> str:
    """Explain one line.

    Parameters
    ----------
    result
        From :func:`allocation.solve` or a result folder.
    retailer, sku
        Name the line.
    lang
        ``en`` or ``zh``.

    Returns
    -------
    str
        The sentence on the first line; the numbers on the lines after it.

    Raises
    ------
    KeyError
        Where there is no such line.
    ValueError
        For another language.
    """
    if lang not in LANGUAGES:
        raise ValueError(f"explanations are in {' and '.join(LANGUAGES)}, not {lang!r}")
    row = result.row(retailer, sku)
    facts = _facts(result, row)
    say = partial(_say, lang=lang, facts=facts)
    lines = [say(_SENTENCES[_sentence(result, row, facts)]), say(_NUMBERS["line"])]
    if row.bound_by and row.reason != "adjusted":
        lines.append(say(_NUMBERS["bound"]))
    lines.append(say(_NUMBERS["sku"]))
    if facts["level"] is not None:
        lines.append(say(_NUMBERS["level"]))
    if row.reason == "lottery":
        lines.append(say(_NUMBERS["seed"]))
    return "\n".join(lines)


def _facts(result: Result, row: Row) -> dict[str, Any]:
    figures = result.sku_figures(row.sku)
    why, author, approver = result.decisions.get((row.retailer, row.sku), ("", "", ""))
    return {
        **figures,
        "why": " ".join(why.split()),
        "author": author,
        "approver": approver,
        "label": row.bound_by.removeprefix(EXCLUSIVE),
        "sku_eligible": figures["eligible"],
        "sku_granted": figures["granted"],
        "seed": result.certificate.get("seed"),
        **vars(row),
    }


def _sentence(result: Result, row: Row, facts: Mapping[str, Any]) -> str:
    if row.reason == "filled":
        if row.requested == "0":
            return "nothing asked"
        return "filled" if row.requested == row.granted else "part pack"
    if row.bound_by.startswith(EXCLUSIVE):
        return "exclusive"
    if row.granted == "0" and (row.retailer, row.sku) in result.had_before_minimums and facts["short_lines"]:
        return "left out"
    return row.reason


def _say(texts: tuple[str, str], lang: str, facts: Mapping[str, Any]) -> str:
    return texts[LANGUAGES.index(lang)].format_map(facts)
