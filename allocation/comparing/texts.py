"""What the page and the terminal's table say, in English and Chinese."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from allocation.comparing.comparison import Bin, Comparison, Side

LANGUAGES: Final = ("en", "zh")

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "title": ("Two policies, one order book", "同一订单簿，两种政策"),
    "size": (
        "{retailers} retailers · {lines} lines · {skus} SKUs · {supply} units on offer, {requested} requested",
        "{retailers} 户 · {lines} 行 · {skus} 个品规 · 可供 {supply} 件，申请 {requested} 件",
    ),
    "moves": (
        "With “{b}” instead of “{a}”, {gaining} retailers get more, {losing} get less and {unchanged} get the same.",
        "用“{b}”代替“{a}”：{gaining} 户增加，{losing} 户减少，{unchanged} 户不变。",
    ),
    "units": (
        "Line by line, {gained} units are gained and {lost} lost.",
        "逐行合计，增加 {gained} 件，减少 {lost} 件。",
    ),
    "measures": ("How even it is", "均衡程度"),
    "measure": ("Measure", "指标"),
    "gini": ("Gini of units by retailer (0: all the same)", "各户数量的基尼系数（0 为完全相同）"),
    "jain": ("Jain index (1: all the same)", "Jain 指数（1 为完全相同）"),
    "largest": ("Largest 1 % of retailers", "最大 1% 零售户份额"),
    "zero": ("Retailers with nothing", "一无所得的零售户"),
    "fill": ("Filled, of what was eligible", "满足率（占合格数量）"),
    "granted": ("Units granted", "分配数量"),
    "lorenz": ("Lorenz curves", "洛伦兹曲线"),
    "lorenz note": (
        "Retailers from the least to the most. The nearer to the straight line, the more alike they are served.",
        "零售户由少到多排列；曲线越接近直线，各户所得越相近。",
    ),
    "part of retailers": ("Retailers up to", "零售户比例"),
    "part of units": ("Units granted", "分配数量比例"),
    "fill by": ("Filled by {group}", "按{group}的满足率"),
    "tier": ("tier", "档位"),
    "region": ("region", "区域"),
    "bars": ("Outlined: {a}. Solid: {b}.", "空心：{a}；实心：{b}。"),
    "shown": (
        "The {count} with the most eligible units of {all}; the JSON has all.",
        "共 {all} 个，图表为合格数量最多的 {count} 个，全部见 JSON。",
    ),
    "retailers": ("Retailers", "零售户"),
    "eligible": ("Eligible", "合格数量"),
    "changes": ("How far retailers move", "各户变化幅度"),
    "changes note": (
        "Retailers by the units that they gain (+) or lose (−) with “{b}” instead of “{a}”.",
        "用“{b}”代替“{a}”时，按增加（+）或减少（−）的件数统计户数。",
    ),
    "change": ("Change", "变化"),
    "retailers that gain": ("Retailers that gain most", "增加最多的零售户"),
    "retailers that lose": ("Retailers that lose most", "减少最多的零售户"),
    "lines that gain": ("Lines that gain most", "增加最多的行"),
    "lines that lose": ("Lines that lose most", "减少最多的行"),
    "nobody": ("Nobody.", "没有。"),
    "retailer": ("Retailer", "零售户"),
    "line": ("Retailer, SKU", "零售户、品规"),
    "requested": ("Requested", "申请"),
    "skus": ("Units by SKU", "各品规数量"),
    "sku": ("SKU", "品规"),
    "supply": ("Supply", "可供"),
    "reasons": ("Why lines stand as they do", "各行结果的原因"),
    "reason": ("Reason", "原因"),
    "origin": ("What was compared", "比较的内容"),
    "policy": ("Policy", "政策"),
    "input": ("Input, SHA-256", "输入 SHA-256"),
    "key": ("Setting", "设置"),
    "baseline": (
        "First come, first served is shown as a baseline only; nothing is ever allocated by it.",
        "“先到先得”仅作为对照，不用于实际分配。",
    ),
}

_RULES: Final[Mapping[str, tuple[str, str]]] = {
    "max_min": ("equal shares by weight", "按权重均等"),
    "proportional": ("in proportion to requests", "按申请量比例"),
    "equal_losses": ("equal losses", "等额减少"),
    "talmud": ("the Talmud's rule", "塔木德规则"),
    "priority": ("tier after tier", "按档位先后"),
    "first_come": ("first come, first served", "先到先得"),
}


def say(key: str, lang: str, **facts: object) -> str:
    """Return a text in a language."""
    return TEXTS[key][LANGUAGES.index(lang)].format_map(facts)


def group_name(group: str, lang: str) -> str:
    """Return what a group is called within a sentence: known ones in words, others as their column says."""
    if group in ("tier", "region"):
        return say(group, lang)
    return f" {group} " if lang == "zh" and group.isascii() else group


def policy_in_words(side: Side, lang: str) -> str:
    """Return a policy's rule in words, and its other keys as they stand."""
    policy, words = side.policy, LANGUAGES.index(lang)
    rule = _RULES.get(policy["rule"], (policy["rule"],) * 2)[words]
    if "inside" in policy:
        rule += ("; inside: " if lang == "en" else "；档内") + _RULES[policy["inside"]][words]
    others = [policy[key] for key in ("fairness", "rounding") if key in policy]
    return f"{rule} · {policy['rule']}, {', '.join(others)}"


@dataclass(frozen=True)
class Figure:
    """One measure of both results, as printed."""

    key: str
    a: str
    b: str
    change: str


def figures(seen: Comparison) -> Iterator[Figure]:
    """Yield the measures that are shown first: how even, how full, how many with nothing."""
    a, b = seen.a, seen.b
    for key in ("gini", "jain"):
        one, two = a.evenness[key], b.evenness[key]
        yield Figure(key, f"{one:.3f}", f"{two:.3f}", _minus(f"{two - one:+.3f}"))
    for key, one, two in (
        ("largest", a.evenness["largest_1_percent_share"], b.evenness["largest_1_percent_share"]),
        ("fill", a.fill, b.fill),
    ):
        yield Figure(key, percent(one), percent(two), _minus(f"{100 * (two - one):+.1f}"))
    for key, one, two in (
        ("zero", a.evenness["retailers_at_zero"], b.evenness["retailers_at_zero"]),
        ("granted", a.totals["granted"], b.totals["granted"]),
    ):
        yield Figure(key, amount(one), amount(two), signed(two - one))


def moves(seen: Comparison, lang: str) -> str:
    """Return the sentence that says how many gain and lose, and the units that they do it by."""
    moved, lines = seen.retailers, seen.lines
    counts = {name: amount(getattr(moved, name)) for name in ("gaining", "losing", "unchanged")}
    sentence = say("moves", lang, a=seen.a.name, b=seen.b.name, **counts)
    between = " " if lang == "en" else ""
    return sentence + between + say("units", lang, gained=amount(lines.units_gained), lost=amount(lines.units_lost))


def _minus(number: str) -> str:
    return "±" + number[1:] if not number.strip("+-0.") else number.replace("-", "−")


def amount(units: float | Fraction) -> str:
    """Print units: whole ones with commas, others with three decimals."""
    return f"{int(units):,}" if units == int(units) else f"{float(units):,.3f}"


def signed(units: float | Fraction) -> str:
    """Print a change with its sign."""
    return ("+" if units > 0 else "−" if units < 0 else "±") + amount(-units if units < 0 else units)


def percent(part: float) -> str:
    """Print a part as a percentage."""
    return f"{100 * part:.1f}\N{NO-BREAK SPACE}%"


def bin_label(some: Bin) -> str:
    """Return what a bin of changes holds, such as +10…19."""
    if not some.sign:
        return "±0"
    low, high = max(some.low, 1), some.high - 1
    sign = "+" if some.sign > 0 else "−"
    return f"{sign}<1" if some.high == 1 else f"{sign}{low:,}" if low == high else f"{sign}{low:,}…{high:,}"
