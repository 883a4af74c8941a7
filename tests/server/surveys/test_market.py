"""Market rounds: what stands out, what a person says of it, how the middle moves, and the next round by itself."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from factories import NOW, make_device, make_retailer, make_sku, send
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from contract.errors import Rejected
from contract.feed import Survey
from contract.messages import Answer, AnswerSurvey, Cell
from server.kit import audit, outbox
from server.kit.fields import Invalid
from server.kit.identity import Operator
from server.retailers.models import RetailerRow
from server.surveys import market, plausibility, queries, results, rules, trends
from server.surveys import service as surveys
from server.surveys.models import SurveyRow
from server.surveys.plausibility import Figure

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
WEEK = timedelta(days=7)
PRICES = {
    "id": "price",
    "kind": "money",
    "text": {"zh": "零售价", "en": "Retail price"},
    "rows": [
        {"id": "r1", "text": {"zh": "茶", "en": "Tea"}, "sku": "TEA"},
        {"id": "r2", "text": {"zh": "米", "en": "Rice"}, "sku": "RICE"},
    ],
}
SEEN = {"id": "seen", "kind": "number", "text": {"zh": "竞品陈列数", "en": "Facings of competitors"}, "required": False}


def draft(**more):
    fields = {
        "title": {"zh": "价格采集", "en": "Prices"},
        "intro": {"zh": "", "en": ""},
        "questions": [PRICES, SEEN],
        "opens_at": NOW,
        "closes_at": NOW + timedelta(days=2),
        "sort": "market",
        "series": "prices",
        "every_days": 7,
        "plausible": [{"question": "price", "low": 500, "high": 5000, "change_percent": 30}],
    }
    return rules.Draft.model_validate(fields | more)


@pytest.fixture
def shops(session):
    for sku in ("TEA", "RICE"):
        make_sku(session, sku)
    for number in range(1, 9):
        make_retailer(session, f"R{number}", region="city" if number < 7 else "hills")
    return {f"R{number}": make_device(session, f"R{number}") for number in range(1, 9)}


def test_a_product_that_the_catalogue_does_not_hold_is_refused(session, shops):
    rows = [PRICES["rows"][0], {**PRICES["rows"][1], "sku": "NONE"}]
    with pytest.raises(Invalid) as refused:
        surveys.write_survey(session, draft(questions=[SEEN, {**PRICES, "rows": rows}]), PLANNER, at=NOW)
    assert {where: dict(unfit.params) for where, unfit in refused.value.problems.items()} == {
        "questions.2.rows": {"skus": "NONE"}
    }


def tell(session, sender, survey, tea, rice=2000, at=NOW, seen=None):
    answers = [Answer(question="price", cells=(Cell(row="r1", number=tea), Cell(row="r2", number=rice)))]
    answers += [Answer(question="seen", number=seen)] if seen else []
    return send(session, sender, "survey.answer", AnswerSurvey(survey=survey, answers=tuple(answers)), at=at)


def test_rounds_follow_each_other_and_outliers_are_looked_at(session, shops):
    first = surveys.write_survey(session, draft(), PLANNER, at=NOW)
    surveys.publish_survey(session, first, PLANNER, at=NOW)
    for code, sender in shops.items():
        assert tell(session, sender, first, 1000 + int(code[1]), seen=3).outcome == "accepted"
    assert surveys.keep_time(session, NOW + timedelta(days=2)) == [first]

    second = session.scalars(select(SurveyRow.id).where(SurveyRow.round == 2)).one()
    shown = queries.survey(session, second)
    assert shown is not None
    assert (shown.state, shown.opens_at, shown.opened_at) == ("published", NOW + WEEK, None)
    assert surveys.keep_time(session, NOW + WEEK) == [second]
    later = NOW + WEEK
    for code, sender in shops.items():
        tea = {"R1": 10100, "R2": 1300, "R7": 1500}.get(code, 1000 + int(code[1]))
        assert tell(session, sender, second, tea, at=later).outcome == "accepted"

    shown = queries.survey(session, second)
    assert shown is not None
    found = {one.figure.retailer: one for one in market.outliers(session, shown)}
    assert {code: one.signs for code, one in found.items()} == {
        "R1": ("high", "change", "region"),
        "R2": ("region",),
        "R7": ("change",),
    }
    assert (found["R1"].figure.last, found["R1"].usual) == (1001, 1005.5)
    price = results.results(session, shown, results.parts(session, shown))[0]
    assert (price.answered, price.median) == (8, 1007.0)

    with pytest.raises(Invalid):
        market.review(session, shown, ("R1", "price", "r1"), "rejected", " ", PLANNER, at=later)
    with pytest.raises(Rejected):
        market.review(session, shown, ("R1", "price", "r9"), "rejected", "typing", PLANNER, at=later)
    market.review(session, shown, ("R1", "price", "r1"), "rejected", "a nought too many", PLANNER, at=later)
    market.review(session, shown, ("R2", "price", "r1"), "rejected", "?", PLANNER, at=later)
    market.review(session, shown, ("R2", "price", "r1"), "accepted", "a fair is on", PLANNER, at=later)

    said = {one.figure.retailer: one.review for one in market.outliers(session, shown)}
    assert [(code, one and one.verdict) for code, one in said.items()] == [
        ("R7", None),
        ("R1", "rejected"),
        ("R2", "accepted"),
    ]
    price = results.results(session, shown, results.parts(session, shown))[0]
    assert (price.answered, price.median) == (7, 1006.0)
    kept = {one.retailer: one.answers["price"].cells for one in queries.answer_sets(session, second)}
    assert kept["R1"] is not None
    assert kept["R1"][0].number == 10100
    acts = [one.action for one in audit.entries(session) if one.action.startswith("survey.figure")]
    assert sorted(acts) == ["survey.figure_accepted", "survey.figure_rejected", "survey.figure_rejected"]

    rounds = trends.rounds(session, "prices")
    assert [one.id for one in rounds] == [first, second]
    asked = trends.asked_in(rounds)
    assert [one.key for one in asked] == ["price:r1", "price:r2", "seen"]
    managers = [
        trends.Manager("li", frozenset({"hills"}), frozenset()),
        trends.Manager("wu", frozenset({"sea"}), frozenset()),
    ]
    trend = trends.trend(session, rounds, asked[0], managers)
    assert [point and point.median for point in trend.whole] == [1004.5, 1006.0]
    assert [point and point.median for point in trend.regions["hills"]] == [1007.5, 1254.0]
    assert list(trend.managers) == ["li"]
    assert trend.managers["li"] == trend.regions["hills"]


def test_a_quota_closes_its_stratum_and_says_so(session, shops):
    plan = {"sample": {"how": "stratified", "by": "region", "size": 8}, "quota": 2, "every_days": None}
    survey = surveys.write_survey(session, draft(**plan), PLANNER, at=NOW)
    surveys.publish_survey(session, survey, PLANNER, at=NOW)
    outcomes = [tell(session, shops[code], survey, 1000) for code in ("R1", "R2", "R3", "R7")]
    assert [one.code for one in outcomes] == [None, None, "survey_full", None]
    assert surveys.keep_time(session, NOW) == [survey]
    assert surveys.keep_time(session, NOW) == []

    def state(code: str) -> str:
        items = outbox.read(session, code, after=0)[0]
        return next(Survey.model_validate(item.data).state for item in items if item.kind == "survey")

    after = {"R1": "open", "R4": "closed", "R8": "open"}
    assert {code: state(code) for code in after} == after
    assert surveys.remind(session, survey, PLANNER, at=NOW + timedelta(hours=1)) == 1
    assert {code: state(code) for code in after} == after


def test_a_quota_that_is_full_is_not_reminded_of_before_the_worker_has_seen_it_either(session, shops):
    plan = {"sample": {"how": "stratified", "by": "region", "size": 8}, "quota": 1, "every_days": None}
    survey = surveys.write_survey(session, draft(remind_h=24, **plan), PLANNER, at=NOW)
    surveys.publish_survey(session, survey, PLANNER, at=NOW)
    assert tell(session, shops["R1"], survey, 1000).outcome == "accepted"
    assert surveys.remind(session, survey, PLANNER, at=NOW) == 2
    assert tell(session, shops["R7"], survey, 1000).outcome == "accepted"
    assert surveys.remind(session, survey, PLANNER, at=NOW) == 0


def test_a_series_whose_audience_has_become_empty_waits_as_a_draft_and_stops_nothing(session, shops):
    first, other = (
        surveys.write_survey(session, draft(audience=audience, series=series), PLANNER, at=NOW)
        for audience, series in (({"regions": ["hills"]}, "hills"), ({}, "prices"))
    )
    for survey in (first, other):
        surveys.publish_survey(session, survey, PLANNER, at=NOW)

    def move(code: str, region: str) -> None:
        session.execute(update(RetailerRow).where(RetailerRow.code == code).values(region=region))

    for code in ("R7", "R8"):
        move(code, "city")
    close = NOW + timedelta(days=2)
    assert surveys.keep_time(session, close) == [first, other]
    following = {
        row.series: row for row in session.scalars(select(SurveyRow).where(SurveyRow.round == 2).order_by("number"))
    }
    assert {series: row.state for series, row in following.items()} == {"hills": "draft", "prices": "published"}
    waiting = following["hills"]
    assert (waiting.opens_at, waiting.round) == (NOW + WEEK, 2)
    trail = [one.action for one in audit.entries(session, subject=f"survey:{waiting.number}")]
    assert trail == ["survey.round_not_asked"]
    assert surveys.keep_time(session, close + timedelta(seconds=1)) == []
    move("R8", "hills")
    assert surveys.publish_survey(session, waiting.id, PLANNER, at=close) == 1


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("opens", "closes", "days", "at", "following"),
    [
        # the clocks go back on 25 October 2026 and forward on 28 March 2027
        ((10, 19, 9), (10, 21, 18), 7, (10, 21, 18), ((10, 26, 9), (10, 28, 18))),
        ((10, 19, 9), (10, 21, 18), 7, (11, 4, 18), ((11, 9, 9), (11, 11, 18))),
        ((10, 19, 9), (10, 21, 18), 7, (11, 4, 17), ((11, 2, 9), (11, 4, 18))),
        ((3, 22, 9), (3, 29, 9), 7, (3, 29, 9), ((3, 29, 9), (4, 5, 9))),
    ],
)
def test_a_round_opens_at_the_same_hour_of_the_wall_after_a_change_of_the_clocks(opens, closes, days, at, following):
    def wall(moment: tuple[int, int, int]) -> datetime:
        month, day, hour = moment
        return datetime(2026 if month > 6 else 2027, month, day, hour, tzinfo=BERLIN)

    found = rules.next_round(wall(opens).astimezone(UTC), wall(closes).astimezone(UTC), days, wall(at))
    assert found == tuple(wall(moment) for moment in following)


def test_a_round_of_minutes_about_the_hour_that_is_skipped_still_closes_after_it_opens():
    opens = datetime(2027, 3, 21, 2, 30, tzinfo=BERLIN)
    closes = datetime(2027, 3, 21, 3, 10, tzinfo=BERLIN)
    begins, ends = rules.next_round(opens, closes, 7, closes)
    assert ends - begins == closes - opens


def test_what_was_under_way_at_the_close_is_taken_until_the_grace_is_over(session, shops):
    close = NOW + timedelta(days=2)
    survey = surveys.write_survey(session, draft(grace_h=48, every_days=None), PLANNER, at=NOW)
    surveys.publish_survey(session, survey, PLANNER, at=NOW)
    assert surveys.keep_time(session, close) == []
    assert tell(session, shops["R1"], survey, 1000, at=close + timedelta(hours=47)).outcome == "accepted"
    assert tell(session, shops["R2"], survey, 1000, at=close + timedelta(hours=48)).code == "survey_closed"
    assert surveys.keep_time(session, close + timedelta(hours=48)) == [survey]


@given(st.lists(st.integers(100, 10_000), min_size=5, max_size=40), st.integers(1, 50))
def test_signs_do_not_hang_on_the_unit(values, factor):
    def signs(times: int) -> list[tuple[str, ...]]:
        around = plausibility.spread([value * times for value in values])
        figures = [Figure("R1", "city", ("q", ""), value * times) for value in values]
        return [plausibility.signs(figure, None, around) for figure in figures]

    assert signs(factor) == signs(1)


@pytest.mark.parametrize(
    ("values", "far"),
    [([10, 10, 10, 10, 10], False), ([10, 10, 10, 10, 99], True), ([10, 99], False), ([10, 11, 12, 13, 14], False)],
)
def test_what_is_far_is_measured_by_what_is_usual(values, far):
    last = Figure("R1", "city", ("q", ""), values[-1])
    assert ("region" in plausibility.signs(last, None, plausibility.spread(values))) == far
