"""Which questions are asked: one rule for both sides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.asking import asked_of, course, passes
from contract.feed import Choice, OnlyIf, Question, Text
from contract.messages import Answer

WORD = Text(zh="问", en="?")
CHOICES = tuple(Choice(id=name, text=WORD) for name in ("a", "b", "c"))


def ask(id: str, kind: str = "single", **only_if: object) -> Question:  # noqa: A002 - the wire's name
    condition = OnlyIf.model_validate(only_if) if only_if else None
    return Question.model_validate(
        {"id": id, "kind": kind, "text": WORD, "choices": CHOICES, "low": 1, "high": 5, "only_if": condition}
    )


def say(question: str, value: str | int | None = None) -> Answer:
    if isinstance(value, int):
        return Answer(question=question, number=value)
    return Answer(question=question, choices=tuple(value or ""))


def names(questions: tuple[Question, ...]) -> str:
    return " ".join(question.id for question in questions)


@pytest.mark.parametrize(
    ("test", "value", "answer", "holds"),
    [
        ("is", "a", "a", True),
        ("is", "a", "b", False),
        ("is", "a", "ba", True),
        ("is_not", "a", "b", True),
        ("is_not", "a", "ba", False),
        ("is_not", "a", None, False),
        ("is", 3, 3, True),
        ("is", 3, 4, False),
        ("is_not", 3, 4, True),
        ("is_not", 3, 3, False),
        ("at_least", 3, 2, False),
        ("at_least", 3, 3, True),
        ("at_least", 3, 4, True),
        ("at_least", 3, None, False),
    ],
)
def test_a_test_reads_an_answer(test, value, answer, holds):
    of = {"choice": value} if isinstance(value, str) else {"number": value}
    condition = OnlyIf.model_validate({"question": "q", "test": test, **of})
    assert passes(condition, say("q", answer)) is holds
    assert not passes(condition, None)


CHAIN = (
    ask("q1"),
    ask("q2", "scale", question="q1", test="is", choice="a"),
    ask("q3", question="q2", test="at_least", number=4),
    ask("q4", question="q3", test="is_not", choice="b"),
    ask("q5", question="q1", test="is", choice="b"),
    ask("q6"),
)


@pytest.mark.parametrize(
    ("given", "asked", "open_"),
    [
        ([], "q1 q6", "q2 q3 q4 q5"),
        ([say("q1", "a")], "q1 q2 q6", "q3 q4"),
        ([say("q1", "a"), say("q2", 4)], "q1 q2 q3 q6", "q4"),
        ([say("q1", "a"), say("q2", 3)], "q1 q2 q6", ""),
        ([say("q1", "b")], "q1 q5 q6", ""),
        ([say("q1", None)], "q1 q6", ""),
        ([say("q1", "b"), say("q2", 5), say("q3", "a")], "q1 q5 q6", ""),
        ([say("q1", "a"), say("q2", 5), say("q3", "a")], "q1 q2 q3 q4 q6", ""),
    ],
)
def test_the_answers_decide_step_by_step_what_is_asked(given, asked, open_):
    found = course(CHAIN, {one.question: one for one in given})
    assert (names(found.asked), names(found.open)) == (asked, open_)
    assert found.most == len(found.asked) + len(found.open)


def test_a_question_that_hangs_on_itself_or_on_a_later_one_is_never_asked():
    circle = (ask("q1", question="q2", test="is", choice="a"), ask("q2", question="q1", test="is", choice="a"))
    answers = {name: say(name, "a") for name in ("q1", "q2")}
    assert course(circle, answers).most == 0
    assert course((ask("q1", question="q1", test="is", choice="a"),), answers).most == 0


ANSWERS = st.fixed_dictionaries(
    {},
    optional={
        question.id: st.one_of(
            *([st.integers(1, 5)] if question.kind == "scale" else [st.sampled_from(["a", "b", "c", "ab"])]), st.none()
        )
        for question in CHAIN
    },
)


@given(ANSWERS)
def test_answers_to_what_is_not_asked_change_nothing(values):
    answers = {name: say(name, value) for name, value in values.items()}
    asked = asked_of(CHAIN, answers)
    kept = {question.id: answers[question.id] for question in asked if question.id in answers}
    assert asked_of(CHAIN, kept) == asked


@given(ANSWERS, st.sampled_from([question.id for question in CHAIN]), st.sampled_from(["a", "b", "c"]))
def test_a_further_answer_never_brings_more_than_was_said_to_be_possible(values, name, choice):
    answers = {name: say(name, value) for name, value in values.items()}
    before = course(CHAIN, answers)
    if name in answers:
        return
    after = course(CHAIN, answers | {name: say(name, 4 if name == "q2" else choice)})
    assert after.most <= before.most
    assert set(names(before.asked).split()) <= set(names(after.asked).split())
