"""Every screen of surveys with answers of every kind, in both languages: what matters stands on it."""

import csv
import io
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from factories import NOW, make_device, make_retailer, make_sku, send
from pictures import named, picture

from contract.ids import uuid7
from contract.messages import Answer, AnswerSurvey, Cell
from server.kit.db import transaction
from server.kit.identity import Operator, Sender
from server.photos import service as photos
from server.surveys import queries, rules
from server.surveys import service as surveys

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
SHOPS = [f"SHOP{number:02}" for number in range(1, 15)]
PHOTO = picture()


def both(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


ROWS = [
    {"id": "r1", "text": both("茶叶", "Tea"), "sku": "TEA-250"},
    {"id": "r2", "text": both("大米", "Rice"), "sku": "RICE-5K"},
]
LEVELS = [
    {"id": "c1", "text": both("满意", "content")},
    {"id": "c2", "text": both("一般", "neither")},
    {"id": "c3", "text": both("不满意", "not content")},
]
EVERY_KIND = [
    {"id": "time", "kind": "single", "text": both("准时吗？", "In time?"), "choices": LEVELS[:2]},
    {"id": "days", "kind": "multiple", "text": both("哪几天？", "Which days?"), "choices": LEVELS, "most": 2},
    {"id": "mark", "kind": "scale", "text": both("几分？", "How many points?"), "low": 1, "high": 5},
    {"id": "guests", "kind": "number", "text": both("多少顾客？", "How many customers?"), "low": 0, "high": 900},
    {"id": "rent", "kind": "money", "text": both("月租多少？", "Rent a month?"), "low": 1, "high": 9_000_000},
    {"id": "says", "kind": "matrix", "text": both("同意吗？", "Do you agree?"), "choices": LEVELS, "rows": ROWS},
    {"id": "shelf", "kind": "number", "text": both("陈列几个？", "How many facings?"), "rows": ROWS},
    {"id": "words", "kind": "text", "text": both("还有什么意见？", "What else?"), "required": False},
    {"id": "photo", "kind": "photo", "text": both("货架照片", "The shelf"), "required": False, "most": 2},
    {
        "id": "late",
        "kind": "number",
        "text": both("晚了几天？", "How many days late?"),
        "required": False,
        "only_if": {"question": "time", "test": "is", "choice": "c1"},
    },
]
PRICE = {"id": "price", "kind": "money", "text": both("零售价", "Retail price"), "rows": ROWS}
SECRET = [EVERY_KIND[0], EVERY_KIND[2], EVERY_KIND[7]]


@pytest.fixture
def shops(sessions) -> dict[str, Sender]:
    """Fourteen shops of two tiers and two regions."""
    with transaction(sessions) as session:
        for sku in ("TEA-250", "RICE-5K"):
            make_sku(session, sku)
        for number, code in enumerate(SHOPS):
            make_retailer(session, code, region="city" if number % 2 else "hills", tier=1 + number % 2)
        return {code: make_device(session, code) for code in SHOPS}


@pytest.fixture
def kinds(sessions, shops) -> tuple[UUID, UUID, str]:
    """A survey of every kind of question, asked of a sample; the message of a shop whose photo came, and the shop."""
    sample = {"how": "stratified", "by": "tier", "spread": "equal", "size": 8, "seed": "lot-1"}
    with transaction(sessions) as session:
        survey = ask(session, EVERY_KIND, sample=sample, quota=4, remind_h=24)
        chosen = queries.invited(session, survey)
        told = [tell(session, shops[code], survey, _every_kind(number)) for number, code in enumerate(chosen)]
        photos.add_part(session, chosen[0], sha256(PHOTO).hexdigest(), 0, PHOTO, at=NOW)
        return survey, told[0], chosen[0]


@pytest.fixture
def rounds(sessions, shops, clock) -> UUID:
    """The second of two market rounds, in which the fourth shop said a hundred times what it said in the first."""
    with transaction(sessions) as session:
        plan = {"closes_at": NOW + timedelta(days=2), "sort": "market", "series": "prices", "every_days": 7}
        first = ask(session, [PRICE], plausible=[BOUNDS], **plan)
        for number, code in enumerate(SHOPS):
            tell(session, shops[code], first, [_price(1000 + number)])
        surveys.keep_time(session, NOW + timedelta(days=2))
        clock.now = NOW + timedelta(days=7)
        [second] = surveys.keep_time(session, clock.now)
        for number, code in enumerate(SHOPS):
            tell(session, shops[code], second, [_price(99_999 if number == 3 else 1000 + number)], at=clock.now)
        return second


@pytest.fixture
def secret(sessions, shops) -> UUID:
    """An anonymous survey that is open, and that every shop has answered."""
    with transaction(sessions) as session:
        survey = ask(session, SECRET, anonymous=True)
        for number, code in enumerate(SHOPS):
            tell(session, shops[code], survey, _secret(number), blind=f"{number:032}")
        return survey


def ask(session, questions, **more) -> UUID:
    plan = {"title": both("配送调查", "Deliveries"), "intro": both("两分钟。", "Two minutes.")}
    times = {"opens_at": NOW, "closes_at": NOW + timedelta(days=14)}
    draft = rules.Draft.model_validate(plan | times | {"questions": questions} | more)
    survey = surveys.write_survey(session, draft, PLANNER, at=NOW)
    surveys.publish_survey(session, survey, PLANNER, at=NOW)
    return survey


def tell(session, sender, survey, answers, *, at=NOW, **more) -> UUID:
    message = uuid7()
    given = AnswerSurvey(survey=survey, answers=tuple(answers), **more)
    assert send(session, sender, "survey.answer", given, id=message, at=at).outcome == "accepted"
    return message


BOUNDS = {"question": "price", "low": 500, "high": 5000, "change_percent": 30}


def _price(tea: int) -> Answer:
    return Answer(question="price", cells=(Cell(row="r1", number=tea), Cell(row="r2", number=2000)))


def _every_kind(number: int) -> list[Answer]:
    return [
        Answer(question="time", choices=("c1" if number % 3 else "c2",)),
        Answer(question="days", choices=("c1", "c3")),
        Answer(question="mark", number=1 + number % 5),
        Answer(question="guests", number=40 + number),
        Answer(question="rent", number=250_050 + number),
        Answer(question="says", cells=(Cell(row="r1", choice="c1"), Cell(row="r2", choice="c3"))),
        Answer(question="shelf", cells=(Cell(row="r1", number=number), Cell(row="r2", number=7))),
        Answer(question="words", text="配送太晚 late" if number % 2 else "货源少"),
        Answer(question="photo", photos=(named(PHOTO),)),
    ]


def _secret(number: int) -> list[Answer]:
    return [
        Answer(question="time", choices=("c1",)),
        Answer(question="mark", number=3),
        Answer(question="words", text=f"没有名字 {number}"),
    ]


def opened(browser, address: str, *words: str, status: int = 200) -> str:
    """Open a page and look that each of the words stands on it; return its text."""
    answer = browser.get(address)
    assert answer.status_code == status, address
    for word in words:
        assert word in answer.text, (address, word)
    return answer.text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ("Share of all shops", "quota of 4 in each part", "How many facings?: Rice", "1 photo", "mean", "lot-1"),
        ),
        ("zh", ("占全部零售户", "每层配额 4", "陈列几个？: 大米", "1 张照片", "平均", "lot-1")),
    ],
)
def test_answers_of_every_kind_are_counted_and_lead_to_the_shops_that_gave_them(signed_in, kinds, language, words):
    survey, message, code = kinds
    browser = signed_in("planner", "administrator", language=language)
    page = opened(browser, f"/console/surveys/{survey}", *words, "62.5", "¥2,500.5")
    assert f'href="/console/surveys/answers/{message}"' in page

    shown = opened(browser, f"/console/surveys/answers/{message}", "¥2,500.5", "SHOP", "/photos/1")
    assert ("Rice: not content" if language == "en" else "大米: 不满意") in " ".join(shown.split())
    photo = browser.get(f"/console/surveys/answers/{message}/photos/1")
    assert (photo.content, photo.headers["Content-Type"]) == (PHOTO, "image/jpeg")
    assert browser.get(f"/console/surveys/answers/{message}/photos/2").status_code == 404

    opened(browser, f"/console/surveys/{survey}/words/words?words=late，货源", "配送太晚 late", "货源少", "8")
    opened(browser, f"/console/surveys/{survey}/words/mark", status=404)
    opened(browser, f"/console/retailers/file/surveys?code={code}", f"/console/surveys/answers/{message}")


@pytest.mark.parametrize(
    ("terminal", "words"),
    [
        ("zh", ("添加照片", "匿名：公司只知道本店已作答", "月租多少？")),
        ("en", ("Add a photo", "Anonymous: the distributor sees that this shop answered", "Rent a month?")),
    ],
)
def test_the_preview_speaks_the_terminals_language_whatever_the_console_speaks(
    signed_in, kinds, secret, terminal, words
):
    browser = signed_in("planner", language="en" if terminal == "zh" else "zh")
    photo, promise, rent = words
    page = opened(browser, f"/console/surveys/{kinds[0]}/preview?terminal={terminal}", photo, rent, "CNY")
    hangs = "only if question 1 is “content”" if terminal == "en" else "仅当第 1 题是 “满意”"
    assert hangs in page
    assert promise not in page
    opened(browser, f"/console/surveys/{secret}/preview?terminal={terminal}", promise)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_anonymous_surveys_pages_name_no_shop(signed_in, secret, language):
    browser = signed_in("planner", "administrator", language=language)
    promise = "It is known who answered, and of no answer whose it is." if language == "en" else "不知道哪份回答是谁的"
    page = opened(browser, f"/console/surveys/{secret}", promise)
    words = opened(browser, f"/console/surveys/{secret}/words/words", "没有名字")
    file = opened(browser, f"/console/surveys/{secret}?format=csv", "没有名字")
    for text in (page, words, file):
        assert "SHOP" not in text.replace("SHOPS", "")
        assert "/console/surveys/answers/" not in text
    columns = list(zip(*csv.reader(io.StringIO(file.removeprefix("\ufeff"))), strict=True))
    assert [column[1:] for column in columns] == [tuple(sorted(column[1:])) for column in columns]
    assert len(file.splitlines()) == 1 + 5  # of fourteen answers ten were mixed once, and five of them left


@pytest.mark.parametrize(
    ("language", "signs", "kept"),
    [
        ("en", ("above what is plausible", "own last"), "It is written down."),
        ("zh", ("高于合理范围", "与本店上次相差过大"), "已记录"),
    ],
)
def test_what_stands_out_is_looked_at_and_a_rejected_figure_leaves_the_series(signed_in, rounds, language, signs, kept):
    browser = signed_in("planner", language=language)
    page = f"/console/surveys/{rounds}/outliers"
    opened(browser, page, *signs, "SHOP04", "¥999.99", "¥10.03")
    place = {"retailer": "SHOP04", "question": "price", "row": "r1", "verdict": "rejected"}
    before = opened(browser, "/console/surveys/series/prices", "¥80.78")
    assert "¥10.06" in before
    assert browser.post(page, data=place | {"reason": " "}).status_code == 422
    assert browser.post(page, data=place | {"reason": "一个零多了"}).status_code == 303
    opened(browser, page, "一个零多了", kept)
    assert "¥80.78" not in opened(browser, "/console/surveys/series/prices", "¥10.06")


def test_only_a_figure_can_be_accepted_or_rejected(signed_in, kinds):
    browser = signed_in("planner")
    place = {"retailer": kinds[2], "question": "time", "row": "", "verdict": "rejected", "reason": "why"}
    assert browser.post(f"/console/surveys/{kinds[0]}/outliers", data=place).status_code == 404
    opened(browser, f"/console/surveys/{kinds[0]}", "In time?")


@pytest.mark.parametrize(("language", "mean", "middle"), [("en", "mean", "median"), ("zh", "平均", "中位数")])
def test_files_hold_amounts_in_whole_units_and_words_in_the_readers_language(
    signed_in, kinds, rounds, language, mean, middle
):
    browser = signed_in("planner", language=language)

    def rows(address: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(browser.get(address).content.decode("utf-8-sig"))))

    estimates = rows(f"/console/surveys/{kinds[0]}/estimates")
    rent = [row for row in estimates if row[0] in {"Rent a month?", "月租多少？"}]
    assert [row[2] for row in rent] == [mean, middle]
    assert [round(float(row[4])) for row in rent] == [2501, 2501]
    assert {row[-1] for row in rent} == {"CNY"}
    series = rows("/console/surveys/series/prices?format=csv")
    assert [(row[5], row[-1]) for row in series[1:3]] == [("10.065", "CNY"), ("10.075", "CNY")]
    assert browser.get(f"/console/surveys/{kinds[0]}/estimates?format=xlsx").content.startswith(b"PK")


def test_a_series_may_have_the_name_of_a_screen(signed_in):
    opened(signed_in("planner"), "/console/surveys/series/preview", status=404)


FORM = {
    "revision": "1",
    "title_zh": "市场调查",
    "title_en": "Market",
    "opens_at": "2026-11-25T09:00",
    "closes_at": "2026-12-02T09:00",
    "sort": "market",
    "series": "prices",
    "every_days": "7",
    "sample_how": "stratified",
    "sample_by": "region",
    "sample_spread": "equal",
    "sample_size": "4",
    "sample_seed": "lot-2",
    "quota": "3",
    "grace_h": "24",
    "remind_h": "12",
}
TYPED = (
    {
        "kind": "matrix",
        "choices": "好 | good\n差 | bad",
        "rows": "茶叶 | Tea | TEA-250\n大米 | Rice",
        "required": "yes",
    },
    {"kind": "money", "low": "0.50", "high": "99.90", "plausible_low": "5", "plausible_high": "50.5"},
    {"kind": "number", "rows": "茶叶 | Tea", "plausible_change": "30"},
    {"kind": "photo", "most": "2"},
    {"kind": "text", "least": "5", "most": "300"},
    {"kind": "multiple", "choices": "一 | one\n二 | two\n三 | three", "most": "2"},
)


def typed(**more: str) -> dict[str, str]:
    questions = {
        f"q{number}_{name}": value
        for number, one in enumerate(TYPED, start=1)
        for name, value in ({"id": f"q{number}", "zh": f"问题 {number}", "en": f"Question {number}?"} | one).items()
    }
    return FORM | questions | {"count": str(len(TYPED))} | more


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_kind_of_question_is_built_and_stands_in_the_form_again(signed_in, shops, language):
    browser = signed_in("planner", language=language)
    page = browser.post("/console/surveys", data=typed())
    assert page.status_code == 303, page.text
    address = page.headers["Location"]
    opened(browser, address, "lot-2", "TEA-250", "28.6")
    opened(browser, f"{address}/preview", "CNY")
    again = opened(browser, f"{address}/edit", "茶叶 | Tea | TEA-250", 'value="99.90"', 'value="50.50"', "CNY")
    for name in ("sample_seed", "quota", "grace_h", "remind_h", "every_days", "q2_plausible_low", "q5_least"):
        assert f'name="{name}"' in again


def test_what_another_kind_of_survey_does_not_show_is_kept_in_its_form(signed_in):
    browser = signed_in("planner")
    form = browser.post("/console/surveys/form", data=typed(sort="survey", sample_how="all")).text
    for name, value in (("every_days", "7"), ("sample_seed", "lot-2"), ("q2_plausible_high", "50.5")):
        assert f'type="hidden" name="{name}" value="{value}"' in form


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"q1_rows": ""}, "q1_rows"),
        ({"q2_low": "0.505"}, "q2_low"),
        ({"q4_required": "yes"}, "q4_required"),
        ({"sample_size": ""}, "sample_size"),
        ({"every_days": "3"}, "every_days"),
        ({"series": ""}, "series"),
        ({"sort": "survey", "anonymous": "yes"}, "q4_kind"),
        ({"grace_h": "9999"}, "grace_h"),
    ],
)
def test_what_does_not_fit_is_said_beside_its_field(signed_in, changed, field):
    refused = signed_in("planner").post("/console/surveys", data=typed(**changed))
    assert refused.status_code == 422
    assert f'href="#f-{field}"' in refused.text
