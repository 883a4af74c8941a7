"""A survey from its draft to its results, on the real database."""

from datetime import timedelta
from uuid import UUID

import pytest
from factories import NOW, make_device, make_retailer, send
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.feed import Receipt, Survey, Text
from contract.ids import uuid7
from contract.messages import Answer, AnswerSurvey
from server.kit import audit, outbox
from server.kit.db import act_for, transaction
from server.kit.fields import Invalid
from server.kit.identity import Operator, Sender
from server.surveys import queries, results, rules
from server.surveys import service as surveys

PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
CLOSE = NOW + timedelta(days=7)


def draft(**changed: object) -> rules.Draft:
    fields: dict[str, object] = {
        "title": {"zh": "满意度", "en": "Satisfaction"},
        "intro": {"zh": "两个问题", "en": "Two questions"},
        "questions": [
            {
                "id": "fair",
                "kind": "single",
                "text": {"zh": "公平吗？", "en": "Was it fair?"},
                "choices": [
                    {"id": "yes", "text": {"zh": "是", "en": "Yes"}},
                    {"id": "no", "text": {"zh": "否", "en": "No"}},
                ],
            },
            {"id": "mark", "kind": "scale", "text": {"zh": "几分？", "en": "How many points?"}, "low": 1, "high": 5},
            {"id": "why", "kind": "text", "text": {"zh": "为什么？", "en": "Why?"}, "required": False},
        ],
        "opens_at": NOW,
        "closes_at": CLOSE,
    }
    return rules.Draft.model_validate(fields | changed)


@pytest.fixture
def shops(session: Session) -> list[Sender]:
    for number in range(1, 5):
        make_retailer(session, f"R{number}", region="city" if number < 4 else "hills", tier=number)
    return [make_device(session, f"R{number}") for number in range(1, 5)]


def test_who_is_asked_is_chosen_by_class_licence_and_list_too(session: Session, shops: list[Sender]) -> None:
    make_retailer(session, "R5", market_type="rural", classes=["tobacco"])
    make_retailer(session, "R6", market_type="rural")

    def asked(**wanted: object) -> list[str]:
        audience = rules.Draft.model_validate(draft().model_dump() | {"audience": wanted}).audience
        (every,) = surveys.planned(session, audience, rules.EVERYONE, NOW.date())
        return list(every.asked)

    assert asked(market_types=["rural"]) == ["R5", "R6"]
    assert asked(licence_classes=["tobacco"]) == ["R5"]
    assert asked(codes=["R6", "R1"], tiers=[1]) == ["R1"]
    with pytest.raises(Invalid, match="R9"):
        surveys.write_survey(session, draft(audience={"codes": ["R9"]}), PLANNER, at=NOW)


def publish(session: Session, **changed: object) -> UUID:
    survey = surveys.write_survey(session, draft(**changed), PLANNER, at=NOW)
    surveys.publish_survey(session, survey, PLANNER, at=NOW)
    return survey


def answer(
    session: Session, shop: Sender, survey: UUID, choice: str = "yes", mark: int = 4, why: str = "", **how: object
) -> Receipt:
    given = [Answer(question="fair", choices=(choice,)), Answer(question="mark", number=mark)]
    if why:
        given.append(Answer(question="why", text=why))
    return send(session, shop, "survey.answer", AnswerSurvey(survey=survey, answers=tuple(given)), **how)


def told(session: Session, retailer: str) -> list[Survey]:
    items, _ = outbox.read(session, retailer, after=0)
    return [Survey.model_validate(item.data) for item in items if item.kind == "survey"]


def test_a_draft_reaches_nobody_and_can_be_put_anew(session, shops):
    survey = surveys.write_survey(session, draft(), PLANNER, at=NOW)
    assert told(session, "R1") == []
    assert answer(session, shops[0], survey).code == "unknown_survey"
    title = Text(zh="新", en="New")
    surveys.rewrite_survey(session, survey, draft(title=title), PLANNER, revision=1, at=NOW)
    stands = queries.survey(session, survey)
    assert stands is not None
    assert (stands.title, stands.revision, stands.state) == (title, 2, "draft")
    with pytest.raises(Conflict, match="changed meanwhile"):
        surveys.rewrite_survey(session, survey, draft(), PLANNER, revision=1, at=NOW)


def test_a_published_survey_reaches_its_audience_and_changes_no_more(session, shops):
    survey = publish(session, audience={"regions": ["city"], "tiers": [2, 3, 4]})
    assert [len(told(session, f"R{number}")) for number in range(1, 5)] == [0, 1, 1, 0]
    assert told(session, "R2")[0].questions == draft().questions
    assert queries.invited(session, survey) == ["R2", "R3"]
    with pytest.raises(Conflict, match="published"):
        surveys.rewrite_survey(session, survey, draft(), PLANNER, revision=1, at=NOW)
    with pytest.raises(Conflict):
        surveys.publish_survey(session, survey, PLANNER, at=NOW)


def test_a_survey_for_nobody_or_already_over_is_not_published(session, shops):
    nobody = surveys.write_survey(session, draft(audience={"routes": ["nowhere"]}), PLANNER, at=NOW)
    with pytest.raises(Invalid, match="No retailer"):
        surveys.publish_survey(session, nobody, PLANNER, at=NOW)
    over = surveys.write_survey(session, draft(), PLANNER, at=NOW)
    with pytest.raises(Invalid, match="over"):
        surveys.publish_survey(session, over, PLANNER, at=CLOSE)


def test_an_answer_is_counted_once_however_often_it_is_sent(session, shops):
    survey = publish(session)
    same = uuid7()
    first = answer(session, shops[0], survey, id=same)
    assert (first.outcome, first.number) == ("accepted", 1)
    assert answer(session, shops[0], survey, id=same) == first
    assert answer(session, shops[0], survey, "no").code == "already_answered"
    stands = queries.survey(session, survey)
    assert stands is not None
    assert (stands.invited, stands.answered, stands.rate) == (4, 1, 0.25)


def test_who_was_not_asked_cannot_answer(session, shops):
    survey = publish(session, audience={"regions": ["hills"]})
    assert answer(session, shops[0], survey).code == "unknown_survey"
    assert answer(session, shops[0], uuid7()).code == "unknown_survey"


def test_an_answer_that_does_not_fit_changes_nothing_and_may_be_sent_again(session, shops):
    survey = publish(session)
    refused = answer(session, shops[0], survey, mark=9)
    assert (refused.code, refused.params) == ("answer_invalid", {"question": "mark", "what": "9 > 5"})
    assert answer(session, shops[0], survey, mark=5).outcome == "accepted"


def test_the_servers_clock_closes_a_survey_whether_the_worker_came_by_or_not(session, shops):
    survey = publish(session)
    late = answer(session, shops[0], survey, at=CLOSE)
    assert (late.code, late.params) == ("survey_closed", {"closed_at": CLOSE.isoformat()})
    assert answer(session, shops[1], survey, at=CLOSE - timedelta(milliseconds=1)).outcome == "accepted"
    assert surveys.keep_time(session, CLOSE) == [survey]
    assert surveys.keep_time(session, CLOSE) == []
    assert told(session, "R1")[0].state == "closed"
    assert answer(session, shops[2], survey, at=NOW).code == "survey_closed"


def test_a_survey_is_asked_when_it_opens(session, shops):
    opens = NOW + timedelta(hours=2)
    survey = publish(session, opens_at=opens)
    assert told(session, "R1") == []
    assert answer(session, shops[0], survey).code == "unknown_survey"
    assert surveys.keep_time(session, opens - timedelta(seconds=1)) == []
    assert surveys.keep_time(session, opens) == [survey]
    assert told(session, "R1")[0].state == "open"
    assert answer(session, shops[0], survey, at=opens).outcome == "accepted"


def test_a_person_can_close_a_survey_before_its_time(session, shops):
    survey = publish(session)
    surveys.close_survey(session, survey, PLANNER, at=NOW)
    assert told(session, "R4")[0].state == "closed"
    with pytest.raises(Conflict):
        surveys.close_survey(session, survey, PLANNER, at=NOW)
    with pytest.raises(Rejected, match="no survey"):
        surveys.close_survey(session, uuid7(), PLANNER, at=NOW)
    acts = [entry.action for entry in audit.entries(session) if entry.actor == "operator:planner-1"]
    assert acts == ["survey.closed", "survey.published", "survey.written"]


def test_the_results_count_choices_and_give_the_middle_of_marks(session, shops):
    survey = publish(session)
    for shop, choice, mark, why in zip(shops[:3], ("yes", "yes", "no"), (5, 4, 1), ("", "quick", "late"), strict=True):
        answer(session, shop, survey, choice, mark, why)
    shown = queries.survey(session, survey)
    assert shown is not None
    fair, mark, why = results.results(session, shown, results.parts(session, shown))
    assert (fair.answered, fair.counts) == (3, (("yes", 2), ("no", 1)))
    assert mark.counts == (("1", 1), ("2", 0), ("3", 0), ("4", 1), ("5", 1))
    assert (round(mark.mean or 0, 2), mark.median) == (3.33, 4.0)
    assert {words.retailer: words.text for words in why.texts} == {"R2": "quick", "R3": "late"}
    sets = list(queries.answer_sets(session, survey))
    assert [one.retailer for one in sets] == ["R1", "R2", "R3"]
    assert sets[1].answers["why"].text == "quick"
    asked = queries.answered_by(session, "R4")
    assert [(one.id, at, message) for one, at, message in asked] == [(survey, None, None)]


def test_a_question_counts_only_the_shops_that_were_asked(session, shops):
    questions = [question.model_dump(mode="json") for question in draft().questions]
    questions[1]["only_if"] = {"question": "fair", "test": "is_not", "choice": "no"}
    questions[2] |= {"required": True, "only_if": {"question": "mark", "test": "at_least", "number": 4}}
    survey = publish(session, questions=questions)
    assert told(session, "R1")[0].questions[2].only_if == draft(questions=questions).questions[2].only_if

    def send_in(shop: Sender, choice: str, mark: int | None = None, why: str = "") -> Receipt:
        given = [Answer(question="fair", choices=(choice,))]
        given += [Answer(question="mark", number=mark)] if mark else []
        given += [Answer(question="why", text=why)] if why else []
        return send(session, shop, "survey.answer", AnswerSurvey(survey=survey, answers=tuple(given)))

    late = send_in(shops[2], "no", 2)
    assert (late.outcome, late.code) == ("rejected", "answer_not_asked")
    assert send_in(shops[0], "yes", 5, "quick").outcome == "accepted"
    assert send_in(shops[1], "yes", 2).outcome == "accepted"
    assert send_in(shops[2], "no").outcome == "accepted"

    shown = queries.survey(session, survey)
    assert shown is not None
    fair, mark, why = results.results(session, shown, results.parts(session, shown))
    assert [(one.asked, one.answered) for one in (fair, mark, why)] == [(3, 3), (2, 2), (1, 1)]


def test_a_terminal_sees_the_answers_of_its_own_shop_alone_and_changes_none(sessions):
    with transaction(sessions) as session:
        for code in ("R1", "R2"):
            make_retailer(session, code)
        senders = [make_device(session, code) for code in ("R1", "R2")]
        survey = publish(session)
        for sender in senders:
            answer(session, sender, survey)
        act_for(session, "R1")
        assert [one.retailer for one in queries.answer_sets(session, survey)] == ["R1"]
        assert queries.invited(session, survey) == ["R1"]
        with pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
            session.execute(text("UPDATE survey_answers SET number = 1"))
