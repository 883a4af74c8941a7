"""Which surveys can be asked, and which answers fit their question."""

from datetime import timedelta

import pytest
from factories import NOW
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import Rejected
from contract.feed import Choice, Question, Text
from contract.messages import Answer
from server.kit.fields import Invalid
from server.surveys import answering, rules

COLOURS = tuple(Choice(id=name, text=Text(zh=f"颜色{name}", en=name)) for name in ("red", "blue", "green"))


def ask(id: str, kind: str, **more: object) -> Question:  # noqa: A002 - the wire's name
    choices = COLOURS if kind in {"single", "multiple"} else ()
    return Question.model_validate(
        {"id": id, "kind": kind, "text": {"zh": "问题", "en": "Question"}, "choices": choices, **more}
    )


QUESTIONS = (
    ask("one", "single"),
    ask("many", "multiple"),
    ask("scale", "scale", low=1, high=5),
    ask("count", "number", low=0, required=False),
    ask("words", "text", required=False),
)
FULL = (
    Answer(question="one", choices=("red",)),
    Answer(question="many", choices=("red", "blue")),
    Answer(question="scale", number=4),
    Answer(question="count", number=12),
    Answer(question="words", text="all well"),
)


def draft(**changed: object) -> rules.Draft:
    fields: dict[str, object] = {
        "title": {"zh": "满意度", "en": "Satisfaction"},
        "intro": {"zh": "", "en": ""},
        "questions": QUESTIONS,
        "opens_at": NOW,
        "closes_at": NOW + timedelta(days=7),
    }
    return rules.Draft.model_validate(fields | changed)


def test_whole_answers_come_back_in_the_questions_order():
    assert answering.fitting(QUESTIONS, reversed(FULL)) == list(FULL)


def test_an_optional_question_may_stay_open_and_an_empty_answer_says_nothing():
    answers = [*FULL[:3], Answer(question="count"), Answer(question="words", text="  ")]
    assert answering.fitting(QUESTIONS, answers) == list(FULL[:3])


@pytest.mark.parametrize("missing", ["one", "many", "scale"])
def test_a_required_question_must_be_answered(missing):
    with pytest.raises(Rejected) as refused:
        answering.fitting(QUESTIONS, [answer for answer in FULL if answer.question != missing])
    assert (refused.value.code, refused.value.params) == ("answer_missing", {"question": missing})


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (Answer(question="one", choices=("pink",)), "pink ∉ {blue, green, red}"),
        (Answer(question="one", choices=("red", "blue")), "2 > 1"),
        (Answer(question="many", choices=("red", "red")), "red × 2"),
        (Answer(question="scale", number=0), "0 < 1"),
        (Answer(question="scale", number=6), "6 > 5"),
        (Answer(question="count", number=-1), "-1 < 0"),
        (Answer(question="count", number=10**15 + 1), "1000000000000001 > 1000000000000000"),
        (Answer(question="scale", text="four"), "{text} ≠ {number}"),
        (Answer(question="words", text="four", number=4), "{number, text} ≠ {text}"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_by_name(answer, what):
    others = [given for given in FULL if given.question != answer.question]
    with pytest.raises(Rejected) as refused:
        answering.fitting(QUESTIONS, [*others, answer])
    assert (refused.value.code, refused.value.params) == (
        "answer_invalid",
        {"question": answer.question, "what": what},
    )


def test_a_question_that_was_not_asked_or_was_answered_twice_is_refused():
    for extra in (Answer(question="else", number=1), FULL[0]):
        with pytest.raises(Rejected) as refused:
            answering.fitting(QUESTIONS, [*FULL, extra])
        assert refused.value.code == "answer_invalid"


ANSWERS = st.builds(
    Answer,
    question=st.sampled_from(["one", "many", "scale", "count", "words", "else"]),
    choices=st.lists(st.sampled_from(["red", "blue", "pink"]), max_size=3).map(tuple),
    number=st.none() | st.integers(-3, 8),
    text=st.none() | st.sampled_from(["", " ", "well"]),
)


@given(st.lists(ANSWERS, max_size=8))
def test_whatever_is_let_through_fits_every_question(answers):
    try:
        fit = answering.fitting(QUESTIONS, answers)
    except Rejected:
        return
    known = {question.id: question for question in QUESTIONS}
    assert {"one", "many", "scale"} <= {answer.question for answer in fit}
    for answer in fit:
        question = known[answer.question]
        if question.kind == "single":
            assert len(answer.choices) == 1
        assert set(answer.choices) <= {choice.id for choice in question.choices}
        if question.kind == "scale":
            assert answer.number in range(1, 6)


def test_a_survey_that_can_be_asked_is_let_through():
    rules.check_draft(draft())


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"title": {"zh": "", "en": "Satisfaction"}}, "title.zh"),
        ({"intro": {"zh": "你好", "en": ""}}, "intro.en"),
        ({"questions": ()}, "questions"),
        ({"questions": (ask("a", "text"), ask("a", "text"))}, "questions"),
        ({"questions": (ask("Not an id", "text"),)}, "questions"),
        ({"questions": (ask("a", "single", choices=COLOURS[:1]),)}, "questions.1.choices"),
        ({"questions": (ask("a", "multiple", choices=(*COLOURS, COLOURS[0])),)}, "questions.1.choices"),
        ({"questions": (ask("a", "text"), ask("b", "scale", low=5, high=1))}, "questions.2.low"),
        ({"questions": (ask("a", "scale", low=1, high=50),)}, "questions.1.high"),
        ({"questions": (ask("a", "number", low=3, high=3),)}, "questions.1.low"),
        ({"questions": tuple(ask(f"q{n}", "text") for n in range(51))}, "questions"),
        ({"closes_at": NOW}, "closes_at"),
    ],
)
def test_a_survey_that_cannot_be_asked_is_refused_and_the_field_is_named(changed, where):
    with pytest.raises(Invalid) as refused:
        rules.check_draft(draft(**changed))
    assert where in refused.value.problems


def test_a_survey_that_no_terminal_could_take_is_refused():
    words = "问" * 190
    long = tuple(ask(f"q{n}", "text", text={"zh": words, "en": words}) for n in range(20))
    with pytest.raises(Invalid, match="Make it shorter"):
        rules.check_draft(draft(questions=long))


def hanging(id: str, question: str, test: str, **on: object) -> Question:  # noqa: A002 - the wire's name
    return ask(id, "text", only_if={"question": question, "test": test, **on})


BRANCHED = (
    *QUESTIONS[:3],
    hanging("why", "one", "is", choice="red"),
    hanging("praise", "scale", "at_least", number=4),
    hanging("else", "many", "is_not", choice="blue"),
)


def test_what_is_not_asked_needs_no_answer_and_takes_none():
    given = [Answer(question="one", choices=("blue",)), Answer(question="many", choices=("blue", "red"))]
    given.append(Answer(question="scale", number=3))
    assert answering.fitting(BRANCHED, given) == given
    assert answering.fitting(BRANCHED, [*given, Answer(question="why", text=" ")]) == given
    for name in ("why", "praise", "else"):
        with pytest.raises(Rejected, match="Leave it out") as refused:
            answering.fitting(BRANCHED, [*given, Answer(question=name, text="because")])
        assert (refused.value.code, refused.value.params) == ("answer_not_asked", {"question": name})


def test_what_is_asked_after_an_answer_needs_one():
    given = [Answer(question="one", choices=("red",)), Answer(question="many", choices=("red",))]
    given += [Answer(question="scale", number=4), Answer(question="why", text="y"), Answer(question="else", text="z")]
    with pytest.raises(Rejected) as refused:
        answering.fitting(BRANCHED, given)
    assert (refused.value.code, refused.value.params) == ("answer_missing", {"question": "praise"})


@pytest.mark.parametrize(
    ("questions", "where"),
    [
        ((hanging("a", "a", "is", choice="red"),), "questions.1.only_if.question"),
        ((hanging("a", "b", "is", choice="red"), ask("b", "single")), "questions.1.only_if.question"),
        (
            (
                ask("a", "scale", low=1, high=5, only_if={"question": "b", "test": "is", "number": 1}),
                ask("b", "scale", low=1, high=5, only_if={"question": "a", "test": "is", "number": 1}),
            ),
            "questions.1.only_if.question",
        ),
        ((ask("a", "single"), hanging("b", "gone", "is", choice="red")), "questions.2.only_if.question"),
        ((ask("a", "number"), hanging("b", "a", "is", number=1)), "questions.2.only_if.question"),
        ((ask("a", "single"), hanging("b", "a", "at_least", choice="red")), "questions.2.only_if.test"),
        ((ask("a", "multiple"), hanging("b", "a", "is", choice="pink")), "questions.2.only_if.answer"),
        ((ask("a", "single"), hanging("b", "a", "is", number=1)), "questions.2.only_if.answer"),
        ((QUESTIONS[2], hanging("b", "scale", "at_least", number=6)), "questions.2.only_if.answer"),
        ((QUESTIONS[2], hanging("b", "scale", "is", choice="red")), "questions.2.only_if.answer"),
        ((QUESTIONS[2], hanging("b", "scale", "is")), "questions.2.only_if.answer"),
    ],
)
def test_a_question_hangs_on_an_earlier_answer_or_is_refused_by_field(questions, where):
    with pytest.raises(Invalid) as refused:
        rules.check_draft(draft(questions=questions))
    assert list(refused.value.problems) == [where]


def test_a_survey_with_skips_can_be_asked():
    rules.check_draft(draft(questions=BRANCHED))
