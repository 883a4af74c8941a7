"""The screens and the programs' interface of surveys, in both languages."""

import csv
import io
from datetime import timedelta

import pytest
from factories import NOW, make_device, make_retailer, send

from contract.messages import Answer, AnswerSurvey
from server.kit.db import transaction

BODY = {
    "title": {"zh": "满意度", "en": "Satisfaction"},
    "intro": {"zh": "", "en": ""},
    "opens_at": NOW.isoformat(),
    "closes_at": (NOW + timedelta(days=7)).isoformat(),
    "questions": [
        {
            "id": "fair",
            "kind": "multiple",
            "text": {"zh": "公平吗？", "en": "Was it fair?"},
            "choices": [
                {"id": "yes", "text": {"zh": "是", "en": "Yes"}},
                {"id": "no", "text": {"zh": "否", "en": "No"}},
            ],
        },
        {"id": "mark", "kind": "scale", "text": {"zh": "几分？", "en": "How many points?"}, "low": 1, "high": 5},
        {"id": "why", "kind": "text", "text": {"zh": "为什么？", "en": "Why?"}, "required": False},
    ],
}
FORM = {
    "revision": "1",
    "count": "2",
    "title_zh": "满意度",
    "title_en": "Satisfaction",
    "opens_at": "2026-11-25T09:00",
    "closes_at": "2026-12-02T09:00",
    "regions": "city",
    "q1_id": "q1",
    "q1_kind": "single",
    "q1_zh": "公平吗？",
    "q1_en": "Was it fair?",
    "q1_required": "yes",
    "q1_choices": "是 | Yes\n否｜No\n",
    "q2_id": "q2",
    "q2_kind": "scale",
    "q2_zh": "几分？",
    "q2_en": "How many points?",
    "q2_low": "1",
    "q2_high": "5",
}


@pytest.fixture
def shops(sessions):
    with transaction(sessions) as session:
        for number in (1, 2, 3):
            make_retailer(session, f"R{number}")
        return [make_device(session, f"R{number}") for number in (1, 2, 3)]


def published(signed_in) -> str:
    program = signed_in("planner")
    program.headers["Accept"] = "application/json"
    made = program.post("/api/v1/surveys", json=BODY)
    assert made.status_code == 201
    survey: str = made.json()["id"]
    assert program.post(f"/api/v1/surveys/{survey}/publish").json() == {"asked": 3}
    return survey


def answer(sessions, shop, survey: str, choices: tuple[str, ...], mark: int, why: str | None = None) -> None:
    answers = [Answer(question="fair", choices=choices), Answer(question="mark", number=mark)]
    if why:
        answers.append(Answer(question="why", text=why))
    with transaction(sessions) as session:
        message = AnswerSurvey.model_validate({"survey": survey, "answers": answers})
        assert send(session, shop, "survey.answer", message).outcome == "accepted"


@pytest.mark.parametrize(("language", "word"), [("en", "No survey yet"), ("zh", "还没有问卷")])
def test_before_the_first_survey_the_room_says_so(signed_in, language, word):
    browser = signed_in("planner", language=language)
    assert word in browser.get("/console/surveys").text
    assert browser.get("/console/surveys/new").status_code == 200


def test_a_survey_is_built_by_hand_published_and_closed(signed_in, shops):
    browser = signed_in("planner")
    kept = browser.post("/console/surveys", data=FORM)
    assert kept.status_code == 303
    page = kept.headers["Location"]
    draft = browser.get(page).text
    assert "Was it fair?" in draft
    assert "公平吗？" in draft
    assert "regions: city" in draft
    form = browser.get(f"{page}/edit").text
    assert "是 | Yes" in form
    survey = page.rsplit("/", 1)[1]
    changed = browser.post("/console/surveys", data=FORM | {"survey": survey, "title_en": "How was it?"})
    assert changed.status_code == 303
    stale = browser.post("/console/surveys", data=FORM | {"survey": survey})
    assert stale.status_code == 409
    assert browser.post(f"{page}/publish", data={"revision": "1"}).status_code == 409
    assert 'name="revision" value="2"' in browser.get(page).text
    program = signed_in("planner", language="en")
    assert program.post(f"/api/v1/surveys/{survey}/publish", headers={"If-Match": "1"}).status_code == 409
    assert browser.post(f"{page}/publish", data={"revision": "2"}).status_code == 303
    running = browser.get(page).text
    assert "3 shops are asked." in running
    assert "How was it?" in running
    assert browser.get(f"{page}/edit").status_code == 303
    assert "How was it?" in browser.get("/console/today/voices").text
    assert browser.post(f"{page}/close").status_code == 303
    assert browser.post(f"{page}/close").status_code == 409


@pytest.mark.parametrize(
    ("language", "missing", "few"),
    [("en", "Nothing is given here", "needs at least two"), ("zh", "这里什么都没填", "至少需要两个选项")],
)
def test_a_form_that_does_not_fit_comes_back_as_it_was_typed_with_the_faults(signed_in, shops, language, missing, few):
    browser = signed_in("planner", language=language)
    wrong = FORM | {"title_zh": "", "q1_choices": "only one", "closes_at": "2026-11-25T08:00", "q2_high": "x"}
    first = browser.post("/console/surveys", data=wrong)
    assert first.status_code == 422
    assert 'value="x"' in first.text
    second = browser.post("/console/surveys", data=wrong | {"q2_high": "5"})
    assert second.status_code == 422
    assert few in second.text
    assert "only one" in second.text
    assert 'href="#f-q1_choices"' in second.text
    assert 'href="#f-title_zh"' in second.text
    assert 'href="#f-closes_at"' in second.text


def test_questions_are_added_moved_and_removed_without_storing_anything(signed_in, shops):
    browser = signed_in("planner")

    def changed(act: str, form: dict[str, str] = FORM) -> str:
        answer = browser.post("/console/surveys/form", data=form | {"act": act})
        assert answer.status_code == 200
        return answer.text

    added = changed("add")
    assert 'name="count" value="3"' in added
    assert 'name="q3_id" value="q3"' in added
    moved = changed("down:1")
    assert moved.index("How many points?") < moved.index("Was it fair?")
    removed = changed("remove:2")
    assert "How many points?" not in removed
    refreshed = changed("", FORM | {"q2_kind": "text"})
    assert 'type="hidden" name="q2_low" value="1"' in refreshed
    assert "No survey yet" in browser.get("/console/surveys").text


HANGING = {"q2_on": "q1", "q2_on_test": "is_not", "q2_on_answer": "c1", "q2_required": "yes"}


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "only if question 1 is not “Yes”"), ("zh", "仅当第 1 题不是 “是”")],
)
def test_a_question_is_made_to_hang_on_an_earlier_choice(signed_in, shops, language, words):
    browser = signed_in("planner", language=language)
    form = browser.post("/console/surveys/form", data=FORM | {"q2_on": "q1"}).text
    assert ">否</option>" in form if language == "zh" else ">No</option>" in form

    kept = browser.post("/console/surveys", data=FORM | HANGING, follow_redirects=True)

    assert words in kept.text
    again = browser.get(f"{kept.url.path}/edit").text
    assert '<option value="is_not" selected' in again
    assert '<option value="c1" selected' in again


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"q1_on": "q2", "q1_on_answer": "3"}, "q1_on"),
        ({"q2_on": "gone"}, "q2_on"),
        ({"q2_on": "q1", "q2_on_test": "at_least", "q2_on_answer": "c1"}, "q2_on_test"),
        ({"q2_on": "q1", "q2_on_answer": ""}, "q2_on_answer"),
        ({"count": "3", "q3_id": "q3", "q3_kind": "text", "q3_zh": "问", "q3_en": "?", "q3_on": "q2"}, "q3_on_answer"),
    ],
)
def test_a_question_that_hangs_on_nothing_it_could_is_shown_with_its_field(signed_in, shops, changed, field):
    answer = signed_in("planner").post("/console/surveys", data=FORM | changed)
    assert answer.status_code == 422
    assert f'href="#f-{field}"' in answer.text


def test_a_survey_for_nobody_is_shown_in_its_form(signed_in, shops):
    browser = signed_in("planner")
    page = browser.post("/console/surveys", data=FORM | {"regions": "city", "tiers": "9"}).headers["Location"]
    refused = browser.post(f"{page}/publish", data={"revision": "1"})
    assert refused.status_code == 422
    assert "No retailer is in this audience." in refused.text


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("Was it fair?", "Yes", "mean", "66.7%")), ("zh", ("公平吗？", "是", "平均", "66.7%"))],
)
def test_the_results_count_while_they_come_in(signed_in, sessions, shops, language, words):
    survey = published(signed_in)
    browser = signed_in("planner", language=language)
    page = f"/console/surveys/{survey}"
    assert ("No answer yet." if language == "en" else "还没有回答。") in browser.get(page).text
    answer(sessions, shops[0], survey, ("yes", "no"), 5, "=1+1")
    answer(sessions, shops[1], survey, ("yes",), 2)
    shown = browser.get(page).text
    for word in words:
        assert word in shown
    assert 'hx-trigger="every 5s, over"' in shown
    assert "=1+1" in shown


def test_the_answers_are_taken_away_one_row_a_shop(signed_in, sessions, shops):
    survey = published(signed_in)
    answer(sessions, shops[0], survey, ("yes", "no"), 5, "=1+1")
    answer(sessions, shops[1], survey, ("yes",), 2)
    browser = signed_in("planner")
    text = browser.get(f"/console/surveys/{survey}?format=csv").content.decode("utf-8-sig")
    heading, first, second = csv.reader(io.StringIO(text))
    assert heading == ["Retailer", "Answered", "Was it fair?", "How many points?", "Why?"]
    assert (first[0], first[2], first[3]) == ("R1", "Yes; No", "5")
    assert not first[4].startswith("=")
    assert second[2:] == ["Yes", "2", ""]
    assert browser.get(f"/console/surveys/{survey}?format=xlsx").content.startswith(b"PK")


def test_a_program_reads_the_results_and_bad_surveys_are_refused_by_field(signed_in, sessions, shops):
    survey = published(signed_in)
    answer(sessions, shops[2], survey, ("no",), 3)
    program = signed_in("planner")
    program.headers["Accept"] = "application/json"
    results = program.get(f"/api/v1/surveys/{survey}/results").json()
    assert (results["survey"]["answered"], round(results["rate"], 3)) == (1, 0.333)
    assert results["results"][0]["counts"] == [["yes", 0], ["no", 1]]
    assert results["results"][1]["mean"] == 3
    wrong = program.post("/api/v1/surveys", json=BODY | {"questions": []})
    assert (wrong.status_code, wrong.json()["code"], wrong.json()["params"]["where"]) == (422, "invalid", "questions")
    assert program.post(f"/api/v1/surveys/{survey}/close").status_code == 204
    assert program.get("/api/v1/surveys", params={"state": "closed"}).json()[0]["id"] == survey
    assert program.get("/api/v1/surveys/01900000-0000-7000-8000-000000000000").status_code == 404


def test_who_may_not_plan_may_look(signed_in, shops):
    survey = published(signed_in)
    browser = signed_in("releaser")
    assert browser.get(f"/console/surveys/{survey}").status_code == 200
    assert browser.get("/console/surveys/new").status_code == 403
    assert browser.post(f"/console/surveys/{survey}/close").status_code == 403
    assert browser.post("/api/v1/surveys", json=BODY).status_code == 403
