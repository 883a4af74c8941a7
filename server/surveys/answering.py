"""Do the answers of a shop fit the survey as a whole."""

from collections.abc import Iterable, Sequence

from contract.asking import asked_of, says_something
from contract.errors import Rejected
from contract.feed import Question
from contract.fitting import misfit, names_in
from contract.messages import Answer


def fitting(questions: Sequence[Question], answers: Iterable[Answer]) -> list[Answer]:
    """Return the answers that say something, in the questions' order.

    Raises
    ------
    Rejected
        ``answer_missing``, ``answer_invalid`` or ``answer_not_asked``, naming the question and what is wrong.
    """
    given: dict[str, Answer] = {}
    known = {question.id for question in questions}
    for answer in answers:
        if answer.question not in known:
            raise Rejected("answer_invalid", question=answer.question, what=f"∉ {names_in(known)}")
        if answer.question in given:
            raise Rejected("answer_invalid", question=answer.question, what="× 2")
        given[answer.question] = answer
    fit = []
    asked = {question.id for question in asked_of(questions, given)}
    for question in questions:
        one = given.get(question.id)
        if one is not None and says_something(one):
            if question.id not in asked:
                raise Rejected("answer_not_asked", question=question.id)
            wrong = misfit(question, one)
            if wrong is not None:
                raise Rejected("answer_invalid", question=question.id, what=wrong)
            fit.append(one)
        elif question.required and question.id in asked:
            raise Rejected("answer_missing", question=question.id)
    return fit
