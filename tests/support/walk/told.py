"""What a distributor tells a shop beside its goods: forecast, score, survey, notices, answers."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from till import Till

from contract.feed import (
    Announcement,
    Appeal,
    AppealFigures,
    Choice,
    Feedback,
    Forecast,
    ForecastClass,
    ForecastMonth,
    ForecastPast,
    OnlyIf,
    Question,
    Score,
    ScoreDecision,
    ScorePart,
    Survey,
    Text,
)
from walk.shop import both, new


def known(till: Till) -> None:
    """Tell forecast, score with an appeal and a decision, notices and a survey."""
    now = till.server.now()
    till.server.tell("forecast:1", "forecast", forecast(till))
    till.server.tell("score", "score", score(till))
    till.things["survey"] = survey(till)
    for key, sort, title, body, more in NOTICES:
        tell_notice(till, key, sort, title, body, **more(now))


def forecast(till: Till) -> Forecast:
    """Return what the shop is going to sell of four classes."""

    def months(mean: int, agreed: int | None = None) -> tuple[ForecastMonth, ...]:
        def month(first: date, units: int, agreed_units: int | None) -> ForecastMonth:
            low, high = units * 7 // 10, units * 14 // 10
            return ForecastMonth(
                period=first, mean_units=units, low_units=low, high_units=high, agreed_units=agreed_units
            )

        return (month(date(2027, 4, 1), mean, agreed), month(date(2027, 5, 1), mean * 11 // 10, None))

    past = (
        ForecastPast(period=date(2027, 2, 1), forecast_units=90, came_units=100),
        ForecastPast(period=date(2027, 1, 1), forecast_units=120, came_units=112),
    )
    classes = tuple(
        ForecastClass(product_class=name, months=months(mean, agreed), past=past, error=0.1)
        for name, mean, agreed in (("tea", 100, 110), ("grain", 80, None), ("sauces", 1_240, None), ("oil", 40, None))
    )
    return Forecast(version=3, part=1, parts=1, cut_off=date(2027, 3, 1), made_at=till.server.now(), classes=classes)


def score(till: Till) -> Score:
    """Return a score of three parts, against which appeals are still taken."""
    parts = (
        ("demand", "需求", 412.5, 500.0, 11, "sell more evenly over the weeks", "各周销量更均衡"),
        ("deliveries", "收货", 150.0, 300.0, 6, "confirm each delivery on its day", "到货当天确认收货"),
        ("trend", "趋势", 100.0, 200.0, 0, "keep selling", "保持销售"),
    )
    return Score(
        run=2,
        as_of=date(2027, 3, 1),
        published_at=till.server.now(),
        points=662.5,
        rank=11,
        peers=54,
        previous_tier=15,
        tier=13,
        tiers=30,
        weight=18,
        why=both(
            "Your score is 662.5 of 1,000: place 11 of 54 shops of your kind.",
            "您的评分为 662.5 分（满分 1000），在 54 家同类零售户中排第 11。",
        ),
        parts=tuple(
            ScorePart(name=both(en, zh), points=p, most_points=most, periods=n, advice=both(to_en, to_zh), component=en)
            for en, zh, p, most, n, to_en, to_zh in parts
        ),
        appeals_close_at=till.server.now() + timedelta(days=5),
        appeals_until=date(2027, 3, 25),
    )


def appealed(till: Till) -> None:
    """Tell of an appeal that was upheld, and of a decision to come."""
    now = till.server.now()
    figures = AppealFigures(
        component="trend",
        name=both("trend", "趋势"),
        raw=both("52.0 %", "52.0 %"),
        points=100.0,
        most_points=200.0,
        rank=4,
        peers=9,
        above=both("53.0 %", "53.0 %"),
    )
    appeal = Appeal(
        appeal=new(till),
        number=3,
        run=2,
        component="trend",
        state="upheld",
        received_at=now,
        answer_until=date(2027, 4, 5),
        answered_at=now,
        words="十月少记了 40 条。",
        answer=both("October was booked too low.", "十月销量少记，已更正。"),
        figures=(figures,),
        remedy=both("2026-10: units sold 100, now 140", "2026-10：销量由 100 改为 140"),
    )
    decision = ScoreDecision(
        decision=new(till),
        sort="lowered",
        tier=20,
        reason="R-12",
        state="coming",
        since=date(2027, 4, 1),
        until=date(2027, 6, 1),
    )
    till.server.tell("appeal:3", "appeal", appeal)
    till.server.tell("decision:4", "decision", decision)
    till.hear()


def survey(till: Till) -> UUID:
    """Ask a survey of every kind of question, one of which hangs on another."""
    yes, no = Choice(id="yes", text=both("Yes", "是")), Choice(id="no", text=both("No", "否"))
    mornings = tuple(
        Choice(id=str(n), text=both(en, zh))
        for n, (en, zh) in enumerate(
            (("Monday", "星期一"), ("Wednesday", "星期三"), ("Friday", "星期五"), ("Any day is fine", "哪天都可以"))
        )
    )
    questions = (
        Question(
            id="q0",
            kind="single",
            text=both("Did the last delivery come in time?", "上次配送准时吗？"),
            choices=(yes, no),
        ),
        Question(
            id="q1",
            kind="number",
            text=both("How many days late was it?", "晚了几天？"),
            only_if=OnlyIf(question="q0", test="is", choice="no"),
        ),
        Question(id="q2", kind="multiple", text=both("Which days suit you?", "您希望哪几天配送？"), choices=mornings),
        Question(id="q3", kind="scale", text=both("How friendly was the driver?", "送货员的服务如何？"), low=1, high=5),
        Question(id="q4", kind="text", text=both("What else should we know?", "还有什么想告诉我们？"), required=False),
    )
    asked = Survey(
        survey=new(till),
        title=both("Deliveries this spring", "春季配送调查"),
        intro=both("Five short questions.", "五个小问题，两分钟答完。"),
        state="open",
        closes_at=till.server.now() + timedelta(days=3),
        questions=questions,
    )
    till.server.tell(f"survey:{asked.survey}", "survey", asked)
    return asked.survey


POLICY = both(
    "Corrected: the earlier version named the wrong day.\nGoods that are scarce are shared out by the published"
    " policy: every shop is filled to the same share of its weight. Whoever orders more than it can sell gets nothing"
    " by it.\nThe policy holds from Monday on.",
    "更正：上一版日期有误。\n紧俏货源按公布的办法分配：各零售户按权重同比例满足。多报数量不会多得。\n本办法自星期一起施行。",
)
SHORTLY = both("The goods are at the depot from Monday on.", "星期一起到货，欢迎订购。")
NOTICES: tuple[tuple[str, Any, Text, Text, Any], ...] = (
    ("policy", "policy", both("How scarce goods are shared", "紧俏货源分配办法"), POLICY, lambda _: {"version": 2}),
    (
        "promotion",
        "promotion",
        both("Spring tea: new harvest", "春茶上新"),
        SHORTLY,
        lambda now: {"expires_at": now + timedelta(days=4)},
    ),
    (
        "over",
        "notice",
        both("Depot closed on Sunday", "周日仓库休息"),
        SHORTLY,
        lambda now: {"expires_at": now - timedelta(days=1), "published_at": now - timedelta(days=9)},
    ),
)


def tell_notice(till: Till, key: str, sort: Any, title: Text, body: Text, **more: Any) -> None:
    """Publish an announcement, and note its id."""
    about = new(till)
    facts = {"version": 1, "published_at": till.server.now(), "title": title, "body": body, "sort": sort}
    till.server.tell(f"announcement:{about}", "announcement", Announcement(announcement=about, **(facts | more)))
    till.things[key] = about


def said_before(till: Till) -> None:
    """Tell of a complaint that is looked at, and of one that was answered and can be given a mark."""
    now = till.server.now()
    first = Feedback(
        feedback=new(till),
        number=17,
        kind="complaint",
        category="delivery",
        words="送货晚了两个小时。 Two hours late.",
        state="looked_at",
        received_at=now,
        answer_until=date(2027, 3, 29),
    )
    closed = first.model_copy(
        update={
            "feedback": new(till),
            "number": 16,
            "category": "goods",
            "words": "一箱茶叶受潮。 A box of tea was wet.",
            "state": "closed",
            "answer": both("It is replaced with the next delivery.", "下次配送补发一箱。"),
            "answered_at": now,
            "closed_at": now,
            "reopen_until": date(2027, 4, 4),
        }
    )
    for each in (first, closed):
        till.server.tell(f"feedback:{each.feedback}", "feedback", each)
    till.things["feedback"] = closed.feedback
    till.hear()
