"""What the audit keeps as codes, as a person reads it in either language."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from contract.texts import translations
from server.act_words import TRAIL
from server.kit.console import trail_words
from server.kit.console.formats import Formats

NOW = datetime(2026, 11, 26, 4, 5, 22, tzinfo=UTC)
ROOT = "cc8c7913" + "0" * 56
CYCLE = "01a22d97-9ca9-7d48-a155-2d0c5f8c0d6c"


def formats(language: str) -> Formats:
    return Formats(language, ZoneInfo("Asia/Shanghai"), "CNY", translations("server", language), NOW)


@pytest.mark.parametrize(
    ("actor", "en", "zh"),
    [
        ("operator:ann", "ann", "ann"),
        ("system:evenhand", "the system", "系统"),
        ("device:till-1", "terminal till-1", "终端 till-1"),
        ("token:erp", "program erp", "程序 erp"),
        ("operator:", "(erased)", "（已删除）"),
        ("warehouse", "warehouse", "warehouse"),
    ],
)
def test_who_acted_is_named(actor, en, zh):
    assert (trail_words.who(actor, formats("en")), trail_words.who(actor, formats("zh"))) == (en, zh)


@pytest.mark.parametrize(
    ("subject", "en", "zh"),
    [
        ("order:87", "order #87", "订单 #87"),
        (f"cycle:{CYCLE}", "cycle 01a22d97…", "周期 01a22d97…"),
        ("retailer:R1", "retailer R1", "零售户 R1"),
        ("audit", "the audit", "审计"),
        ("", "(erased)", "（已删除）"),
        ("elsewhere:1", "elsewhere #1", "elsewhere #1"),
    ],
)
def test_what_an_act_is_about_is_named(subject, en, zh):
    assert trail_words.about(subject, TRAIL, formats("en")) == en
    assert trail_words.about(subject, TRAIL, formats("zh")) == zh


@pytest.mark.parametrize(
    ("detail", "en", "zh"),
    [
        ({"retailer": "R1", "amount_minor": 120_000}, "retailer R1 · amount ¥1,200.00", "零售户 R1 · 金额 ¥1,200.00"),
        ({"tier": {"before": 5, "after": 4}}, "tier 5 → 4", "档 5 → 4"),
        ({"name": {"after": "Corner"}, "city": {"before": None, "after": "B"}}, "name Corner · city – → B", None),
        ({"roles": ["planner", "auditor"]}, "roles Planner, Auditor", "角色 计划员, 审计员"),
        ({"root": ROOT}, "root of the book cc8c7913…", "订单簿的根 cc8c7913…"),
        ({"forecast_version": f"2:{ROOT}"}, "forecast 2:cc8c7913…", "预测 2:cc8c7913…"),
        ({"corrects": None, "as_of": "2026-11-01"}, "as of 1 Nov 2026", "截至 2026年11月1日"),
        ({"made_at": "2026-11-26T03:00:00+00:00"}, "made at Thu 26 Nov 2026 11:00 UTC+08:00", None),
        (
            {"remedy": {"sort": "end", "decision": CYCLE, "ends": "2026-12-01"}},
            "remedy by the end of a decision, decision 01a22d97…, ends on 1 Dec 2026",
            "补救 方式 终止决定, 决定 01a22d97…, 终止日 2026年12月1日",
        ),
        (
            {"changes": [{"facts": "sales", "sold_units": 5}, {"facts": "payments", "whole": 1_000}]},
            "changes figures of sales, units sold 5; figures of payments, all 1,000",
            None,
        ),
        ({"by": "clerk", "never_named": True}, "never named yes", "never named 是"),
    ],
)
def test_details_are_words_and_what_changed_stands_before_and_after(detail, en, zh):
    assert trail_words.details(detail, TRAIL, formats("en")) == en
    assert zh is None or trail_words.details(detail, TRAIL, formats("zh")) == zh
