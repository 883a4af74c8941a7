"""Which questions of a survey are asked. Both sides read the answers by this one rule.

A question with :class:`contract.feed.OnlyIf` is asked where the question that it names stands before it, was asked
itself, was answered, and the answer passes the test. What was left out passes none, ``is_not`` included. Each
question thus hangs on earlier ones alone: one walk from the first to the last decides all of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contract.feed import OnlyIf, Question
from contract.messages import Answer


@dataclass(frozen=True)
class Course:
    """How far the answers decide what is asked: ``asked`` for certain; ``open`` hang on what is not answered yet."""

    asked: tuple[Question, ...]
    open: tuple[Question, ...]

    @property
    def most(self) -> int:
        """How many questions it can come to with the answers given so far."""
        return len(self.asked) + len(self.open)


def says_something(answer: Answer | None) -> bool:
    """Return whether an answer holds a choice, a number, a word, a photo or a row's answer."""
    return answer is not None and (
        bool(answer.choices)
        or answer.number is not None
        or bool((answer.text or "").strip())
        or bool(answer.photos)
        or any(cell.choice is not None or cell.number is not None for cell in answer.cells or ())
    )


def passes(condition: OnlyIf, answer: Answer | None) -> bool:
    """Return whether ``answer``, given to the question that the condition names, lets its question be asked.

    Of several choices, ``is`` holds where the choice is among them, ``is_not`` where it is not.
    """
    if answer is None or not says_something(answer):
        return False
    if condition.test == "at_least":
        return answer.number is not None and condition.number is not None and answer.number >= condition.number
    same = condition.choice in answer.choices if condition.choice is not None else answer.number == condition.number
    return same == (condition.test == "is")


def course(questions: Sequence[Question], given: Mapping[str, Answer]) -> Course:
    """Return what is asked and what is still open; ``given`` are the answers by question.

    An empty answer in ``given`` is one that was left out; a question absent from it is not answered yet. Answers to
    questions that are not asked are passed over.
    """
    asked: dict[str, Question] = {}
    undecided: dict[str, Question] = {}
    for question in questions:
        on = question.only_if
        if on is None or (on.question in asked and passes(on, given.get(on.question))):
            asked[question.id] = question
        elif on.question in undecided or (on.question in asked and on.question not in given):
            undecided[question.id] = question
    return Course(tuple(asked.values()), tuple(undecided.values()))


def asked_of(questions: Sequence[Question], given: Mapping[str, Answer]) -> tuple[Question, ...]:
    """Return the questions that whoever gave just these answers was asked, in their order."""
    return course(questions, given).asked
