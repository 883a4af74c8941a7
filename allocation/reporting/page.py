"""``report.html``: the figures of a result on a page that prints, in English and Chinese, with nothing from outside."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any, Final

from allocation.reporting.parts import both, number_text, page, section, table
from allocation.result import REASON_TEXTS

_ROWS_SHOWN: Final = 40


def report_page(report: Mapping[str, Any]) -> str:
    """Return the page of a report made by :func:`allocation.reporting.figures.report_figures`."""
    style = files("allocation.reporting").joinpath("page.css").read_text(encoding="utf-8")
    totals, evenness = report["totals"], report["evenness"]
    sections = (
        _totals(totals),
        section(
            "Why lines are as they are",
            "各行结果的原因",
            table(
                (("Reason", "原因"), ("Lines", "行数")),
                ((both(*REASON_TEXTS[reason]), number_text(count)) for reason, count in report["reasons"].items()),
            ),
        ),
        *([_adjustments(report["adjustments"])] if "adjustments" in report else []),
        *([_baskets(report["baskets"])] if report.get("baskets", {}).get("approximate") else []),
        _skus(report["skus"]),
        _evenness(evenness),
        *(_group(name, rows) for name, rows in report["groups"].items()),
        _provenance(report),
    )
    return page("Allocation", "分配结果", style, sections)


def _totals(totals: dict[str, Any]) -> str:
    cells = (
        ("Retailers", "零售户", totals["retailers"]),
        ("Lines", "行数", totals["lines"]),
        ("SKUs", "品规", totals["skus"]),
        ("Units requested", "申请数量", totals["requested"]),
        ("Units on offer", "可供数量", totals["supply"]),
        ("Units granted", "分配数量", totals["granted"]),
    )
    return (
        "<dl>"
        + "".join(f"<div><dt>{both(en, zh)}</dt><dd>{number_text(value)}</dd></div>" for en, zh, value in cells)
        + "</dl>"
    )


def _adjustments(decided: Sequence[dict[str, Any]]) -> str:
    heading = (
        ("Retailer, SKU", "零售户、品规"),
        ("Granted of eligible", "分配／合格"),
        ("Why and by whom", "理由与经办"),
    )
    rows = (
        (
            f"{escape(row['retailer'])}<br>{escape(row['sku'])}",
            f"{number_text(row['granted'])} / {number_text(row['eligible'])}",
            f"{escape(row['reason'])}<br>" + _by_whom(row["author"], row["approver"]),
        )
        for row in decided
    )
    note = both(
        "These lines were not shared out by the rule: two persons decided them, "
        "and all others were filled around them.",
        "以下各行未按规则分配：由两人决定并批准，其余各行在此基础上分配。",
    )
    return section("Decided by hand", "人工决定", f'<p class="mark">{note}</p>' + table(heading, rows, "decided"))


def _baskets(baskets: Mapping[str, Any]) -> str:
    gap = f"{baskets['gap']:.1%}"
    note = both(
        "There were too many lines to share the baskets exactly. All limits hold, and nothing is left that a short "
        f"line has room for; but the retailer farthest behind may lack up to {gap} of what the best sharing "
        "would allow, besides one pack.",
        "组合内的行数过多，无法精确分配。所有限额均已遵守，也没有剩下短缺行还能容纳的整包；"
        f"但相对落后最多的零售户，除一个整包外，与最优分配允许的数量相比最多可能少 {gap}。",
    )
    return section("Baskets: approximate", "组合：近似结果", f'<p class="mark">{note}</p>')


def _by_whom(author: str, approver: str) -> str:
    return both(f"decided by {author}, approved by {approver}", f"{author} 决定，{approver} 批准")


def _skus(skus: Sequence[dict[str, Any]]) -> str:
    scarce = sorted(
        (sku for sku in skus if sku["short_lines"]), key=lambda sku: (sku["granted"] - sku["eligible"], sku["sku"])
    )
    shown = scarce[:_ROWS_SHOWN]
    heading = (("SKU", "品规"), ("Eligible", "合格数量"), ("Supply", "可供"), ("Granted", "分配"), ("Filled", "满足率"))
    rows = (
        (
            escape(sku["sku"]),
            number_text(sku["eligible"]),
            number_text(sku["supply"]),
            number_text(sku["granted"]),
            _bar(sku["granted"], sku["eligible"])
            + f'<span class="figure">{_percent(sku["granted"], sku["eligible"])}</span>',
        )
        for sku in shown
    )
    none = f"<p>{both('No SKU was short.', '没有品规缺货。')}</p>"
    return section(
        "SKUs that were short",
        "货源紧张的品规",
        table(heading, rows) + _more(len(scarce) - len(shown)) if shown else none,
    )


def _evenness(evenness: dict[str, Any]) -> str:
    granted, requested = evenness["lorenz_granted"], evenness["lorenz_requested"]
    caption = both(
        "Lorenz curves over retailers, smallest first: units granted (line) and requested (dashes). "
        "The straight line would be the same for everybody.",
        "按零售户从少到多的洛伦兹曲线：实线为分配数量，虚线为申请数量；直线表示人人相同。",
    )
    chart = (
        f'<figure><svg viewBox="-1 -1 102 102" role="img" aria-label="Lorenz curve · 洛伦兹曲线">'
        '<path class="frame" d="M0 0V100H100"/><path class="even" d="M0 100L100 0"/>'
        f'<path class="requested" d="{_path(requested)}"/><path class="granted" d="{_path(granted)}"/></svg>'
        f"<figcaption>{caption}</figcaption></figure>"
    )
    figures = table(
        (("Measure", "指标"), ("Value", "数值")),
        (
            (both("Gini (0: all the same)", "基尼系数（0 为完全相同）"), f"{evenness['gini']:.3f}"),
            (both("Jain (1: all the same)", "Jain 指数（1 为完全相同）"), f"{evenness['jain']:.3f}"),
            (
                both("Share of the largest 1 % of retailers", "最大 1% 零售户所占份额"),
                f"{100 * evenness['largest_1_percent_share']:.1f}\N{NO-BREAK SPACE}%",
            ),
            (both("Retailers with nothing", "一无所得的零售户"), number_text(evenness["retailers_at_zero"])),
        ),
    )
    tenths = [point for point in granted if round(point[0] * 50) % 5 == 0] or granted
    other = dict(map(tuple, requested))
    points = table(
        (("Retailers up to", "零售户比例"), ("Units granted", "分配数量比例"), ("Units requested", "申请数量比例")),
        ((_whole(x), _whole(y), _whole(other[x]) if x in other else "") for x, y in tenths),
    )
    return section("How even it is", "均衡程度", chart + figures + points)


def _group(name: str, rows: Sequence[dict[str, Any]]) -> str:
    heading = (
        (name, name),
        ("Retailers", "零售户"),
        ("Eligible", "合格数量"),
        ("Granted", "分配"),
        ("Filled", "满足率"),
    )
    cells = (
        (
            escape(row["value"]) or "–",
            number_text(row["retailers"]),
            number_text(row["eligible"]),
            number_text(row["granted"]),
            _percent(row["granted"], row["eligible"]),
        )
        for row in rows[:_ROWS_SHOWN]
    )
    return section(f"By {name}", f"按{name}", table(heading, cells) + _more(len(rows) - _ROWS_SHOWN))


def _provenance(report: Mapping[str, Any]) -> str:
    policy = report["policy"]
    rows = [
        (
            both("Rule", "规则"),
            escape(" ".join(policy[key] for key in ("fairness", "rule", "inside") if key in policy)),
        ),
        (both("Rounding", "取整方法"), escape(policy["rounding"])),
        (both("Seed", "种子"), f"<code>{escape(policy.get('seed', '–'))}</code>"),
        (both("Input, SHA-256", "输入 SHA-256"), f"<code>{escape(report['input_sha256'])}</code>"),
        (both("Result, SHA-256", "结果 SHA-256"), f"<code>{escape(report['result_sha256'])}</code>"),
    ]
    note = both(
        "Anyone who has the problem's folder and this one can check the result: evenhand verify PROBLEM RESULT",
        "持有问题文件夹和本文件夹的任何人都可以核验结果：evenhand verify PROBLEM RESULT",
    )
    return section(
        "Where it comes from", "来源与核验", table((("What", "项目"), ("Value", "内容")), rows) + f"<p>{note}</p>"
    )


def _more(number: int) -> str:
    """Say how many rows are left to the file with all figures."""
    return f"<p>{both(f'{number} more in report.json', f'另有 {number} 个见 report.json')}</p>" if number > 0 else ""


def _bar(part: float, whole: float) -> str:
    width = 100 * part / whole if whole else 0
    return (
        '<svg class="bar" viewBox="0 0 100 8" aria-hidden="true"><rect class="all" width="100" height="8"/>'
        f'<rect class="part" width="{width:.2f}" height="8"/></svg>'
    )


def _path(points: Iterable[Sequence[float]]) -> str:
    return "M" + "L".join(f"{100 * x:.2f} {100 - 100 * y:.2f}" for x, y in points)


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f}\N{NO-BREAK SPACE}%" if whole else "–"


def _whole(part: float) -> str:
    return f"{100 * part:.0f}\N{NO-BREAK SPACE}%"
