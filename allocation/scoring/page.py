"""``report.html``: what scores say of a network, on a page that prints, in English and Chinese."""

from collections import Counter
from collections.abc import Iterator
from html import escape
from importlib.resources import files
from itertools import groupby
from typing import Final

import numpy as np

from allocation.reporting.parts import both, number_text, page, section, table
from allocation.scoring.charts import bars, columns
from allocation.scoring.decisions import SUSPENDED
from allocation.scoring.guards import CEILING, FLOOR, facts
from allocation.scoring.peers import LEVELS
from allocation.scoring.policy import COMPONENTS, MILLI, POINTS
from allocation.scoring.scores import Scores, points
from allocation.scoring.texts import COMPONENT_TEXTS
from allocation.scoring.tiers import NONE

ROWS_SHOWN: Final = 40
_STEPS: Final = 20
_SIGNS: Final = {-1: "−", 0: "±", 1: "+"}

_LEVEL_TEXTS: Final = {
    "format": ("market type and format", "同市场类型、同业态"),
    "market_type": ("market type", "同市场类型"),
    "all": ("everybody", "全部零售户"),
}
_GUARD_TEXTS: Final = {FLOOR: ("floor for the small", "小户保底"), CEILING: ("ceiling for the largest", "大户封顶")}


def score_page(scores: Scores) -> str:
    """Return the page of scores, with nothing from outside."""
    style = files("allocation.reporting").joinpath("page.css").read_text(encoding="utf-8")
    own = files("allocation.scoring").joinpath("page.css").read_text(encoding="utf-8")
    sections = (
        _totals(scores),
        _components(scores),
        _spread(scores),
        _tiers(scores),
        *([_moves(scores)] if (scores.previous_tier != NONE).any() else []),
        _groups(scores),
        _table_of_weights(scores),
        _guards(scores),
        *([_decisions(scores)] if scores.decisions else []),
        _provenance(scores),
    )
    return page("Capability scores", "经营能力评分", style + own, sections)


def _totals(scores: Scores) -> str:
    status = Counter(scores.status)
    cells = (
        ("Retailers scored", "评分零售户", len(scores)),
        ("Not open on the day", "当日未营业", len(scores.not_open)),
        ("New: no tier before", "新户（无上期档位）", int((scores.previous_tier == NONE).sum())),
        ("Lowered by decision", "决定降档", status["lowered"]),
        ("Suspended", "暂停供货", status["suspended"]),
        ("Changed by the guards", "防护规则调整", len(scores.guarded.changes)),
    )
    listed = "".join(f"<div><dt>{both(en, zh)}</dt><dd>{number_text(value)}</dd></div>" for en, zh, value in cells)
    return f"<p>{both(f'As of {scores.as_of}', f'评分日 {scores.as_of}')}</p><dl>{listed}</dl>"


def _components(scores: Scores) -> str:
    shown = [(name, part.percent) for name, part in scores.parts.items()]
    whole = sum(percent for _, percent in shown)
    chart = bars([(COMPONENT_TEXTS[name], percent) for name, percent in shown], whole, title="Weights · 权重")
    rows = [
        (
            both(*COMPONENT_TEXTS[name]),
            f"{scores.policy.weights[name]} %",
            f"{100 * scores.parts[name].percent / whole:.1f} %" if name in scores.parts else "–",
            number_text(int((scores.parts[name].raw.periods > 0).sum())) if name in scores.parts else "–",
        )
        for name in COMPONENTS
        if scores.policy.weights[name]
    ]
    heading = (
        ("Component", "指标"),
        ("Published", "公布权重"),
        ("Used", "实际权重"),
        ("Retailers with figures", "有数据的零售户"),
    )
    notes = "".join(f'<p class="mark">{both(en, zh)}</p>' for en, zh in _component_notes(scores))
    return _charted("What the score is made of", "评分构成", chart, table(heading, rows) + notes)


def _component_notes(scores: Scores) -> Iterator[tuple[str, str]]:
    if scores.absent:
        names = [", ".join(COMPONENT_TEXTS[name][language] for name in scores.absent) for language in (0, 1)]
        yield (
            f"Nothing is known of {names[0]}: absent for everybody, and the other weights share the whole.",
            f"没有{names[1]}的数据：对所有零售户均不计入，其余权重按比例合计为 100%。",
        )
    if scores.demand_column == "sold" and {"demand", "trend"} & scores.parts.keys():
        yield (
            "Demand is taken from sales as they stand: where goods were rationed it is too low.",
            "需求按实际销量计算：货源受限时会偏低。",
        )


def _spread(scores: Scores) -> str:
    step = POINTS // _STEPS
    places = np.minimum(scores.score_milli // (MILLI * step), _STEPS - 1)
    counts = np.bincount(places, minlength=_STEPS).tolist()
    chart = columns([str(step * number) for number in range(_STEPS)], counts, None, title="Scores · 评分分布")
    rows = [(f"{step * n}–{step * (n + 1)}", number_text(count)) for n, count in enumerate(counts) if count]
    return _charted("Scores", "评分分布", chart, table((("Points", "分数"), ("Retailers", "零售户")), rows))


def _tiers(scores: Scores) -> str:
    count = scores.policy.tiers
    now, before = (
        np.bincount(tiers, minlength=count + 1)[1:].tolist() for tiers in (scores.tier, scores.previous_tier)
    )
    has_before = any(before)
    labels = [str(tier) for tier in range(1, count + 1)]
    chart = columns(labels, now, before if has_before else None, title="Tiers · 档位")
    rows = [
        (label, *([number_text(was)] if has_before else []), number_text(here))
        for label, was, here in zip(labels, before, now, strict=True)
        if was or here
    ]
    heading = (("Tier", "档位"), *([("Before", "上期")] if has_before else []), ("Now", "本期"))
    return _charted("Retailers by tier", "各档位零售户", chart, table(heading, rows))


def _moves(scores: Scores) -> str:
    known = scores.previous_tier != NONE
    counts = Counter((scores.previous_tier - scores.tier)[known].tolist())
    steps = range(min(counts), max(counts) + 1)
    labels = [_SIGNS[(step > 0) - (step < 0)] + str(abs(step)) for step in steps]
    chart = columns(labels, [counts[step] for step in steps], None, title="Tiers moved · 档位变动")
    rows = [(label, number_text(counts[step])) for label, step in zip(labels, steps, strict=True) if counts[step]]
    note = both("+ is towards tier 1, the best.", "“+”表示升档，1 档最高。")
    heading = (("Tiers", "档数"), ("Retailers", "零售户"))
    return _charted("Moves since the last scores", "与上期相比的变动", chart, table(heading, rows) + f"<p>{note}</p>")


def _groups(scores: Scores) -> str:
    keys = list(zip(scores.market_type, scores.format, strict=True))
    order = sorted(range(len(keys)), key=keys.__getitem__)
    rows = []
    for key, some in groupby(order, key=keys.__getitem__):
        here = list(some)
        milli = np.sort(scores.score_milli[here])
        levels = Counter(scores.standing.level[here].tolist())
        middle = int(milli[(len(milli) - 1) // 2])
        compared = "<br>".join(both(*_LEVEL_TEXTS[LEVELS[level]]) for level in sorted(levels))
        rows.append(
            (" · ".join(escape(label) or "–" for label in key), number_text(len(here)), points(middle), compared)
        )
    heading = (
        ("Market type, format", "市场类型、业态"),
        ("Retailers", "零售户"),
        ("Median score", "中位分"),
        ("Compared with", "比较范围"),
    )
    note = both(
        f"Where fewer than {scores.policy.peers_min} are comparable, a wider group is compared with.",
        f"可比零售户少于 {scores.policy.peers_min} 户时，在更大范围内比较。",
    )
    shown = table(heading, rows[:ROWS_SHOWN], "words")
    return section(
        "Who is compared with whom", "比较范围", shown + _more(len(rows) - ROWS_SHOWN, "scores.csv") + f"<p>{note}</p>"
    )


def _table_of_weights(scores: Scores) -> str:
    weights = scores.policy.tier_weights
    labels = [str(tier) for tier in range(1, len(weights) + 1)]
    chart = columns(labels, weights, None, title="Weight by tier · 档位权重")
    bounds = (*map(str, scores.policy.bounds_points), "0")
    rows = [(label, bound, number_text(weight)) for label, bound, weight in zip(labels, bounds, weights, strict=True)]
    heading = (("Tier", "档位"), ("From points", "最低分"), ("Weight", "权重"))
    return _charted("What a tier weighs in the allocation", "档位对应的分配权重", chart, table(heading, rows))


def _guards(scores: Scores) -> str:
    stated = facts(scores.guarded, scores.policy.guards)
    floor, ceiling = stated[FLOOR], stated[CEILING]
    rows = [
        (both("Small retailers", "小户数"), number_text(floor["small_retailers"])),
        (both("Least weight of a small one", "小户最低权重"), number_text(floor["floor_weight"])),
        (
            both("Largest 1 % hold, before and after", "最大 1% 零售户占比（前、后）"),
            f"{ceiling['share_percent_before']} %, {ceiling['share_percent_after']} %",
        ),
        (both("At most", "上限"), f"{ceiling['largest_share_permille'] / 10:.1f} %"),
    ]
    figures = table((("Guard", "防护"), ("Value", "数值")), rows)
    heading = (("Retailer", "零售户"), ("Guard", "规则"), ("Before", "调整前"), ("After", "调整后"), ("Why", "原因"))
    changes = [
        (
            escape(change["retailer"]),
            both(*_GUARD_TEXTS[change["guard"]]),
            number_text(change["before"]),
            number_text(change["after"]),
            both(change["why"]["en"], change["why"]["zh"]),
        )
        for change in stated["changes"][:ROWS_SHOWN]
    ]
    none = f"<p>{both('The guards changed nothing.', '防护规则未作调整。')}</p>"
    listed = (
        table(heading, changes, "words") + _more(len(stated["changes"]) - ROWS_SHOWN, "guards.json")
        if changes
        else none
    )
    return section("Guards", "防护规则", figures + listed)


def _decisions(scores: Scores) -> str:
    heading = (("Retailer", "零售户"), ("Decision", "决定"), ("From, until", "起止"), ("Why and by whom", "理由与经办"))
    rows = [
        (
            escape(made.retailer),
            both("suspended", "暂停供货")
            if made.decision == SUSPENDED
            else both(f"tier {made.tier} at best", f"最高 {made.tier} 档"),
            f"{made.since}<br>{made.until}",
            f"{escape(made.reason)}<br>"
            + both(
                f"decided by {made.author}, approved by {made.approver}", f"{made.author} 决定，{made.approver} 批准"
            ),
        )
        for made in scores.decisions[:ROWS_SHOWN]
    ]
    more = _more(len(scores.decisions) - ROWS_SHOWN, "certificate.json")
    return section("Decisions in effect", "生效中的决定", table(heading, rows, "words") + more)


def _provenance(scores: Scores) -> str:
    rows = (
        (both("Policy", "评分政策"), escape(scores.policy.version)),
        (
            both("Score version, SHA-256 of scores.csv", "评分版本（scores.csv 的 SHA-256）"),
            f"<code>{scores.version}</code>",
        ),
        (both("Input, SHA-256", "输入 SHA-256"), f"<code>{scores.input_sha256}</code>"),
    )
    note = both(
        "Anyone who has the folder of figures and this one can check every number: evenhand verify-score FOLDER OUT",
        "持有数据文件夹和本文件夹的任何人都可以核验每一个数字：evenhand verify-score FOLDER OUT",
    )
    return section(
        "Where it comes from", "来源与核验", table((("What", "项目"), ("Value", "内容")), rows) + f"<p>{note}</p>"
    )


def _charted(en: str, zh: str, chart: str, body: str) -> str:
    return f'<section class="charted"><h2>{both(en, zh)}</h2><figure>{chart}</figure><div>{body}</div></section>'


def _more(number: int, where: str) -> str:
    """Say how many rows are left to the file with all of them."""
    return f"<p>{both(f'{number} more in {where}', f'另有 {number} 个见 {where}')}</p>" if number > 0 else ""
